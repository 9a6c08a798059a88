import {
  Reflections
} from "./chunk-EBQP24MT.js";
import "./chunk-QZVKOWRW.js";
import "./chunk-DATUFAEC.js";
import "./chunk-BOMLGWJN.js";
import "./chunk-JTGO5HWO.js";
import "./chunk-QZYF4XD2.js";
import "./chunk-UIQRRJEW.js";
import "./chunk-BN4MFTCA.js";
import "./chunk-GKCQH2HY.js";
export {
  Reflections
};
