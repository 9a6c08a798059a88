import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  show,
  toReason,
  under
} from "./chunk-TVBUVZWG.js";
import {
  bindingsOfRule,
  pathOf
} from "./chunk-ZFOIPJL2.js";
import {
  NAME
} from "./chunk-WSUTVFRI.js";
import {
  compileClaimPath
} from "./chunk-UF6LBCNO.js";
import {
  parseJson
} from "./chunk-ERV772JK.js";
import {
  GRPC_STATUS_NAMES
} from "./chunk-X7I5JA7V.js";
import {
  FRAMING_FIELDS,
  TOKEN,
  TRUSTED_FIELDS,
  getAllHeaders,
  getCookie
} from "./chunk-4QJQ3U3V.js";

// config/kit/closest.ts
function closest(word, candidates) {
  let best;
  let bestDistance = Math.floor((word.length + 1) / 3) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}
function didYouMean(word, candidates) {
  const guess = closest(word, candidates);
  return guess === void 0 ? "" : ` (did you mean ${JSON.stringify(guess)}?)`;
}
function editDistance(a, b) {
  if (a.length > 64 || b.length > 64) return Number.POSITIVE_INFINITY;
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= a.length; row += 1) {
    const above = rows[row - 1];
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = above[column - 1] + (a[row - 1] === b[column - 1] ? 0 : 1);
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          replaced,
          above[column] + 1,
          current[column - 1] + 1,
          swapped ? rows[row - 2][column - 2] + 1 : Number.POSITIVE_INFINITY
        )
      );
    }
    rows.push(current);
  }
  return rows[a.length][b.length];
}

// config/kit/type.ts
var OPTIONAL = /* @__PURE__ */ Symbol("optional");
function typed(type) {
  return (options = {}) => ({ type, ...options });
}
var Type = {
  Boolean: typed("boolean"),
  Integer: typed("integer"),
  Null: typed("null"),
  Number: typed("number"),
  String: typed("string"),
  Unknown: (options = {}) => ({ ...options }),
  Unsafe: (schema) => ({ ...schema }),
  Array: (items, options = {}) => ({ type: "array", items, ...options }),
  Enum: (values, options = {}) => ({ enum: [...values], ...options }),
  Literal: (value, options = {}) => ({ type: typeof value, const: value, ...options }),
  Union: (anyOf, options = {}) => ({ anyOf: [...anyOf], ...options }),
  Optional: (schema) => ({ ...schema, [OPTIONAL]: true }),
  Object(properties, options = {}) {
    const required = Object.keys(properties).filter((name2) => properties[name2][OPTIONAL] === void 0);
    return { type: "object", ...required.length > 0 && { required }, properties, ...options };
  },
  /** A map with any keys: `propertyNames` says which. */
  Record(_keys, values, options = {}) {
    return { type: "object", patternProperties: { "^.*$": values }, ...options };
  }
};

