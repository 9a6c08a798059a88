import {
  createSchema,
  readSchema
} from "./chunk-RX5WR6JH.js";
import "./chunk-JTGO5HWO.js";
import "./chunk-QZYF4XD2.js";
import "./chunk-UIQRRJEW.js";
import "./chunk-GKCQH2HY.js";
export {
  createSchema,
  readSchema
};
