import {
  runToken,
  signToken
} from "./chunk-FBETTUIO.js";
import "./chunk-FS3UZET6.js";
import "./chunk-XZRWGJW7.js";
import "./chunk-W3OD6L7X.js";
import "./chunk-BMJZOWOK.js";
import "./chunk-RHCDAQUY.js";
import "./chunk-ORGHNJCV.js";
import "./chunk-MD4L36BR.js";
import "./chunk-ZOIAUEOT.js";
import "./chunk-KXELJCG2.js";
import "./chunk-IOHFKSVH.js";
import "./chunk-2DEKI57A.js";
import "./chunk-3HIV7SU5.js";
import "./chunk-BOMLGWJN.js";
import "./chunk-BN4MFTCA.js";
export {
  runToken,
  signToken
};