// config/kit/values.ts
var MAX_TIMER_MS = 2147483647;
var TOKEN_PATTERN = TOKEN.source;
var METHOD = Type.String({
  pattern: "^[!#$%&'*+.^_`|~0-9A-Z-]+$",
  title: "a method name in upper case, such as GET"
});
var DASHED_HEADER = {
  pattern: "^[!#$%&'*+.^`|~0-9a-zA-Z-]+$",
  title: "a header name, without underscore"
};
var NAME_PATTERN = NAME.source;
var NAME_TITLE = "1 to 255 characters from A-Z a-z 0-9 . _ ~ @ : -, starting with a letter or digit";
var ANNOTATIONS = new Set(
  Object.keys({
    env: true,
    neverEmpty: true,
    flag: true,
    isPath: true,
    insteadOf: true,
    formerly: true
  })
);
function port(value, description, annotations = {}) {
  return Type.Integer({ default: value, minimum: 0, maximum: 65535, description, ...annotations });
}
function durationMs(value, description, minimum = 0, annotations = {}) {
  return Type.Integer({ default: value, minimum, maximum: MAX_TIMER_MS, description, ...annotations });
}
function count(value, description, minimum = 0, annotations = {}) {
  return Type.Integer({
    default: value,
    minimum,
    maximum: Number.MAX_SAFE_INTEGER,
    description,
    ...annotations
  });
}
function text(description, options = {}) {
  return Type.String({ ...options, minLength: 1, description });
}
function secret(description, annotations = {}) {
  return Type.String({ minLength: 1, writeOnly: true, description, ...annotations });
}
function name(description) {
  return Type.String({ pattern: NAME_PATTERN, title: NAME_TITLE, description });
}
function textOrList(description, annotations = {}) {
  return Type.Union(
    [Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })],
    { description, ...annotations }
  );
}
function membersOf(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
function withDefaults(schema, value) {
  const given = value === void 0 ? structuredClone(schema.default) : value;
  if (Array.isArray(given)) {
    const { items } = schema;
    return items === void 0 ? given : given.map((item) => withDefaults(items, item));
  }
  if (typeof given !== "object" || given === null) return given;
  const members = given;
  for (const [name2, field] of Object.entries(schema.properties ?? {})) {
    const inner = withDefaults(field, members[name2]);
    if (inner !== void 0) members[name2] = inner;
  }
  return members;
}
function deepFreeze(value) {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
function section(properties, description, annotations = {}) {
  return Type.Object(properties, { additionalProperties: false, default: {}, description, ...annotations });
}

// config/kit/validate.ts
import { createRequire } from "node:module";
var library;
function schemas() {
  if (library === void 0) {
    const require2 = createRequire(import.meta.url);
    library = require2("typebox/schema");
    require2("typebox/system").Settings.Set({ maxErrors: 1e3 });
  }
  return library;
}
function findProblems(schema, value) {
  return [...reservedKeys(value, []), ...schemaProblems(schema, value, [])];
}
function createProblemFinder(schema) {
  let validator;
  return (value) => {
    validator ??= schemas().Compile(schema);
    return validator.Check(value) ? [...reservedKeys(value, [])] : findProblems(schema, value);
  };
}
function* reservedKeys(value, path) {
  if (typeof value !== "object" || value === null) return;
  for (const key of Object.keys(value)) {
    const inner = [...path, Array.isArray(value) ? Number(key) : key];
    if (key === "__proto__") yield { path: inner, message: "is a reserved name" };
    else yield* reservedKeys(value[key], inner);
  }
}
function schemaProblems(schema, value, base) {
  const found = [];
  const unions = [];
  const [, errors2] = schemas().Errors(schema, value);
  for (const error of errors2.filter((error2) => error2.keyword === "anyOf")) {
    if (unions.some((outer) => error.schemaPath.startsWith(`${outer}/`))) continue;
    unions.push(error.schemaPath);
  }
  const seen = /* @__PURE__ */ new Set();
  for (const error of errors2) {
    if (unions.some((union) => error.schemaPath.startsWith(`${union}/`))) continue;
    const { parts, value: at } = locate(value, error.instancePath);
    for (const { path, message } of describe(error, schemaAt(schema, error.schemaPath), at, parts)) {
      const finding = { path: [...base, ...path], message };
      const key = JSON.stringify(finding);
      if (!seen.has(key)) found.push(finding);
      seen.add(key);
    }
  }
  return found;
}
function describe(error, schema, value, path) {
  switch (error.keyword) {
    // Comes together with `additionalProperties`, which names the field.
    case "boolean":
      return [];
    case "additionalProperties": {
      const known = Object.keys(schema.properties ?? {});
      return error.params.additionalProperties.filter((key) => key !== "__proto__").map((key) => ({ path: [...path, key], message: `is not a known field${didYouMean(key, known)}` }));
    }
    case "required":
      return error.params.requiredProperties.map((key) => ({ path: [...path, key], message: "is missing" }));
    case "propertyNames":
      return error.params.propertyNames.map((key) => ({
        path: [...path, key],
        message: `must have a name of ${NAME_TITLE}`
      }));
    case "anyOf":
      return unionProblems(schema.anyOf ?? [], value, path);
    case "type":
      return [{ path, message: `must be ${typeName(schema)}${not(schema, value)}` }];
    case "enum":
    case "const": {
      const allowed = schema.enum ?? [schema.const];
      const guess = typeof value === "string" ? didYouMean(value, allowed.map(String)) : "";
      return [{ path, message: `must be ${oneOf(allowed.map(show))}, not ${show(value)}${guess}` }];
    }
    case "pattern":
      return [{ path, message: `must be ${schema.title ?? `like ${schema.pattern}`}${not(schema, value)}` }];
    case "minimum":
    case "maximum":
    case "exclusiveMinimum":
    case "exclusiveMaximum":
      return [
        { path, message: `must be ${error.params.comparison} ${error.params.limit}, not ${show(value)}` }
      ];
    case "minLength":
    case "minItems":
      return [{ path, message: "must not be empty" }];
    case "uniqueItems":
      return [{ path, message: "must not contain duplicates" }];
    default:
      return [{ path, message: error.message }];
  }
}
function unionProblems(branches, value, path) {
  const plain = branches.map((branch) => branch);
  const reports = branches.filter((_, index) => plain[index].type === jsonType(value) && plain[index].const === void 0).map((branch) => schemaProblems(branch, value, path)).sort((a, b) => a.length - b.length);
  if (reports[0] !== void 0) return reports[0];
  const allowed = plain.map((rules) => rules.const === void 0 ? typeName(rules) : show(rules.const));
  const guess = typeof value === "string" ? didYouMean(
    value,
    plain.flatMap((rules) => typeof rules.const === "string" ? [rules.const] : [])
  ) : "";
  return [{ path, message: `must be ${oneOf(allowed)}, not ${show(value)}${guess}` }];
}
function not(schema, value) {
  if (schema.writeOnly !== true && schema.type !== "object") return `, not ${show(value)}`;
  return jsonType(value) === schema.type ? "" : `, not ${typeName({ type: jsonType(value) })}`;
}
function schemaAt(schema, schemaPath) {
  return pointerParts(schemaPath.slice(1)).reduce(
    (inner, key) => inner?.[key],
    schema
  );
}
function locate(value, pointer) {
  let inner = value;
  const parts = pointerParts(pointer).map((key) => {
    const part = Array.isArray(inner) ? Number(key) : key;
    inner = inner?.[key];
    return part;
  });
  return { parts, value: inner };
}
function pointerParts(pointer) {
  return pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}
function jsonType(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}
function typeName({ type = "something else" }) {
  if (type === "null") return "null";
  if (type === "boolean") return "true or false";
  const article = /^[aeiou]/.test(type) ? "an" : "a";
  return type === "array" ? "a list" : `${article} ${type}`;
}
function oneOf(words) {
  return words.length === 1 ? words[0] : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

// config/policies/reserved-headers.ts
var ANSWER = ["content-encoding", "x-request-id"];
var FORWARDED = /^x-forwarded-(?:for|host|port|prefix|proto)$/;
var OURS = "must not be set: the gateway sets it itself";
function reservedEverywhere(name2) {
  return FRAMING_FIELDS.includes(name2) || /^(?:proxy|sec-websocket)-/.test(name2) ? OURS : void 0;
}
function reservedInRequests(name2, identityHeaders = []) {
  const dashed = name2.replaceAll("_", "-");
  if (reservedEverywhere(dashed)) return OURS;
  if (dashed === "host") return `${OURS}; see preserveHost`;
  const isTrusted = TRUSTED_FIELDS.includes(dashed) || /^x-(?:forwarded|waygate)-/.test(dashed);
  return isTrusted || identityHeaders.includes(dashed) ? `${OURS}, and nodes trust it` : void 0;
}
function reservedFromRemoval(name2, identityHeaders = []) {
  const isFromProxy = name2.startsWith("x-forwarded-") && !FORWARDED.test(name2);
  return isFromProxy && !identityHeaders.includes(name2) ? void 0 : reservedInRequests(name2, identityHeaders);
}
function reservedInAnswers(name2) {
  if (ANSWER.includes(name2) || name2.startsWith("x-waygate-")) return OURS;
  return reservedEverywhere(name2);
}
function neededInAnswers(prefix) {
  return [...FRAMING_FIELDS, "content-encoding", "proxy-authenticate"].find((name2) => name2.startsWith(prefix));
}

// config/policies/clients.ts
import { isIP } from "node:net";

// config/policies/policy-rule.ts
function policyRule(rule) {
  return rule;
}
function textsOf(value) {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item, index) => typeof item === "string" ? [[index, item]] : []);
}

// config/policies/clients.ts
var RANGES = Type.Array(Type.String({ title: "an IP address or a CIDR range" }), {
  minItems: 1,
  maxItems: 1e4
});
var clients = policyRule({
  schema: Type.Object(
    {
      allow: Type.Optional({ ...RANGES, description: "Only clients in these ranges may pass." }),
      deny: Type.Optional({ ...RANGES, description: "Clients in these ranges may not pass." }),
      enforce: Type.Optional(
        Type.Boolean({ description: "False: refusals are counted and logged, and the request passes." })
      )
    },
    {
      additionalProperties: false,
      title: "client addresses",
      description: 'The client addresses that may use the route: `{"allow": ["10.0.0.0/8"], "deny": ["10.6.6.6"]}`. Any other client gets 403. The rules of `routes.defaults` and of a document both apply.'
    }
  ),
  adds: true,
  *problems(rule) {
    const members = membersOf(rule);
    const { allow, deny } = members;
    const isObject = members === rule;
    if (isObject && allow === void 0 && deny === void 0)
      yield { path: [], message: "must have allow or deny" };
    yield* rangeProblems("allow", allow);
    yield* rangeProblems("deny", deny);
  },
  *warnings(rule) {
    const allow = textsOf(membersOf(rule).allow);
    if (allow.some(([, range]) => range.includes(":"))) return;
    for (const [index, range] of allow) {
      if (range.endsWith("/0"))
        yield { path: ["allow", index], message: 'leaves out IPv6: add "::/0" for it' };
    }
  }
});
function* rangeProblems(field, ranges) {
  for (const [index, range] of textsOf(ranges)) {
    const message = rangeProblem(range);
    if (message !== void 0) yield { path: [field, index], message };
  }
}
function rangeProblem(range) {
  const [, address = "", bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(range) ?? [];
  const version = isIP(address);
  const length = version === 6 ? 128 : 32;
  const prefix = bits === void 0 ? length : Number(bits);
  if (version === 0 || prefix > length) return `must be an IP address or a CIDR range, not ${show(range)}`;
  if (address.includes("%")) return `must not have a zone: ${show(range)}`;
  return hasHostBits(address, prefix, version === 6) ? `has bits set beyond /${bits}: ${show(range)}` : void 0;
}
function hasHostBits(address, prefix, isV6) {
  const bytes = bytesOf(address, isV6);
  return bytes.some((byte, i) => (byte & 255 >> Math.min(8, Math.max(0, prefix - 8 * i))) !== 0);
}
function bytesOf(address, isV6) {
  if (!isV6) return address.split(".").map(Number);
  const [head = "", tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split("::");
  const groups = (text2) => text2 ? text2.split(":") : [];
  const [before, after] = [groups(head), groups(tail)];
  const zeros = tail === void 0 ? [] : Array(8 - before.length - after.length).fill("0");
  return [...before, ...zeros, ...after].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

// internal/http/origin.ts
var ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::([1-9]\d{0,4}|\*))?$/;
var IP_ADDRESS = /^\[|(?:^|\.)\d+$/;
var DEFAULT_PORTS = { http: "80", https: "443" };
var NULL_ORIGIN = { scheme: "null", host: "", port: "", isWildcard: false };
function createOriginList(entries) {
  if (entries.includes("*")) return () => true;
  const parsed = entries.map((entry) => parseOriginEntry(entry));
  const exact = new Set(parsed.filter(isExact).map(keyOf));
  const others = parsed.filter((entry) => !isExact(entry));
  return (text2) => {
    const origin = text2 === "null" ? NULL_ORIGIN : parseOrigin(text2);
    if (origin === void 0 || !isExact(origin)) return false;
    return exact.has(keyOf(origin)) || others.some((entry) => matches(origin, entry));
  };
}
function parseOriginEntry(entry) {
  if (entry === "null") return NULL_ORIGIN;
  const parsed = parseOrigin(/^\*\.[^:]*$/.test(entry) ? `https://${entry}` : entry);
  if (parsed === void 0) return void 0;
  const host = URL.parse(`http://${parsed.host}/`)?.hostname;
  if (host === void 0 || parsed.isWildcard && IP_ADDRESS.test(host)) return void 0;
  return { ...parsed, host };
}
function parseOrigin(text2) {
  const [, scheme, wildcard, host, port2 = ""] = ORIGIN.exec(text2.toLowerCase()) ?? [];
  if (scheme === void 0 || host === void 0 || Number(port2) > 65535) return void 0;
  return {
    scheme,
    host,
    port: port2 === DEFAULT_PORTS[scheme] ? "" : port2,
    isWildcard: wildcard !== void 0
  };
}
function isExact({ isWildcard, port: port2 }) {
  return !isWildcard && port2 !== "*";
}
function keyOf({ scheme, host, port: port2 }) {
  return `${scheme}://${host}:${port2}`;
}
function matches(origin, { scheme, host, port: port2, isWildcard }) {
  if (origin.scheme !== scheme || port2 !== "*" && origin.port !== port2) return false;
  return isWildcard ? origin.host.endsWith(`.${host}`) : origin.host === host;
}

// config/policies/cors.ts
var HEADER_NAME = Type.String({ pattern: TOKEN_PATTERN, title: "a header name" });
var cors = policyRule({
  schema: Type.Object(
    {
      origins: Type.Array(Type.String(), {
        minItems: 1,
        maxItems: 1e3,
        description: "Origins that may read answers: `https://app.example.com`, `https://*.example.com` or just `*.example.com` (any name below it, not the domain itself), `http://localhost:*` (any port), `null`, or `*` alone."
      }),
      methods: Type.Optional(
        Type.Array(METHOD, {
          minItems: 1,
          description: "Methods that a preflight allows. Absent: the `methods` of the document, or else GET, HEAD, POST, PUT, PATCH and DELETE."
        })
      ),
      headers: Type.Optional(
        Type.Union([Type.Literal("echo"), Type.Array(HEADER_NAME)], {
          description: "Request headers that a preflight allows. `echo`, the default: those that it asks for."
        })
      ),
      exposeHeaders: Type.Optional(
        Type.Array(HEADER_NAME, {
          description: "Response headers that scripts may read, besides Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate and x-request-id, and besides the status of a call by gRPC-web."
        })
      ),
      credentials: Type.Optional(
        Type.Boolean({
          description: "Whether browsers may send cookies and HTTP authentication. Absent: false."
        })
      ),
      maxAgeSeconds: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 86400,
          description: "How long browsers remember a preflight. Absent: 600."
        })
      ),
      strict: Type.Optional(
        Type.Boolean({
          description: "Whether a request with an Origin that is not listed gets 403 instead of an answer that its script cannot read. Absent: false. WebSockets are always refused. Pages of the gateway itself have an origin too: list it."
        })
      )
    },
    {
      additionalProperties: false,
      title: "CORS",
      description: 'Which other origins may use the route from a browser: `{"origins": ["https://app.example.com"]}`. Preflights are answered here, before authentication.'
    }
  ),
  adds: false,
  *problems(rule) {
    const members = membersOf(rule);
    const { origins, credentials } = members;
    const list = textsOf(origins);
    for (const [index, origin] of list) {
      if (origin === "*") {
        if (list.length > 1) yield { path: ["origins", index], message: '"*" must stand alone' };
      } else if (parseOriginEntry(origin) === void 0) {
        yield {
          path: ["origins", index],
          message: `must be an origin such as "https://app.example.com", "https://*.example.com", "http://localhost:*", "null" or "*", not ${show(origin)}`
        };
      }
    }
    if (credentials !== true) return;
    for (const [, origin] of list) {
      if (origin === "*" || origin === "null") {
        yield { path: ["credentials"], message: `must not be true with the origin ${show(origin)}` };
      }
    }
    for (const field of ["methods", "headers", "exposeHeaders"]) {
      for (const [index, name2] of textsOf(members[field])) {
        if (name2 === "*") yield { path: [field, index], message: 'must not be "*" with credentials' };
      }
    }
  }
});

// internal/policy.ts
function schemeOf({ proxied }) {
  return proxied?.proto ?? "http";
}
function runSteps(steps, exchange, from = 0) {
  for (let i = from; i < steps.length; i++) {
    const answer = steps[i](exchange);
    if (answer instanceof Promise) return answer.then((known) => known ?? runSteps(steps, exchange, i + 1));
    if (answer !== void 0) return answer;
  }
  return void 0;
}

// internal/routing/path-segments.ts
var SLASH = 47;
var ASTERISK = 42;
function comparable(path) {
  return path.includes("%") || path.includes("*") ? path.replace(ESCAPE_OR_ASTERISK, toCharacter) : path;
}
var ESCAPE_OR_ASTERISK = /%([0-9a-f]{2})|\*/gi;
var SEPARATING = /* @__PURE__ */ new Set([35, 37, 42, 47, 63]);
var PRIVATE_USE = 57344;
function toCharacter(_found, digits) {
  const byte = digits === void 0 ? ASTERISK : Number.parseInt(digits, 16);
  return String.fromCharCode(SEPARATING.has(byte) ? PRIVATE_USE + byte : byte);
}
function routerPattern(path) {
  let index = 0;
  return path.split("/").map((segment) => {
    if (segment.startsWith(":")) return `:p${index++}`;
    return segment === "*" ? segment : comparable(segment).replaceAll(":", "::");
  }).join("/");
}
function literalStart(path) {
  const parameter = path.indexOf("/:");
  const start = parameter === -1 ? path : path.slice(0, parameter);
  const literal = start.endsWith("/*") ? start.slice(0, -2) : start;
  return literal === "/" ? "" : comparable(literal);
}
function startOfSegment(path, index) {
  let from = path === "" ? -1 : 1;
  for (let left = index; left > 0 && from !== -1; left--) {
    const slash = path.indexOf("/", from);
    from = slash === -1 ? -1 : slash + 1;
  }
  return from;
}
function hashOfSegment(path, from) {
  let hash = 0;
  for (let at = from; at < path.length; at++) {
    const code = path.charCodeAt(at);
    if (code === SLASH) break;
    hash = hash * 31 + code | 0;
  }
  return hash;
}
function pathParameter(pattern, target, name2) {
  const index = pattern.split("/").indexOf(name2 === "*" ? "*" : `:${name2}`);
  if (index === -1) return void 0;
  const segments = pathOf(target).split("/");
  if (name2 === "*") return segments.slice(index).join("/");
  const segment = segments[index];
  if (!segment?.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

// internal/template.ts
var MAX_RESULT_LENGTH = 8 * 1024;
var VARIABLES = {
  "client.address": ({ call }) => call.clientAddress,
  "identity.subject": ({ call }) => call.identity?.subject,
  "node.id": ({ call }) => call.peer?.node.id,
  "path.*": ({ call }) => pathParameter(call.route.path, call.target, "*"),
  "request.host": ({ head }) => head.host,
  "request.id": ({ call }) => call.requestId,
  "request.method": ({ call }) => call.method,
  "request.path": ({ call }) => pathOf(call.target),
  "request.query": ({ call }) => queryOf(call.target) || void 0,
  "request.scheme": schemeOf,
  "route.id": ({ call }) => call.route.id,
  service: ({ call }) => call.route.service,
  "time.iso": () => (/* @__PURE__ */ new Date()).toISOString(),
  "time.unix": () => String(Math.floor(Date.now() / 1e3))
};
var FAMILIES = {
  claim: (name2) => {
    const read = compileClaimPath(name2);
    return ({ call }) => textOf(call.identity?.claims && read(call.identity.claims));
  },
  cookie: (name2) => ({ head }) => asText(getCookie(head.headers, name2)),
  header: (name2) => {
    const lower = name2.toLowerCase();
    return ({ head }) => asText(getAllHeaders(head.headers, lower));
  },
  path: (name2) => ({ call }) => pathParameter(call.route.path, call.target, name2),
  query: (name2) => ({ call }) => queryParameter(call.target, name2)
};
var VARIABLE_NAMES = [
  ...Object.keys(VARIABLES),
  ...Object.keys(FAMILIES).map((family) => `${family}.NAME`)
];
function variablesOf(text2) {
  return (parse(text2) ?? []).flatMap((part) => typeof part === "string" ? [] : part.variable);
}
function findTemplateProblem(text2) {
  const parts = parse(text2);
  if (parts === void 0)
    return { message: 'has a "{" without its "}"; write "{{" for the character itself' };
  for (const part of parts) {
    if (typeof part === "string") continue;
    try {
      if (!findVariable(part.variable))
        return { message: `has an unknown variable {${part.variable}}`, variable: part.variable };
    } catch (error) {
      return { message: `{${part.variable}} ${error.message}` };
    }
  }
  return void 0;
}
function compileTemplate(text2) {
  const problem = findTemplateProblem(text2);
  if (problem) throw new TypeError(problem.message);
  const parts = parse(text2).map(
    (part) => typeof part === "string" ? part : { read: findVariable(part.variable), fallback: part.fallback }
  );
  const [only] = parts;
  if (parts.length === 1 && typeof only === "string") return { render: () => only };
  return {
    render(exchange, encode) {
      let result = "";
      for (const part of parts) {
        if (typeof part === "string") result += part;
        else {
          const value = part.read(exchange) ?? part.fallback;
          if (value === void 0) return void 0;
          result += encode(value);
        }
      }
      return result.length > MAX_RESULT_LENGTH ? void 0 : result;
    }
  };
}
function encodeForHeader(value) {
  return /^[\x20-\x7e]*$/.test(value) ? value : Buffer.from(value).reduce(
    (text2, byte) => text2 + (byte >= 32 && byte <= 126 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`),
    ""
  );
}
function parse(text2) {
  const parts = [];
  let literal = "";
  for (let i = 0; i < text2.length; i++) {
    if (text2[i] !== "{") literal += text2[i];
    else if (text2[i + 1] === "{") {
      literal += "{";
      i++;
    } else {
      const end = text2.indexOf("}", i);
      if (end === -1) return void 0;
      const [variable = "", ...fallback] = text2.slice(i + 1, end).split("|");
      if (literal !== "") parts.push(literal);
      literal = "";
      parts.push({ variable, fallback: fallback.length === 0 ? void 0 : fallback.join("|") });
      i = end;
    }
  }
  if (literal !== "" || parts.length === 0) parts.push(literal);
  return parts;
}
function findVariable(name2) {
  if (Object.hasOwn(VARIABLES, name2)) return VARIABLES[name2];
  const dot = name2.indexOf(".");
  const family = name2.slice(0, dot);
  const rest = name2.slice(dot + 1);
  return dot > 0 && rest !== "" && Object.hasOwn(FAMILIES, family) ? FAMILIES[family](rest) : void 0;
}
function textOf(value) {
  if (value === void 0 || value === null) return void 0;
  return typeof value === "string" ? value : JSON.stringify(value);
}
function asText(value) {
  if (value === void 0 || !/[\x80-\xff]/.test(value)) return value;
  const text2 = Buffer.from(value, "latin1").toString("utf8");
  return text2.includes("\uFFFD") ? value : text2;
}
function queryOf(target) {
  const at = target.indexOf("?");
  return at === -1 ? "" : target.slice(at + 1);
}
function queryParameter(target, name2) {
  for (const pair of queryOf(target).split("&")) {
    const equals = pair.indexOf("=");
    const key = equals === -1 ? pair : pair.slice(0, equals);
    if (decodeQuery(key) === name2) return equals === -1 ? "" : decodeQuery(pair.slice(equals + 1));
  }
  return void 0;
}
function decodeQuery(text2) {
  try {
    return decodeURIComponent(text2.replaceAll("+", " "));
  } catch {
    return text2;
  }
}

// config/policies/headers.ts
var VALUE = /^[\x20-\x7e]*$/;
var MAX_ENTRIES = 64;
var VALUES = Type.Record(Type.String(), Type.String({ maxLength: 8192 }), { maxProperties: MAX_ENTRIES });
var OPERATIONS = {
  remove: Type.Optional(
    Type.Array(Type.String(), {
      maxItems: MAX_ENTRIES,
      description: "Names to remove; `x-debug-*` stands for every name that begins with `x-debug-`."
    })
  ),
  set: Type.Optional({ ...VALUES, description: "Values to set in place of any that are there." }),
  setIfAbsent: Type.Optional({ ...VALUES, description: "Values to set where there is none." }),
  add: Type.Optional({ ...VALUES, description: "Lines to add to any that are there." })
};
var requestHeaders = policyRule({
  schema: Type.Object(OPERATIONS, {
    additionalProperties: false,
    minProperties: 1,
    title: "header changes",
    description: 'Changes the headers that nodes get, in this order: `{"remove": [], "set": {}, "setIfAbsent": {}, "add": {}}`. Values are [templates](policies.md#templates).'
  }),
  adds: false,
  *problems(rule, { document, identityHeaders }) {
    yield* headerProblems(
      rule,
      (name2) => reservedInRequests(name2, identityHeaders),
      (name2) => reservedFromRemoval(name2, identityHeaders)
    );
    yield* variableProblems(
      rule,
      (variable) => variable === "node.id" ? "which is known only in answers" : absentVariable(variable, document?.path, identityHeaders)
    );
  }
});
var responseHeaders = policyRule({
  schema: Type.Object(
    {
      ...OPERATIONS,
      onErrors: Type.Optional(
        Type.Boolean({
          description: "Whether answers of the gateway itself are changed too. Absent: false; only answers of nodes and fallbacks are."
        })
      )
    },
    {
      additionalProperties: false,
      minProperties: 1,
      title: "header changes",
      description: "Changes the headers that clients get, as `requestHeaders` does."
    }
  ),
  adds: false,
  *problems(rule, { document, identityHeaders }) {
    yield* headerProblems(rule, reservedInAnswers);
    yield* variableProblems(rule, (variable) => absentVariable(variable, document?.path, identityHeaders));
    const { remove, ...operations } = membersOf(rule);
    for (const [index, name2] of textsOf(remove)) {
      const needed = name2.endsWith("*") ? neededInAnswers(name2.slice(0, -1).toLowerCase()) : void 0;
      if (needed !== void 0) yield { path: ["remove", index], message: `would remove ${needed}` };
    }
    for (const operation of ["set", "setIfAbsent"]) {
      for (const name2 of Object.keys(membersOf(operations[operation]))) {
        if (name2.toLowerCase() === "set-cookie") {
          yield { path: [operation, name2], message: "would replace the cookies of the node; use add" };
        }
      }
    }
  }
});
function* headerProblems(rule, reserved, reservedToRemove = reserved) {
  const { remove, ...operations } = membersOf(rule);
  for (const [index, name2] of textsOf(remove)) {
    const plain = name2.replace(/\*$/, "");
    const message = !TOKEN.test(plain) || plain.includes("*") ? "is not a valid header name" : reservedToRemove(plain.toLowerCase());
    if (message !== void 0) yield { path: ["remove", index], message };
  }
  for (const [operation, values] of Object.entries(operations)) {
    const seen = /* @__PURE__ */ new Set();
    for (const [name2, value] of Object.entries(membersOf(values))) {
      const path = [operation, name2];
      const lower = name2.toLowerCase();
      const message = TOKEN.test(name2) ? reserved(lower) : "is not a valid header name";
      if (message !== void 0) yield { path, message };
      if (seen.has(lower)) yield { path, message: "is there twice, in another case" };
      seen.add(lower);
      if (typeof value !== "string") continue;
      const problem = valueProblem(value);
      if (problem !== void 0) yield { path, message: problem };
    }
  }
}
function* variableProblems(rule, whyAbsent) {
  for (const [operation, values] of Object.entries(membersOf(rule))) {
    for (const [name2, value] of Object.entries(membersOf(values))) {
      for (const variable of typeof value === "string" ? variablesOf(value) : []) {
        const reason = whyAbsent(variable);
        if (reason !== void 0) yield { path: [operation, name2], message: `has {${variable}}, ${reason}` };
      }
    }
  }
}
function absentVariable(variable, path, identityHeaders) {
  const [, family, name2 = ""] = /^(header|path)\.(.+)$/.exec(variable) ?? [];
  if (family === "path" && typeof path === "string") {
    const segments = path.split("/");
    return segments.includes(name2 === "*" ? "*" : `:${name2}`) ? void 0 : "which the path does not have";
  }
  const isWithheld = family === "header" && reservedInRequests(name2.toLowerCase(), identityHeaders) !== void 0;
  return isWithheld ? "a header that is never taken from a client" : void 0;
}
function valueProblem(value) {
  if (!VALUE.test(value)) return "must be printable ASCII";
  const problem = findTemplateProblem(value);
  if (problem === void 0) return void 0;
  const { message, variable } = problem;
  if (variable === void 0) return message;
  const ofFamily = variable.replace(/\..*$/, ".NAME");
  return `${message}${didYouMean(variable, VARIABLE_NAMES) || didYouMean(ofFamily, VARIABLE_NAMES)}`;
}

// config/policies/policies.ts
var POLICY_RULES = { clients, cors, requestHeaders, responseHeaders };
var NAMES = Object.keys(POLICY_RULES);
function defaultPolicyFields() {
  return Object.fromEntries(
    NAMES.map((name2) => [name2, Type.Optional(POLICY_RULES[name2].schema)])
  );
}
function documentPolicyFields() {
  return Object.fromEntries(
    NAMES.map((name2) => {
      const { schema } = POLICY_RULES[name2];
      const { description = "" } = schema;
      return [name2, Type.Optional(Type.Union([Type.Literal(false), schema], { description }))];
    })
  );
}
function* findPolicyProblems(holder, context) {
  yield* findInRules(holder, ({ problems }, rule) => problems?.(rule, context));
}
function* findPolicyWarnings(holder) {
  yield* findInRules(holder, ({ warnings }, rule) => warnings?.(rule));
}
function* findInRules(holder, find) {
  const fields = membersOf(holder);
  for (const name2 of NAMES) {
    if (fields[name2] === void 0 || fields[name2] === false) continue;
    yield* under([name2], find(POLICY_RULES[name2], fields[name2]) ?? []);
  }
}
function toPolicies(document, defaults) {
  const policies = {};
  for (const name2 of NAMES) {
    const own = document[name2];
    if (own === false) continue;
    const outer = defaults[name2];
    if (own === void 0 && outer === void 0) continue;
    const { adds } = POLICY_RULES[name2];
    policies[name2] = deepFreeze(structuredClone(adds ? [outer, own].filter(Boolean) : own ?? outer));
  }
  return Object.keys(policies).length === 0 ? void 0 : Object.freeze(policies);
}

// internal/nodes/slow-start.ts
var FIRST_PART = 0.1;
function warmth({ warmingSince }, slowStart) {
  if (slowStart === void 0 || warmingSince === void 0) return 1;
  const passed = (slowStart.now - warmingSince) / slowStart.windowMs;
  return passed >= 1 ? 1 : FIRST_PART + (1 - FIRST_PART) * passed;
}

// internal/balancers/balancer.ts
function mayServe(peer, { tried }) {
  return peer.available() && (tried.length === 0 || !tried.includes(peer));
}
function weightOf(peer, { slowStart }) {
  return peer.node.weight * warmth(peer, slowStart);
}

// internal/balancers/two-choices.ts
var SAME_COST = 1.25;
function pickOfTwo(sampler, peers, context, random, cost) {
  const first = sampler.draw(peers, context);
  if (first === void 0 || peers.length === 1) return first;
  const second = sampler.draw(peers, context, first);
  if (second === void 0) return first;
  let firstCost = cost(first);
  let secondCost = cost(second);
  const same = firstCost <= secondCost * SAME_COST && secondCost <= firstCost * SAME_COST;
  if (same) {
    firstCost = 1;
    secondCost = 1;
  }
  if (first.inFlight === 0 && second.inFlight === 0) return secondCost < firstCost ? second : first;
  const part = same ? random() : 1;
  const firstLoad = firstCost * (first.inFlight + part) / weightOf(first, context);
  const secondLoad = secondCost * (second.inFlight + part) / weightOf(second, context);
  return secondLoad < firstLoad ? second : first;
}

// internal/balancers/weighted-sampler.ts
var MAX_DRAWS = 8;
var WeightedSampler = class {
  #random;
  #known = [];
  /** Peers with a weight. */
  #entries = [];
  /**
   * The part of each entry's column that is its own; the rest belongs to its alias. Undefined = all weights are equal.
   */
  #own = void 0;
  #aliases = new Uint32Array(0);
  /** @param random from 0 to below 1 */
  constructor(random) {
    this.#random = random;
  }
  /** Returns an available peer that was not tried and is not `except`; undefined when there is none. */
  draw(peers, context, except) {
    if (peers !== this.#known) this.#adopt(peers);
    const { length } = this.#entries;
    if (length === 0) return void 0;
    for (let draws = 0; draws < MAX_DRAWS; draws++) {
      const at = this.#random() * length;
      let column = Math.floor(at);
      if (this.#own !== void 0 && at - column >= this.#own[column]) column = this.#aliases[column];
      const peer = this.#entries[column];
      if (peer === except || !mayServe(peer, context)) continue;
      const part = warmth(peer, context.slowStart);
      if (part === 1 || this.#random() < part) return peer;
    }
    return this.#search(context, except);
  }
  /** Draws a peer by examining all of them. */
  #search(context, except) {
    const weights = this.#entries.map(
      (peer) => peer !== except && mayServe(peer, context) ? weightOf(peer, context) : 0
    );
    let left = this.#random() * weights.reduce((sum, weight) => sum + weight, 0);
    let last;
    for (const [index, weight] of weights.entries()) {
      if (weight === 0) continue;
      last = this.#entries[index];
      left -= weight;
      if (left < 0) break;
    }
    return last;
  }
  #adopt(peers) {
    this.#known = peers;
    this.#entries = peers.filter((peer) => peer.node.weight > 0);
    const weights = this.#entries.map((peer) => peer.node.weight);
    if (weights.every((weight) => weight === weights[0])) {
      this.#own = void 0;
      return;
    }
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    const own = Float64Array.from(weights, (weight) => weight / mean);
    this.#aliases = new Uint32Array(own.length);
    const low = [];
    const high = [];
    for (const [column, part] of own.entries()) (part < 1 ? low : high).push(column);
    while (low.length > 0 && high.length > 0) {
      const short = low.pop();
      const long = high.at(-1);
      this.#aliases[short] = long;
      own[long] -= 1 - own[short];
      if (own[long] < 1) low.push(high.pop());
    }
    for (const column of [...low, ...high]) own[column] = 1;
    this.#own = own;
  }
};

// internal/balancers/least-request.ts
function createLeastRequest({ random = Math.random } = {}) {
  const sampler = new WeightedSampler(random);
  return { pick: (peers, context) => pickOfTwo(sampler, peers, context, random, sameCost) };
}
function sameCost() {
  return 1;
}

// internal/balancers/text-hash.ts
var HASH_RANGE = 2 ** 32;
function hashText(text2, seed = 0) {
  let hash = 2166136261 ^ seed;
  for (let i = 0; i < text2.length; i++) hash = Math.imul(hash ^ text2.charCodeAt(i), 16777619);
  return mix(hash);
}
function mix(value) {
  let mixed = Math.imul(value ^ value >>> 16, 2246822507);
  mixed = Math.imul(mixed ^ mixed >>> 13, 3266489909);
  return (mixed ^ mixed >>> 16) >>> 0;
}

// internal/balancers/rendezvous-table.ts
var SLOTS = 2 ** 16;
var UNKNOWN = -1;
var RendezvousTable = class {
  #peers;
  #weights;
  /** Two hashes of each node's id, because the 32 bits of one may collide. */
  #first;
  #second;
  #owners = new Int32Array(SLOTS).fill(UNKNOWN);
  constructor(peers) {
    this.#peers = peers;
    this.#weights = Float64Array.from(peers, ({ node }) => node.weight);
    this.#first = Uint32Array.from(peers, ({ node }) => hashText(node.id));
    this.#second = Uint32Array.from(peers, ({ node }) => hashText(node.id, 1));
  }
  /** Whether the table is valid for these peers: the same ones with the same weights. */
  fits(peers) {
    if (peers.length !== this.#peers.length) return false;
    return peers.every((peer, index) => {
      return peer === this.#peers[index] && peer.node.weight === this.#weights[index];
    });
  }
  /** Returns the index of the peer that a hash belongs to; -1 when no peer has a weight. */
  ownerOf(hash) {
    const slot = hash % SLOTS;
    let owner = this.#owners[slot];
    if (owner === UNKNOWN) {
      owner = this.bestOf(hash, () => 1);
      this.#owners[slot] = owner;
    }
    return owner;
  }
  /**
   * Returns the index of the peer with the highest score for a hash among those with the highest rank above 0.
   *
   * @returns -1 when no peer has a rank above 0
   */
  bestOf(hash, rankOf) {
    const slot = mix(hash % SLOTS);
    let best = UNKNOWN;
    let bestRank = 0;
    let bestScore = 0;
    for (let index = 0; index < this.#weights.length; index++) {
      const weight = this.#weights[index];
      const rank = weight === 0 ? 0 : rankOf(index);
      if (rank === 0 || rank < bestRank) continue;
      const chance = mix(mix(slot ^ this.#first[index]) + this.#second[index]);
      const score = weight / -Math.log((chance + 0.5) / HASH_RANGE);
      if (rank === bestRank && score <= bestScore) continue;
      best = index;
      bestRank = rank;
      bestScore = score;
    }
    return best;
  }
};

// internal/balancers/consistent-hash.ts
var BALANCE = 1.25;
var RANK = { none: 0, full: 1, cold: 2, good: 3 };
function createConsistentHash(options = {}) {
  const withoutKey = createLeastRequest(options);
  let known = [];
  let table = new RendezvousTable([]);
  function pickByKey(hash, context) {
    const own = known[table.ownerOf(hash)];
    if (own && mayServe(own, context) && isWarmFor(hash, own, context)) {
      if (own.inFlight === 0 || hasCapacity(own, capacityPerWeight(known, context), context)) return own;
    }
    const capacity = capacityPerWeight(known, context);
    return known[table.bestOf(hash, (index) => {
      const peer = known[index];
      if (!mayServe(peer, context)) return RANK.none;
      if (!hasCapacity(peer, capacity, context)) return RANK.full;
      return isWarmFor(hash, peer, context) ? RANK.good : RANK.cold;
    })];
  }
  return {
    pick(peers, context) {
      if (context.key === void 0) return withoutKey.pick(peers, context);
      if (peers !== known) {
        known = peers;
        if (!table.fits(peers)) table = new RendezvousTable(peers);
      }
      return pickByKey(hashText(context.key), context);
    }
  };
}
function capacityPerWeight(peers, context) {
  let requests = 1;
  let weight = 0;
  for (const peer of peers) {
    if (!mayServe(peer, context)) continue;
    requests += peer.inFlight;
    weight += weightOf(peer, context);
  }
  return BALANCE * requests / weight;
}
function hasCapacity(peer, capacity, context) {
  return peer.inFlight + 1 <= Math.ceil(capacity * weightOf(peer, context));
}
function isWarmFor(hash, peer, { slowStart }) {
  const part = warmth(peer, slowStart);
  return part === 1 || hashText(peer.node.id, hash) < part * HASH_RANGE;
}

// internal/balancers/peak-ewma.ts
var DECAY_MS = 1e4;
var FAILURE_FACTOR = 2;
var MAX_FAILURE_MS = 1e4;
var USUAL_PART = 0.1;
function createPeakEwma({
  random = Math.random,
  now = () => performance.now()
} = {}) {
  const sampler = new WeightedSampler(random);
  const estimates = /* @__PURE__ */ new WeakMap();
  let usualMs = 0;
  function costAt(time, peer) {
    const estimate = estimates.get(peer);
    if (estimate === void 0) return peer.inFlight === 0 ? 0 : Number.MAX_SAFE_INTEGER;
    return estimate.latencyMs * Math.exp((estimate.at - time) / DECAY_MS);
  }
  return {
    pick(peers, context) {
      const time = now();
      return pickOfTwo(sampler, peers, context, random, (peer) => costAt(time, peer));
    },
    observe(peer, elapsedMs, end) {
      const at = now();
      const known = estimates.get(peer);
      const before = known?.latencyMs ?? 0;
      if (end === "abandoned" && elapsedMs <= before) return;
      const latencyMs = end === "failed" ? Math.max(elapsedMs, Math.min(MAX_FAILURE_MS, FAILURE_FACTOR * Math.max(before, usualMs))) : elapsedMs;
      if (end === "answered") usualMs += USUAL_PART * (elapsedMs - usualMs);
      if (known === void 0) {
        estimates.set(peer, { latencyMs, at });
        return;
      }
      const kept = Math.exp((known.at - at) / DECAY_MS);
      known.latencyMs = latencyMs > before ? latencyMs : before * kept + latencyMs * (1 - kept);
      known.at = at;
    }
  };
}

// internal/balancers/credit-tree.ts
var MAX_TURN = 1e9;
var CreditTree = class {
  #weights;
  /** The credit at turn 0; -Infinity while an entry takes no part. */
  #bases;
  #size;
  /** The winner of each match. Match 1 is the final; match v is between the winners of 2v and 2v + 1. */
  #winners;
  /** The last turn at which neither this match nor any below it changes its result. */
  #heldUntil;
  #turn = 0;
  /** At first, no entry takes part. */
  constructor(weights) {
    this.#size = 2 ** Math.ceil(Math.log2(Math.max(1, weights.length)));
    this.#weights = new Float64Array(this.#size);
    this.#weights.set(weights);
    this.#bases = new Float64Array(this.#size).fill(Number.NEGATIVE_INFINITY);
    this.#winners = new Int32Array(2 * this.#size);
    this.#heldUntil = new Float64Array(2 * this.#size).fill(Number.POSITIVE_INFINITY);
    for (let entry = 0; entry < this.#size; entry++) this.#winners[this.#size + entry] = entry;
    this.#replayAll();
  }
  /** The entry with the largest credit; -1 when none takes part. */
  get best() {
    const winner = this.#winners[1];
    return this.#bases[winner] === Number.NEGATIVE_INFINITY ? -1 : winner;
  }
  /** Returns the credit of an entry; -Infinity when it takes no part. */
  credit(entry) {
    return this.#weights[entry] * this.#turn + this.#bases[entry];
  }
  /** Lets an entry take part with this credit, or changes its credit. -Infinity takes it out. */
  set(entry, credit) {
    this.#bases[entry] = credit - this.#weights[entry] * this.#turn;
    for (let match = this.#size + entry >> 1; match >= 1; match >>= 1) this.#play(match);
  }
  /** Begins a new turn: every entry that takes part gains its weight. */
  advance() {
    if (this.#turn >= MAX_TURN) this.#toTurnZero();
    this.#turn++;
    this.#replay(1);
  }
  #replay(match) {
    if (this.#heldUntil[match] >= this.#turn) return;
    this.#replay(2 * match);
    this.#replay(2 * match + 1);
    this.#play(match);
  }
  #play(match) {
    const first = this.#winners[2 * match];
    const second = this.#winners[2 * match + 1];
    const ahead = this.credit(first) >= this.credit(second);
    this.#winners[match] = ahead ? first : second;
    this.#heldUntil[match] = Math.min(
      this.#heldUntil[2 * match],
      this.#heldUntil[2 * match + 1],
      ahead ? this.#lastTurn(first, second, true) : this.#lastTurn(second, first, false)
    );
  }
  /** Returns the last turn at which `winner` is ahead of `loser`, or level with it when that is enough. */
  #lastTurn(winner, loser, levelIsEnough) {
    const gain = this.#weights[loser] - this.#weights[winner];
    const lead = this.#bases[winner] - this.#bases[loser];
    if (gain <= 0 || !Number.isFinite(lead)) return Number.POSITIVE_INFINITY;
    return levelIsEnough ? Math.floor(lead / gain) : Math.ceil(lead / gain) - 1;
  }
  #toTurnZero() {
    for (let entry = 0; entry < this.#size; entry++) this.#bases[entry] = this.credit(entry);
    this.#turn = 0;
    this.#replayAll();
  }
  #replayAll() {
    for (let match = this.#size - 1; match >= 1; match--) this.#play(match);
  }
};

// internal/balancers/weighted-round-robin.ts
var MAX_CHECKED = 4;
var MAX_SKIPPED = 64;
var OUT = Number.NEGATIVE_INFINITY;
var NONE = [];
function createWeightedRoundRobin({ random = Math.random } = {}) {
  let known = [];
  let weights = [];
  let tree = new CreditTree([]);
  let aside = [];
  let total = 0;
  function adopt(peers) {
    const before = new Map(known.map((peer, index) => [peer, index]));
    const creditsAside = new Map(aside.map(({ index, credit }) => [index, credit]));
    let reweighted = false;
    const kept = peers.map((peer) => {
      const index = before.get(peer);
      if (index === void 0) return 0;
      reweighted ||= weights[index] !== peer.node.weight;
      const credit = creditsAside.get(index) ?? tree.credit(index);
      return Number.isFinite(credit) ? credit : 0;
    });
    known = peers;
    weights = peers.map((peer) => peer.node.weight);
    tree = new CreditTree(weights);
    aside = [];
    total = 0;
    for (const [index, peer] of peers.entries()) {
      const credit = reweighted ? 0 : kept[index];
      if (peer.available()) join(index, credit);
      else if (weights[index] > 0) aside.push({ index, credit });
    }
  }
  function join(index, credit) {
    tree.set(index, credit);
    total += weights[index];
  }
  function leave(index) {
    const credit = tree.credit(index);
    tree.set(index, OUT);
    total -= weights[index];
    return credit;
  }
  function passOver(tried) {
    return tried.flatMap((peer) => {
      const index = known.indexOf(peer);
      return index === -1 || tree.credit(index) === OUT ? [] : { index, credit: leave(index) };
    });
  }
  function recall(max, tried) {
    let found = false;
    for (let left = Math.min(max, aside.length); left > 0; left--) {
      const each = aside.shift();
      const peer = known[each.index];
      if (peer.available() && !tried.includes(peer)) {
        join(each.index, each.credit);
        found = true;
      } else aside.push(each);
    }
    return found;
  }
  function turn() {
    tree.advance();
    let best = tree.best;
    while (best !== -1 && !known[best].available()) {
      aside.push({ index: best, credit: leave(best) - weights[best] });
      best = tree.best;
    }
    if (best !== -1) tree.set(best, tree.credit(best) - total);
    return best;
  }
  function turnOfWarm(slowStart) {
    for (let skipped = 0; skipped < MAX_SKIPPED; skipped++) {
      const best = turn();
      if (best === -1) return best;
      const part = warmth(known[best], slowStart);
      if (part === 1 || random() < part) return best;
    }
    return turn();
  }
  return {
    pick(peers, { tried, slowStart }) {
      if (peers !== known) adopt(peers);
      if (aside.length > 0) recall(MAX_CHECKED, tried);
      const passedOver = tried.length > 0 ? passOver(tried) : NONE;
      let best = slowStart === void 0 ? turn() : turnOfWarm(slowStart);
      if (best === -1 && recall(aside.length, tried)) best = turn();
      for (const { index, credit } of passedOver) join(index, credit);
      return best === -1 ? void 0 : peers[best];
    }
  };
}

// internal/balancers/sticky-cookie.ts
function createStickyCookie(options = {}) {
  const others = createWeightedRoundRobin(options);
  let known = [];
  let byId = /* @__PURE__ */ new Map();
  return {
    pick(peers, context) {
      if (peers !== known) {
        known = peers;
        byId = new Map(peers.map((peer) => [peer.node.id, peer]));
      }
      const own = context.key === void 0 ? void 0 : byId.get(context.key);
      if (own?.available() && !context.tried.includes(own)) return own;
      return others.pick(peers, context);
    }
  };
}

// internal/balancers/weighted-random.ts
function createWeightedRandom({ random = Math.random } = {}) {
  const sampler = new WeightedSampler(random);
  return { pick: (peers, context) => sampler.draw(peers, context) };
}

// internal/balancers/balancers.ts
var BALANCERS = {
  "weighted-round-robin": createWeightedRoundRobin,
  "weighted-random": createWeightedRandom,
  "least-request": createLeastRequest,
  "peak-ewma": createPeakEwma,
  "consistent-hash": createConsistentHash,
  "sticky-cookie": createStickyCookie
};
function createBalancer(name2, options) {
  if (!Object.hasOwn(BALANCERS, name2)) throw new RangeError(`unknown balancer ${JSON.stringify(name2)}`);
  return BALANCERS[name2](options);
}

// config/route/balancer-rule.ts
var ONE = { additionalProperties: false, minProperties: 1, maxProperties: 1 };
var HashKeyRule = Type.Object(
  {
    header: Type.Optional(
      Type.String({
        pattern: TOKEN_PATTERN,
        title: "a header name",
        description: "The value of a header that is forwarded to the node."
      })
    ),
    cookie: Type.Optional(
      Type.String({
        pattern: TOKEN_PATTERN,
        title: "a cookie name",
        description: "The value of a cookie of the client."
      })
    ),
    address: Type.Optional(
      Type.Literal(true, {
        description: "The client's address. Behind `trustedProxies`, the address that they name."
      })
    ),
    claim: Type.Optional(
      Type.String({ minLength: 1, description: "A claim of the identity. Dots lead into nested objects." })
    ),
    pathParameter: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
        title: "a path parameter, without colon",
        description: "The value of a `:name` segment of the route's `path`."
      })
    )
  },
  { ...ONE, title: "hash key", description: "Requests with the same key go to the same node." }
);
var StickyCookieRule = Type.Object(
  {
    cookie: Type.Optional(
      Type.String({
        pattern: TOKEN_PATTERN,
        title: "a cookie name",
        description: "Name of the cookie. Absent: `waygate-` followed by the name of the service."
      })
    )
  },
  { additionalProperties: false, title: "cookie settings" }
);
function balancerRule(options) {
  return Type.Unsafe({
    ...Type.Union([
      ...Object.keys(BALANCERS).map((name2) => Type.Literal(name2)),
      Type.Object(
        {
          "consistent-hash": Type.Optional(HashKeyRule),
          "sticky-cookie": Type.Optional(StickyCookieRule)
        },
        { ...ONE, title: "balancer with settings" }
      )
    ]),
    ...options
  });
}
function toBalancer(rule) {
  if (rule === "consistent-hash") return { balancer: rule, hashKey: Object.freeze({ from: "address" }) };
  if (rule === "sticky-cookie") return { balancer: rule, stickyCookie: Object.freeze({}) };
  if (typeof rule === "string") return { balancer: rule };
  if ("sticky-cookie" in rule) {
    const { cookie: name2 } = rule["sticky-cookie"];
    return { balancer: "sticky-cookie", stickyCookie: Object.freeze({ name: name2 }) };
  }
  return { balancer: "consistent-hash", hashKey: Object.freeze(toHashKey(rule["consistent-hash"])) };
}
function toHashKey(rule) {
  if (rule.header !== void 0) return { from: "header", name: rule.header.toLowerCase() };
  if (rule.cookie !== void 0) return { from: "cookie", name: rule.cookie };
  if (rule.claim !== void 0) return { from: "claim", name: rule.claim };
  if (rule.pathParameter !== void 0) return { from: "pathParameter", name: rule.pathParameter };
  return { from: "address" };
}
function describeBalancer({
  balancer,
  hashKey,
  stickyCookie
}) {
  if (hashKey)
    return { [balancer]: hashKey.from === "address" ? { address: true } : { [hashKey.from]: hashKey.name } };
  return stickyCookie?.name === void 0 ? balancer : { [balancer]: { cookie: stickyCookie.name } };
}
function needsCookieSecret(rule) {
  return rule === "sticky-cookie" || "sticky-cookie" in membersOf(rule);
}
var NO_COOKIE_SECRET = "sticky-cookie needs a secret to sign its cookie: set WAYGATE_COOKIE_SECRET or routes.stickyCookie.secretFile";
function* findBalancerProblems(rule, path) {
  const { header, pathParameter: pathParameter2 } = membersOf(membersOf(rule)["consistent-hash"]);
  if (typeof header === "string" && header.toLowerCase() === "host") {
    yield {
      path: ["consistent-hash", "header"],
      message: "must not be host: nodes get their own address as Host; use x-forwarded-host"
    };
  }
  if (typeof pathParameter2 !== "string" || typeof path !== "string") return;
  if (path.split("/").includes(`:${pathParameter2}`)) return;
  yield { path: ["consistent-hash", "pathParameter"], message: `is not a parameter of the path ${path}` };
}

// config/route/health-check.ts
var TIME = { minimum: 100, maximum: 36e5 };
var SERVICE_NAME = "^[A-Za-z_][A-Za-z0-9_.]*$";
var THRESHOLD = { minimum: 1, maximum: 100 };
var HealthCheckRule = Type.Object(
  {
    path: Type.Optional(
      Type.String({
        pattern: "^/[\\x21-\\x7e]*$",
        maxLength: 2048,
        title: "a path that begins with / and has no spaces",
        description: "Path that is requested with GET, of nodes that get HTTP requests. One of `path`, `grpc` and `tcp` is required."
      })
    ),
    grpc: Type.Optional(
      Type.Union([Type.Literal(true), Type.String({ pattern: SERVICE_NAME, maxLength: 127 })], {
        description: "Asks the health service of gRPC nodes (`grpc.health.v1`): `true` about the whole server, or a name such as `task.v1.Tasks` about one of its services."
      })
    ),
    tcp: Type.Optional(
      Type.Literal(true, { description: "Checks only that the node accepts a TCP connection." })
    ),
    host: Type.Optional(
      Type.String({
        pattern: "^[\\x21-\\x7e]+$",
        maxLength: 255,
        title: "a host name, without spaces",
        description: "`Host` header of the request, `:authority` of a gRPC call. Absent: the node's address."
      })
    ),
    statuses: Type.Optional(
      Type.Array(Type.Integer({ minimum: 200, maximum: 599 }), {
        minItems: 1,
        uniqueItems: true,
        description: "Statuses that count as healthy. Absent: 200 to 399."
      })
    ),
    intervalMs: Type.Optional(
      Type.Integer({
        ...TIME,
        description: "Milliseconds between two checks, varied by up to a tenth. Absent: 5000."
      })
    ),
    timeoutMs: Type.Optional(
      Type.Integer({
        ...TIME,
        description: "Milliseconds for the connection and the answer together. Absent: 2000."
      })
    ),
    healthyAfter: Type.Optional(
      Type.Integer({
        ...THRESHOLD,
        description: "Number of checks in a row that an unhealthy node must pass to become healthy. Absent: 2."
      })
    ),
    unhealthyAfter: Type.Optional(
      Type.Integer({
        ...THRESHOLD,
        description: "Number of checks in a row that a healthy node must fail to become unhealthy. Absent: 2."
      })
    )
  },
  { additionalProperties: false, title: "health check" }
);
var HealthCheckOrNone = Type.Union([HealthCheckRule, Type.Literal(false)], {
  description: 'How the nodes of the service are checked ([health checks](health-checks.md)), such as `{"path": "/healthz"}`, `{"grpc": true}` or `{"tcp": true}`. `false`: not at all. If several routes of a service have a `healthCheck`, the one with the first id counts. Absent: as the metadata of each node says, otherwise `routes.defaults.healthCheck`.'
});
var KINDS = ["path", "grpc", "tcp"];
function* findHealthCheckProblems(rule) {
  if (typeof rule !== "object" || rule === null) return;
  const kinds = KINDS.filter((kind) => rule[kind] !== void 0);
  if (kinds.length === 0) yield { path: [], message: "must have `path`, `grpc` or `tcp`" };
  for (const kind of kinds.slice(1)) {
    yield { path: [kind], message: `must not be set together with \`${kinds[0]}\`` };
  }
}
function toHealthCheck(rule) {
  const { path, grpc, host, statuses } = rule;
  const { intervalMs = 5e3, timeoutMs = 2e3, healthyAfter = 2, unhealthyAfter = 2 } = rule;
  return Object.freeze({
    path,
    ...grpc !== void 0 && { grpc: grpc === true ? "" : grpc },
    host,
    statuses: statuses && Object.freeze([...statuses]),
    intervalMs,
    timeoutMs,
    healthyAfter,
    unhealthyAfter
  });
}
function describeHealthCheck({ path, grpc, host, statuses, ...times }) {
  return {
    ...grpc !== void 0 && { grpc: grpc === "" || grpc },
    ...path !== void 0 && { path },
    ...path === void 0 && grpc === void 0 && { tcp: true },
    ...host !== void 0 && { host },
    ...statuses && { statuses },
    ...times
  };
}
var findSchemaProblems = createProblemFinder(HealthCheckRule);
function parseHealthCheck(text2) {
  let rule;
  if (text2 === "tcp") rule = { tcp: true };
  else if (text2 === "grpc") rule = { grpc: true };
  else if (text2.startsWith("/")) rule = { path: text2 };
  else {
    try {
      rule = parseJson(text2);
    } catch {
      return { reason: "must be a path, `grpc`, `tcp`, or a health check as JSON" };
    }
  }
  const findings = [...findSchemaProblems(rule), ...findHealthCheckProblems(rule)];
  if (findings.length === 0) return { check: toHealthCheck(rule) };
  return { reason: toReason(findings) };
}

// config/route/grpc-json.ts
var unknownFields = (options = {}) => Type.Enum(["reject", "ignore"], {
  ...options,
  description: "What is done with a field of a body that the message does not have."
});
var unknownQuery = (options = {}) => Type.Enum(["reject", "ignore"], {
  ...options,
  description: "What is done with a query parameter that is no field of the message."
});
var emitDefaults = (options = {}) => Type.Boolean({ ...options, description: "Whether answers have fields that are not set, with their zero." });
var enums = (options = {}) => Type.Enum(["name", "number"], { ...options, description: "What answers have for a value of an enum." });
var names = (options = {}) => Type.Enum(["json", "proto"], {
  ...options,
  description: "How the fields of answers are named: in camelCase, or as in the .proto file."
});
var errors = (options = {}) => Type.Enum(["problem", "google"], {
  ...options,
  description: "How a status that is not OK is told: as a problem document, or as `google.rpc.Status`."
});
var stream = (options = {}) => Type.Enum(["ndjson", "sse", "array"], {
  ...options,
  description: "How an answer of several messages is sent: one JSON text a line, as server-sent events, or as one array. Clients that accept `text/event-stream` always get events."
});
var JsonSection = section(
  {
    unknownFields: unknownFields({ default: "reject" }),
    unknownQuery: unknownQuery({ default: "reject" }),
    emitDefaults: emitDefaults({ default: false }),
    enums: enums({ default: "name" }),
    names: names({ default: "json" }),
    errors: errors({ default: "problem" }),
    stream: stream({ default: "ndjson" })
  },
  "How JSON becomes gRPC messages, and messages become JSON."
);
var JsonRuleSchema = Type.Object(
  {
    unknownFields: Type.Optional(unknownFields()),
    unknownQuery: Type.Optional(unknownQuery()),
    emitDefaults: Type.Optional(emitDefaults()),
    enums: Type.Optional(enums()),
    names: Type.Optional(names()),
    errors: Type.Optional(errors()),
    stream: Type.Optional(stream())
  },
  {
    additionalProperties: false,
    description: "How JSON becomes gRPC messages, and messages become JSON. Absent fields: `grpc.json`."
  }
);
var PATH = { pattern: "^/", title: "a path template, such as /v1/tasks/{id}" };
var HTTP_FIELDS = {
  get: Type.Optional(Type.String({ ...PATH, description: "Path for GET." })),
  put: Type.Optional(Type.String({ ...PATH, description: "Path for PUT." })),
  post: Type.Optional(Type.String({ ...PATH, description: "Path for POST." })),
  delete: Type.Optional(Type.String({ ...PATH, description: "Path for DELETE." })),
  patch: Type.Optional(Type.String({ ...PATH, description: "Path for PATCH." })),
  custom: Type.Optional(
    Type.Object(
      {
        kind: Type.String({ description: "Another HTTP method." }),
        path: Type.String({ ...PATH, description: "Its path." })
      },
      { additionalProperties: false, description: "Path for another method." }
    )
  ),
  body: Type.Optional(
    Type.String({
      description: "What the body is: `*` for the whole message, or the name of a field of it."
    })
  ),
  responseBody: Type.Optional(
    Type.String({ description: "The field of the answer that is the body. Absent: the whole message." })
  )
};
var HttpRuleSchema = Type.Object(
  {
    selector: Type.String({
      pattern: "^[A-Za-z_][A-Za-z0-9_.]*[./][A-Za-z_][A-Za-z0-9_]*$",
      title: "a method with its service, such as task.v1.Tasks.GetTask",
      description: "The method that the rule is for, such as `task.v1.Tasks.GetTask`."
    }),
    ...HTTP_FIELDS,
    additionalBindings: Type.Optional(
      Type.Array(Type.Object(HTTP_FIELDS, { additionalProperties: false }), {
        description: "More ways to call the method."
      })
    )
  },
  { additionalProperties: false, title: "a google.api.HttpRule" }
);
function* findGrpcProblems(grpc) {
  const { rules } = membersOf(grpc);
  for (const [index, rule] of Array.isArray(rules) ? rules.entries() : []) {
    yield* under(["rules", index], ruleProblems(rule));
  }
}
function* ruleProblems(rule) {
  try {
    bindingsOfRule(membersOf(rule));
  } catch (error) {
    if (error instanceof TypeError) yield { path: [], message: error.message };
  }
}

// config/route/auth-rule-schema.ts
var NAME_LIST = Type.Array(Type.String({ minLength: 1, pattern: "^\\S+$", title: "one word" }));
var CLAIM_VALUE = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);
function grants(description) {
  return Type.Optional(
    Type.Object(
      {
        scopes: Type.Optional(
          Type.Unsafe({ ...NAME_LIST, description: "Scopes that must all be granted." })
        ),
        roles: Type.Optional(
          Type.Unsafe({ ...NAME_LIST, description: "Roles of which at least one must be held." })
        ),
        claims: Type.Optional(
          Type.Record(
            Type.String(),
            Type.Union([...CLAIM_VALUE.anyOf, Type.Array(CLAIM_VALUE, { minItems: 1 })]),
            {
              description: "Claims and the value, or the list of values, that each must have. A claim that is a list must contain one of the values. Claims are named like `jwt.rolesClaim`."
            }
          )
        )
      },
      { additionalProperties: false, description }
    )
  );
}
var Granting = Type.Object(
  {
    jwt: grants("A valid token that meets these requirements."),
    "api-key": grants("A known API key that meets these requirements."),
    basic: grants("A user with a password who meets these requirements.")
  },
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    title: "jwt, api-key or basic with requirements"
  }
);
var NAMES2 = [Type.Literal("jwt"), Type.Literal("api-key"), Type.Literal("basic")];
var RouteAuthRule = Type.Union(
  [
    ...NAMES2,
    Type.Literal("none"),
    Granting,
    Type.Array(Type.Union([...NAMES2, Granting]), {
      minItems: 1,
      title: "a list of authenticators of which one must succeed"
    })
  ],
  {
    description: 'Who may call the route ([authentication](authentication.md)): `"jwt"` (anyone with a valid token), `"api-key"`, `"basic"` or `"none"` (anyone); an object such as `{"jwt": {"scopes": [...], "roles": [...], "claims": {...}}}`, which requires all scopes, one of the roles and all claims; or a list of these of which one must succeed. Absent: `"jwt"` if a key is configured, otherwise `"none"`.'
  }
);

// config/route/grpc-schema.ts
var FAILURE_NAMES = GRPC_STATUS_NAMES.filter((name2) => name2 !== "OK");
var RPC_METHOD = Type.String({
  pattern: "^[A-Za-z_][A-Za-z0-9_.]*/[A-Za-z_][A-Za-z0-9_]*$",
  title: "a method with its service, such as task.v1.Tasks/Get"
});
var ALLOWED_METHODS = Type.String({
  pattern: "^(?:[A-Za-z_][A-Za-z0-9_.]*/[A-Za-z_][A-Za-z0-9_]*|(?:[A-Za-z_][A-Za-z0-9_.]*(?:/(?:[A-Za-z_][A-Za-z0-9_]*)?)?)?\\*)$",
  title: "a method such as task.v1.Tasks/Get, or the beginning of such a name and a *"
});
var CALL_TIMEOUT = { minimum: 1, maximum: MAX_TIMER_MS };
function statusNames(options) {
  return Type.Array(Type.Enum(FAILURE_NAMES), { ...options, uniqueItems: true });
}
var GrpcSchema = Type.Object(
  {
    timeoutMs: Type.Optional(
      Type.Integer({
        ...CALL_TIMEOUT,
        description: "Milliseconds that a whole call may take, its streams included, when its client sets no deadline. Absent: as long as it likes."
      })
    ),
    maxTimeoutMs: Type.Optional(
      Type.Integer({
        ...CALL_TIMEOUT,
        description: "The longest deadline, milliseconds, that a client may set with `grpc-timeout`; a longer one is shortened. Absent: `grpc.maxTimeoutMs`."
      })
    ),
    retryOn: Type.Optional(
      statusNames({
        description: "Statuses on which a call is retried on another node, if its answer consists of the status alone. When the document states them, methods that are not known to be idempotent are retried too. Absent: `grpc.retryOn`, for idempotent methods only."
      })
    ),
    failures: Type.Optional(
      statusNames({
        description: "Statuses that count as failures for the circuit breakers of the service's nodes. If several routes of a service have them, those of the one with the first id count. Absent: `grpc.failures`."
      })
    ),
    allow: Type.Optional(
      Type.Array(ALLOWED_METHODS, {
        uniqueItems: true,
        description: "Methods that can be called on this route, by gRPC, gRPC-web and JSON alike: `task.v1.Tasks/Get`, or with a `*` at the end, `task.v1.Tasks/*`. Absent: all methods of the service."
      })
    ),
    web: Type.Optional(
      Type.Boolean({
        description: "Whether calls of gRPC-web become gRPC calls. With `false` they reach nodes of HTTP as they are. Absent: true."
      })
    ),
    idempotent: Type.Optional(
      Type.Array(RPC_METHOD, {
        uniqueItems: true,
        description: "Methods that may be repeated although a node may have acted on the call, such as `task.v1.Tasks/Get`, in addition to those whose descriptor says so."
      })
    ),
    descriptors: Type.Optional(
      Type.String({
        minLength: 1,
        description: "Name of the descriptors of the service: a key below `discovery.descriptorsPrefix`, or a name in `grpc.descriptors`. If several routes of a service have one, that of the one with the first id counts. Absent: those named like the service, or else what its nodes say (reflection)."
      })
    ),
    bindings: Type.Optional(
      Type.Enum(["annotated", "default", "all"], {
        description: "Paths at which methods take JSON. `annotated`: those of rules. `default`: `POST /package.Service/Method` and, if no other method has its name, `POST /Method`. `all`: both. Absent: `annotated` for methods that have a rule, and `default` for the others."
      })
    ),
    rules: Type.Optional(
      Type.Array(HttpRuleSchema, {
        description: "Paths of methods, each as a `google.api.HttpRule` with a selector. They replace the annotations of these methods. If several routes of a service have rules, those of the one with the first id count."
      })
    ),
    json: Type.Optional(JsonRuleSchema)
  },
  {
    additionalProperties: false,
    description: "Rules for gRPC calls ([gRPC](grpc.md)). Absent: the settings of `grpc`."
  }
);

// config/route/resilience-schema.ts
var TIMEOUT = { minimum: 1, maximum: 36e5 };
var STATUS = Type.Integer({ minimum: 400, maximum: 599 });
function tryTimeout(description) {
  return Type.Integer({ ...TIMEOUT, description });
}
function retryOn(options) {
  return Type.Array(STATUS, { ...options, uniqueItems: true });
}
function retryBuffer(options) {
  return Type.Integer({ ...options, minimum: 0, maximum: 1048576 });
}
var FAILURE_RATIO = { exclusiveMinimum: 0, maximum: 1 };
var durationOf = (minimum, description) => Type.Optional(Type.Integer({ minimum, maximum: MAX_TIMER_MS, description }));
var SLOW_CALL = Type.Union([Type.Null(), Type.Integer(TIMEOUT)]);
var BREAKER_STATUSES = Type.Union([Type.Null(), Type.Array(STATUS, { uniqueItems: true })]);
var HedgeSchema = Type.Union(
  [
    Type.Boolean(),
    Type.Object(
      {
        afterMs: Type.Integer({
          minimum: 0,
          maximum: 36e5,
          description: "Milliseconds after which a second node is asked."
        })
      },
      { additionalProperties: false, title: "when to hedge" }
    )
  ],
  {
    description: 'Whether a slow GET is also sent to a second node while the first has not answered; the first answer wins. `true`: after the time in which 95% of the recent answers of the service came. `{"afterMs": 50}`: after that time. Absent: false.'
  }
);
var BreakerSchema = Type.Object(
  {
    failureRatio: Type.Optional(
      Type.Number({ ...FAILURE_RATIO, description: "Share of failed tries at which the breaker opens." })
    ),
    minimumRequests: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: "Number of tries within the window below which the ratio does not count."
      })
    ),
    windowMs: durationOf(100, "How far back tries are counted, milliseconds."),
    openMs: durationOf(10, "How long the breaker stays open before the first probe, milliseconds."),
    maxOpenMs: durationOf(10, "The longest that the breaker stays open between two probes, milliseconds."),
    slowCallMs: Type.Optional(
      Type.Unsafe({
        ...SLOW_CALL,
        description: "Milliseconds after which an answer counts as a failure. `null`: never."
      })
    ),
    statuses: Type.Optional(
      Type.Unsafe({
        ...BREAKER_STATUSES,
        description: "Statuses that count as failures. `null`: 500 and above, except 501 and 505."
      })
    ),
    ejectLastNode: Type.Optional(
      Type.Boolean({
        description: "Whether a node is ejected for what it answers even if no other node does better."
      })
    )
  },
  {
    additionalProperties: false,
    description: "Settings of the circuit breakers of the service's nodes ([circuit breaking](circuit-breaking.md)). Fields left out come from `breaker` of the configuration. A node has one breaker for all routes: if several routes of a service have a `breaker`, the one with the first id counts."
  }
);
var CONCURRENT = Type.Union([
  Type.Null(),
  Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
]);
var LIMIT_QUEUE = Type.Union([Type.Null(), Type.Integer({ minimum: 0, maximum: 1e6 })]);
var LIMIT_QUEUE_MS = { minimum: 0, maximum: 6e4 };
var ServiceLimitSchema = Type.Object(
  {
    concurrent: Type.Optional(
      Type.Unsafe({
        ...CONCURRENT,
        description: "Number of requests that may be in flight at the same time, in each process. `null`: no fixed limit."
      })
    ),
    adaptive: Type.Optional(
      Type.Boolean({ description: "Whether the limit adapts to how long answers take." })
    ),
    max: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: "The largest value of an adaptive limit."
      })
    ),
    queue: Type.Optional(
      Type.Unsafe({
        ...LIMIT_QUEUE,
        description: "Number of requests that may wait while the limit is reached. `null`: half of the limit."
      })
    ),
    queueMs: Type.Optional(
      Type.Integer({
        ...LIMIT_QUEUE_MS,
        description: "Milliseconds that a request waits before it is refused."
      })
    )
  },
  {
    additionalProperties: false,
    description: 'Concurrency limit of the service ([overload](overload.md)): fixed, as in `{"concurrent": 100}`, or `{"adaptive": true}`. Requests beyond it are refused with 503. Fields left out come from `serviceLimit` of the configuration. A service has one limit for all routes: if several routes of a service have a `serviceLimit`, the one with the first id counts.',
    formerly: "limit"
  }
);
var StaleFallback = Type.Object(
  {
    stale: Type.Literal(true, { description: "Answers with the last good answer to the same request." }),
    maxAgeSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 31536e3,
        description: "The largest age of the answer. Absent: 86400, a day."
      })
    )
  },
  { additionalProperties: false, title: "last good answer" }
);

