import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;

// internal/nodes/node.ts
var LANES = /* @__PURE__ */ new Map([
  ["h2c", "http"],
  ["grpc", "grpc"]
]);
function laneOf({ protocol }) {
  return protocol === void 0 ? "http" : LANES.get(protocol);
}
function speaksHttp1({ protocol }) {
  return protocol === void 0;
}
var MAX_WEIGHT = 65535;
var NAME = /^[A-Za-z0-9][A-Za-z0-9._~@:-]{0,254}$/;
var HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;
var IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
var RESERVED_NAMES = /* @__PURE__ */ new Set(["__proto__", "constructor", "prototype"]);
function createNode(input) {
  const { id, service, host, port, weight = 1, metadata = {}, protocol = "http" } = input;
  checkName("service", service);
  checkName("id", id);
  checkHost(host);
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new TypeError(`port must be an integer from 1 to 65535, not ${show(port)}`);
  }
  if (!Number.isInteger(weight) || weight < 0 || weight > MAX_WEIGHT) {
    throw new TypeError(`weight must be an integer from 0 to ${MAX_WEIGHT}, not ${show(weight)}`);
  }
  const node = { id, service, host, port, weight, metadata: Object.freeze({ ...metadata }) };
  return Object.freeze(protocol === "http" ? node : { ...node, protocol });
}
function suspected(node) {
  return node.suspect ? node : Object.freeze({ ...node, suspect: true });
}
function addressOf(node) {
  return node.host.includes(":") ? `[${node.host}]:${node.port}` : `${node.host}:${node.port}`;
}
function parseAddress(address) {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@[\]]+)):(\d{1,5})$/.exec(address);
  if (!match) throw new TypeError(`address must be host:port, not ${show(address)}`);
  return { host: match[1] ?? match[2] ?? "", port: Number(match[3]) };
}
function sameNode(a, b) {
  return sameEndpoint(a, b) && a.weight === b.weight && a.suspect === b.suspect && sameRecord(a.metadata, b.metadata);
}
function sameEndpoint(a, b) {
  return a.id === b.id && a.service === b.service && a.host === b.host && a.port === b.port && a.protocol === b.protocol;
}
function sameRecord(a, b) {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
function checkName(what, name) {
  if (typeof name !== "string" || !NAME.test(name)) {
    throw new TypeError(
      `${what} must be 1 to 255 characters of A-Z a-z 0-9 . _ ~ @ : - and start with a letter or digit, not ${show(name)}`
    );
  }
  if (RESERVED_NAMES.has(name)) throw new TypeError(`${what} must not be ${show(name)}`);
}
function checkHost(host) {
  if (typeof host !== "string") throw new TypeError(`host must be a string, not ${show(host)}`);
  const v4 = IPV4.exec(host);
  if (v4) {
    const octets = v4.slice(1).map(Number);
    if (octets.some((octet) => octet > 255)) throw new TypeError(`host is not an IPv4 address: ${show(host)}`);
    checkIpv4(octets, host);
    return;
  }
  if (host.includes(":")) {
    checkIpv6(host);
    return;
  }
  const lastLabel = host.replace(/\.$/, "").split(".").at(-1);
  if (!HOST_NAME.test(host) || /^(?:0x[0-9a-f]*|\d+)$/i.test(lastLabel)) {
    throw new TypeError(`host must be an IP address or a host name, not ${show(host)}`);
  }
}
function checkIpv4([a, b, c, d], host) {
  if (a === 169 && b === 254) throw new TypeError(`host must not be link-local: ${show(host)}`);
  if (a >= 224 && a <= 239) throw new TypeError(`host must not be multicast: ${show(host)}`);
  if (a === 0 || a === 255 && b === 255 && c === 255 && d === 255) {
    throw new TypeError(`host must not be the unspecified or the broadcast address: ${show(host)}`);
  }
}
function checkIpv6(host) {
  let canonical;
  try {
    canonical = new URL(`http://[${host}]/`).hostname.slice(1, -1);
  } catch {
    throw new TypeError(`host is not an IPv6 address: ${show(host)}`);
  }
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped) {
    const high = Number.parseInt(mapped[1], 16);
    const low = Number.parseInt(mapped[2], 16);
    checkIpv4([high >> 8, high & 255, low >> 8, low & 255], host);
    return;
  }
  if (/^fe[89ab]/.test(canonical)) throw new TypeError(`host must not be link-local: ${show(host)}`);
  if (canonical.startsWith("ff")) throw new TypeError(`host must not be multicast: ${show(host)}`);
  if (canonical === "::") throw new TypeError(`host must not be the unspecified address: ${show(host)}`);
}
function show(value) {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

export {
  laneOf,
  speaksHttp1,
  MAX_WEIGHT,
  NAME,
  createNode,
  suspected,
  addressOf,
  parseAddress,
  sameNode,
  sameEndpoint
};
