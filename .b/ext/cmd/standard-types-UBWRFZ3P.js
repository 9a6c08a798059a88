import {
  standardFileOf,
  standardTypes
} from "./chunk-UIQRRJEW.js";
export {
  standardFileOf,
  standardTypes
};
