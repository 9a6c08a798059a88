import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  Reflections
} from "./chunk-P3NEJKQK.js";
import "./chunk-UVH6BEWI.js";
import "./chunk-AAIXN3RI.js";
import "./chunk-X7I5JA7V.js";
import "./chunk-KMEBCMMN.js";
import "./chunk-FEFDXV62.js";
import "./chunk-NQN3HE4H.js";
import "./chunk-4QJQ3U3V.js";
import "./chunk-W6G3N2K2.js";
import "./chunk-TUAEWWSE.js";
export {
  Reflections
};
