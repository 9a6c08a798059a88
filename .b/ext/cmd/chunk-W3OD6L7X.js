import {
  CONFIG_VARIABLE,
  ConfigSchema,
  FIELDS,
  HMAC,
  NO_COOKIE_SECRET,
  RouteDocument,
  createProblemFinder,
  deepFreeze,
  findBalancerProblems,
  findGrpcProblems,
  findHealthCheckProblems,
  findPolicyProblems,
  findPolicyWarnings,
  findProblems,
  kindOfKey,
  membersOf,
  needsCookieSecret,
  possibleAlgorithms,
  readEnvironment,
  reservedEverywhere,
  withDefaults
} from "./chunk-BMJZOWOK.js";
import {
  ConfigError,
  jsonPath,
  show,
  toProblem,
  under
} from "./chunk-RHCDAQUY.js";
import {
  TextDocumentError,
  parseTextDocument
} from "./chunk-ORGHNJCV.js";
import {
  decodePem,
  decodeText
} from "./chunk-MD4L36BR.js";
import {
  NAME,
  parseAddress
} from "./chunk-ZOIAUEOT.js";
import {
  compileClaimPath
} from "./chunk-KXELJCG2.js";
import {
  DuplicateMemberError
} from "./chunk-IOHFKSVH.js";
import {
  parsePasswordHash
} from "./chunk-2DEKI57A.js";
import {
  TOKEN
} from "./chunk-BN4MFTCA.js";

// config/keys/file-contents.ts
import { readFileSync } from "node:fs";
function createFileRecord() {
  const read = /* @__PURE__ */ new Map();
  return {
    readFile(path) {
      const content = readFileSync(path);
      read.set(path, content.toString("base64"));
      return content;
    },
    contents: () => Object.fromEntries(read)
  };
}
function readFrom(contents) {
  return (path) => {
    const content = contents[path];
    if (content === void 0)
      throw Object.assign(new Error(`${path} was not read before`), { code: "ENOENT" });
    return Buffer.from(content, "base64");
  };
}
function reasonOf(error) {
  const { code } = error;
  switch (code) {
    case "ENOENT":
      return "no such file";
    case "EACCES":
      return "permission denied";
    case "EISDIR":
      return "it is a folder";
    default:
      return code ?? String(error);
  }
}

// config/keys/jwt-keys.ts
import { createPrivateKey, createPublicKey, createSecretKey } from "node:crypto";

// config/keys/key-files.ts
import { readFileSync as readFileSync2 } from "node:fs";
var MIN_SECRET_BYTES = 32;
function readSecret(section, at, findings) {
  const path = [...at, section.secret === void 0 ? "secretFile" : "secret"];
  const secret = section.secret ?? (section.secretFile && readKeyText(section.secretFile, path, findings)?.replace(/\r?\n$/, ""));
  if (secret === void 0) return void 0;
  if (secret === "") {
    findings.problems.push({ path, message: "is empty, but must hold a secret" });
    return void 0;
  }
  if (secret !== secret.trim()) {
    findings.warnings.push(
      `${jsonPath(path).slice(2)} begins or ends with white space, which counts as part of the secret`
    );
  }
  const bytes = Buffer.from(secret, "utf8");
  if (bytes.length < MIN_SECRET_BYTES) {
    const guessed = at[0] === "jwt" ? "a token" : "a cookie";
    findings.warnings.push(
      `${jsonPath(path).slice(2)} has ${bytes.length} bytes; below ${MIN_SECRET_BYTES} it can be guessed from ${guessed} (RFC 7518 section 3.2)`
    );
  }
  return bytes;
}
function readKeyText(file, path, findings) {
  return readKeyFile(file, path, findings, decodeText);
}
function readPem(file, path, findings) {
  return readKeyFile(file, path, findings, decodePem);
}
function readBytes(file, path, findings) {
  return readKeyFile(file, path, findings, (bytes) => bytes);
}
function readKeyFile(file, path, { problems, readFile = readFileSync2 }, decode) {
  let bytes;
  try {
    bytes = readFile(file);
  } catch (error) {
    problems.push({ path, message: `${file} cannot be read: ${reasonOf(error)}` });
    return void 0;
  }
  try {
    return decode(bytes);
  } catch (error) {
    problems.push({ path, message: `${file} ${error.message}` });
    return void 0;
  }
}

