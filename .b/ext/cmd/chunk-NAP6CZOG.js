import {
  toGrpcRule
} from "./chunk-TMRZJTRM.js";
import {
  compareKeys
} from "./chunk-4JDL6KNU.js";
import {
  findRouteIdProblems,
  findUnknownAuthenticators,
  readRouteDocument,
  toBreaker,
  toHedge,
  toRetryRules,
  toRouteAuth,
  toServiceLimit
} from "./chunk-W3OD6L7X.js";
import {
  NO_COOKIE_SECRET,
  membersOf,
  needsCookieSecret,
  toBalancer,
  toHealthCheck,
  toPolicies
} from "./chunk-BMJZOWOK.js";
import {
  jsonPath,
  toReason,
  under
} from "./chunk-RHCDAQUY.js";
import {
  NAME,
  sameNode
} from "./chunk-ZOIAUEOT.js";

// config/route/route-document.ts
function parseRouteDocument(id, written, context) {
  const { document, warnings, problems } = readRouteDocument(written, context);
  const findings = [...findRouteIdProblems(id), ...problems];
  const { auth, balancer, service } = membersOf(document);
  if (context.hasCookieSecret === false && needsCookieSecret(balancer)) {
    findings.push({ path: ["balancer"], message: NO_COOKIE_SECRET });
  }
  if (context.authenticators) {
    findings.push(...under(["auth"], findUnknownAuthenticators(auth, context.authenticators)));
  }
  if (findings.length === 0) {
    const route = toRoute(id, document, context);
    if (warnings.length === 0) return { route };
    const texts = warnings.map(({ path, message }) => `${jsonPath(path)} ${message}`);
    return { route: Object.freeze({ ...route, warnings: Object.freeze(texts) }) };
  }
  const reason = toReason(findings);
  const closed = closedRoute(id, document, findings, context);
  return { reason, ...typeof service === "string" && { service }, ...closed && { closed } };
}
function createAutoRoute(service, context) {
  const document = { path: `/${service}/*`, service, stripPrefix: `/${service}` };
  return toRoute(`auto:${service}`, document, { ...context, origin: "auto" });
}
function createAutoGrpcRoute(service, grpcName, context) {
  const document = { path: `/${grpcName}/*`, service, grpc: { bindings: "all" } };
  return toRoute(`auto:${service}/${grpcName}`, document, { ...context, origin: "auto" });
}
var MATCHING = ["path", "methods", "hosts"];
function closedRoute(id, document, findings, context) {
  const { path, methods, hosts, service, priority } = membersOf(document);
  const isReadable = (field) => !findings.some((finding) => finding.path[0] === field);
  if (path === void 0 || !NAME.test(id) || !MATCHING.every(isReadable)) return void 0;
  const matching = { path, methods, hosts, priority: isReadable("priority") ? priority : void 0 };
  const name = typeof service === "string" && isReadable("service") ? service : "";
  const route = toRoute(id, { ...matching, service: name }, context);
  return closeRoute(route);
}
function closeRoute(route) {
  return Object.freeze({ ...route, policies: route.policies ?? NO_POLICIES, isBroken: true });
}
var NO_POLICIES = Object.freeze({});
function toRoute(id, document, { origin, defaults, defaultAuth, grpc }) {
  return Object.freeze({
    id,
    origin,
    path: document.path,
    methods: document.methods && Object.freeze([...document.methods]),
    hosts: document.hosts && Object.freeze([...new Set(document.hosts.map((host) => host.toLowerCase()))]),
    service: document.service,
    stripPrefix: document.stripPrefix ?? "",
    auth: document.auth === void 0 ? defaultAuth : toRouteAuth(document.auth),
    timeoutMs: document.timeoutMs ?? defaults.timeoutMs,
    bodyIdleTimeoutMs: document.bodyIdleTimeoutMs,
    ...toRetryRules(document, defaults),
    hedge: toHedge(document.hedge),
    breaker: toBreaker(document.breaker),
    healthCheck: document.healthCheck === false ? null : document.healthCheck && toHealthCheck(document.healthCheck),
    serviceLimit: toServiceLimit(document.serviceLimit),
    grpc: toGrpcRule(document.grpc, grpc),
    ...toBalancer(document.balancer ?? defaults.balancer),
    slowStartMs: document.slowStartMs ?? defaults.slowStartMs,
    priority: document.priority ?? 0,
    fallback: toFallback(document.fallback),
    preserveHost: document.preserveHost ?? false,
    rewriteLocation: document.rewriteLocation ?? defaults.rewriteLocation,
    maxBodyBytes: document.maxBodyBytes,
    allowEncodedSlash: document.allowEncodedSlash ?? false,
    allowSlowClients: document.allowSlowClients ?? false,
    mergeSlashes: document.mergeSlashes ?? true,
    policies: toPolicies(document, defaults)
  });
}
var DAY_SECONDS = 86400;
function toFallback(fallback) {
  if (fallback === void 0) return void 0;
  if ("service" in fallback) return Object.freeze({ type: "service", service: fallback.service });
  if ("stale" in fallback) {
    return Object.freeze({ type: "stale", maxAgeMs: 1e3 * (fallback.maxAgeSeconds ?? DAY_SECONDS) });
  }
  const { status, headers = {}, body = "" } = fallback;
  return Object.freeze({ type: "static", status, headers: Object.freeze({ ...headers }), body });
}

