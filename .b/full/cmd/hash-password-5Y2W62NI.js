import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  UsageError
} from "./chunk-P2GILPID.js";
import "./chunk-TFXGDFEC.js";
import "./chunk-TVBUVZWG.js";
import "./chunk-WSUTVFRI.js";
import {
  hashPassword
} from "./chunk-TDWTJQVR.js";
import {
  formatPasswordHash
} from "./chunk-N56F7YL5.js";
import "./chunk-TUAEWWSE.js";

// cmd/commands/hash-password.ts
import { text } from "node:stream/consumers";
var USER = /^[^\x00-\x1f\x7f:#\s][^\x00-\x1f\x7f:]{0,254}$/;
async function runHashPassword({ user }) {
  if (user !== void 0 && !USER.test(user)) {
    throw new UsageError(
      "--user must be 1 to 255 characters without colon and must not begin with # or a space",
      "hash-password"
    );
  }
  if (process.stdin.isTTY) console.error("Type the password, then press Enter and Ctrl-D:");
  const password = (await text(process.stdin)).replace(/\r?\n$/, "");
  if (password === "") throw new UsageError("no password on standard input", "hash-password");
  const hash = formatPasswordHash(await hashPassword(password));
  console.log(user === void 0 ? hash : `${user}:${hash}`);
  return 0;
}
export {
  runHashPassword
};