// config/keys/jwt-keys.ts
function loadJwtKeys(jwt, findings) {
  return {
    jwt: loadVerificationKey(jwt, ["jwt"], findings),
    issuers: jwt.issuers.map(
      (issuer, index) => loadVerificationKey(issuer, ["jwt", "issuers", index], findings)
    )
  };
}
function loadSigningKey(jwt, findings) {
  if (jwt.privateKeyFile === void 0) return loadSecret(jwt, ["jwt"], findings);
  return loadPem(jwt, ["jwt"], "privateKeyFile", createPrivateKey, findings);
}
function loadVerificationKey(section, at, findings) {
  if (section.publicKeyFile === void 0) return loadSecret(section, at, findings);
  return loadPem(section, at, "publicKeyFile", createPublicKey, findings);
}
function loadSecret(section, at, findings) {
  const secret = readSecret(section, at, findings);
  return secret && withAlgorithms(createSecretKey(secret), HMAC, "a secret", section, at, findings);
}
function loadPem(section, at, field, create, findings) {
  const path = [...at, field];
  const file = section[field];
  const pem = readPem(file, path, findings);
  if (pem === void 0) return void 0;
  let key;
  try {
    key = create(pem);
  } catch {
    const kind = field === "publicKeyFile" ? "a public key or certificate" : "an unencrypted private key";
    findings.problems.push({ path, message: `${file} does not hold ${kind} in PEM` });
    return void 0;
  }
  if (field === "publicKeyFile" && pem.includes("PRIVATE KEY")) {
    findings.warnings.push(
      `${jsonPath(path).slice(2)} ${file} holds a private key; the gateway needs only the public key`
    );
  }
  try {
    return withAlgorithms(key, possibleAlgorithms(key), kindOfKey(key), section, at, findings);
  } catch (error) {
    findings.problems.push({ path, message: `${file} holds ${error.message}` });
    return void 0;
  }
}
function withAlgorithms(key, possible, kind, { algorithms = possible }, at, findings) {
  const before = findings.problems.length;
  for (const [index, algorithm] of algorithms.entries()) {
    if (possible.includes(algorithm)) continue;
    const path = [...at, "algorithms", index];
    findings.problems.push({ path, message: `${algorithm} does not fit ${kind}: ${possible.join(", ")}` });
  }
  return findings.problems.length > before ? void 0 : { key, algorithms };
}

// config/keys/keys.ts
import { createSecretKey as createSecretKey2 } from "node:crypto";

// config/keys/users.ts
function loadUsers({ users, usersFile }, findings) {
  const found = /* @__PURE__ */ new Map();
  for (const [name, { password, scopes = [], roles = [] }] of Object.entries(users)) {
    const at = ["basic", "users", name];
    const problem = nameProblem(name);
    if (problem !== void 0) findings.problems.push({ path: at, message: problem });
    const hash = readHash(password, [...at, "password"], "", findings.problems);
    if (hash) found.set(name, { password: hash, scopes, roles });
  }
  if (usersFile !== void 0) readUsersFile(usersFile, found, findings);
  return usersFile === void 0 && Object.keys(users).length === 0 ? void 0 : found;
}
function readUsersFile(file, found, findings) {
  const path = ["basic", "usersFile"];
  const content = readKeyText(file, path, findings) ?? "";
  for (const [index, line] of content.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const at = `${file}:${index + 1}: `;
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    const problem = colon === -1 ? "must be name:hash" : found.has(name) ? `${name} is defined twice` : nameProblem(name);
    if (problem !== void 0) {
      findings.problems.push({ path, message: at + problem });
      continue;
    }
    const password = readHash(line.slice(colon + 1).trim(), path, at, findings.problems);
    if (password) found.set(name, { password, scopes: [], roles: [] });
  }
}
function nameProblem(name) {
  return /^[^\x00-\x1f\x7f:]{1,255}$/.test(name) ? void 0 : "the name of a user must be 1 to 255 characters without colon";
}
function readHash(text, path, at, problems) {
  try {
    return parsePasswordHash(text);
  } catch (error) {
    problems.push({ path, message: at + error.message });
    return void 0;
  }
}

// config/keys/keys.ts
function loadKeys(config, findings) {
  const { jwt, issuers } = loadJwtKeys(config.jwt, findings);
  const users = loadUsers(config.basic, findings);
  const etcdTls = loadEtcdTls(config.etcd, findings);
  const cookieSecret = readSecret(config.routes.stickyCookie, ["routes", "stickyCookie"], findings);
  const stickyCookie = cookieSecret && createSecretKey2(cookieSecret);
  const descriptors = loadDescriptors(config.grpc, findings);
  return {
    ...issuers.length > 0 && { issuers },
    ...jwt && { jwt },
    ...users && { users },
    ...etcdTls && { etcdTls },
    ...stickyCookie && { stickyCookie },
    ...descriptors.size > 0 && { descriptors }
  };
}
function loadEtcdTls(etcd, findings) {
  const tls = {};
  for (const field of ["ca", "cert", "key"]) {
    const file = etcd[field];
    if (file === void 0) continue;
    const path = ["etcd", field];
    const pem = readPem(file, path, findings);
    if (pem === void 0) continue;
    if (pem.includes("-----BEGIN ")) tls[field] = pem;
    else findings.problems.push({ path, message: `${file} does not hold PEM` });
  }
  return Object.keys(tls).length === 0 ? void 0 : tls;
}
function loadDescriptors(grpc, findings) {
  const sets = /* @__PURE__ */ new Map();
  for (const [name, file] of Object.entries(grpc.descriptors)) {
    const bytes = readBytes(file, ["grpc", "descriptors", name], findings);
    if (bytes !== void 0) sets.set(name, bytes);
  }
  return sets;
}

// config/load/document-file.ts
import { readFileSync as readFileSync3 } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
var loadYaml = () => createRequire(import.meta.url)("yaml");
function readDocumentFile(file, { cwd = process.cwd() } = {}) {
  const text = readText(file, cwd);
  try {
    const { value, lineOf } = parseTextDocument(text, loadYaml);
    return {
      text,
      value: value ?? {},
      locate(path) {
        const line = lineOf(path);
        return line === void 0 ? file : `${file}:${line}`;
      }
    };
  } catch (error) {
    if (!(error instanceof TextDocumentError)) throw error;
    throw new ConfigError(
      error.mistakes.map(({ line, column, message }) => {
        return { source: line === void 0 ? file : `${file}:${line}:${column}`, path: "", message };
      })
    );
  }
}
function readText(file, cwd) {
  let bytes;
  try {
    bytes = readFileSync3(resolve(cwd, file));
  } catch (error) {
    throw new ConfigError([{ source: file, path: "", message: `cannot be read: ${reasonOf(error)}` }]);
  }
  try {
    return decodeText(bytes);
  } catch (error) {
    throw new ConfigError([{ source: file, path: "", message: error.message }]);
  }
}

