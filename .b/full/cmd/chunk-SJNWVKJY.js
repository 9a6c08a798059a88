import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;

// internal/text/decode-text.ts
import { isUtf8 } from "node:buffer";
var BYTE_ORDER_MARK = "\uFEFF";
function decodeText(bytes) {
  refuseUtf16(bytes);
  if (!isUtf8(bytes)) throw new TypeError("is not UTF-8 text");
  const text = withoutByteOrderMark(bytes.toString());
  if (text.includes("\0")) throw new TypeError("has a NUL character, so it is not text in UTF-8");
  return text;
}
function withoutByteOrderMark(text) {
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}
function decodePem(bytes) {
  refuseUtf16(bytes);
  return bytes.subarray(0, 3).equals(UTF8_MARK) ? bytes.subarray(3) : bytes;
}
var UTF8_MARK = Buffer.from(BYTE_ORDER_MARK);
function refuseUtf16([first, second]) {
  if (first === 255 && second === 254 || first === 254 && second === 255) {
    throw new TypeError("is UTF-16; save it as UTF-8");
  }
}

export {
  decodeText,
  withoutByteOrderMark,
  decodePem
};