// config/route/route-schema.ts
var HOST = Type.String({
  pattern: "^(?:\\*\\.)?[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$",
  title: "a host name without port, or *. and a host name",
  maxLength: 253
});
var StaticFallback = Type.Object(
  {
    status: Type.Integer({ minimum: 200, maximum: 599, description: "The status of the answer." }),
    headers: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: "The headers of the answer." })
    ),
    body: Type.Optional(
      Type.String({
        description: "The body of the answer, sent as it is. Set its `content-type` in `headers`."
      })
    )
  },
  { additionalProperties: false, title: "fixed answer" }
);
var ServiceFallback = Type.Object(
  { service: name("The service that answers instead.") },
  { additionalProperties: false, title: "other service" }
);
var SLOW_START = { minimum: 0, maximum: 36e5 };
var RETRIES = { minimum: 0, maximum: 10 };
function rewriteLocation(options) {
  return Type.Union([Type.Boolean(), Type.Literal("always")], options);
}
var RouteDocument = Type.Object(
  {
    path: Type.String({
      minLength: 1,
      maxLength: 2048,
      description: "The paths that the route matches: literal segments, `:param` for one segment, and at most one trailing `*` for the rest. The most specific path wins."
    }),
    methods: Type.Optional(
      Type.Array(METHOD, {
        minItems: 1,
        uniqueItems: true,
        description: "The methods that the route matches. `*` is not allowed. Absent: all methods."
      })
    ),
    hosts: Type.Optional(
      Type.Array(HOST, {
        minItems: 1,
        description: "The hosts that the route matches, without port. `*.example.org` matches every name below it. Absent: all hosts."
      })
    ),
    service: name("The service that requests are forwarded to."),
    stripPrefix: Type.Optional(
      Type.String({
        description: "Leading literal segments of `path` that are removed before forwarding. With `/api`, the node gets `/users` for `/api/users`."
      })
    ),
    auth: Type.Optional(RouteAuthRule),
    timeoutMs: Type.Optional(
      Type.Integer({
        ...TIMEOUT,
        description: "Milliseconds from the arrival of the request to the head of the answer, over all tries. Absent: `routes.defaults.timeoutMs`."
      })
    ),
    bodyIdleTimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_TIMER_MS,
        description: "Milliseconds of silence in the body of an answer after which the answer is aborted. 0: never. Absent: `upstream.bodyIdleTimeoutMs`."
      })
    ),
    retries: Type.Optional(
      Type.Integer({
        ...RETRIES,
        description: "Number of tries after the first, each on a node that was not tried yet. Only requests that are safe to repeat are retried. Absent: `routes.defaults.retries`."
      })
    ),
    tryTimeoutMs: Type.Optional(
      tryTimeout(
        "Milliseconds that a single try may take until the head of its answer. Absent: `routes.defaults.tryTimeoutMs`."
      )
    ),
    retryOn: Type.Optional(
      retryOn({
        description: "Statuses that are retried on another node if the method is idempotent. Absent: `routes.defaults.retryOn`."
      })
    ),
    retryBufferBytes: Type.Optional(
      retryBuffer({
        description: "Largest request body that is kept in memory while it is sent, so that the request can be sent again: those of idempotent methods, and all of services with nodes of HTTP/2. Absent: `routes.defaults.retryBufferBytes`."
      })
    ),
    hedge: Type.Optional(HedgeSchema),
    breaker: Type.Optional(BreakerSchema),
    healthCheck: Type.Optional(HealthCheckOrNone),
    serviceLimit: Type.Optional(ServiceLimitSchema),
    grpc: Type.Optional(GrpcSchema),
    balancer: Type.Optional(
      balancerRule({
        description: 'How a node is chosen: the name of a balancer, or an object with the name and its settings, such as `{"consistent-hash": {"header": "x-tenant"}}` ([balancing](balancing.md)). Absent: `routes.defaults.balancer`.'
      })
    ),
    slowStartMs: Type.Optional(
      Type.Integer({
        ...SLOW_START,
        description: "Milliseconds in which the share of a new or recovered node grows from a tenth of its weight to all of it. Absent: `routes.defaults.slowStartMs`."
      })
    ),
    priority: Type.Optional(
      Type.Integer({
        minimum: -1e6,
        maximum: 1e6,
        description: "Decides between routes with the same path, methods and hosts: the larger one wins. Absent: 0."
      })
    ),
    fallback: Type.Optional(
      Type.Union([StaticFallback, ServiceFallback, StaleFallback], {
        description: 'What answers when no node of the service can ([fallbacks](fallbacks.md)): a fixed answer `{"status", "headers", "body"}`, another service `{"service"}`, or the last good answer `{"stale": true}`. Absent: the client gets the error.'
      })
    ),
    maxBodyBytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: "Largest request body. A larger one is answered 413. 0: no limit. Absent: `clientLimits.bodyBytes`."
      })
    ),
    allowEncodedSlash: Type.Optional(
      Type.Boolean({
        description: "Whether paths with an encoded slash (`%2F`) are accepted, for services whose ids contain slashes. An encoded slash is not a separator here and is forwarded as it came, so a node that decodes it before routing sees another path than the gateway routed. Absent: false; such a path is answered 400."
      })
    ),
    allowSlowClients: Type.Optional(
      Type.Boolean({
        description: "Whether clients may send and read more slowly than `clientLimits.minBytesPerSecond`, for bodies that are written as things happen. Absent: false."
      })
    ),
    mergeSlashes: Type.Optional(
      Type.Boolean({
        description: "Whether repeated slashes in a path reach the node as one slash. With false they reach it as they came, for services whose keys have empty segments, such as object stores. Routes are matched as if slashes were merged in either case. Absent: true."
      })
    ),
    preserveHost: Type.Optional(
      Type.Boolean({
        description: "Whether the client's `Host` header is forwarded instead of the node's address. Absent: false."
      })
    ),
    rewriteLocation: Type.Optional(
      rewriteLocation({
        description: 'Whether the node\'s own address in `Location`, `Content-Location` and `Refresh` is replaced, and the stripped prefix is put back there and in the paths of cookies, unless it is there already. `"always"`: also if it seems to be there already. `false`: answers are left as they are ([headers](headers.md#redirects-and-cookies)). Absent: `routes.defaults.rewriteLocation`.'
      })
    ),
    ...documentPolicyFields()
  },
  {
    additionalProperties: false,
    title: "route document",
    description: "Maps requests to a service, with the rules that apply to them."
  }
);
var RouteDocuments = Type.Record(Type.String(), RouteDocument, {
  propertyNames: { type: "string", pattern: NAME_PATTERN },
  default: {},
  description: "Routes by id, in addition to those in etcd. A document in etcd with the same id takes precedence."
});

