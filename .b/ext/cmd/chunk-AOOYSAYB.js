import {
  isObject,
  parseObject
} from "./chunk-5QZTELKW.js";
import {
  DuplicateMemberError
} from "./chunk-IOHFKSVH.js";

// discovery/etcd/decode-entries.ts
function decodeNodes(codec, prefix, service, { key, value, lease }) {
  try {
    const path = pathOf(key, prefix);
    const nodes = codec.decode(service === void 0 ? path : `${service}/${path}`, value);
    return { kind: "nodes", key, nodes, ...lease !== void 0 && { isLeased: true } };
  } catch (error) {
    return problem(key, error);
  }
}
function decodeRoute(prefix, { key, value }) {
  try {
    const id = pathOf(key, prefix);
    if (id === "") throw new TypeError("key must be <prefix><id>");
    return { kind: "route", key, id, document: parseUnlessDuplicate(value) };
  } catch (error) {
    return problem(key, error);
  }
}
function parseUnlessDuplicate(value) {
  try {
    return parseObject(value);
  } catch (error) {
    const { cause } = error;
    if (cause instanceof DuplicateMemberError && isObject(cause.value)) return cause;
    throw error;
  }
}
var SHA256 = /^[0-9a-f]{64}$/;
function decodeApiKey(prefix, { key, value }) {
  try {
    const hash = pathOf(key, prefix);
    if (!SHA256.test(hash)) throw new TypeError("key must be <prefix><64 lower-case hexadecimal digits>");
    return { kind: "api-key", key, hash, document: parseObject(value) };
  } catch (error) {
    return problem(key, error);
  }
}
function decodeRevocation(prefix, { key }) {
  try {
    const tokenId = pathOf(key, prefix);
    if (tokenId === "") throw new TypeError("key must be <prefix><jti>");
    return { kind: "revocation", key, tokenId };
  } catch (error) {
    return problem(key, error);
  }
}
var MAX_SET_BYTES = 1048576;
var BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;
var HEX = /^\\x(?:[0-9a-f]{2})+$/;
function decodeDescriptors(prefix, { key, value }) {
  try {
    const name = pathOf(key, prefix);
    if (name === "") throw new TypeError("key must be <prefix><name>");
    const bytes = bytesOf(value);
    if (bytes.length > MAX_SET_BYTES) throw new TypeError(`value has more than ${MAX_SET_BYTES} bytes`);
    return { kind: "descriptors", key, name, bytes };
  } catch (error) {
    return problem(key, error);
  }
}
function bytesOf(value) {
  if (HEX.test(value)) return Buffer.from(value.slice(2), "hex");
  return BASE64.test(value) && !value.startsWith("\n") ? Buffer.from(value, "base64") : Buffer.from(value, "utf8");
}
function pathOf(key, prefix) {
  if (!key.startsWith(prefix)) throw new TypeError("key is not UTF-8 text");
  return key.slice(prefix.length);
}
function problem(key, error) {
  const reason = error instanceof TypeError ? error.message : `value cannot be read (${String(error)})`;
  return { kind: "problem", key, reason };
}

export {
  decodeNodes,
  decodeRoute,
  decodeApiKey,
  decodeRevocation,
  decodeDescriptors
};
