import {
  parseApiKeyDocument
} from "./chunk-VHOP7P4V.js";
import {
  CLIENT_PREFACE,
  CircuitOpenError,
  FLOOD_LIMITS,
  Http2Connection,
  Http2Stream,
  LiveRules,
  MAX_STREAM_ID,
  addressGroup,
  addressIn,
  asAnswer,
  canonicalAddress,
  checkTrailerFields,
  createAddressRanges,
  createCircuitBreaker,
  createDispatch,
  createNodeGuard,
  createNodeTable,
  createRequestHeadReader,
  createSessionCounts,
  createTrustedProxies,
  isFailedAnswer,
  isHedgeable,
  isInterim,
  isRepeatable,
  isUnwanted,
  keepsBody,
  openSocket,
  plainAddress,
  pushbackMs,
  readRequestFields,
  readResponseFields,
  realAddress,
  rerouteWaiting,
  unusedRules
} from "./chunk-TWCFXAEE.js";
import {
  ServiceIndex,
  closeRoute,
  createAutoGrpcRoute,
  createAutoRoute,
  parseRouteDocument,
  sameNodes
} from "./chunk-NAP6CZOG.js";
import {
  describeGrpc
} from "./chunk-TMRZJTRM.js";
import {
  silentLogger
} from "./chunk-2SPISB4N.js";
import {
  compareKeys
} from "./chunk-4JDL6KNU.js";
import {
  DrainBacklog,
  HealthVerdicts,
  NO_SCHEMAS,
  countBodyBytes,
  liveMetric,
  mergeTrust
} from "./chunk-JJB6XPTR.js";
import {
  AUTHENTICATOR_NAMES,
  isLimited,
  routeContext
} from "./chunk-W3OD6L7X.js";
import {
  POLICY_RULES,
  RouteDocument,
  comparable,
  compileTemplate,
  createOriginList,
  describeBalancer,
  describeHealthCheck,
  didYouMean,
  encodeForHeader,
  hashOfSegment,
  kindOfKey,
  literalStart,
  membersOf,
  parseHealthCheck,
  pathParameter,
  possibleAlgorithms,
  routerPattern,
  runSteps,
  schemeOf,
  startOfSegment,
  toHealthCheck
} from "./chunk-BMJZOWOK.js";
import {
  decodeText
} from "./chunk-MD4L36BR.js";
import {
  addressOf,
  laneOf,
  sameEndpoint,
  speaksHttp1,
  suspected
} from "./chunk-ZOIAUEOT.js";
import {
  createGrantReader
} from "./chunk-NLRYT2ZA.js";
import {
  claimAt,
  compileClaimPath
} from "./chunk-KXELJCG2.js";
import {
  parseJson
} from "./chunk-IOHFKSVH.js";
import {
  createWholeResponse,
  refusalOfError,
  refusalOfHttp
} from "./chunk-USB23XUR.js";
import {
  TrailerFilter,
  memoizeNames
} from "./chunk-WTLFIUVA.js";
import {
  canonicalTarget,
  decodeUnreserved,
  isAuthority,
  isPlainTarget,
  mergeSlashes,
  normaliseHost,
  originForm,
  pathOf,
  portOf,
  stripPrefix
} from "./chunk-3HIV7SU5.js";
import {
  Call,
  ERROR,
  Http2Error,
  UpstreamFailure,
  brokenGrpcEnd,
  grpcDialectOf,
  readGrpcEnd,
  toGrpcType,
  toWebType
} from "./chunk-DATUFAEC.js";
import {
  GRPC_STATUS,
  GRPC_STATUS_NAMES
} from "./chunk-BOMLGWJN.js";
import {
  isAboutTheNode,
  isListed,
  isMethodPath,
  methodOf
} from "./chunk-QZYF4XD2.js";
import {
  FORBIDDEN_IN_VALUE,
  MAX_HEADER_LINES,
  TOKEN,
  TOKEN_LIST,
  addToList,
  getAllHeaders,
  getCookie,
  getHeader,
  removeHeaders,
  takeHeader,
  withoutHeaders
} from "./chunk-BN4MFTCA.js";
import {
  ERRORS,
  GatewayError,
  PROBLEM_CONTENT_TYPE,
  problemBody
} from "./chunk-GKCQH2HY.js";

// config/route/describe-route.ts
var DESCRIBED = {
  allowEncodedSlash: ({ allowEncodedSlash = false }) => allowEncodedSlash,
  allowSlowClients: ({ allowSlowClients = false }) => allowSlowClients,
  auth: describeAuth,
  balancer: describeBalancer,
  bodyIdleTimeoutMs: ({ bodyIdleTimeoutMs }, { upstream }) => bodyIdleTimeoutMs ?? upstream.bodyIdleTimeoutMs,
  breaker: (_route, { breaker }, rules) => rules.breaker ?? breaker,
  fallback: describeFallback,
  grpc: ({ grpc }, config, { grpcFailures }) => describeGrpc(grpc, config, grpcFailures),
  healthCheck: (_route, { routes }, rules) => describeCheck(rules.healthCheck, routes.defaults.healthCheck),
  mergeSlashes: ({ mergeSlashes: mergeSlashes2 = true }) => mergeSlashes2,
  hedge: ({ hedge }) => hedge ? hedge.afterMs === void 0 ? true : { afterMs: hedge.afterMs } : false,
  maxBodyBytes: ({ maxBodyBytes }, { clientLimits }) => maxBodyBytes ?? clientLimits.bodyBytes,
  serviceLimit: (_route, { serviceLimit }, rules) => rules.serviceLimit ?? serviceLimit
};
var FIELDS = Object.keys(RouteDocument.properties).map(
  (field) => [field, DESCRIBED[field]]
);
function describeRoute(route, config, rules) {
  const held = route;
  const result = { id: route.id, origin: route.origin };
  if (route.isBroken) result.broken = true;
  for (const [field, describe2] of FIELDS) {
    const value = describe2 ? describe2(route, config, rules) : held[field];
    result[field] = value ?? describePolicy(field, route) ?? null;
  }
  return result;
}
function describePolicy(field, { policies }) {
  const rule = policies?.[field];
  const adds = Object.hasOwn(POLICY_RULES, field) && POLICY_RULES[field].adds;
  return adds && Array.isArray(rule) && rule.length === 1 ? rule[0] : rule;
}
function describeAuth({ auth }) {
  if (auth.type === "none") return "none";
  return auth.type === "any" ? auth.rules.map(describeRule) : describeRule(auth);
}
function describeRule({ type, scopes, roles, claims }) {
  if (scopes.length === 0 && roles.length === 0 && !claims) return type;
  const named = claims?.map(({ path, values }) => [path, values.length === 1 ? values[0] : values]);
  return { [type]: { scopes, roles, ...named && { claims: Object.fromEntries(named) } } };
}
function describeCheck(check, byDefault) {
  if (check === null) return false;
  if (check === void 0)
    return byDefault === null ? void 0 : describeHealthCheck(toHealthCheck(byDefault));
  return describeHealthCheck(check);
}
function describeFallback({ fallback }) {
  switch (fallback?.type) {
    case void 0:
      return void 0;
    case "service":
      return { service: fallback.service };
    case "stale":
      return { stale: true, maxAgeSeconds: fallback.maxAgeMs / 1e3 };
    case "static":
      return { status: fallback.status, headers: { ...fallback.headers }, body: fallback.body };
    default:
      return fallback;
  }
}

// internal/upstream.ts
function wrap(innermost, wrappers) {
  return wrappers.reduceRight((next, wrapper) => wrapper(next), innermost);
}

// middleware/access-log.ts
var CLIENT_CLOSED_REQUEST = 499;
var SWITCHING_PROTOCOLS = 101;
function statusOf(call, response) {
  if (call.upgraded) return SWITCHING_PROTOCOLS;
  if (response.writableFinished || response.headersSent) return response.statusCode;
  return call.errorCode === void 0 ? CLIENT_CLOSED_REQUEST : ERRORS[call.errorCode].status;
}
function createAccessLog({
  write,
  now = Date.now
}) {
  const { pid } = process;
  const targetFieldsOf = createTargetFields();
  return (call, status, client, totalMs) => {
    let line = `{"level":30,"time":${now()},"pid":${pid},"requestId":${quote(call.requestId)},"method":${quote(call.method)},"path":${quote(pathOf(call.target))},"http":"${call.http}","status":${status}${targetFieldsOf(call.route, call.peer)},"attempts":${call.attempts}`;
    if (call.upstreamMs >= 0) line += `,"upstreamMs":${round(call.upstreamMs)}`;
    line += `,"totalMs":${round(totalMs)},"client":${quote(client)}`;
    if (call.identity?.subject !== void 0) line += `,"user":${quote(call.identity.subject)}`;
    if (call.degraded) line += ',"fallback":true';
    if (call.rpc !== void 0) line += `,"rpc":${quote(call.rpc)}`;
    if (call.grpcStatus !== void 0) line += `,"grpcStatus":${call.grpcStatus}`;
    if (call.isTranscoded) line += ',"transcoded":true';
    if (call.policy !== void 0) line += `,"policy":${quote(call.policy)}`;
    if (call.observed !== void 0) line += `,"observed":${JSON.stringify(call.observed)}`;
    if (call.errorCode !== void 0) line += `,"code":${quote(call.errorCode)}`;
    if (call.failure !== void 0) line += `,"reason":${quote(reasonOf(call.failure))}`;
    write(`${line},"msg":"request"}
`);
  };
}
function createTargetFields() {
  const byRoute = /* @__PURE__ */ new WeakMap();
  return (route, peer) => {
    if (!route) return "";
    const { id, service } = route;
    if (!peer) return fieldsOf({ route: id, service });
    let byPeer = byRoute.get(route);
    if (!byPeer) {
      byPeer = /* @__PURE__ */ new WeakMap();
      byRoute.set(route, byPeer);
    }
    let fields = byPeer.get(peer);
    if (fields === void 0) {
      fields = fieldsOf({ route: id, service, node: peer.node.id, address: peer.address });
      byPeer.set(peer, fields);
    }
    return fields;
  };
}
function fieldsOf(fields) {
  return `,${JSON.stringify(fields).slice(1, -1)}`;
}
var PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
function quote(text) {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}
function round(ms) {
  return Math.round(ms * 1e3) / 1e3;
}
function reasonOf(failure) {
  let cause = failure;
  while (cause instanceof Error && cause.cause !== void 0) cause = cause.cause;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}

// middleware/request/deadlines.ts
var TICK_MS = 50;
var Deadlines = class {
  #queues = /* @__PURE__ */ new Map();
  #now;
  #timer;
  constructor(now = () => performance.now()) {
    this.#now = now;
  }
  /** Ends `call` with a timeout, `timeoutMs` after the call started. Clear the returned deadline to prevent that. */
  start(call, timeoutMs) {
    let head = this.#queues.get(timeoutMs);
    if (!head) {
      head = new Deadline(void 0, timeoutMs, Number.POSITIVE_INFINITY);
      this.#queues.set(timeoutMs, head);
    }
    const deadline = new Deadline(call, timeoutMs, call.startedAt + timeoutMs);
    deadline.join(head);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
    return deadline;
  }
  /** Restarts the time of a deadline, unless it was cleared. */
  refresh(deadline) {
    const head = this.#queues.get(deadline.timeoutMs);
    if (!head || deadline.next === deadline) return;
    deadline.clear();
    deadline.expiresAt = this.#now() + deadline.timeoutMs;
    deadline.insertBefore(head);
  }
  #tick() {
    for (const [timeoutMs, head] of this.#queues) {
      this.#endExpired(head);
      if (head.next === head) this.#queues.delete(timeoutMs);
    }
    if (this.#queues.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = void 0;
  }
  /**
   * Ends one expired call per turn of the event loop, so that its consequences take effect before the next one. When a
   * node hangs, the first timeouts open its breaker, and the other calls move to another node.
   */
  #endExpired(head) {
    const { next } = head;
    if (next.expiresAt > this.#now()) return;
    next.clear();
    next.call?.end(new UpstreamFailure("timeout"));
    if (head.next !== head) setImmediate(() => this.#endExpired(head));
  }
};
var Deadline = class {
  call;
  timeoutMs;
  expiresAt;
  next = this;
  #previous = this;
  constructor(call, timeoutMs, expiresAt) {
    this.call = call;
    this.timeoutMs = timeoutMs;
    this.expiresAt = expiresAt;
  }
  /** Removes the deadline from its queue, so that the call is not ended. */
  clear() {
    this.#previous.next = this.next;
    this.next.#previous = this.#previous;
    this.next = this;
    this.#previous = this;
  }
  /** Inserts the deadline into the queue of `head`, after all deadlines that expire no later. */
  join(head) {
    let link = head;
    while (link.#previous !== head && link.#previous.expiresAt > this.expiresAt) link = link.#previous;
    this.insertBefore(link);
  }
  insertBefore(link) {
    this.next = link;
    this.#previous = link.#previous;
    link.#previous.next = this;
    link.#previous = this;
  }
};

// routes/admin/build-pages.ts
import { setImmediate as nextTurn } from "node:timers/promises";

// internal/nodes/peer.ts
function stateOf(peer) {
  if (peer.node.suspect) return "suspect";
  if (laneOf(peer.node) === void 0) return "down";
  if (peer.node.weight === 0) return "draining";
  return peer.breaker === "open" || peer.health === "unhealthy" ? "down" : "up";
}

// routes/admin/build-pages.ts
var ROUTES_A_TURN = 500;
function createTablePages({
  nodes,
  table,
  limits,
  metrics,
  health,
  budgets,
  methods,
  describeRoute: describeRoute2,
  isReady
}) {
  const services = () => {
    const descriptorsOf = methods.summaries();
    return [...nodes.services()].sort((a, b) => a.name < b.name ? -1 : 1).map((service) => {
      const descriptors = descriptorsOf(service.name);
      return {
        ...describeState(service, budgets.get(service.name), limits.of(service.name)),
        ...descriptors && { descriptors },
        nodes: describeNodes(service.peers, table.nodeProblems(service.name))
      };
    });
  };
  return {
    isReady,
    metrics: () => metrics.render(),
    metricValues: () => metrics.values(),
    services: async () => ({ services: services() }),
    methods: async (service) => methods.methods(service),
    // Everything that changes is read at once, so that a page is of one moment however long its reader takes. Routes do
    // not change, and are described in turns; making text of the page takes longer, and is done while it is sent.
    async routes() {
      const { revision, ...source } = table.source();
      const counts = metrics.countsByRoute();
      return {
        revision: revision ?? null,
        source,
        defaultAuth: table.defaultAuth,
        services: services(),
        problems: [...table.problems(), ...table.warnings(), ...health.problems()],
        routes: await inTurns(
          table.routes(),
          (route) => Object.assign(describeRoute2(route), counts.get(route.id) ?? NO_REQUESTS)
        )
      };
    }
  };
}
function describeState({ name, isPanicking }, budget = NO_RETRIES, limit) {
  const { isExhausted, retrying, retries, hedges, refused } = budget;
  return {
    name,
    panicking: isPanicking,
    retries: {
      budget: isExhausted ? "exhausted" : "available",
      inFlight: retrying,
      begun: retries,
      hedges,
      refused
    },
    ...limit && { limit: describeLimit(limit) }
  };
}
function describeLimit({ kind, limit, inFlight, queued }) {
  return { kind, limit, inFlight, queued };
}
async function inTurns(items, map) {
  const mapped = [];
  for (const item of items) {
    mapped.push(map(item));
    if (mapped.length % ROUTES_A_TURN === 0) await nextTurn();
  }
  return mapped;
}
var NO_REQUESTS = { requests: 0, failures: 0 };
var NO_RETRIES = { isExhausted: false, retrying: 0, retries: 0, hedges: 0, refused: 0 };
function describeNodes(peers, problems) {
  return peers.map((peer) => {
    const problem = peer.wrongProtocol ?? problems?.get(peer.node.id);
    return problem === void 0 ? describeNode(peer) : { ...describeNode(peer), problem };
  });
}
function describeProtocol({ node, sessions }) {
  const { protocol } = node;
  if (protocol === void 0) return NO_PROTOCOL;
  const lane = laneOf(node);
  return { protocol, ...lane && { lane, sessions: sessions ?? 0 } };
}
var NO_PROTOCOL = {};
function describeNode(peer) {
  return {
    id: peer.node.id,
    address: peer.address,
    weight: peer.node.weight,
    metadata: peer.node.metadata,
    ...describeProtocol(peer),
    state: stateOf(peer),
    breaker: peer.breaker,
    health: peer.health,
    inFlight: peer.inFlight,
    requests: peer.requests,
    failures: peer.failures,
    timeouts: peer.timeouts
  };
}

// routes/admin/grpc-metrics.ts
var MAX_SERIES = 2e4;
var OTHER = "other";
var GrpcCounts = class {
  #findMethod;
  #series = /* @__PURE__ */ new Map();
  /** @param findMethod knows the methods that have a series of their own, because clients may ask for any */
  constructor(findMethod) {
    this.#findMethod = findMethod;
  }
  count({ route, peer, rpc, grpcStatus = GRPC_STATUS.CANCELLED }) {
    const service = peer?.node.service ?? route?.service ?? "";
    const isKnown = rpc !== void 0 && this.#findMethod(service, rpc) !== void 0;
    this.#find(route?.id ?? "", service, isKnown ? rpc : OTHER, grpcStatus).value++;
  }
  samples() {
    return this.#series.values();
  }
  #find(route, service, method, status) {
    const key = `${route} ${service} ${method} ${status}`;
    let series = this.#series.get(key);
    if (series) return series;
    if (this.#series.size >= MAX_SERIES && route !== OTHER) return this.#find(OTHER, OTHER, OTHER, status);
    series = { labels: { route, service, method, grpc_status: String(status) }, value: 0 };
    this.#series.set(key, series);
    return series;
  }
};
function addGrpcMetrics(live, counts) {
  live(
    "counter",
    "waygate_grpc_calls_total",
    "gRPC calls that have ended, by route, service, method and status. 1: also clients that left.",
    "sum",
    () => counts.samples()
  );
}

// routes/admin/metrics.ts
import { setImmediate as nextTurn2 } from "node:timers/promises";

// routes/admin/accumulated-histogram.ts
var AccumulatedHistogram = class {
  name;
  #help;
  #label;
  #bounds;
  #series = /* @__PURE__ */ new Map();
  /** @param bounds upper bounds, ascending, without +Inf */
  constructor(name, help, label, bounds) {
    this.name = name;
    this.#help = help;
    this.#label = label;
    this.#bounds = bounds;
  }
  observe(labelValue, value) {
    let series = this.#series.get(labelValue);
    if (!series) {
      series = { counts: new Float64Array(this.#bounds.length + 1), sum: 0 };
      this.#series.set(labelValue, series);
    }
    let index = 0;
    while (index < this.#bounds.length && value > this.#bounds[index]) index++;
    series.counts[index]++;
    series.sum += value;
  }
  /** Returns the values for prom-client's registry, which calls this at each scrape. */
  async get() {
    const values = [];
    for (const [labelValue, { counts, sum }] of this.#series) {
      const labels = { [this.#label]: labelValue };
      let cumulative = 0;
      for (const [index, count] of counts.entries()) {
        cumulative += count;
        const le = this.#bounds[index] ?? "+Inf";
        values.push({ metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: cumulative });
      }
      values.push({ metricName: `${this.name}_sum`, labels, value: sum });
      values.push({ metricName: `${this.name}_count`, labels, value: cumulative });
    }
    return { name: this.name, help: this.#help, type: "histogram", aggregator: "sum", values };
  }
  reset() {
    this.#series.clear();
  }
  /** Casts for `Registry.registerMetric`, whose type lists prom-client's own classes. */
  asMetric() {
    return this;
  }
};

// routes/admin/request-counts.ts
var MAX_SERIES2 = 5e4;
var RequestCounts = class {
  #nodes;
  #series = /* @__PURE__ */ new Map();
  /** Sums of the series that were forgotten. Bounded by the routes that ever had requests. */
  #forgotten = /* @__PURE__ */ new Map();
  constructor(nodes) {
    this.#nodes = nodes;
  }
  count(call, status) {
    const { peer, route } = call;
    const last = peer?.lastCounted;
    if (last?.isFor(route, status)) last.count++;
    else {
      const series = this.#find(call, status);
      series.count++;
      if (peer) peer.lastCounted = series;
    }
  }
  /** Yields the counts for a scrape, and then drops the series of removed nodes. */
  *samples() {
    for (const { labels, count } of this.#series.values()) yield { labels, value: count };
    this.#dropGone();
  }
  /** Sums by the id of the route, since the start of the process. */
  byRoute() {
    const sums = new Map(this.#forgotten);
    for (const series of this.#series.values()) addTo(sums, series);
    return sums;
  }
  #find({ peer, route }, status) {
    const node = peer?.node.id ?? "";
    const service = peer?.node.service ?? route?.service ?? "";
    const key = `${route?.id ?? ""} ${service} ${node} ${status}`;
    let series = this.#series.get(key);
    if (!series) {
      if (this.#series.size >= MAX_SERIES2) this.#dropGone();
      series = new Series(route?.id ?? "", service, node, status);
      this.#series.set(key, series);
    }
    series.route = route;
    return series;
  }
  #dropGone() {
    for (const [key, series] of this.#series) {
      const { service, node } = series.labels;
      if (node === "" || this.#nodes.service(service)?.peers.some((peer) => peer.node.id === node)) continue;
      series.isDropped = true;
      addTo(this.#forgotten, series);
      this.#series.delete(key);
    }
  }
};
function addTo(sums, { labels, isFailure, count }) {
  const { requests, failures } = sums.get(labels.route) ?? { requests: 0, failures: 0 };
  sums.set(labels.route, { requests: requests + count, failures: failures + (isFailure ? count : 0) });
}
var Series = class {
  labels;
  #status;
  /**
   * The route of the last request that looked the series up. A new version of a route is another object with the same
   * id.
   */
  route = void 0;
  isDropped = false;
  count = 0;
  constructor(route, service, node, status) {
    this.labels = { route, service, node, status: String(status) };
    this.#status = status;
  }
  get isFailure() {
    return this.#status >= 500;
  }
  isFor(route, status) {
    return this.#status === status && this.route === route && !this.isDropped;
  }
};

// routes/admin/limit-metrics.ts
function addLimitMetrics(live, limits, nodes, loop) {
  const perService = (type, name, help, value) => live(type, name, help, "sum", function* () {
    for (const { name: name2 } of nodes.services()) limits.of(name2);
    for (const each of limits) yield { labels: { service: each.service }, value: value(each) };
  });
  perService(
    "gauge",
    "waygate_limit",
    "Concurrency limit of a service: the requests that it may have in flight.",
    (each) => each.limit
  );
  perService(
    "gauge",
    "waygate_limit_in_flight",
    "Requests in flight that count in the concurrency limit of their service.",
    (each) => each.inFlight
  );
  perService(
    "gauge",
    "waygate_limit_queued",
    "Requests that wait for a slot in the concurrency limit of their service.",
    (each) => each.queued
  );
  perService(
    "counter",
    "waygate_overloaded_total",
    "Requests refused because their service was at its concurrency limit.",
    (each) => each.refused
  );
  live(
    "counter",
    "waygate_loop_overloaded_total",
    "Requests refused because the event loop was delayed.",
    "sum",
    () => [{ labels: {}, value: loop.refused }]
  );
}
function addConnectionMetrics(live, connections, http2) {
  const by = (label, counts) => Object.entries(counts).map(([name, value]) => ({ labels: { [label]: name }, value }));
  live(
    "gauge",
    "waygate_client_connections",
    "Open connections of clients, by protocol: h1 or h2.",
    "sum",
    () => [
      { labels: { protocol: "h1" }, value: connections.open - connections.http2 },
      { labels: { protocol: "h2" }, value: connections.http2 }
    ]
  );
  live(
    "counter",
    "waygate_client_connections_refused_total",
    "Client connections refused, by the limit that was reached: total or address.",
    "sum",
    () => by("limit", connections.refused)
  );
  live(
    "counter",
    "waygate_client_connections_ended_total",
    "Client connections ended because the client was too slow (to send a head or a body, or to read its answer) or sent nothing but empty lines.",
    "sum",
    () => by("reason", connections.ended)
  );
  live(
    "gauge",
    "waygate_http2_streams",
    "Requests in flight on HTTP/2 connections of clients.",
    "sum",
    () => [{ labels: {}, value: http2.streams }]
  );
  live(
    "gauge",
    "waygate_http2_buffered_bytes",
    "Bytes of bodies held for HTTP/2 clients, because the node or the client does not take them.",
    "sum",
    () => [{ labels: {}, value: http2.bufferedBytes }]
  );
  live(
    "counter",
    "waygate_http2_ended_total",
    "HTTP/2 connections and streams of clients that the gateway ended because of what the client did, by reason.",
    "sum",
    () => by("reason", http2.ended)
  );
  live(
    "counter",
    "waygate_http2_stream_resets_total",
    "HTTP/2 streams of clients that ended with RST_STREAM, by the side that sent it: client or gateway.",
    "sum",
    () => by("side", http2.resets)
  );
}

// routes/admin/policy-metrics.ts
var MAX_ROUTES = 5e3;
var PolicyCounts = class {
  refusals = new LabelledCounter("policy");
  wouldRefusals = new LabelledCounter("policy");
  preflights = new LabelledCounter("result");
};
var LabelledCounter = class {
  #label;
  #routes = /* @__PURE__ */ new Map();
  constructor(label) {
    this.#label = label;
  }
  add(route, value) {
    const name = this.#routes.has(route) || this.#routes.size < MAX_ROUTES ? route : "other";
    let counts = this.#routes.get(name);
    if (!counts) {
      counts = /* @__PURE__ */ new Map();
      this.#routes.set(name, counts);
    }
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  *samples() {
    for (const [route, counts] of this.#routes) {
      for (const [text, value] of counts) yield { labels: { route, [this.#label]: text }, value };
    }
  }
};
function addPolicyMetrics(live, counts) {
  live(
    "counter",
    "waygate_policy_refusals_total",
    "Requests that a policy of their route refused, by route and policy.",
    "sum",
    () => counts.refusals.samples()
  );
  live(
    "counter",
    "waygate_policy_would_refuse_total",
    "Requests that a policy would have refused if it were enforced, by route and policy.",
    "sum",
    () => counts.wouldRefusals.samples()
  );
  live(
    "counter",
    "waygate_cors_preflights_total",
    "CORS preflights answered by the gateway, by route and result: allowed, refused.",
    "sum",
    () => counts.preflights.samples()
  );
}

// routes/admin/session-metrics.ts
function addSessionMetrics(live, nodes, sessions) {
  live("gauge", "waygate_node_sessions", "Open HTTP/2 connections to a node.", "sum", function* () {
    for (const { name, peers } of nodes.services()) {
      for (const peer of peers) {
        if (speaksHttp1(peer.node) || laneOf(peer.node) === void 0) continue;
        yield { labels: { service: name, node: peer.node.id }, value: peer.sessions ?? 0 };
      }
    }
  });
  live("counter", "waygate_node_goaways_total", "GOAWAY frames that nodes have sent.", "sum", () => [
    { labels: {}, value: sessions.goaways }
  ]);
  live(
    "counter",
    "waygate_node_sessions_retired_total",
    "HTTP/2 connections to nodes that take no further requests, by the reason: goaway, cancels, ids, address.",
    "sum",
    () => Object.entries(sessions.retired).map(([reason, value]) => ({ labels: { reason }, value }))
  );
}

// routes/admin/transcode-metrics.ts
var TranscodeCounts = class {
  #messages = /* @__PURE__ */ new Map();
  #errors = /* @__PURE__ */ new Map();
  message(service, direction) {
    add(this.#messages, service, direction);
  }
  error(service, reason) {
    add(this.#errors, service, reason);
  }
  messages() {
    return samplesOf(this.#messages, "direction");
  }
  errors() {
    return samplesOf(this.#errors, "reason");
  }
};
function add(counts, service, kind) {
  let ofService = counts.get(service);
  if (!ofService) {
    ofService = /* @__PURE__ */ new Map();
    counts.set(service, ofService);
  }
  ofService.set(kind, (ofService.get(kind) ?? 0) + 1);
}
function* samplesOf(counts, label) {
  for (const [service, ofService] of counts) {
    for (const [kind, value] of ofService) yield { labels: { service, [label]: kind }, value };
  }
}
function addTranscodeMetrics(live, counts, descriptors) {
  live(
    "counter",
    "waygate_grpc_messages_total",
    "gRPC messages made of JSON (request) or turned into JSON (answer), by service.",
    "sum",
    () => counts.messages()
  );
  live(
    "counter",
    "waygate_transcode_errors_total",
    "Requests with JSON that became no gRPC call, and answers that became no JSON, by service and reason.",
    "sum",
    () => counts.errors()
  );
  live(
    "gauge",
    "waygate_descriptors",
    "Services whose gRPC descriptors are known, by service and source: 1.",
    "max",
    () => samplesOfSources(descriptors)
  );
  live(
    "counter",
    "waygate_descriptors_failed_total",
    "Descriptors that could not be used, and nodes that could not be asked for them.",
    "sum",
    () => [{ labels: {}, value: descriptors.failed }]
  );
}
function* samplesOfSources(descriptors) {
  for (const { service, source } of descriptors.known()) yield { labels: { service, source }, value: 1 };
}

// routes/admin/table-metrics.ts
var BREAKER_VALUES = { closed: 0, "half-open": 1, open: 2 };
function addTableMetrics(live, views) {
  const { nodes, table, budgets, health, limits, loop, connections, http2, policies, sessions } = views;
  const { grpc, transcode, descriptors } = views;
  const perNode = (type, name, help, aggregator, value) => live(type, name, help, aggregator, function* () {
    for (const service of nodes.services()) {
      for (const peer of service.peers) {
        yield { labels: { service: service.name, node: peer.node.id }, value: value(peer) };
      }
    }
  });
  perNode("counter", "waygate_node_tries_total", "Tries sent to a node.", "sum", (peer) => peer.requests);
  perNode(
    "counter",
    "waygate_node_failures_total",
    "Tries that failed or were answered with a 5xx status.",
    "sum",
    (peer) => peer.failures
  );
  perNode(
    "counter",
    "waygate_node_timeouts_total",
    "Tries that were not answered in time; also counted as failures.",
    "sum",
    (peer) => peer.timeouts
  );
  perNode(
    "gauge",
    "waygate_node_in_flight",
    "Tries whose answer has not ended.",
    "sum",
    (peer) => peer.inFlight
  );
  perNode(
    "gauge",
    "waygate_breaker_state",
    "Circuit breaker of a node: 0 closed, 1 half-open, 2 open.",
    "max",
    (peer) => BREAKER_VALUES[peer.breaker]
  );
  live(
    "gauge",
    "waygate_node_healthy",
    "Health of nodes that are checked: 1 healthy, 0 unhealthy.",
    "min",
    function* () {
      for (const { name, peers } of nodes.services()) {
        for (const peer of peers) {
          if (peer.health === "unchecked") continue;
          yield { labels: { service: name, node: peer.node.id }, value: Number(peer.health === "healthy") };
        }
      }
    }
  );
  live(
    "gauge",
    "waygate_service_panicking",
    "1 while every node of the service fails its check, so that all of them are used, else 0.",
    "max",
    function* () {
      for (const { name, isPanicking } of nodes.services()) {
        yield { labels: { service: name }, value: Number(isPanicking) };
      }
    }
  );
  live("gauge", "waygate_health_checked_nodes", "Nodes that this process checks.", "sum", () => [
    { labels: {}, value: health.checks.nodes }
  ]);
  live("counter", "waygate_health_checks_total", "Health checks made, by result.", "sum", () => [
    { labels: { result: "passed" }, value: health.checks.passed },
    { labels: { result: "failed" }, value: health.checks.failed }
  ]);
  const perService = (type, name, help, value) => live(type, name, help, "sum", function* () {
    for (const [service, budget] of budgets) yield { labels: { service }, value: value(budget) };
  });
  perService("counter", "waygate_retries_total", "Retries begun.", (budget) => budget.retries);
  perService(
    "counter",
    "waygate_hedges_total",
    "Hedges: second tries sent beside the first.",
    (budget) => budget.hedges
  );
  perService(
    "counter",
    "waygate_retries_refused_total",
    "Retries and hedges that the retry budget of the service did not allow.",
    (budget) => budget.refused
  );
  live(
    "gauge",
    "waygate_retry_budget_exhausted",
    "1 while the retry budget of the service has recently refused a retry, else 0.",
    "max",
    function* () {
      for (const [service, { isExhausted }] of budgets)
        yield { labels: { service }, value: Number(isExhausted) };
    }
  );
  perService(
    "gauge",
    "waygate_retries_in_flight",
    "Retries and hedges in flight that count in the retry budget.",
    (budget) => budget.retrying
  );
  addLimitMetrics(live, limits, nodes, loop);
  addConnectionMetrics(live, connections, http2);
  addPolicyMetrics(live, policies);
  addSessionMetrics(live, nodes, sessions);
  addGrpcMetrics(live, grpc);
  addTranscodeMetrics(live, transcode, descriptors);
  live(
    "gauge",
    "waygate_routes_closed",
    "Routes whose document cannot be used; they answer 503.",
    "max",
    () => [{ labels: {}, value: table.routes().filter((route) => route.isBroken).length }]
  );
  const gauge = (name, help, value, aggregator = "max") => live("gauge", name, help, aggregator, () => [{ labels: {}, value: value() }]);
  gauge("waygate_table_services", "Services in the table.", () => [...nodes.services()].length);
  gauge(
    "waygate_table_nodes",
    "Nodes in the table.",
    () => [...nodes.services()].reduce((sum, service) => sum + service.peers.length, 0)
  );
  gauge("waygate_table_routes", "Routes in the table, automatic ones included.", () => table.routes().length);
  gauge(
    "waygate_table_problems",
    "Registry values that are not used, or only in part.",
    () => table.problems().length
  );
  gauge(
    "waygate_table_revision",
    "Registry revision of the table.",
    () => Number(table.source().revision ?? 0),
    "min"
  );
  gauge(
    "waygate_table_age_seconds",
    "Seconds since the registry last confirmed the table.",
    () => (table.source().ageMs ?? Number.NaN) / 1e3
  );
  gauge(
    "waygate_table_stale",
    "1 while the table may lag behind the registry, else 0.",
    () => Number(table.source().stale)
  );
  gauge(
    "waygate_table_suspects",
    "Keys that are gone from the registry and still used, because the registry may have lost them.",
    () => table.source().suspects
  );
  live(
    "counter",
    "waygate_registry_drift_total",
    "Differences that a full comparison found although no event was missed; stays 0.",
    "sum",
    () => table.source().sources.map(({ name, drift }) => ({ labels: { source: name }, value: drift }))
  );
  live(
    "counter",
    "waygate_registry_relists_total",
    "Full listings of the registry, by the reason for them.",
    "sum",
    () => table.source().sources.flatMap(
      ({ name, relists }) => Object.entries(relists).map(([reason, count]) => ({
        labels: { source: name, reason },
        value: count
      }))
    )
  );
  gauge(
    "waygate_registry_connected",
    "1 while the registry is connected, else 0.",
    () => Number(table.source().connected),
    "min"
  );
}

// routes/admin/metrics.ts
var DURATION_BOUNDS = [1e-3, 25e-4, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
function createMetrics(views) {
  const requests = new RequestCounts(views.nodes);
  const durations = new AccumulatedHistogram(
    "waygate_request_duration_seconds",
    "Time from the arrival of a request to the end of its answer, by route.",
    "route",
    DURATION_BOUNDS
  );
  const upstreamDurations = new AccumulatedHistogram(
    "waygate_upstream_duration_seconds",
    "Time from a request's first try to the head of its answer, over all tries, by route.",
    "route",
    DURATION_BOUNDS
  );
  let opened;
  const open = () => {
    opened ??= createRegistry();
    return opened;
  };
  async function createRegistry() {
    const { collectDefaultMetrics, Registry } = await import("prom-client");
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    registry.registerMetric(durations.asMetric());
    registry.registerMetric(upstreamDurations.asMetric());
    const live = (type, name, help, aggregator, samples) => registry.registerMetric(liveMetric({ type, name, help, aggregator, samples }));
    live(
      "counter",
      "waygate_requests_total",
      "Requests that have ended, by route, service, node and status. 499: the client left.",
      "sum",
      () => requests.samples()
    );
    addTableMetrics(live, views);
    return registry;
  }
  async function render() {
    const registry = await open();
    const texts = [];
    for (const metric of registry.getMetricsAsArray()) {
      texts.push(await registry.getSingleMetricAsString(metric.name));
      await nextTurn2();
    }
    return `${texts.join("\n\n")}
`;
  }
  return {
    countsByRoute: () => requests.byRoute(),
    render,
    async *values() {
      const registry = await open();
      for (const { name } of registry.getMetricsAsArray()) {
        yield await valuesOf(registry.getSingleMetric(name));
        await nextTurn2();
      }
    },
    record(call, status, totalMs) {
      const route = call.route?.id ?? "";
      requests.count(call, status);
      durations.observe(route, totalMs / 1e3);
      if (call.rpc !== void 0 || call.grpcStatus !== void 0) views.grpc.count(call);
      if (call.upstreamMs >= 0) upstreamDurations.observe(route, call.upstreamMs / 1e3);
    }
  };
}
async function valuesOf(metric) {
  return await metric.get();
}

// routes/public/http1/listener.ts
import { Server as NetServer } from "node:net";
import Fastify from "fastify";

// middleware/connection/chunked-upgrade.ts
import { setImmediate as nextTurn3 } from "node:timers/promises";
async function checkChunkedBody(request) {
  await nextTurn3();
  if (request.complete && request.readableLength === 0)
    throw new GatewayError("WG_BAD_REQUEST", {
      detail: "A request that asks for an upgrade cannot have an empty chunked body; send Content-Length: 0."
    });
}

// middleware/request/request-id.ts
import { randomBytes } from "node:crypto";
function createRequestIds(prefix = randomBytes(8).toString("hex")) {
  let made = 0;
  return () => `${prefix}-${(++made).toString(36)}`;
}

// middleware/connection/linger.ts
import { Socket } from "node:net";
var LINGER_MS = 5e3;
function linger(socket) {
  if (socket.readableEnded) {
    Socket.prototype.destroySoon.call(socket);
    return;
  }
  socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.resume().once("end", () => socket.destroy()).once("close", () => clearTimeout(timer));
}

// middleware/connection/client-error.ts
function createClientErrors(options) {
  const newId = createRequestIds();
  const broken = /* @__PURE__ */ new WeakMap();
  function end(socket, error, method, target) {
    const answering = socket._httpMessage;
    if (answering && !answering.req.complete) {
      broken.set(answering, error);
      endWithProblem(socket, error, void 0);
      return;
    }
    const call = new Call(newId(), method, target, performance.now());
    call.clientAddress = plainAddress(socket.remoteAddress);
    call.errorCode = error.code;
    call.failure = error.cause;
    endWithProblem(socket, error, call.requestId);
    options.onRefused(call, error.status);
  }
  return {
    refuse(error, socket) {
      if (Buffer.isBuffer(error.rawPacket)) options.onPiece(error.rawPacket.length);
      if (socket.writableEnded && !socket.destroyed) return;
      if (error.code === "HPE_CLOSED_CONNECTION" && socket._httpMessage) return;
      if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") options.onSlowHead();
      if (!error.code?.startsWith("HPE_")) socket.destroy();
      else end(socket, new GatewayError(codeOf(error), { cause: error }), UNKNOWN, UNKNOWN);
    },
    refuseConnect(request, socket) {
      end(socket, new GatewayError("WG_BAD_REQUEST"), request.method, request.url);
    },
    explain({ call, response }) {
      const error = broken.get(response);
      if (!error) return;
      call.errorCode = error.code;
      call.failure = error.cause;
    }
  };
}
var UNKNOWN = "-";
function endWithProblem(socket, error, requestId) {
  socket.on("error", () => {
  });
  const answering = socket._httpMessage;
  if (!socket.writable || answering?.headersSent || answering?.req.complete) {
    socket.destroy();
    return;
  }
  const body = problemBody(error, requestId);
  socket.write(
    `HTTP/1.1 ${error.status} ${ERRORS[error.code].title}\r
Content-Type: ${PROBLEM_CONTENT_TYPE}\r
Content-Length: ${Buffer.byteLength(body)}\r
${requestId === void 0 ? "" : `X-Request-Id: ${requestId}\r
`}Connection: close\r
\r
${body}`
  );
  linger(socket);
}
function codeOf({ code, rawPacket, bytesParsed = 0 }) {
  if (code !== "HPE_HEADER_OVERFLOW") return "WG_BAD_REQUEST";
  return Buffer.isBuffer(rawPacket) && isInRequestLine(rawPacket, bytesParsed) ? "WG_URI_TOO_LONG" : "WG_HEADERS_TOO_LARGE";
}
var LONGEST_METHOD = 32;
function isInRequestLine(piece, bytesParsed) {
  const start = piece.toString("latin1", 0, LONGEST_METHOD);
  return /^[A-Z-]{1,24} \S/.test(start) && !piece.subarray(0, bytesParsed).includes(LINE_FEED);
}
var LINE_FEED = 10;

// middleware/connection/http1-body.ts
var MAX_CHUNKS_PER_TURN = 256;
var SMALL_CHUNK_BYTES = 1024;
var NO_CHUNKS = [];
var http1Bodies = {
  open: (request, options) => new Http1Body(request, options),
  discard: (request, onPiece) => discard(request, onPiece)
};
function discard(source, onPiece) {
  let chunks = 0;
  const goOn = () => {
    if (chunks >= MAX_CHUNKS_PER_TURN) {
      source.socket.resume();
      source.resume();
    }
    chunks = 0;
  };
  source.on("data", (chunk) => {
    onPiece(chunk.length);
    if (++chunks === 1) setImmediate(goOn);
    else if (chunks === MAX_CHUNKS_PER_TURN) stopReading(source);
  }).resume();
}
function stopReading(source) {
  source.pause();
  source.socket.pause();
}
var Http1Body = class {
  begun = false;
  source;
  options;
  constructor(source, options) {
    this.source = source;
    this.options = options;
  }
  get length() {
    return this.options.length;
  }
  get awaitsContinue() {
    return !this.begun && this.options.sendContinue !== void 0;
  }
  get trailers() {
    return this.options.trailers?.();
  }
  open(sink) {
    return new Http1Flow(this, sink);
  }
  begin() {
    if (this.begun) return;
    this.begun = true;
    this.options.sendContinue?.();
  }
};
var Http1Flow = class {
  isPaused = true;
  #body;
  #source;
  #sink;
  #isReading = false;
  #isOver = false;
  #bytes = 0;
  /** Chunks that wait for the end of this turn of the event loop, or for `resume`. */
  #held = NO_CHUNKS;
  /** Whether the client has sent all of it. */
  #isWhole = false;
  constructor(body, sink) {
    this.#body = body;
    this.#source = body.source;
    this.#sink = sink;
  }
  resume() {
    if (this.#isOver || !this.isPaused) return;
    this.isPaused = false;
    if (!this.#isReading) {
      this.#begin();
      return;
    }
    this.#passHeld();
    if (this.isPaused || this.#isOver) return;
    if (this.#isWhole) this.#end();
    else this.#source.resume();
  }
  pause() {
    if (this.#isOver || this.isPaused) return;
    this.isPaused = true;
    this.#source.pause();
  }
  stop() {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!this.#isReading) return;
    const source = this.#source;
    if (this.#held.length >= MAX_CHUNKS_PER_TURN) source.socket.resume();
    this.#held = NO_CHUNKS;
    source.off("data", this.#onData).off("end", this.#onEnd);
    if (!source.readableEnded) discard(source, this.#body.options.onPiece);
  }
  #begin() {
    const source = this.#source;
    this.#isReading = true;
    this.#body.begin();
    if (source.readableEnded) this.#end();
    else if (source.destroyed) this.#onError();
    else source.on("data", this.#onData).on("end", this.#onEnd).on("error", this.#onError).resume();
  }
  #onData = (chunk) => {
    const { length, maxBytes } = this.#body.options;
    this.#bytes += chunk.length;
    if (maxBytes > 0 && this.#bytes > maxBytes) {
      this.stop();
      this.#sink.onError(new GatewayError("WG_BODY_TOO_LARGE"));
    } else if (length !== void 0) {
      this.#pass(chunk);
      if (this.#bytes === length) this.#end();
    } else if (chunk.length < SMALL_CHUNK_BYTES) this.#hold(chunk);
    else {
      this.#passHeld();
      if (this.isPaused) this.#hold(chunk);
      else if (!this.#isOver) this.#pass(chunk);
    }
  };
  #hold(chunk) {
    if (this.#held === NO_CHUNKS) this.#held = [];
    const count = this.#held.push(chunk);
    if (count === 1) setImmediate(this.#passHeld);
    else if (count === MAX_CHUNKS_PER_TURN) stopReading(this.#source);
  }
  #passHeld = () => {
    const held = this.#held;
    if (this.isPaused || held.length === 0) return;
    this.#held = NO_CHUNKS;
    const wasStopped = held.length >= MAX_CHUNKS_PER_TURN;
    if (wasStopped) this.#source.socket.resume();
    this.#pass(held.length === 1 ? held[0] : Buffer.concat(held));
    if (!wasStopped) return;
    const kept = Math.min(this.#source.readableLength, this.#source.readableHighWaterMark);
    if (kept > 0 && !this.isPaused && !this.#isOver) this.#source.read(kept);
    if (!this.isPaused && !this.#isOver) this.#source.resume();
  };
  #pass(chunk) {
    this.#body.options.onPiece(chunk.length);
    this.#sink.onData(chunk);
  }
  #onEnd = () => {
    this.#isWhole = true;
    this.#passHeld();
    if (this.#held.length === 0) this.#end();
  };
  #end() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.onEnd();
  }
  // Stays attached when the flow is over, because a client that breaks off later must not be an unhandled error.
  #onError = (error) => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.onError(new UpstreamFailure("aborted", error));
  };
};

// middleware/connection/pipelining.ts
var MAX_AHEAD = 32;
var LastRequests = class {
  #hasLast = /* @__PURE__ */ new WeakSet();
  /** By connection, the number of requests that wait for the answers to earlier ones. */
  #ahead = /* @__PURE__ */ new WeakMap();
  /**
   * Returns whether a request follows the last one of its connection. Such a request is not served: to another parser, its
   * bytes might be a part of the request before.
   */
  isAfterLast({ socket }) {
    return this.#hasLast.has(socket);
  }
  /** Makes a request the last one of its connection if what follows it cannot be trusted, or too much was sent ahead. */
  markIfLast({ socket }, response, { refusal: refusal2, head }) {
    if (!refusal2 && !head.asksForUpgrade && !this.#isTooFarAhead(socket, response)) return;
    this.#hasLast.add(socket);
    response.shouldKeepAlive = false;
  }
  #isTooFarAhead(socket, response) {
    if (response.socket) return false;
    const ahead = (this.#ahead.get(socket) ?? 0) + 1;
    this.#ahead.set(socket, ahead);
    response.once("socket", () => this.#ahead.set(socket, this.#ahead.get(socket) - 1));
    return ahead >= MAX_AHEAD;
  }
};

// middleware/connection/websocket-handshake.ts
var KEY = /^[+/0-9A-Za-z]{22}==$/;
function isWebSocketHandshake(request) {
  const { headers } = request;
  return headers.upgrade?.toLowerCase() === "websocket" && request.method === "GET" && request.httpVersion === "1.1" && headers["sec-websocket-version"] === "13" && KEY.test(headers["sec-websocket-key"] ?? "") && areProtocols(headers["sec-websocket-protocol"]) && headers["content-length"] === void 0 && headers["transfer-encoding"] === void 0 && canonicalTarget(request.url) !== void 0 && isNextInLine(request);
}
function areProtocols(list) {
  if (list === void 0) return true;
  if (!TOKEN_LIST.test(list)) return false;
  const protocols = list.split(",").map((protocol) => protocol.trim());
  return new Set(protocols).size === protocols.length;
}
function isNextInLine({ socket }) {
  return socket.writable && !socket._httpMessage;
}

// middleware/request/forwarded.ts
var NO_REPORT = {
  forwardedFor: void 0,
  proto: void 0,
  host: void 0,
  port: void 0,
  prefix: void 0,
  forwarded: void 0
};
function readProxyReport(lines, isTrustedProxy) {
  if (lines === void 0) return NO_REPORT;
  const forwardedFor = listIn(getAllHeaders(lines, "x-forwarded-for"));
  const port = portIn(lastOf(getAllHeaders(lines, "x-forwarded-port")));
  const prefix = prefixIn(getAllHeaders(lines, "x-forwarded-prefix"));
  const forwarded = getAllHeaders(lines, "forwarded");
  const elements = forwardedFor !== void 0 || forwarded === void 0 ? void 0 : parse(forwarded);
  if (elements !== void 0) {
    const client = clientOf(elements, isTrustedProxy);
    return {
      forwardedFor: elements.map((element) => addressOf2(element) ?? "unknown").join(", "),
      proto: protoIn(client.get("proto")),
      host: hostIn(client.get("host")),
      port,
      prefix,
      forwarded
    };
  }
  return {
    forwardedFor: forwardedFor ?? addressIn(getAllHeaders(lines, "x-real-ip") ?? ""),
    proto: protoIn(lastOf(getAllHeaders(lines, "x-forwarded-proto"))),
    host: hostIn(lastOf(getAllHeaders(lines, "x-forwarded-host"))),
    port,
    prefix,
    forwarded: void 0
  };
}
function writeForwarded({ call, head, peerAddress, proxied }) {
  const seen = elementOf(peerAddress, "http", head.host);
  if (proxied === void 0) return seen;
  const { forwarded, forwardedFor, proto, host } = proxied;
  if (forwarded !== void 0) return `${forwarded}, ${seen}`;
  const addresses = forwardedFor?.split(",").map((text) => addressIn(text) ?? "unknown") ?? [];
  const client = addresses.lastIndexOf(call.clientAddress);
  const elements = addresses.map(
    (address, index) => index === client ? elementOf(address, proto, host) : elementOf(address, void 0, void 0)
  );
  const last = client === -1 ? elementOf(peerAddress, proto ?? "http", host ?? head.host) : seen;
  return [...elements, last].join(", ");
}
function elementOf(address, proto, host) {
  let text = `for=${address.includes(":") ? `"[${address}]"` : address}`;
  if (host !== void 0) text += `;host=${host.includes(":") || host === "" ? `"${host}"` : host}`;
  return proto === void 0 ? text : `${text};proto=${proto}`;
}
function hostIn(text) {
  return text !== void 0 && isAuthority(text) ? text : void 0;
}
var PROTOCOLS = /* @__PURE__ */ new Map([
  ["http", "http"],
  ["https", "https"],
  ["ws", "http"],
  ["wss", "https"]
]);
function protoIn(text) {
  return text === void 0 ? void 0 : PROTOCOLS.get(text.toLowerCase());
}
function portIn(text) {
  return text !== void 0 && /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65535 ? text : void 0;
}
var PATH = /^(?:\/[A-Za-z0-9._~!$&'()*+;=:@%-]+)+$/;
function prefixIn(text) {
  if (text === void 0) return void 0;
  let prefix = "";
  for (const part of text.split(",")) {
    const path = part.trim();
    const bare = path.endsWith("/") ? path.slice(0, -1) : path;
    if (bare === "") continue;
    const read = PATH.test(bare) ? canonicalTarget(bare) : void 0;
    if (read?.target !== bare || read.hasEncodedSlash) return void 0;
    prefix += bare;
  }
  return prefix === "" ? void 0 : prefix;
}
var VISIBLE = /^[\t\x20-\x7e]*$/;
function listIn(text) {
  return text !== void 0 && VISIBLE.test(text) && /[^\s,]/.test(text) ? text : void 0;
}
function lastOf(list) {
  return list?.slice(list.lastIndexOf(",") + 1).trim();
}
function clientOf(elements, isTrustedProxy) {
  let client = elements.length - 1;
  while (client > 0 && isTrusted(elements[client], isTrustedProxy)) client--;
  return elements[client];
}
function addressOf2(element) {
  return addressIn(element.get("for") ?? "");
}
function isTrusted(element, isTrustedProxy) {
  const address = addressOf2(element);
  return address !== void 0 && isTrustedProxy(address);
}
var TOKEN2 = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
var QUOTED = /"([^"\\]*)"/y;
var SPACE = /[ \t]*/y;
function parse(text) {
  let at = 0;
  const take = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at += found[0].length;
    return found ?? void 0;
  };
  const elements = [];
  for (; ; ) {
    const element = /* @__PURE__ */ new Map();
    do {
      take(SPACE);
      const name = take(TOKEN2)?.[0].toLowerCase();
      if (name === void 0 || text[at] !== "=" || element.has(name)) return void 0;
      at++;
      const value = take(QUOTED)?.[1] ?? take(TOKEN2)?.[0];
      if (value === void 0) return void 0;
      element.set(name, value);
      take(SPACE);
    } while (text[at] === ";" && ++at);
    elements.push(element);
    if (at === text.length) return elements;
    if (text[at] !== ",") return void 0;
    at++;
  }
}

// middleware/request/open-exchange.ts
var SLASH = 47;
var METHODS = new Set(process.getBuiltinModule("node:http").METHODS);
var REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
var UNSAFE_TARGET = "The request target must be a plain path: no dot segments, encoded slashes, or controls.";
var NEEDS_HTTP2 = new GatewayError("WG_UNSUPPORTED_MEDIA", { detail: "gRPC needs HTTP/2." });
function dialectOf({ method }, { contentType }) {
  return contentType === void 0 || method !== "POST" ? void 0 : grpcDialectOf(contentType);
}
function createOpenExchange({
  bodies,
  identityHeaders,
  maxTargetBytes,
  isTrustedProxy,
  sendsForwarded = false,
  httpVersion,
  onOpen,
  onClose,
  now = () => performance.now()
}) {
  const readHead = createRequestHeadReader(identityHeaders);
  const trailerFilter = new TrailerFilter(identityHeaders);
  const newId = createRequestIds();
  function refusalOf(request, head, target, isSafe) {
    if (target.length > maxTargetBytes) return new GatewayError("WG_URI_TOO_LONG");
    if (request.rawHeaders.length > MAX_HEADER_LINES * 2) return new GatewayError("WG_HEADERS_TOO_LARGE");
    if (head.hostCount > 1 || head.hostCount === 0 && request.httpVersionMinor > 0) {
      return new GatewayError("WG_BAD_REQUEST", { detail: "The request must have exactly one Host header." });
    }
    if (head.host !== void 0 && !isAuthority(head.host)) {
      return new GatewayError("WG_BAD_REQUEST", { detail: "The Host header must be a host name or address." });
    }
    if (head.unknownEncoding || head.chunked && request.httpVersionMinor === 0 && httpVersion === 1) {
      return new GatewayError("WG_BAD_REQUEST", { detail: "The only Transfer-Encoding accepted is chunked." });
    }
    if (request.method === "TRACE" || request.httpVersionMajor !== httpVersion)
      return new GatewayError("WG_BAD_REQUEST");
    if (httpVersion === 2 && !METHODS.has(request.method)) return new GatewayError("WG_BAD_REQUEST");
    return isSafe ? void 0 : new GatewayError("WG_BAD_REQUEST", { detail: UNSAFE_TARGET });
  }
  return (request, response, expectation, isWebSocket = false) => {
    const peerAddress = plainAddress(request.socket.remoteAddress);
    const isProxied = isTrustedProxy(peerAddress);
    const head = readHead(request.rawHeaders, isProxied);
    const proxied = isProxied ? readProxyReport(head.proxyLines, isTrustedProxy) : void 0;
    const url = request.url;
    let target = url.charCodeAt(0) === SLASH ? url : originForm(url, head.host) ?? url;
    let isSafe = target.length <= maxTargetBytes;
    let respelled;
    if (isSafe && !isPlainTarget(target)) {
      respelled = canonicalTarget(target);
      if (respelled === void 0) isSafe = false;
      else target = respelled.target;
    }
    const id = head.requestId !== void 0 && REQUEST_ID.test(head.requestId) ? head.requestId : newId();
    const call = new Call(id, request.method, target, now());
    if (httpVersion === 2) call.http = "2";
    else if (request.httpVersionMinor === 0) call.http = "1.0";
    call.clientAddress = proxied ? realAddress(peerAddress, proxied.forwardedFor, isTrustedProxy) : peerAddress;
    const spoken = dialectOf(request, head);
    const isMisplaced = spoken === "grpc" && request.httpVersionMajor === 1;
    const exchange = {
      request,
      response,
      bodies,
      call,
      head,
      trailerFilter,
      peerAddress,
      proxied,
      sendsForwarded,
      respelled,
      expectation,
      dialect: isMisplaced ? void 0 : spoken,
      refusal: refusalOf(request, head, target, isSafe) ?? (isMisplaced ? NEEDS_HTTP2 : void 0),
      isWebSocket,
      isPreflight: false,
      plan: void 0,
      outgoing: void 0
    };
    onOpen();
    response.on("close", () => onClose(exchange));
    return exchange;
  };
}

// routes/public/http2/answer-lines.ts
var TREAT = { pass: 0, drop: 1, date: 2, contentType: 3 };
var OF_HTTP1 = /* @__PURE__ */ new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade"
]);
var treatmentOf = memoizeNames((spelling) => {
  if (!TOKEN.test(spelling)) throw new TypeError("a header name is not a token");
  const name = spelling.toLowerCase();
  if (OF_HTTP1.has(name)) return TREAT.drop;
  if (name === "date") return TREAT.date;
  return name === "content-type" ? TREAT.contentType : TREAT.pass;
});
var INDEXED = /* @__PURE__ */ new Set([
  ...["content-type", "content-encoding", "cache-control", "vary", "date", "server", "via", "accept-ranges"],
  ...["strict-transport-security", "x-content-type-options", "x-frame-options", "referrer-policy"],
  ...["access-control-allow-credentials", "access-control-allow-headers", "access-control-allow-methods"],
  ...["access-control-expose-headers", "access-control-max-age"],
  ...["grpc-status", "grpc-encoding", "grpc-accept-encoding", "trailer"]
]);
function mayIndexAnswer(name) {
  return INDEXED.has(name);
}
var EVENT_STREAM = /^text\/event-stream/i;
function answerLines(status, headers) {
  const lines = [":status", String(status)];
  let hasDate = false;
  let isEventStream = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i];
    const value = headers[i + 1];
    if (FORBIDDEN_IN_VALUE.test(value)) throw new TypeError(`the value of ${name} has a forbidden character`);
    const treatment = treatmentOf(name);
    if (treatment === TREAT.drop) continue;
    if (treatment === TREAT.date) hasDate = true;
    else if (treatment === TREAT.contentType) isEventStream = EVENT_STREAM.test(value);
    lines.push(name, value);
  }
  if (!hasDate) lines.push("date", currentDate());
  return { lines, isEventStream };
}
function interimLines(status, headers) {
  return [":status", String(status), ...trailerLines(headers)];
}
function trailerLines(fields) {
  const lines = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1];
    if (TOKEN.test(name) && !FORBIDDEN_IN_VALUE.test(value) && treatmentOf(name) !== TREAT.drop)
      lines.push(name, value);
  }
  return lines;
}
var dateText = "";
var dateSecond = 0;
function currentDate() {
  const now = Date.now();
  const second = Math.floor(now / 1e3);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(now).toUTCString();
  }
  return dateText;
}

// routes/public/http2/incoming-body.ts
var SMALL_PIECE_BYTES = 1024;
var JOINED_BYTES = 4096;
var NO_PIECES = [];
var IncomingBody = class {
  /** The bytes that are held. */
  heldBytes = 0;
  /** All bytes that have arrived. */
  receivedBytes = 0;
  /** Whether the client has sent all of it. */
  isWhole = false;
  /** Whether the client may pause for as long as it likes. */
  mayPause = false;
  #length;
  #owner;
  #pieces = NO_PIECES;
  /** The bytes of the last piece; it may be longer. */
  #lastLength = 0;
  #isLastWhole = true;
  #taker = void 0;
  #isDiscarded = false;
  #error = void 0;
  /** Bytes that were passed on while the node asked for a pause: it has not taken them yet. */
  #passedBytes = 0;
  /** @param length as the client has announced it; -1 = unknown */
  constructor(length, owner) {
    this.#length = length;
    this.#owner = owner;
  }
  /** Whether the gateway waits for the client: a node takes what comes, and nothing is there. */
  get isAwaited() {
    if (this.isWhole || this.mayPause || this.#taker === void 0 || this.#taker.isPaused) return false;
    return this.heldBytes === 0 || this.receivedBytes === this.#length;
  }
  /** Adds a copy of what has arrived. {@link pass} passes it on. */
  add(bytes, start, end) {
    const size = end - start;
    this.receivedBytes += size;
    if (this.#isDiscarded) {
      this.#owner.giveBack(size);
      return;
    }
    this.#hold(size);
    if (this.#pieces === NO_PIECES) this.#pieces = [];
    const last = this.#isLastWhole ? void 0 : this.#pieces.at(-1);
    if (size < SMALL_PIECE_BYTES && last !== void 0 && this.#lastLength + size <= last.length) {
      bytes.copy(last, this.#lastLength, start, end);
      this.#lastLength += size;
      return;
    }
    this.#trimLast();
    const isJoined = size < SMALL_PIECE_BYTES && this.#pieces.length > 0;
    const piece = isJoined ? Buffer.allocUnsafeSlow(JOINED_BYTES) : Buffer.allocUnsafe(size);
    bytes.copy(piece, 0, start, end);
    this.#pieces.push(piece);
    this.#lastLength = size;
    this.#isLastWhole = !isJoined;
  }
  /** Ends the body, because no more of it will come. */
  fail(error) {
    if (this.#error !== void 0) return;
    this.#error = error;
    this.#passedBytes += this.#drop();
    this.#giveBack();
    this.#taker?.fail(error);
  }
  /** Discards what is held, and all that still comes. */
  discard() {
    if (this.#isDiscarded) return;
    this.#isDiscarded = true;
    this.#taker = void 0;
    this.#passedBytes += this.#drop();
    this.#giveBack();
  }
  /**
   * Passes on what is held, as far as a node takes it. What looks like the last piece is held until the client says that
   * it is: a node must not take a body for whole that is longer than announced.
   */
  pass() {
    const taker = this.#taker;
    if (taker === void 0) return;
    this.#trimLast();
    const kept = this.isWhole || this.receivedBytes !== this.#length ? 0 : 1;
    while (this.#pieces.length > kept && this.#taker === taker && !taker.isPaused) {
      const piece = this.#pieces.shift();
      this.#hold(-piece.length);
      this.#passedBytes += piece.length;
      taker.onPiece(piece);
    }
    if (this.#taker !== taker) return;
    if (this.#pieces.length === 0) this.#pieces = NO_PIECES;
    const isOver = this.isWhole && this.heldBytes === 0;
    if (isOver || !taker.isPaused) this.#giveBack();
    if (isOver) taker.end();
  }
  /** Passes on what comes to `taker`, unless it is paused. To be called whenever it no longer is. */
  resume(taker) {
    this.#taker = taker;
    if (this.#error !== void 0) taker.fail(this.#error);
    else {
      this.#giveBack();
      this.pass();
    }
  }
  #giveBack() {
    const bytes = this.#passedBytes;
    if (bytes === 0) return;
    this.#passedBytes = 0;
    this.#owner.giveBack(bytes);
  }
  #hold(bytes) {
    this.heldBytes += bytes;
    this.#owner.hold(bytes);
  }
  /** Drops what is held. Returns how much that was. */
  #drop() {
    const dropped = this.heldBytes;
    this.#hold(-dropped);
    this.#pieces = NO_PIECES;
    this.#isLastWhole = true;
    return dropped;
  }
  /** Copies a short piece, because a piece keeps the whole buffer in memory. */
  #trimLast() {
    if (this.#isLastWhole) return;
    this.#isLastWhole = true;
    const piece = this.#pieces.pop().subarray(0, this.#lastLength);
    this.#pieces.push(this.#lastLength < SMALL_PIECE_BYTES ? Buffer.from(piece) : piece);
  }
};

// routes/public/http2/client-stream.ts
var MAX_UNSENT_BYTES = 65536;
var NO_LINES = [];
var NO_CONTENT = 204;
var NOT_MODIFIED = 304;
var ClientStream = class extends Http2Stream {
  method = void 0;
  url = void 0;
  /** As HTTP/1 would say it: Host for `:authority`, and Transfer-Encoding for a body of unknown length. */
  rawHeaders = NO_LINES;
  rawTrailers = NO_LINES;
  incoming = void 0;
  statusCode = 0;
  headersSent = false;
  destroyed = false;
  writableFinished = false;
  /** Whether the client may be as slow as it likes. */
  isUnhurried = false;
  /** What the rules for slow clients remember about the stream; undefined until the gateway waits for its client. */
  watch = void 0;
  #owner;
  /** The head that is set and not sent. */
  #head = void 0;
  #hasBody = true;
  #isEnded = false;
  #isClosed = false;
  #writtenBytes = 0;
  /** The bytes that were last counted as held. */
  #heldBytes = 0;
  #onClose = void 0;
  #onDrain = void 0;
  constructor(owner) {
    super();
    this.#owner = owner;
  }
  get socket() {
    return this.#owner.socket;
  }
  /** Bytes of the answer's body that the connection has written. */
  get sentBytes() {
    return this.#writtenBytes - this.queuedBytes;
  }
  get httpVersionMajor() {
    return 2;
  }
  get httpVersionMinor() {
    return 0;
  }
  get takesTrailers() {
    return this.method !== "HEAD";
  }
  /** What cannot be sent at once is copied. */
  get copiesChunks() {
    return true;
  }
  onHead(lines, isEnd) {
    const { method, path, lines: fields, contentLength } = readRequestFields(lines);
    this.expectBytes(contentLength);
    this.method = method;
    this.url = path;
    this.rawHeaders = fields;
    if (!isEnd) {
      this.incoming = new IncomingBody(contentLength, this);
      if (contentLength === -1) fields.push("transfer-encoding", "chunked");
    }
    this.#owner.serve(this, expectationOf(fields));
  }
  onHeadTooLarge(contentType) {
    this.#owner.refuseLargeHead(this, contentType);
  }
  onData(bytes, start, end, isEnd) {
    const { incoming } = this;
    if (incoming === void 0) {
      this.consume(end - start);
      return;
    }
    if (end > start) incoming.add(bytes, start, end);
    if (isEnd) incoming.isWhole = true;
    this.#owner.passBodyLater(this);
  }
  onTrailers(lines) {
    checkTrailerFields(lines);
    this.rawTrailers = lines;
    if (this.incoming === void 0) return;
    this.incoming.isWhole = true;
    this.#owner.passBodyLater(this);
  }
  onReset(_code, by, reason) {
    this.#owner.countReset(by);
    if (by === "us" && this.method === void 0) this.#owner.noteMalformed(reason);
    this.#close();
  }
  onDrain() {
    this.#countQueued();
    if (this.#isEnded) this.#allSent();
    else if (this.#onDrain) for (const listener of this.#onDrain) listener();
  }
  // What the session calls.
  passBody() {
    this.incoming.pass();
  }
  /** The end of the answer is written to the socket. */
  finished() {
    if (this.#isClosed) return;
    this.writableFinished = true;
    this.#close();
  }
  /** The socket closed before the end of the answer was written. */
  lost() {
    this.#close();
  }
  /** Ends the stream of a client that leaves the gateway waiting. */
  cancel() {
    this.#breakOff(ERROR.cancel);
  }
  /** Lets the client send the request again, later or on another connection. */
  refuse() {
    this.#breakOff(ERROR.refusedStream);
  }
  // What the body of the request calls.
  giveBack(bytes) {
    this.#owner.giveBack(this, bytes);
  }
  hold(bytes) {
    this.#owner.hold(bytes);
  }
  // What the gateway calls.
  /** @throws TypeError when a name or a value is not allowed in HTTP */
  writeHead(status, headers) {
    const { lines, isEventStream } = answerLines(status, headers);
    this.statusCode = status;
    this.headersSent = true;
    this.isUnhurried ||= isEventStream;
    this.#hasBody = this.method !== "HEAD" && status !== NO_CONTENT && status !== NOT_MODIFIED;
    this.#head = lines;
  }
  write(chunk, _encoding) {
    if (this.#isEnded || this.destroyed) return false;
    this.#sendHead(false);
    return !this.#hasBody || chunk.length === 0 || this.#sendData(chunk, false);
  }
  end(chunk = "", _encoding) {
    if (this.#isEnded || this.destroyed) return;
    this.#isEnded = true;
    const hasChunk = this.#hasBody && chunk.length > 0;
    if (this.#head !== void 0 && !hasChunk) this.#sendHead(true);
    else {
      this.#sendHead(false);
      this.#sendData(hasChunk ? chunk : "", true);
    }
    if (this.isSent) this.#allSent();
  }
  endWithTrailers(trailers) {
    const lines = this.#hasBody ? trailerLines(trailers) : NO_LINES;
    if (lines.length === 0) {
      this.end();
      return;
    }
    if (this.#isEnded || this.destroyed) return;
    this.#isEnded = true;
    this.#sendHead(false);
    this.sendTrailers(lines);
    if (this.isSent) this.#allSent();
  }
  writeInterim(status, headers) {
    if (this.headersSent || this.destroyed || this.queuedBytes > MAX_UNSENT_BYTES) return;
    this.sendHead(interimLines(status, headers), false);
  }
  sendContinue() {
    if (!this.headersSent && !this.destroyed) this.sendHead([":status", "100"], false);
  }
  allowSlowClient() {
    this.isUnhurried = true;
  }
  /** Does nothing: it is the session that asks its client for another connection. */
  closeAfter() {
  }
  abort() {
    this.#breakOff(ERROR.internalError);
  }
  on(event, listener) {
    if (event === "drain") {
      this.#onDrain ??= [];
      this.#onDrain.push(listener);
    } else if (this.#isClosed) listener();
    else {
      this.#onClose ??= [];
      this.#onClose.push(listener);
    }
    return this;
  }
  once(event, listener) {
    if (event === "close") return this.on(event, listener);
    const once = () => {
      this.#onDrain = this.#onDrain.filter((each) => each !== once);
      listener();
    };
    return this.on(event, once);
  }
  #sendHead(isEnd) {
    const head = this.#head;
    if (head === void 0) return;
    this.#head = void 0;
    this.sendHead(head, isEnd);
  }
  #sendData(chunk, isEnd) {
    this.#writtenBytes += chunk.length;
    const isSent = this.sendData(chunk, isEnd);
    if (!isSent) this.#countQueued();
    return isSent;
  }
  /** What waits counts as held until all of it is sent. */
  #countQueued() {
    const more = this.queuedBytes - this.#heldBytes;
    if (more === 0) return;
    this.#heldBytes = this.queuedBytes;
    this.#owner.hold(more);
  }
  /** The answer is whole. A client that is still sending is told to stop (RFC 9113 section 8.1). */
  #allSent() {
    if (!this.isReceived) this.reset(ERROR.noError);
    this.#owner.finishLater(this);
  }
  #breakOff(code) {
    if (this.#isClosed) return;
    this.#owner.countReset("us");
    this.reset(code);
    this.#close();
  }
  #close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.destroyed = true;
    this.#owner.hold(-this.#heldBytes);
    this.#heldBytes = 0;
    this.#owner.closed(this);
    if (this.incoming?.isWhole) this.incoming.discard();
    else this.incoming?.fail(new UpstreamFailure("aborted"));
    if (this.#onClose) for (const listener of this.#onClose) listener();
  }
};
function expectationOf(fields) {
  let expectation = "none";
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i].length !== 6 || fields[i] !== "expect" || fields[i + 1] === "") continue;
    const isContinue = fields[i + 1].toLowerCase() === "100-continue";
    if (!isContinue || expectation === "unknown") expectation = "unknown";
    else expectation = "continue";
  }
  return expectation;
}

// routes/public/http2/farewell.ts
var PING_TIMEOUT_MS = 3e3;
var FAREWELL_MS = 1e3;
var PROBE_MS = 50;
var Farewell = class {
  #socket;
  #connection;
  /** `announced`: the client was told to open no more streams. `closing`: those that it has opened were told, too. */
  #state = "none";
  #timer = void 0;
  constructor(socket, connection) {
    this.#socket = socket;
    this.#connection = connection;
  }
  /**
   * Asks the client for another connection: GOAWAY with the highest id there is, and once the client has seen it, GOAWAY
   * with the last id that is served. No request is lost (RFC 9113 section 6.8).
   */
  announce() {
    if (this.#state !== "none" || this.#connection.isOver) return;
    this.#state = "announced";
    this.#connection.goaway(MAX_STREAM_ID, ERROR.noError);
    this.#connection.ping();
    this.#timer = setTimeout(() => this.onPong(), PING_TIMEOUT_MS).unref();
  }
  /** The client has seen all that was sent before a PING. */
  onPong() {
    if (this.#state !== "announced") return;
    this.#connection.goaway(this.#connection.lastPeerStreamId, ERROR.noError);
    this.endWithStreams();
  }
  /**
   * The client has ended its side. What it has asked for is answered, and then the connection ends. A client that is gone
   * looks the same. Its system resets the connection when something is sent, and the next write fails. So something is sent
   * soon, and by `probe` again and again.
   *
   * @param cancelUnfinished ends the streams whose requests will never be whole
   */
  onClientEnd(cancelUnfinished) {
    const connection = this.#connection;
    if (this.#socket.writableEnded || connection.isOver) return;
    clearTimeout(this.#timer);
    this.#state = "closing";
    if (connection.streamCount > 0) {
      connection.goaway(connection.lastPeerStreamId, ERROR.noError);
      this.#timer = setTimeout(() => connection.ping(), PROBE_MS).unref();
    }
    cancelUnfinished();
    this.onStreamsOver();
  }
  /** Sends a PING to a client that has ended its side. Returns whether it has. To be called about once a second. */
  probe() {
    if (!this.#socket.readableEnded) return false;
    this.#connection.ping();
    this.#connection.flush();
    return true;
  }
  /** Ends the connection once its streams are over. The client was told that no more are accepted. */
  endWithStreams() {
    clearTimeout(this.#timer);
    this.#state = "closing";
    this.onStreamsOver();
  }
  /** Ends the connection if no stream is left and the client knows that it ends. */
  onStreamsOver() {
    if (this.#state === "closing" && this.#connection.streamCount === 0) this.#end();
  }
  /** Ends a connection that has failed. A client that floods us would go on doing so, and nothing more of it is read. */
  endFailed() {
    this.#socket.pause();
    this.#end();
    this.#destroySoon();
  }
  /** The socket has closed. */
  closed() {
    clearTimeout(this.#timer);
  }
  /**
   * Ends the socket behind what was written. Once that has left, which the rules for slow clients watch, the client has a
   * moment to end its own side.
   */
  #end() {
    this.#state = "closing";
    clearTimeout(this.#timer);
    this.#connection.flush();
    this.#socket.end(() => this.#destroySoon());
  }
  #destroySoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#socket.destroy(), FAREWELL_MS).unref();
  }
};

// routes/public/http2/held-bytes.ts
var HeldBytes = class {
  bytes = 0;
  #onChange;
  #isOverShare;
  /** The windows that are owed to the client, by stream. */
  #owed = /* @__PURE__ */ new Map();
  /**
   * @param onChange called with how many bytes more are held; may be negative
   * @param isOverShare returns whether a session that holds so many bytes may hold no more
   */
  constructor(onChange, isOverShare) {
    this.#onChange = onChange;
    this.#isOverShare = isOverShare;
  }
  /** Whether the session may hold no more. */
  get isOverShare() {
    return this.#isOverShare(this.bytes);
  }
  add(more) {
    this.bytes += more;
    this.#onChange(more);
  }
  /** Lets the client send so many more bytes of a body, now or later. */
  giveBack(stream, bytes) {
    if (this.isOverShare) this.#owed.set(stream, (this.#owed.get(stream) ?? 0) + bytes);
    else {
      stream.consume(bytes);
      if (this.#owed.size > 0) this.#settle();
    }
  }
  /** Gives back what is owed, if the session may hold more again. */
  settleIfAllowed() {
    if (this.#owed.size > 0 && !this.isOverShare) this.#settle();
  }
  #settle() {
    for (const [stream, bytes] of this.#owed) stream.consume(bytes);
    this.#owed.clear();
  }
};

// middleware/connection/connection-watch.ts
function paceLimits(limits) {
  const { bodyIdleTimeoutMs, sendIdleTimeoutMs, minBytesPerSecond, minRateGraceMs: graceMs } = limits;
  return {
    sending: { minBytesPerSecond, graceMs, maxLeadMs: bodyIdleTimeoutMs },
    reading: { minBytesPerSecond, graceMs, maxLeadMs: sendIdleTimeoutMs }
  };
}

// middleware/connection/pace.ts
var Pace = class {
  #bytes = 0;
  #at = 0;
  #leadMs = Number.NaN;
  /**
   * Notes how far the client has come.
   *
   * @param bytes that it has sent or read since it connected
   * @param waits whether the gateway waits for the client
   * @returns whether its lead is used up
   */
  isTooSlow(bytes, waits, now, limit) {
    const { minBytesPerSecond, graceMs, maxLeadMs } = limit;
    if (Number.isNaN(this.#leadMs)) this.#leadMs = graceMs;
    const gained = (bytes - this.#bytes) * 1e3 / minBytesPerSecond;
    const used = waits && this.#at > 0 ? now - this.#at : 0;
    this.#bytes = bytes;
    this.#at = waits ? now : 0;
    this.#leadMs = Math.min(Math.max(graceMs, maxLeadMs), this.#leadMs - used + gained);
    if (!waits && this.#leadMs < graceMs) this.#leadMs = graceMs;
    return this.#leadMs < 0;
  }
};

// routes/public/http2/stream-watch.ts
var Still = class {
  #value = 0;
  #since = 0;
  /** @param waits whether the gateway waits for the client; if not, no time is counted */
  msAt(now, value, waits) {
    if (!waits || this.#since === 0 || value !== this.#value) {
      this.#value = value;
      this.#since = waits ? now : 0;
    }
    return waits ? now - this.#since : 0;
  }
};
var StreamWatch = class {
  received = new Still();
  sent = new Still();
  sending = new Pace();
  reading = new Pace();
};

// routes/public/http2/session-watch.ts
var SessionWatch = class {
  #limits;
  #pace;
  #head = new Still();
  #taken = new Still();
  #reading = new Pace();
  constructor(limits) {
    this.#limits = limits;
    this.#pace = paceLimits(limits);
  }
  /**
   * Looks at a session.
   *
   * @param cancel ends a stream
   * @returns why the whole connection must be ended; undefined when it may stay
   */
  check(session, now, cancel) {
    const { headersTimeoutMs, sendIdleTimeoutMs, minBytesPerSecond } = this.#limits;
    if (this.#head.msAt(now, session.requests, session.isInHead) >= headersTimeoutMs) return "head-late";
    let isHeldUp = session.unsentBytes > 0;
    let isUnhurried = false;
    for (const stream of session.streams) {
      if (stream.queuedBytes > 0 && stream.sendWindow > 0) isHeldUp = true;
      isUnhurried ||= stream.isUnhurried;
      const reason = this.#findSlow(stream, session.maySendBodies, now);
      if (reason !== void 0) cancel(stream, reason);
    }
    const taken = session.sentBytes - session.unsentBytes;
    const msUntaken = this.#taken.msAt(now, taken, isHeldUp);
    if (sendIdleTimeoutMs > 0 && msUntaken >= sendIdleTimeoutMs) return "send-idle";
    if (minBytesPerSecond === 0) return void 0;
    const isSlow = this.#reading.isTooSlow(taken, isHeldUp, now, this.#pace.reading);
    return isSlow && !isUnhurried ? "send-slow" : void 0;
  }
  /** Returns why a stream must be cancelled; undefined when it may go on. */
  #findSlow(stream, maySendBodies, now) {
    const { incoming } = stream;
    const isAwaited2 = maySendBodies && incoming?.isAwaited === true;
    const takesNothing = stream.queuedBytes > 0 && stream.sendWindow <= 0;
    const known2 = stream.watch;
    if (known2 === void 0 && !isAwaited2 && !takesNothing) return void 0;
    const watch = known2 ?? new StreamWatch();
    stream.watch = watch;
    const { bodyIdleTimeoutMs, sendIdleTimeoutMs, minBytesPerSecond } = this.#limits;
    const received = incoming?.receivedBytes ?? 0;
    const msIdle = watch.received.msAt(now, received, isAwaited2);
    if (bodyIdleTimeoutMs > 0 && msIdle >= bodyIdleTimeoutMs) return "body-idle";
    const msUntaken = watch.sent.msAt(now, stream.sentBytes, takesNothing);
    if (sendIdleTimeoutMs > 0 && msUntaken >= sendIdleTimeoutMs) return "send-idle";
    if (minBytesPerSecond === 0) return void 0;
    const isSlowBody = watch.sending.isTooSlow(received, isAwaited2, now, this.#pace.sending);
    const isSlowReader = watch.reading.isTooSlow(stream.sentBytes, takesNothing, now, this.#pace.reading);
    if (!isSlowBody && !isSlowReader || stream.isUnhurried) return void 0;
    return isSlowBody ? "body-slow" : "send-slow";
  }
};

// routes/public/http2/client-session.ts
var ClientSession = class {
  protocol = "h2";
  socket;
  streams = /* @__PURE__ */ new Set();
  #host;
  #connection;
  #watch;
  #farewell;
  /** Streams with a part of a body that has just arrived. */
  #arrived = [];
  /** Streams whose answers are written at the next flush. */
  #finished = [];
  #held;
  #sentByClosed = 0;
  #requests = 0;
  #idleSince = 0;
  constructor(socket, host) {
    this.socket = socket;
    this.#host = host;
    this.#watch = new SessionWatch(host.limits);
    this.#held = new HeldBytes(host.hold, host.isOverShare);
    this.#connection = new Http2Connection({ ...host.connectionOptions, role: "server", events: this });
    this.#farewell = new Farewell(socket, this.#connection);
    this.#connection.receive(CLIENT_PREFACE);
    socket.on("drain", () => this.#connection.drained()).on("error", () => {
    }).on("end", () => this.#farewell.onClientEnd(() => this.#cancelUnfinished())).once("close", this.#onClose);
  }
  /** Receives bytes from the socket. */
  receive(bytes) {
    this.#connection.receive(bytes);
    const arrived = this.#arrived;
    if (arrived.length === 0) return;
    this.#arrived = [];
    for (const stream of arrived) stream.passBody();
  }
  /** Asks the client for another connection. This one ends when its streams are over, and no request is lost. */
  drain() {
    this.#farewell.announce();
  }
  /** Ends the connection at once. */
  destroy() {
    this.socket.destroy();
  }
  // What the connection calls.
  write(bytes) {
    return !this.socket.writableEnded && this.socket.write(bytes);
  }
  get holdsWritten() {
    return this.socket.writableLength > 0;
  }
  wantsFlush() {
    flushLater(this);
  }
  flush() {
    this.#connection.flush();
    const finished = this.#finished;
    if (finished.length === 0) return;
    this.#finished = [];
    for (const stream of finished) stream.finished();
  }
  createStream() {
    const { maxRequestsPerConnection } = this.#host;
    this.#host.onRequest(this.socket);
    if (++this.#requests === maxRequestsPerConnection || this.#host.isDraining()) this.drain();
    return new ClientStream(this);
  }
  onStreamCount(count) {
    if (count > 0) return;
    this.#idleSince = 0;
    this.#farewell.onStreamsOver();
  }
  onPong() {
    this.#farewell.onPong();
  }
  onRetired(reason) {
    this.#host.onEnded(reason, this.socket.remoteAddress);
    this.#farewell.endWithStreams();
  }
  onFatal({ code }, reason) {
    this.#host.onEnded(
      reason === "peer" ? BY_CODE[code] ?? "protocol-error" : reason,
      this.socket.remoteAddress
    );
    this.#connection.closed();
    this.#farewell.endFailed();
  }
  // What streams call.
  serve(stream, expectation) {
    if (this.#held.isOverShare) {
      stream.refuse();
      return;
    }
    this.#open(stream);
    this.#host.serve(stream, expectation);
  }
  refuseLargeHead(stream, contentType) {
    this.#open(stream);
    this.#host.refuseLargeHead(stream, contentType);
  }
  noteMalformed(rule) {
    this.#host.onMalformed(rule, this.socket.remoteAddress);
  }
  passBodyLater(stream) {
    if (this.#arrived.at(-1) !== stream) this.#arrived.push(stream);
  }
  finishLater(stream) {
    this.#finished.push(stream);
    flushLater(this);
  }
  countReset(by) {
    if (by !== "closed") this.#host.onReset(by === "peer" ? "client" : "gateway");
  }
  closed(stream) {
    if (!this.streams.delete(stream)) return;
    this.#sentByClosed += stream.sentBytes;
    this.#host.onStreams(-1);
  }
  hold(bytes) {
    this.#held.add(bytes);
  }
  giveBack(stream, bytes) {
    this.#held.giveBack(stream, bytes);
  }
  // What the rules for slow clients ask, about once a second.
  check(now) {
    this.#held.settleIfAllowed();
    if (this.#farewell.probe()) this.#cancelStuck();
    const reason = this.#watch.check(this, now, this.#cancel);
    if (reason !== void 0) {
      this.#host.onEnded(reason, this.socket.remoteAddress);
      return reason;
    }
    if (this.streams.size > 0 || this.#connection.streamCount > 0) this.#idleSince = 0;
    else if (this.#idleSince === 0) this.#idleSince = now;
    else if (now - this.#idleSince >= this.#host.keepAliveTimeoutMs) this.drain();
    return void 0;
  }
  get isInHead() {
    const { settingsReceived, isMidFrame } = this.#connection;
    return !settingsReceived || isMidFrame && this.streams.size === 0;
  }
  get requests() {
    return this.#requests;
  }
  get sentBytes() {
    let sent = this.#sentByClosed;
    for (const stream of this.streams) sent += stream.sentBytes;
    return sent;
  }
  get unsentBytes() {
    return this.socket.writableLength;
  }
  /** A window comes back once half of it was taken. */
  get maySendBodies() {
    return this.#connection.heldBytes * 2 < this.#host.connectionOptions.connectionWindowBytes;
  }
  #open(stream) {
    this.streams.add(stream);
    this.#host.onStreams(1);
  }
  #cancel = (stream, reason) => {
    this.#host.onEnded(reason, this.socket.remoteAddress);
    stream.cancel();
  };
  #cancelUnfinished() {
    for (const stream of [...this.streams]) if (!stream.isReceived) stream.cancel();
  }
  /** Cancels the streams that wait for a window, since the client can open none any more. */
  #cancelStuck() {
    if (this.#connection.isBlocked) return;
    for (const stream of [...this.streams]) if (stream.queuedBytes > 0) stream.cancel();
  }
  #onClose = () => {
    this.#farewell.closed();
    this.#connection.closed();
    for (const stream of [...this.streams]) stream.lost();
    this.#host.onClosed(this);
  };
};
var BY_CODE = {
  [ERROR.flowControlError]: "flow-control-error",
  [ERROR.frameSizeError]: "frame-size-error",
  [ERROR.compressionError]: "compression-error"
};
var waiting = [];
function flushLater(session) {
  if (waiting.push(session) === 1) setImmediate(flushAll);
}
function flushAll() {
  const sessions = waiting;
  waiting = [];
  for (const session of sessions) session.flush();
}

// routes/public/http2/preface.ts
import { Duplex } from "node:stream";
var { createServer } = process.getBuiltinModule("node:http");
var STOPPED_AT_PREFACE = "HPE_PAUSED_H2_UPGRADE";
var SERVERS_OWN = /^(?:bound )?socketOn[A-Z]/;
var GIVE_PARSER_BACK = "bound socketOnClose";
function takeOver(error, socket, onBytes) {
  const { code, rawPacket, bytesParsed } = error;
  if (code !== STOPPED_AT_PREFACE || !Buffer.isBuffer(rawPacket) || bytesParsed === void 0)
    return void 0;
  const rest = rawPacket.subarray(bytesParsed);
  if (socket.bytesRead - rest.length !== CLIENT_PREFACE.length) return void 0;
  const giveParserBack = socket.listeners("close").find(({ name }) => name === GIVE_PARSER_BACK);
  if (giveParserBack === void 0) return void 0;
  socket.on("data", onBytes);
  for (const event of ["data", "end", "drain", "timeout", "error", "close"]) {
    for (const listener of socket.listeners(event)) {
      if (SERVERS_OWN.test(listener.name)) socket.off(event, listener);
    }
  }
  Reflect.apply(giveParserBack, socket, []);
  return rest;
}
function canTakeOver() {
  const socket = Object.assign(new Duplex({ read() {
  }, write: (_chunk, _encoding, done) => done() }), {
    bytesRead: CLIENT_PREFACE.length + 1
  });
  const received = [];
  const server = createServer().on("clientError", (error, client) => {
    const rest = takeOver(error, client, (bytes) => received.push(bytes));
    if (rest) received.push(rest);
  });
  server.emit("connection", socket);
  socket.on("error", () => {
  }).emit("data", Buffer.concat([CLIENT_PREFACE, Buffer.from("1")]));
  socket.emit("data", Buffer.from("2"));
  socket.destroy();
  return Buffer.concat(received).toString() === "12" && !("parser" in socket && socket.parser);
}

// routes/public/http2/stream-body.ts
var http2Bodies = {
  open: (request, options) => new StreamBody(request.incoming, options),
  discard: (request) => request.incoming?.discard()
};
var StreamBody = class {
  begun = false;
  incoming;
  options;
  constructor(incoming, options) {
    this.incoming = incoming;
    this.options = options;
    incoming.mayPause = options.mayPause === true;
  }
  get length() {
    return this.options.length;
  }
  get awaitsContinue() {
    return !this.begun && this.options.sendContinue !== void 0;
  }
  get trailers() {
    return this.options.trailers?.();
  }
  open(sink) {
    return new StreamFlow(this, sink);
  }
  begin() {
    if (this.begun) return;
    this.begun = true;
    this.options.sendContinue?.();
  }
};
var StreamFlow = class {
  isPaused = true;
  #body;
  #sink;
  #hasBegun = false;
  #isOver = false;
  #bytes = 0;
  constructor(body, sink) {
    this.#body = body;
    this.#sink = sink;
  }
  resume() {
    if (this.#isOver || !this.isPaused) return;
    this.isPaused = false;
    this.#hasBegun = true;
    this.#body.begin();
    this.#body.incoming.resume(this);
  }
  pause() {
    if (!this.#isOver) this.isPaused = true;
  }
  stop() {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#hasBegun) this.#body.incoming.discard();
  }
  onPiece(piece) {
    const { maxBytes, onPiece } = this.#body.options;
    this.#bytes += piece.length;
    onPiece(piece.length);
    if (maxBytes > 0 && this.#bytes > maxBytes) {
      this.stop();
      this.#sink.onError(new GatewayError("WG_BODY_TOO_LARGE"));
    } else this.#sink.onData(piece);
  }
  end() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.onEnd();
  }
  fail(error) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.onError(error instanceof UpstreamFailure ? error : new UpstreamFailure("aborted", error));
  }
};

// routes/public/http2/listener.ts
var REPORT_EVERY_MS = 6e4;
var TCP_KEEP_ALIVE_MS = 6e4;
var MAX_STREAM_SHARE = 0.25;
var MAX_STREAM_WINDOW_BYTES = 1048576;
function createHttp2Listener(settings, options) {
  const { counts } = settings;
  const { proxy, connections, onRefused } = options;
  const isAvailable = canTakeOver();
  if (!isAvailable) settings.onUnavailable();
  const sessions = /* @__PURE__ */ new Set();
  const openExchange = createOpenExchange({ ...options, bodies: http2Bodies, httpVersion: 2 });
  const newId = createRequestIds();
  const reportedAt = /* @__PURE__ */ new Map();
  let isDraining = false;
  let isClosing = false;
  const host = {
    connectionOptions: {
      maxConcurrentStreams: settings.concurrentStreams,
      streamWindowBytes: settings.streamWindowBytes,
      maxStreamWindowBytes: Math.max(
        settings.streamWindowBytes,
        Math.min(settings.connectionWindowBytes * MAX_STREAM_SHARE, MAX_STREAM_WINDOW_BYTES)
      ),
      connectionWindowBytes: settings.connectionWindowBytes,
      maxListBytes: options.maxHeaderBytes,
      maxFields: MAX_HEADER_LINES,
      mayIndex: mayIndexAnswer,
      budgets: { "early-resets": { ...settings.earlyResets, mayFinish: "server" } },
      now: () => performance.now()
    },
    limits: { ...connections.limits, headersTimeoutMs: options.headersTimeoutMs },
    keepAliveTimeoutMs: options.keepAliveTimeoutMs,
    maxRequestsPerConnection: options.maxRequestsPerConnection,
    serve: (stream, expectation) => proxy.serve(openExchange(stream, stream, expectation)),
    refuseLargeHead: (stream, contentType) => refuseLargeHead(stream, contentType, stream.socket.remoteAddress),
    onMalformed(rule, address) {
      const error = new GatewayError("WG_BAD_REQUEST", { cause: rule });
      onRefused(unreadCall(error, address), error.status);
    },
    onRequest: options.onRequest,
    isDraining: () => isDraining,
    onStreams(more) {
      counts.streams += more;
    },
    onReset(by) {
      counts.resets[by]++;
    },
    onEnded(reason, address) {
      counts.ended[reason]++;
      const now = performance.now();
      if (now - (reportedAt.get(reason) ?? Number.NEGATIVE_INFINITY) < REPORT_EVERY_MS) return;
      reportedAt.set(reason, now);
      settings.onEnded(reason, plainAddress(address));
    },
    onClosed: (session) => sessions.delete(session),
    hold(bytes) {
      counts.bufferedBytes += bytes;
    },
    isOverShare: (bytes) => counts.bufferedBytes > settings.bufferedBytes && bytes * sessions.size > settings.bufferedBytes
  };
  function unreadCall(error, address) {
    const call = new Call(newId(), "-", "-", performance.now());
    call.http = "2";
    call.clientAddress = plainAddress(address);
    call.errorCode = error.code;
    call.failure = error.cause;
    return call;
  }
  function refuseLargeHead(response, contentType, address) {
    const error = new GatewayError("WG_HEADERS_TOO_LARGE");
    const call = unreadCall(error, address);
    if (contentType !== void 0 && grpcDialectOf(contentType) === "grpc") {
      const { status, lines } = refusalOfError(error);
      call.grpcStatus = status;
      response.writeHead(200, ["content-type", "application/grpc", ...lines, "x-request-id", call.requestId]);
      response.end();
      onRefused(call, 200);
      return;
    }
    const body = Buffer.from(problemBody(error, call.requestId));
    const headers = ["content-type", PROBLEM_CONTENT_TYPE, "content-length", String(body.length)];
    response.writeHead(error.status, [...headers, "x-request-id", call.requestId]);
    response.end(body);
    onRefused(call, error.status);
  }
  return {
    accept(error, socket) {
      if (!isAvailable) return false;
      let session;
      const rest = takeOver(error, socket, (bytes) => {
        options.onPiece(bytes.length);
        session.receive(bytes);
      });
      if (rest === void 0) return false;
      session = new ClientSession(socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS), host);
      sessions.add(session);
      connections.changeProtocol(socket, session);
      if (isClosing) session.drain();
      session.receive(rest);
      return true;
    },
    drain() {
      isDraining = true;
      for (const session of sessions) session.drain();
    },
    close() {
      isClosing = true;
      this.drain();
    },
    cutOff() {
      for (const session of [...sessions]) session.destroy();
    }
  };
}

// middleware/connection/http1-watch.ts
var unhurried = /* @__PURE__ */ new WeakSet();
function allowSlowClient(request) {
  unhurried.add(request);
}
var EVENT_STREAM2 = /^content-type: *text\/event-stream/im;
var Http1Watch = class {
  protocol = "h1";
  #socket;
  #limits;
  #pace;
  #taken = 0;
  #takenAt = 0;
  #received = 0;
  #receivedAt = 0;
  #answeredAt = 0;
  #written = 0;
  #idleAt = 0;
  #sending = new Pace();
  #reading = new Pace();
  constructor(socket, limits, pace) {
    this.#socket = socket;
    this.#limits = limits;
    this.#pace = pace;
  }
  check(now) {
    const { idleTimeoutMs, bodyIdleTimeoutMs, sendIdleTimeoutMs, minBytesPerSecond } = this.#limits;
    if (sendIdleTimeoutMs > 0 && this.#msWithoutTaking(now) >= sendIdleTimeoutMs) return "send-idle";
    if (bodyIdleTimeoutMs > 0 && this.#msWithoutBody(now) >= bodyIdleTimeoutMs) return "body-idle";
    if (idleTimeoutMs > 0 && this.#msWithoutRequest(now) >= idleTimeoutMs) return "idle";
    return minBytesPerSecond > 0 ? this.#findTooSlow(now) : void 0;
  }
  #findTooSlow(now) {
    const { _handle: handle, parser, _httpMessage: response } = this.#socket;
    if (!handle || !parser) return void 0;
    const { incoming } = parser;
    const sendsBody = incoming != null && response != null && isAwaited(incoming, response, handle.reading);
    const isSlowBody = this.#sending.isTooSlow(handle.bytesRead, sendsBody, now, this.#pace.sending);
    const queued = handle.writeQueueSize;
    const isSlowReader = this.#reading.isTooSlow(
      handle.bytesWritten - queued,
      queued > 0,
      now,
      this.#pace.reading
    );
    if (!isSlowBody && !isSlowReader) return void 0;
    const request = isSlowBody ? incoming : response?.req;
    if (request && unhurried.has(request) || EVENT_STREAM2.test(response?._header ?? "")) return void 0;
    return isSlowBody ? "body-slow" : "send-slow";
  }
  /**
   * Returns how long the connection has had no request. Node's own timeout starts again with every byte, even with the
   * empty lines that a client may send between requests.
   */
  #msWithoutRequest(now) {
    const { _handle: handle, parser, _httpMessage: response } = this.#socket;
    const hasNone = parser && !response && parser.incoming?.complete !== false;
    if (!handle || !hasNone || handle.bytesWritten !== this.#written) {
      this.#written = handle?.bytesWritten ?? 0;
      this.#idleAt = 0;
      return 0;
    }
    if (this.#idleAt === 0) this.#idleAt = now;
    return now - this.#idleAt;
  }
  /** Returns how long the client has read nothing of the data that waits for it. */
  #msWithoutTaking(now) {
    const { _handle: handle } = this.#socket;
    const queued = handle?.writeQueueSize ?? 0;
    if (queued === 0) {
      this.#takenAt = 0;
      return 0;
    }
    const taken = handle.bytesWritten - queued;
    if (this.#takenAt === 0 || taken !== this.#taken) {
      this.#taken = taken;
      this.#takenAt = now;
    }
    return now - this.#takenAt;
  }
  /**
   * Returns how long the client has sent nothing of a body that is incomplete. When the answer is over already, the rest
   * of the body is discarded, and the whole rest must arrive within the timeout.
   */
  #msWithoutBody(now) {
    const { _handle: handle, parser, _httpMessage: response } = this.#socket;
    const incoming = parser?.incoming;
    if (!handle || !incoming || incoming.complete) {
      this.#receivedAt = 0;
      this.#answeredAt = 0;
      return 0;
    }
    if (!response) {
      if (this.#answeredAt === 0) this.#answeredAt = now;
      return now - this.#answeredAt;
    }
    this.#answeredAt = 0;
    const isHeld = !isAwaited(incoming, response, handle.reading);
    if (this.#receivedAt === 0 || isHeld || handle.bytesRead !== this.#received) {
      this.#received = handle.bytesRead;
      this.#receivedAt = now;
    }
    return now - this.#receivedAt;
  }
};
function isAwaited(incoming, response, isReading) {
  if (response._expect_continue === true && response._sent100 !== true) return false;
  return !incoming.complete && incoming.readableFlowing === true && incoming.readableLength === 0 && isReading;
}

// routes/public/http1/response.ts
var http = process.getBuiltinModule("node:http");
var MAX_UNREAD_BYTES = 65536;
var early = /* @__PURE__ */ new WeakMap();
var Http1Response = class extends http.ServerResponse {
  /** Whether the answer is sent in chunks unless its head declares a length. HTTP/1.0 has no chunks. */
  get takesTrailers() {
    return this.useChunkedEncodingByDefault && this.req.method !== "HEAD";
  }
  /** Node keeps a Buffer until the socket has taken it. */
  get copiesChunks() {
    return false;
  }
  endWithTrailers(trailers) {
    const pairs = [];
    for (let i = 0; i < trailers.length; i += 2) pairs.push([trailers[i], trailers[i + 1]]);
    this.addTrailers(pairs);
    this.end();
  }
  /** HTTP/1.0 has no interim answers (RFC 9110 section 15.2). */
  writeInterim(status, headers) {
    if (this.headersSent || this.destroyed || this.req.httpVersionMinor === 0) return;
    const { socket } = this;
    if (socket) {
      if (socket.writableLength <= MAX_UNREAD_BYTES) socket.write(interimText(status, headers), "latin1");
      return;
    }
    const held = early.get(this);
    if (held === void 0) this.once("socket", (assigned) => writeEarly(this, assigned));
    else if (held.length > MAX_UNREAD_BYTES) return;
    early.set(this, (held ?? "") + interimText(status, headers));
  }
  sendContinue() {
    if (this.headersSent || this.destroyed) return;
    if (this.socket) this.writeContinue();
    else this.once("socket", () => this.sendContinue());
  }
  allowSlowClient() {
    allowSlowClient(this.req);
  }
  closeAfter() {
    this.shouldKeepAlive = false;
  }
  /**
   * Destroys the answer and, with it, the client's connection. An answer whose turn on a pipelined connection has not
   * come is destroyed when it has: destroyed at once, its turn would never come, and the connection would stay open.
   */
  abort(isDelimited) {
    const { socket } = this;
    if (socket) breakOff(this, socket, isDelimited);
    else if (!this.destroyed) this.once("socket", (assigned) => breakOff(this, assigned, isDelimited));
  }
};
function interimText(status, headers) {
  let text = `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ""}\r
`;
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r
`;
  return `${text}\r
`;
}
function writeEarly(response, socket) {
  const text = early.get(response);
  early.delete(response);
  if (!response.destroyed) socket.write(text, "latin1");
}
function breakOff(response, socket, isDelimited) {
  if (!isDelimited && !response.chunkedEncoding) socket.resetAndDestroy();
  response.destroy();
}

// routes/public/http1/server.ts
var { createServer: createServer2 } = process.getBuiltinModule("node:http");
var MAX_CHECK_INTERVAL_MS = 500;
var KEEP_ALIVE_MARGIN_MS = 1e3;
function createHttp1Server(options, serve) {
  const { keepAliveTimeoutMs, headersTimeoutMs, maxHeaderBytes, maxRequestsPerConnection } = options;
  const marginMs = Math.min(KEEP_ALIVE_MARGIN_MS, Math.floor(keepAliveTimeoutMs / 2));
  const server = createServer2(
    {
      ServerResponse: Http1Response,
      keepAliveTimeout: keepAliveTimeoutMs - marginMs,
      keepAliveTimeoutBuffer: marginMs,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: Math.min(MAX_CHECK_INTERVAL_MS, headersTimeoutMs),
      // The route limits long uploads.
      requestTimeout: 0,
      maxHeaderSize: maxHeaderBytes,
      // Open exchange refuses a missing Host, with a problem document and a line in the access log.
      requireHostHeader: false,
      shouldUpgradeCallback: isWebSocketHandshake,
      // Most requests have no body: running a stream on which nothing arrives would cost more than routing.
      optimizeEmptyRequests: true
    },
    (request, response) => {
      closeAfterLast(response);
      serve(request, response, "none");
    }
  );
  server.maxHeadersCount = 0;
  server.maxRequestsPerSocket = maxRequestsPerConnection;
  return server.on("connection", (socket) => options.connections.accept(socket)).on("checkContinue", (request, response) => {
    closeAfterLast(response);
    serve(request, response, "continue");
  }).on("checkExpectation", (request, response) => {
    closeAfterLast(response);
    serve(request, response, request.headers.expect === "" ? "none" : "unknown");
  }).on("connect", (request, socket) => options.onConnect(request, socket));
}
function closeAfterLast(response) {
  if (response.maxRequestsOnConnectionReached) response.closeAfter();
}

// routes/public/http1/tunnel.ts
import { randomBytes as randomBytes2 } from "node:crypto";

// routes/public/http1/frame-boundaries.ts
var CLOSE = 8;
var MASKED = 128;
var FrameBoundaries = class {
  /** Bytes of the present frame's head that were read; 0 outside of a head. */
  #headRead = 0;
  #headSize = 2;
  /** Bytes of the extended length, which follow the first two bytes of the head. */
  #lengthSize = 0;
  #length = 0;
  /** Bytes of the present frame's payload that are still to come. */
  #left = 0;
  #isClose = false;
  #hasClosed = false;
  /** Whether the next byte begins a frame. */
  get isBetween() {
    return this.#headRead === 0 && this.#left === 0;
  }
  /** Whether a whole close frame has passed. */
  get hasClosed() {
    return this.#hasClosed;
  }
  /** Reads all bytes. */
  read(bytes) {
    for (let at = 0; at < bytes.length; ) at = this.#readPart(bytes, at);
  }
  /**
   * Reads up to the first end of a frame; nothing if the last one has ended before.
   *
   * @returns the index behind the last byte that was read
   */
  readToBoundary(bytes) {
    let at = 0;
    while (at < bytes.length && !this.isBetween) at = this.#readPart(bytes, at);
    return at;
  }
  /** Reads one byte of a head, or what there is of a payload. @returns the index behind it */
  #readPart(bytes, at) {
    if (this.#left === 0) {
      this.#readHead(bytes[at]);
      return at + 1;
    }
    const size = Math.min(this.#left, bytes.length - at);
    this.#left -= size;
    if (this.#left === 0) this.#end();
    return at + size;
  }
  #readHead(byte) {
    if (this.#headRead === 0) {
      this.#isClose = (byte & 15) === CLOSE;
      this.#headSize = 2;
    } else if (this.#headRead === 1) {
      const short = byte & 127;
      this.#lengthSize = short === 126 ? 2 : short === 127 ? 8 : 0;
      this.#length = this.#lengthSize === 0 ? short : 0;
      this.#headSize = 2 + this.#lengthSize + (byte & MASKED ? 4 : 0);
    } else if (this.#headRead < 2 + this.#lengthSize) this.#length = this.#length * 256 + byte;
    this.#headRead++;
    if (this.#headRead < this.#headSize) return;
    this.#headRead = 0;
    this.#left = this.#length;
    if (this.#left === 0) this.#end();
  }
  #end() {
    if (this.#isClose) this.#hasClosed = true;
  }
};

// routes/public/http1/tunnel.ts
var CLOSE_TIMEOUT_MS = 3e4;
var Tunnel = class {
  #client;
  #node;
  #toClient;
  #toNode;
  #onPiece;
  #isLeaving = false;
  #timer = void 0;
  /** Begins to read both sides. The client must have been sent its 101. */
  constructor({ client, node, early: early2, onPiece, onClosed }) {
    this.#client = client;
    this.#node = node.socket;
    this.#toClient = new Direction(client);
    this.#toNode = new Direction(node.socket);
    this.#onPiece = onPiece;
    let open = 2;
    const onClose = () => {
      if (--open > 0) return;
      clearTimeout(this.#timer);
      onClosed();
    };
    this.#passEnds(client, node.socket, onClose);
    this.#passEnds(node.socket, client, onClose);
    client.resume();
    for (const bytes of early2) this.#pass(client, this.#toNode, bytes);
    client.on("data", (bytes) => this.#pass(client, this.#toNode, bytes));
    node.read((bytes) => this.#pass(node.socket, this.#toClient, bytes));
  }
  /** Sends both sides a close frame with 1001, each at the end of the frame that is being passed to it. */
  leave() {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#toClient.finish(goingAway(false));
    this.#toNode.finish(goingAway(true));
    this.#endClosed();
  }
  /** Closes both connections at once. */
  destroy() {
    this.#client.destroy();
    this.#node.destroy();
  }
  #pass(from, direction, bytes) {
    this.#onPiece(bytes.length);
    if (!direction.pass(bytes)) from.pause();
    if (this.#isLeaving) this.#endClosed();
  }
  #passEnds(from, to, onClose) {
    to.on("drain", () => from.resume());
    from.on("end", () => {
      to.end();
      this.#timer ??= setTimeout(() => this.destroy(), CLOSE_TIMEOUT_MS).unref();
    }).once("close", () => {
      linger(to);
      onClose();
    });
  }
  /** While the gateway leaves, ends the connection of each side that has been sent a close frame and has sent one. */
  #endClosed() {
    if (this.#toClient.isClosed && this.#toNode.hasSourceClosed) this.#client.end();
    if (this.#toNode.isClosed && this.#toClient.hasSourceClosed) this.#node.end();
  }
};
var Direction = class {
  #to;
  #frames = new FrameBoundaries();
  /** A close frame that is due at the end of the present frame. */
  #due = void 0;
  #isFinished = false;
  constructor(to) {
    this.#to = to;
  }
  /** Whether the side that this direction comes from has sent a close frame. */
  get hasSourceClosed() {
    return this.#frames.hasClosed;
  }
  /** Whether the side that this direction leads to has been sent a close frame. */
  get isClosed() {
    return this.#isFinished || this.#frames.hasClosed;
  }
  /** Passes bytes on; drops them when nothing may follow. @returns false when the side takes no more for now */
  pass(bytes) {
    if (this.#isFinished || !this.#to.writable) {
      this.#frames.read(bytes);
      return true;
    }
    if (this.#due === void 0) {
      this.#frames.read(bytes);
      return this.#to.write(bytes);
    }
    const end = this.#frames.readToBoundary(bytes);
    const isTaken = this.#to.write(bytes.subarray(0, end));
    if (!this.#frames.isBetween) return isTaken;
    this.#sendDue();
    return this.pass(bytes.subarray(end));
  }
  /** Sends a close frame at the end of the present frame and nothing after it, unless the other side sends one first. */
  finish(closeFrame) {
    this.#due = closeFrame;
    if (this.#frames.isBetween) this.#sendDue();
  }
  #sendDue() {
    if (!this.#frames.hasClosed && this.#to.writable) {
      this.#to.write(this.#due);
      this.#isFinished = true;
    }
    this.#due = void 0;
  }
};
var REASON = "going away";
function goingAway(isMasked) {
  const payload = Buffer.from([3, 233, ...Buffer.from(REASON)]);
  if (!isMasked) return Buffer.from([136, payload.length, ...payload]);
  const mask = randomBytes2(4);
  return Buffer.from([136, 128 | payload.length, ...mask, ...payload.map((byte, i) => byte ^ mask[i % 4])]);
}

// routes/public/http1/websocket.ts
var KEEP_ALIVE_MS = 6e4;
var MAX_EARLY_BYTES = 65536;
function serveWebSockets(app, { openExchange, proxy, onUpgrade, onPiece }) {
  const clients = /* @__PURE__ */ new Set();
  const tunnels = /* @__PURE__ */ new Set();
  let isLeaving = false;
  app.server.on("upgrade", (request, stream, head) => {
    const client = stream;
    clients.add(client);
    client.on("error", () => {
    }).once("close", () => clients.delete(client));
    client.setKeepAlive(true, KEEP_ALIVE_MS);
    const response = new HandshakeResponse(request, client, head, (node, early2) => {
      exchange.call.upgraded = true;
      onUpgrade();
      const tunnel = new Tunnel({ client, node, early: early2, onPiece, onClosed: () => tunnels.delete(tunnel) });
      tunnels.add(tunnel);
      if (isLeaving) tunnel.leave();
    });
    const exchange = openExchange(request, response, "none", true);
    proxy.serve(exchange);
  });
  app.addHook("preClose", (done) => {
    isLeaving = true;
    for (const tunnel of tunnels) tunnel.leave();
    done();
  });
  return () => {
    for (const tunnel of tunnels) tunnel.destroy();
    for (const client of clients) client.destroy();
  };
}
var HandshakeResponse = class extends Http1Response {
  #client;
  #onTunnel;
  /** What the client has sent behind its handshake. A well-behaved client sends nothing before the answer. */
  #early = [];
  #earlyBytes = 0;
  /**
   * @param head what came behind the handshake in the same piece
   * @param onTunnel called when a node has accepted the handshake and the 101 is sent
   */
  constructor(request, client, head, onTunnel) {
    super(request);
    this.#client = client;
    this.#onTunnel = onTunnel;
    this.assignSocket(client);
    this.closeAfter();
    this.once("finish", this.#close);
    client.on("data", this.#keep).on("end", this.#leave).on("drain", this.#drain);
    if (head.length > 0) this.#keep(head);
  }
  tunnel(node) {
    this.off("finish", this.#close);
    this.#client.off("data", this.#keep).off("end", this.#leave).off("drain", this.#drain);
    this.end();
    this.#onTunnel(node, this.#early);
  }
  #keep = (bytes) => {
    this.#early.push(bytes);
    this.#earlyBytes += bytes.length;
    if (this.#earlyBytes > MAX_EARLY_BYTES) this.#client.pause();
  };
  #leave = () => void this.#client.destroy();
  #drain = () => void this.emit("drain");
  #close = () => {
    this.#client.off("data", this.#keep);
    linger(this.#client);
  };
};

// routes/public/http1/listener.ts
var FIRST_REQUEST_MS = 1e3;
function createHttp1Listener(options) {
  const { proxy } = options;
  const clientErrors = createClientErrors({
    onPiece: options.onPiece,
    onSlowHead: () => options.connections.countSlowHead(),
    onRefused: options.onRefused
  });
  const openExchange = createOpenExchange({
    ...options,
    bodies: http1Bodies,
    onClose(exchange) {
      if (!exchange.response.headersSent) clientErrors.explain(exchange);
      options.onClose(exchange);
    },
    httpVersion: 1
  });
  const lastRequests = new LastRequests();
  let backlog;
  const http2 = options.http2 && createHttp2Listener(options.http2, { ...options, onRequest: (socket) => backlog?.arrived(socket) });
  function serve(request, response, expectation) {
    if (lastRequests.isAfterLast(request)) return;
    const exchange = openExchange(request, response, expectation);
    lastRequests.markIfLast(request, response, exchange);
    const { asksForUpgrade, chunked } = exchange.head;
    proxy.serve(exchange, asksForUpgrade && chunked ? () => checkChunkedBody(request) : void 0);
  }
  const servers = [];
  const app = Fastify({
    logger: false,
    serverFactory: () => {
      const server = createHttp1Server({ ...options, onConnect: clientErrors.refuseConnect }, serve);
      servers.push(server);
      return server;
    },
    forceCloseConnections: "idle",
    clientErrorHandler(error, socket) {
      if (http2?.accept(error, socket) !== true) clientErrors.refuse(error, socket);
    },
    schemaController: NO_SCHEMAS
  });
  const cutOffWebSockets = canChooseUpgrades(app.server) ? serveWebSockets(app, { ...options, openExchange }) : () => {
  };
  const stopListening = async () => {
    await Promise.all(servers.map(stopAccepting));
  };
  return {
    app,
    expectClose() {
      backlog ??= new DrainBacklog(servers);
      http2?.drain();
    },
    async close() {
      backlog ??= new DrainBacklog(servers);
      await backlog.caughtUp();
      void stopListening();
      await backlog.heard(FIRST_REQUEST_MS);
      await backlog.caughtUp();
      http2?.close();
      await app.close();
    },
    stopListening,
    cutOff() {
      app.server.closeAllConnections();
      http2?.cutOff();
      cutOffWebSockets();
    }
  };
}
function stopAccepting(server) {
  return new Promise((resolve) => NetServer.prototype.close.call(server, () => resolve()));
}
function canChooseUpgrades(server) {
  return server.shouldUpgradeCallback === isWebSocketHandshake;
}

// routes/public/http2/http2-counts.ts
var REASONS = {
  "head-late": true,
  idle: true,
  "body-idle": true,
  "body-slow": true,
  "send-idle": true,
  "send-slow": true,
  "header-block": true,
  "unread-frames": true,
  "protocol-error": true,
  "flow-control-error": true,
  "frame-size-error": true,
  "compression-error": true
};
var Http2Counts = class {
  /** Requests in flight. */
  streams = 0;
  /** Bytes of bodies that are held because their node or their client does not take them. */
  bufferedBytes = 0;
  /** RST_STREAM frames since the start, by the side that sent them. */
  resets = { client: 0, gateway: 0 };
  /** Connections and streams that the gateway ended since the start, by reason. */
  ended = Object.fromEntries(
    [...Object.keys(FLOOD_LIMITS), ...Object.keys(REASONS)].map((reason) => [reason, 0])
  );
};

// middleware/auth/authorize.ts
function authorize({ auth }, head, call, authenticators) {
  if (auth.type === "none") return void 0;
  if (auth.type === "any") return authorizeAny(auth.rules, head, call, authenticators);
  const identity = identify(auth, head, call, authenticators);
  return identity instanceof Promise ? identity.then((known2) => grant(auth, known2)) : grant(auth, identity);
}
function identify({ type }, head, call, authenticators) {
  const authenticator = authenticators[type];
  if (authenticator) return authenticator.authenticate(head, call);
  throw new GatewayError("WG_TOKEN_INVALID", {
    cause: new Error(`the route requires ${type}, which is not configured`),
    headers: { "www-authenticate": 'Bearer realm="waygate"' }
  });
}
function grant(rule, identity) {
  const { scopes, roles, claims } = rule;
  if (scopes.length > 0 && !scopes.every((scope) => identity.scopes.includes(scope))) {
    throw forbidden(rule, `, scope="${scopes.join(" ")}"`);
  }
  if (roles.length > 0 && !roles.some((role) => identity.roles.includes(role))) throw forbidden(rule, "");
  if (claims !== void 0 && !claims.every((claim) => holds(claim, identity))) throw forbidden(rule, "");
  return identity;
}
var valueReaders = /* @__PURE__ */ new WeakMap();
function holds(rule, { claims }) {
  if (!claims) return false;
  let read = valueReaders.get(rule);
  if (!read) {
    read = compileClaimPath(rule.path);
    valueReaders.set(rule, read);
  }
  const value = read(claims);
  const isAccepted = (item) => rule.values.includes(item);
  return Array.isArray(value) ? value.some(isAccepted) : isAccepted(value);
}
function forbidden({ type }, parameters) {
  const challenge = `Bearer realm="waygate", error="insufficient_scope"${parameters}`;
  return new GatewayError(
    "WG_FORBIDDEN",
    type === "jwt" ? { headers: { "www-authenticate": challenge } } : {}
  );
}
function authorizeAny(rules, head, call, authenticators) {
  const verdicts = /* @__PURE__ */ new Map();
  let closest;
  function refused(error) {
    if (!(error instanceof GatewayError)) throw error;
    if (closest === void 0 || closeness(error) > closeness(closest)) closest = error;
  }
  function tryFrom(index) {
    for (let i = index; i < rules.length; i++) {
      const rule = rules[i];
      try {
        const known2 = verdicts.get(rule.type) ?? identify(rule, head, call, authenticators);
        if (known2 instanceof Promise) return resume(known2, i);
        if (known2 instanceof GatewayError) throw known2;
        verdicts.set(rule.type, known2);
        const identity = grant(rule, known2);
        withholdOthers(rule.type);
        return identity;
      } catch (error) {
        refused(error);
        if (!verdicts.has(rule.type)) verdicts.set(rule.type, error);
      }
    }
    throw withEveryChallenge(closest, rules, authenticators);
  }
  function withholdOthers(successful) {
    for (const { type } of rules) {
      if (type === successful) continue;
      const other = authenticators[type];
      if (other) other.withhold(head, call);
      else if (type === "jwt") takeHeader(head.headers, "authorization");
    }
  }
  async function resume(pending, index) {
    verdicts.set(
      rules[index].type,
      await pending.catch((error) => {
        if (error instanceof GatewayError) return error;
        throw error;
      })
    );
    return tryFrom(index);
  }
  return tryFrom(0);
}
function closeness({ code }) {
  switch (code) {
    case "WG_TOKEN_MISSING":
      return 0;
    case "WG_TOKEN_INVALID":
      return 1;
    case "WG_TOKEN_EXPIRED":
      return 2;
    case "WG_FORBIDDEN":
      return 3;
    // The credentials could not be checked, and might have been accepted.
    default:
      return 4;
  }
}
function withEveryChallenge(error, rules, authenticators) {
  if (error.code !== "WG_TOKEN_MISSING") return error;
  const challenges = new Set(rules.flatMap(({ type }) => authenticators[type]?.challenge ?? []));
  return new GatewayError("WG_TOKEN_MISSING", {
    detail: "This route needs credentials.",
    headers: { "www-authenticate": [...challenges].join(", ") }
  });
}

// internal/routing/demands.ts
var DEMANDS = [
  ({ auth }) => auth.type === "none" ? void 0 : auth,
  ({ policies }) => enforcedClients(policies?.clients),
  // A closed route stands for a document that may have demanded anything.
  ({ isBroken }) => isBroken || void 0
];
var known = /* @__PURE__ */ new WeakMap();
function demandsOf(route) {
  let demands = known.get(route);
  if (!demands) {
    demands = DEMANDS.map((read) => JSON.stringify(read(route)) ?? "");
    known.set(route, demands);
  }
  return demands;
}
function demandsMore(other, route) {
  if (other === route) return false;
  const demands = demandsOf(route);
  return demandsOf(other).some((demand, i) => demand !== "" && demand !== demands[i]);
}
function enforcedClients(rules) {
  if (!Array.isArray(rules)) return rules;
  const enforced = rules.filter((rule) => rule.enforce !== false);
  return enforced.length === 0 ? void 0 : enforced;
}

// internal/routing/lenient-readings.ts
var LIBERTIES = [
  // Decodes once more.
  (path) => path.replace(/%25(?=[0-9a-f]{2})/gi, "%"),
  decodeOverlong,
  // Takes characters for plainer ones, such as U+FF0F for a slash (Unicode, NFKC).
  (path) => mapText(path, (text) => text.normalize("NFKC")),
  // Takes an encoded NUL, `?` or `#` for the end of the path.
  (path) => path.replace(/%00.*$/, ""),
  (path) => path.replace(/%3f.*$/i, ""),
  (path) => path.replace(/%23.*$/, ""),
  // Takes an encoded slash, or a backslash, for a separator.
  (path) => path.replace(/%2f/gi, "/"),
  (path) => path.replace(/%5c|\\/gi, "/"),
  // Drops the parameters of each segment (RFC 2396 section 3.3), before decoding or after.
  (path) => path.replace(/;[^/]*/g, ""),
  (path) => path.replace(/(?:;|%3b)[^/]*/gi, ""),
  // Drops blanks at the end of each segment, those of ASCII or all, and perhaps dots.
  (path) => trimSegments(path, BLANKS),
  (path) => trimSegments(path, ALL_BLANKS),
  (path) => trimSegments(path, BLANKS, true),
  (path) => trimSegments(path, ALL_BLANKS, true),
  // Merges slashes that the liberties above have brought together.
  mergeSlashes,
  // Ignores a trailing slash.
  (path) => path.endsWith("/") ? path.slice(0, -1) : path
];
var MAX_READINGS = 64;
var MAX_CHARACTERS = 65536;
function lenientReadings(path) {
  const paths = /* @__PURE__ */ new Set([path]);
  for (const take of LIBERTIES) {
    for (const reading of [...paths]) {
      const other = take(reading);
      if (other !== reading) paths.add(decodeUnreserved(other) || "/");
      if (paths.size > MAX_READINGS || paths.size > 1 && paths.size * path.length > MAX_CHARACTERS) {
        return void 0;
      }
    }
  }
  const resolved = /* @__PURE__ */ new Set();
  for (const reading of paths) {
    if (DOT_SEGMENT.test(reading)) resolved.add(resolveDots(reading));
  }
  return { paths, resolved };
}
var DOT_SEGMENT = /\/\.{1,2}(?:\/|$)/;
function resolveDots(path) {
  const kept = [];
  for (const segment of path.split("/").slice(1)) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  return `/${kept.join("/")}`;
}
function decodeOverlong(path) {
  return path.replace(
    /%(?:c([01])|e0%8([01])|f0%80%8([01]))%([89ab][0-9a-f])/gi,
    (_found, of2 = "", of3 = "", of4 = "", last) => {
      const code = Number(of2 + of3 + of4) << 6 | Number.parseInt(last, 16) & 63;
      return `%${code.toString(16).padStart(2, "0")}`;
    }
  );
}
function foldCase(path) {
  return path.toLowerCase();
}
function foldText(path) {
  return mapText(path, (text) => text.normalize("NFKC").toUpperCase().toLowerCase()).toLowerCase();
}
function hasText(path) {
  return HIGH_BYTE.test(path) && path.search(TEXT) !== -1;
}
var HIGH_BYTE = /%[c-f]/i;
var TEXT = /[a-z]?(?:%(?:c[2-9a-f]|d[0-9a-f])%[89ab][0-9a-f]|%e(?:0%[ab]|d%[89]|[1-9a-cef]%[89ab])[0-9a-f]%[89ab][0-9a-f]|%f(?:0%[9ab]|4%8|[1-3]%[89ab])[0-9a-f](?:%[89ab][0-9a-f]){2})+/gi;
function mapText(path, change) {
  if (!HIGH_BYTE.test(path)) return path;
  return path.replace(TEXT, (run) => {
    const text = decodeURIComponent(run);
    const changed = change(text);
    return changed === text ? run : encodeURIComponent(changed);
  });
}
function trimSegments(path, blanks, withDots = false) {
  if (!TRIMMED.test(path)) return path;
  return path.split("/").map((segment) => trimEnd(segment, blanks, withDots)).join("/");
}
var TRIMMED = /(?:\.|%[0189a][0-9a-f]|%20)(?:\/|$)/i;
var BLANKS = /* @__PURE__ */ new Set(["09", "0a", "0b", "0c", "0d", "1c", "1d", "1e", "1f", "20"]);
var ALL_BLANKS = /* @__PURE__ */ new Set([...BLANKS, "85", "a0"]);
function trimEnd(segment, blanks, withDots) {
  let end = segment.length;
  for (; ; ) {
    if (segment[end - 3] === "%" && blanks.has(segment.slice(end - 2, end).toLowerCase())) end -= 3;
    else if (withDots && segment[end - 1] === "." && segment !== "." && segment !== "..") end--;
    else break;
  }
  const trimmed = segment.slice(0, end);
  return end < segment.length && /%c2$/i.test(trimmed) ? trimmed.slice(0, -3) : trimmed;
}

// internal/routing/ambiguous-path.ts
function isAmbiguousPath(table, route, request) {
  if (!table.demandsDiffer) return false;
  const { method, host, path, unmergedPath } = request;
  const isGuarded = (other) => other !== void 0 && demandsMore(other, route);
  const leadsElsewhere = (reading) => isGuarded(table.match(method, host, reading)) || isGuarded(table.matchRespelled(method, host, reading, foldCase)) || hasText(reading) && isGuarded(table.matchRespelled(method, host, reading, foldText));
  if (unmergedPath !== void 0 && route.mergeSlashes === false && leadsElsewhere(unmergedPath)) return true;
  const readings = lenientReadings(stripPrefix(path, route.stripPrefix));
  if (readings === void 0) return true;
  for (const reading of readings.paths) {
    if (leadsElsewhere(route.stripPrefix + reading)) return true;
  }
  for (const reading of readings.resolved) {
    const whole = route.stripPrefix + reading;
    if (table.match(method, host, whole) === void 0 || leadsElsewhere(whole)) return true;
  }
  return false;
}

// middleware/request/match-route.ts
function matchRoute(table, exchange) {
  const { call, head, respelled } = exchange;
  const path = pathOf(call.target);
  let route;
  if (call.method === "OPTIONS") {
    route = preflightRoute(table, head.host, path, head.headers);
    exchange.isPreflight = route !== void 0;
  }
  route ??= table.match(call.method, head.host, path);
  if (respelled?.hasEncodedSlash && !route?.allowEncodedSlash) {
    throw new GatewayError("WG_BAD_REQUEST", { detail: UNSAFE_TARGET });
  }
  if (route) {
    const isRead = !exchange.isPreflight;
    if (isRead && (respelled !== void 0 || table.hasGuardedUpperCase))
      checkReadings(table, route, exchange, path);
    return route;
  }
  const allowed = table.allowedMethods(head.host, path);
  if (allowed.length === 0) throw new GatewayError("WG_NO_ROUTE");
  throw new GatewayError("WG_METHOD_NOT_ALLOWED", { headers: { allow: allowed.join(", ") } });
}
function checkReadings(table, route, exchange, path) {
  const { call, head, respelled } = exchange;
  const request = { method: call.method, host: head.host, path, unmergedPath: respelled?.unmergedPath };
  if (isAmbiguousPath(table, route, request)) {
    throw new GatewayError("WG_BAD_REQUEST", { detail: AMBIGUOUS_PATH });
  }
}
var AMBIGUOUS_PATH = "The path can be read in two ways, and one of them leads to a route that is protected differently.";
function preflightRoute(table, host, path, headers) {
  const method = getHeader(headers, "access-control-request-method");
  if (method === void 0 || getHeader(headers, "origin") === void 0) return void 0;
  const route = table.match(method, host, path);
  if (route !== void 0) return hasCors(route) ? route : void 0;
  return table.allowedMethods(host, path).map((other) => table.match(other, host, path)).find(hasCors);
}
function hasCors(route) {
  return route?.policies?.cors !== void 0;
}

// internal/grpc/timeout.ts
var UNITS = [
  ["n", 1e-6],
  ["u", 1e-3],
  ["m", 1],
  ["S", 1e3],
  ["M", 6e4],
  ["H", 36e5]
];
var MS_BY_UNIT = new Map(UNITS);
var TIMEOUT = /^(\d{1,8})([HMSmun])$/;
var MAX_DIGITS_VALUE = 99999999;
function parseTimeout(value) {
  const [, digits, unit] = TIMEOUT.exec(value) ?? [];
  if (digits === void 0 || unit === void 0) return void 0;
  return Number(digits) * MS_BY_UNIT.get(unit);
}
function formatTimeout(ms) {
  for (const [unit, unitMs] of UNITS) {
    const value = Math.floor(ms / unitMs + 1e-6);
    if (value <= MAX_DIGITS_VALUE) return `${Math.max(value, 1)}${unit}`;
  }
  return `${MAX_DIGITS_VALUE}H`;
}

// middleware/request/call-deadline.ts
var STEP_MS = 50;
var LONG_STEP_MS = 1e3;
var LONG_MS = 1e4;
function startCallDeadline(deadlines, call, headers, { grpc, timeoutMs: routeTimeoutMs }) {
  const value = takeHeader(headers, "grpc-timeout");
  const asked = value === void 0 ? grpc?.timeoutMs : parseTimeout(value);
  if (asked === void 0) {
    if (value === void 0) return void 0;
    const grpcStatus = GRPC_STATUS.INTERNAL;
    throw new GatewayError("WG_BAD_REQUEST", { detail: "invalid grpc-timeout", grpcStatus });
  }
  const timeoutMs = Math.min(asked, value !== void 0 && grpc?.maxTimeoutMs || Number.POSITIVE_INFINITY);
  call.deadlineAt = call.startedAt + timeoutMs;
  const isClientsOwn = value !== void 0 && timeoutMs < routeTimeoutMs;
  return deadlines.start(isClientsOwn ? new ClientsDeadline(call) : call, roundUp(timeoutMs));
}
function roundUp(timeoutMs) {
  const stepMs = timeoutMs > LONG_MS ? LONG_STEP_MS : STEP_MS;
  return Math.ceil(timeoutMs / stepMs) * stepMs;
}
var ClientsDeadline = class {
  startedAt;
  #call;
  constructor(call) {
    this.startedAt = call.startedAt;
    this.#call = call;
  }
  end(reason) {
    reason.isClientsTimeout = true;
    this.#call.end(reason);
  }
};

// routes/public/outgoing-request.ts
function createOutgoing(exchange, readRpc) {
  const { call, dialect, head, isWebSocket, plan, respelled, response } = exchange;
  const route = call.route;
  let target = stripPrefix(
    route.mergeSlashes === false && respelled?.unmergedPath !== void 0 ? respelled.unmergedPath + call.target.slice(pathOf(call.target).length) : call.target,
    route.stripPrefix
  );
  if (target.startsWith("//") || respelled?.hasEncodedSlash && /^\/%2f/i.test(target)) {
    throw new GatewayError("WG_BAD_REQUEST", {
      detail: "Without the prefix that the route strips, the path begins with an empty segment."
    });
  }
  let rpc;
  if (dialect !== void 0) {
    if (route.origin === "auto" && !isMethodPath(target) && isMethodPath(call.target)) target = call.target;
    rpc = readRpc(exchange, route, target);
  }
  const hides = plan?.hidesFromClient;
  const interim = hides === void 0 ? response : hidingFields(response, hides);
  return {
    route,
    service: route.service,
    method: call.method,
    target,
    headers: head.headers,
    body: null,
    rpc,
    dialect: rpc && dialect,
    isWebSocket,
    interim
  };
}
function hidingFields(receiver, hides) {
  return {
    writeInterim(status, headers) {
      const shown = [...headers];
      removeHeaders(shown, hides);
      receiver.writeInterim(status, shown);
    }
  };
}
function completeHeaders(exchange) {
  const { call, head, peerAddress, proxied } = exchange;
  const { headers } = head;
  const route = call.route;
  const proto = schemeOf(exchange);
  const host = proxied?.host ?? head.host;
  headers.push(
    "x-request-id",
    call.requestId,
    "x-forwarded-for",
    proxied?.forwardedFor === void 0 ? peerAddress : `${proxied.forwardedFor}, ${peerAddress}`,
    "x-forwarded-proto",
    proto,
    "x-forwarded-port",
    proxied?.port ?? portOf(host ?? "", proto),
    "x-real-ip",
    call.clientAddress
  );
  if (host !== void 0) headers.push("x-forwarded-host", host);
  if (proxied?.prefix !== void 0) headers.push("x-forwarded-prefix", proxied.prefix + route.stripPrefix);
  else if (route.stripPrefix !== "") headers.push("x-forwarded-prefix", route.stripPrefix);
  if (exchange.sendsForwarded) headers.push("forwarded", writeForwarded(exchange));
  if (route.preserveHost && head.host !== void 0) headers.push("host", head.host);
  if (call.identity) headers.push(...call.identity.headers);
}

// routes/public/forward.ts
function createForward({
  upstream,
  handshake,
  deadlines,
  maxBodyBytes,
  onPiece,
  respond
}) {
  return (exchange) => {
    const { bodies, call, head, request, response, expectation, plan } = exchange;
    const outgoing = exchange.outgoing;
    const { route } = outgoing;
    const deadline = outgoing.rpc === void 0 ? deadlines.start(call, route.timeoutMs) : void 0;
    const callDeadline = outgoing.rpc && startCallDeadline(deadlines, call, outgoing.headers, route);
    if (callDeadline) response.once("close", () => callDeadline.clear());
    if (route.allowSlowClients) response.allowSlowClient();
    const hasBody = head.chunked || head.contentLength !== void 0 && Number(head.contentLength) > 0;
    if (hasBody) {
      outgoing.body = bodies.open(request, {
        maxBytes: route.maxBodyBytes ?? maxBodyBytes,
        length: head.chunked ? void 0 : Number(head.contentLength),
        // Sent only when a node wants the body, so that a client that is refused need not send it.
        sendContinue: expectation === "continue" ? () => response.sendContinue() : void 0,
        // A client with an open stream of messages is silent for as long as it has none. gRPC-web has no such streams.
        mayPause: outgoing.dialect === "grpc" && outgoing.rpc?.isStreaming !== false,
        onPiece: (bytes) => {
          if (deadline) deadlines.refresh(deadline);
          onPiece(bytes);
        },
        trailers: head.chunked ? () => trailersOf(exchange) : void 0
      });
    }
    completeHeaders(exchange);
    if (hasBody && !head.chunked) outgoing.headers.push("content-length", head.contentLength);
    if (head.acceptsTrailers && response.takesTrailers) outgoing.headers.push("te", "trailers");
    if (head.trailer !== void 0 && head.chunked) announceTrailers(exchange, head.trailer);
    let send = plan === void 0 ? upstream : plan.upstream;
    if (exchange.isWebSocket) send = handshake;
    send(outgoing, call).then(
      (answer) => {
        deadline?.clear();
        respond.answer(exchange, answer, "upstream");
      },
      (error) => {
        deadline?.clear();
        respond.refuse(exchange, error);
      }
    );
  };
}
function trailersOf({ request, head, trailerFilter, plan }) {
  const fields = trailerFilter.fields(request.rawTrailers, head.connectionOptions);
  if (fields !== void 0 && plan?.hidesFromNode) removeHeaders(fields, plan.hidesFromNode);
  return fields;
}
function announceTrailers({ head, outgoing, plan, trailerFilter }, value) {
  const names = trailerFilter.names(value, head.connectionOptions)?.filter((name) => plan?.hidesFromNode?.(name) !== true);
  if (names !== void 0 && names.length > 0) outgoing.headers.push("trailer", names.join(", "));
}

// routes/public/proxy.ts
function createProxy(options) {
  const { authenticators, loop, maxBodyBytes, planOf, readRpc, respond, routes } = options;
  const forward = createForward(options);
  function admit(exchange) {
    if (loop?.isOverloaded) loop.admit();
    if (exchange.refusal) throw exchange.refusal;
    const route = matchRoute(routes(), exchange);
    exchange.call.route = route;
    if (route.policies === void 0) return authenticate(exchange, route);
    const plan = planOf(route);
    exchange.plan = plan;
    const early2 = runSteps(plan.onRequest, exchange);
    if (early2 instanceof Promise) return early2.then((answer) => answer ?? authenticate(exchange, route));
    return early2 ?? authenticate(exchange, route);
  }
  function authenticate(exchange, route) {
    const identity = authorize(route, exchange.head, exchange.call, authenticators);
    if (identity instanceof Promise) return identity.then((known2) => authorized(exchange, route, known2));
    return authorized(exchange, route, identity);
  }
  function authorized(exchange, route, identity) {
    const { call, head, plan } = exchange;
    call.identity = identity;
    if (head.contentLength !== void 0) checkLength(route, Number(head.contentLength));
    exchange.outgoing = createOutgoing(exchange, readRpc);
    return plan === void 0 ? void 0 : runSteps(plan.onAuthorized, exchange);
  }
  function checkLength(route, bytes) {
    const maxBytes = route.maxBodyBytes ?? maxBodyBytes;
    if (maxBytes > 0 && bytes > maxBytes) throw new GatewayError("WG_BODY_TOO_LARGE");
  }
  async function finishLater(exchange, admission) {
    try {
      const answer = await admission;
      if (exchange.response.destroyed) answer?.discard();
      else if (answer) respond.answer(exchange, answer, "gateway");
      else forward(exchange);
    } catch (error) {
      respond.refuse(exchange, error);
    }
  }
  return {
    serve(exchange, untilReady) {
      try {
        if (exchange.expectation === "unknown") {
          throw exchange.refusal ?? new GatewayError("WG_EXPECTATION_FAILED");
        }
        const admission = untilReady ? untilReady().then(() => admit(exchange)) : admit(exchange);
        if (admission === void 0) forward(exchange);
        else if (admission instanceof Promise) void finishLater(exchange, admission);
        else respond.answer(exchange, admission, "gateway");
      } catch (error) {
        respond.refuse(exchange, error);
      }
    }
  };
}

// routes/public/read-rpc.ts
function createReadRpc({ findMethod, speaksHttpAlone }) {
  return ({ call, dialect }, route, target) => {
    if (dialect === void 0) return void 0;
    if (dialect !== "grpc" && (route.grpc?.web === false || speaksHttpAlone(route.service))) return void 0;
    const method = methodOf(target);
    call.rpc = method;
    const traits = findMethod(route.service, method);
    return {
      method,
      isIdempotent: traits?.isIdempotent === true || route.grpc?.idempotent.includes(method) === true,
      isStreaming: traits && (traits.streamsRequest || traits.streamsAnswer)
    };
  };
}

// internal/grpc/web-trailers.ts
var TRAILERS_FLAG = 128;
var PREFIX_BYTES = 5;
function writeWebTrailers(lines, isText) {
  let text = "";
  for (let i = 0; i < lines.length; i += 2) text += `${lines[i].toLowerCase()}: ${lines[i + 1]}\r
`;
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + text.length);
  frame[0] = TRAILERS_FLAG;
  frame.writeUInt32BE(text.length, 1);
  frame.write(text, PREFIX_BYTES, "latin1");
  return isText ? Buffer.from(frame.toString("base64"), "latin1") : frame;
}
var NOT_BASE64 = /[^A-Za-z0-9+/=]/;
var GROUP = 4;
var WebTextDecoder = class {
  /** Up to three characters of a group that is not whole. */
  #held = "";
  /**
   * Returns the bytes of all whole groups; empty when there are none. Returns undefined when the text is not base64; the
   * decoder cannot be used after that.
   */
  push(chunk) {
    const text = this.#held + chunk.toString("latin1");
    const whole = text.length - text.length % GROUP;
    this.#held = text.slice(whole);
    return decodeGroups(text.slice(0, whole));
  }
  /** Whether the text may end here. */
  get isWhole() {
    return this.#held === "";
  }
};
function decodeGroups(groups) {
  if (NOT_BASE64.test(groups)) return void 0;
  const bytes = Buffer.allocUnsafe(groups.length / GROUP * 3);
  let filled = 0;
  let end = 0;
  for (let from = 0; from < groups.length; from = end) {
    const padding = groups.indexOf("=", from);
    end = padding === -1 ? groups.length : padding - padding % GROUP + GROUP;
    if (padding !== -1 && !isPadding(groups, padding, end)) return void 0;
    filled += bytes.write(groups.slice(from, end), filled, "base64");
  }
  return bytes.subarray(0, filled);
}
function isPadding(text, padding, end) {
  return padding === end - 1 || padding === end - 2 && text.charAt(end - 1) === "=";
}

// routes/public/respond.ts
function createRespond({ isDraining, onPiece, onInternalError }) {
  function answer(exchange, upstreamResponse, from) {
    try {
      passOn(exchange, upstreamResponse, from);
    } catch (error) {
      refuse(exchange, error);
      guard(exchange, () => upstreamResponse.discard());
    }
  }
  function refuse(exchange, error) {
    guard(exchange, () => explain(exchange, error));
  }
  function guard(exchange, step) {
    try {
      step();
    } catch (bug) {
      onInternalError(bug);
      exchange.response.abort(false);
    }
  }
  function passOn(exchange, upstreamResponse, from) {
    const { call, response, plan } = exchange;
    if (response.destroyed) {
      upstreamResponse.discard();
      return;
    }
    if (from === "gateway" || exchange.expectation === "continue") discardUnreadBody(exchange);
    if (exchange.dialect !== void 0 && isCall(exchange) && !isGrpc(upstreamResponse)) {
      const { status: status2, headers: headers2 } = upstreamResponse;
      upstreamResponse.discard();
      call.failure ??= `answered HTTP ${status2} instead of gRPC`;
      endCall(exchange, refusalOfHttp(status2, headers2), from);
      return;
    }
    let { status } = upstreamResponse;
    let headers;
    if (plan === void 0) headers = [...upstreamResponse.headers, "x-request-id", call.requestId];
    else {
      headers = [...upstreamResponse.headers];
      status = editHead(exchange, { status, headers, from });
      headers.push("x-request-id", call.requestId);
    }
    if (call.degraded) headers.push("x-waygate-fallback", "1");
    if (upstreamResponse.trailerNames !== void 0 && response.takesTrailers && status === upstreamResponse.status) {
      announceTrailers2(headers, upstreamResponse.trailerNames, plan);
    }
    if (isDraining()) response.closeAfter();
    try {
      response.writeHead(status, headers);
    } catch (cause) {
      upstreamResponse.discard();
      refuse(exchange, new GatewayError("WG_UPSTREAM_INVALID", { cause }));
      return;
    }
    upstreamResponse.sendBody(response, plan?.hidesFromClient);
  }
  function explain(exchange, error) {
    const { call, response, plan } = exchange;
    discardUnreadBody(exchange);
    if (error instanceof UpstreamFailure && error.kind === "aborted") return;
    const known2 = asGatewayError(error);
    call.errorCode = known2.code;
    call.failure = known2.cause;
    if (response.headersSent) {
      response.abort(false);
      return;
    }
    if (known2.code === "WG_REQUEST_TIMEOUT") response.closeAfter();
    if (exchange.dialect !== void 0) {
      endCall(exchange, refusalOfError(known2), "gateway", known2.headers);
      return;
    }
    const body = Buffer.from(problemBody(known2, call.requestId));
    const headers = ["content-type", PROBLEM_CONTENT_TYPE, "content-length", String(body.length)];
    for (const [name, value] of Object.entries(known2.headers ?? {})) headers.push(name, value);
    let { status } = known2;
    if (plan !== void 0) status = editHead(exchange, { status, headers, from: "gateway" });
    headers.push("x-request-id", call.requestId);
    if (isDraining()) response.closeAfter();
    response.writeHead(status, headers);
    response.end(body);
  }
  function endCall(exchange, { status, lines }, from, fields = {}) {
    const { call, dialect, head, response, plan } = exchange;
    call.grpcStatus = status;
    const headers = ["content-type", head.contentType.split(";", 1)[0]];
    for (const [name, value] of Object.entries(fields)) headers.push(name, value);
    if (dialect === "grpc") headers.push(...lines);
    if (plan !== void 0) editHead(exchange, { status: 200, headers, from });
    headers.push("x-request-id", call.requestId);
    if (isDraining()) response.closeAfter();
    response.writeHead(200, headers);
    if (dialect === "grpc") response.end();
    else response.end(writeWebTrailers(lines, dialect === "web-text"));
  }
  function editHead(exchange, head) {
    try {
      for (const edit of exchange.plan.onResponse) edit(head, exchange);
    } catch (error) {
      onInternalError(error);
    }
    return head.status;
  }
  function asGatewayError(error) {
    if (error instanceof GatewayError) return error;
    onInternalError(error);
    return new GatewayError("WG_INTERNAL", { cause: error });
  }
  function discardUnreadBody({ bodies, request, head, outgoing }) {
    if (!head.chunked && head.contentLength === void 0) return;
    if (!outgoing?.body?.begun) bodies.discard(request, onPiece);
  }
  return { answer, refuse };
}
function isCall({ outgoing }) {
  return outgoing === void 0 || outgoing.rpc !== void 0;
}
function isGrpc({ headers }) {
  return getHeader(headers, "content-type")?.toLowerCase().startsWith("application/grpc") === true;
}
function announceTrailers2(headers, names, plan) {
  const shown = names.filter((name) => plan?.hidesFromClient?.(name) !== true);
  if (shown.length > 0) headers.push("trailer", shown.join(", "));
}

// wrappers/balance/no-node.ts
function readmitEjected(peers) {
  if (peers.some((peer) => peer.available())) return false;
  return peers.filter((peer) => peer.readmit()).length > 0;
}
function noNodeError(peers) {
  const ejected = peers.filter(({ node, breaker }) => node.weight > 0 && breaker !== "closed");
  if (ejected.length === 0) return new GatewayError("WG_NO_NODE");
  const retryInMs = Math.min(...ejected.map((peer) => peer.retryInMs));
  return new GatewayError("WG_CIRCUIT_OPEN", {
    headers: { "retry-after": String(Math.max(1, Math.ceil(retryInMs / 1e3))) }
  });
}

// wrappers/balance/request-key.ts
function requestKey(hashKey, request, call) {
  switch (hashKey.from) {
    case "header":
      return getHeader(request.headers, hashKey.name) || void 0;
    case "cookie":
      return getCookie(request.headers, hashKey.name) || void 0;
    case "address":
      return call.clientAddress;
    case "claim": {
      const claim = call.identity?.claims && claimAt(call.identity.claims, hashKey.name);
      if (claim === void 0 || claim === null || claim === "") return void 0;
      return typeof claim === "string" ? claim : JSON.stringify(claim);
    }
    case "pathParameter":
      return pathParameter(request.route.path, call.target, hashKey.name);
    default:
      return hashKey;
  }
}

// wrappers/balance/sticky-cookies.ts
import { createHmac } from "node:crypto";
var StickyCookies = class {
  #key;
  #seals = /* @__PURE__ */ new WeakMap();
  constructor(key) {
    this.#key = key;
  }
  /** Returns the id of the node that a request's cookie stands for; undefined without a cookie of a current node. */
  nodeOf(request, service) {
    const value = getCookie(request.headers, cookieName(request.route.stickyCookie, service.name));
    return value === void 0 ? void 0 : this.#sealsOf(service).nodes.get(value);
  }
  /** Returns the value of the Set-Cookie header that brings the client back to a node. */
  setCookie(request, service, node) {
    const value = this.#sealsOf(service).values.get(node) ?? this.#seal(service.name, node);
    const secure = getHeader(request.headers, "x-forwarded-proto") === "https" ? "; Secure" : "";
    return `${cookieName(request.route.stickyCookie, service.name)}=${value}; Path=/; HttpOnly; SameSite=Lax${secure}`;
  }
  #sealsOf(service) {
    const known2 = this.#seals.get(service);
    if (known2?.peers === service.peers) return known2;
    const values = new Map(
      service.peers.map(({ node }) => [
        node.id,
        known2?.values.get(node.id) ?? this.#seal(service.name, node.id)
      ])
    );
    const nodes = new Map([...values].map(([node, value]) => [value, node]));
    const seals = { peers: service.peers, values, nodes };
    this.#seals.set(service, seals);
    return seals;
  }
  #seal(service, node) {
    return createHmac("sha256", this.#key).update(`${service}\0${node}`).digest("base64url");
  }
};
function cookieName(cookie, service) {
  return cookie?.name ?? `waygate-${service.replaceAll("@", "!").replaceAll(":", "|")}`;
}

// wrappers/balance/balance.ts
function createBalance(nodes, { cookieKey, now = () => performance.now() } = {}) {
  const cookies = cookieKey && new StickyCookies(cookieKey);
  function contextOf(request, call, service) {
    const { hashKey, stickyCookie, slowStartMs } = request.route;
    let key;
    if (hashKey) key = requestKey(hashKey, request, call);
    else if (stickyCookie) key = cookies?.nodeOf(request, service);
    const slowStart = slowStartMs ? { windowMs: slowStartMs, now: now() } : void 0;
    return { tried: call.tried, key, slowStart };
  }
  return (next) => (request, call) => {
    const { route } = request;
    const service = nodes.get(request.service, request.rpc === void 0 ? "http" : "grpc");
    if (!service) return Promise.reject(noNodeError([]));
    const balancer = service.balancer(route.balancer);
    const context = isPlain(route) ? call : contextOf(request, call, service);
    const peer = balancer.pick(service.peers, context) ?? (readmitEjected(service.peers) ? balancer.pick(service.peers, context) : void 0);
    if (!peer) return Promise.reject(noNodeError(service.peers));
    call.peer = peer;
    call.attempts++;
    peer.requests++;
    const answer = balancer.observe ? observed(next(request, call), request, balancer, peer, now) : next(request, call);
    if (!cookies || !route.stickyCookie || peer.node.id === context.key) return answer;
    return answer.then((response) => withCookie(response, cookies.setCookie(request, service, peer.node.id)));
  };
}
function isPlain({ hashKey, stickyCookie, slowStartMs }) {
  return hashKey === void 0 && stickyCookie === void 0 && !slowStartMs;
}
function observed(answer, { body, rpc }, balancer, peer, now) {
  const begunAt = now();
  return answer.then(
    (outcome) => {
      const isFailure = isFailedAnswer(outcome);
      if (body === null || rpc?.isStreaming === false || isFailure) {
        balancer.observe(peer, now() - begunAt, isFailure ? "failed" : "answered");
      }
      return outcome;
    },
    (error) => {
      const end = endOf(error);
      if (end) balancer.observe(peer, now() - begunAt, end);
      throw error;
    }
  );
}
function endOf(error) {
  if (!(error instanceof UpstreamFailure)) return void 0;
  if (error.kind === "unsendable" || error.kind === "refused") return void 0;
  return error.kind === "aborted" || error.isClientsTimeout ? "abandoned" : "failed";
}
function withCookie(response, cookie) {
  const { status, headers } = response;
  return {
    status,
    headers: [...headers, "set-cookie", cookie],
    get isBroken() {
      return response.isBroken;
    },
    trailerNames: response.trailerNames,
    grpcStatus: response.grpcStatus,
    ...response.whenOver && { whenOver: (listener) => response.whenOver(listener) },
    sendBody: (target, isHidden) => response.sendBody(target, isHidden),
    discard: () => response.discard(),
    ...response.observe && { observe: (observer) => response.observe(observer) }
  };
}

// wrappers/fallback/stale-answers.ts
var StaleAnswers = class {
  #options;
  #now;
  /** The most recently used answer is at the end. */
  #answers = /* @__PURE__ */ new Map();
  #bytes = 0;
  /** Bytes of answers whose bodies are still passing. */
  #passing = 0;
  constructor(options) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }
  /** Bytes in use, including those of answers that are still passing. */
  get bytes() {
    return this.#bytes + this.#passing;
  }
  /** Returns the answer under `key` and its age in milliseconds, unless it is older than `maxAgeMs`. */
  get(key, maxAgeMs) {
    const answer = this.#answers.get(key);
    if (!answer) return void 0;
    const ageMs = this.#now() - answer.keptAt;
    if (ageMs > maxAgeMs) return void 0;
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    return { answer, ageMs };
  }
  /** Keeps the answer once all of it has passed, unless it is too long or too much is passing already. */
  keep(key, response) {
    const { answerBytes, totalBytes } = this.#options;
    if (declaredLength(response) > answerBytes) return;
    let pieces = [];
    let length = 0;
    const letGo = () => {
      this.#passing -= length;
      length = 0;
    };
    response.observe?.({
      onChunk: (chunk) => {
        if (pieces === void 0) return;
        length += chunk.length;
        this.#passing += chunk.length;
        pieces.push(chunk);
        if (length <= answerBytes && this.#passing <= totalBytes) return;
        pieces = void 0;
        letGo();
      },
      onEnd: (isWhole) => {
        letGo();
        if (pieces === void 0 || !isWhole) return;
        const body = Buffer.concat(
          pieces.map((piece) => typeof piece === "string" ? Buffer.from(piece, "latin1") : piece)
        );
        this.#put(key, { headers: response.headers, body, keptAt: this.#now() });
      }
    });
  }
  #put(key, answer) {
    this.#drop(key);
    const size = sizeOf(key, answer);
    if (size > this.#options.totalBytes) return;
    this.#answers.set(key, answer);
    this.#bytes += size;
    for (const oldest of this.#answers.keys()) {
      if (this.#bytes <= this.#options.totalBytes) return;
      this.#drop(oldest);
    }
  }
  #drop(key) {
    const answer = this.#answers.get(key);
    if (!answer) return;
    this.#answers.delete(key);
    this.#bytes -= sizeOf(key, answer);
  }
};
function declaredLength({ headers }) {
  return Number(getHeader(headers, "content-length") ?? 0);
}
var OBJECT_BYTES = 512;
function sizeOf(key, { headers, body }) {
  const characters = headers.reduce((sum, text) => sum + text.length, key.length);
  return body.length + 2 * characters + OBJECT_BYTES;
}

// wrappers/fallback/stale-rules.ts
var FORBIDS = /(?:^|[\s,])(?:private|no-store|no-cache|must-revalidate|proxy-revalidate)(?:$|[\s,=])/i;
function staleKey({ route, service, method, target, headers, body }, call) {
  if (method !== "GET" && method !== "HEAD" || body) return void 0;
  const { identity } = call;
  if (route.auth.type !== "none" && identity?.subject === void 0) return void 0;
  const varying = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i].toLowerCase();
    if (VARYING.has(name)) varying.push(name, headers[i + 1]);
    else if (!isNeutral(name) && !isOfIdentity(name, call)) return void 0;
  }
  const who = identity && [
    identity.subject,
    identity.scopes,
    identity.roles,
    identity.headers,
    lastingClaims(identity)
  ];
  return JSON.stringify([route.id, service, method, target, varying, who]);
}
var VARYING = /* @__PURE__ */ new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "host",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-forwarded-scheme",
  "x-forwarded-ssl"
]);
var NEUTRAL = /* @__PURE__ */ new Set([
  ...[
    "accept-charset",
    "cache-control",
    "dnt",
    "forwarded",
    "if-modified-since",
    "if-none-match",
    "origin",
    "pragma",
    "priority"
  ],
  ...[
    "referer",
    "save-data",
    "te",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-server",
    "x-real-ip",
    "x-request-id"
  ],
  ...["baggage", "traceparent", "tracestate", "b3"]
]);
function isNeutral(name) {
  return NEUTRAL.has(name) || name.startsWith("sec-fetch-") || name.startsWith("sec-ch-") || name.startsWith("x-b3-");
}
function isOfIdentity(name, { identity, isAuthorizationChecked }) {
  if (!identity) return false;
  if (name === "authorization") return isAuthorizationChecked;
  return identity.headers.some((text, i) => i % 2 === 0 && text.toLowerCase() === name);
}
var PER_TOKEN = /* @__PURE__ */ new Set(["exp", "iat", "jti", "nbf"]);
function lastingClaims({ claims = {} }) {
  return Object.entries(claims).filter(([name]) => !PER_TOKEN.has(name));
}
function isKeepable({ status, headers }) {
  if (status !== 200) return false;
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1];
    switch (headers[i].toLowerCase()) {
      case "set-cookie":
        return false;
      case "cache-control":
        if (FORBIDS.test(value)) return false;
        break;
      case "vary":
        if (value.split(",").some((name) => !/^\s*(?:accept-encoding)?\s*$/i.test(name))) return false;
        break;
    }
  }
  return true;
}
function staleResponse(method, { headers, body }, ageMs) {
  const lines = [];
  let age = Math.floor(ageMs / 1e3);
  let length;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i].toLowerCase();
    if (name === "age") age += Number(/^\d{1,9}$/.exec(headers[i + 1])?.[0] ?? 0);
    else if (name === "content-length") length = headers[i + 1];
    else lines.push(headers[i], headers[i + 1]);
  }
  lines.push("age", String(age), "warning", '110 - "Response is Stale"');
  const response = createWholeResponse(200, lines, body);
  if (method !== "HEAD") return response;
  return { ...response, headers: length === void 0 ? lines : [...lines, "content-length", length] };
}

// wrappers/fallback/fallback.ts
function createFallback(staleAnswers = { totalBytes: 0, answerBytes: 0 }) {
  const answers = /* @__PURE__ */ new WeakMap();
  const stale = new StaleAnswers(staleAnswers);
  function fixedAnswer(fallback) {
    let answer = answers.get(fallback);
    if (!answer) {
      const { status, headers, body } = fallback;
      answer = createWholeResponse(status, Object.entries(headers).flat(), Buffer.from(body));
      answers.set(fallback, answer);
    }
    return answer;
  }
  async function withStale(next, request, call, maxAgeMs) {
    const key = staleKey(request, call);
    try {
      const response = await next(request, call);
      if (key !== void 0 && isKeepable(response)) stale.keep(key, response);
      return response;
    } catch (error) {
      const kept = key === void 0 || !(error instanceof GatewayError) ? void 0 : stale.get(key, maxAgeMs);
      if (!kept) throw error;
      call.degraded = true;
      call.failure = error;
      return staleResponse(request.method, kept.answer, kept.ageMs);
    }
  }
  return (next) => (request, call) => {
    const { fallback } = request.route;
    if (!fallback) return next(request, call);
    if (fallback.type === "stale") return withStale(next, request, call, fallback.maxAgeMs);
    return next(request, call).catch((error) => {
      if (!isOutOfReach(error)) throw error;
      if (fallback.type === "service" && request.body?.begun) throw error;
      call.degraded = true;
      call.failure = error;
      if (fallback.type === "static") return fixedAnswer(fallback);
      call.tried = [];
      return next({ ...request, service: fallback.service }, call);
    });
  };
}
function isOutOfReach(error) {
  if (!(error instanceof GatewayError)) return false;
  if (error.code === "WG_NO_NODE" || error.code === "WG_CIRCUIT_OPEN" || error.code === "WG_OVERLOADED")
    return true;
  return error.code === "WG_UPSTREAM_UNREACHABLE" && error.cause instanceof UpstreamFailure && (error.cause.kind === "connect" || error.cause.kind === "refused");
}

// wrappers/grpc/grpc-calls.ts
function createGrpcCalls(isAutomatic) {
  function isOpen({ origin, grpc }, method) {
    if (origin === "auto" && (!isAutomatic || isAboutTheNode(method))) return false;
    return isListed(method, grpc?.allow);
  }
  return (next) => (request, call) => {
    const { route, rpc } = request;
    if (rpc === void 0) return next(request, call);
    call.rpc = rpc.method;
    if (!isOpen(route, rpc.method)) return Promise.reject(new GatewayError("WG_NO_METHOD"));
    return next(request, call).then((answer) => noted(answer, call));
  };
}
function noted(answer, call) {
  if (answer.grpcStatus !== void 0) call.grpcStatus = answer.grpcStatus;
  answer.whenOver?.(({ grpcStatus }) => {
    call.grpcStatus = grpcStatus;
  });
  return answer;
}

// internal/grpc/message-boundary.ts
var PREFIX_BYTES2 = 5;
var MessageBoundary = class {
  /** Bytes of the next prefix that have passed. */
  #prefixBytes = 0;
  #length = 0;
  /** Bytes of the present message that have yet to come. */
  #missing = 0;
  /** Whether all messages that have begun are whole. */
  get isAtBoundary() {
    return this.#prefixBytes === 0 && this.#missing === 0;
  }
  /** @param chunk bytes, or the same as latin1 */
  pass(chunk) {
    let at = 0;
    while (at < chunk.length) {
      if (this.#missing > 0) {
        const taken = Math.min(this.#missing, chunk.length - at);
        this.#missing -= taken;
        at += taken;
      } else {
        this.#addToPrefix(typeof chunk === "string" ? chunk.charCodeAt(at) : chunk[at]);
        at++;
      }
    }
  }
  #addToPrefix(byte) {
    if (this.#prefixBytes > 0) this.#length = this.#length * 256 + byte;
    if (++this.#prefixBytes < PREFIX_BYTES2) return;
    this.#missing = this.#length;
    this.#prefixBytes = 0;
    this.#length = 0;
  }
};

// wrappers/grpc/web-response.ts
var WebResponse = class {
  #target;
  #isText;
  #trailers;
  #boundary = new MessageBoundary();
  /**
   * @param isText whether the body is base64
   * @param trailers those of an answer whose head has them; undefined when they come behind the messages
   */
  constructor(target, isText, trailers) {
    this.#target = target;
    this.#isText = isText;
    this.#trailers = trailers;
  }
  get destroyed() {
    return this.#target.destroyed;
  }
  get headersSent() {
    return this.#target.headersSent;
  }
  get statusCode() {
    return this.#target.statusCode;
  }
  get writableFinished() {
    return this.#target.writableFinished;
  }
  get takesTrailers() {
    return true;
  }
  get copiesChunks() {
    return this.#isText || this.#target.copiesChunks;
  }
  writeHead(status, headers) {
    return this.#target.writeHead(status, headers);
  }
  write(chunk) {
    this.#boundary.pass(chunk);
    if (this.#isText) return this.#target.write(toBase64(chunk), "latin1");
    return typeof chunk === "string" ? this.#target.write(chunk, "latin1") : this.#target.write(chunk);
  }
  end(chunk) {
    if (chunk !== void 0 && chunk.length > 0) this.write(chunk);
    this.endWithTrailers(this.#trailers ?? readGrpcEnd([]).lines);
  }
  endWithTrailers(trailers) {
    if (!this.#boundary.isAtBoundary) this.#target.abort(false);
    else this.#target.end(writeWebTrailers(trailers, this.#isText));
  }
  writeInterim(status, headers) {
    this.#target.writeInterim(status, headers);
  }
  sendContinue() {
    this.#target.sendContinue();
  }
  allowSlowClient() {
    this.#target.allowSlowClient();
  }
  closeAfter() {
    this.#target.closeAfter();
  }
  abort(isDelimited) {
    this.#target.abort(isDelimited);
  }
  on(event, listener) {
    return this.#target.on(event, listener);
  }
  once(event, listener) {
    return this.#target.once(event, listener);
  }
};
function toBase64(chunk) {
  return (typeof chunk === "string" ? Buffer.from(chunk, "latin1") : chunk).toString("base64");
}

// wrappers/grpc/web-text-body.ts
var WebTextBody = class {
  #text;
  constructor(text) {
    this.#text = text;
  }
  get begun() {
    return this.#text.begun;
  }
  get awaitsContinue() {
    return this.#text.awaitsContinue;
  }
  open(sink) {
    const decoding = new DecodingSink(sink);
    const flow = this.#text.open(decoding);
    decoding.flow = flow;
    return flow;
  }
};
var DecodingSink = class {
  #sink;
  #decoder = new WebTextDecoder();
  /** Set before anything comes. */
  flow;
  constructor(sink) {
    this.#sink = sink;
  }
  onData(chunk) {
    const bytes = this.#decoder.push(chunk);
    if (bytes === void 0) {
      this.flow?.stop();
      this.#refuse();
    } else if (bytes.length > 0) this.#sink.onData(bytes);
  }
  onEnd() {
    if (this.#decoder.isWhole) this.#sink.onEnd();
    else this.#refuse();
  }
  onError(error) {
    this.#sink.onError(error);
  }
  #refuse() {
    this.#sink.onError(new GatewayError("WG_BAD_REQUEST", { detail: "The body is not base64." }));
  }
};

// wrappers/grpc/grpc-web.ts
var OF_WEB = /* @__PURE__ */ new Set(["content-type", "content-length", "te", "x-grpc-web", "x-user-agent"]);
var REWRITTEN = /* @__PURE__ */ new Set(["content-type", "content-length"]);
var OF_HEAD = /* @__PURE__ */ new Set(["date", "server", "set-cookie"]);
function createGrpcWeb(findMethod) {
  return (next) => (request, call) => {
    const { dialect, rpc, service } = request;
    if (dialect === void 0 || dialect === "grpc" || rpc === void 0) return next(request, call);
    if (findMethod(service, rpc.method)?.streamsRequest) return Promise.reject(NO_CLIENT_STREAMS);
    return next(toGrpc(request, dialect), call).then((answer) => toWeb(answer, dialect));
  };
}
var NO_CLIENT_STREAMS = new GatewayError("WG_NO_METHOD", {
  detail: "The client of this method sends a stream, which gRPC-web does not have."
});
function toGrpc(request, dialect) {
  const { body } = request;
  const headers = withoutHeaders(request.headers, OF_WEB);
  headers.push("content-type", toGrpcType(getHeader(request.headers, "content-type") ?? ""), "te", "trailers");
  return { ...request, headers, body: dialect === "web-text" && body ? new WebTextBody(body) : body };
}
function toWeb(answer, dialect) {
  const { grpcStatus, status } = answer;
  const type = getHeader(answer.headers, "content-type") ?? "";
  if (grpcDialectOf(type) !== "grpc") return answer;
  const headers = ["content-type", toWebType(type, dialect)];
  const trailers = grpcStatus === void 0 ? void 0 : [];
  for (let i = 0; i < answer.headers.length; i += 2) {
    const spelling = answer.headers[i];
    const name = spelling.toLowerCase();
    if (REWRITTEN.has(name)) continue;
    const lines = trailers === void 0 || OF_HEAD.has(name) ? headers : trailers;
    lines.push(spelling, answer.headers[i + 1]);
  }
  return {
    status,
    grpcStatus,
    headers,
    sendBody(target, isHidden) {
      if (trailers && isHidden) removeHeaders(trailers, isHidden);
      answer.sendBody(new WebResponse(target, dialect === "web-text", trailers), isHidden);
    },
    discard: () => answer.discard()
  };
}

// wrappers/time-samples.ts
var NO_TIMES = new Float64Array(0);
var TimeSamples = class {
  #capacity;
  /** Allocated with the first sample, because most services are never asked. */
  #times = NO_TIMES;
  #count = 0;
  constructor(capacity) {
    this.#capacity = capacity;
  }
  /** Samples added since the last `clear()`, including those that were overwritten. */
  get count() {
    return this.#count;
  }
  /** @param ms milliseconds */
  add(ms) {
    if (this.#times === NO_TIMES) this.#times = new Float64Array(this.#capacity);
    this.#times[this.#count++ % this.#capacity] = ms;
  }
  clear() {
    this.#count = 0;
  }
  /**
   * Returns the time that a share of the samples did not exceed, by the nearest-rank method.
   *
   * @param share above 0, up to 1: 0.5 for the median
   * @returns milliseconds; NaN when there are no samples
   */
  quantile(share) {
    const sorted = this.#times.slice(0, Math.min(this.#count, this.#times.length)).sort();
    return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
  }
};

// wrappers/limit/gradient-limit.ts
var INITIAL = 100;
var MIN_LIMIT = 2;
var BUFFER = 1.25;
var SLACK_MS = 5;
var SLACK_TURNS = 2;
var WINDOW_MS = 100;
var WINDOW_SAMPLES = 20;
var SLOT_MS = 1e3;
var SLOT_SAMPLES = 50;
var TRUSTED_MS = 1e4;
var FIRST_TRUSTED_MS = 1e3;
var EQUALLY_FAST = 1.1;
var PROBE_SAMPLES = 100;
var PROBE_MS2 = 400;
var PROBE_MAX_MS = 2e3;
var PROBE_MAX_TIMES = 10;
var NOT_QUEUED = { least: 0.75, most: 1.3 };
var CONFIRMED = { least: 0.8, most: 1.25 };
var KEPT_SAMPLES = 512;
var GradientLimit = class {
  #window = new TimeSamples(KEPT_SAMPLES);
  #slot = new TimeSamples(KEPT_SAMPLES);
  #loopTurnMs;
  #limit;
  #max;
  /** The most requests in flight during this window. */
  #peak = 0;
  /** Answers that come before this time are ignored. */
  #windowAt;
  #slotAt;
  /** The shortest time of an answer, milliseconds; undefined until it is known. */
  #shortest = void 0;
  /** Until when the shortest time is trusted while answers take longer. */
  #trustedUntil = 0;
  /** The largest limit since the shortest time was last measured by a probe. */
  #ceiling;
  #probe = void 0;
  /** Whether the first window, which is discarded, has ended. */
  #isRunning = false;
  /**
   * @param max upper bound of the limit; at least 1
   * @param now milliseconds on the monotonic clock, here and in the methods
   * @param loopTurnMs returns how long a turn of the event loop takes at the moment; measured times include it
   */
  constructor(max, now, loopTurnMs = () => 0) {
    this.#loopTurnMs = loopTurnMs;
    this.#max = max;
    this.#limit = Math.min(INITIAL, max);
    this.#ceiling = this.#limit;
    this.#windowAt = now;
    this.#slotAt = now;
  }
  /** How many requests may be in flight now; a whole number, at least 1. */
  get limit() {
    return this.#probe?.limit ?? Math.floor(this.#limit);
  }
  set max(max) {
    this.#max = max;
    this.#set(this.#limit);
  }
  /** Notes that a request begins. @param inFlight requests in flight, this one included */
  began(inFlight, now) {
    if (inFlight > this.#peak) this.#peak = inFlight;
    const probe = this.#probe;
    if (!probe) return;
    const maxMs = Math.max(PROBE_MAX_MS, PROBE_MAX_TIMES * probe.before);
    if (now - probe.since <= maxMs) return;
    this.#probe = void 0;
    this.#trustedUntil = now + TRUSTED_MS;
    this.#ceiling = this.#limit;
    this.#beginAnew(now);
  }
  /** Notes the head of an answer that shows how long the service takes. @param begunAt when its request began */
  answered(begunAt, now) {
    if (now < this.#windowAt) return;
    const ms = now - begunAt;
    this.#window.add(ms);
    const { count } = this.#window;
    const lastedMs = now - this.#windowAt;
    if (this.#probe) {
      const isEnough = count >= PROBE_SAMPLES ? lastedMs >= WINDOW_MS : lastedMs >= PROBE_MS2;
      if (isEnough && count >= WINDOW_SAMPLES) this.#endProbe(this.#probe, now);
      return;
    }
    this.#slot.add(ms);
    if (lastedMs >= WINDOW_MS && count >= WINDOW_SAMPLES) this.#endWindow(now);
  }
  #endWindow(now) {
    const median = this.#window.quantile(0.5);
    const isUsed = this.#peak >= this.#limit / 2;
    this.#beginWindow(now);
    if (!this.#isRunning) {
      this.#isRunning = true;
      this.#windowAt = now + 2 * median;
      return;
    }
    if (this.#shortest === void 0) {
      this.#shortest = median;
      this.#trustedUntil = now + FIRST_TRUSTED_MS;
    }
    if (now - this.#slotAt >= SLOT_MS && this.#slot.count >= SLOT_SAMPLES) this.#endSlot(isUsed, now);
    if (!isUsed || this.#probe) return;
    const gradient = this.#atMost(BUFFER, 1) / median;
    if (gradient < 1 && this.#limit <= this.#ceiling / 2) {
      this.#startProbe(median, this.#limit / 2, now);
      return;
    }
    const share = Math.min(2, Math.max(0.5, gradient));
    this.#set(share * this.#limit + Math.sqrt(share * this.#limit));
    this.#ceiling = Math.max(this.#ceiling, this.#limit);
    this.#windowAt = now + median;
  }
  #endSlot(isUsed, now) {
    const median = this.#slot.quantile(0.5);
    this.#slot.clear();
    this.#slotAt = now;
    const shortest = this.#shortest;
    if (median <= this.#atMost(EQUALLY_FAST, 0.5)) {
      this.#shortest = Math.min(median, shortest);
      this.#trustedUntil = now + TRUSTED_MS;
    } else if (now >= this.#trustedUntil) {
      if (isUsed) this.#startProbe(median, this.#limit / 2, now);
      else {
        this.#shortest = median;
        this.#trustedUntil = now + TRUSTED_MS;
      }
    }
  }
  #startProbe(before, limit, now) {
    this.#probe = { limit: Math.max(1, Math.floor(limit)), since: now, before };
    this.#window.clear();
    this.#windowAt = now + before;
  }
  #endProbe({ limit, before }, now) {
    const median = this.#window.quantile(0.5);
    const isConfirmed = median <= this.#atMost(CONFIRMED.most, 1) && median >= this.#atLeast(CONFIRMED.least);
    if (!isConfirmed && !(median >= NOT_QUEUED.least * before && median <= NOT_QUEUED.most * before)) {
      const isSteady = median <= NOT_QUEUED.most * before;
      if (!isSteady || limit > 1) {
        this.#startProbe(median, isSteady ? limit / 2 : limit, now);
        return;
      }
    }
    this.#probe = void 0;
    this.#shortest = median;
    this.#trustedUntil = now + TRUSTED_MS;
    this.#set(2 * limit);
    this.#ceiling = this.#limit;
    this.#beginAnew(now + median);
  }
  /** The shortest time times `share`, or plus `ofSlack` of the slack where that is longer. */
  #atMost(share, ofSlack) {
    const shortest = this.#shortest;
    return Math.max(share * shortest, shortest + ofSlack * this.#slackMs);
  }
  #atLeast(share) {
    const shortest = this.#shortest;
    return Math.min(share * shortest, shortest - this.#slackMs);
  }
  get #slackMs() {
    return SLACK_MS + SLACK_TURNS * this.#loopTurnMs();
  }
  #beginWindow(at) {
    this.#window.clear();
    this.#windowAt = at;
    this.#peak = 0;
  }
  #beginAnew(at) {
    this.#beginWindow(at);
    this.#slot.clear();
    this.#slotAt = at;
  }
  #set(limit) {
    this.#limit = Math.min(this.#max, Math.max(MIN_LIMIT, limit));
  }
};

// wrappers/limit/wait-queue.ts
var WaitQueue = class {
  #refuse;
  #now;
  #waiters = /* @__PURE__ */ new Set();
  #timer = void 0;
  constructor({ refuse, now = () => performance.now() }) {
    this.#refuse = refuse;
    this.#now = now;
  }
  get length() {
    return this.#waiters.size;
  }
  /**
   * Resolves when `call` is given a slot. A call that is ended meanwhile leaves the queue.
   *
   * @throws the error that `refuse` returns, after `maxMs` or when the call's own deadline has passed
   * @throws UpstreamFailure of kind `aborted` when the client has left
   */
  wait(call, maxMs) {
    return new Promise((resolve, reject) => {
      const waiter = {
        call,
        until: this.#now() + maxMs,
        resolve,
        reject,
        cancel: (reason) => this.#leave(waiter, reason)
      };
      call.current = waiter;
      this.#waiters.add(waiter);
      this.#timer ??= setTimeout(() => this.#expire(), maxMs).unref();
    });
  }
  /**
   * Gives a slot to the call that has waited longest.
   *
   * @returns false when no call waits
   */
  admit() {
    for (const waiter of this.#waiters) {
      this.#remove(waiter);
      waiter.resolve();
      return true;
    }
    return false;
  }
  #leave(waiter, reason) {
    this.#remove(waiter);
    waiter.reject(reason.kind === "aborted" ? reason : this.#refuse());
  }
  #remove(waiter) {
    this.#waiters.delete(waiter);
    waiter.call.current = void 0;
    if (this.#waiters.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = void 0;
  }
  /** Refuses calls that have waited too long. They are queued in the order in which their time ends. */
  #expire() {
    this.#timer = void 0;
    const now = this.#now();
    for (const waiter of this.#waiters) {
      if (waiter.until > now) {
        this.#timer = setTimeout(() => this.#expire(), waiter.until - now).unref();
        return;
      }
      this.#remove(waiter);
      waiter.reject(this.#refuse());
    }
  }
};

// wrappers/limit/service-limiter.ts
var RETRY_AFTER = { "retry-after": "1" };
var REFUSALS = {
  "the queue is full": refusal("the service is at its concurrency limit, and the queue is full"),
  "no slot became free in time": refusal(
    "the service is at its concurrency limit, and no slot became free in time"
  )
};
var MAX_TIMED_BODY_BYTES = 65536;
var ServiceLimiter = class {
  service;
  #onRefused;
  #loopTurnMs;
  #now;
  #queue;
  #settings;
  #gradient = void 0;
  #inFlight = 0;
  #refused = 0;
  constructor(options) {
    const { service, settings, loopTurnMs, onRefused = () => {
    }, now = () => performance.now() } = options;
    this.service = service;
    this.#settings = settings;
    this.#loopTurnMs = loopTurnMs;
    this.#onRefused = onRefused;
    this.#now = now;
    this.#queue = new WaitQueue({ refuse: () => this.#refuse("no slot became free in time"), now });
    this.configure(settings);
  }
  /** Takes new settings. Requests in flight still count, and an adaptive limit keeps what it has learned. */
  configure(settings) {
    this.#settings = settings;
    if (!settings.adaptive) this.#gradient = void 0;
    else if (this.#gradient) this.#gradient.max = settings.max;
    else this.#gradient = new GradientLimit(settings.max, this.#now(), this.#loopTurnMs);
    this.#admitWaiting();
  }
  /** Removes the limit and lets all waiting requests through. */
  open() {
    this.configure({ ...this.#settings, concurrent: null, adaptive: false });
  }
  get kind() {
    return this.#gradient ? "adaptive" : "static";
  }
  /** How many requests may be in flight now. */
  get limit() {
    return this.#gradient?.limit ?? this.#settings.concurrent ?? Number.POSITIVE_INFINITY;
  }
  /** Requests that were let through and whose answer has not ended. */
  get inFlight() {
    return this.#inFlight;
  }
  /** Requests that wait for a slot. */
  get queued() {
    return this.#queue.length;
  }
  /** Requests refused since the limiter was created. */
  get refused() {
    return this.#refused;
  }
  /**
   * Sends a request on as soon as it has a slot. The request holds the slot until it fails, or until {@link release}
   * is called at the end of its answer.
   *
   * @throws GatewayError WG_OVERLOADED with Retry-After
   */
  pass(next, request, call) {
    if (call.ended) return Promise.reject(asAnswer(call.ended));
    if (this.#queue.length > 0) this.#admitWaiting();
    const { limit } = this;
    if (this.#inFlight < limit && this.#queue.length === 0) {
      this.#inFlight++;
      return this.#send(next, request, call);
    }
    const { queue, queueMs } = this.#settings;
    if (this.#queue.length >= (queue ?? Math.ceil(limit / 2)) || queueMs === 0) {
      return Promise.reject(this.#refuse("the queue is full"));
    }
    return this.#queue.wait(call, queueMs).then(() => this.#send(next, request, call));
  }
  /** Frees the slot of `call`, whose answer has ended or will not come. Must be called once. */
  release(call) {
    call.limiter = void 0;
    this.#inFlight--;
    if (this.#queue.length > 0) this.#admitWaiting();
  }
  #send(next, request, call) {
    call.limiter = this;
    const gradient = this.#gradient;
    const begunAt = gradient ? this.#now() : 0;
    gradient?.began(this.#inFlight, begunAt);
    return next(request, call).then(
      (response) => {
        if (gradient && !isFailedAnswer(response) && isTimed(request)) {
          gradient.answered(begunAt, this.#now());
        }
        return response;
      },
      (error) => {
        if (call.limiter === this) this.release(call);
        throw error;
      }
    );
  }
  /** Lets waiting requests through while there are free slots. */
  #admitWaiting() {
    const { limit } = this;
    while (this.#inFlight < limit && this.#queue.admit()) this.#inFlight++;
  }
  #refuse(reason) {
    this.#refused++;
    this.#onRefused(this, reason);
    return REFUSALS[reason];
  }
};
function refusal(reason) {
  return new GatewayError("WG_OVERLOADED", { headers: RETRY_AFTER, cause: new Error(reason) });
}
function isTimed({ body, rpc }) {
  if (rpc !== void 0) return rpc.isStreaming === false;
  return body === null || body.length !== void 0 && body.length <= MAX_TIMED_BODY_BYTES;
}

// wrappers/limit/concurrency-limit.ts
function createConcurrencyLimit(limits) {
  return (next) => (request, call) => {
    const limiter = limits.isOn ? limits.of(request.service) : void 0;
    return limiter ? limiter.pass(next, request, call) : next(request, call);
  };
}
var OVER_AFTER_MS = 3e3;
var CHECK_EVERY_MS = 500;
var ServiceLimits = class {
  #loopTurnMs;
  #onChange;
  #now;
  /** Null = the service has no limit. Bounded by the services that were ever asked. */
  #limiters = /* @__PURE__ */ new Map();
  #overloads = /* @__PURE__ */ new Map();
  #settingsOf = () => void 0;
  #isOn = false;
  #timer = void 0;
  constructor({ loopTurnMs, onChange = () => {
  }, now = () => performance.now() } = {}) {
    this.#loopTurnMs = loopTurnMs;
    this.#onChange = onChange;
    this.#now = now;
  }
  /** Whether any service has a limit. */
  get isOn() {
    return this.#isOn;
  }
  /**
   * Takes new settings. A service that still has a limit keeps its requests in flight and what its limiter has learned.
   *
   * @param isOn whether any service has a limit
   * @param settingsOf returns undefined for a service without a limit
   */
  configure(isOn, settingsOf) {
    this.#isOn = isOn;
    this.#settingsOf = settingsOf;
    for (const [service, limiter] of this.#limiters) {
      const settings = settingsOf(service);
      if (limiter && settings) limiter.configure(settings);
      else {
        limiter?.open();
        this.#limiters.delete(service);
      }
    }
  }
  /** Returns undefined for a service without a limit. */
  of(service) {
    if (!this.#isOn) return void 0;
    let limiter = this.#limiters.get(service);
    if (limiter === void 0) {
      limiter = this.#create(service);
      this.#limiters.set(service, limiter);
    }
    return limiter ?? void 0;
  }
  #create(service) {
    const settings = this.#settingsOf(service);
    if (!settings) return null;
    return new ServiceLimiter({
      service,
      settings,
      loopTurnMs: this.#loopTurnMs,
      onRefused: (limiter, reason) => this.#refused(limiter, reason),
      now: this.#now
    });
  }
  /** Iterates over the limiters of services that were asked. */
  *[Symbol.iterator]() {
    for (const limiter of this.#limiters.values()) if (limiter) yield limiter;
  }
  close() {
    clearInterval(this.#timer);
  }
  #refused(limiter, reason) {
    const now = this.#now();
    const known2 = this.#overloads.get(limiter);
    if (known2) {
      known2.lastAt = now;
      return;
    }
    this.#overloads.set(limiter, { since: now, refusedBefore: limiter.refused - 1, lastAt: now });
    this.#timer ??= setInterval(() => this.#endOverloads(), CHECK_EVERY_MS).unref();
    this.#onChange({ isOverloaded: true, limiter, reason });
  }
  #endOverloads() {
    const now = this.#now();
    for (const [limiter, { since, lastAt, refusedBefore }] of this.#overloads) {
      if (now - lastAt < OVER_AFTER_MS) continue;
      this.#overloads.delete(limiter);
      const refused = limiter.refused - refusedBefore;
      this.#onChange({ isOverloaded: false, limiter, refused, ms: lastAt - since });
    }
    if (this.#overloads.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = void 0;
  }
};

// wrappers/observe.ts
function createObserve(now = () => performance.now()) {
  return (next) => (request, call) => {
    const begunAt = now();
    return next(request, call).then(
      (outcome) => noted2(outcome, call, now() - begunAt),
      (error) => {
        call.upstreamMs = now() - begunAt;
        throw error;
      }
    );
  };
}
function noted2(outcome, call, upstreamMs) {
  call.upstreamMs = upstreamMs;
  return outcome;
}

// wrappers/retry/call-fields.ts
var OURS = /* @__PURE__ */ new Set(["grpc-timeout", "grpc-previous-rpc-attempts"]);
var WHOLE_NUMBER = /^\d{1,9}$/;
function createCallFields(now = () => performance.now()) {
  return (next) => (request, call) => {
    if (request.rpc === void 0 || call.deadlineAt === void 0 && call.previousTries === 0)
      return next(request, call);
    return next({ ...request, headers: completed(request.headers, call, now()) }, call);
  };
}
function completed(given, { deadlineAt, previousTries }, now) {
  const headers = withoutHeaders(given, OURS);
  if (deadlineAt !== void 0) headers.push("grpc-timeout", formatTimeout(Math.max(0, deadlineAt - now)));
  const ofClient = getHeader(given, "grpc-previous-rpc-attempts") ?? "0";
  const previous = previousTries + (WHOLE_NUMBER.test(ofClient) ? Number(ofClient) : 0);
  if (previous > 0) headers.push("grpc-previous-rpc-attempts", String(previous));
  return headers;
}

// wrappers/retry/retry-budget.ts
var SHARE = 0.2;
var MIN_RETRIES = 3;
var MIN_BROKEN_RETRIES = 100;
var HALF_WINDOW_MS = 5e3;
var RetryBudget = class {
  #active = 0;
  #retrying = 0;
  #requests = 0;
  #inVain = 0;
  #requestsBefore = 0;
  #inVainBefore = 0;
  #halfEndsAt = 0;
  /** Retries begun, including those that cost no budget. */
  retries = 0;
  /** Hedges: second tries that were sent beside the first. */
  hedges = 0;
  /** Retries and hedges that the budget did not allow. */
  refused = 0;
  #isExhausted = false;
  #refusedBefore = 0;
  #onChange;
  /**
   * @param onChange is called with true when the budget does not allow a retry, and with false when it has allowed all
   *   for 5 to 10 s
   */
  constructor(onChange = () => {
  }) {
    this.#onChange = onChange;
  }
  /** Whether the budget refused a retry within the last 5 to 10 s. */
  get isExhausted() {
    return this.#isExhausted;
  }
  /** Requests in flight. */
  get active() {
    return this.#active;
  }
  /** Retries in flight. */
  get retrying() {
    return this.#retrying;
  }
  /**
   * Counts a request that begins.
   *
   * @param now milliseconds on the monotonic clock
   */
  begin(now) {
    if (now >= this.#halfEndsAt) this.#turn(now);
    this.#active++;
    this.#requests++;
  }
  /** Counts a request that has its answer, or will have none. */
  end() {
    this.#active--;
  }
  /**
   * Takes a retry out of the budget. Call `giveBack` when the retry is over.
   *
   * @param isBroken whether the try before failed because its connection broke, or was given up because its node hangs
   * @returns whether the budget allows the retry
   */
  take(now, isBroken = false) {
    if (now >= this.#halfEndsAt) this.#turn(now);
    const isLeft = this.#isLeft(this.#retrying + 1, isBroken);
    if (isLeft) this.#retrying++;
    else this.#refuse();
    return isLeft;
  }
  /** Ends a retry that was taken. @param inVain whether the retry brought nothing better */
  giveBack(inVain) {
    this.#retrying--;
    if (inVain) this.#inVain++;
  }
  #refuse() {
    this.refused++;
    if (this.#isExhausted) return;
    this.#isExhausted = true;
    this.#onChange(true);
  }
  #isLeft(taken, isBroken) {
    if (!isBroken && taken > allowance(this.#active, MIN_RETRIES)) return false;
    const least = isBroken ? MIN_BROKEN_RETRIES : MIN_RETRIES;
    const spent = taken + this.#inVain + this.#inVainBefore;
    return spent <= allowance(this.#requests + this.#requestsBefore, least);
  }
  #turn(now) {
    if (this.#isExhausted && this.refused === this.#refusedBefore) {
      this.#isExhausted = false;
      this.#onChange(false);
    }
    this.#refusedBefore = this.refused;
    const isNext = now < this.#halfEndsAt + HALF_WINDOW_MS;
    this.#requestsBefore = isNext ? this.#requests : 0;
    this.#inVainBefore = isNext ? this.#inVain : 0;
    this.#requests = 0;
    this.#inVain = 0;
    this.#halfEndsAt = isNext ? this.#halfEndsAt + HALF_WINDOW_MS : now + HALF_WINDOW_MS;
  }
};
function allowance(requests, least) {
  return Math.max(least, SHARE * requests);
}
var RetryBudgets = class {
  #budgets = /* @__PURE__ */ new Map();
  #onChange;
  /** @param onChange is called when the budget of a service is found exhausted, and when it no longer is */
  constructor(onChange = () => {
  }) {
    this.#onChange = onChange;
  }
  /** Returns undefined for a service that was never asked. */
  get(service) {
    return this.#budgets.get(service);
  }
  /** Returns the budget of a service, which is created on first use. */
  of(service) {
    let budget = this.#budgets.get(service);
    if (!budget) {
      budget = new RetryBudget((isExhausted) => this.#onChange(service, isExhausted));
      this.#budgets.set(service, budget);
    }
    return budget;
  }
  /** Iterates over the services that were asked, with their budgets. */
  [Symbol.iterator]() {
    return this.#budgets.entries();
  }
};

// wrappers/retry/hedge.ts
function createHedge({
  budgets = new RetryBudgets(),
  now = () => performance.now()
} = {}) {
  const times = /* @__PURE__ */ new Map();
  const timesOf = (service) => {
    let found = times.get(service);
    if (!found) {
      found = new RecentTimes();
      times.set(service, found);
    }
    return found;
  };
  return (next) => (request, call) => {
    if (!isHedgeable(request)) return next(request, call);
    const hedge = request.route.hedge;
    const recent = timesOf(request.service);
    const afterMs = hedge.afterMs ?? recent.p95;
    const begunAt = now();
    const answer = afterMs === void 0 ? next(request, call) : new Race(next, request, call, budgets.of(request.service)).run(afterMs);
    return answer.then((outcome) => {
      if (!isUnwanted(outcome, request)) recent.add(now() - begunAt);
      return outcome;
    });
  };
}
var Race = class {
  #next;
  #request;
  #call;
  #budget;
  #answer = Promise.withResolvers();
  #tries = [];
  #interims = /* @__PURE__ */ new Map();
  #timer = void 0;
  /** An answer that the route would retry on; used when the other try brings nothing better. */
  #unwanted = void 0;
  #failure = void 0;
  #inFlight = 0;
  #isHedged = false;
  #isOver = false;
  constructor(next, request, call, budget) {
    this.#next = next;
    this.#request = request;
    this.#call = call;
    this.#budget = budget;
  }
  /** @param afterMs how long the first node has before the second is tried */
  run(afterMs) {
    this.#timer = setTimeout(() => this.#hedge(), afterMs);
    this.#call.current = {
      cancel: (reason) => {
        for (const each of this.#tries) each.end(reason);
      }
    };
    this.#try(this.#call.fork());
    return this.#answer.promise;
  }
  #hedge() {
    if (this.#request.body?.begun || !this.#budget.take(performance.now())) return;
    this.#isHedged = true;
    this.#budget.hedges++;
    const second = this.#call.fork();
    second.previousTries++;
    second.exclude(this.#tries[0].peer);
    this.#try(second);
  }
  #try(own) {
    this.#tries.push(own);
    this.#inFlight++;
    const interim = new HeldInterims();
    this.#interims.set(own, interim);
    this.#next({ ...this.#request, interim }, own).then(
      (response) => this.#came(response, own),
      (error) => this.#failed(error, own)
    ).catch((error) => this.#answer.reject(error));
  }
  #came(response, by) {
    this.#inFlight--;
    if (this.#isOver) {
      response.discard();
    } else if (this.#inFlight > 0 && isUnwanted(response, this.#request)) {
      this.#unwanted = { response, by };
    } else {
      this.#unwanted?.response.discard();
      this.#win(response, by);
    }
  }
  #failed(error, by) {
    this.#inFlight--;
    if (this.#isOver) return;
    if (this.#failure === void 0 || error instanceof UpstreamFailure) this.#failure = error;
    if (this.#inFlight > 0) return;
    if (this.#unwanted && !this.#unwanted.response.isBroken) {
      this.#win(this.#unwanted.response, this.#unwanted.by);
    } else {
      this.#end(this.#tries.findLast(({ peer }) => peer !== void 0) ?? by);
      this.#answer.reject(this.#failure);
    }
  }
  #win(response, by) {
    this.#end(by);
    this.#call.current = { cancel: (reason) => by.end(reason) };
    this.#interims.get(by).passOn(this.#request.interim);
    this.#answer.resolve(response);
  }
  #end(by) {
    this.#isOver = true;
    clearTimeout(this.#timer);
    if (this.#isHedged) this.#budget.giveBack(this.#tries[1].attempts > 0);
    this.#call.current = void 0;
    this.#call.peer = by.peer;
    for (const each of this.#tries) {
      this.#call.attempts += each.attempts;
      if (each === by) continue;
      if (each.peer) this.#call.exclude(each.peer);
      each.end(new UpstreamFailure("aborted"));
    }
  }
};
var HeldInterims = class {
  #held = [];
  writeInterim(status, headers) {
    this.#held.push({ status, headers });
  }
  passOn(receiver) {
    for (const { status, headers } of this.#held) receiver?.writeInterim(status, headers);
  }
};
var KEPT = 256;
var MIN_SAMPLES = 20;
var REFRESH_EVERY = 16;
var RecentTimes = class {
  #samples = new TimeSamples(KEPT);
  #p95 = 0;
  #computedAt = 0;
  /** @param ms milliseconds */
  add(ms) {
    this.#samples.add(ms);
  }
  /** The time that 95% of recent answers did not exceed, milliseconds; undefined below 20 samples. */
  get p95() {
    const { count } = this.#samples;
    if (count < MIN_SAMPLES) return void 0;
    if (this.#computedAt === 0 || count - this.#computedAt >= REFRESH_EVERY) {
      this.#p95 = this.#samples.quantile(0.95);
      this.#computedAt = count;
    }
    return this.#p95;
  }
};

// wrappers/retry/backoff.ts
var BASE_MS = 25;
var MAX_MS = 250;
function backoffMs(retries, random) {
  if (retries === 0) return 0;
  return random * Math.min(MAX_MS, BASE_MS * 2 ** Math.min(retries - 1, 10));
}
function pause(call, ms) {
  return new Promise((resolve) => {
    const waiting2 = {
      cancel: () => {
        clearTimeout(timer);
        if (call.current === waiting2) call.current = void 0;
        resolve();
      }
    };
    const timer = setTimeout(waiting2.cancel, ms);
    call.current = waiting2;
  });
}

// wrappers/retry/attempt-loop.ts
var MAX_REFUSALS = 10;
var AttemptLoop = class {
  #next;
  #request;
  #call;
  #budget;
  #random;
  #retriesLeft;
  #isStaleRetryLeft = true;
  #backoffs = 0;
  /** How long the last node asked to wait, milliseconds; undefined when it did not. */
  #pushbackMs = void 0;
  #refusals = 0;
  /** Nodes that refused the call. They have not acted on it, so they are asked again when no other is left. */
  #refusedBy = [];
  /** The last answer of a node, which the client gets if no better one comes. */
  #answer = void 0;
  #failure = void 0;
  /** When nodes that asked to wait may be tried again, on the monotonic clock. */
  #retryableAt = /* @__PURE__ */ new Map();
  constructor(next, request, call, budget, random) {
    this.#next = next;
    this.#request = request;
    this.#call = call;
    this.#budget = budget;
    this.#random = random;
    this.#retriesLeft = request.route.retries ?? Number.POSITIVE_INFINITY;
  }
  /**
   * Makes further tries as the result of the first one requires, and ends the request in the budget.
   *
   * @throws GatewayError, UpstreamFailure as `createRetry` does
   */
  async continueAfter(first) {
    try {
      for (let result = first; ; ) {
        const step = this.#decide(result);
        if (step === "give up") return this.#giveUp();
        const counted = step === "counted";
        const { attempts } = this.#call;
        try {
          if (step !== "free") await this.#backOff();
          result = this.#call.ended ? { error: this.#call.ended } : await this.#ask();
        } finally {
          if (counted) this.#budget.giveBack(this.#wasInVain(result));
        }
        if (step !== "free" && this.#call.attempts > attempts) this.#budget.retries++;
        if (result.outcome && !isUnwanted(result.outcome, this.#request)) {
          this.#answer?.outcome.discard();
          return result.outcome;
        }
      }
    } finally {
      this.#budget.end();
    }
  }
  #decide({ outcome, error }) {
    const { body } = this.#request;
    if (outcome) this.#keep(outcome);
    else if (error instanceof CircuitOpenError) {
      this.#call.attempts--;
      this.#call.peer.requests--;
      this.#call.exclude(this.#call.peer);
      return "free";
    } else if (error instanceof GatewayError) {
      this.#failure ??= error;
      return "give up";
    } else {
      const mayHaveActed = !isOfKind(error, "connect") && !isOfKind(error, "refused");
      if (mayHaveActed || !(this.#failure instanceof UpstreamFailure)) this.#failure = error;
      if (!(error instanceof UpstreamFailure) || !isRepeatable(error, this.#request)) return "give up";
    }
    if (this.#call.ended || body?.begun) return "give up";
    if (error instanceof UpstreamFailure && error.staleConnection && this.#isStaleRetryLeft) {
      this.#isStaleRetryLeft = false;
      return "free";
    }
    const kind = error instanceof UpstreamFailure ? error.kind : void 0;
    if (kind === "refused") return this.#afterRefusal(this.#call.peer);
    if (this.#retriesLeft <= 0 || this.#isPushedBeyondDeadline()) return "give up";
    const isBroken = kind === "reset" || kind === "hung";
    if (kind !== "connect" && !this.#budget.take(performance.now(), isBroken)) return "give up";
    this.#retriesLeft--;
    this.#call.exclude(this.#call.peer);
    if (kind === "connect") return "uncounted";
    this.#call.previousTries++;
    return "counted";
  }
  /** A node that ends a connection refuses the calls on it that it has not seen. Such a call has lost nothing but time. */
  #afterRefusal(peer) {
    if (++this.#refusals > MAX_REFUSALS) return "give up";
    this.#call.exclude(peer);
    this.#refusedBy.push(peer);
    return "uncounted";
  }
  #isPushedBeyondDeadline() {
    return this.#pushbackMs !== void 0 && performance.now() + this.#pushbackMs >= this.#endsAt;
  }
  /** When the call must be answered, milliseconds on the monotonic clock. */
  get #endsAt() {
    const { route, rpc } = this.#request;
    if (rpc !== void 0) return this.#call.deadlineAt ?? Number.POSITIVE_INFINITY;
    return this.#call.startedAt + route.timeoutMs;
  }
  /** Whether the retry cost a node work and brought nothing better. */
  #wasInVain({ outcome, error }) {
    if (outcome) return isUnwanted(outcome, this.#request);
    return error instanceof UpstreamFailure && error.kind !== "aborted";
  }
  /** Keeps an answer, and with it its connection, until a better answer comes or the client gets this one. */
  #keep(outcome) {
    this.#answer?.outcome.discard();
    const peer = this.#call.peer;
    this.#answer = { outcome, peer };
    const isCall2 = this.#request.rpc !== void 0;
    const ms = isCall2 ? pushbackMs(outcome.headers) : retryAfterMs(outcome.headers, Date.now());
    if (ms !== void 0) this.#retryableAt.set(peer, performance.now() + ms);
    if (isCall2) this.#pushbackMs = ms;
  }
  async #backOff() {
    const ms = this.#pushbackMs ?? backoffMs(this.#backoffs++, this.#random());
    this.#pushbackMs = void 0;
    if (ms > 0) await pause(this.#call, ms);
  }
  async #ask() {
    try {
      return { outcome: await this.#next(this.#request, this.#call) };
    } catch (error) {
      const waitMs = error instanceof GatewayError ? this.#readmit() : void 0;
      if (waitMs === void 0) return { error };
      await pause(this.#call, waitMs);
      return this.#call.ended ? { error: this.#call.ended } : this.#ask();
    }
  }
  /**
   * Makes a node available to this call again: one that refused it, or else the one that asked to wait and whose time
   * comes first.
   *
   * @returns how long to wait for that time, milliseconds; undefined when there is no such node, or when its answer
   *   would come after the deadline
   */
  #readmit() {
    const refused = this.#refusedBy.pop();
    if (refused !== void 0) {
      this.#call.tried = this.#call.tried.filter((each) => each !== refused);
      return 0;
    }
    const { route } = this.#request;
    if (route.retries === void 0) return void 0;
    const [soonest] = [...this.#retryableAt].sort(([, a], [, b]) => a - b);
    if (!soonest) return void 0;
    const [peer, at] = soonest;
    if (at >= this.#endsAt) return void 0;
    this.#retryableAt.delete(peer);
    this.#call.tried = this.#call.tried.filter((each) => each !== peer);
    return Math.max(0, at - performance.now());
  }
  /** @throws GatewayError, UpstreamFailure as `createRetry` does */
  #giveUp() {
    const { ended } = this.#call;
    const answer = this.#answer;
    if (answer && !answer.outcome.isBroken && ended?.kind !== "aborted") {
      this.#call.peer = answer.peer;
      this.#call.current = { cancel: () => answer.outcome.discard() };
      return answer.outcome;
    }
    answer?.outcome.discard();
    if (answer?.outcome.isBroken && !(this.#failure instanceof UpstreamFailure)) this.#failure = BROKEN_OFF;
    const isClientsFault = ended?.kind === "timeout" && isOfKind(this.#failure, "unsendable");
    throw asAnswer(isClientsFault ? this.#failure : ended ?? this.#failure);
  }
};
var BROKEN_OFF = new UpstreamFailure("reset", new Error("the kept answer broke off"));
function isOfKind(error, kind) {
  return error instanceof UpstreamFailure && error.kind === kind;
}
var WHOLE_SECONDS = /^\d{1,9}$/;
function retryAfterMs(headers, wallClock) {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i].length !== 11 || headers[i].toLowerCase() !== "retry-after") continue;
    const value = headers[i + 1];
    if (WHOLE_SECONDS.test(value)) return Number(value) * 1e3;
    const date = Date.parse(value);
    return Number.isNaN(date) ? void 0 : Math.max(0, date - wallClock);
  }
  return void 0;
}

// wrappers/retry/kept-body.ts
var MAX_CHUNKS = 512;
var KeptBody = class {
  begun = false;
  ended = false;
  error = void 0;
  /** Bounded by the tries that run at the same time: one, or two when the request is hedged. */
  #flows = [];
  #source;
  #maxBytes;
  #memory;
  #flow = void 0;
  #chunks = [];
  /** Chunks that were dropped before those in `#chunks`. */
  #dropped = 0;
  #bytes = 0;
  /** @param maxBytes a longer body is let go */
  constructor(source, maxBytes, memory) {
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#memory = memory;
  }
  get length() {
    return this.#source.length;
  }
  get awaitsContinue() {
    return this.#source.awaitsContinue;
  }
  get trailers() {
    return this.#source.trailers;
  }
  open(sink) {
    const flow = new KeptFlow(this, sink);
    this.#flows.push(flow);
    return flow;
  }
  /** Keeps nothing from now on. Discards the rest of the client's body unless a try still sends it. */
  letGo() {
    if (this.begun) return;
    this.begun = true;
    this.#memory.bytes -= this.#bytes;
    this.#drop();
    if (this.#flows.length === 0) this.#flow?.stop();
  }
  /** Returns a chunk by its number; undefined when it has not come. */
  chunk(index) {
    return this.#chunks[index - this.#dropped];
  }
  /** Reads from the client if every try takes more; begins to at the first call. */
  adjust() {
    if (this.begun) this.#drop();
    const isWanted = this.#flows.length > 0 && !this.#flows.some((flow) => flow.isPaused);
    if (isWanted) {
      this.#flow ??= this.#source.open(this);
      this.#flow.resume();
    } else this.#flow?.pause();
  }
  remove(flow) {
    const index = this.#flows.indexOf(flow);
    if (index === -1) return;
    this.#flows.splice(index, 1);
    if (this.begun && this.#flows.length === 0) this.#flow?.stop();
    else this.adjust();
  }
  onData(chunk) {
    if (!this.begun) {
      this.#bytes += chunk.length;
      this.#memory.bytes += chunk.length;
      const isTooLong = this.#bytes > this.#maxBytes || this.#chunks.length >= MAX_CHUNKS;
      if (isTooLong || this.#memory.bytes > this.#memory.maxBytes) this.letGo();
    }
    this.#chunks.push(chunk);
    this.#notify();
    if (this.begun) this.#drop();
  }
  onEnd() {
    this.ended = true;
    this.#notify();
  }
  onError(error) {
    this.error = error;
    this.#notify();
  }
  #notify() {
    for (const flow of [...this.#flows]) flow.advance();
  }
  /** Drops the chunks that every try in flight has. */
  #drop() {
    const next = Math.min(...this.#flows.map((flow) => flow.next), this.#dropped + this.#chunks.length);
    this.#chunks.splice(0, next - this.#dropped);
    this.#dropped = next;
  }
};
var KeptFlow = class {
  isPaused = true;
  /** The number of the chunk that is passed on next. */
  next = 0;
  #kept;
  #sink;
  #isOver = false;
  constructor(kept, sink) {
    this.#kept = kept;
    this.#sink = sink;
  }
  resume() {
    if (this.#isOver || !this.isPaused) return;
    this.isPaused = false;
    this.advance();
    if (!this.isPaused && !this.#isOver) this.#kept.adjust();
  }
  pause() {
    if (this.#isOver || this.isPaused) return;
    this.isPaused = true;
    this.#kept.adjust();
  }
  stop() {
    this.#isOver = true;
    this.#kept.remove(this);
  }
  /** Passes on what has come. */
  advance() {
    let chunk = this.#kept.chunk(this.next);
    while (chunk !== void 0 && !this.isPaused && !this.#isOver) {
      this.next++;
      this.#sink.onData(chunk);
      chunk = this.#kept.chunk(this.next);
    }
    if (this.#isOver) return;
    const { ended, error } = this.#kept;
    if (error) {
      this.stop();
      this.#sink.onError(error);
    } else if (ended && chunk === void 0) {
      this.stop();
      this.#sink.onEnd();
    }
  }
};

// wrappers/retry/retry.ts
var MAX_KEPT_BYTES = 32 * 1024 * 1024;
function createRetry({
  budgets = new RetryBudgets(),
  mayBeRefused = () => false,
  random = Math.random
} = {}) {
  const memory = { bytes: 0, maxBytes: MAX_KEPT_BYTES };
  return (next) => {
    const ask = (request, call) => {
      const budget = budgets.of(request.service);
      budget.begin(call.startedAt);
      return next(request, call).then(
        (outcome) => {
          if (isUnwanted(outcome, request))
            return new AttemptLoop(next, request, call, budget, random).continueAfter({ outcome });
          budget.end();
          return outcome;
        },
        (error) => new AttemptLoop(next, request, call, budget, random).continueAfter({ error })
      );
    };
    return (given, call) => {
      if (!keepsBody(given, mayBeRefused) || memory.bytes >= memory.maxBytes) return ask(given, call);
      const body = new KeptBody(given.body, given.route.retryBufferBytes, memory);
      return ask({ ...given, body }, call).finally(() => body.letGo());
    };
  };
}

// wrappers/retry/try-timeout.ts
function createTryTimeout({ deadlines, now = () => performance.now() }) {
  return (next) => (request, call) => {
    const { tryTimeoutMs } = request.route;
    if (tryTimeoutMs === void 0 || isOpenEnded(request)) return next(request, call);
    const trying = next(request, call);
    const { current } = call;
    if (current === void 0) return trying;
    const deadline = deadlines.start(
      {
        startedAt: now(),
        end: (reason) => {
          if (!isOpenEnded(request)) current.cancel(reason);
        }
      },
      tryTimeoutMs
    );
    return trying.finally(() => deadline.clear());
  };
}
function isOpenEnded({ body, route, rpc }) {
  if (body === null) return false;
  if (rpc !== void 0 && rpc.isStreaming !== false) return true;
  if (body.length !== void 0) return body.length > (route.retryBufferBytes ?? 0);
  return !(body instanceof KeptBody) || body.begun;
}

// cmd/gateway/auth/live-credentials.ts
var LiveCredentials = class {
  #apiKeys = /* @__PURE__ */ new Map();
  #revoked = /* @__PURE__ */ new Set();
  #readGrants;
  apiKeys;
  revocations;
  constructor({ jwt }) {
    this.#readGrants = createGrantReader(jwt);
    this.apiKeys = { isLoaded: false, get: (sha256) => this.#apiKeys.get(sha256) };
    this.revocations = { isLoaded: false, has: (tokenId) => this.#revoked.has(tokenId) };
  }
  /** Parses the registry value of an API key into what the authenticator needs, or the reason why it is invalid. */
  parseApiKey(value) {
    const parsed = parseApiKeyDocument(value);
    if ("reason" in parsed) return parsed;
    const { expiresAt, owner, ...grants } = parsed.document;
    const acceptedUntil = expiresAt === void 0 ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);
    return { apiKey: { identity: this.#readGrants(owner, grants), acceptedUntil } };
  }
  /** Applies the addition, change or removal of one credential. */
  apply(before, after) {
    if (before?.kind === "api-key") this.#apiKeys.delete(before.hash);
    else if (before) this.#revoked.delete(before.tokenId);
    if (after?.kind === "api-key") this.#apiKeys.set(after.hash, after.apiKey);
    else if (after) this.#revoked.add(after.tokenId);
  }
  /** Called when the first complete listing of a scope has been applied. */
  loaded(scope) {
    if (scope === "api-keys") this.apiKeys.isLoaded = true;
    if (scope === "revocations") this.revocations.isLoaded = true;
  }
};

// middleware/auth/authenticators.ts
var AUTHENTICATORS = {
  jwt: async () => (await import("./jwt-authenticator-6SDFYRT3.js")).createJwtAuthenticator,
  "api-key": async () => (await import("./api-key-authenticator-3IF7QNSR.js")).createApiKeyAuthenticator,
  basic: async () => (await import("./basic-authenticator-ICYCJOZT.js")).createBasicAuthenticator
};
async function createAuthenticators(options) {
  const created = {};
  for (const name of AUTHENTICATOR_NAMES) {
    if (options[name] === void 0) continue;
    const create = await AUTHENTICATORS[name]();
    created[name] = create(options[name]);
  }
  return created;
}

// config/kit/jwk.ts
import { createPublicKey } from "node:crypto";
function readJwk(jwk, allowed) {
  if (typeof jwk !== "object" || jwk === null || Array.isArray(jwk)) throw new TypeError("is not an object");
  const { kty, use, key_ops: operations, kid, alg, d } = jwk;
  if (kty !== "RSA" && kty !== "EC" && kty !== "OKP") throw new TypeError("is not of kty RSA, EC or OKP");
  if (use !== void 0 && use !== "sig") throw new TypeError("is not for signatures (use)");
  if (operations !== void 0 && !(Array.isArray(operations) && operations.includes("verify"))) {
    throw new TypeError("is not for verifying (key_ops)");
  }
  if (kid !== void 0 && typeof kid !== "string") throw new TypeError("has a kid that is not a string");
  if (d !== void 0) throw new TypeError("is a private key, which must not be published");
  const key = publicKey(jwk);
  const possible = algorithmsOf(key);
  if (alg !== void 0 && !possible.includes(alg)) {
    throw new TypeError(`is ${kindOfKey(key)}, which does not fit its alg`);
  }
  const algorithms = possible.filter(
    (each) => (alg === void 0 || each === alg) && (allowed === void 0 || allowed.includes(each))
  );
  if (algorithms.length === 0) throw new TypeError("fits none of the allowed algorithms");
  return { key, algorithms, keyId: kid };
}
function publicKey(jwk) {
  try {
    return createPublicKey({ key: jwk, format: "jwk" });
  } catch {
    throw new TypeError("is not a public key");
  }
}
function algorithmsOf(key) {
  try {
    return possibleAlgorithms(key);
  } catch (error) {
    throw new TypeError(`is ${error.message}`);
  }
}

// cmd/gateway/auth/fetch-jwks.ts
var MAX_JWKS_BYTES = 262144;
var TIMEOUT_MS = 5e3;
function fetchJwks(url, { signal, timeoutMs = TIMEOUT_MS } = {}) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const { get } = process.getBuiltinModule(url.startsWith("https:") ? "node:https" : "node:http");
  const ending = [AbortSignal.timeout(timeoutMs), ...signal ? [signal] : []];
  const request = get(url, {
    // One request every few minutes: keeping the connection is not worthwhile.
    agent: false,
    headers: { accept: "application/jwk-set+json, application/json" },
    signal: AbortSignal.any(ending)
  });
  request.on("response", (response) => readAll(response).then(resolve, reject));
  request.on("error", (error) => {
    const hasTimedOut = ending[0].aborted && signal?.aborted !== true;
    reject(hasTimedOut ? new Error(`no complete answer within ${timeoutMs} ms`) : error);
  });
  return promise;
}
async function readAll(response) {
  const pieces = [];
  let length = 0;
  try {
    if (response.statusCode !== 200) throw new Error(`answered with status ${response.statusCode}, not 200`);
    for await (const piece of response) {
      length += piece.length;
      if (length > MAX_JWKS_BYTES) throw new Error(`answered with more than ${MAX_JWKS_BYTES} bytes`);
      pieces.push(piece);
    }
  } finally {
    response.destroy();
  }
  try {
    return decodeText(Buffer.concat(pieces));
  } catch (error) {
    throw new Error(`the answer ${error.message}`);
  }
}

// cmd/gateway/auth/jwks.ts
var MAX_KEYS = 100;
var Jwks = class {
  #options;
  #now;
  #closing = new AbortController();
  /** By the text of the JWK, so that an unchanged key stays the same object. */
  #keys = /* @__PURE__ */ new Map();
  #fetching;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #timer;
  /** Why the last fetch failed; the same reason is logged once. */
  #failure;
  isLoaded = false;
  constructor(options) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }
  /** Fetches the set now, and then once per interval. */
  start() {
    void this.#fetch();
    this.#timer = setInterval(() => void this.#fetch(), this.#options.refreshMs).unref();
  }
  close() {
    clearInterval(this.#timer);
    this.#closing.abort();
  }
  /**
   * Finds the key for the algorithm that has this `kid`; without a `kid`, the only key for the algorithm. Returns none
   * of several candidates: trying them all would let any client cause that work with a token.
   */
  find(algorithm, keyId) {
    let found;
    for (const key of this.#keys.values()) {
      if (!key.algorithms.includes(algorithm) || keyId !== void 0 && key.keyId !== keyId) continue;
      if (found) return void 0;
      found = key;
    }
    return found;
  }
  refresh() {
    if (this.#fetching) return this.#fetching;
    return this.#now() - this.#fetchedAt < this.#options.cooldownMs ? void 0 : this.#fetch();
  }
  #fetch() {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = void 0;
    });
    return this.#fetching;
  }
  async #fetchOnce() {
    const { url, fetch = fetchJwks, logger } = this.#options;
    const { signal } = this.#closing;
    this.#fetchedAt = this.#now();
    try {
      const text = await fetch(url, { signal });
      if (signal.aborted) return;
      this.#take(text);
      if (this.#failure !== void 0) logger.info({ url }, "issuer keys are available again");
      this.#failure = void 0;
    } catch (error) {
      if (signal.aborted) return;
      const reason = error.message;
      const message = this.isLoaded ? "issuer keys cannot be fetched; using the last known keys" : "issuer keys cannot be fetched; tokens of this issuer are answered with 503";
      if (reason !== this.#failure) logger.warn({ url, reason }, message);
      this.#failure = reason;
    }
  }
  /** @throws Error when the text is not a key set, or has no usable key */
  #take(text) {
    const { url, algorithms, logger } = this.#options;
    const next = /* @__PURE__ */ new Map();
    const unusable = [];
    for (const [index, jwk] of jwksIn(text).entries()) {
      const name = JSON.stringify(jwk);
      try {
        next.set(name, this.#keys.get(name) ?? readJwk(jwk, algorithms));
      } catch (error) {
        unusable.push(`keys[${index}] ${error.message}`);
      }
    }
    if (next.size === 0)
      throw new Error(`the key set has no usable key: ${unusable.join("; ") || "it is empty"}`);
    const [added, removed] = [missing(next, this.#keys), missing(this.#keys, next)];
    for (const key of removed) key.isRetired = true;
    this.#keys = next;
    this.isLoaded = true;
    if (added.length === 0 && removed.length === 0) return;
    const ids = (keys) => keys.map(({ keyId }) => keyId ?? "(no kid)");
    logger.info({ url, added: ids(added), removed: ids(removed), unusable }, "issuer keys have changed");
  }
};
function jwksIn(text) {
  let set;
  try {
    set = parseJson(text);
  } catch (error) {
    throw new Error(`the answer ${error.message}`);
  }
  const keys = typeof set === "object" && set !== null && "keys" in set ? set.keys : void 0;
  if (!Array.isArray(keys)) throw new Error("the answer has no list of keys");
  if (keys.length > MAX_KEYS) throw new Error(`the answer has more than ${MAX_KEYS} keys`);
  return keys;
}
function missing(one, other) {
  return [...one].flatMap(([name, key]) => other.has(name) ? [] : key);
}

// middleware/auth/key-source.ts
function fixedKey(key) {
  return {
    isLoaded: true,
    find: (algorithm) => key.algorithms.includes(algorithm) ? key : void 0,
    refresh: () => void 0
  };
}

// cmd/gateway/auth/jwt-options.ts
function jwtOptions({ jwt }, keys, jwksOf) {
  const issuers = jwt.issuers.map((issuer, index) => {
    const key = keys.issuers?.[index];
    return {
      issuer: [issuer.issuer],
      audience: listOf(issuer.audience ?? jwt.audience),
      keys: key ? fixedKey(key) : jwksOf(issuer),
      requireExpiry: issuer.requireExpiry ?? jwt.requireExpiry,
      maxLifetimeMs: milliseconds(issuer.maxLifetimeSeconds ?? jwt.maxLifetimeSeconds),
      rolesClaim: issuer.rolesClaim ?? jwt.rolesClaim,
      scopeClaim: issuer.scopeClaim ?? jwt.scopeClaim
    };
  });
  if (keys.jwt) {
    issuers.push({
      ...jwt,
      issuer: listOf(jwt.issuer),
      audience: listOf(jwt.audience),
      keys: fixedKey(keys.jwt),
      maxLifetimeMs: milliseconds(jwt.maxLifetimeSeconds)
    });
  }
  if (issuers.length === 0) return void 0;
  const { claimHeaders, cacheSize, cookie, queryParameter } = jwt;
  return {
    issuers,
    claimHeaders,
    cacheSize,
    clockToleranceMs: jwt.clockToleranceSeconds * 1e3,
    places: cookie === void 0 && queryParameter === void 0 ? void 0 : { cookie, queryParameter }
  };
}
function listOf(values) {
  return typeof values === "string" ? [values] : values;
}
function milliseconds(seconds) {
  return seconds === void 0 ? void 0 : seconds * 1e3;
}

// cmd/gateway/auth/open-authenticators.ts
async function openAuthenticators({
  config,
  keys,
  credentials,
  logger
}) {
  const sets = [];
  const jwt = jwtOptions(config, keys, ({ jwksUrl, algorithms }) => {
    const set = new Jwks({
      url: jwksUrl,
      algorithms,
      refreshMs: config.jwt.jwks.refreshSeconds * 1e3,
      cooldownMs: config.jwt.jwks.cooldownSeconds * 1e3,
      logger
    });
    sets.push(set);
    return set;
  });
  for (const set of sets) set.start();
  return {
    authenticators: await createAuthenticators({
      jwt: jwt && {
        ...jwt,
        revocations: config.jwt.revocations.enabled ? credentials.revocations : void 0
      },
      "api-key": config.apiKeys.enabled ? { apiKeys: credentials.apiKeys, header: config.apiKeys.header.toLowerCase() } : void 0,
      basic: keys.users && { users: usersOf(keys.users, config), cacheSize: config.jwt.cacheSize }
    }),
    close() {
      for (const set of sets) set.close();
    }
  };
}
function usersOf(users, { jwt }) {
  const readGrants = createGrantReader(jwt);
  return new Map(
    [...users].map(([name, { password, ...grants }]) => [
      name,
      { password, identity: readGrants(name, grants) }
    ])
  );
}

// cmd/gateway/grpc-names.ts
var NAME = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;
var MAX_NAMES = 1e3;
var NO_NAMES = [];
var START_MS = 1e4;
var GrpcNames = class {
  #now;
  #bySource = {
    written: /* @__PURE__ */ new Map(),
    metadata: /* @__PURE__ */ new Map(),
    reflected: /* @__PURE__ */ new Map()
  };
  /** The services of each gRPC name, in their order. */
  #services = /* @__PURE__ */ new Map();
  /** By service and then by name: claims, numbered as they came; 0 = at the start of the gateway. */
  #claims = /* @__PURE__ */ new Map();
  #lastClaim = 0;
  /** The services with nodes that were there when the gateway started. */
  #initial = /* @__PURE__ */ new Set();
  /** Undefined until the first table is complete. */
  #startedAt = void 0;
  /** @param now milliseconds on the monotonic clock */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }
  /** The first table is complete: services that come from now on come last. */
  started() {
    this.#startedAt ??= this.#now();
  }
  /** Takes the nodes of a service; none = the service is gone, and is a new one when it is back. */
  setNodes(service, nodes) {
    if (nodes.length === 0) this.#initial.delete(service);
    else if (this.#startedAt === void 0) this.#initial.add(service);
    this.set(service, "metadata", grpcNamesIn(nodes));
  }
  /** Replaces what the descriptors of a service say, which have one source at a time. */
  setDescribed(service, source, names) {
    this.set(service, source, names);
    this.set(service, source === "written" ? "reflected" : "written", NO_NAMES);
  }
  /** Replaces what a source says about a service. */
  set(service, source, names) {
    const known2 = this.#bySource[source];
    const before = this.of(service);
    const usable = names.filter((name) => NAME.test(name) && !isAboutTheNode(name)).slice(0, MAX_NAMES);
    if (usable.length === 0) known2.delete(service);
    else known2.set(service, usable);
    const after = this.of(service);
    const claims = this.#claims.get(service) ?? /* @__PURE__ */ new Map();
    for (const name of before) if (!after.has(name)) claims.delete(name);
    const number = this.#isAtStart(service) ? 0 : ++this.#lastClaim;
    for (const name of after) if (!claims.has(name)) claims.set(name, number);
    if (claims.size === 0) this.#claims.delete(service);
    else this.#claims.set(service, claims);
    for (const name of /* @__PURE__ */ new Set([...before, ...after])) this.#place(name, service, after.has(name));
  }
  /** Whether an operator has written that a service has a gRPC service. */
  isWritten(name, service) {
    return this.#bySource.written.get(service)?.includes(name) === true;
  }
  /** Returns the services of the registry that have a gRPC service. The first one comes before the others. */
  servicesOf(name) {
    return this.#services.get(name) ?? NO_NAMES;
  }
  /** Returns the gRPC services of a service of the registry. */
  of(service) {
    const { written, metadata, reflected } = this.#bySource;
    return new Set([written, metadata, reflected].flatMap((each) => each.get(service) ?? NO_NAMES));
  }
  /** Iterates over the gRPC names and the services that have them. */
  entries() {
    return this.#services.entries();
  }
  /** Puts a service in its place among those that have a gRPC service, or removes it. */
  #place(name, service, isThere) {
    const others = this.servicesOf(name).filter((other) => other !== service);
    const services = isThere ? [...others, service].sort((a, b) => this.#compare(name, a, b)) : others;
    if (services.length === 0) this.#services.delete(name);
    else this.#services.set(name, services);
  }
  #compare(name, a, b) {
    const written = Number(this.isWritten(name, b)) - Number(this.isWritten(name, a));
    if (written !== 0) return written;
    const claimed = this.#claims.get(a).get(name) - this.#claims.get(b).get(name);
    return claimed === 0 ? a < b ? -1 : 1 : claimed;
  }
  #isAtStart(service) {
    if (this.#startedAt === void 0) return true;
    return this.#initial.has(service) && this.#now() - this.#startedAt < START_MS;
  }
};
function grpcNamesIn(nodes) {
  const names = /* @__PURE__ */ new Set();
  for (const { metadata } of nodes) {
    for (const name of metadata.grpcServices?.split(",") ?? NO_NAMES) names.add(name.trim());
  }
  return [...names].sort();
}

// cmd/gateway/lifecycle.ts
import { setTimeout as delay } from "node:timers/promises";
var LAST_WORDS_MS = 500;
var Lifecycle = class {
  #options;
  #following = new AbortController();
  #followed;
  #isFollowing = true;
  constructor(options) {
    this.#options = options;
  }
  /** Whether a table is loaded, the registry is followed and shutdown has not begun. */
  get isReady() {
    const { table, traffic } = this.#options;
    return table.isLoaded && this.#isFollowing && !traffic.isDraining;
  }
  /** @throws Error when the port cannot be bound; everything is closed then */
  async start(listen) {
    const { config, listener, table } = this.#options;
    if (listen === "when-loaded") await Promise.race([table.loaded, this.#follow()]);
    try {
      await listener.app.listen({ host: config.host, port: config.port });
    } catch (error) {
      this.#following.abort();
      await Promise.allSettled([listener.app.close(), this.#followed]);
      this.#options.closeServing();
      this.#options.closeTable();
      throw error;
    }
    void this.#follow();
  }
  /** See `Gateway.stop`. */
  async stop(handedOver) {
    this.#startDraining();
    await delay(this.#options.config.drainMs);
    await handedOver;
    return this.#finish();
  }
  /** See `Gateway.retire`. */
  async retire(hurry) {
    this.#startDraining();
    const { drainMs, shutdownTimeoutMs } = this.#options.config;
    const longest = Math.max(drainMs, shutdownTimeoutMs);
    await Promise.race([
      this.#options.listener.stopListening(),
      delay(longest, void 0, { signal: hurry }).catch(() => {
      })
    ]);
    return this.#finish();
  }
  #startDraining() {
    this.#options.traffic.isDraining = true;
    this.#options.listener.expectClose();
  }
  /** Closes idle connections, waits for the requests in flight, and cuts off those that are left at the timeout. */
  async #finish() {
    const { config, listener, traffic, endStreams, closeServing, onDrained, closeTable } = this.#options;
    const closed = listener.close();
    const cut = await Promise.race([
      closed.then(() => 0),
      // Open connections keep the process alive. The timer by itself must not.
      delay(config.shutdownTimeoutMs, void 0, { ref: false }).then(() => traffic.open)
    ]);
    if (endStreams() > 0) await Promise.race([closed, delay(LAST_WORDS_MS)]);
    listener.cutOff();
    await closed;
    closeServing();
    this.#following.abort();
    await this.#followed?.catch(() => {
    });
    await onDrained();
    closeTable();
    return cut;
  }
  #follow() {
    this.#followed ??= this.#options.table.follow(this.#following.signal).catch((error) => {
      this.#isFollowing = false;
      this.#options.logger.fatal(
        { err: error },
        "following the registry failed; the table is no longer updated"
      );
      throw error;
    });
    this.#followed.catch(() => {
    });
    return this.#followed;
  }
};

// middleware/connection/client-connections.ts
import { Socket as Socket2 } from "node:net";
function destroySoon() {
  if (this.parser?.incoming?.complete === false) linger(this);
  else Socket2.prototype.destroySoon.call(this);
}
var REPORT_EVERY_MS2 = 6e4;
var LONGEST_SWEEP_MS = 1e3;
var SHORTEST_SWEEP_MS = 10;
var ClientConnections = class {
  #options;
  #now;
  #sweepMs;
  /** How slow clients may be, whatever they speak. */
  limits;
  #pace;
  #open = /* @__PURE__ */ new Map();
  #groups = /* @__PURE__ */ new Map();
  #reportedAt = {};
  #timer;
  http2 = 0;
  refused = { total: 0, address: 0 };
  ended = { "head-late": 0, idle: 0, "body-idle": 0, "body-slow": 0, "send-idle": 0, "send-slow": 0 };
  constructor(options) {
    this.#options = options;
    this.limits = options;
    this.#now = options.now ?? (() => performance.now());
    this.#pace = paceLimits(options);
    const { idleTimeoutMs, bodyIdleTimeoutMs, sendIdleTimeoutMs, minBytesPerSecond } = options;
    const timeouts = [idleTimeoutMs, bodyIdleTimeoutMs, sendIdleTimeoutMs].filter((each) => each > 0);
    if (minBytesPerSecond > 0) timeouts.push(options.minRateGraceMs);
    this.#sweepMs = Math.max(SHORTEST_SWEEP_MS, Math.min(LONGEST_SWEEP_MS, ...timeouts.map((each) => each / 4)));
  }
  get open() {
    return this.#open.size;
  }
  /** Registers a connection that was just accepted, or destroys it when a limit is reached. */
  accept(socket) {
    const { maxConnections, maxConnectionsPerAddress: maxOfGroup, isTrustedProxy } = this.#options;
    const address = plainAddress(socket.remoteAddress);
    if (maxConnections > 0 && this.#open.size >= maxConnections) {
      this.#refuse("total", socket, address);
      return;
    }
    const group = maxOfGroup > 0 && !isTrustedProxy(address) ? addressGroup(address) : void 0;
    if (group !== void 0) {
      const known2 = this.#groups.get(group) ?? 0;
      if (known2 >= maxOfGroup) {
        this.#refuse("address", socket, address);
        return;
      }
      this.#groups.set(group, known2 + 1);
    }
    this.#open.set(socket, { group, watch: new Http1Watch(socket, this.#options, this.#pace) });
    socket.once("close", () => this.#forget(socket));
    socket.destroySoon = destroySoon;
    this.#timer ??= setInterval(() => this.sweep(), this.#sweepMs).unref();
  }
  /** Lets `watch` judge a connection from now on, which has turned out to speak HTTP/2. */
  changeProtocol(socket, watch) {
    const counted = this.#open.get(socket);
    if (!counted) return;
    counted.watch = watch;
    this.http2++;
  }
  /** Counts a connection that was ended because the head of a request did not arrive in time. */
  countSlowHead() {
    this.ended["head-late"]++;
  }
  /** Ends every connection whose timeout has expired. */
  sweep() {
    const now = this.#now();
    for (const [socket, { watch }] of this.#open) {
      const reason = watch.check(now);
      if (reason === void 0) continue;
      this.ended[reason]++;
      socket.destroy();
    }
  }
  #refuse(reason, socket, address) {
    this.refused[reason]++;
    socket.destroy();
    const now = this.#now();
    if (now - (this.#reportedAt[reason] ?? Number.NEGATIVE_INFINITY) < REPORT_EVERY_MS2) return;
    this.#reportedAt[reason] = now;
    this.#options.onRefused(reason, address);
  }
  #forget(socket) {
    const counted = this.#open.get(socket);
    if (!counted) return;
    this.#open.delete(socket);
    if (counted.watch.protocol === "h2") this.http2--;
    const { group } = counted;
    if (group !== void 0) {
      const left = this.#groups.get(group) - 1;
      if (left === 0) this.#groups.delete(group);
      else this.#groups.set(group, left);
    }
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = void 0;
  }
};

// middleware/request/loop-limit.ts
var MIN_LIMIT2 = 100;
var SHRINK = 0.9;
var STEPS_BACK = 8;
var INTERVAL_MS = 500;
var INTERVAL_TURNS = 3;
var LoopLimit = class {
  #targetMs;
  #limit = Number.POSITIVE_INFINITY;
  #startLimit = 0;
  /** The most requests in flight in this interval. */
  #peak = 0;
  #intervalAt;
  #turns = 0;
  #shortestMs = Number.POSITIVE_INFINITY;
  /**
   * @param targetMs how long a turn may take
   * @param now milliseconds on the monotonic clock, here and below
   */
  constructor(targetMs, now) {
    this.#targetMs = targetMs;
    this.#intervalAt = now;
  }
  /** The current limit; Infinity while there is none. */
  get limit() {
    return this.#limit;
  }
  /**
   * Returns whether a request must be refused.
   *
   * @param inFlight number of requests in flight, with this one
   */
  refuses(inFlight) {
    if (inFlight > this.#peak) this.#peak = inFlight;
    return inFlight > this.#limit;
  }
  /**
   * Records a turn of the event loop, and adjusts the limit at the end of each interval.
   *
   * @param turnMs length of the turn, in milliseconds
   * @param inFlight number of requests in flight
   * @returns the shortest turn of the interval that this turn ends, in milliseconds; undefined when it ends none
   */
  recordTurn(turnMs, inFlight, now) {
    if (turnMs < this.#shortestMs) this.#shortestMs = turnMs;
    this.#turns++;
    if (now - this.#intervalAt < INTERVAL_MS || this.#turns < INTERVAL_TURNS) return void 0;
    const shortestMs = this.#shortestMs;
    this.#shortestMs = Number.POSITIVE_INFINITY;
    this.#turns = 0;
    this.#intervalAt = now;
    this.#adjust(shortestMs > this.#targetMs, inFlight);
    return shortestMs;
  }
  #adjust(isOverloaded, inFlight) {
    const peak = Math.max(this.#peak, inFlight);
    const isReached = peak >= this.#limit;
    this.#peak = 0;
    if (isOverloaded) {
      if (this.#limit === Number.POSITIVE_INFINITY) {
        if (inFlight <= MIN_LIMIT2) return;
        this.#startLimit = inFlight;
        this.#limit = inFlight;
      }
      this.#limit = Math.max(MIN_LIMIT2, Math.floor(SHRINK * Math.min(this.#limit, peak)));
      return;
    }
    if (this.#limit === Number.POSITIVE_INFINITY) return;
    this.#limit += Math.max(1, Math.ceil(this.#startLimit / STEPS_BACK));
    if (!isReached || this.#limit >= this.#startLimit) this.#limit = Number.POSITIVE_INFINITY;
  }
};

// middleware/request/loop-guard.ts
var PAUSE_MS = 100;
var NEWEST_SHARE = 0.25;
var REFUSAL = new GatewayError("WG_OVERLOADED", {
  detail: "The gateway is at its limit; try again later.",
  headers: { "retry-after": "1" },
  cause: new Error("event loop overloaded")
});
var LoopGuard = class {
  #inFlight;
  #onChange;
  #limit;
  #timer;
  #turnMs = 0;
  #refused = 0;
  /** When the overload began, and how many had been refused by then. */
  #overload = void 0;
  constructor({ targetMs, inFlight, onChange = () => {
  } }) {
    this.#inFlight = inFlight;
    this.#onChange = onChange;
    this.#limit = new LoopLimit(targetMs, performance.now());
    this.#timer = this.#pause();
  }
  /** Whether a limit on requests applies now. */
  get isOverloaded() {
    return this.#overload !== void 0;
  }
  /** The recent length of a turn of the event loop, in milliseconds. */
  get turnMs() {
    return this.#turnMs;
  }
  /** Requests refused since the start. */
  get refused() {
    return this.#refused;
  }
  /**
   * Admits a request or refuses it. Call it for each request while {@link isOverloaded} is true.
   *
   * @throws GatewayError WG_OVERLOADED with Retry-After
   */
  admit() {
    if (!this.#limit.refuses(this.#inFlight())) return;
    this.#refused++;
    throw REFUSAL;
  }
  /** Stops measuring. No request is refused after that. */
  close() {
    clearTimeout(this.#timer);
    this.#overload = void 0;
  }
  #pause() {
    return setTimeout(() => {
      const begunAt = performance.now();
      this.#timer = setTimeout(() => this.#measured(begunAt), 1).unref();
    }, PAUSE_MS).unref();
  }
  #measured(begunAt) {
    this.#timer = this.#pause();
    const now = performance.now();
    const turnMs = Math.max(0, now - begunAt - 1);
    this.#turnMs += NEWEST_SHARE * (turnMs - this.#turnMs);
    const inFlight = this.#inFlight();
    const delayMs = this.#limit.recordTurn(turnMs, inFlight, now);
    if (delayMs === void 0) return;
    const isOverloaded = this.#limit.limit !== Number.POSITIVE_INFINITY;
    const known2 = this.#overload;
    if (isOverloaded && !known2) {
      this.#overload = { since: now, refusedBefore: this.#refused };
      this.#onChange({ isOverloaded, delayMs, inFlight });
    } else if (!isOverloaded && known2) {
      this.#overload = void 0;
      this.#onChange({ isOverloaded, refused: this.#refused - known2.refusedBefore, ms: now - known2.since });
    }
  }
};

// cmd/gateway/limits.ts
function createLimits(loop, logger) {
  return new ServiceLimits({ loopTurnMs: () => loop.turnMs, onChange: (change) => logOverload(logger, change) });
}
function configureLimits(limits, rules, { serviceLimit }) {
  const limitOf = (service) => rules.get(service)?.serviceLimit ?? serviceLimit;
  const isOn = isLimited(serviceLimit) || [...rules.keys()].some((service) => isLimited(limitOf(service)));
  limits.configure(isOn, (service) => isLimited(limitOf(service)) ? limitOf(service) : void 0);
}
function createLoopGuard({ overload }, logger, inFlight) {
  return new LoopGuard({
    targetMs: overload.loopDelayMs || Number.POSITIVE_INFINITY,
    inFlight,
    onChange: (change) => logLoopOverload(logger, change)
  });
}
function createRetryBudgets(logger) {
  return new RetryBudgets((service, isExhausted) => {
    const retryBudget = isExhausted ? "exhausted" : "available";
    const reason = isExhausted ? "too many retries failed or were in flight" : "no retry was refused for a while";
    const message = isExhausted ? "retry budget exhausted" : "retry budget available again";
    logger.info({ service, retryBudget, reason }, message);
  });
}
function listenerLimits({ clientLimits }) {
  return {
    maxTargetBytes: clientLimits.targetBytes,
    maxHeaderBytes: clientLimits.headerBytes,
    headersTimeoutMs: clientLimits.headersTimeoutMs,
    keepAliveTimeoutMs: clientLimits.keepAliveTimeoutMs,
    maxRequestsPerConnection: clientLimits.requestsPerConnection
  };
}
function createClientConnections({ clientLimits }, isTrustedProxy, logger) {
  return new ClientConnections({
    maxConnections: clientLimits.connections,
    maxConnectionsPerAddress: clientLimits.connectionsPerAddress,
    // Longer than Node's own timeout, so that it never ends a connection in the middle of a head that began in time.
    idleTimeoutMs: clientLimits.keepAliveTimeoutMs === 0 ? 0 : clientLimits.keepAliveTimeoutMs + clientLimits.headersTimeoutMs,
    bodyIdleTimeoutMs: clientLimits.bodyIdleTimeoutMs,
    sendIdleTimeoutMs: clientLimits.sendIdleTimeoutMs,
    minBytesPerSecond: clientLimits.minBytesPerSecond,
    minRateGraceMs: clientLimits.minRateGraceMs,
    isTrustedProxy,
    onRefused: (limit, client) => logger.warn({ limit, client }, "client connections refused; logged at most once a minute")
  });
}
function createHttp2Settings({ http2 }, counts, logger) {
  if (!http2.enabled || !http2.cleartext) return void 0;
  return {
    ...http2,
    counts,
    onEnded: (reason, client) => logger.info(
      { reason, client },
      "HTTP/2 of a client ended; logged at most once a minute for each reason"
    ),
    onUnavailable: () => logger.warn(
      {},
      "HTTP/2 by prior knowledge is off; this version of Node.js does not let go of connections"
    )
  };
}
function logOverload(logger, change) {
  const { service, kind, limit, inFlight, queued } = change.limiter;
  if (change.isOverloaded) {
    const { reason } = change;
    logger.info({ service, kind, limit, inFlight, queued, reason }, "service overloaded");
  } else {
    const { refused, ms } = change;
    logger.info(
      { service, kind, limit, refused, overloadedMs: Math.round(ms) },
      "service no longer overloaded"
    );
  }
}
function logLoopOverload(logger, change) {
  if (change.isOverloaded) {
    const { inFlight, delayMs } = change;
    const reason = `every turn of the event loop takes ${Math.round(delayMs)} ms or more`;
    logger.info({ inFlight, reason }, "gateway overloaded");
  } else {
    const { refused, ms } = change;
    logger.info({ refused, overloadedMs: Math.round(ms) }, "gateway no longer overloaded");
  }
}

// internal/nodes/health.ts
function isCheckable(lane, { path, grpc }) {
  if (grpc !== void 0) return lane === "grpc";
  return path === void 0 ? lane !== void 0 : lane === "http";
}
var HealthStreak = class {
  #check;
  #health;
  /** Consecutive checks that contradicted the current health. */
  #against = 0;
  /** @param health the result of earlier checks */
  constructor(check, health = "unchecked") {
    this.#check = check;
    this.#health = health;
  }
  get health() {
    return this.#health;
  }
  /** Whether the last check contradicted the current health. */
  get isInDoubt() {
    return this.#against > 0;
  }
  /** Counts a check. @returns whether it changed the health of the node */
  note(passed) {
    const shown = passed ? "healthy" : "unhealthy";
    if (shown === this.#health) {
      this.#against = 0;
      return false;
    }
    this.#against++;
    if (this.#health !== "unchecked" && this.#against < this.#needed(passed)) return false;
    this.#health = shown;
    this.#against = 0;
    return true;
  }
  #needed(passed) {
    return passed ? this.#check.healthyAfter : this.#check.unhealthyAfter;
  }
};

// wrappers/health/grpc-health.ts
var PREFIX_BYTES3 = 5;
var SERVICE_TAG = 10;
var STATUS_TAG = 8;
var SERVING_STATUSES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
function healthRequest(service, authority, timeoutMs) {
  const message = service === "" ? [] : [SERVICE_TAG, service.length, ...Buffer.from(service, "latin1")];
  const body = Buffer.from([0, 0, 0, 0, message.length, ...message]);
  return {
    lines: [
      ...[":method", "POST", ":scheme", "http", ":path", "/grpc.health.v1.Health/Check"],
      ...[":authority", authority, "content-type", "application/grpc", "te", "trailers"],
      ...["user-agent", "waygate-health-check", "grpc-timeout", formatTimeout(timeoutMs)]
    ],
    body
  };
}
function readHealth({ status, headers, trailers, body }) {
  if (status !== 200) return { passed: false, reason: `status ${status}` };
  const end = readGrpcEnd(trailers.length > 0 ? trailers : headers);
  if (end.status === GRPC_STATUS.UNIMPLEMENTED) return { passed: false, reason: "no health service" };
  if (end.status === GRPC_STATUS.NOT_FOUND)
    return { passed: false, reason: "the health service does not know the service" };
  if (end.status !== GRPC_STATUS.OK)
    return { passed: false, reason: `gRPC status ${GRPC_STATUS_NAMES[end.status]}` };
  const shown = SERVING_STATUSES[servingStatus(body)];
  return { passed: shown === "SERVING", reason: shown ?? "invalid answer of the health service" };
}
function servingStatus(body) {
  if (body.length < PREFIX_BYTES3 || body[0] !== 0) return -1;
  const message = body.subarray(PREFIX_BYTES3);
  if (body.readUInt32BE(1) !== message.length) return -1;
  if (message.length === 0) return 0;
  return message.length === 2 && message[0] === STATUS_TAG ? message[1] : -1;
}

// wrappers/health/http2-request.ts
var MAX_BODY_BYTES = 65536;
var MAX_LIST_BYTES = 16384;
var WINDOW_BYTES = 65535;
function requestOverHttp2(socket, request, done) {
  const connection = new Http2Connection({
    role: "client",
    maxConcurrentStreams: 0,
    streamWindowBytes: WINDOW_BYTES,
    connectionWindowBytes: WINDOW_BYTES,
    maxListBytes: MAX_LIST_BYTES,
    maxFields: MAX_HEADER_LINES,
    mayIndex: () => false,
    now: () => performance.now(),
    events: {
      write: (bytes) => socket.write(bytes),
      wantsFlush: (each) => process.nextTick(() => each.flush()),
      onFatal: (error) => done(error)
    }
  });
  socket.on("data", (bytes) => connection.receive(bytes)).on("drain", () => connection.drained()).on("error", (error) => done(error)).on("close", () => connection.closed());
  const stream = new RequestStream(done);
  connection.open(stream, request.lines, request.body === void 0);
  if (request.body !== void 0) stream.sendData(request.body, true);
}
var RequestStream = class extends Http2Stream {
  #done;
  #status = 0;
  #headers = [];
  #pieces = [];
  #bytes = 0;
  constructor(done) {
    super();
    this.#done = done;
  }
  onHead(lines, isEnd) {
    if (isInterim(lines)) return;
    const { status, lines: headers } = readResponseFields(lines);
    this.#status = status;
    this.#headers = headers;
    if (isEnd) this.#finish([]);
  }
  onHeadTooLarge() {
    throw new Http2Error(ERROR.cancel, "the head of the answer is too large");
  }
  onData(bytes, start, end, isEnd) {
    this.#bytes += end - start;
    if (this.#bytes > MAX_BODY_BYTES) throw new Http2Error(ERROR.cancel, "the answer is too large");
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)));
    this.consume(end - start);
    if (isEnd) this.#finish([]);
  }
  onTrailers(lines) {
    this.#finish(lines);
  }
  onReset(code, by, reason) {
    const what = by === "closed" ? "the node closed the connection" : reason || `RST_STREAM with code ${code}`;
    this.#done(new Error(what));
  }
  onDrain() {
  }
  #finish(trailers) {
    this.#done(void 0, {
      ...{ status: this.#status, headers: this.#headers, trailers },
      body: Buffer.concat(this.#pieces)
    });
  }
};

// wrappers/health/check-node.ts
var { request: httpRequest } = process.getBuiltinModule("node:http");
function checkNode({ node, check, allows }, done) {
  const { host, port } = node;
  const { timeoutMs, path, grpc } = check;
  let isOver = false;
  let isConnected = false;
  let cancelRequest = () => {
  };
  const stop = () => {
    isOver = true;
    clearTimeout(timer);
    cancelRequest();
    socket.destroy();
  };
  const end = (result) => {
    if (isOver) return;
    stop();
    done(result);
  };
  const timer = setTimeout(() => {
    end(failed(`no ${isConnected ? "answer" : "connection"} within ${timeoutMs} ms`, isConnected));
  }, timeoutMs).unref();
  const socket = openSocket({ host, port, timeoutMs, allows }, (error) => {
    if (error) end(failed(`no connection: ${error.message}`));
    else if (isOver) return;
    else if (path === void 0 && grpc === void 0)
      end({ passed: true, reason: "connected", isHung: false });
    else {
      isConnected = true;
      if (grpc !== void 0) call(grpc);
      else if (speaksHttp1(node)) cancelRequest = sendRequest(path);
      else sendHttp2Request(path);
    }
  });
  socket.on("error", () => {
  });
  const authority = check.host ?? addressOf(node);
  function judge(status) {
    const { statuses } = check;
    const passed = statuses ? statuses.includes(status) : status >= 200 && status < 400;
    end({ passed, reason: `status ${status}`, isHung: false });
  }
  function call(service) {
    requestOverHttp2(socket, healthRequest(service, authority, timeoutMs), (error, answer) => {
      end(answer ? { ...readHealth(answer), isHung: false } : failed(`no answer: ${error.message}`));
    });
  }
  function sendHttp2Request(path2) {
    const lines = [":method", "GET", ":scheme", "http", ":path", path2, ":authority", authority, ...USER_AGENT];
    requestOverHttp2(socket, { lines }, (error, answer) => {
      if (answer) judge(answer.status);
      else end(failed(`no answer: ${error.message}`));
    });
  }
  function sendRequest(path2) {
    const request = httpRequest({
      createConnection: () => socket,
      path: path2,
      headers: [...["host", authority], ...USER_AGENT, ...["connection", "close"]]
    });
    request.on("error", (error) => end(failed(`no answer: ${error.message}`)));
    request.on("response", ({ statusCode = 0 }) => judge(statusCode));
    request.end();
    return () => void request.destroy();
  }
  return stop;
}
var USER_AGENT = ["user-agent", "waygate-health-check"];
function failed(reason, isHung = false) {
  return { passed: false, reason, isHung };
}

// wrappers/health/node-check.ts
var JITTER = 0.1;
var IN_DOUBT_MS = 1e3;
var NodeCheck = class {
  node;
  check;
  #options;
  #streak;
  #timer;
  #cancel = () => {
  };
  constructor(options) {
    this.node = options.node;
    this.check = options.check;
    this.#options = options;
    this.#streak = new HealthStreak(options.check, options.health);
    this.#timer = setTimeout(this.#run, options.firstAfterMs).unref();
  }
  stop() {
    clearTimeout(this.#timer);
    this.#cancel();
  }
  #run = () => {
    const { allows } = this.#options;
    this.#cancel = checkNode({ node: this.node, check: this.check, allows }, (result) => this.#checked(result));
  };
  #checked(result) {
    const { check, onChange, onChecked } = this.#options;
    onChecked(result.passed);
    const changed = this.#streak.note(result.passed);
    const waitMs = this.#streak.isInDoubt ? Math.min(check.intervalMs, IN_DOUBT_MS) : check.intervalMs;
    this.#timer = setTimeout(this.#run, waitMs * (1 - JITTER + 2 * JITTER * Math.random())).unref();
    if (changed) onChange(this.#streak.health, result);
  }
};

// wrappers/health/health-checker.ts
var SPREAD_MS = 1e3;
var NEW_SPREAD_MS = 50;
var HealthChecker = class {
  #options;
  #checks = /* @__PURE__ */ new Map();
  #isRunning = false;
  /** Checks passed and failed since the start. */
  passed = 0;
  failed = 0;
  constructor(options) {
    this.#options = options;
  }
  /** The number of nodes that are checked. */
  get size() {
    let size = 0;
    for (const checks of this.#checks.values()) size += checks.size;
    return size;
  }
  start() {
    this.#isRunning = true;
    this.updateAll(SPREAD_MS);
  }
  stop() {
    this.#isRunning = false;
    for (const checks of this.#checks.values()) for (const check of checks.values()) check.stop();
    this.#checks.clear();
  }
  /** Must be called when the rules of health checks have changed. */
  updateAll(spreadMs = NEW_SPREAD_MS) {
    const services = [...this.#options.nodes.services()].map(({ name }) => name);
    for (const service of /* @__PURE__ */ new Set([...services, ...this.#checks.keys()])) this.update(service, spreadMs);
  }
  /** Must be called when the nodes of a service have changed. */
  update(service, spreadMs = this.#options.nodes.isLoaded ? NEW_SPREAD_MS : SPREAD_MS) {
    if (!this.#isRunning) return;
    const { nodes, checkOf } = this.#options;
    const before = this.#checks.get(service);
    const after = /* @__PURE__ */ new Map();
    for (const peer of nodes.service(service)?.peers ?? []) {
      const { node } = peer;
      const rule = node.weight > 0 ? checkOf(node) : void 0;
      const check = rule && isCheckable(laneOf(node), rule) ? rule : void 0;
      const old = before?.get(node.id);
      const isSame = old !== void 0 && old.check === check && sameEndpoint(old.node, node);
      if (isSame) before.delete(node.id);
      if (check) after.set(node.id, isSame ? old : this.#start(peer, check, spreadMs));
      else if (peer.health !== "unchecked") this.#report(node, "unchecked", NO_CHECK);
    }
    for (const check of before?.values() ?? []) check.stop();
    if (after.size > 0) this.#checks.set(service, after);
    else this.#checks.delete(service);
  }
  #start({ node, health }, check, spreadMs) {
    return new NodeCheck({
      node,
      check,
      health,
      allows: this.#options.allows,
      firstAfterMs: Math.random() * Math.min(spreadMs, check.intervalMs),
      onChange: (changed, result) => this.#report(node, changed, result),
      onChecked: (passed) => {
        if (passed) this.passed++;
        else this.failed++;
      }
    });
  }
  #report(node, health, { reason, isHung }) {
    const { service, id } = node;
    this.#options.onVerdict({ service, id, address: addressOf(node), health, reason, isHung });
  }
};
var NO_CHECK = { passed: true, reason: "no longer checked", isHung: false };

// cmd/gateway/live-health.ts
var METADATA_KEY = "healthCheck";
var MAX_TEXTS = 1e4;
var LiveHealth = class {
  #options;
  #checker;
  /** Kept apart from the node table, because a verdict may arrive before its node. */
  #verdicts = new HealthVerdicts();
  #parsed = /* @__PURE__ */ new Map();
  #panicking = /* @__PURE__ */ new Set();
  #isChecking = false;
  /** Called with the verdicts of this process's checks. */
  onNews = () => {
  };
  constructor(options) {
    this.#options = options;
    this.#checker = new HealthChecker({
      nodes: options.nodes,
      allows: options.allows,
      checkOf: (node) => this.#checkOf(node),
      onVerdict: (verdict) => this.#onVerdict(verdict)
    });
  }
  /** The number of nodes that this process checks, and of checks that passed and failed so far. */
  get checks() {
    const { size, passed, failed: failed2 } = this.#checker;
    return { nodes: size, passed, failed: failed2 };
  }
  /** Makes this process check nodes until `close()`. Reports the verdicts known so far at once. */
  startChecking() {
    if (this.#isChecking) return;
    this.#isChecking = true;
    for (const verdict of this.#verdicts.all())
      if (!this.#isHere(verdict)) this.#verdicts.put(unchecked(verdict));
    this.onNews({ verdicts: this.#verdicts.all(), isAll: true });
    this.#checker.start();
  }
  /** Applies the verdicts of another process. */
  apply({ verdicts, isAll }) {
    if (isAll) {
      const keyOf = ({ service, id }) => `${service}/${id}`;
      const named = new Set(verdicts.map(keyOf));
      for (const verdict of this.#verdicts.all())
        if (!named.has(keyOf(verdict))) this.#take(unchecked(verdict));
    }
    for (const verdict of verdicts) this.#take(verdict);
  }
  /** Call it when the nodes of a service in the node table have changed. */
  nodesChanged(service) {
    const { nodes } = this.#options;
    for (const peer of nodes.service(service)?.peers ?? []) {
      const verdict = this.#verdicts.get(service, peer.node.id);
      if (verdict && verdict.address === peer.address && verdict.health !== peer.health) {
        nodes.judge(peer, verdict.health);
      }
    }
    if (!this.#isChecking) return;
    this.#forgetGone(service);
    this.#checker.update(service);
    this.#reportPanic(service);
  }
  /** Call it when the rules that routes set have changed. */
  rulesChanged() {
    if (this.#isChecking) this.#checker.updateAll();
  }
  /** Returns the nodes whose metadata has an invalid health check, and the reasons. */
  problems() {
    const found = [];
    for (const { name, peers } of this.#options.nodes.services()) {
      if (this.#options.ruleOf(name) !== void 0) continue;
      for (const { node } of peers) {
        const reason = this.#problemOf(node);
        if (reason !== void 0)
          found.push({ key: `${name}/${node.id}`, reason: `metadata.${METADATA_KEY} ${reason}` });
      }
    }
    return found;
  }
  #problemOf(node) {
    const parsed = this.#parse(node);
    const lane = laneOf(node);
    if (!parsed || lane === void 0) return void 0;
    if ("reason" in parsed) return parsed.reason;
    if (isCheckable(lane, parsed.check)) return void 0;
    return lane === "grpc" ? "must be `grpc` or `tcp`, because the protocol of the node is gRPC" : "must be a path or `tcp`, because the protocol of the node is not gRPC";
  }
  close() {
    this.#isChecking = false;
    this.#checker.stop();
  }
  #checkOf(node) {
    const rule = this.#options.ruleOf(node.service);
    if (rule !== void 0) return rule ?? void 0;
    const parsed = this.#parse(node);
    if (!parsed) return this.#options.fallback;
    return "check" in parsed ? parsed.check : void 0;
  }
  #parse({ metadata }) {
    const text = metadata[METADATA_KEY];
    if (text === void 0) return void 0;
    let parsed = this.#parsed.get(text);
    if (!parsed) {
      parsed = parseHealthCheck(text);
      if (this.#parsed.size >= MAX_TEXTS) this.#parsed.clear();
      this.#parsed.set(text, parsed);
    }
    return parsed;
  }
  /** Applies a verdict of this process's own checks, logs it and reports it. */
  #onVerdict(verdict) {
    const { service, id, health, reason } = verdict;
    this.#options.logger.info({ service, node: id, health, reason }, "health changed");
    this.#take(verdict);
    this.#reportPanic(service);
    this.onNews({ verdicts: [verdict], isAll: false });
  }
  #take(verdict) {
    const { service, id, address, health, isHung } = verdict;
    const { nodes } = this.#options;
    this.#verdicts.put(verdict);
    const peer = this.#peer(service, id);
    if (peer?.address !== address) return;
    nodes.judge(peer, health);
    if (isHung && health === "unhealthy") {
      rerouteWaiting(peer, nodes.get(service, laneOf(peer.node))?.peers ?? []);
    }
  }
  /** Removes the verdicts of nodes that have left the table, here and in other processes. */
  #forgetGone(service) {
    const gone = this.#verdicts.of(service).filter((verdict) => !this.#isHere(verdict)).map(unchecked);
    if (gone.length === 0) return;
    for (const verdict of gone) this.#verdicts.put(verdict);
    this.onNews({ verdicts: gone, isAll: false });
  }
  /** Logs when a service goes into panic, and when the panic ends. */
  #reportPanic(service) {
    const isPanicking = this.#options.nodes.service(service)?.isPanicking ?? false;
    if (isPanicking === this.#panicking.has(service)) return;
    if (isPanicking) {
      this.#panicking.add(service);
      this.#options.logger.warn(
        { service },
        "panic began: every node of the service fails its health check, so all are used"
      );
    } else {
      this.#panicking.delete(service);
      this.#options.logger.info(
        { service },
        "panic ended: nodes of the service pass their health checks again"
      );
    }
  }
  #isHere({ service, id, address }) {
    return this.#peer(service, id)?.address === address;
  }
  #peer(service, id) {
    return this.#options.nodes.service(service)?.peers.find(({ node }) => node.id === id);
  }
};
function unchecked(verdict) {
  return { ...verdict, health: "unchecked" };
}

// discovery/directory.ts
import { isDeepStrictEqual as isDeepStrictEqual2 } from "node:util";

// discovery/mass-delete-guard.ts
var MassDeleteGuard = class {
  #options;
  #windowEndsAt = Number.NEGATIVE_INFINITY;
  #losses = /* @__PURE__ */ new Map();
  constructor(options) {
    this.#options = options;
  }
  /** Opens the window: the store was unreachable and has answered again. */
  reconnected() {
    this.#windowEndsAt = this.#options.now() + this.#options.windowMs;
    this.#losses.clear();
  }
  /**
   * Decides which removals to doubt.
   *
   * @param removals the removals of one event
   * @param sizeOf the size of a group before these removals; `undefined` asks for all groups together
   * @param whole whether the event is a full listing
   * @returns the removals to doubt, including earlier ones of the same burst, which the caller must restore
   */
  doubt(removals, sizeOf2, whole) {
    if (removals.length === 0) return [];
    const now = this.#options.now();
    const inWindow = now < this.#windowEndsAt;
    if (!inWindow) this.#losses.clear();
    if (!inWindow && !whole) return [];
    const doubted = /* @__PURE__ */ new Set();
    const byGroup = Map.groupBy(removals, (removal) => removal.group);
    for (const [group, lost] of [...byGroup, ["", removals]]) {
      const size = sizeOf2(group === "" ? void 0 : group);
      const losses = this.#losses.get(group) ?? { before: size, removals: [] };
      losses.removals.push(...lost.map((removal) => ({ removal, at: now })));
      if (inWindow) this.#losses.set(group, losses);
      if (losses.removals.length < 2 || size - lost.length >= losses.before / 2) continue;
      for (const { removal, at } of losses.removals) {
        if (now - at <= this.#options.burstMs) doubted.add(removal);
      }
    }
    return [...doubted];
  }
};

// discovery/directory-source.ts
var INITIAL_STATE = {
  loaded: false,
  connected: false,
  reason: void 0,
  restored: false,
  revision: void 0
};
var BURST_MS = 5e3;
var DirectorySource = class {
  scope;
  state = INITIAL_STATE;
  #doubtMs;
  #now;
  #keys = /* @__PURE__ */ new Map();
  /** Keys that are kept although the store no longer has them, in the order in which they were missed. */
  #suspects = /* @__PURE__ */ new Set();
  #guard;
  constructor({ scope, doubtMs, now }) {
    this.scope = scope;
    this.#doubtMs = doubtMs;
    this.#now = now;
    this.#guard = new MassDeleteGuard({ windowMs: doubtMs, burstMs: BURST_MS, now });
  }
  get(key) {
    return this.#keys.get(key);
  }
  /** @param state undefined removes the key */
  set(key, state) {
    if (state) this.#keys.set(key, state);
    else this.#keys.delete(key);
    if (state?.suspectSince === void 0) this.#suspects.delete(key);
    else this.#suspects.add(key);
  }
  /** The number of keys, including suspects. */
  get size() {
    return this.#keys.size;
  }
  keyStates() {
    return this.#keys.values();
  }
  /** Returns the keys that are not in `present`, without the suspects, which are known to be missing. */
  missing(present) {
    return [...this.#keys].flatMap(
      ([key, { suspectSince }]) => present.has(key) || suspectSince !== void 0 ? [] : key
    );
  }
  get suspectCount() {
    return this.#suspects.size;
  }
  isSuspect(key) {
    return this.#suspects.has(key);
  }
  suspects() {
    return [...this.#suspects].map((key) => {
      const { nodes, suspectSince } = this.#keys.get(key);
      return { key, nodes, since: suspectSince };
    });
  }
  /** Records that the connection was lost or restored. */
  setConnected(connected, reason) {
    const before = this.state;
    this.state = { ...before, connected, reason };
    if (connected && !before.connected && before.reason !== void 0) this.#guard.reconnected();
  }
  /**
   * Returns the keys to keep as suspect, with their new state. They are among the keys that this event
   * removes or that earlier events of the same burst removed.
   *
   * @param sizeOf the current size of a group; undefined asks for all groups together
   */
  doubt({ keys, whole, afterLoss }, sizeOf2) {
    const doubted = /* @__PURE__ */ new Map();
    if (keys.length === 0 || this.#doubtMs === 0 || this.scope === "api-keys") return doubted;
    const removals = [];
    for (const key of keys) {
      const state = this.#keys.get(key);
      if (!state || state.suspectSince !== void 0) continue;
      const isOfNodes = !(state.route || state.credential || state.descriptors);
      const groups = isOfNodes ? state.nodes.map((node) => node.service) : [this.scope];
      for (const group of groups) removals.push({ group, item: { key, state } });
    }
    const suspectSince = this.#now();
    for (const { item } of afterLoss ? removals : this.#guard.doubt(removals, sizeOf2, whole)) {
      const { nodes, route, credential, descriptors } = item.state;
      doubted.set(item.key, { nodes, route, credential, descriptors, suspectSince });
    }
    return doubted;
  }
};

// discovery/key-state.ts
var NOTHING = { nodes: [] };
function shownNodes({ nodes, suspectSince }) {
  return suspectSince === void 0 ? nodes : nodes.map(suspected);
}
function readEntry(before, entry, rules) {
  switch (entry.kind) {
    case "nodes":
      return withLease(
        entry.isLeased,
        rules.refusalOf ? withoutRefused(before, entry.nodes, rules.refusalOf) : { nodes: entry.nodes }
      );
    case "problem": {
      const { nodes, isLeased, route, credential, descriptors } = before;
      return withLease(isLeased, { nodes, route, credential, descriptors, problem: entry.reason });
    }
    case "route": {
      const parsed = orProblem(() => rules.parseRoute(entry.id, entry.document));
      if ("route" in parsed) return { nodes: [], route: parsed.route };
      const route = before.route?.isBroken ? parsed.closed ?? before.route : before.route ?? parsed.closed;
      return { nodes: [], route, problem: parsed.reason, names: parsed.service };
    }
    case "api-key": {
      const { parseApiKey = (apiKey) => ({ apiKey }) } = rules;
      const { kind, hash, document } = entry;
      const parsed = orProblem(() => parseApiKey(document));
      if ("apiKey" in parsed) return { nodes: [], credential: { kind, hash, apiKey: parsed.apiKey } };
      return { nodes: [], credential: before.credential, problem: parsed.reason };
    }
    case "revocation":
      return { nodes: [], credential: { kind: entry.kind, tokenId: entry.tokenId } };
    case "descriptors": {
      const { name, bytes } = entry;
      const { descriptors } = before;
      if (descriptors?.bytes.equals(bytes)) return { nodes: [], descriptors };
      const parsed = orProblem(() => rules.parseDescriptors?.(bytes) ?? { schema: bytes });
      if ("schema" in parsed) return { nodes: [], descriptors: { name, bytes, schema: parsed.schema } };
      return { nodes: [], descriptors, problem: parsed.reason };
    }
    default:
      return entry;
  }
}
function withLease(isLeased, state) {
  return isLeased ? { ...state, isLeased } : state;
}
function withoutRefused(before, nodes, refusalOf) {
  const problems = [];
  const kept = nodes.filter((node) => {
    const refusal2 = refusalOf(node);
    if (refusal2 !== void 0) problems.push(`node "${node.id}" is not used: ${refusal2}`);
    return refusal2 === void 0;
  });
  if (problems.length === 0) return { nodes };
  return { nodes: kept.length > 0 ? kept : before.nodes, problem: problems.join("; ") };
}
function orProblem(parse2) {
  try {
    return parse2();
  } catch (error) {
    return { reason: `document cannot be read (${String(error)})` };
  }
}

// discovery/route-index.ts
import { isDeepStrictEqual } from "node:util";
var RouteIndex = class {
  #routes = [];
  #blocked = /* @__PURE__ */ new Set();
  /** Ordered by id. */
  get routes() {
    return this.#routes;
  }
  /** Services that a rejected document names and that have no valid route. */
  get blocked() {
    return this.#blocked;
  }
  /** Collects both again. Returns whether either has changed. */
  gather(states) {
    const routes = states.flatMap((state) => state.route ?? []).sort((a, b) => compareKeys(a.id, b.id));
    const routed = new Set(routes.map((route) => route.service));
    const named = states.flatMap((state) => state.names ?? []).filter((service) => !routed.has(service));
    const blocked = new Set(named.sort(compareKeys));
    if (isDeepStrictEqual(routes, this.#routes) && isDeepStrictEqual(blocked, this.#blocked)) return false;
    this.#routes = routes;
    this.#blocked = blocked;
    return true;
  }
};

// discovery/directory.ts
var DOUBT_MS = 6e4;
var KEPT_SCOPES = ["nodes", "routes", "revocations", "descriptors"];
var Directory = class {
  #options;
  #now;
  #sources = /* @__PURE__ */ new Map();
  #services = new ServiceIndex(
    (key) => shownNodes(this.#nodeKeys.get(key) ?? NOTHING),
    (key) => this.#nodeKeys.get(key)?.isLeased ?? false
  );
  /** The keys of all sources of nodes. No key is in two sources. */
  #nodeKeys = /* @__PURE__ */ new Map();
  #routes = new RouteIndex();
  #problems = /* @__PURE__ */ new Map();
  #stepping = false;
  constructor(options) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }
  /**
   * Applies an event in steps, so that a large one does not block the event loop. Between two steps each
   * service is in its state either before or after the event. A step that yields a promise waits for it: the
   * next one must not be taken before it has resolved. Do not apply another event until this one is done.
   */
  *steps(event) {
    this.#stepping = true;
    try {
      yield* this.#steps(event);
    } finally {
      this.#stepping = false;
    }
  }
  *#steps(event) {
    const source = this.#source(event.source, event.scope);
    switch (event.type) {
      case "status":
        source.setConnected(event.connected, event.reason);
        return;
      case "snapshot": {
        const { revision, afterLoss } = event;
        const entries = [];
        for (const entry of event.entries) {
          entries.push(entry);
          yield;
        }
        const present = new Set(entries.map((entry) => entry.key));
        const keys = source.missing(present);
        const doubted = this.#doubted(source, { keys, whole: true, afterLoss });
        yield* this.#write(source, entries, keys, doubted);
        source.state = { ...source.state, loaded: true, restored: event.from === "disk", revision };
        return;
      }
      case "change": {
        const { revision, puts, deletes: keys } = event;
        source.state = { ...source.state, revision };
        const doubted = this.#doubted(source, { keys, whole: false, afterLoss: false });
        yield* this.#write(source, puts, keys, doubted);
        return;
      }
      default:
        event;
    }
  }
  /** Returns every service that has a node, with its nodes ordered by id. */
  services() {
    return this.#services.services;
  }
  /** See `ServiceIndex.unleased`. */
  unleased() {
    return this.#services.unleased;
  }
  /** Returns the routes, ordered by id. */
  routes() {
    return this.#routes.routes;
  }
  /**
   * Returns the services that have no valid route but are named by a rejected route document. Somebody meant
   * to set rules for them, so an automatic route must not expose them without those rules.
   */
  blockedServices() {
    return this.#routes.blocked;
  }
  /** Whether `problems()` returns any. */
  get hasProblems() {
    return this.#problems.size > 0 || this.#services.hasDuplicates || this.#countSuspects("routes") > 0;
  }
  /** Returns the keys whose current value is not used or only partly used, each once, in key order. */
  problems() {
    const reasons = new Map([...this.#services.duplicates(), ...this.#problems]);
    for (const { key } of this.#suspectsOf("routes")) {
      reasons.set(
        key,
        "the registry no longer has this route and may have lost it; in use until its grace period ends"
      );
    }
    return [...reasons].map(([key, reason]) => ({ key, reason })).sort((a, b) => compareKeys(a.key, b.key));
  }
  /** The number of suspects. Costs less than `suspects()`. */
  get suspectCount() {
    return KEPT_SCOPES.reduce((count, scope) => count + this.#countSuspects(scope), 0);
  }
  /**
   * Returns the keys that are kept although the registry no longer has them, per source in the order they
   * were missed.
   */
  suspects() {
    return KEPT_SCOPES.flatMap((scope) => [...this.#suspectsOf(scope)]);
  }
  /**
   * Removes a suspect, or one of its nodes. Does nothing when the registry has the key again, or while an
   * event is being applied, because that event may be about to confirm the key.
   */
  dismiss(key, node) {
    if (this.#stepping) return;
    const source = [...this.#sources.values()].find((each) => each.isSuspect(key));
    const state = source?.get(key);
    if (!source || !state) return;
    const nodes = node ? state.nodes.filter((each) => each.id !== node.id || each.service !== node.service) : [];
    const kept = nodes.length > 0 ? /* @__PURE__ */ new Map([[key, { ...state, nodes }]]) : /* @__PURE__ */ new Map();
    for (const _ of this.#write(source, [], [key], kept)) ;
  }
  source(name) {
    return this.#sources.get(name)?.state ?? INITIAL_STATE;
  }
  #source(name, scope) {
    let source = this.#sources.get(name);
    if (!source) {
      const { doubtMs = DOUBT_MS } = this.#options;
      source = new DirectorySource({ scope, doubtMs, now: this.#now });
      this.#sources.set(name, source);
    }
    return source;
  }
  *#sourcesOf(scope) {
    for (const source of this.#sources.values()) if (source.scope === scope) yield source;
  }
  #suspectsOf(scope) {
    return [...this.#sourcesOf(scope)].flatMap((source) => source.suspects());
  }
  #countSuspects(scope) {
    let count = 0;
    for (const { suspectCount } of this.#sourcesOf(scope)) count += suspectCount;
    return count;
  }
  #doubted(source, gone) {
    return source.doubt(gone, (group) => {
      if (source.scope === "routes") return this.#routes.routes.length - this.#countSuspects("routes");
      if (source.scope !== "nodes") return source.size - source.suspectCount;
      return group === void 0 ? this.#services.size : this.#services.sizeOf(group);
    });
  }
  *#write(source, puts, deletes, doubted) {
    const touched = /* @__PURE__ */ new Set();
    let routesTouched = false;
    const set = (key, next) => {
      const before = source.get(key) ?? NOTHING;
      const after = next ?? NOTHING;
      this.#note(source, key, next);
      const [from, to] = [shownNodes(before), shownNodes(after)];
      if (!sameNodes(from, to) || before.isLeased !== after.isLeased) {
        this.#services.move(key, from, to, touched);
      }
      if (!isDeepStrictEqual2(before.credential, after.credential)) {
        this.#options.onCredential?.(before.credential, after.credential);
      }
      if (before.descriptors !== after.descriptors) {
        this.#options.onDescriptors?.(before.descriptors, after.descriptors);
      }
      routesTouched ||= before.names !== after.names || !isDeepStrictEqual2(before.route, after.route);
    };
    for (const key of deletes) set(key, doubted.get(key));
    for (const [key, state] of doubted) if (!source.get(key)) set(key, state);
    for (const entry of puts) {
      const prepared = this.#options.prepare?.(entry);
      if (prepared) yield prepared;
      set(entry.key, readEntry(source.get(entry.key) ?? NOTHING, entry, this.#options));
      yield;
    }
    if (routesTouched && this.#gatherRoutes()) this.#options.onRoutes?.(this.routes());
    for (const service of touched) {
      if (this.#services.gather(service)) {
        this.#options.onNodes?.(service, this.services().get(service) ?? []);
      }
      yield;
    }
  }
  /** Stores a key's state and updates the lists that depend on it. */
  #note(source, key, state) {
    source.set(key, state);
    if (source.scope === "nodes") {
      if (state) this.#nodeKeys.set(key, state);
      else this.#nodeKeys.delete(key);
    }
    if (state?.problem === void 0) this.#problems.delete(key);
    else this.#problems.set(key, state.problem);
  }
  #gatherRoutes() {
    return this.#routes.gather([...this.#sourcesOf("routes")].flatMap((source) => [...source.keyStates()]));
  }
};

// discovery/slices.ts
import { setImmediate as nextTurn4 } from "node:timers/promises";
var SLICE_MS = 4;
var Slices = class {
  #endsAt = 0;
  /**
   * Runs a generator to its end, waiting for the promises that it yields. One that ends within a slice is not interrupted.
   */
  async run(steps) {
    let endsAt = performance.now() + SLICE_MS;
    for (let step = steps.next(); !step.done; step = steps.next()) {
      if (step.value) await step.value;
      if (performance.now() < endsAt) continue;
      await this.#turn();
      endsAt = this.#endsAt;
    }
  }
  /**
   * Gives up the event loop when the last turn was at least a slice ago, no matter how many runs ago. Call it
   * after each run. Otherwise many short runs could follow each other for seconds.
   */
  async rest() {
    if (performance.now() >= this.#endsAt) await this.#turn();
  }
  async #turn() {
    await nextTurn4();
    this.#endsAt = performance.now() + SLICE_MS;
  }
};

// discovery/suspect-watch.ts
import { connect } from "node:net";
var INTERVAL_MS2 = 1e3;
var CONNECT_TIMEOUT_MS = 1e3;
var CONCURRENCY = 64;
var SuspectWatch = class {
  #options;
  #logger;
  #timer;
  #looking = false;
  #stopped = false;
  constructor(options) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
  }
  /** Starts the checks if there are suspects. Call it after each event that the directory has applied. */
  check() {
    if (this.#stopped || this.#timer || this.#looking) return;
    if (this.#options.directory.suspectCount > 0) void this.#look();
  }
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = void 0;
  }
  async #look() {
    const { directory, graceMs, intervalMs = INTERVAL_MS2 } = this.#options;
    this.#looking = true;
    const now = performance.now();
    const probes = [];
    for (const { key, nodes, since } of directory.suspects()) {
      if (now - since < graceMs) probes.push(...nodes.map((node) => ({ key, node })));
      else {
        this.#logger.warn({ key }, "suspect removed: its grace period ended");
        directory.dismiss(key);
      }
    }
    let next = 0;
    const probe = async () => {
      for (let each = probes[next++]; each && !this.#stopped; each = probes[next++]) {
        const { key, node } = each;
        const reason = await this.#refusal(node);
        if (reason === void 0 || this.#stopped) continue;
        const { service, id } = node;
        this.#logger.warn({ service, id, reason }, "suspect removed: it accepts no connection");
        directory.dismiss(key, node);
      }
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, probes.length) }, probe));
    this.#looking = false;
    if (this.#stopped || directory.suspectCount === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = void 0;
      void this.#look();
    }, intervalMs).unref();
  }
  /** Resolves with why the node accepts no connection, or with undefined when it accepts one. */
  #refusal({ host, port }) {
    const { promise, resolve } = Promise.withResolvers();
    const timeout = this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const socket = connect({ host, port });
    const timer = setTimeout(() => finish(`no connection within ${timeout} ms`), timeout).unref();
    const finish = (reason) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reason);
    };
    socket.on("connect", () => finish()).on("error", (error) => finish(error.message));
    return promise;
  }
};

// discovery/follow-registry.ts
async function followRegistry(options) {
  const { registry, directory, scope, suspectGraceMs, logger, onApplied, signal } = options;
  const suspects = new SuspectWatch({ directory, graceMs: suspectGraceMs, logger });
  const slices = new Slices();
  try {
    for await (const event of registry.watch(signal)) {
      if (scope !== void 0 && event.scope !== scope) continue;
      await slices.run(directory.steps(event));
      suspects.check();
      onApplied(event);
      await slices.rest();
    }
  } finally {
    suspects.stop();
  }
}

// internal/routing/route-branch.ts
import createRouter from "find-my-way";
var ONLY_METHOD = "GET";
var MAX_SHARED = 64;
var RouteBranch = class _RouteBranch {
  #content;
  #parent;
  /** The index of the segment by which documents are divided. */
  #level;
  /** The children by hash; their number is a power of two, or 0. Undefined = not divided yet. */
  #children;
  /** The documents that belong to no child. */
  #own = [];
  /** By method. A single router would throw on a method that it does not know, and take all other documents with it. */
  #routers = /* @__PURE__ */ new Map();
  /** Those for paths that end with a slash. No parameter matches the empty segment behind it. */
  #slashRouters = /* @__PURE__ */ new Map();
  constructor(content, level = 0, parent) {
    this.#content = content;
    this.#level = level;
    this.#parent = parent;
  }
  /**
   * Finds the document for a request. Call it on the root.
   *
   * @param path in the form of `comparable`
   */
  find(method, path) {
    const endsWithSlash = path.length > 1 && path.charCodeAt(path.length - 1) === SLASH2;
    for (let branch = this.#reach(path); branch; branch = branch.#parent) {
      if (branch.#own.length === 0) continue;
      const routers = endsWithSlash ? branch.#slashRouters : branch.#routers;
      const router = routers.get(method) ?? branch.#build(method, endsWithSlash);
      const found = router.find(ONLY_METHOD, path);
      if (found) return found.store;
    }
    return void 0;
  }
  /** Returns the deepest branch that the path leads to. */
  #reach(path) {
    let branch = this;
    let children = this.#children ?? this.#open();
    if (children.length === 0) return this;
    while (children.length > 0) {
      const from = startOfSegment(path, branch.#level);
      if (from === -1) break;
      const child = children[hashOfSegment(path, from) & children.length - 1];
      if (!child) break;
      branch = child;
      children = child.#children ?? child.#open();
    }
    return branch;
  }
  #open() {
    const { documents: list, respell } = this.#content;
    const documents = list();
    this.#own = documents;
    this.#children = [];
    if (documents.length <= MAX_SHARED) return this.#children;
    const starts = documents.map((route) => literalStart(respell(route.path)));
    const size = 2 ** Math.ceil(Math.log2(2 * documents.length / MAX_SHARED));
    for (let level = this.#level; ; level++) {
      const own = [];
      const parts = /* @__PURE__ */ new Map();
      for (const [index, route] of documents.entries()) {
        const start = starts[index];
        const from = startOfSegment(start, level);
        if (from === -1) {
          own.push(route);
          continue;
        }
        const hash = hashOfSegment(start, from) & size - 1;
        const part = parts.get(hash);
        if (part) part.push(route);
        else parts.set(hash, [route]);
      }
      if (parts.size === 0) break;
      if (own.length === 0 && parts.size === 1) continue;
      this.#level = level;
      this.#own = own;
      this.#children = Array.from({ length: size }, (_, hash) => {
        const part = parts.get(hash);
        return part && new _RouteBranch({ ...this.#content, documents: () => part }, level + 1, this);
      });
      break;
    }
    return this.#children;
  }
  #build(method, endsWithSlash) {
    const { host, respell } = this.#content;
    const entries = /* @__PURE__ */ new Map();
    for (const route of this.#own) {
      if (route.methods && !methodsOf(route).includes(method)) continue;
      for (const [pattern, implied] of patternsOf(respell(route.path))) {
        if (endsWithSlash && ENDS_WITH_PARAMETER.test(pattern)) continue;
        const entry = { route, implied, startsLiterally: startsLiterally(route.path) };
        const rival = entries.get(pattern);
        if (!rival || compare(entry, rival, host) < 0) entries.set(pattern, entry);
      }
    }
    const router = createRouter({
      caseSensitive: true,
      // With the default of 100, longer segments are not found. The length of a target is limited elsewhere.
      maxParamLength: 65536,
      querystringParser: () => NO_PARAMETERS
    });
    for (const [pattern, entry] of entries) router.on(ONLY_METHOD, pattern, unused, entry);
    const routers = endsWithSlash ? this.#slashRouters : this.#routers;
    routers.set(method, router);
    return router;
  }
};
var NO_PARAMETERS = {};
var unused = () => {
};
var SLASH2 = 47;
var ENDS_WITH_PARAMETER = /\/:p\d+$/;
function patternsOf(path) {
  const pattern = routerPattern(path);
  if (!pattern.endsWith("/*") || pattern === "/*") return [[pattern, false]];
  return [
    [pattern, false],
    [pattern.slice(0, -2), true]
  ];
}
function methodsOf(route) {
  const methods = route.methods ?? [];
  return methods.includes("GET") && !methods.includes("HEAD") ? [...methods, "HEAD"] : methods;
}
function compare(a, b, host) {
  return Number(a.implied) - Number(b.implied) || b.route.priority - a.route.priority || hostSpecificity(b.route.hosts, host) - hostSpecificity(a.route.hosts, host) || (a.route.id < b.route.id ? -1 : 1);
}
function startsLiterally(path) {
  return path !== "/*" && !path.startsWith("/:");
}
function hostMatches(pattern, host) {
  if (!pattern.startsWith("*.")) return pattern === host;
  const suffix = pattern.slice(1);
  return host.length > suffix.length && host.endsWith(suffix);
}
function hostSpecificity(patterns, host) {
  if (!patterns) return 0;
  const covering = patterns.filter((pattern) => hostMatches(pattern, host));
  return Math.max(
    0,
    ...covering.map((pattern) => pattern.startsWith("*.") ? pattern.length : 1e3 + pattern.length)
  );
}

// internal/routing/route-table.ts
var ANY_OTHER = "";
var RouteTable = class {
  documents;
  #autoRoute;
  #methods;
  #exactHosts;
  /** `.example.org` for `*.example.org`, longest first. */
  #wildcardSuffixes;
  #groups = /* @__PURE__ */ new Map();
  /** Those in which paths are compared in another spelling. */
  #respelled = /* @__PURE__ */ new Map();
  #defaultGroup;
  #autoExample;
  #demandsDiffer;
  /** Whether a document that demands something of clients has an upper-case letter in its path. */
  hasGuardedUpperCase;
  constructor(documents, options = {}) {
    this.documents = documents;
    this.#autoRoute = options.autoRoute ?? (() => void 0);
    this.#autoExample = options.autoExample;
    const hosts = /* @__PURE__ */ new Set();
    const methods = /* @__PURE__ */ new Set();
    let hasGuardedUpperCase = false;
    for (const route of documents) {
      for (const host of route.hosts ?? []) hosts.add(host);
      for (const method of route.methods ?? []) methods.add(method);
      hasGuardedUpperCase ||= hasUpperCase(route.path) && demandsOf(route).some((demand) => demand !== "");
    }
    this.hasGuardedUpperCase = hasGuardedUpperCase;
    if (methods.has("GET")) methods.add("HEAD");
    this.#methods = methods;
    this.#exactHosts = new Set([...hosts].filter((host) => !host.startsWith("*.")));
    this.#wildcardSuffixes = [...hosts].filter((host) => host.startsWith("*.")).map((host) => host.slice(1)).sort((a, b) => b.length - a.length);
    this.#defaultGroup = this.#group("", asWritten);
  }
  /** Whether routes differ in what they demand of clients, so that it matters which of them a path selects. */
  get demandsDiffer() {
    this.#demandsDiffer ??= new Set([...this.documents, ...this.#autoExample ? [this.#autoExample] : []].map(keyOfDemands)).size > 1;
    return this.#demandsDiffer;
  }
  /**
   * Returns the route of a request; undefined when none matches.
   *
   * @param host the Host header as received; undefined matches only documents without hosts
   * @param path the canonical path, without the query
   */
  match(method, host, path) {
    return this.#find(this.#groupOf(host), method, path);
  }
  /** Returns the route that a request would have if two paths were equal whenever `respell` makes them equal. */
  matchRespelled(method, host, path, respell) {
    let groups = this.#respelled.get(respell);
    if (!groups) {
      groups = /* @__PURE__ */ new Map();
      this.#respelled.set(respell, groups);
    }
    return this.#find(this.#groupIn(groups, this.#groupKey(host), respell), method, respell(path));
  }
  #find(group, method, path) {
    const found = group.find(this.#methods.has(method) ? method : ANY_OTHER, comparable(path));
    if (found && (found.startsLiterally || found.route.hosts !== void 0)) return found.route;
    return this.#autoRoute(firstSegment(path)) ?? found?.route;
  }
  /** Returns the methods, sorted, for which {@link match} would find a document; for the Allow header. */
  allowedMethods(host, path) {
    const group = this.#groupOf(host);
    return [...this.#methods].filter((method) => group.find(method, comparable(path))).sort();
  }
  #groupOf(host) {
    const key = this.#groupKey(host);
    return key === "" ? this.#defaultGroup : this.#groupIn(this.#groups, key, asWritten);
  }
  #groupIn(groups, key, respell) {
    let group = groups.get(key);
    if (!group) {
      const example = key.startsWith("*.") ? `\0${key.slice(1)}` : key;
      group = this.#group(example, respell);
      groups.set(key, group);
    }
    return group;
  }
  /** Returns the most specific host of documents that covers a host; '' = none. */
  #groupKey(host) {
    if (host === void 0 || this.#exactHosts.size === 0 && this.#wildcardSuffixes.length === 0) {
      return "";
    }
    const name = normaliseHost(host);
    if (this.#exactHosts.has(name)) return name;
    const suffix = this.#wildcardSuffixes.find((end) => name.length > end.length && name.endsWith(end));
    return suffix === void 0 ? "" : `*${suffix}`;
  }
  #group(host, respell) {
    const documents = () => this.documents.filter((route) => isFor(route, host));
    return new RouteBranch({ host, documents, respell });
  }
};
function hasUpperCase(path) {
  return UPPER_CASE.test(path) && UPPER_CASE.test(path.replace(/:[^/]+|%[0-9A-Fa-f]{2}/g, ""));
}
var UPPER_CASE = /[A-Z]/;
var asWritten = (path) => path;
function keyOfDemands(route) {
  return demandsOf(route).join("\n");
}
function isFor({ hosts }, host) {
  return !hosts || hosts.some((pattern) => hostMatches(pattern, host));
}
function firstSegment(path) {
  const end = path.indexOf("/", 1);
  const segment = end === -1 ? path.slice(1) : path.slice(1, end);
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

// cmd/gateway/live-routes.ts
var NO_KEY = "$.auth: requires a token, but no key for tokens is configured, so every request gets 503: set jwt.secret, jwt.publicKeyFile or jwt.issuers";
var MAX_GUESSES = 10;
var MAX_SERVICES_TO_GUESS = 1e3;
var LiveRoutes = class {
  #config;
  #rules;
  #nodes;
  #logger;
  /** The ids of documents that were logged as closed. */
  #closed = /* @__PURE__ */ new Set();
  #context;
  #grpcNames;
  #fileRoutes;
  #autoRoutes = /* @__PURE__ */ new Map();
  /** Services that have a route document, valid or not. They get no automatic route. */
  #documented = /* @__PURE__ */ new Set();
  /** The gRPC services that route documents name, and the service of the document. They get no automatic route. */
  #named = /* @__PURE__ */ new Map();
  #isComplete = false;
  #table;
  constructor({ config, rules, nodes, context, grpcNames, logger = silentLogger }) {
    this.#config = config;
    this.#rules = rules;
    this.#nodes = nodes;
    this.#context = context;
    this.#grpcNames = grpcNames;
    this.#logger = logger;
    this.#fileRoutes = Object.entries(config.documents).map(([id, document]) => {
      const parsed = this.parse(id, document, "file");
      if ("route" in parsed) return parsed.route;
      throw new Error(`routes.documents.${id}: ${parsed.reason}`);
    });
    this.#table = this.#build([], []);
  }
  /** The current table. Each `set` replaces it. */
  get table() {
    return this.#table;
  }
  /** Returns the routes of documents, then the automatic routes by id. */
  all() {
    const grpcNames = [...this.#grpcNames?.entries() ?? []];
    const automatic = [
      ...[...this.#nodes.services()].map((service) => this.#autoRoute(service.name)),
      ...grpcNames.map(([name]) => this.#autoGrpcRoute(name))
    ].filter((route) => route !== void 0).sort((a, b) => a.id < b.id ? -1 : 1);
    return [...this.#table.documents, ...automatic];
  }
  /** Returns the parts of route documents that have no effect, and the documents that are closed for want of a key. */
  problems() {
    const { documents } = this.#table;
    const closed = documents.filter((route) => route.isBroken && this.#lacksKey(route));
    return [
      ...unusedRules(documents),
      ...closed.map(({ id }) => ({ key: id, reason: NO_KEY })),
      ...this.#contestedNames()
    ];
  }
  /** Returns what is deprecated or probably not intended in route documents, such as services without a node. */
  warnings() {
    const ofDocuments = this.#table.documents.flatMap(
      ({ id, warnings = [] }) => warnings.map((reason) => ({ key: id, reason }))
    );
    return [...ofDocuments, ...this.#unserved()];
  }
  /** Parses a document. One that requires a token which this gateway cannot verify becomes a closed route. */
  parse(id, document, origin) {
    const parsed = parseRouteDocument(id, document, { ...this.#context, origin });
    if (!("route" in parsed) || !this.#lacksKey(parsed.route)) {
      this.#closed.delete(id);
      return parsed;
    }
    if (!this.#closed.has(id)) this.#logger.error({ route: id, reason: NO_KEY }, "route closed");
    this.#closed.add(id);
    return { route: closeRoute(parsed.route) };
  }
  /**
   * Replaces the routes of the registry.
   *
   * @param routes they take precedence over routes with the same id in the config file
   * @param blocked services that must have no automatic route, even without a document
   */
  set(routes, blocked) {
    this.#table = this.#build(routes, blocked);
  }
  /**
   * Enables automatic routes. Call it when every source is loaded: until then, a document that protects a service may not
   * have arrived yet.
   */
  complete() {
    this.#isComplete = true;
    this.#grpcNames?.started();
  }
  #build(routes, blocked) {
    const ids = new Set(routes.map((route) => route.id));
    const documents = [...routes, ...this.#fileRoutes.filter((route) => !ids.has(route.id))];
    this.#documented = /* @__PURE__ */ new Set([...documents.map((route) => route.service), ...blocked]);
    this.#named = new Map(documents.flatMap((route) => namesIn(route).map((name) => [name, route.service])));
    this.#rules.update(documents);
    return new RouteTable(documents, {
      autoRoute: (name) => this.#autoRoute(name) ?? this.#autoGrpcRoute(name),
      autoExample: this.#config.auto ? createAutoRoute("any", this.#context) : void 0
    });
  }
  /** Whether a route accepts nothing but tokens, of which this gateway can verify none. */
  #lacksKey({ auth }) {
    if (this.#context.defaultAuth.type !== "none") return false;
    return auth.type === "any" ? auth.rules.every(({ type }) => type === "jwt") : auth.type === "jwt";
  }
  /** Yields the routes to services without a node, which may be misspelt. */
  *#unserved() {
    if (!this.#isComplete) return;
    const services = [...this.#nodes.services()].map(({ name }) => name);
    let guesses = services.length > MAX_SERVICES_TO_GUESS ? 0 : MAX_GUESSES;
    for (const { id, service, fallback } of this.#table.documents) {
      for (const [field, name] of [
        ["service", service],
        ["fallback.service", fallback?.type === "service" ? fallback.service : void 0]
      ]) {
        if (name === void 0 || name === "" || this.#nodes.service(name)) continue;
        const guess = guesses-- > 0 ? didYouMean(name, services) : "";
        yield { key: id, reason: `$.${field}: no node of ${JSON.stringify(name)} is registered${guess}` };
      }
    }
  }
  /**
   * Yields the services that get no calls of one of their gRPC services, because another service has it too. That one is
   * yielded as well, unless an operator has written that the calls are for it.
   */
  *#contestedNames() {
    for (const [name, services] of this.#grpcNames?.entries() ?? []) {
      const present = services.filter((service) => this.#nodes.service(service) !== void 0);
      const named = this.#named.get(name);
      const documented = named ?? present.find((service) => this.#documented.has(service));
      const winner = documented ?? this.#autoGrpcRoute(name)?.service;
      const losers = present.filter((service) => service !== winner && !this.#documented.has(service));
      if (winner === void 0 || losers.length === 0) continue;
      const cure = "give each of them a route document";
      if (documented === void 0 && this.#grpcNames?.isWritten(name, winner) !== true) {
        const reason = `gets the calls of ${name}, which ${losers.join(" and ")} also has: ${cure}`;
        yield { key: `auto:${winner}/${name}`, reason };
      }
      for (const service of losers) {
        const why = named === void 0 ? `${winner} has it too` : `a route document of ${named} names it`;
        const reason = `gets no calls of ${name}, because ${why}: ${cure}`;
        yield { key: `auto:${service}/${name}`, reason };
      }
    }
  }
  #autoRoute(service) {
    if (!this.#mayBeAutomatic(service)) return void 0;
    return this.#autoRoutes.get(service) ?? this.#keep(service, createAutoRoute(service, this.#context));
  }
  /** Returns the automatic route of a gRPC service, such as `task.v1.Tasks`. */
  #autoGrpcRoute(name) {
    const services = this.#grpcNames?.servicesOf(name) ?? [];
    if (services.length === 0) return void 0;
    if (this.#named.has(name) || services.some((service2) => this.#documented.has(service2))) return void 0;
    const service = services.find((each) => this.#mayBeAutomatic(each));
    if (service === void 0) return void 0;
    const key = `${service}/${name}`;
    return this.#autoRoutes.get(key) ?? this.#keep(key, createAutoGrpcRoute(service, name, this.#context));
  }
  #mayBeAutomatic(service) {
    if (!this.#isComplete || !this.#config.auto) return false;
    return !this.#documented.has(service) && this.#nodes.service(service) !== void 0;
  }
  /** Keeps an automatic route until the process ends. A gateway sees few services, and a route is small. */
  #keep(key, route) {
    this.#autoRoutes.set(key, route);
    return route;
  }
};
function namesIn({ grpc }) {
  if (grpc === void 0) return [];
  const { allow = [], idempotent, rules = [] } = grpc;
  const ofMethods = [...allow, ...idempotent].filter((method) => method.includes("/"));
  const ofRules = rules.flatMap(({ selector }) => selector ?? []);
  return [...ofMethods, ...ofRules].map((method) => method.replace(/[./][^./]*$/, ""));
}

// cmd/gateway/source-view.ts
function sourceView(registry, directory) {
  const sources = registry.sources.map(({ name, scope }) => {
    const { loaded, restored, reason, revision } = directory.source(name);
    const { connected, ageMs, drift, relists } = registry.status(name);
    return {
      name,
      scope,
      connected,
      stale: !connected || restored || !loaded,
      reason,
      revision,
      ageMs: ageMs === void 0 ? void 0 : Math.round(ageMs),
      drift,
      relists: Object.fromEntries(relists)
    };
  });
  return {
    registry: registry.name,
    // Nodes and routes do not depend on descriptors, and roles of etcd may not allow to read them.
    ...mergeTrust(sources.filter(({ scope }) => scope !== "descriptors")),
    revision: largest(sources.map((source) => source.revision)),
    skipped: directory.problems().length,
    suspects: directory.suspectCount,
    sources
  };
}
function largest(revisions) {
  const known2 = revisions.filter((revision) => revision !== void 0).map(BigInt);
  if (known2.length === 0) return void 0;
  return String(known2.sort((a, b) => a < b ? 1 : -1)[0]);
}

// cmd/gateway/table-log.ts
var TableLog = class {
  #directory;
  #logger;
  /** Reasons of the problems that were logged, by key. */
  #reported = /* @__PURE__ */ new Map();
  /** The keys of nodes without a lease that were logged. */
  #unleased = /* @__PURE__ */ new Set();
  #hasSuspects = false;
  constructor(directory, logger) {
    this.#directory = directory;
    this.#logger = logger;
  }
  /** Call it after the directory has applied an event. */
  applied(event) {
    if (event.type === "status") {
      this.#reportStatus(event);
      return;
    }
    if (event.type === "snapshot") {
      const { source, scope, revision, entries, from } = event;
      this.#logger.info({ source, scope, revision, keys: entries.length, from }, "table loaded");
    }
    this.#reportSuspects();
    this.#reportUnleased();
    if (this.#directory.hasProblems || this.#reported.size > 0) this.#reportProblems();
  }
  #reportStatus({ source, scope, connected, reason }) {
    if (connected) this.#logger.info({ source, scope }, "following the registry");
    else if (this.#directory.source(source).loaded) {
      this.#logger.warn({ source, scope, reason }, "registry out of reach; serving the last known table");
    } else {
      this.#logger.warn({ source, scope, reason }, "registry out of reach; there is no table to serve yet");
    }
  }
  /** Logs when the first suspect appears and when the last one is gone. */
  #reportSuspects() {
    const count = this.#directory.suspectCount;
    if (count > 0 && !this.#hasSuspects) {
      this.#logger.warn({ keys: count }, "registry may have lost keys; suspects stay in use");
    } else if (count === 0 && this.#hasSuspects) this.#logger.info({}, "no suspects left");
    this.#hasSuspects = count > 0;
  }
  #reportUnleased() {
    const unleased = this.#directory.unleased();
    if (unleased.size === 0 && this.#unleased.size === 0) return;
    const keys = new Set([...unleased.values()].flatMap((byId) => [...byId.values()]));
    for (const key of keys) {
      if (!this.#unleased.has(key))
        this.#logger.warn({ key }, "key of a node has no lease; its siblings have one");
    }
    this.#unleased = keys;
  }
  #reportProblems() {
    const problems = new Map(this.#directory.problems().map(({ key, reason }) => [key, reason]));
    for (const [key, reason] of problems) {
      if (this.#reported.get(key) !== reason) this.#logger.warn({ key, reason }, "registry value ignored");
    }
    this.#reported.clear();
    for (const [key, reason] of problems) this.#reported.set(key, reason);
  }
};

// cmd/gateway/live-table.ts
var NO_LEASE = "key has no lease, although other keys of this service have one: the node stays in the table when its process dies; delete the key, and a node that is alive registers itself again";
var NOT_LOADED = new GatewayError("WG_NO_NODE", {
  detail: "The gateway has not loaded its routes yet; try again later.",
  headers: { "retry-after": "1" }
});
var LiveTable = class {
  #registry;
  #nodes;
  #suspectGraceMs;
  #logger;
  #directory;
  #routes;
  #log;
  #credentials;
  #moreProblems;
  defaultAuth;
  #loaded = Promise.withResolvers();
  #isLoaded = false;
  constructor(options) {
    const { registry, nodes, suspectGraceMs, credentials, descriptors, refusalOf, logger } = options;
    this.#registry = registry;
    this.#nodes = nodes;
    this.#suspectGraceMs = suspectGraceMs;
    this.#logger = logger;
    this.defaultAuth = options.context.defaultAuth.type === "none" ? "none" : "jwt";
    this.#routes = new LiveRoutes(options);
    const origin = registry.keptBy === "operator" ? "file" : "etcd";
    this.#directory = new Directory({
      prepare: options.prepare,
      parseRoute: (id, document) => this.#routes.parse(id, document, origin),
      parseApiKey: (value) => credentials?.parseApiKey(value) ?? { apiKey: value },
      refusalOf,
      onCredential: (before, after) => credentials?.apply(before, after),
      onNodes: (service, serviceNodes) => {
        nodes.set(service, serviceNodes);
        options.grpcNames?.setNodes(service, serviceNodes);
        options.onNodes(service);
      },
      parseDescriptors: (bytes) => descriptors?.parse(bytes) ?? { schema: bytes },
      onDescriptors: (before, after) => descriptors?.apply(before, after),
      onRoutes: (routes) => {
        this.#routes.set(routes, this.#directory.blockedServices());
        options.onRoutes(this.#routes.table.documents);
      },
      doubtMs: suspectGraceMs
    });
    this.#credentials = credentials;
    this.#moreProblems = options.moreProblems;
    this.#log = new TableLog(this.#directory, logger);
  }
  /** Resolves when there is a table to serve from, from the registry or from disk. */
  get loaded() {
    return this.#loaded.promise;
  }
  get isLoaded() {
    return this.#isLoaded;
  }
  /**
   * Returns the current route table.
   *
   * @throws GatewayError WG_NO_NODE until the table is loaded. Which routes there are is not known before that, so a request
   *   could get 404, or a route that is less strict than the one that has not arrived yet
   */
  routeTable() {
    if (!this.#isLoaded) throw NOT_LOADED;
    return this.#routes.table;
  }
  /** Follows the registry until `signal` aborts. */
  follow(signal) {
    return followRegistry({
      registry: this.#registry,
      directory: this.#directory,
      suspectGraceMs: this.#suspectGraceMs,
      logger: this.#logger,
      onApplied: (event) => this.#applied(event),
      signal
    });
  }
  source() {
    return sourceView(this.#registry, this.#directory);
  }
  routes() {
    return this.#routes.all();
  }
  problems() {
    return [...this.#directory.problems(), ...this.#routes.problems(), ...this.#moreProblems?.() ?? []];
  }
  nodeProblems(service) {
    const unleased = this.#directory.unleased().get(service);
    return unleased && new Map([...unleased.keys()].map((id) => [id, NO_LEASE]));
  }
  warnings() {
    const keys = [...this.#directory.unleased().values()].flatMap((byId) => [...byId.values()]);
    return [...Array.from(new Set(keys), (key) => ({ key, reason: NO_LEASE })), ...this.#routes.warnings()];
  }
  #applied(event) {
    this.#log.applied(event);
    if (event.type === "snapshot") this.#credentials?.loaded(event.scope);
    if (event.type === "snapshot" && !this.#isLoaded) this.#checkLoaded(event.from);
  }
  #warnOfOpenRoutes() {
    if (this.defaultAuth !== "none") return;
    const routes = this.routes();
    const open = routes.filter(({ auth }) => auth.type === "none").length;
    if (open === 0) return;
    this.#logger.warn(
      { open, routes: routes.length },
      "no token key is configured; routes are open to everyone"
    );
  }
  #checkLoaded(from) {
    const sources = this.#registry.sources.map(({ name, scope }) => ({
      scope,
      ...this.#directory.source(name)
    }));
    if (!sources.every(({ loaded, scope }) => loaded || scope === "descriptors")) return;
    const isFromDisk = sources.some(({ scope, restored }) => scope === "nodes" && restored);
    if (isFromDisk && this.#directory.services().size === 0) {
      if (from === "disk") this.#logger.warn({}, "table on disk has no nodes; waiting for the registry");
      return;
    }
    this.#isLoaded = true;
    this.#routes.complete();
    this.#nodes.loaded();
    this.#warnOfOpenRoutes();
    this.#loaded.resolve();
  }
};

// cmd/gateway/policies.ts
import { isDeepStrictEqual as isDeepStrictEqual3 } from "node:util";

// middleware/policies/clients.ts
var DENIED = new GatewayError("WG_ADDRESS_DENIED", {
  cause: new Error("the client address is not allowed")
});
function createClients(rules, { wouldRefuse }) {
  const enforced = rules.filter((rule) => rule.enforce !== false).map(judgeOf);
  const observed2 = rules.filter((rule) => rule.enforce === false).map(judgeOf);
  return {
    onRequest: (exchange) => {
      const clientAddress = exchange.call.clientAddress ?? "unknown";
      if (!enforced.every((passes) => passes(clientAddress))) throw DENIED;
      if (!observed2.every((passes) => passes(clientAddress))) wouldRefuse(exchange);
      return void 0;
    }
  };
}
function judgeOf({ allow, deny = [] }) {
  const isAllowed = allow && createRanges(allow);
  const isDenied = createRanges(deny);
  return (address) => !isDenied(address) && (isAllowed === void 0 || isAllowed(address));
}
function createRanges(ranges) {
  const isForV6 = (range) => canonicalAddress(range.replace(/\/.*/, "")).includes(":");
  const isInV4 = createAddressRanges(ranges.filter((range) => !isForV6(range)));
  const isInV6 = createAddressRanges(ranges.filter(isForV6));
  return (address) => (address.includes(":") ? isInV6 : isInV4)(address);
}

// middleware/policies/cors.ts
var DEFAULT_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
var DEFAULT_MAX_AGE_SECONDS = 600;
var OWN_HEADERS = ["Retry-After", "RateLimit", "RateLimit-Policy", "WWW-Authenticate", "x-request-id"];
var GRPC_HEADERS = ["grpc-status", "grpc-message", "grpc-status-details-bin"];
var PREFIX = "access-control-";
var EXPOSE = "access-control-expose-headers";
var MAX_ECHOED_HEADERS = 64;
var REFUSED = new GatewayError("WG_ORIGIN_REFUSED", { cause: new Error("the origin is not listed") });
var NO_CONTENT2 = createWholeResponse(204, [], Buffer.alloc(0));
function createCors(rule, { preflight }) {
  const { origins, headers = "echo", credentials = false, strict = false } = rule;
  const isAllowed = createOriginList(origins);
  const isForAll = origins.includes("*") && !credentials;
  const exposed = [...OWN_HEADERS, ...rule.exposeHeaders ?? []].join(", ");
  const exposedToGrpc = `${exposed}, ${GRPC_HEADERS.join(", ")}`;
  const maxAge = String(rule.maxAgeSeconds ?? DEFAULT_MAX_AGE_SECONDS);
  const listed = headers === "echo" ? void 0 : headers.join(", ");
  function allowPreflight(lines, exchange) {
    const methods = rule.methods ?? exchange.call.route?.methods ?? DEFAULT_METHODS;
    lines.push("access-control-allow-methods", methods.join(", "), "access-control-max-age", maxAge);
    const allowed = listed ?? echoed(exchange);
    if (allowed) lines.push("access-control-allow-headers", allowed);
  }
  return {
    onRequest: (exchange) => {
      const origin = originOf(exchange);
      if (origin === void 0) return void 0;
      if (exchange.isPreflight) {
        const result = isAllowed(origin) ? "allowed" : "refused";
        preflight(exchange, result);
        if (result === "refused") throw REFUSED;
        return NO_CONTENT2;
      }
      if ((strict || exchange.isWebSocket) && !isAllowed(origin)) throw REFUSED;
      return void 0;
    },
    onResponse: ({ headers: lines }, exchange) => {
      removeHeaders(lines, isAccessControl);
      if (!isForAll) addToList(lines, "vary", ["Origin"]);
      const origin = originOf(exchange);
      if (origin === void 0 || !isAllowed(origin)) return;
      lines.push("access-control-allow-origin", isForAll ? "*" : origin);
      if (credentials) lines.push("access-control-allow-credentials", "true");
      if (exchange.isPreflight) allowPreflight(lines, exchange);
      else lines.push(EXPOSE, exchange.dialect === void 0 ? exposed : exposedToGrpc);
    },
    hidesFromClient: isAccessControl
  };
}
function isAccessControl(spelling) {
  return spelling.length > PREFIX.length && spelling.slice(0, PREFIX.length).toLowerCase() === PREFIX;
}
function originOf({ request }) {
  return getAllHeaders(request.rawHeaders, "origin");
}
function echoed({ request }) {
  const asked = getAllHeaders(request.rawHeaders, "access-control-request-headers");
  if (asked === void 0 || !TOKEN_LIST.test(asked)) return void 0;
  return asked.split(",").length > MAX_ECHOED_HEADERS ? void 0 : asked;
}

// middleware/policies/headers.ts
function createRequestHeaders(rule) {
  const { change, hides } = compileChange(rule, (name) => name.replaceAll("_", "-"));
  return {
    onAuthorized: (exchange) => {
      change(exchange.outgoing.headers, exchange);
      return void 0;
    },
    ...hides && { hidesFromNode: hides }
  };
}
function createResponseHeaders({ onErrors = false, ...rule }) {
  const { change, hides } = compileChange(rule, (name) => name);
  return {
    onResponse: ({ headers, from }, exchange) => {
      if (onErrors || from === "upstream") change(headers, exchange);
    },
    ...hides && { hidesFromClient: hides }
  };
}
function compileChange({ remove = [], set = {}, setIfAbsent = {}, add: add2 = {} }, fold) {
  const isRemoved = compileNames(remove, fold);
  const sets = compileEntries(set, fold);
  const defaults = compileEntries(setIfAbsent, fold);
  const additions = compileEntries(add2, fold);
  const hides = isRemoved === void 0 && sets.length === 0 ? void 0 : (spelling) => isRemoved?.(spelling) === true || sets.some(({ isSame }) => isSame(spelling));
  const change = (lines, exchange) => {
    if (isRemoved) removeHeaders(lines, isRemoved);
    for (const { name, isSame, template } of sets) {
      const value = template.render(exchange, encodeForHeader);
      removeHeaders(lines, isSame);
      if (value !== void 0) lines.push(name, value);
    }
    for (const { name, isSame, template } of defaults) {
      if (lines.some((text, i) => i % 2 === 0 && isSame(text))) continue;
      const value = template.render(exchange, encodeForHeader);
      if (value !== void 0) lines.push(name, value);
    }
    for (const { name, template } of additions) {
      const value = template.render(exchange, encodeForHeader);
      if (value !== void 0) lines.push(name, value);
    }
  };
  return { change, hides };
}
function compileEntries(values, fold) {
  return Object.entries(values).map(([name, value]) => {
    const folded = fold(name.toLowerCase());
    const isSame = (spelling) => spelling.length === folded.length && fold(spelling.toLowerCase()) === folded;
    return { name, isSame, template: compileTemplate(value) };
  });
}
function compileNames(names, fold) {
  if (names.length === 0) return void 0;
  const folded = names.map((name) => fold(name.toLowerCase()));
  const exact = new Set(folded.filter((name) => !name.endsWith("*")));
  const prefixes = folded.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
  return (spelling) => {
    const key = fold(spelling.toLowerCase());
    return exact.has(key) || prefixes.some((prefix) => key.startsWith(prefix));
  };
}

// cmd/gateway/policies.ts
var CHAIN = {
  // Addresses come first: they are the cheapest to judge, and they cover preflights too.
  clients: createClients,
  // Before authentication, because a browser sends preflights without credentials.
  cors: createCors,
  requestHeaders: createRequestHeaders,
  responseHeaders: createResponseHeaders
};
var BROKEN = new GatewayError("WG_ROUTE_BROKEN", {
  headers: { "retry-after": "5" },
  cause: new Error("the document of the route is invalid")
});
var LivePolicies = class {
  #upstream;
  #counts;
  #chain;
  #plans = /* @__PURE__ */ new WeakMap();
  /** By route id, then by policy name. */
  #ofDocuments = /* @__PURE__ */ new Map();
  #ofAutoRoutes = /* @__PURE__ */ new Map();
  constructor({ upstream, counts, chain = CHAIN }) {
    this.#upstream = upstream;
    this.#counts = counts;
    this.#chain = chain;
  }
  /** Returns the policies of a route, ready to run. */
  planOf(route) {
    let plan = this.#plans.get(route);
    if (!plan) {
      plan = route.isBroken ? this.#brokenPlan() : this.#compile(route);
      this.#plans.set(route, plan);
    }
    return plan;
  }
  /**
   * Closes the policies of documents that are gone and of rules that have changed. Call it after each change of routes.
   * The policies of automatic routes stay: such a route comes and goes with its nodes, and its rules never change.
   *
   * @param documents every route that is not automatic
   */
  retain(documents) {
    if (this.#ofDocuments.size === 0) return;
    const byId = new Map(documents.map((route) => [route.id, route]));
    for (const [id, policies] of this.#ofDocuments) {
      keep(policies, byId.get(id)?.policies);
      if (policies.size === 0) this.#ofDocuments.delete(id);
    }
  }
  /** Closes every policy. */
  close() {
    this.retain([]);
    for (const policies of this.#ofAutoRoutes.values()) keep(policies, void 0);
  }
  #compile(route) {
    const policies = Object.keys(this.#chain).flatMap((name) => {
      const rule = route.policies?.[name];
      return rule === void 0 ? [] : [{ name, policy: this.#policy(route, name, rule) }];
    });
    const steps = (hook) => policies.flatMap(({ name, policy }) => {
      const step = policy[hook];
      return step ? [this.#counted(name, step)] : [];
    });
    const all = (hook) => policies.flatMap(({ policy }) => policy[hook] ?? []);
    return {
      onRequest: steps("onRequest"),
      onAuthorized: steps("onAuthorized"),
      upstream: wrap(this.#upstream, all("around")),
      onResponse: all("onResponse").reverse(),
      hidesFromClient: anyOf(all("hidesFromClient")),
      hidesFromNode: anyOf(all("hidesFromNode"))
    };
  }
  #policy(route, name, rule) {
    const live = route.origin === "auto" ? this.#ofAutoRoutes : this.#ofDocuments;
    let policies = live.get(route.id);
    if (!policies) {
      policies = /* @__PURE__ */ new Map();
      live.set(route.id, policies);
    }
    const known2 = policies.get(name);
    if (known2 && isDeepStrictEqual3(known2.rule, rule)) return known2.policy;
    known2?.policy.close?.();
    const create = this.#chain[name];
    const policy = create(rule, this.#toolsOf(name));
    policies.set(name, { rule, policy });
    return policy;
  }
  #toolsOf(name) {
    return {
      wouldRefuse: ({ call }) => {
        call.observed = [...call.observed ?? [], name];
        this.#counts.wouldRefusals.add(call.route.id, name);
      },
      preflight: ({ call }, result) => this.#counts.preflights.add(call.route.id, result)
    };
  }
  /** Notes the refusals of a step in the call and in the metrics. */
  #counted(name, step) {
    const note = (error, { call }) => {
      if (error instanceof GatewayError) {
        call.policy = name;
        this.#counts.refusals.add(call.route.id, name);
      }
      throw error;
    };
    return (exchange) => {
      try {
        const answer = step(exchange);
        return answer instanceof Promise ? answer.catch((error) => note(error, exchange)) : answer;
      } catch (error) {
        return note(error, exchange);
      }
    };
  }
  #brokenPlan() {
    const refuse = () => {
      throw BROKEN;
    };
    return {
      ...{ onRequest: [refuse], onAuthorized: [], upstream: this.#upstream, onResponse: [] },
      ...{ hidesFromClient: void 0, hidesFromNode: void 0 }
    };
  }
};
function anyOf(hides) {
  return hides.length === 0 ? void 0 : (spelling) => hides.some((each) => each(spelling));
}
function keep(policies, rules) {
  for (const [name, { rule, policy }] of policies) {
    if (rules !== void 0 && isDeepStrictEqual3(rules[name], rule)) continue;
    policies.delete(name);
    policy.close?.();
  }
}

// cmd/gateway/service-methods.ts
var MAX_METHODS = 1e3;
function createServiceMethods({
  descriptors,
  rules,
  problems,
  prefix,
  json,
  maxMessageBytes
}) {
  const problemsByKey = () => Map.groupBy(problems(), ({ key }) => key);
  function reasonsOf(service, byKey) {
    const { name, keys } = descriptors.namesOf(service);
    const all = prefix === void 0 ? keys : [prefix + name, ...keys];
    return all.flatMap((key) => byKey.get(key) ?? []).map(({ reason }) => reason);
  }
  return {
    summaries() {
      const byKey = problemsByKey();
      return (service) => {
        if (!descriptors.hasNodes(service)) return void 0;
        return describe(descriptors.of(service), reasonsOf(service, byKey));
      };
    },
    methods(service) {
      if (!descriptors.hasNodes(service)) return void 0;
      const known2 = descriptors.of(service);
      const reasons = reasonsOf(service, problemsByKey());
      if (known2 === void 0) return { service, descriptors: describe(known2, reasons), methods: [] };
      const { schema } = known2;
      const { TranscodePlan, createBindings } = descriptors.json;
      const { grpcRules = [] } = rules.of(service);
      const { problems: unused2 } = new TranscodePlan(schema, {
        choice: "all",
        rules: grpcRules,
        json,
        maxMessageBytes
      });
      const stated = createBindings(schema, { choice: "annotated", rules: grpcRules }).entries;
      const byName = createBindings(schema, { choice: "default", rules: [] }).entries;
      const selected = new Set(grpcRules.map(({ selector }) => selector?.replace("/", ".")));
      const bindings = Map.groupBy(
        [
          ...stated.map(
            (entry) => describeBinding(entry, selected.has(dotted(entry.value)) ? "rule" : "annotation")
          ),
          ...byName.map((entry) => describeBinding(entry, "name"))
        ],
        ([method]) => method
      );
      return {
        service,
        // The table lists some of them as well.
        descriptors: describe(known2, [.../* @__PURE__ */ new Set([...reasons, ...unused2])]),
        methods: schema.methods.slice(0, MAX_METHODS).map((method) => ({
          name: method.name,
          kind: kindOf(method),
          bindings: bindings.get(method)?.map(([, binding]) => binding) ?? []
        }))
      };
    }
  };
}
function describe(known2, problems) {
  if (known2 === void 0) return { source: null, methods: 0, problems };
  const { source, from, schema } = known2;
  return { source, ...from !== void 0 && { from }, methods: schema.methods.length, problems };
}
function describeBinding({ binding: { httpMethod, template, body, responseBody }, value }, from) {
  const page = {
    method: httpMethod,
    path: template.text,
    ...body !== void 0 && { body },
    ...responseBody !== void 0 && { answer: responseBody },
    from
  };
  return [value, page];
}
function kindOf({ streamsRequest, streamsAnswer }) {
  if (streamsRequest) return streamsAnswer ? "bidi-stream" : "client-stream";
  return streamsAnswer ? "server-stream" : "unary";
}
function dotted({ name }) {
  return name.replace("/", ".");
}

// cmd/gateway/traffic.ts
var Traffic = class {
  #open = 0;
  #webSockets = 0;
  #hasServed = false;
  /** Whether clients are asked to leave, because this process is about to stop. */
  isDraining = false;
  /** Requests and WebSockets in flight. */
  get open() {
    return this.#open;
  }
  /** Requests in flight, without WebSockets. */
  get requests() {
    return this.#open - this.#webSockets;
  }
  /** Whether any request has arrived yet. */
  get hasServed() {
    return this.#hasServed;
  }
  opened() {
    this.#hasServed = true;
    this.#open++;
  }
  /** Notes that a request in flight has become a WebSocket. */
  upgraded() {
    this.#webSockets++;
  }
  closed(wasWebSocket) {
    this.#open--;
    if (wasWebSocket) this.#webSockets--;
  }
};

// cmd/gateway/transcoding.ts
import { setImmediate as nextTurn5 } from "node:timers/promises";

// cmd/gateway/descriptor-files.ts
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
var DescriptorFiles = class {
  #folder;
  #logger;
  /** @param dataDir the folder of the copy of the table */
  constructor(dataDir, logger) {
    this.#folder = join(dataDir, "descriptors");
    this.#logger = logger;
  }
  /** Returns the set of a service; undefined when there is none. */
  read(service) {
    const path = this.#pathOf(service);
    try {
      return readFileSync(path);
    } catch (error) {
      const { code, message } = error;
      if (code !== "ENOENT") this.#logger.warn({ path, reason: message }, "ignoring the descriptors on disk");
      return void 0;
    }
  }
  /** Writes the set of a service, in the background: to a temporary file, which then takes the place of the old one. */
  write(service, bytes) {
    void this.#write(this.#pathOf(service), bytes);
  }
  async #write(path, bytes) {
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeFile(temporary, bytes, { mode: 384 });
      await rename(temporary, path);
    } catch (error) {
      this.#logger.warn({ path, reason: error.message }, "writing the descriptors failed");
      await rm(temporary, { force: true }).catch(() => {
      });
    }
  }
  #pathOf(service) {
    return join(this.#folder, `${encodeURIComponent(service)}.binpb`);
  }
};

// cmd/gateway/live-descriptors.ts
var LiveDescriptors = class {
  #options;
  #logger;
  #named = /* @__PURE__ */ new Map();
  #files = /* @__PURE__ */ new Map();
  /** By service. */
  #reflected = /* @__PURE__ */ new Map();
  /** What `onSchema` was last told about each service. */
  #told = /* @__PURE__ */ new Map();
  /** The services with nodes. */
  #services = /* @__PURE__ */ new Set();
  #methods = /* @__PURE__ */ new WeakMap();
  #problems = /* @__PURE__ */ new Map();
  /** The services for which the disk was read. */
  #restored = /* @__PURE__ */ new Set();
  #json;
  #reflections;
  /** Sets that could not be used, and nodes that could not be asked. */
  failed = 0;
  constructor(options) {
    this.#options = options;
    this.#logger = options.logger;
  }
  /**
   * Reads the descriptors of the configuration. Call it once, before a node or a key of the registry needs descriptors.
   *
   * @throws DescriptorError when a set of the configuration cannot be used
   */
  open(json) {
    this.#json = json;
    const { files, callNode, timings } = this.#options;
    for (const [name, bytes] of files) {
      this.#files.set(name, { schema: json.readSchema(bytes), source: "file", from: name });
    }
    this.#reflections = new json.Reflections({
      callNode,
      onReflected: (service, reflected, address) => this.#take(service, reflected, address),
      onFailure: (service, error) => this.#fail(service, error),
      timings
    });
  }
  /** Parses the descriptors of a key of the registry. */
  parse(bytes) {
    try {
      return { schema: this.#json.readSchema(bytes) };
    } catch (error) {
      this.failed++;
      return { reason: error.message };
    }
  }
  /** Applies the addition, change or removal of a key of the registry. */
  apply(before, after) {
    if (before) this.#named.delete(before.name);
    if (after) {
      const { name, schema } = after;
      this.#named.set(name, { schema, source: "etcd", from: name });
    }
    this.#refresh();
  }
  /** Called when the nodes of a service have changed. */
  nodesChanged(service, hasNodes) {
    if (hasNodes) this.#services.add(service);
    else this.#services.delete(service);
    this.#update(service);
  }
  /** Called when the routes have changed: they may name descriptors. */
  routesChanged() {
    this.#refresh();
  }
  /** The code that reads descriptors; undefined until {@link open}. Where there is a schema, it is there. */
  get json() {
    return this.#json;
  }
  /** Returns the schema of a service; undefined when it is not known. */
  schemaOf(service) {
    return this.of(service)?.schema;
  }
  /** Returns the schema of a service with its source; undefined when it is not known. */
  of(service) {
    const name = this.#options.nameOf(service);
    if (name !== void 0) return this.#withName(name);
    return this.#withName(service) ?? this.#reflected.get(service);
  }
  /** Whether a service has nodes that speak gRPC. */
  hasNodes(service) {
    return this.#services.has(service);
  }
  /** Returns the name of the descriptors of a service, and the keys of {@link problems} that are about them. */
  namesOf(service) {
    const name = this.#options.nameOf(service) ?? service;
    return { name, keys: [`descriptors:${service}`, `reflection:${service}`] };
  }
  /** Asks the nodes of a service again, because a request needs its schema. */
  urge(service) {
    this.#reflections?.urge(service);
  }
  findMethod = (service, name) => {
    const schema = this.schemaOf(service);
    if (schema === void 0) return void 0;
    let methods = this.#methods.get(schema);
    if (!methods) {
      methods = new Map(schema.methods.map((method) => [method.name, method]));
      this.#methods.set(schema, methods);
    }
    return methods.get(name);
  };
  /** Returns the services whose schema is known, with its source. */
  *known() {
    for (const service of this.#services) {
      const known2 = this.of(service);
      if (known2) yield { service, ...known2 };
    }
  }
  /** Returns why descriptors cannot be used, each with its key. */
  problems() {
    return [...this.#problems].map(([key, reason]) => ({ key, reason }));
  }
  close() {
    this.#reflections?.close();
  }
  #withName(name) {
    return this.#named.get(name) ?? this.#files.get(name);
  }
  #refresh() {
    for (const service of this.#services) this.#update(service);
  }
  #update(service) {
    const hasNodes = this.#services.has(service);
    const name = this.#options.nameOf(service);
    const isNamed = name !== void 0 || this.#withName(service) !== void 0;
    const nodes = hasNodes && !isNamed ? this.#options.nodesToAsk(service) : [];
    this.#reflections?.update(service, nodes);
    if (nodes.length > 0) this.#restore(service);
    if (nodes.length === 0) this.#problems.delete(`reflection:${service}`);
    if (name !== void 0 && hasNodes && this.#withName(name) === void 0) {
      this.#problems.set(`descriptors:${service}`, `there are no descriptors named ${JSON.stringify(name)}`);
    } else this.#problems.delete(`descriptors:${service}`);
    const known2 = hasNodes ? this.of(service) : void 0;
    if (known2?.schema === this.#told.get(service)) return;
    if (known2) this.#told.set(service, known2.schema);
    else this.#told.delete(service);
    this.#options.onSchema(service, known2);
  }
  /**
   * Takes what a node of a service has said. Throws when it cannot be used, and the last good schema stays in force. That
   * stays as well if it has a gRPC service of which the node has no descriptor, because the service would lose its routes.
   */
  #take(service, { files, missing: missing2 }, address) {
    const { createSchema, missingText, writeDescriptorSet } = this.#json;
    const schema = createSchema(files);
    if (missing2.length > 0) this.#fail(service, new Error(missingText(missing2)));
    else this.#problems.delete(`reflection:${service}`);
    const known2 = this.#reflected.get(service)?.schema.services;
    if (missing2.some((name) => known2?.includes(name))) return;
    this.#reflected.set(service, { schema, source: "reflection", from: address });
    this.#options.disk?.write(service, writeDescriptorSet(files));
    this.#logger.info(
      { service, grpcServices: schema.services, methods: schema.methods.length },
      "descriptors loaded"
    );
    this.#update(service);
  }
  /** Takes what a node of a service has said to an earlier gateway, until one says something. */
  #restore(service) {
    if (this.#restored.has(service) || this.#options.disk === void 0) return;
    this.#restored.add(service);
    if (this.#reflected.has(service)) return;
    const bytes = this.#options.disk.read(service);
    if (bytes === void 0) return;
    try {
      this.#reflected.set(service, { schema: this.#json.readSchema(bytes), source: "disk" });
    } catch (error) {
      this.#logger.warn({ service, reason: error.message }, "ignoring the descriptors on disk");
    }
  }
  #fail(service, { message: reason }) {
    this.failed++;
    const key = `reflection:${service}`;
    if (this.#problems.get(key) === reason) return;
    this.#problems.set(key, reason);
    this.#logger.warn({ service, reason }, "descriptors not usable");
  }
};

// cmd/gateway/transcoding.ts
var STOPPING = brokenGrpcEnd(GRPC_STATUS.UNAVAILABLE, "the gateway is shutting down");
var Transcoding = class {
  descriptors;
  wrapper = (next) => {
    this.#next = next;
    this.#convert = next;
    return (request, call) => this.#convert(request, call);
  };
  #options;
  /** Services whose nodes speak gRPC alone. */
  #grpcOnly = /* @__PURE__ */ new Set();
  /** Services with a route document. */
  #documented = /* @__PURE__ */ new Map();
  #next;
  /** The same as `#next` until the code that converts is loaded. */
  #convert;
  #json;
  #loading;
  #plans = /* @__PURE__ */ new WeakMap();
  /** The plans of automatic routes. */
  #autoPlans = /* @__PURE__ */ new WeakMap();
  #streams = /* @__PURE__ */ new Set();
  constructor(options) {
    this.#options = options;
    const { config, keys, grpcNames, rules, logger } = options;
    this.descriptors = new LiveDescriptors({
      files: keys.descriptors ?? /* @__PURE__ */ new Map(),
      nameOf: (service) => rules.of(service).grpcDescriptors,
      nodesToAsk: (service) => this.#isToBeAsked(service) ? options.nodes.get(service, "grpc")?.peers ?? [] : [],
      // Past the breaker and the limit: a node that cannot describe itself may serve calls well.
      callNode: (peer, request, call) => peer.transport.send(request, call),
      // The embedded etcd starts empty each time, and so does what is known of its nodes.
      disk: config.discovery.registry === "etcd" && config.etcd.endpoints ? new DescriptorFiles(config.dataDir, logger) : void 0,
      onSchema(service, known2) {
        const isWritten = known2?.source === "etcd" || known2?.source === "file";
        grpcNames?.setDescribed(service, isWritten ? "written" : "reflected", known2?.schema.services ?? []);
      },
      logger
    });
  }
  /** Resolves when what the configuration needs is loaded. Call it once {@link wrapper} is in place, and before anything else. */
  async prepareConfigured() {
    const { config, keys } = this.#options;
    const documents = Object.values(config.routes.documents);
    if (keys.descriptors?.size || documents.some(({ grpc }) => grpc !== void 0)) await this.#load();
  }
  /** Returns a promise for what an entry of the registry needs; undefined when all of it is loaded. */
  prepare(entry) {
    if (this.#json !== void 0 || !mayNeedJson(entry)) return void 0;
    this.#loading ??= this.#load();
    return this.#loading;
  }
  nodesChanged(service) {
    const { nodes } = this.#options;
    const hasGrpc = nodes.get(service, "grpc") !== void 0;
    if (hasGrpc && nodes.get(service) === void 0) this.#grpcOnly.add(service);
    else this.#grpcOnly.delete(service);
    this.descriptors.nodesChanged(service, hasGrpc);
  }
  routesChanged(documents) {
    this.#documented = Map.groupBy(documents, ({ service }) => service);
    this.descriptors.routesChanged();
  }
  /** Returns the descriptors that cannot be used, and the rules that have no effect. */
  problems() {
    const ofRules = [];
    for (const route of [...this.#documented.values()].flat()) {
      if (route.grpc?.isForJson !== true && !this.#speaksGrpcAlone(route.service)) continue;
      for (const reason of this.#planOf(route, route.service)?.problems ?? []) {
        ofRules.push({ key: route.id, reason: `$.grpc: ${reason}` });
      }
    }
    for (const service of this.#grpcOnly) {
      if (this.#documented.has(service) || !this.#hasAutoRoutes) continue;
      const schema = this.descriptors.schemaOf(service);
      for (const reason of (schema && this.#autoPlanOf(schema).problems) ?? []) {
        ofRules.push({ key: `descriptors:${service}`, reason });
      }
    }
    return [...this.descriptors.problems(), ...ofRules];
  }
  /** Ends the answers that are on their way as streams, because the gateway stops. Returns how many there were. */
  endStreams() {
    const streams = [...this.#streams];
    for (const stream of streams) stream.fail(STOPPING);
    return streams.length;
  }
  close() {
    this.descriptors.close();
  }
  async #load() {
    await import("./standard-types-UBWRFZ3P.js");
    await nextTurn5();
    await import("./reflections-WSOSW6CZ.js");
    await nextTurn5();
    const { grpcJson: json } = await import("./grpc-json-KWAOGL5P.js");
    const { config, counts } = this.#options;
    this.descriptors.open(json);
    this.#convert = json.createTranscode({
      isTranscoded: ({ grpc, origin }, service) => {
        if (origin === "auto" && !config.grpc.auto) return false;
        return grpc?.isForJson === true || this.#speaksGrpcAlone(service);
      },
      planOf: (route, service) => this.#planOf(route, service),
      maxMessageBytes: config.grpc.messageBytes,
      counter: counts,
      streams: this.#streams
    })(this.#next);
    this.#json = json;
  }
  /** Most gateways have no such service, and then this is one property read. */
  #speaksGrpcAlone(service) {
    return this.#grpcOnly.size > 0 && this.#grpcOnly.has(service);
  }
  get #hasAutoRoutes() {
    const { routes, grpc } = this.#options.config;
    return routes.auto && grpc.auto;
  }
  /** A service that nobody calls by JSON or by the names of its methods need not be asked. */
  #isToBeAsked(service) {
    const { config } = this.#options;
    if (!config.grpc.reflection) return false;
    const documents = this.#documented.get(service);
    if (documents === void 0) return this.#hasAutoRoutes;
    if (this.#speaksGrpcAlone(service)) return true;
    return documents.some(({ grpc }) => grpc?.isForJson === true || grpc?.allow !== void 0);
  }
  #planOf(route, service) {
    const schema = this.descriptors.schemaOf(service);
    if (schema === void 0) {
      this.descriptors.urge(service);
      return void 0;
    }
    if (route.origin === "auto") return this.#autoPlanOf(schema);
    const known2 = this.#plans.get(route);
    if (known2?.schema === schema) return known2.plan;
    const rules = this.#options.rules.of(service).grpcRules ?? [];
    const plan = this.#createPlan(schema, { choice: route.grpc?.bindings, rules, json: route.grpc?.json });
    this.#plans.set(route, { schema, plan });
    return plan;
  }
  /** A method of a service without a document has one lock, whatever its door. */
  #autoPlanOf(schema) {
    let plan = this.#autoPlans.get(schema);
    if (plan === void 0) {
      plan = this.#createPlan(schema, { choice: "all", rules: [], json: void 0 });
      this.#autoPlans.set(schema, plan);
    }
    return plan;
  }
  #createPlan(schema, { json, ...bindings }) {
    const { grpc } = this.#options.config;
    return new this.#json.TranscodePlan(schema, {
      ...bindings,
      json: json ?? grpc.json,
      maxMessageBytes: grpc.messageBytes
    });
  }
};
function mayNeedJson(entry) {
  switch (entry.kind) {
    case "descriptors":
      return true;
    case "nodes":
      return entry.nodes.some((node) => laneOf(node) === "grpc");
    case "route":
      return Object.hasOwn(membersOf(entry.document), "grpc");
    default:
      return false;
  }
}

// cmd/gateway/gateway.ts
async function startGateway(options) {
  const { config, keys, registry, logger, writeLine } = options;
  const onInternalError = (error) => logger.error({ err: error }, "internal error");
  const traffic = new Traffic();
  const deadlines = new Deadlines();
  const loop = createLoopGuard(config, logger, () => traffic.requests);
  const limits = createLimits(loop, logger);
  const budgets = createRetryBudgets(logger);
  const rules = new LiveRules(config, (byService) => configureLimits(limits, byService, config));
  const guard = createNodeGuard({
    allowedAddresses: config.discovery.allowedAddresses,
    adminPort: options.adminPort ?? (() => config.adminPort)
  });
  const sessions = createSessionCounts();
  const nodes = createNodeTable({
    ...{ config, guard, rules, logger, sessionCounts: sessions, onPiece: countBodyBytes }
  });
  const { healthCheck } = config.routes.defaults;
  const health = new LiveHealth({
    nodes,
    ruleOf: (service) => rules.of(service).healthCheck,
    fallback: healthCheck === null ? void 0 : toHealthCheck(healthCheck),
    allows: guard.allows,
    logger
  });
  const grpcNames = config.grpc.auto ? new GrpcNames() : void 0;
  const transcodeCounts = new TranscodeCounts();
  const transcoding = new Transcoding({
    ...{ config, keys, nodes, rules, grpcNames, logger },
    counts: transcodeCounts
  });
  const { descriptors } = transcoding;
  const { findMethod } = descriptors;
  const balance = { cookieKey: keys.stickyCookie };
  const upstream = wrap(createDispatch(), [
    createObserve(),
    createFallback(config.staleAnswers),
    transcoding.wrapper,
    createGrpcWeb(findMethod),
    createGrpcCalls(config.grpc.auto),
    createConcurrencyLimit(limits),
    createRetry({ budgets, mayBeRefused: (service) => nodes.get(service)?.speaksHttp2 === true }),
    createHedge({ budgets }),
    createBalance(nodes, balance),
    createCircuitBreaker(),
    createTryTimeout({ deadlines }),
    createCallFields()
  ]);
  const handshake = wrap(createDispatch(), [
    createObserve(),
    createRetry({ budgets }),
    createBalance(nodes, balance),
    createCircuitBreaker(),
    createTryTimeout({ deadlines })
  ]);
  const policyCounts = new PolicyCounts();
  const policies = new LivePolicies({ upstream, counts: policyCounts });
  const context = routeContext(config, keys);
  const credentials = new LiveCredentials(config);
  const auth = await openAuthenticators({ config, keys, credentials, logger });
  const table = new LiveTable({
    registry,
    nodes,
    config: config.routes,
    rules,
    context,
    grpcNames,
    descriptors,
    prepare: (entry) => transcoding.prepare(entry),
    moreProblems: () => transcoding.problems(),
    // What an operator removes is meant to go. Only a registry that services write to can lose nodes by accident.
    suspectGraceMs: registry.keptBy === "operator" ? 0 : config.discovery.suspectGraceMs,
    credentials,
    refusalOf: guard.refusalOf,
    logger,
    onNodes(service) {
      health.nodesChanged(service);
      transcoding.nodesChanged(service);
    },
    onRoutes(documents) {
      transcoding.routesChanged(documents);
      health.rulesChanged();
      policies.retain(documents);
    }
  });
  const { bodyBytes: maxBodyBytes } = config.clientLimits;
  const isTrustedProxy = createTrustedProxies(config.trustedProxies);
  const connections = createClientConnections(config, isTrustedProxy, logger);
  const http2Counts = new Http2Counts();
  const metrics = createMetrics({
    ...{ nodes, table, budgets, health, limits, loop, connections, sessions, http2: http2Counts },
    policies: policyCounts,
    grpc: new GrpcCounts(findMethod),
    transcode: transcodeCounts,
    descriptors
  });
  const record = createRecord();
  const isDraining = () => traffic.isDraining;
  const respond = createRespond({ isDraining, onPiece: countBodyBytes, onInternalError });
  const proxy = createProxy({
    routes: () => table.routeTable(),
    planOf: (route) => policies.planOf(route),
    ...{ upstream, handshake, deadlines, maxBodyBytes, onPiece: countBodyBytes, respond, loop },
    authenticators: auth.authenticators,
    readRpc: createReadRpc({
      findMethod,
      speaksHttpAlone: (service) => nodes.get(service) !== void 0 && nodes.get(service, "grpc") === void 0
    })
  });
  const listener = createHttp1Listener({
    ...listenerLimits(config),
    ...{ proxy, connections, isTrustedProxy },
    http2: createHttp2Settings(config, http2Counts, logger),
    identityHeaders: context.identityHeaders,
    sendsForwarded: config.forwardedHeader,
    onPiece: countBodyBytes,
    onOpen: () => traffic.opened(),
    onUpgrade: () => traffic.upgraded(),
    onClose({ call, response }) {
      traffic.closed(call.upgraded);
      if (!response.writableFinished) call.end(new UpstreamFailure("aborted"));
      call.limiter?.release(call);
      record(call, statusOf(call, response));
    },
    onRefused: record
  });
  const lifecycle = new Lifecycle({
    ...{ config, listener, table, traffic, logger },
    endStreams: () => transcoding.endStreams(),
    closeServing: () => auth.close(),
    onDrained: async () => options.onDrained?.(pages),
    closeTable() {
      health.close();
      transcoding.close();
      loop.close();
      limits.close();
      policies.close();
      nodes.clear();
    }
  });
  const isReady = () => lifecycle.isReady;
  const pages = createTablePages({
    ...{ nodes, table, limits, metrics, health, budgets, isReady },
    methods: createServiceMethods({
      ...{ descriptors, rules },
      problems: () => table.problems(),
      prefix: registry.sources.find(({ scope }) => scope === "descriptors")?.name,
      json: config.grpc.json,
      maxMessageBytes: config.grpc.messageBytes
    }),
    describeRoute: (route) => describeRoute(route, config, rules.of(route.service))
  });
  await transcoding.prepareConfigured();
  await lifecycle.start(options.listen ?? "at-once");
  return {
    address: listener.app.server.address(),
    table,
    health,
    pages,
    hasServed: () => traffic.hasServed,
    nodeCount: () => [...nodes.services()].reduce((sum, service) => sum + service.peers.length, 0),
    stop: (handedOver) => lifecycle.stop(handedOver),
    retire: (hurry) => lifecycle.retire(hurry)
  };
  function createRecord() {
    const accessLog = config.accessLog && logger.isLevelEnabled("info") ? createAccessLog({ write: writeLine }) : void 0;
    return (call, status) => {
      const totalMs = performance.now() - call.startedAt;
      metrics.record(call, status, totalMs);
      accessLog?.(call, status, call.clientAddress, totalMs);
    };
  }
}

export {
  startGateway
};
