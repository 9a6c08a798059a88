import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  runToken,
  signToken
} from "./chunk-KCL4JU63.js";
import "./chunk-P2GILPID.js";
import "./chunk-TFXGDFEC.js";
import "./chunk-CM57QZRA.js";
import "./chunk-G4RAHNLO.js";
import "./chunk-TVBUVZWG.js";
import "./chunk-ZFOIPJL2.js";
import "./chunk-G6XK4LIS.js";
import "./chunk-SJNWVKJY.js";
import "./chunk-WSUTVFRI.js";
import "./chunk-I32FXNKD.js";
import "./chunk-AOMYOS2X.js";
import "./chunk-UF6LBCNO.js";
import "./chunk-ERV772JK.js";
import "./chunk-N56F7YL5.js";
import "./chunk-X7I5JA7V.js";
import "./chunk-4QJQ3U3V.js";
import "./chunk-TUAEWWSE.js";
export {
  runToken,
  signToken
};
