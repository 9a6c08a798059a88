import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  createSchema,
  readSchema
} from "./chunk-GHYP5I3M.js";
import "./chunk-KMEBCMMN.js";
import "./chunk-FEFDXV62.js";
import "./chunk-NQN3HE4H.js";
import "./chunk-W6G3N2K2.js";
import "./chunk-TUAEWWSE.js";
export {
  createSchema,
  readSchema
};
