import {
  idOf,
  quote,
  readNode
} from "./chunk-U4QRFBCZ.js";
import {
  isObject
} from "./chunk-5QZTELKW.js";
import {
  TextDocumentError,
  parseTextDocument
} from "./chunk-ORGHNJCV.js";
import {
  addressOf,
  createNode,
  parseAddress
} from "./chunk-ZOIAUEOT.js";

// discovery/file-registry-document.ts
import { createRequire } from "node:module";
var loadYaml = () => createRequire(import.meta.url)("yaml");
var MAX_SERVICES_FILE = 1048576;
var NODE_FIELDS = ["id", "ip", "host", "port", "weight", "metadata", "protocol"];
function readServices(text, before = []) {
  try {
    if (text.length > MAX_SERVICES_FILE) throw new TypeError(`it is larger than ${MAX_SERVICES_FILE} bytes`);
    const { value, lineOf } = parse(text);
    const { services, routes = {} } = sectionsOf(value, lineOf);
    return {
      nodes: nodeEntries(services, before, lineOf),
      routes: Object.entries(sectionOf("routes", routes, lineOf)).map(([id, document]) => {
        return { kind: "route", key: keyAt(["routes", id]), id, document };
      })
    };
  } catch (error) {
    return { reason: error.message };
  }
}
function parse(text) {
  try {
    const { value, lineOf } = parseTextDocument(text, loadYaml);
    return {
      value,
      lineOf(path) {
        const line = lineOf(path);
        return line === void 0 ? "" : `line ${line}: `;
      }
    };
  } catch (error) {
    if (!(error instanceof TextDocumentError)) throw error;
    const { line, column, message } = error.mistakes[0];
    throw new TypeError(line === void 0 ? message : `line ${line}, column ${column}: ${message}`);
  }
}
function sectionsOf(value, lineOf) {
  if (!isObject(value) || !Object.hasOwn(value, "services")) {
    throw new TypeError('it has no section "services"; write services: {} for none');
  }
  const { services, routes, ...others } = value;
  const [other] = Object.keys(others);
  if (other !== void 0) {
    throw new TypeError(
      `${lineOf([other])}unknown section ${quote(other)}; the sections are services and routes`
    );
  }
  return { services: sectionOf("services", services, lineOf), ...routes !== void 0 && { routes } };
}
function sectionOf(name, value, lineOf) {
  if (isObject(value)) return value;
  throw new TypeError(`${lineOf([name])}${name} must be a map; write {} for an empty one`);
}
function nodeEntries(services, before, lineOf) {
  const entries = /* @__PURE__ */ new Map();
  const meant = /* @__PURE__ */ new Set();
  const refuse = (path, reason) => {
    const key = keyAt(path);
    entries.set(key, { kind: "problem", key, reason: lineOf(path) + reason });
  };
  for (const [service, items] of Object.entries(services)) {
    if (!Array.isArray(items)) {
      refuse(["services", service], "must be a list of nodes; write [] for none");
      meant.add(service);
      continue;
    }
    for (const [index, item] of items.entries()) {
      try {
        const node = nodeFrom(service, item);
        const key = nodeKey(node);
        if (entries.has(key)) throw new TypeError(`has the same id as another node, ${quote(node.id)}`);
        entries.set(key, { kind: "nodes", key, nodes: [node] });
      } catch (error) {
        refuse(["services", service, index], error.message);
        const id = idMeant(item);
        if (id !== void 0) meant.add(nodeKey({ service, id }));
      }
    }
  }
  for (const entry of before) {
    if (entry.kind !== "nodes" || entries.has(entry.key)) continue;
    if (meant.has(entry.key) || entry.nodes.some((node) => meant.has(node.service))) {
      entries.set(entry.key, entry);
    }
  }
  return [...entries.values()];
}
function nodeFrom(service, item) {
  if (typeof item === "string") return createNode({ service, id: idOf(item), ...parseAddress(item) });
  if (!isObject(item)) throw new TypeError("a node must be host:port or a map with ip and port");
  const unknown = Object.keys(item).find((field) => !NODE_FIELDS.includes(field));
  if (unknown !== void 0) throw new TypeError(`a node has no field ${quote(unknown)}`);
  return readNode(service, void 0, item);
}
function idMeant(item) {
  if (typeof item === "string") return idOf(item);
  if (!isObject(item)) return void 0;
  const { id, ip, host = ip, port } = item;
  if (typeof id === "string") return id;
  if (typeof host !== "string" || typeof port !== "number") return void 0;
  return idOf(addressOf({ host, port }));
}
function nodeKey({ service, id }) {
  return `services/${service}/${id}`;
}
function keyAt([section = "", name = "", index]) {
  const key = /^[\w.~@:-]+$/.test(String(name)) ? `.${name}` : `[${quote(String(name))}]`;
  return `${section}${key}${index === void 0 ? "" : `[${index}]`}`;
}

export {
  MAX_SERVICES_FILE,
  readServices
};