// config/kit/key-algorithms.ts
var ALGORITHMS = [
  "HS256",
  "HS384",
  "HS512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA"
];
var HMAC = ["HS256", "HS384", "HS512"];
var RSA = ["RS256", "RS384", "RS512"];
var RSA_PSS = ["PS256", "PS384", "PS512"];
var CURVES = {
  prime256v1: "ES256",
  secp384r1: "ES384",
  secp521r1: "ES512"
};
var MIN_RSA_BITS = 2048;
function possibleAlgorithms(key) {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== void 0 && modulusLength < MIN_RSA_BITS) {
    throw new TypeError(`an RSA key of ${modulusLength} bits; use at least ${MIN_RSA_BITS}`);
  }
  switch (key.asymmetricKeyType) {
    case "rsa":
      return [...RSA, ...RSA_PSS];
    case "rsa-pss":
      return RSA_PSS;
    case "ed25519":
    case "ed448":
      return ["EdDSA"];
    default: {
      const curve = CURVES[namedCurve ?? ""];
      if (curve !== void 0) return [curve];
      const type = namedCurve ?? key.asymmetricKeyType;
      throw new TypeError(`a key of type ${type}; use RSA, P-256, P-384, P-521 or Ed25519`);
    }
  }
}
function kindOfKey(key) {
  return `a key of type ${key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType}`;
}

