import {
  UsageError
} from "./chunk-FS3UZET6.js";
import "./chunk-XZRWGJW7.js";
import "./chunk-RHCDAQUY.js";
import "./chunk-ZOIAUEOT.js";
import {
  hashPassword
} from "./chunk-3C3P64BB.js";
import {
  formatPasswordHash
} from "./chunk-2DEKI57A.js";

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
