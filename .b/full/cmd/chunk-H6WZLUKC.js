import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  withoutByteOrderMark
} from "./chunk-SJNWVKJY.js";
import {
  parseJson
} from "./chunk-ERV772JK.js";

// discovery/codecs/value.ts
var MAX_VALUE_CHARACTERS = 1048576;
function checkSize(value) {
  if (value.length > MAX_VALUE_CHARACTERS) {
    throw new TypeError(`value is larger than ${MAX_VALUE_CHARACTERS} characters`);
  }
}
function parseObject(value) {
  checkSize(value);
  let parsed;
  try {
    parsed = parseJson(withoutByteOrderMark(value));
  } catch (error) {
    throw new TypeError(`value ${error.message}`, { cause: error });
  }
  if (!isObject(parsed)) throw new TypeError("value must be a JSON object");
  return parsed;
}
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function optionalString(what, value) {
  if (value !== void 0 && typeof value !== "string") throw new TypeError(`${what} must be a string`);
  return value;
}
function optionalNumber(what, value) {
  if (value !== void 0 && typeof value !== "number") throw new TypeError(`${what} must be a number`);
  return value;
}

export {
  checkSize,
  parseObject,
  isObject,
  optionalString,
  optionalNumber
};