// config/sections/client-limits-section.ts
var ClientLimitsSection = section(
  {
    bodyBytes: count(
      0,
      "Largest request body. A larger one is answered 413. 0: no limit; bodies are streamed and never held in memory."
    ),
    targetBytes: count(
      8192,
      "Longest request target (path and query). A longer one is answered 414. RFC 9110 recommends at least 8,000.",
      256
    ),
    headerBytes: count(
      16384,
      "Largest request head, including the target. A larger one is answered 431.",
      1024
    ),
    headersTimeoutMs: durationMs(1e4, "Milliseconds in which the whole head of a request must arrive.", 1),
    bodyIdleTimeoutMs: durationMs(
      3e4,
      "Milliseconds of silence in the middle of a request body after which the connection is closed. 0: never."
    ),
    sendIdleTimeoutMs: durationMs(
      3e4,
      "Milliseconds for which a client may read nothing of its answer. After that, its connection and the one to the node are closed. 0: no limit."
    ),
    minBytesPerSecond: count(
      240,
      "The slowest rate, on average, at which a client may send a request body or read an answer. A slower client is disconnected after `minRateGraceMs`. WebSockets, event streams (`text/event-stream`) and routes with `allowSlowClients` are exempt. 0: no limit."
    ),
    minRateGraceMs: durationMs(
      5e3,
      "Milliseconds that a client may stay below `minBytesPerSecond`. A client that has been faster gets more, up to `bodyIdleTimeoutMs` or `sendIdleTimeoutMs`.",
      1
    ),
    keepAliveTimeoutMs: durationMs(
      75e3,
      "How long an idle client connection is kept, milliseconds. The default is above the 60 s of common load balancers, so that they close it first.",
      1
    ),
    requestsPerConnection: count(
      1e4,
      "Number of requests after which a client connection is closed, so that load spreads over gateways and processes again. 0: no limit."
    ),
    connections: count(
      2e4,
      "Number of client connections at the same time, in each process. Further ones are closed at once. 0: only the limit of the system."
    ),
    connectionsPerAddress: count(
      2e3,
      "Number of connections of one client address (for IPv6, of one /64 network) at the same time, in each process. Addresses in `trustedProxies` are not limited, so list load balancers there. 0: no limit."
    )
  },
  "What one client may send, and how much of the gateway it may hold ([client limits](client-limits.md)).",
  { formerly: "limits" }
);

