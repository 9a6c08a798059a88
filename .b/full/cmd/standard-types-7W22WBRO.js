import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  standardFileOf,
  standardTypes
} from "./chunk-NQN3HE4H.js";
import "./chunk-TUAEWWSE.js";
export {
  standardFileOf,
  standardTypes
};