// config/kit/former-names.ts
function renameFields(written, schema) {
  const warnings = [];
  const problems = [];
  const renamed = [];
  function rename(value, fields, at) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const { properties = {}, patternProperties = {} } = fields;
    const present = new Map(
      Object.entries(properties).flatMap(
        ([name, { formerly }]) => formerly === void 0 ? [] : [[formerly, name]]
      )
    );
    const [ofEntries = {}] = Object.values(patternProperties);
    const entries = Object.entries(value).flatMap(([key, inner]) => {
      const name = present.get(key) ?? key;
      const path = [...at, name];
      if (name !== key) {
        const former = [...asWritten(at), key];
        if (Object.hasOwn(value, name)) {
          problems.push({ path: former, message: `is the former name of ${name}, which is set too` });
          return [];
        }
        warnings.push({ path: former, message: `is deprecated: use ${name}` });
        renamed.push({ path, former: key });
      }
      return [[name, rename(inner, properties[name] ?? ofEntries, path)]];
    });
    return Object.fromEntries(entries);
  }
  function asWritten(path) {
    const result = [...path];
    for (const { path: present, former } of renamed) {
      if (present.every((key, index) => path[index] === key)) result[present.length - 1] = former;
    }
    return result;
  }
  const document = rename(written, schema, []);
  return { document, warnings, problems, asWritten };
}

// config/route/resilience-rules.ts
function toRetryRules(document, defaults) {
  return {
    retries: document.retries ?? defaults.retries ?? void 0,
    tryTimeoutMs: document.tryTimeoutMs ?? defaults.tryTimeoutMs ?? void 0,
    retryOn: Object.freeze([...document.retryOn ?? defaults.retryOn]),
    retryBufferBytes: document.retryBufferBytes ?? defaults.retryBufferBytes
  };
}
function toHedge(hedge) {
  if (hedge === void 0 || hedge === false) return void 0;
  return Object.freeze({ afterMs: hedge === true ? void 0 : hedge.afterMs });
}
function toBreaker(breaker) {
  if (breaker === void 0) return void 0;
  const { statuses, ...rest } = breaker;
  return Object.freeze({
    ...rest,
    ...statuses !== void 0 && { statuses: statuses && Object.freeze([...statuses]) }
  });
}
function toServiceLimit(limit) {
  return limit && Object.freeze({ ...limit });
}
function completeServiceLimit(rule, defaults) {
  const { concurrent, adaptive } = rule;
  const hasKind = concurrent !== void 0 || adaptive !== void 0;
  const kind = hasKind ? { concurrent: concurrent ?? null, adaptive: adaptive ?? false } : {};
  return { ...defaults, ...rule, ...kind };
}
function isLimited({ concurrent, adaptive }) {
  return concurrent !== null || adaptive;
}
function* findServiceLimitProblems(limit) {
  const { concurrent, adaptive } = membersOf(limit);
  if (typeof concurrent !== "number" || adaptive !== true) return;
  yield {
    path: ["adaptive"],
    message: "must not be true together with concurrent: a limit is either fixed or adaptive"
  };
}

// internal/routing/route.ts
var AUTHENTICATOR_NAMES = ["jwt", "api-key", "basic"];

// config/route/route-auth.ts
var ANY_TOKEN = toRule("jwt");
var NO_TOKEN = Object.freeze({ type: "none" });
function toRouteAuth(auth) {
  if (auth === "none") return NO_TOKEN;
  if (Array.isArray(auth)) return Object.freeze({ type: "any", rules: Object.freeze(auth.map(toAuthRule)) });
  return toAuthRule(auth);
}
function toAuthRule(auth) {
  if (typeof auth === "string") return toRule(auth);
  const type = AUTHENTICATOR_NAMES.find((name) => auth[name] !== void 0);
  return toRule(type, auth[type]);
}
function toRule(type, { scopes = [], roles = [], claims } = {}) {
  return Object.freeze({
    type,
    scopes: Object.freeze([...scopes]),
    roles: Object.freeze([...roles]),
    ...claims && {
      claims: Object.freeze(
        Object.entries(claims).map(
          ([path, values]) => Object.freeze({ path, values: Object.freeze([values].flat()) })
        )
      )
    }
  });
}
function* findRouteAuthProblems(auth) {
  for (const { rule, at } of eachRule(auth)) {
    for (const name of AUTHENTICATOR_NAMES) {
      const { claims } = membersOf(rule[name]);
      for (const path of Object.keys(membersOf(claims)))
        yield* claimPathProblem(path, [...at, name, "claims", path]);
    }
  }
}
function* claimPathProblem(path, at) {
  try {
    compileClaimPath(path);
  } catch (error) {
    yield { path: at, message: `${error.message}, not ${show(path)}` };
  }
}
function* findUnknownAuthenticators(auth, configured) {
  for (const { rule, at } of eachRule(auth)) {
    for (const name of AUTHENTICATOR_NAMES) {
      if (rule[name] === void 0 || configured.has(name)) continue;
      const setting = name === "basic" ? "basic.users or basic.usersFile" : "apiKeys.enabled";
      yield { path: at, message: `requires "${name}", which is not configured: set ${setting}` };
    }
  }
}
function* eachRule(auth) {
  const entries = Array.isArray(auth) ? auth.entries() : [[void 0, auth]];
  for (const [index, rule] of entries) {
    const at = index === void 0 ? [] : [index];
    if (typeof rule === "string") yield { rule: { [rule]: {} }, at };
    else if (typeof rule === "object" && rule !== null) yield { rule, at };
  }
}