// config/sections/credential-sections.ts
var ApiKeysSection = section(
  {
    enabled: Type.Boolean({
      default: false,
      description: "Whether routes may ask for API keys. If so, the gateway reads them from etcd."
    }),
    prefix: text(
      "Prefix of the etcd keys that are API keys. The name of such a key is the SHA-256 of the API key in hexadecimal, and its value says who owns it. `waygate api-key` creates them.",
      { default: "/waygate/api-keys/" }
    ),
    header: Type.String({
      default: "x-api-key",
      ...DASHED_HEADER,
      description: "Header in which a client sends its key. A key that was accepted is not forwarded."
    })
  },
  "API keys ([authentication](authentication.md))."
);
var User = Type.Object(
  {
    password: Type.String({
      minLength: 1,
      writeOnly: true,
      description: "Hash of the password, as printed by `waygate hash-password`."
    }),
    scopes: Type.Optional(Type.Array(Type.String(), { description: "Scopes granted to the user." })),
    roles: Type.Optional(Type.Array(Type.String(), { description: "Roles held by the user." }))
  },
  { additionalProperties: false }
);
var BasicSection = section(
  {
    users: Type.Record(Type.String(), User, {
      default: {},
      description: "Users by name, each with a `password` (a hash) and optional `scopes` and `roles`."
    }),
    usersFile: Type.Optional(
      text(
        "File with more users, one `name:hash` per line. `#` begins a comment. These users have no scopes and no roles.",
        { isPath: true }
      )
    )
  },
  "Users with passwords (Basic authentication, RFC 7617)."
);

