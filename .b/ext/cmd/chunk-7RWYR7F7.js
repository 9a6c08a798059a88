import {
  waygateCodec
} from "./chunk-I4CCY5YR.js";
import {
  MAX_ENTRIES,
  checkEntries,
  checkService,
  idOf,
  isScalar,
  metadataFrom,
  parseWeight,
  protocolOf,
  quote,
  readMetadata,
  readNode,
  splitNamedPath,
  splitPath,
  weightIfNumeric,
  withVersion
} from "./chunk-U4QRFBCZ.js";
import {
  checkSize,
  isObject,
  optionalNumber,
  optionalString,
  parseObject
} from "./chunk-5QZTELKW.js";
import {
  createNode,
  parseAddress
} from "./chunk-ZOIAUEOT.js";

// discovery/codecs/node-list.ts
function listIn(field, value) {
  if (value === null) return [];
  if (!Array.isArray(value)) throw new TypeError(`${field} must be an array`);
  return value;
}
function readEach(field, items, read) {
  return items.map((item, index) => {
    try {
      return read(item);
    } catch (error) {
      throw new TypeError(`${field}[${index}]: ${error.message}`, { cause: error });
    }
  });
}
function readNodes(field, items, read) {
  const ids = /* @__PURE__ */ new Set();
  return readEach(field, items, (item) => {
    const node = read(item);
    if (ids.has(node.id)) throw new TypeError(`has the same id as another node, "${node.id}"`);
    ids.add(node.id);
    return node;
  });
}

// discovery/codecs/go-micro.ts
var goMicroCodec = {
  name: "go-micro",
  decode(path, value) {
    const { name, version, nodes } = parseObject(value);
    const { service } = splitNamedPath(path, optionalString("name", name)?.replaceAll("/", "-"));
    return readNodes("nodes", listIn("nodes", nodes), (item) => {
      if (!isObject(item)) throw new TypeError("must be an object");
      const { id, address } = item;
      if (typeof id !== "string") throw new TypeError("id must be a string");
      if (typeof address !== "string") throw new TypeError("address must be a string");
      const metadata = withVersion(readMetadata(item.metadata), version);
      return createNode({
        service,
        id: idOf(id.replaceAll("/", "-")),
        ...parseAddress(address),
        weight: weightIfNumeric(metadata?.weight),
        metadata,
        protocol: spokenBy(metadata)
      });
    });
  }
};
function spokenBy(metadata) {
  const protocol = protocolOf(metadata?.protocol, "");
  if (protocol === "mucp") return metadata?.transport === "http" ? "http" : "mucp";
  if (protocol !== "") return protocol;
  return metadata?.topic !== void 0 && metadata?.broker !== void 0 ? "broker" : "http";
}

// discovery/codecs/go-zero.ts
var goZeroCodec = {
  name: "go-zero",
  decode(path, value) {
    const { service, rest } = splitPath(path);
    return [createNode({ service, id: idOf(rest), ...parseAddress(value.trim()), protocol: "grpc" })];
  }
};
function isGoZeroKey(path) {
  return /^[^/]+\.rpc\/\d+$/.test(path);
}

// discovery/codecs/grpc-endpoint.ts
var grpcEndpointCodec = {
  name: "grpc-endpoint",
  decode(path, value) {
    const { service, rest } = splitPath(path);
    const { Op = 0, Addr, Metadata: given } = parseObject(value);
    if (Op === 1) return [];
    if (Op !== 0) throw new TypeError("Op must be 0 (add) or 1 (delete)");
    if (typeof Addr !== "string") throw new TypeError("Addr must be a string");
    const metadata = scalarsOf(given);
    return [
      createNode({
        service,
        id: idOf(rest),
        ...parseAddress(Addr),
        weight: weightIfNumeric(metadata.weight ?? metadata.Weight),
        metadata,
        protocol: protocolOf(metadata.protocol, "grpc")
      })
    ];
  }
};
function scalarsOf(given) {
  const entries = isObject(given) ? Object.entries(given) : [["metadata", given]];
  return metadataFrom(
    entries.flatMap(([key, item]) => isScalar(item) ? [[key, String(item)]] : [])
  );
}