// config/route/route-path.ts
var LITERAL = /^(?:[A-Za-z0-9._~!$&'()+,;=@-]|%[0-9A-Fa-f]{2})+$/;
var PARAMETER = /^:[A-Za-z_][A-Za-z0-9_]*$/;
var AMBIGUOUS_ESCAPE = /%(?:[01][0-9a-f]|7f|2f|5c|2[de]|5f|7e|3[0-9]|4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])/i;
function routePathProblem(path) {
  if (!path.startsWith("/")) return 'must start with "/"';
  if (path === "/") return void 0;
  const segments = path.slice(1).split("/");
  if (segments.at(-1) === "")
    return `must not end with "/": write ${quote(path, -1)}, or ${show(`${path}*`)} for everything below it`;
  const parameters = /* @__PURE__ */ new Set();
  for (const [index, segment] of segments.entries()) {
    const problem = segmentProblem(segment, index === segments.length - 1);
    if (problem !== void 0) return problem;
    if (!segment.startsWith(":")) continue;
    if (parameters.has(segment)) return `must not use ${show(segment)} twice`;
    parameters.add(segment);
  }
  return void 0;
}
function stripPrefixProblem(stripPrefix, path) {
  if (stripPrefix === "") return void 0;
  if (!stripPrefix.startsWith("/")) return 'must start with "/"';
  if (stripPrefix.endsWith("/")) return `must not end with "/": write ${quote(stripPrefix, -1)}`;
  if (/[:*]/.test(stripPrefix)) return 'must be literal: ":" and "*" have no meaning here';
  if (path === stripPrefix || path.startsWith(`${stripPrefix}/`)) return void 0;
  return `must consist of whole leading segments of the path ${JSON.stringify(path)}`;
}
var GRPC_SERVICE = /\/((?:[a-z_][a-z0-9_]*\.)+[A-Z][A-Za-z0-9_]*)(?:\/|$)/;
function strippedServiceProblem(stripPrefix) {
  const [, service] = GRPC_SERVICE.exec(stripPrefix) ?? [];
  if (service === void 0) return void 0;
  return `removes ${JSON.stringify(service)}, without which no gRPC method is found: a node needs the path /package.Service/Method`;
}
function segmentProblem(segment, last) {
  if (segment === "") return 'must not contain an empty segment ("//")';
  if (segment === "." || segment === "..") return `must not contain the segment "${segment}"`;
  if (segment === "*") return last ? void 0 : 'may contain "*" only as the whole last segment';
  if (segment.includes("*")) return 'may contain "*" only as the whole last segment';
  if (segment.startsWith(":")) {
    if (PARAMETER.test(segment)) return void 0;
    return `has a malformed parameter ${show(segment)}: a parameter is a colon followed by letters, digits and underscores`;
  }
  if (segment.includes(":")) return `may contain ":" only at the start of a segment, not in ${show(segment)}`;
  if (/[?#]/.test(segment)) return 'must not contain "?" or "#": routes do not match the query';
  if (!LITERAL.test(segment)) return `has a character that must be percent-encoded in ${show(segment)}`;
  const encoded = AMBIGUOUS_ESCAPE.exec(segment);
  return encoded ? `must not contain "${encoded[0]}": servers disagree on whether to decode it` : void 0;
}
function quote(text, end) {
  return JSON.stringify(text.slice(0, end));
}

// config/route/read-route-document.ts
var findSchemaProblems = createProblemFinder(RouteDocument);
function readRouteDocument(written, context = {}) {
  if (written instanceof DuplicateMemberError) {
    const { member, value } = written;
    const { problems: problems2, ...read } = readRouteDocument(value, context);
    const problem = { path: [member], message: "is there twice, and readers disagree on which one counts" };
    return { ...read, problems: [problem, ...problems2] };
  }
  const { document, warnings, problems, asWritten } = renameFields(written, RouteDocument);
  const found = [...findSchemaProblems(document), ...findRouteRuleProblems(document, context)];
  return {
    document,
    warnings: [...warnings, ...findPolicyWarnings(document), ...findGrpcWarnings(document)],
    problems: [...problems, ...found.map(({ path, message }) => ({ path: asWritten(path), message }))]
  };
}
function* findGrpcWarnings(document) {
  const { stripPrefix, grpc } = membersOf(document);
  if (typeof stripPrefix !== "string" || grpc !== void 0) return;
  const message = strippedServiceProblem(stripPrefix);
  if (message !== void 0) yield { path: ["stripPrefix"], message };
}
function findRouteRuleProblems(document, context = {}) {
  const members = membersOf(document);
  const { path, stripPrefix, methods, auth, balancer, serviceLimit, fallback, service, healthCheck } = members;
  const found = [];
  const add = (at, message) => {
    if (message !== void 0) found.push({ path: at, message });
  };
  const pathProblem = typeof path === "string" && path !== "" ? routePathProblem(path) : void 0;
  add(["path"], pathProblem);
  if (typeof stripPrefix === "string" && typeof path === "string" && pathProblem === void 0) {
    add(["stripPrefix"], stripPrefixProblem(stripPrefix, path));
  }
  if (typeof stripPrefix === "string" && members.grpc !== void 0) {
    add(["stripPrefix"], strippedServiceProblem(stripPrefix));
  }
  if (Array.isArray(methods)) {
    for (const [index, method] of methods.entries()) {
      if (method === "CONNECT" || method === "TRACE") add(["methods", index], `${method} is never forwarded`);
      if (method === "*") add(["methods", index], 'must not be "*": leave out `methods` to match all of them');
    }
  }
  return [
    ...found,
    ...under(["auth"], findRouteAuthProblems(auth)),
    ...under(["balancer"], findBalancerProblems(balancer, path)),
    ...under(["healthCheck"], findHealthCheckProblems(healthCheck)),
    ...under(["serviceLimit"], findServiceLimitProblems(serviceLimit)),
    ...under(["grpc"], findGrpcProblems(members.grpc)),
    ...under(["fallback"], fallbackProblems(fallback, service)),
    ...findPolicyProblems(document, { ...context, document: members })
  ];
}
function* fallbackProblems(fallback, service) {
  const { service: other, headers, status, body } = membersOf(fallback);
  if (typeof other === "string" && other === service) {
    yield { path: ["service"], message: "must not be the service of the route itself" };
  }
  if ((status === 204 || status === 304) && typeof body === "string" && body !== "") {
    yield { path: ["body"], message: `must be empty with status ${status}` };
  }
  for (const [name, value] of Object.entries(membersOf(headers))) {
    const path = ["headers", name];
    const message = TOKEN.test(name) ? reservedEverywhere(name.toLowerCase()) : "is not a valid header name";
    if (message !== void 0) yield { path, message };
    if (typeof value === "string" && !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      yield { path, message: `contains a character that headers must not contain: ${show(value)}` };
    }
  }
}
function findRouteIdProblems(id) {
  if (NAME.test(id)) return [];
  return [
    {
      path: [],
      message: `the route id ${show(id)} must be 1 to 255 characters from A-Z a-z 0-9 . _ ~ @ : -`
    }
  ];
}

// config/load/route-context.ts
function routeContext(config, keys) {
  return {
    defaults: config.routes.defaults,
    grpc: config.grpc,
    // If there is a key, routes require a token unless they set `auth`.
    defaultAuth: keys.jwt || keys.issuers ? ANY_TOKEN : NO_TOKEN,
    hasCookieSecret: keys.stickyCookie !== void 0,
    authenticators: configuredAuthenticators(config),
    identityHeaders: identityHeadersOf(config)
  };
}
function configuredAuthenticators({
  apiKeys,
  basic
}) {
  const names = /* @__PURE__ */ new Set(["jwt"]);
  if (apiKeys.enabled) names.add("api-key");
  if (basic.usersFile !== void 0 || Object.keys(basic.users).length > 0) names.add("basic");
  return names;
}
function identityHeadersOf({ jwt }) {
  return ["x-user-id", ...Object.values(jwt.claimHeaders).map((name) => name.toLowerCase())];
}

// config/load/load.ts
import { existsSync } from "node:fs";
import { resolve as resolve2 } from "node:path";

// config/load/layers.ts
var EITHER = [
  ...Map.groupBy(
    FIELDS,
    ({ path, schema: { insteadOf } }) => insteadOf === void 0 ? path : [...path.split(".").slice(0, -1), insteadOf].join(".")
  ).values()
].filter((group) => group.length > 1).map((group) => group.map(({ path }) => path));
var Layers = class {
  /** The merged document, without defaults. */
  tree;
  problems = [];
  #sources = /* @__PURE__ */ new Map();
  #locate;
  #hasFile;
  /** @param file the weakest layer; its `locate` returns where in the file a path is */
  constructor(file) {
    this.#hasFile = file !== void 0;
    this.#locate = (path) => file?.locate(path) ?? "default";
    this.tree = structuredClone(file?.value ?? {});
    this.#refuseBoth((path) => get(this.tree, path) === void 0 ? void 0 : this.#locate(path.split(".")));
  }
  /** Applies a layer that is stronger than those before it. */
  apply(settings) {
    const ofLayer = new Map(settings.map((setting) => [setting.path, setting.source]));
    this.#refuseBoth((path) => ofLayer.get(path));
    for (const { path, value, source } of settings) {
      for (const other of EITHER.find((group) => group.includes(path)) ?? []) {
        if (ofLayer.has(other)) continue;
        remove(this.tree, other);
        this.#sources.delete(other);
      }
      put(this.tree, path, value);
      this.#sources.set(path, source);
    }
  }
  /** Returns where the value at a path was set; `default` when it was not. */
  sourceOf(path) {
    return get(this.tree, path) === void 0 ? "default" : this.nearestSource(path.split("."));
  }
  /** Returns where the value at a path was set, or the innermost part of the path that was set. */
  nearestSource(path) {
    const keys = path.map(String);
    for (let length = keys.length; length > 0; length -= 1) {
      const source = this.#sources.get(keys.slice(0, length).join("."));
      if (source !== void 0) return source;
    }
    if (this.#hasFile && get(this.tree, keys[0] ?? "") !== void 0) return this.#locate(path);
    return keys.length === 0 && this.#hasFile ? this.#locate(path) : "default";
  }
  #refuseBoth(sourceOf) {
    for (const group of EITHER) {
      const [first, second] = group.filter((path) => sourceOf(path) !== void 0);
      if (first === void 0 || second === void 0) continue;
      this.problems.push({
        path: jsonPath(second.split(".")),
        message: `must not be set together with ${first}`,
        source: sourceOf(second)
      });
    }
  }
};
function get(tree, path) {
  return path.split(".").reduce((inner, key) => isTree(inner) ? inner[key] : void 0, tree);
}
function put(tree, path, value) {
  const keys = path.split(".");
  const last = keys.pop();
  let inner = tree;
  for (const key of keys) {
    if (!isTree(inner)) return;
    inner[key] ??= {};
    inner = inner[key];
  }
  if (isTree(inner)) inner[last] = value;
}
function remove(tree, path) {
  const keys = path.split(".");
  const last = keys.pop();
  const inner = keys.length === 0 ? tree : get(tree, keys.join("."));
  if (isTree(inner)) delete inner[last];
}
function isTree(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// config/load/rules.ts
import { isIP as isIP2 } from "node:net";

// config/load/auth-rules.ts
import { isIP } from "node:net";
function* findAuthProblems(config) {
  const { jwt, apiKeys, routes } = config;
  yield* registryProblems(config);
  if (/^(?:authorization|cookie|host|connection|content-length|transfer-encoding)$/i.test(apiKeys.header)) {
    yield { path: ["apiKeys", "header"], message: `must be a header of its own, not ${show(apiKeys.header)}` };
  }
  for (const [id, { auth }] of Object.entries(routes.documents)) {
    const unknown = findUnknownAuthenticators(auth, configuredAuthenticators(config));
    yield* under(["routes", "documents", id, "auth"], unknown);
  }
  yield* claimPathProblems(jwt, ["jwt"]);
  for (const path of Object.keys(jwt.claimHeaders)) {
    yield* claimPathProblem(path, ["jwt", "claimHeaders", path]);
  }
  const known = /* @__PURE__ */ new Map();
  const hasKey = [jwt.secret, jwt.secretFile, jwt.publicKeyFile].some((key) => key !== void 0);
  if (hasKey) for (const name of [jwt.issuer ?? []].flat()) known.set(name, "jwt.issuer");
  for (const [index, issuer] of jwt.issuers.entries()) {
    const at = ["jwt", "issuers", index];
    const other = known.get(issuer.issuer);
    if (other !== void 0) {
      yield { path: [...at, "issuer"], message: `is already the issuer of ${other}` };
    }
    known.set(issuer.issuer, `jwt.issuers[${index}]`);
    yield* keyProblems(issuer, at);
    yield* claimPathProblems(issuer, at);
  }
}
function* registryProblems({ jwt, apiKeys, discovery }) {
  if (discovery.registry !== "file") return;
  const message = 'needs etcd, but discovery.registry is "file"';
  if (apiKeys.enabled) yield { path: ["apiKeys", "enabled"], message };
  if (jwt.revocations.enabled) yield { path: ["jwt", "revocations", "enabled"], message };
}
var KEY_FIELDS = ["secret", "secretFile", "publicKeyFile", "jwksUrl"];
function* keyProblems(issuer, at) {
  const [first, second] = KEY_FIELDS.filter((field) => issuer[field] !== void 0);
  if (first === void 0) {
    yield { path: at, message: `needs a key: one of ${KEY_FIELDS.join(", ")}` };
  } else if (second !== void 0) {
    yield { path: [...at, second], message: `must not be set together with ${first}` };
  }
  if (issuer.jwksUrl === void 0) return;
  const path = [...at, "jwksUrl"];
  const url = URL.parse(issuer.jwksUrl);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    yield { path, message: `must be an https URL, not ${show(issuer.jwksUrl)}` };
  } else if (url.username !== "" || url.password !== "" || url.hash !== "") {
    yield { path, message: "must be a URL without user and fragment" };
  } else if (url.protocol === "http:" && !isLoopback(url.hostname.replace(/^\[|\]$/g, ""))) {
    yield {
      path,
      message: "must be https, because keys could be replaced on their way over http (only loopback may be http)"
    };
  }
  for (const [index, algorithm] of (issuer.algorithms ?? []).entries()) {
    if (!algorithm.startsWith("HS")) continue;
    yield {
      path: [...at, "algorithms", index],
      message: `${algorithm} needs a secret, but key sets are public`
    };
  }
}
function isLoopback(host) {
  return host === "localhost" || host === "::1" || isIP(host) === 4 && host.startsWith("127.");
}
function* claimPathProblems(section, at) {
  for (const field of ["rolesClaim", "scopeClaim"]) {
    const path = section[field];
    if (path !== void 0) yield* claimPathProblem(path, [...at, field]);
  }
}

// config/load/prefix-rules.ts
function* findPrefixProblems({ discovery, apiKeys, jwt }) {
  const prefixes = prefixesOf({ discovery, apiKeys, jwt });
  for (const [index, { path, prefix }] of prefixes.entries()) {
    if (isOfEveryKey(prefix)) {
      yield { path, message: `must contain a name: ${show(prefix)} is the prefix of every key` };
      continue;
    }
    if (!prefix.endsWith("/")) {
      yield {
        path,
        message: `must end with "/", because ${show(prefix)} is also the beginning of longer names`
      };
    }
    const other = prefixes.slice(0, index).find((known) => {
      if (isOfEveryKey(known.prefix)) return false;
      if (known.path[1] === "servicesPrefix" && path[1] === "sources") return false;
      return known.prefix.startsWith(prefix) || prefix.startsWith(known.prefix);
    });
    if (!other) continue;
    yield {
      path,
      message: `must not overlap with ${jsonPath(other.path).slice(2)}: ${show(prefix)} and ${show(other.prefix)}`
    };
  }
}
function isOfEveryKey(prefix) {
  return /^\/*$/.test(prefix);
}
function prefixesOf({ discovery, apiKeys, jwt }) {
  const { servicesPrefix, routesPrefix, descriptorsPrefix, sources } = discovery;
  const all = [
    { path: ["discovery", "servicesPrefix"], prefix: servicesPrefix },
    { path: ["discovery", "routesPrefix"], prefix: routesPrefix },
    ...sources.map(({ prefix }, index) => ({ path: ["discovery", "sources", index, "prefix"], prefix })),
    { path: ["discovery", "descriptorsPrefix"], prefix: descriptorsPrefix },
    { path: ["apiKeys", "prefix"], prefix: apiKeys.enabled && apiKeys.prefix },
    { path: ["jwt", "revocations", "prefix"], prefix: jwt.revocations.enabled && jwt.revocations.prefix }
  ];
  return all.flatMap(({ path, prefix }) => prefix === null || prefix === false ? [] : [{ path, prefix }]);
}

// config/load/rules.ts
function* findRuleProblems(config) {
  yield* rangeProblems(["trustedProxies"], config.trustedProxies);
  yield* rangeProblems(["discovery", "allowedAddresses"], config.discovery.allowedAddresses);
  if (!isLoopback(config.adminHost) && config.adminToken === void 0) {
    yield {
      path: ["adminHost"],
      message: `${show(config.adminHost)} is not loopback, so an admin token is required: set WAYGATE_ADMIN_TOKEN`
    };
  }
  if (config.port !== 0 && config.port === config.adminPort && sharesAddress(config.host, config.adminHost)) {
    yield {
      path: ["adminPort"],
      message: `must not be ${config.port}, which is the port of the gateway itself`
    };
  }
  yield* etcdProblems(config.etcd);
  if (config.discovery.registry === "etcd") yield* protocolProblems(config.etcd);
  yield* discoveryProblems(config.discovery);
  yield* findPrefixProblems(config);
  yield* stickyCookieProblems(config.routes);
  yield* under(["serviceLimit"], findServiceLimitProblems(config.serviceLimit));
  yield* findAuthProblems(config);
  yield* findRoutesRuleProblems(config, { identityHeaders: identityHeadersOf(config) });
}
function* rangeProblems(path, ranges) {
  for (const [index, range] of ranges.entries()) {
    if (isRange(range)) continue;
    yield {
      path: [...path, index],
      message: `must be an IP address or a CIDR range, not ${show(range)}`
    };
  }
}
function* stickyCookieProblems({ stickyCookie, defaults, documents }) {
  if (stickyCookie.secret !== void 0 || stickyCookie.secretFile !== void 0) return;
  const message = NO_COOKIE_SECRET;
  if (needsCookieSecret(defaults.balancer)) yield { path: ["routes", "defaults", "balancer"], message };
  for (const [id, { balancer }] of Object.entries(documents)) {
    if (needsCookieSecret(balancer)) yield { path: ["routes", "documents", id, "balancer"], message };
  }
}
function* findRoutesRuleProblems(document, context = {}) {
  const { defaults, documents } = membersOf(membersOf(document).routes);
  const { balancer, healthCheck } = membersOf(defaults);
  yield* under(["routes", "defaults", "balancer"], findBalancerProblems(balancer, void 0));
  yield* under(["routes", "defaults", "healthCheck"], findHealthCheckProblems(healthCheck));
  yield* under(["routes", "defaults"], findPolicyProblems(defaults, context));
  for (const [id, route] of Object.entries(membersOf(documents))) {
    yield* under(["routes", "documents", id], findRouteRuleProblems(route, context));
  }
}
function* etcdProblems({
  endpoints = [],
  embedded,
  user,
  password,
  cert,
  key
}) {
  for (const [index, endpoint] of endpoints.entries()) {
    if (!isEndpoint(endpoint)) {
      yield {
        path: ["etcd", "endpoints", index],
        message: `must be like http://10.0.0.5:2379, without path or user, not ${show(endpoint)}`
      };
    }
  }
  const address = tryParseAddress(embedded);
  if (address === void 0) {
    yield { path: ["etcd", "embedded"], message: `must be host:port, not ${show(embedded)}` };
  } else if (!isLoopback(address.host)) {
    yield {
      path: ["etcd", "embedded"],
      message: `must be on loopback, not ${show(embedded)}, because it has no authentication`
    };
  }
  yield* together("etcd", { user, password });
  yield* together("etcd", { cert, key });
}
function* protocolProblems({ endpoints = [], ca, cert, key }) {
  const protocols = endpoints.map((endpoint) => /^https?:/.exec(endpoint)?.[0]);
  const first = protocols.find((protocol) => protocol !== void 0);
  const other = protocols.findIndex((protocol) => protocol !== void 0 && protocol !== first);
  if (other !== -1) {
    yield {
      path: ["etcd", "endpoints", other],
      message: `must begin with ${first}// like those before it: members are either all http or all https`
    };
  }
  if (protocols.includes("https:") || endpoints.length > 0 && first === void 0) return;
  const [file] = Object.entries({ ca, cert, key }).find(([, value]) => value !== void 0) ?? [];
  if (file === void 0) return;
  yield { path: ["etcd", file], message: "needs endpoints that begin with https://, and there are none" };
}
function* discoveryProblems({ registry, file }) {
  if (registry === "file" && file === void 0) {
    yield { path: ["discovery", "file"], message: 'is missing: the registry "file" needs it' };
  } else if (registry !== "file" && file !== void 0) {
    yield {
      path: ["discovery", "file"],
      message: `is only used by the registry "file", but discovery.registry is ${show(registry)}`
    };
  }
}
function* together(section, fields) {
  const missing = Object.keys(fields).filter((name) => fields[name] === void 0);
  const present = Object.keys(fields).filter((name) => fields[name] !== void 0);
  if (missing.length === 0 || present.length === 0) return;
  yield { path: [section, missing[0]], message: `is missing: ${present[0]} needs it` };
}
function isEndpoint(text) {
  if (!/^https?:\/\/[^/?#@\s]+\/?$/.test(text) || !URL.canParse(text)) return false;
  const { port } = new URL(text);
  return port !== "0";
}
function isRange(text) {
  const [address = "", bits, ...more] = text.split("/");
  const version = isIP2(address);
  if (version === 0 || more.length > 0) return false;
  return bits === void 0 || /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}
function tryParseAddress(text) {
  try {
    const address = parseAddress(text);
    return address.port <= 65535 ? address : void 0;
  } catch {
    return void 0;
  }
}
function sharesAddress(a, b) {
  return a === b || a === "0.0.0.0" || b === "0.0.0.0" || a === "::" || b === "::";
}

// config/load/load.ts
var DEFAULT_CONFIG_FILE = "waygate.yaml";
function loadConfig(options) {
  const { file, env, flags = [], cwd = process.cwd(), readKeyFile: readKeyFile2 } = options;
  const named = chooseFile(file, env, cwd);
  const document = named === void 0 ? void 0 : readDocumentFile(named, { cwd });
  const environment = readEnvironment(env);
  const renamed = renameFields(document?.value, ConfigSchema);
  const locate = (path) => document.locate(renamed.asWritten(path));
  const layers = new Layers(document && { value: renamed.document, locate });
  layers.apply(environment.settings);
  layers.apply(flags);
  const problems = [...layers.problems, ...environment.problems];
  for (const finding of renamed.problems) {
    problems.push({ ...toProblem(finding), source: document.locate(finding.path) });
  }
  const warnings = [
    ...environment.warnings,
    ...renamed.warnings.map(
      ({ path, message }) => `${jsonPath(path)} (${document.locate(path)}) ${message}`
    )
  ];
  const report = (findings2) => {
    for (const { path, message } of findings2) {
      problems.push({
        ...toProblem({ path: renamed.asWritten(path), message }),
        source: layers.nearestSource(path)
      });
    }
    if (problems.length > 0) throw new ConfigError(problems, warnings);
  };
  const tree = withDefaults(ConfigSchema, structuredClone(layers.tree));
  const findings = findProblems(ConfigSchema, tree);
  if (findings.length > 0) report([...findings, ...findRoutesRuleProblems(tree)]);
  const config = resolvePaths(tree, ConfigSchema, cwd);
  const later = [...findRuleProblems(config)];
  for (const { path, message } of under(["routes", "defaults"], findPolicyWarnings(config.routes.defaults))) {
    warnings.push(`${jsonPath(path)} (${layers.nearestSource(path)}) ${message}`);
  }
  const keys = loadKeys(config, { problems: later, warnings, readFile: readKeyFile2 });
  report(later);
  return {
    config: deepFreeze(config),
    keys,
    warnings,
    file: named,
    sourceOf: (path) => layers.sourceOf(path)
  };
}
function chooseFile(file, env, cwd) {
  const named = file ?? (env[CONFIG_VARIABLE] || void 0);
  if (named !== void 0) return named;
  return existsSync(resolve2(cwd, DEFAULT_CONFIG_FILE)) ? DEFAULT_CONFIG_FILE : void 0;
}
function resolvePaths(value, schema, cwd) {
  const { isPath, properties = {}, patternProperties = {}, items } = schema;
  if (isPath) return typeof value === "string" ? resolve2(cwd, value) : value;
  if (items && Array.isArray(value)) return value.map((item) => resolvePaths(item, items, cwd));
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const [ofEntries = {}] = Object.values(patternProperties);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      resolvePaths(inner, properties[key] ?? ofEntries, cwd)
    ])
  );
}

export {
  createFileRecord,
  readFrom,
  loadSigningKey,
  loadKeys,
  readDocumentFile,
  toRetryRules,
  toHedge,
  toBreaker,
  toServiceLimit,
  completeServiceLimit,
  isLimited,
  AUTHENTICATOR_NAMES,
  toRouteAuth,
  findUnknownAuthenticators,
  readRouteDocument,
  findRouteIdProblems,
  routeContext,
  DEFAULT_CONFIG_FILE,
  loadConfig
};