// config/sections/grpc-section.ts
var GrpcSection = section(
  {
    auto: Type.Boolean({
      default: true,
      description: "Whether a service with gRPC nodes and without a route document is callable at the names of its gRPC services."
    }),
    reflection: Type.Boolean({
      default: true,
      description: "Whether gRPC nodes are asked for their descriptors, for services whose methods must be known."
    }),
    maxTimeoutMs: Type.Union([Type.Null(), Type.Integer(CALL_TIMEOUT)], {
      default: null,
      description: "The longest deadline, milliseconds, that a client may set with `grpc-timeout`; a longer one is shortened. `null`: no limit."
    }),
    descriptors: Type.Record(Type.String(), Type.String({ minLength: 1, isPath: true }), {
      default: {},
      description: "Files with descriptors, by the name of a service or a name that a route uses: FileDescriptorSets, as `protoc --include_imports --descriptor_set_out` and `buf build` write them. Values in etcd with the same name win."
    }),
    json: JsonSection,
    messageBytes: Type.Integer({
      default: 4194304,
      minimum: 1024,
      maximum: 268435456,
      description: "The largest message where one is held as a whole, in bytes of JSON and of protobuf. The JSON of an answer may take 16 times as much memory. Converting a body of 4 MiB takes about 0.1 s of CPU time, in which nothing else is done, and up to 0.6 s if it consists of hundreds of thousands of tiny values. Messages that pass as they are have no limit."
    }),
    retryOn: statusNames({
      default: ["UNAVAILABLE"],
      description: "Statuses on which a call of an idempotent method is retried on another node, if its answer consists of the status alone."
    }),
    failures: statusNames({
      default: ["UNKNOWN", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"],
      description: "Statuses that count as failures for the circuit breakers of gRPC nodes."
    })
  },
  "gRPC calls ([gRPC](grpc.md)). Route documents have rules of their own in `grpc`."
);

// config/sections/http2-section.ts
var MAX_WINDOW_BYTES = 16 * 1024 * 1024;
var Http2Section = section(
  {
    enabled: Type.Boolean({
      default: true,
      description: "Whether clients may speak HTTP/2. If not, those that try get 400."
    }),
    cleartext: Type.Boolean({
      default: true,
      description: "Whether clients may speak HTTP/2 without TLS, by prior knowledge (`curl --http2-prior-knowledge`, gRPC without TLS). `Upgrade: h2c` is ignored either way."
    }),
    concurrentStreams: Type.Integer({
      default: 250,
      minimum: 1,
      maximum: 1e4,
      description: "Number of requests that one client connection may have in flight. Further ones are refused with `REFUSED_STREAM`, so that the client repeats them."
    }),
    streamWindowBytes: Type.Integer({
      default: 65536,
      minimum: 65535,
      maximum: MAX_WINDOW_BYTES,
      description: "Bytes of one request body that a client may send before a node takes them. The window of an upload that its node takes quickly grows to a quarter of `connectionWindowBytes`, and to 1 MiB at most."
    }),
    connectionWindowBytes: Type.Integer({
      default: 1048576,
      minimum: 65535,
      maximum: MAX_WINDOW_BYTES,
      description: "The same for all request bodies of one client connection together."
    }),
    bufferedBytes: Type.Integer({
      default: 67108864,
      minimum: 1048576,
      maximum: 1073741824,
      description: "Bytes of bodies that this process may hold for all HTTP/2 clients. While it holds more, connections that hold more than their share get no new requests (`REFUSED_STREAM`), and may send no more of their bodies."
    }),
    earlyResets: section(
      {
        burst: count(1e3, "Resets that a connection may send at once."),
        perSecond: count(200, "Resets that it may send each second in the long run.")
      },
      "How often the clients of one connection may take requests back before their answers have begun. Beyond that, the connection ends with `ENHANCE_YOUR_CALM` (rapid reset, CVE-2023-44487). A burst of 0: no limit."
    )
  },
  "HTTP/2 for clients ([gRPC and HTTP/2](grpc.md))."
);

// config/sections/jwt-section.ts
var KEY = {
  secret: Type.Optional(
    secret("Secret that verifies tokens (HS256, HS384, HS512).", {
      env: "WAYGATE_JWT_SECRET",
      neverEmpty: true
    })
  ),
  secretFile: Type.Optional(
    text("File with the secret. One newline at its end is ignored.", {
      isPath: true,
      insteadOf: "secret"
    })
  ),
  publicKeyFile: Type.Optional(
    text(
      "File with the public key or certificate (PEM) that verifies tokens (RS, PS and ES families, EdDSA).",
      { env: "WAYGATE_JWT_PUBLIC_KEY_FILE", neverEmpty: true, isPath: true, insteadOf: "secret" }
    )
  ),
  algorithms: Type.Optional(
    Type.Array(Type.Enum(ALGORITHMS), {
      minItems: 1,
      uniqueItems: true,
      description: "Accepted signature algorithms. Absent: all that fit the key.",
      env: "WAYGATE_JWT_ALGORITHMS",
      neverEmpty: true
    })
  )
};
var COOKIE_NAME = Type.String({
  pattern: TOKEN_PATTERN,
  title: "a cookie name",
  description: "Cookie that may hold the token instead of the `Authorization` header. It is removed before the request is forwarded. Absent: none."
});
var QUERY_PARAMETER = Type.String({
  pattern: "^[A-Za-z0-9._~-]+$",
  title: "a name of A-Z a-z 0-9 . _ ~ -",
  description: "Query parameter that may hold the token instead of the `Authorization` header, such as `access_token`. It is removed before the request is forwarded. Absent: none."
});
var maxLifetime = (description) => Type.Optional(Type.Integer({ minimum: 1, maximum: 31536e4, description }));
var Issuer = Type.Object(
  {
    issuer: text("The `iss` claim of its tokens."),
    audience: Type.Optional(textOrList("Accepted `aud`, one or a list. Absent: `jwt.audience`.")),
    ...KEY,
    jwksUrl: Type.Optional(
      text(
        "URL of its public keys (a JWK Set, RFC 7517): https, or http on loopback. Redirects are refused."
      )
    ),
    requireExpiry: Type.Optional(
      Type.Boolean({
        description: "Whether a token without `exp` is refused. Absent: `jwt.requireExpiry`."
      })
    ),
    maxLifetimeSeconds: maxLifetime("Largest time from `iat` to `exp`. Absent: `jwt.maxLifetimeSeconds`."),
    rolesClaim: Type.Optional(text("Claim with the roles. Absent: `jwt.rolesClaim`.")),
    scopeClaim: Type.Optional(text("Claim with the scopes. Absent: `jwt.scopeClaim`."))
  },
  {
    additionalProperties: false,
    description: "An issuer. Its key is exactly one of `secret`, `secretFile`, `publicKeyFile` and `jwksUrl`."
  }
);
var JwtSection = section(
  {
    secret: KEY.secret,
    secretFile: KEY.secretFile,
    publicKeyFile: KEY.publicKeyFile,
    privateKeyFile: Type.Optional(
      text("File with the private key (PEM) that `waygate token` signs with. The gateway never reads it.", {
        isPath: true
      })
    ),
    algorithms: KEY.algorithms,
    issuer: Type.Optional(
      textOrList("Accepted `iss`, one or a list. Absent: any issuer.", {
        env: "WAYGATE_JWT_ISSUER",
        neverEmpty: true
      })
    ),
    audience: Type.Optional(
      textOrList("Accepted `aud`, one or a list. Absent: any audience.", {
        env: "WAYGATE_JWT_AUDIENCE",
        neverEmpty: true
      })
    ),
    issuers: Type.Array(Issuer, {
      default: [],
      description: "Issuers with keys of their own, in addition to the key above. The `iss` of a token decides whose rules apply."
    }),
    clockToleranceSeconds: Type.Integer({
      default: 5,
      minimum: 0,
      maximum: 3600,
      description: "How far the clocks of issuer and gateway may differ when `exp`, `nbf` and `iat` are checked."
    }),
    requireExpiry: Type.Boolean({
      default: true,
      description: "Whether a token without `exp` is refused. Such a token would be valid indefinitely."
    }),
    maxLifetimeSeconds: maxLifetime(
      "Largest time from `iat` to `exp`. A token that lives longer is refused, and so is one without `iat`. Absent: no limit."
    ),
    cookie: Type.Optional(COOKIE_NAME),
    queryParameter: Type.Optional(QUERY_PARAMETER),
    rolesClaim: text(
      "Claim with the roles, a list or words separated by spaces. Dots lead into nested objects, as in `realm_access.roles`, and so does a JSON path, as in `$.realms[0].roles`.",
      { default: "roles" }
    ),
    scopeClaim: text(
      "Claim with the scopes, a list or words separated by spaces (RFC 8693 section 4.2). With the default `scope`, a token without that claim may have `scp` instead.",
      { default: "scope" }
    ),
    claimHeaders: Type.Record(Type.String(), Type.String(DASHED_HEADER), {
      default: { sub: "x-user-id" },
      description: "Claims that are forwarded to the node as headers, `claim: header`. Headers of these names that a client sends are removed. A map of your own replaces the whole default."
    }),
    jwks: section(
      {
        refreshSeconds: Type.Integer({
          default: 300,
          minimum: 10,
          maximum: 86400,
          description: "Seconds between two fetches of a key set. A key that is no longer in the set stops being accepted."
        }),
        cooldownSeconds: Type.Integer({
          default: 30,
          minimum: 1,
          maximum: 3600,
          description: "Shortest time between two fetches caused by tokens with an unknown `kid`, seconds."
        })
      },
      "Fetching of the key sets at `jwksUrl`."
    ),
    revocations: section(
      {
        enabled: Type.Boolean({
          default: false,
          description: "Whether tokens whose `jti` is a key below `prefix` in etcd are refused."
        }),
        prefix: text(
          "Prefix of the etcd keys whose names are the `jti` of revoked tokens. Their values are ignored.",
          {
            default: "/waygate/revocations/"
          }
        )
      },
      "Tokens that are revoked before they expire."
    ),
    cacheSize: count(
      1e4,
      "Number of verified tokens that are remembered until they expire, which saves the signature check. 0: none."
    )
  },
  "Verification of tokens ([authentication](authentication.md)). Without a key, routes without `auth` are open to everyone."
);

// config/sections/resilience-sections.ts
var BreakerSection = section(
  {
    failureRatio: Type.Number({
      default: 0.5,
      ...FAILURE_RATIO,
      description: "Share of failed tries, 0..1, at which the breaker of a node opens."
    }),
    minimumRequests: count(
      10,
      "Number of tries within the window below which the ratio does not count, since one failure of one try says little. The breaker opens at once after this many tries in a row without a connection, whatever the ratio, and after half as many in a row that were not answered in time (at least 5, and never more than this number).",
      1
    ),
    windowMs: durationMs(1e4, "How far back tries are counted, milliseconds.", 100),
    openMs: durationMs(
      5e3,
      "How long the breaker stays open before the first probe, milliseconds. The time doubles after each probe that fails.",
      10
    ),
    maxOpenMs: durationMs(
      3e4,
      "The longest that the breaker stays open between two probes, milliseconds.",
      10
    ),
    slowCallMs: Type.Unsafe({
      ...SLOW_CALL,
      default: null,
      description: "Milliseconds after which the head of an answer counts as a failure. `null`: never."
    }),
    statuses: Type.Unsafe({
      ...BREAKER_STATUSES,
      default: null,
      description: "Statuses that count as failures. `null`: 500 and above, except 501 and 505, which say nothing about the node."
    }),
    ejectLastNode: Type.Boolean({
      default: false,
      description: "Whether a node is ejected for what it answers even if no other node does better, the only node of a service among them. Clients are then refused, or get the `fallback`, while every node fails. But requests that fail on every node, which any client may send, then eject all nodes."
    })
  },
  "The circuit breakers, one for each node, that stop sending requests to a failing node ([circuit breaking](circuit-breaking.md))."
);
var ServiceLimitSection = section(
  {
    concurrent: Type.Unsafe({
      ...CONCURRENT,
      default: null,
      description: "Number of requests that may be in flight at the same time. `null`: no fixed limit."
    }),
    adaptive: Type.Boolean({
      default: false,
      description: "Whether the limit adapts to how long answers take: it shrinks while they take longer than they need to."
    }),
    max: count(1e3, "The largest value of an adaptive limit.", 1),
    queue: Type.Unsafe({
      ...LIMIT_QUEUE,
      default: null,
      description: "Number of requests that may wait while the limit is reached. `null`: half of the limit."
    }),
    queueMs: Type.Integer({
      ...LIMIT_QUEUE_MS,
      default: 25,
      description: "Milliseconds that a request waits before it is refused. 0: it does not wait."
    })
  },
  "The concurrency limit of each service, in each process. Requests beyond it are refused with 503 ([overload](overload.md)).",
  { formerly: "limit" }
);
var OverloadSection = section(
  {
    loopDelayMs: Type.Integer({
      default: 50,
      minimum: 0,
      maximum: 6e4,
      description: "Milliseconds that a turn of the event loop may take. While every turn takes longer for half a second, the gateway refuses some of the requests. 0: it never does."
    })
  },
  "Protection of the gateway itself against overload."
);
var StaleAnswersSection = section(
  {
    totalBytes: count(
      16777216,
      "Memory for all answers that are kept. The least recently used ones are dropped first."
    ),
    answerBytes: count(262144, "The largest answer that is kept.")
  },
  'The answers kept for routes with the fallback `{"stale": true}` ([fallbacks](fallbacks.md)).'
);

// config/sections/upstream-section.ts
var CONNECTIONS = { minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
var WINDOW = { minimum: 65535, maximum: 16777216 };
var UpstreamHttp2Section = section(
  {
    connectionsPerNode: Type.Union([Type.Null(), Type.Integer({ minimum: 1, maximum: 1e3 })], {
      default: null,
      description: "Number of connections to one node that take new requests, in each process. Requests beyond `streamsPerConnection` on each of them wait. `null`: as many as the requests in flight need."
    }),
    streamsPerConnection: Type.Integer({
      default: 100,
      minimum: 1,
      maximum: 1e4,
      description: "Number of requests in flight on one connection. A node that allows fewer gets no more than it allows."
    }),
    streamWindowBytes: Type.Integer({
      default: 262144,
      ...WINDOW,
      description: "Bytes of one answer that a node may send before the client has taken them, so also what is held for a client that reads nothing."
    }),
    connectionWindowBytes: Type.Integer({
      default: 16777216,
      ...WINDOW,
      description: "The same for all answers on a connection together. When half of it is held for clients that read too slowly, new requests use another connection."
    }),
    cancels: section(
      {
        burst: count(200, "Number of requests that may be cancelled in quick succession. 0: no limit."),
        perSecond: count(10, "Number of cancellations each second that the budget regains.")
      },
      "How many requests may be cancelled on one connection to a node. A connection whose budget is used up gets no further requests, and what is cancelled on it afterwards is read and dropped: servers end a connection, with all of its requests, when too many are cancelled."
    )
  },
  "Connections to nodes that speak HTTP/2: those with the protocol `grpc` or `h2c`."
);
var UpstreamSection = section(
  {
    connectTimeoutMs: durationMs(
      5e3,
      "Milliseconds in which a connection to a node must be established.",
      1
    ),
    bodyIdleTimeoutMs: durationMs(
      3e5,
      "Milliseconds of silence in the body of an answer after which the answer is aborted. The default of five minutes leaves room for slow event streams. 0: never."
    ),
    keepAliveMs: durationMs(
      4e3,
      "How long an idle connection to a node is kept, milliseconds. The default is below the 5 s after which a Node.js server closes it, so that no request meets a closing socket.",
      1
    ),
    dnsRefreshMs: durationMs(
      5e3,
      "How often the name of a node is looked up while there are connections to it, milliseconds. Connections to an address that the name no longer has carry no further request. Nodes with an IP address are not looked up. 0: never."
    ),
    connectionsPerNode: Type.Union([Type.Null(), Type.Integer(CONNECTIONS)], {
      default: null,
      description: "Number of HTTP/1.1 connections to one node at the same time, in each process. `null`: no limit."
    }),
    answerHeadBytes: Type.Integer({
      default: 16384,
      minimum: 1024,
      maximum: 262144,
      description: "Largest head of an answer. A larger one is answered 502. The default is what HAProxy and Node.js accept, and many clients accept no more."
    }),
    http2: UpstreamHttp2Section
  },
  "Connections to nodes."
);

// config/schema.ts
var LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];
var EtcdSection = section(
  {
    endpoints: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description: "Members of the etcd cluster, such as `http://10.0.0.5:2379`. Absent: the gateway runs the embedded etcd.",
        env: "WAYGATE_ETCD",
        flag: "--etcd URL[,URL...]"
      })
    ),
    embedded: Type.String({
      default: "127.0.0.1:2379",
      minLength: 1,
      description: "Address that the embedded etcd listens on, `host:port`. It must be on loopback, because the embedded etcd has no authentication.",
      flag: "--embedded-etcd HOST:PORT",
      insteadOf: "endpoints"
    }),
    user: Type.Optional(text("User name for etcd.", { env: "WAYGATE_ETCD_USER" })),
    password: Type.Optional(secret("Password of `user`.", { env: "WAYGATE_ETCD_PASSWORD" })),
    ca: Type.Optional(
      text("File with the CA certificates (PEM) that verify the certificate of etcd.", {
        env: "WAYGATE_ETCD_CA",
        isPath: true
      })
    ),
    cert: Type.Optional(
      text("File with the client certificate (PEM). Requires `key`.", {
        env: "WAYGATE_ETCD_CERT",
        isPath: true
      })
    ),
    key: Type.Optional(
      text("File with the private key (PEM) of `cert`.", { env: "WAYGATE_ETCD_KEY", isPath: true })
    )
  },
  "The etcd that holds nodes and routes ([etcd](etcd.md))."
);
var DiscoverySection = section(
  {
    registry: Type.Enum(["etcd", "file", "memory"], {
      default: "etcd",
      description: "Where nodes and routes come from. `file`: from `discovery.file`, without etcd. `memory`: from the process itself, for tests; everything is lost on exit."
    }),
    file: Type.Optional(
      text(
        "The YAML or JSON file with nodes and routes for `registry: file` ([file registry](file-registry.md)). It is read again whenever it changes.",
        {
          isPath: true
        }
      )
    ),
    servicesPrefix: text("Prefix of the etcd keys that are nodes.", {
      default: "/services/",
      env: "WAYGATE_SERVICES_PREFIX",
      flag: "--services-prefix PREFIX"
    }),
    routesPrefix: text("Prefix of the etcd keys that are route documents.", {
      default: "/waygate/routes/",
      env: "WAYGATE_ROUTES_PREFIX",
      flag: "--routes-prefix PREFIX"
    }),
    descriptorsPrefix: Type.Union([Type.Null(), Type.String({ minLength: 1 })], {
      default: "/waygate/descriptors/",
      description: "Prefix of the etcd keys that describe gRPC services: FileDescriptorSets by the name of a service, or by a name that routes use ([gRPC](grpc.md)). `null`: none are read."
    }),
    format: text(
      "Format of the values below `servicesPrefix` ([formats](formats.md)). `auto` decides by their shape.",
      {
        default: "auto"
      }
    ),
    sources: Type.Array(
      section(
        {
          prefix: text("Prefix of the etcd keys that are nodes."),
          format: text("Format of their values.", { default: "auto" }),
          service: Type.Optional(
            text("Service of all these nodes, for formats in which neither key nor value names it.")
          )
        },
        "A prefix below which other software registers its services."
      ),
      {
        default: [],
        description: "More prefixes to read nodes from. `servicesPrefix` is read as well, unless one of these overlaps it."
      }
    ),
    allowedAddresses: Type.Array(Type.String(), {
      default: [],
      description: "Addresses and CIDR ranges that nodes may have. A node at another address is not used and is listed as a problem; a host name that resolves to another address gets no connection. Empty: all addresses."
    }),
    suspectGraceMs: durationMs(
      6e4,
      "How long nodes that etcd seems to have lost stay in use while they accept connections, milliseconds. etcd seems to have lost nodes when it was wiped, or when more than half of a service is gone right after an outage. 0: every loss is believed at once."
    )
  },
  "Where nodes and routes are found."
);
var AdminSection = section(
  {
    hosts: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: "Names, without ports, under which the admin listener may be called without `adminToken`, besides `localhost`, `adminHost` and every IP address. Others are refused with 421, because a web page can let its name resolve to this machine (DNS rebinding).",
      env: "WAYGATE_ADMIN_HOSTS"
    })
  },
  "The admin listener."
);
var RoutesSection = section(
  {
    auto: Type.Boolean({
      default: true,
      description: "Whether a service without a route document is reachable at `/<service>/*`, with the prefix stripped."
    }),
    defaults: section(
      {
        timeoutMs: Type.Integer({
          ...TIMEOUT,
          default: 15e3,
          description: "Milliseconds from the arrival of a request to the head of its answer, over all tries. 15 s is also the default of Envoy."
        }),
        retries: Type.Union([Type.Null(), Type.Integer(RETRIES)], {
          default: null,
          description: "Number of tries after the first, each on another node. `null`: one on every other node."
        }),
        tryTimeoutMs: Type.Union([Type.Null(), Type.Integer(TIMEOUT)], {
          default: null,
          description: "Milliseconds that a single try may take until the head of its answer. After that, a request that is safe to repeat is sent to another node. `null`: whatever `timeoutMs` leaves."
        }),
        retryOn: retryOn({
          default: [502, 503, 504],
          description: "Statuses that are retried on another node if the method is idempotent (GET, HEAD, OPTIONS, PUT, DELETE)."
        }),
        retryBufferBytes: retryBuffer({
          default: 65536,
          description: "Largest request body that is kept in memory while it is sent, so that the request can be sent again: those of idempotent methods, and all of services with nodes of HTTP/2."
        }),
        balancer: balancerRule({
          default: "weighted-round-robin",
          description: "How a node is chosen: the name of a balancer, or an object with the name and its settings ([balancing](balancing.md))."
        }),
        healthCheck: Type.Union([Type.Null(), HealthCheckRule], {
          default: null,
          description: 'Health check of nodes for which neither a route nor their own metadata sets one, such as `{"path": "/healthz"}` or `{"tcp": true}` ([health checks](health-checks.md)). `null`: no check.'
        }),
        slowStartMs: Type.Integer({
          ...SLOW_START,
          default: 0,
          description: "Milliseconds in which the share of a new or recovered node grows from a tenth of its weight to all of it. 0: it has its whole weight at once."
        }),
        rewriteLocation: rewriteLocation({
          default: true,
          description: "Whether redirects and cookies of nodes are rewritten to what clients can use. Route documents explain the values."
        }),
        ...defaultPolicyFields()
      },
      "Defaults for the fields that a route leaves out."
    ),
    stickyCookie: section(
      {
        secret: Type.Optional(
          secret("Secret that signs the cookies. It must be the same in every gateway.", {
            env: "WAYGATE_COOKIE_SECRET",
            neverEmpty: true
          })
        ),
        secretFile: Type.Optional(
          text("File with the secret. One newline at its end is ignored.", {
            isPath: true,
            insteadOf: "secret"
          })
        )
      },
      "The cookies of the balancer `sticky-cookie`."
    ),
    documents: RouteDocuments
  },
  "Routes that do not come from etcd, and defaults for all routes."
);
var ConfigSchema = Type.Object(
  {
    $schema: Type.Optional(
      Type.String({ description: "URL of the JSON Schema, for editors. Waygate ignores it." })
    ),
    host: text("Address that the gateway listens on.", {
      default: "0.0.0.0",
      env: "WAYGATE_HOST",
      flag: "--host ADDRESS"
    }),
    port: port(8080, "Port that the gateway listens on. 0: any free port.", {
      env: "WAYGATE_PORT",
      flag: "--port PORT"
    }),
    adminHost: text(
      "Address that the admin listener listens on. An address that is not loopback requires `adminToken`, because the admin listener shows every node.",
      { default: "127.0.0.1", env: "WAYGATE_ADMIN_HOST", flag: "--admin-host ADDRESS" }
    ),
    adminPort: port(9180, "Port that the admin listener listens on. 0: any free port.", {
      env: "WAYGATE_ADMIN_PORT",
      flag: "--admin-port PORT"
    }),
    adminToken: Type.Optional(
      Type.String({
        pattern: "^[\\x21-\\x7e]+$",
        title: "printable ASCII without spaces",
        writeOnly: true,
        description: "Token that the admin listener requires as `Authorization: Bearer`. Absent: none.",
        env: "WAYGATE_ADMIN_TOKEN",
        neverEmpty: true
      })
    ),
    admin: AdminSection,
    workers: Type.Integer({
      default: 1,
      minimum: 0,
      maximum: 1024,
      description: "Number of processes that share the port, each with its own table, connections and breakers. 0: one per core. With 2 or more, SIGHUP reloads the configuration.",
      env: "WAYGATE_WORKERS",
      flag: "--workers N"
    }),
    dataDir: text(
      "Folder for the copy of the routing table from which the gateway starts while etcd is down.",
      {
        default: ".waygate",
        env: "WAYGATE_DATA_DIR",
        flag: "--data-dir FOLDER",
        isPath: true
      }
    ),
    logLevel: Type.Enum(LOG_LEVELS, {
      default: "info",
      description: "Least severe level that is logged: `fatal`, `error`, `warn`, `info`, `debug` or `trace`; `silent` logs nothing.",
      env: "WAYGATE_LOG_LEVEL",
      flag: "--log-level LEVEL"
    }),
    accessLog: Type.Boolean({ default: true, description: "Whether each request is logged, in one line." }),
    drainMs: durationMs(
      1e3,
      "How long new connections are still served on shutdown, milliseconds, so that load balancers notice first."
    ),
    shutdownTimeoutMs: durationMs(
      1e4,
      "How long requests in flight may take to finish on shutdown, milliseconds."
    ),
    trustedProxies: Type.Array(Type.String(), {
      default: [],
      description: "Addresses and CIDR ranges of proxies whose `X-Forwarded-*`, `Forwarded`, `X-Real-IP` and `Client-Cert` headers are trusted ([headers](headers.md#trusted-proxies))."
    }),
    forwardedHeader: Type.Boolean({
      default: false,
      description: "Whether nodes get the `Forwarded` header of RFC 7239 beside `X-Forwarded-*` ([headers](headers.md#headers-to-nodes))."
    }),
    etcd: EtcdSection,
    discovery: DiscoverySection,
    routes: RoutesSection,
    jwt: JwtSection,
    apiKeys: ApiKeysSection,
    basic: BasicSection,
    breaker: BreakerSection,
    serviceLimit: ServiceLimitSection,
    overload: OverloadSection,
    staleAnswers: StaleAnswersSection,
    upstream: UpstreamSection,
    grpc: GrpcSection,
    clientLimits: ClientLimitsSection,
    http2: Http2Section
  },
  { additionalProperties: false, description: "The configuration of Waygate." }
);

