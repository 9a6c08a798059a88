import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  isObject,
  optionalNumber,
  optionalString
} from "./chunk-H6WZLUKC.js";
import {
  addressOf,
  createNode
} from "./chunk-WSUTVFRI.js";

// discovery/codecs/key.ts
function splitPath(path) {
  const slash = path.indexOf("/");
  if (slash <= 0 || slash === path.length - 1) throw new TypeError("key must be <service>/<id>");
  return { service: path.slice(0, slash), rest: path.slice(slash + 1) };
}
function splitNamedPath(path, named) {
  if (named !== void 0 && typeof named !== "string") throw new TypeError("name must be a string");
  if (named && path !== "" && !path.includes("/")) return { service: named, rest: path };
  const place = splitPath(path);
  if (named) checkService(named, place.service);
  return place;
}
function checkService(named, service) {
  if (named !== void 0 && named !== service) {
    throw new TypeError(`the service in the value differs from the one in its key, ${quote(service)}`);
  }
}
function idOf(rest) {
  const id = rest.replaceAll("/", "~").replaceAll(/[[\]]/g, "");
  return id.replace(/^:/, "0:");
}
function quote(text) {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

// discovery/codecs/metadata.ts
var MAX_ENTRIES = 256;
function metadataFrom(entries) {
  const metadata = {};
  let count = 0;
  for (const [key, value] of entries) {
    if (key === "__proto__") throw new TypeError('metadata must not have the key "__proto__"');
    count += 1;
    checkEntries(count);
    metadata[key] = Object.hasOwn(metadata, key) ? `${metadata[key]},${value}` : value;
  }
  return metadata;
}
function checkEntries(count) {
  if (count > MAX_ENTRIES) throw new TypeError(`metadata must not have more than ${MAX_ENTRIES} entries`);
}
function readMetadata(value) {
  if (value === void 0 || value === null) return void 0;
  if (!isObject(value)) throw new TypeError("metadata must be an object");
  const entries = Object.entries(value);
  checkEntries(entries.length);
  return metadataFrom(
    entries.map(([key, item]) => {
      if (!isScalar(item)) {
        throw new TypeError(`metadata value of ${quote(key)} must be a string, number or boolean`);
      }
      return [key, String(item)];
    })
  );
}
function isScalar(value) {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
function withVersion(metadata, version) {
  return typeof version === "string" && version !== "" ? { version, ...metadata } : metadata;
}
function parseWeight(word) {
  if (!/^\d{1,15}$/.test(word)) throw new TypeError(`weight must be an integer, not ${quote(word)}`);
  return Number(word);
}
function weightIfNumeric(word) {
  return word !== void 0 && /^[-+]?(?:[\d.]|NaN|Inf)/i.test(word) ? parseWeight(word) : void 0;
}
function protocolOf(word, fallback) {
  if (word === void 0 || word === "") return fallback;
  if (typeof word !== "string" || !/^[A-Za-z][A-Za-z0-9+./-]{0,31}$/.test(word)) {
    throw new TypeError('protocol must be one word, e.g. "http"');
  }
  const protocol = word.toLowerCase();
  return protocol === "http/1.1" ? "http" : protocol;
}

// discovery/codecs/node-object.ts
function readNode(service, idOfKey, value) {
  const { ip, host = ip } = value;
  if (ip !== void 0 && ip !== host) throw new TypeError('"ip" and "host" differ');
  if (typeof host !== "string") throw new TypeError('"ip" (or "host") must be a string');
  const port = optionalNumber("port", value.port);
  if (port === void 0) throw new TypeError("port must be a number");
  const id = idOfKey ?? optionalString("id", value.id) ?? idOf(addressOf({ host, port }));
  const weight = optionalNumber("weight", value.weight);
  const metadata = readMetadata(value.metadata);
  return createNode({
    service,
    id,
    host,
    port,
    weight,
    metadata,
    protocol: protocolOf(value.protocol ?? metadata?.protocol, "http")
  });
}

export {
  splitPath,
  splitNamedPath,
  checkService,
  idOf,
  quote,
  MAX_ENTRIES,
  metadataFrom,
  checkEntries,
  readMetadata,
  isScalar,
  withVersion,
  parseWeight,
  weightIfNumeric,
  protocolOf,
  readNode
};