// discovery/service-index.ts
var ServiceIndex = class {
  #nodesOf;
  #isLeased;
  #keysOf = /* @__PURE__ */ new Map();
  #services = /* @__PURE__ */ new Map();
  /** By service, then by key: why a node is not used, because another key has its id. */
  #duplicates = /* @__PURE__ */ new Map();
  /** By service, then by id: the keys of nodes without a lease, where other keys of the service have one. */
  #unleased = /* @__PURE__ */ new Map();
  #size = 0;
  /**
   * @param nodesOf returns the current nodes of a key
   * @param isLeased returns whether a key is under a lease; needed only for `unleased`
   */
  constructor(nodesOf, isLeased = () => false) {
    this.#nodesOf = nodesOf;
    this.#isLeased = isLeased;
  }
  /** Every service that has a node; nodes ordered by id. */
  get services() {
    return this.#services;
  }
  /** The number of nodes over all services, without suspects. */
  get size() {
    return this.#size;
  }
  /** Returns the number of nodes of one service, without suspects. */
  sizeOf(service) {
    return confirmed(this.#services.get(service) ?? []);
  }
  get hasDuplicates() {
    return this.#duplicates.size > 0;
  }
  /** Yields the keys with a node that is not used because another key has its id, and the reason. */
  *duplicates() {
    for (const byKey of this.#duplicates.values()) yield* byKey;
  }
  /**
   * The nodes whose key has no lease, by service, then by id, with the key; only of services of which other keys
   * have one. Such a node stays when its process dies, and its key most likely had a lease before somebody wrote it.
   */
  get unleased() {
    return this.#unleased;
  }
  /**
   * Records that the nodes of `key` have changed. The caller must then call `gather` for each service
   * touched.
   */
  move(key, before, after, touched) {
    for (const { service } of before) {
      this.#keysOf.get(service)?.delete(key);
      touched.add(service);
    }
    for (const { service } of after) {
      const keys = this.#keysOf.get(service) ?? /* @__PURE__ */ new Set();
      this.#keysOf.set(service, keys.add(key));
      touched.add(service);
    }
  }
  /** Collects the nodes of a service again. Returns whether they have changed. */
  gather(service) {
    const byId = /* @__PURE__ */ new Map();
    const duplicates = /* @__PURE__ */ new Map();
    const addresses = /* @__PURE__ */ new Set();
    const unleased = /* @__PURE__ */ new Map();
    let leased = 0;
    for (const key of [...this.#keysOf.get(service) ?? []].sort(compareKeys)) {
      const isLeased = this.#isLeased(key);
      for (const node of this.#nodesOf(key)) {
        if (node.service !== service) continue;
        if (isLeased) leased++;
        else if (!node.suspect) unleased.set(node.id, key);
        const first = byId.get(node.id);
        if (!first || first.node.suspect) byId.set(node.id, { node, key });
        else if (!node.suspect) {
          duplicates.set(key, `node id "${node.id}" of service "${service}" is already used by ${first.key}`);
        }
        if (!node.suspect) addresses.add(`${node.host} ${node.port}`);
      }
    }
    if (duplicates.size > 0) this.#duplicates.set(service, duplicates);
    else this.#duplicates.delete(service);
    if (leased > 0 && unleased.size > 0) this.#unleased.set(service, unleased);
    else this.#unleased.delete(service);
    const before = this.#services.get(service) ?? [];
    const known = new Map(before.map((node) => [node.id, node]));
    const nodes = [];
    for (const { node } of byId.values()) {
      if (node.suspect && addresses.has(`${node.host} ${node.port}`)) continue;
      const old = known.get(node.id);
      nodes.push(old && sameNode(old, node) ? old : node);
    }
    nodes.sort((a, b) => compareKeys(a.id, b.id));
    this.#size += confirmed(nodes) - confirmed(before);
    if (nodes.length > 0) this.#services.set(service, nodes);
    else this.#services.delete(service);
    if (this.#keysOf.get(service)?.size === 0) this.#keysOf.delete(service);
    return !sameNodes(before, nodes);
  }
};
function sameNodes(a, b) {
  return a.length === b.length && a.every((node, index) => sameNode(node, b[index]));
}
function confirmed(nodes) {
  return nodes.filter((node) => !node.suspect).length;
}

export {
  ServiceIndex,
  sameNodes,
  parseRouteDocument,
  createAutoRoute,
  createAutoGrpcRoute,
  closeRoute
};
