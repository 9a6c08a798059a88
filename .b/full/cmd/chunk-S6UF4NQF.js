import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  checkService,
  idOf,
  quote,
  readNode,
  splitPath
} from "./chunk-VT47CYYF.js";
import {
  parseObject
} from "./chunk-H6WZLUKC.js";

// discovery/codecs/waygate.ts
var waygateCodec = {
  name: "waygate",
  decode(path, value) {
    const { service, rest } = splitPath(path);
    const object = parseObject(value);
    checkService(object.service, service);
    checkService(object.name, service);
    const id = idOf(rest);
    if (object.id !== void 0 && object.id !== rest && object.id !== id) {
      throw new TypeError(`the id in the value differs from the one in its key, ${quote(rest)}`);
    }
    return [readNode(service, id, object)];
  }
};
function encodeNode(node) {
  const { id, host, port, weight, metadata } = node;
  const { protocol = metadata.protocol === void 0 ? void 0 : "http" } = node;
  return JSON.stringify({ id, ip: host, port, weight, metadata, protocol });
}

export {
  waygateCodec,
  encodeNode
};