// discovery/codecs/kitex.ts
var DEFAULT_WEIGHT = 10;
var kitexCodec = {
  name: "kitex",
  decode: (path, value) => [readInstance(path, value, "thrift")]
};
function readInstance(path, value, protocol) {
  const { service, rest } = splitPath(path);
  const object = parseObject(value);
  const network = optionalString("network", object.network) ?? "tcp";
  if (!/^(?:tcp[46]?)?$/.test(network)) throw new TypeError("network must be tcp");
  if (typeof object.address !== "string") throw new TypeError("address must be a string");
  const weight = optionalNumber("weight", object.weight) ?? DEFAULT_WEIGHT;
  const tags = readMetadata(object.tags);
  return createNode({
    service,
    id: idOf(rest),
    ...parseAddress(object.address),
    weight: weight === 0 ? DEFAULT_WEIGHT : weight,
    metadata: tags,
    protocol: protocolOf(tags?.protocol, protocol)
  });
}

// discovery/codecs/kratos.ts
var DEFAULT_WEIGHT2 = 100;
var HTTP = ["http", "https"];
var GRPC = ["grpc", "grpcs"];
var MAX_ENDPOINTS = 64;
var kratosCodec = {
  name: "kratos",
  decode(path, value) {
    const object = parseObject(value);
    const { service, rest } = splitNamedPath(path, object.name);
    if (object.id !== void 0 && object.id !== rest) {
      throw new TypeError(`the id in the value differs from the one in its key, ${quote(rest)}`);
    }
    const metadata = withVersion(readMetadata(object.metadata), object.version);
    const word = metadata?.weight;
    const weight = word === void 0 ? DEFAULT_WEIGHT2 : parseWeight(word);
    const endpoints = listIn("endpoints", object.endpoints);
    if (endpoints.length > MAX_ENDPOINTS) {
      throw new TypeError(`endpoints must not have more than ${MAX_ENDPOINTS} entries`);
    }
    const given = readEach("endpoints", endpoints, readEndpoint);
    const nodesAt = (chosen, instance) => readNodes(`${chosen[0]?.protocol} endpoints`, chosen, ({ protocol, authority }) => {
      const id = idOf(chosen.length === 1 ? instance : `${instance}@${authority}`);
      return createNode({ service, id, ...parseAddress(authority), weight, metadata, protocol });
    });
    const http = preferred(given, HTTP);
    const grpc = preferred(given, GRPC);
    if (http.length === 0 && grpc.length === 0) {
      return nodesAt(
        preferred(
          given,
          given.slice(0, 1).map(({ protocol }) => protocol)
        ),
        rest
      );
    }
    return [...nodesAt(http, rest), ...nodesAt(grpc, http.length === 0 ? rest : `${rest}@grpc`)];
  }
};
function readEndpoint(item) {
  if (typeof item !== "string") throw new TypeError("must be a string");
  const match = /^([A-Za-z][A-Za-z0-9+.-]{0,30}):\/\/([^/?#]*)[^?#]*(?:\?([^#]*))?/.exec(item);
  if (!match) throw new TypeError(`must be scheme://host:port, not ${quote(item)}`);
  const scheme = match[1].toLowerCase();
  const secure = /(?:^|&)isSecure=(?:1|[tT]|true|True|TRUE)(?:&|$)/.test(match[3] ?? "");
  return { protocol: secure && !scheme.endsWith("s") ? `${scheme}s` : scheme, authority: match[2] };
}
function preferred(endpoints, protocols) {
  const kind = protocols.find((each) => endpoints.some(({ protocol }) => protocol === each));
  return endpoints.filter(({ protocol }) => protocol === kind);
}

// discovery/codecs/name-address.ts
import { isIP } from "node:net";
var ADDRESS_FIELDS = ["addr", "address", "Addr", "Address", "IP", "Ip", "ip"];
var nameAddressCodec = {
  name: "name-address",
  decode(path, value) {
    const object = parseObject(value);
    const { name = object.Name, weight = object.Weight, version = object.Version, protocol } = object;
    const { service, rest } = splitNamedPath(path, name);
    const metadata = readMetadata(object.metadata);
    return [
      createNode({
        service,
        id: idOf(rest),
        ...parseAddress(addressIn(object)),
        weight: optionalNumber("weight", weight),
        metadata: withVersion(metadata, version),
        protocol: protocolOf(protocol ?? metadata?.protocol, "http")
      })
    ];
  }
};
function hasAddress(object) {
  return ADDRESS_FIELDS.some((field) => Object.hasOwn(object, field));
}
function addressIn(object) {
  const [field, another] = ADDRESS_FIELDS.filter((each) => Object.hasOwn(object, each));
  if (field === void 0) throw new TypeError('value has no "addr" (or "address", or "IP")');
  const address = object[field];
  if (another !== void 0 && object[another] !== address) {
    throw new TypeError(`"${field}" and "${another}" differ`);
  }
  if (typeof address !== "string") throw new TypeError(`"${field}" must be a string`);
  if (isIP(address) !== 0)
    throw new TypeError(`value has no port: neither a "port" field nor one in "${field}"`);
  return address;
}

// discovery/codecs/plain-address.ts
var plainAddressCodec = {
  name: "plain-address",
  decode(path, value) {
    const { service, rest } = splitPath(path);
    return [createNode({ service, id: idOf(rest), ...parseAddress(value.trim()) })];
  }
};

// discovery/codecs/rpcx.ts
var NETWORK = /^(?:tcp[46]?|http|wss?|kcp|quic|unix|memu|iouring|rdma|reuseport)@/;
var BASE_VALUE = "rpcx_path";
var rpcxCodec = {
  name: "rpcx",
  decode(path, value) {
    if (path !== "" && !path.includes("/")) return [];
    const { service, rest } = splitPath(path);
    const network = rest.indexOf("@");
    if (network >= 0 && !NETWORK.test(rest)) {
      throw new TypeError(`key must be <service>/<network>@<host:port>, not ${quote(rest)}`);
    }
    const metadata = readQuery(value);
    const weight = metadata.state === "inactive" ? "0" : metadata.weight;
    return [
      createNode({
        service,
        id: idOf(rest),
        ...parseAddress(rest.slice(network + 1)),
        weight: weight ? parseWeight(weight) : void 0,
        metadata,
        protocol: protocolOf(metadata.protocol, "rpcx")
      })
    ];
  }
};
function isRpcx(path, value) {
  const slash = path.indexOf("/");
  if (slash < 0) return path !== "" && (value === path || value === BASE_VALUE);
  return NETWORK.test(path.slice(slash + 1));
}
function readQuery(value) {
  checkSize(value);
  checkEntries(value.split("&", MAX_ENTRIES + 1).length);
  return metadataFrom(new URLSearchParams(value));
}

// discovery/codecs/service-object.ts
var serviceObjectCodec = {
  name: "service-object",
  decode(path, value) {
    const { service } = splitPath(path);
    const { name, nodes } = parseObject(value);
    checkService(name, service);
    return readNodes("nodes", listIn("nodes", nodes), (item) => {
      if (!isObject(item)) throw new TypeError("must be an object");
      return readNode(service, void 0, item);
    });
  }
};

// discovery/codecs/auto.ts
var autoCodec = {
  name: "auto",
  decode(path, value) {
    return formatOf(path, value).decode(path, value);
  }
};
function formatOf(path, value) {
  if (/^\s*\{/.test(value)) return formatOfObject(parseObject(value));
  if (isRpcx(path, value)) return rpcxCodec;
  return isGoZeroKey(path) ? goZeroCodec : plainAddressCodec;
}
function formatOfObject(value) {
  const has = (field) => Object.hasOwn(value, field);
  if (has("nodes")) return has("endpoints") || hasMicroNode(value.nodes) ? goMicroCodec : serviceObjectCodec;
  if (has("endpoints")) return kratosCodec;
  if (has("Op") || has("Addr") && !has("Name")) return grpcEndpointCodec;
  if (has("network") && has("address")) return kitexCodec;
  return hasAddress(value) && !has("port") ? nameAddressCodec : waygateCodec;
}
function hasMicroNode(nodes) {
  return Array.isArray(nodes) && nodes.some((node) => isObject(node) && Object.hasOwn(node, "address"));
}

// discovery/codecs/hertz.ts
var hertzCodec = {
  name: "hertz",
  decode: (path, value) => [readInstance(path, value, "http")]
};

// discovery/codecs/codecs.ts
var codecs = [
  autoCodec,
  waygateCodec,
  plainAddressCodec,
  serviceObjectCodec,
  nameAddressCodec,
  grpcEndpointCodec,
  kratosCodec,
  goMicroCodec,
  goZeroCodec,
  rpcxCodec,
  kitexCodec,
  hertzCodec
];
function codecNamed(name) {
  const codec = codecs.find((candidate) => candidate.name === name);
  if (!codec)
    throw new TypeError(
      `unknown format "${name}"; the formats are ${codecs.map((each) => each.name).join(", ")}`
    );
  return codec;
}

export {
  codecNamed
};
