import {
  DEFAULT_CONFIG_FILE
} from "./chunk-W3OD6L7X.js";

// cmd/gateway/heap.ts
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
var COLLECT_EVERY_BYTES = 8 * 1024 * 1024;
var LARGE_PIECE_BYTES = 16 * 1024;
setFlagsFromString("--expose-gc");
var collect = runInNewContext("gc");
var STARTED_AFTER_MS = 2e3;
var uncollectedBytes = 0;
function countBodyBytes(bytes) {
  if (bytes < LARGE_PIECE_BYTES) return;
  uncollectedBytes += bytes;
  if (uncollectedBytes < COLLECT_EVERY_BYTES) return;
  uncollectedBytes = 0;
  collect({ type: "minor" });
}
function collectStartup() {
  collect({ type: "major", flavor: "last-resort" });
}
function collectStartupLater(hasServed) {
  setTimeout(() => hasServed() || collectStartup(), STARTED_AFTER_MS).unref();
}

// cmd/gateway/logger.ts
import { createRequire } from "node:module";
import pino2 from "pino";

// cmd/gateway/log-destination.ts
import { constants, fstatSync, openSync, writeSync } from "node:fs";
import pino from "pino";
var BATCH_BYTES = 4096;
var BATCH_MS = 100;
var RETRY_MS = 20;
var MAX_WAITING_BYTES = 16 * 1024 * 1024;
var FLUSH_TIMEOUT_MS = 1e3;
function openLogDestination() {
  if (process.platform !== "win32") return new BatchedFile(nonBlocking(process.stdout.fd));
  const destination = pino.destination({ sync: false, minLength: BATCH_BYTES, periodicFlush: BATCH_MS });
  return { write: (line) => void destination.write(line), flush: () => destination.flushSync() };
}
function nonBlocking(fd) {
  if (!fstatSync(fd).isFIFO()) return fd;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return fd;
  }
}
var BatchedFile = class {
  #fd;
  #write;
  #batch = "";
  #batchBytes = 0;
  /** Batches that the reader has not taken yet. */
  #waiting = [];
  #waitingBytes = 0;
  #dropped = 0;
  #timer;
  /** @param write has the signature of `fs.writeSync` and throws EAGAIN when it would block */
  constructor(fd, write = writeSync) {
    this.#fd = fd;
    this.#write = write;
  }
  write(line) {
    const bytes = Buffer.byteLength(line);
    if (this.#batchBytes + bytes > BATCH_BYTES) this.#writeBatch();
    this.#batch += line;
    this.#batchBytes += bytes;
    this.#timer ??= setTimeout(this.#onTimer, BATCH_MS).unref();
  }
  flush() {
    const deadline = performance.now() + FLUSH_TIMEOUT_MS;
    this.#writeBatch();
    while (this.#waiting.length > 0 || this.#batch !== "") {
      if (this.#waiting.length > 0) {
        if (performance.now() >= deadline) return;
        Atomics.wait(NEVER_NOTIFIED, 0, 0, RETRY_MS);
      }
      this.#writeBatch();
    }
  }
  #onTimer = () => {
    this.#timer = void 0;
    this.#writeBatch();
    if (this.#waiting.length > 0) this.#timer = setTimeout(this.#onTimer, RETRY_MS).unref();
  };
  /** Queues the current batch and writes as much of the queue as the reader takes. */
  #writeBatch() {
    if (this.#batch !== "") {
      const batch = Buffer.from(this.#batch);
      this.#batch = "";
      this.#batchBytes = 0;
      if (this.#waitingBytes + batch.length > MAX_WAITING_BYTES) this.#dropped += countLines(batch);
      else {
        this.#waiting.push(batch);
        this.#waitingBytes += batch.length;
      }
    }
    this.#drain();
  }
  #drain() {
    while (this.#waiting.length > 0) {
      const [batch] = this.#waiting;
      let written;
      try {
        written = this.#write(this.#fd, batch);
      } catch (error) {
        if (error.code === "EAGAIN") return;
        this.#waiting = [];
        this.#waitingBytes = 0;
        return;
      }
      this.#waitingBytes -= written;
      if (written < batch.length) {
        this.#waiting[0] = batch.subarray(written);
        return;
      }
      this.#waiting.shift();
      if (this.#waiting.length === 0 && this.#dropped > 0) this.#reportDropped();
    }
  }
  #reportDropped() {
    const lines = this.#dropped;
    this.#dropped = 0;
    const text = `{"level":40,"time":${Date.now()},"pid":${process.pid},"lines":${lines},"msg":"log lines dropped; the reader of the log is too slow"}
`;
    this.#batch = text + this.#batch;
    this.#batchBytes += Buffer.byteLength(text);
  }
};
function countLines(batch) {
  let lines = 0;
  for (const byte of batch) if (byte === 10) lines++;
  return lines;
}
var NEVER_NOTIFIED = new Int32Array(new SharedArrayBuffer(4));

// cmd/gateway/logger.ts
function createLogger(level, isShown) {
  const destination = process.stdout.isTTY ? openTerminal() : openLogDestination();
  const write = isShown ? (line) => isShown(line) && destination.write(line) : (line) => destination.write(line);
  return { logger: pino2({ level }, { write }), write, flush: () => destination.flush() };
}
function openTerminal() {
  const pretty = createRequire(import.meta.url)("pino-pretty");
  const terminal = pino2.destination({ dest: 1, sync: true });
  const stream = pretty({
    colorize: true,
    ignore: "pid,hostname",
    translateTime: "SYS:HH:MM:ss.l",
    destination: terminal
  });
  terminal.on("error", () => {
  });
  stream.on("error", () => {
  });
  return { write: (line) => void stream.write(line), flush: () => {
  } };
}
function logStartWarnings({ keys, warnings, file }, logger) {
  for (const warning of warnings) logger.warn(warning);
  if (file === DEFAULT_CONFIG_FILE) logger.info({ file }, "configuration read");
  if (!keys.jwt && !keys.issuers)
    logger.warn("no token key is configured; routes are open to everyone unless they set auth");
}

// cmd/gateway/health-verdicts.ts
var HealthVerdicts = class {
  #services = /* @__PURE__ */ new Map();
  get(service, id) {
    return this.#services.get(service)?.get(id);
  }
  /** Replaces the verdict of a node; `unchecked` removes it. */
  put(verdict) {
    const { service, id, health } = verdict;
    let verdicts = this.#services.get(service);
    if (health !== "unchecked") {
      if (!verdicts) {
        verdicts = /* @__PURE__ */ new Map();
        this.#services.set(service, verdicts);
      }
      verdicts.set(id, verdict);
    } else if (verdicts?.delete(id) && verdicts.size === 0) this.#services.delete(service);
  }
  /** Returns a copy of the verdicts of one service. */
  of(service) {
    return [...this.#services.get(service)?.values() ?? []];
  }
  /** Returns a copy of all verdicts. */
  all() {
    return [...this.#services.values()].flatMap((verdicts) => [...verdicts.values()]);
  }
};

// routes/admin/merge-pages.ts
import { setImmediate as nextTurn } from "node:timers/promises";
var STATES = ["up", "draining", "suspect", "down"];
var HEALTHS = ["healthy", "unchecked", "unhealthy"];
var BUDGETS = ["available", "exhausted"];
var BREAKERS = ["closed", "half-open", "open"];
var NODES_A_TURN = 2e3;
async function mergeRoutes(pages) {
  const sorted = newestFirst(pages);
  return {
    revision: sorted.at(-1).page.revision,
    source: mergeSource(sorted.map(({ page }) => page)),
    defaultAuth: sorted.some(({ page }) => page.defaultAuth === "none") ? "none" : "jwt",
    routes: mergeListed(sorted.flatMap(({ page }) => page.routes)),
    services: await mergeAll(sorted.flatMap(({ page }) => page.services)),
    problems: firsts(
      sorted.flatMap(({ page }) => page.problems),
      (problem) => `${problem.key}
${problem.reason}`
    ),
    workers: pages.map(({ pid, page }) => ({
      pid,
      revision: page.revision,
      connected: page.source.connected,
      stale: page.source.stale
    }))
  };
}
function mergeListed(all) {
  const merged = /* @__PURE__ */ new Map();
  for (const route of all) {
    const known = merged.get(route.id);
    merged.set(route.id, known ? { ...known, ...sumCounts(known, route) } : route);
  }
  return [...merged.values()];
}
function sumCounts(a, b) {
  return { requests: a.requests + b.requests, failures: a.failures + b.failures };
}
async function mergeServices(pages) {
  return { services: await mergeAll(pages.flatMap((page) => page.services)) };
}
function mergeMethods(pages) {
  return pages.reduce((a, b) => {
    if (a === void 0) return b;
    const descriptors = mergeDescriptors(a.descriptors, b.descriptors);
    return { ...a.descriptors.source === null ? b : a, descriptors };
  }, void 0);
}
async function mergeAll(all) {
  const merged = /* @__PURE__ */ new Map();
  let left = NODES_A_TURN;
  for (const { nodes, ...state } of all) {
    const known = merged.get(state.name);
    const service = known ?? { state, nodes: /* @__PURE__ */ new Map() };
    if (known) known.state = mergeState(known.state, state);
    else merged.set(state.name, service);
    for (const node of nodes) {
      const other = service.nodes.get(node.id);
      service.nodes.set(node.id, other ? mergeNode(other, node) : node);
      if (--left > 0) continue;
      left = NODES_A_TURN;
      await nextTurn();
    }
  }
  return [...merged.values()].map(({ state, nodes }) => ({ ...state, nodes: [...nodes.values()] })).sort((a, b) => a.name < b.name ? -1 : 1);
}
function mergeState(a, b) {
  const limit = a.limit && b.limit ? mergeLimit(a.limit, b.limit) : a.limit ?? b.limit;
  const descriptors = a.descriptors && b.descriptors ? mergeDescriptors(a.descriptors, b.descriptors) : a.descriptors ?? b.descriptors;
  return {
    name: a.name,
    panicking: a.panicking || b.panicking,
    retries: {
      budget: worst(BUDGETS, a.retries.budget, b.retries.budget),
      inFlight: a.retries.inFlight + b.retries.inFlight,
      begun: a.retries.begun + b.retries.begun,
      hedges: a.retries.hedges + b.retries.hedges,
      refused: a.retries.refused + b.retries.refused
    },
    ...limit && { limit },
    ...descriptors && { descriptors }
  };
}
function mergeDescriptors(a, b) {
  return { ...a.source === null ? b : a, problems: [.../* @__PURE__ */ new Set([...a.problems, ...b.problems])] };
}
function mergeLimit(a, b) {
  return {
    kind: a.kind,
    limit: a.limit + b.limit,
    inFlight: a.inFlight + b.inFlight,
    queued: a.queued + b.queued
  };
}
function mergeNode(a, b) {
  return {
    ...b,
    ...a,
    state: worst(STATES, a.state, b.state),
    breaker: worst(BREAKERS, a.breaker, b.breaker),
    health: worst(HEALTHS, a.health, b.health),
    inFlight: a.inFlight + b.inFlight,
    requests: a.requests + b.requests,
    failures: a.failures + b.failures,
    timeouts: a.timeouts + b.timeouts,
    ...a.sessions !== void 0 && { sessions: a.sessions + (b.sessions ?? 0) }
  };
}
function worst(order, a, b) {
  return order.indexOf(a) > order.indexOf(b) ? a : b;
}
function mergeSource(pages) {
  const all = pages.map((page) => page.source);
  const names = firsts(
    all.flatMap((source) => source.sources),
    (source) => source.name
  ).map((source) => source.name);
  return {
    registry: all[0].registry,
    ...mergeTrust(all),
    skipped: Math.max(...all.map((source) => source.skipped)),
    suspects: Math.max(...all.map((source) => source.suspects)),
    sources: names.map((name) => {
      const each = all.flatMap((source) => source.sources.filter((one) => one.name === name));
      return { ...each[0], ...mergeTrust(each), revision: smallest(each.map((one) => one.revision)) };
    })
  };
}
function mergeTrust(all) {
  const relists = {};
  for (const [reason, count] of all.flatMap((one) => Object.entries(one.relists))) {
    relists[reason] = (relists[reason] ?? 0) + count;
  }
  const ages = all.map((one) => one.ageMs);
  return {
    connected: all.every((one) => one.connected),
    stale: all.some((one) => one.stale),
    ageMs: ages.includes(void 0) ? void 0 : Math.max(...ages.map(Number)),
    reason: all.find((one) => one.reason !== void 0)?.reason,
    drift: all.reduce((sum, one) => sum + one.drift, 0),
    relists
  };
}
function newestFirst(pages) {
  const number = ({ page }) => BigInt(page.revision ?? -1);
  return [...pages].sort((a, b) => number(a) < number(b) ? 1 : number(a) > number(b) ? -1 : 0);
}
function smallest(revisions) {
  if (revisions.includes(void 0)) return void 0;
  const [first] = revisions.map((revision) => BigInt(revision)).sort((a, b) => a < b ? -1 : 1);
  return String(first);
}
function firsts(items, keyOf) {
  const byKey = /* @__PURE__ */ new Map();
  for (const item of items) if (!byKey.has(keyOf(item))) byKey.set(keyOf(item), item);
  return [...byKey.values()];
}

// routes/no-schemas.ts
var NO_SCHEMAS = {
  compilersFactory: { buildValidator: refuseSchema, buildSerializer: refuseSchema }
};
function refuseSchema() {
  throw new TypeError("the listeners have no schemas");
}

// routes/admin/live-metric.ts
function liveMetric({ name, help, type, aggregator, samples }) {
  const metric = {
    name,
    async get() {
      return { name, help, type, aggregator, values: [...samples()] };
    },
    reset() {
    }
  };
  return metric;
}

// routes/public/http1/drain-backlog.ts
import { setTimeout as delay, setImmediate as nextTurn2 } from "node:timers/promises";
var MAX_CATCH_UP_MS = 2e3;
async function untilCaughtUp(arrivals) {
  const giveUpAt = performance.now() + MAX_CATCH_UP_MS;
  let before;
  do {
    before = arrivals();
    await nextTurn2();
    await nextTurn2();
  } while (arrivals() !== before && performance.now() < giveUpAt);
}
var DrainBacklog = class {
  /** Connections accepted since this object was created that have not sent a request. */
  #silent = /* @__PURE__ */ new Set();
  /** Connections and requests that have arrived since this object was created. */
  #arrivals = 0;
  #onHeard = () => {
  };
  constructor(servers) {
    for (const server of servers) {
      server.on("connection", this.#onConnection).on("request", this.#onRequest);
    }
  }
  /** Resolves when everything that has arrived is accepted and read, see {@link untilCaughtUp}. */
  caughtUp() {
    return untilCaughtUp(() => this.#arrivals);
  }
  /** Resolves when every connection accepted since has sent a request or ended; after `withinMs` at the latest. */
  async heard(withinMs) {
    if (this.#silent.size === 0) return;
    const all = new Promise((resolve) => {
      this.#onHeard = resolve;
    });
    await Promise.race([all, delay(withinMs, void 0, { ref: false })]);
  }
  /** Notes the first request on a connection that is no longer the server's, because it speaks HTTP/2. */
  arrived(socket) {
    this.#arrivals++;
    this.#noLongerSilent(socket);
  }
  #onConnection = (socket) => {
    this.#arrivals++;
    this.#silent.add(socket);
    socket.once("close", () => this.#noLongerSilent(socket));
  };
  #onRequest = ({ socket }) => this.arrived(socket);
  #noLongerSilent(socket) {
    this.#silent.delete(socket);
    if (this.#silent.size === 0) this.#onHeard();
  }
};

export {
  countBodyBytes,
  collectStartup,
  collectStartupLater,
  createLogger,
  logStartWarnings,
  NO_SCHEMAS,
  liveMetric,
  untilCaughtUp,
  DrainBacklog,
  HealthVerdicts,
  mergeRoutes,
  mergeServices,
  mergeMethods,
  mergeTrust
};