// config/load/fields.ts
var FIELDS = [...fieldsIn(ConfigSchema, "")];
function* fieldsIn({ properties = {} }, prefix) {
  for (const [key, schema] of Object.entries(properties)) {
    const path = `${prefix}${key}`;
    if (schema.properties) yield* fieldsIn(schema, `${path}.`);
    else yield { path, schema };
  }
}
function isList({ type, anyOf = [] }) {
  return type === "array" || anyOf.some(isList);
}
function fromText(text2, schema) {
  if (isList(schema)) {
    return text2.split(",").map((item) => item.trim()).filter((item) => item !== "");
  }
  return schema.type === "integer" && /^-?\d{1,15}$/.test(text2.trim()) ? Number(text2) : text2;
}

// config/load/environment.ts
var CONFIG_VARIABLE = "WAYGATE_CONFIG";
var VARIABLES2 = FIELDS.flatMap(
  (field) => field.schema.env === void 0 ? [] : [{ name: field.schema.env, ...field }]
);
var LINK = /^(?:tcp|udp|sctp):\/\/(?:[\d.]+|\[[\da-f:.]+\]):\d+$/;
var LINK_NAME = /^(WAYGATE.*?)_PORT(?:_\d+_(?:TCP|UDP|SCTP))?$/;
var LINK_PART = /^_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z\d_]+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;
function findServiceLinks(env) {
  const isLink = (name2) => LINK.test(env[name2] ?? "");
  const isOption = (name2) => VARIABLES2.some((variable) => variable.name === name2);
  const names2 = Object.keys(env);
  const services = names2.filter(isLink).flatMap((name2) => LINK_NAME.exec(name2)?.[1] ?? []);
  const links = names2.flatMap((name2) => {
    const service = services.find((each) => name2.startsWith(each) && LINK_PART.test(name2.slice(each.length)));
    return service === void 0 || isOption(name2) && !isLink(name2) ? [] : [{ service, name: name2 }];
  });
  const grouped = Map.groupBy(
    links.sort((a, b) => Number(isOption(b.name)) - Number(isOption(a.name))),
    ({ service }) => service
  );
  return new Map([...grouped].map(([service, each]) => [service, each.map(({ name: name2 }) => name2)]));
}
function readEnvironment(env) {
  const settings = [];
  const problems = [];
  const links = findServiceLinks(env);
  const linked = new Set([...links.values()].flat());
  for (const { name: name2, path, schema } of VARIABLES2) {
    const text2 = env[name2];
    if (text2 === void 0 || linked.has(name2)) continue;
    const source = `environment ${name2}`;
    if (text2.trim() !== "") settings.push({ path, value: fromText(text2, schema), source });
    else if (schema.neverEmpty) {
      problems.push({
        path: `$.${path}`,
        message: "must not be empty; unset the variable to do without it",
        source
      });
    }
  }
  const known = [...VARIABLES2.map(({ name: name2 }) => name2), CONFIG_VARIABLE];
  const unknown = Object.keys(env).filter((name2) => name2.startsWith("WAYGATE_") && !known.includes(name2) && !linked.has(name2)).map((name2) => `environment ${name2} is not a variable of Waygate${didYouMean(name2, known)}`);
  const ignored = [...links].map(([service, [name2, ...more]]) => {
    const others = more.length === 0 ? "" : ` and ${more.length} more`;
    return `environment ${name2}${others} are ignored: Kubernetes sets them for the Service ${service.toLowerCase().replaceAll("_", "-")}; enableServiceLinks: false in the pod keeps them out`;
  });
  return { settings, problems, warnings: [...unknown, ...ignored] };
}

export {
  closest,
  didYouMean,
  Type,
  membersOf,
  withDefaults,
  deepFreeze,
  findProblems,
  createProblemFinder,
  createOriginList,
  schemeOf,
  runSteps,
  comparable,
  routerPattern,
  literalStart,
  startOfSegment,
  hashOfSegment,
  pathParameter,
  compileTemplate,
  encodeForHeader,
  reservedEverywhere,
  POLICY_RULES,
  findPolicyProblems,
  findPolicyWarnings,
  toPolicies,
  hashText,
  createBalancer,
  toBalancer,
  describeBalancer,
  needsCookieSecret,
  NO_COOKIE_SECRET,
  findBalancerProblems,
  findHealthCheckProblems,
  toHealthCheck,
  describeHealthCheck,
  parseHealthCheck,
  findGrpcProblems,
  RouteDocument,
  HMAC,
  possibleAlgorithms,
  kindOfKey,
  ConfigSchema,
  FIELDS,
  fromText,
  CONFIG_VARIABLE,
  readEnvironment
};
