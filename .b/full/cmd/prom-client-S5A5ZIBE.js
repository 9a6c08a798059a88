import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  require_prom_client
} from "./chunk-KIIECDAZ.js";
import "./chunk-TUAEWWSE.js";
export default require_prom_client();
