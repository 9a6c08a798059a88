import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  WORKER_MARK
} from "./chunk-PK6VYO3W.js";
import {
  IS_SOURCE,
  PACKAGE_FOLDER
} from "./chunk-JL3NSOMA.js";
import {
  openAdmin
} from "./chunk-F3IZEVG3.js";
import {
  HealthVerdicts,
  collectStartupLater,
  liveMetric,
  logStartWarnings,
  mergeMethods,
  mergeRoutes,
  mergeServices,
  untilCaughtUp
} from "./chunk-UVHUT7R4.js";
import {
  onHangup,
  untilSignal
} from "./chunk-X3Q2FBLJ.js";
import {
  checkLoaded
} from "./chunk-7SR6D3FF.js";
import "./chunk-OTMXRMHD.js";
import {
  startOwnEtcd,
  wantsEmbeddedEtcd
} from "./chunk-GIEW764W.js";
import "./chunk-RP6ZCZVG.js";
import "./chunk-S6UF4NQF.js";
import "./chunk-VT47CYYF.js";
import "./chunk-H6WZLUKC.js";
import {
  RemoteError,
  formatError
} from "./chunk-P2GILPID.js";
import {
  urlOf
} from "./chunk-TFXGDFEC.js";
import "./chunk-CM57QZRA.js";
import "./chunk-G4RAHNLO.js";
import {
  ConfigError
} from "./chunk-TVBUVZWG.js";
import "./chunk-ZFOIPJL2.js";
import "./chunk-G6XK4LIS.js";
import "./chunk-SJNWVKJY.js";
import "./chunk-WSUTVFRI.js";
import {
  require_prom_client
} from "./chunk-KIIECDAZ.js";
import "./chunk-AOMYOS2X.js";
import "./chunk-UF6LBCNO.js";
import "./chunk-ERV772JK.js";
import "./chunk-N56F7YL5.js";
import "./chunk-X7I5JA7V.js";
import "./chunk-4QJQ3U3V.js";
import "./chunk-W6G3N2K2.js";
import {
  __toESM
} from "./chunk-TUAEWWSE.js";

// cmd/workers/primary.ts
import cluster3 from "node:cluster";

// cmd/workers/health-relay.ts
var HealthRelay = class {
  #verdicts = new HealthVerdicts();
  #checker;
  /** The workers that have all current verdicts. */
  #informed = /* @__PURE__ */ new Set();
  /** Sends the verdicts to new workers, and moves the checks to another worker if the present one stopped serving. */
  update(serving) {
    this.#informed = new Set(serving.filter((worker) => this.#informed.has(worker)));
    for (const worker of serving) {
      if (this.#informed.has(worker)) continue;
      this.#informed.add(worker);
      worker.sendHealth({ verdicts: this.#verdicts.all(), isAll: true });
    }
    if (this.#checker && this.#informed.has(this.#checker)) return;
    const next = serving.find((worker) => worker.isLoaded) ?? serving[0];
    this.#checker = next;
    if (!next) return;
    next.onHealth = (news) => this.#relay(next, news);
    next.check();
  }
  #relay(from, news) {
    if (from !== this.#checker) return;
    if (news.isAll) this.#verdicts = new HealthVerdicts();
    for (const verdict of news.verdicts) this.#verdicts.put(verdict);
    for (const worker of this.#informed) if (worker !== from) worker.sendHealth(news);
  }
};

// cmd/workers/pool.ts
import cluster2 from "node:cluster";
import { setTimeout as delay } from "node:timers/promises";

// cmd/workers/handovers.ts
var sentTo = /* @__PURE__ */ new WeakMap();
var handedOver = 0;
function countHandedOver() {
  return handedOver;
}
function endUntakenConnection(worker) {
  let last;
  const send = worker.send;
  worker.send = function(message, handle, ...rest) {
    if (isHandle(handle)) {
      last = handle;
      handedOver++;
      sentTo.set(handle, worker);
    }
    return Reflect.apply(send, this, [message, handle, ...rest]);
  };
  worker.once("exit", () => {
    if (last && sentTo.get(last) === worker) last.close();
  });
}
function isHandle(handle) {
  return typeof handle === "object" && handle !== null && "close" in handle;
}

// cmd/workers/shared-listeners.ts
import { channel } from "node:diagnostics_channel";
import { Server } from "node:net";
var listening = channel("tracing:net.server.listen:asyncEnd");
var SharedListeners = class {
  #handles = [];
  /** Collects the sockets opened from now on. */
  constructor() {
    listening.subscribe(this.#onListening);
  }
  /** Accepts the connections that are already pending, then closes the sockets. */
  async close() {
    listening.unsubscribe(this.#onListening);
    let accepted = 0;
    for (const handle of this.#handles) {
      const { onconnection } = handle;
      handle.onconnection = (error, connection) => {
        accepted++;
        onconnection(error, connection);
      };
    }
    await untilCaughtUp(() => accepted);
    for (const handle of this.#handles.splice(0)) handle.close();
  }
  #onListening = (message) => {
    const { server } = message;
    if (server._handle && Object.getPrototypeOf(server) === Server.prototype)
      this.#handles.push(server._handle);
  };
};

// cmd/workers/stripped-sources.ts
import { globSync, readFileSync } from "node:fs";
import * as nodeModule from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
var FOLDERS = "{cmd,config,discovery,internal,middleware,routes,wrappers}/**/*.ts";
var RECEIVE = `
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
const sources = new Map(JSON.parse(readFileSync(0, 'utf8')))
registerHooks({
  load(url, context, next) {
    const source = sources.get(url)
    if (source === undefined) return next(url, context)
    sources.delete(url)
    return { format: 'module', source, shortCircuit: true }
  },
})
`;
function stripSources() {
  if (!IS_SOURCE || !("registerHooks" in nodeModule)) return void 0;
  const files = globSync(FOLDERS, { cwd: PACKAGE_FOLDER }).map((file) => join(PACKAGE_FOLDER, file));
  const sources = quietly(
    () => files.map((file) => [
      pathToFileURL(file).href,
      nodeModule.stripTypeScriptTypes(readFileSync(file, "utf8"))
    ])
  );
  return {
    execArgv: ["--import", `data:text/javascript,${encodeURIComponent(RECEIVE)}`],
    text: JSON.stringify(sources)
  };
}
function quietly(run) {
  const { emitWarning } = process;
  process.emitWarning = () => {
  };
  try {
    return run();
  } finally {
    process.emitWarning = emitWarning;
  }
}

// cmd/workers/worker-process.ts
import cluster from "node:cluster";
var ONE_ARENA = { MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? "1" };
var KILL_MARGIN_MS = 5e3;
var WorkerProcess = class {
  /** Undefined when the system could not create the process. */
  pid;
  startedAt = performance.now();
  /** Resolves with the address it listens on. Rejects when it cannot listen, or exits before it does. */
  listening;
  exited;
  /** Its final totals, received just before it exits. */
  last = [];
  /** Called with the verdicts of its health checks. */
  onHealth = () => {
  };
  #worker;
  #settings;
  #asks = /* @__PURE__ */ new Map();
  #nextAsk = 0;
  #isListening = false;
  #isLoaded = false;
  #isEnding = false;
  /** @throws Error when the system refuses a process synchronously; most refusals show as an exit instead */
  constructor(settings, listen, sources) {
    this.#settings = settings;
    this.#worker = cluster.fork({ ...ONE_ARENA, ...WORKER_MARK });
    this.pid = this.#worker.process.pid;
    this.#worker.process.stdin?.on("error", () => {
    }).end(sources?.text);
    endUntakenConnection(this.#worker.process);
    const listening2 = Promise.withResolvers();
    const exited = Promise.withResolvers();
    this.listening = listening2.promise;
    this.listening.catch(() => {
    });
    this.exited = exited.promise;
    this.#worker.on("message", (message) => {
      switch (message.type) {
        case "listening":
          this.#isListening = true;
          return listening2.resolve(message.address);
        case "loaded":
          this.#isLoaded = true;
          return;
        case "failed":
          return listening2.reject(new RemoteError(message.text));
        case "part":
          return void this.#asks.get(message.id)?.parts.push(message.part);
        case "answered":
          return this.#answered(message.id);
        case "health":
          return this.onHealth(message.news);
        case "last":
          return void this.last.push(message.metric);
        default:
          return message;
      }
    });
    const end = (exit, reason) => {
      this.#isListening = false;
      listening2.reject(new RemoteError(reason));
      for (const id of this.#asks.keys()) this.#asks.get(id).settle(void 0);
      exited.resolve(exit);
    };
    this.#worker.once(
      "exit",
      (code, signal) => end(
        { code, signal },
        `waygate: worker ${this.pid} exited before it listened (${signal ?? `exit code ${code}`})`
      )
    );
    this.#worker.on("error", (error) => {
      if (this.pid === void 0)
        end({ code: null, signal: null }, `waygate: a worker cannot be started (${error.message})`);
    });
    this.#send({ type: "start", settings, listen });
  }
  /** Whether it gets connections: it listens and has not been asked to end. */
  get isServing() {
    return this.#isListening && !this.#isEnding;
  }
  /** Whether it has a table to serve from. */
  get isLoaded() {
    return this.#isLoaded;
  }
  /** Whether it was asked to end. */
  get isEnding() {
    return this.#isEnding;
  }
  /** Makes it run the health checks. One worker at a time does. */
  check() {
    this.#send({ type: "check" });
  }
  /** Sends it the verdicts of the worker that runs the health checks. */
  sendHealth(news) {
    this.#send({ type: "health", news });
  }
  /**
   * Asks for the parts of a page. Without a page, only checks that it answers, and resolves with no parts. Resolves
   * with undefined when it does not answer in time.
   */
  ask(page, withinMs) {
    const id = this.#nextAsk++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(void 0), withinMs);
      const settle = (parts) => {
        clearTimeout(timer);
        this.#asks.delete(id);
        resolve(parts);
      };
      this.#asks.set(id, { parts: [], settle });
      this.#send({ type: "ask", id, ...page && { page } });
    });
  }
  /** Ends it because another has replaced it: it accepts no more connections, and exits when its clients have left. */
  retire() {
    const { drainMs, shutdownTimeoutMs } = this.#settings.config;
    this.#end("retire", Math.max(drainMs, shutdownTimeoutMs) + shutdownTimeoutMs);
  }
  /** Ends it because the whole gateway shuts down. It keeps serving until `leave()` is called. */
  drain() {
    const { drainMs, shutdownTimeoutMs } = this.#settings.config;
    this.#end("drain", drainMs + shutdownTimeoutMs);
  }
  /** Says that the last connection has been handed over. */
  leave() {
    this.#send({ type: "leave" });
  }
  kill() {
    this.#isEnding = true;
    this.#worker.process.kill("SIGKILL");
  }
  #end(type, withinMs) {
    this.#isEnding = true;
    this.#send({ type });
    const timer = setTimeout(() => this.kill(), withinMs + KILL_MARGIN_MS);
    void this.exited.then(() => clearTimeout(timer));
  }
  #answered(id) {
    const ask = this.#asks.get(id);
    ask?.settle(ask.parts);
  }
  #send(message) {
    if (this.#worker.isConnected()) this.#worker.send(message, () => {
    });
  }
};

// cmd/workers/pool.ts
var STABLE_AFTER_MS = 3e4;
var READY_WITHIN_MS = 3e4;
var TRIES = 5;
var TAKEN_WITHIN_MS = 4e3;
var FIRST_DELAY_MS = 100;
var LONGEST_DELAY_MS = 1e4;
function restartDelayMs(failures, random = Math.random) {
  const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
  return Math.round(longest * (0.5 + random() / 2));
}
var WorkerPool = class {
  #logger;
  #onLast;
  #onServing;
  #all = /* @__PURE__ */ new Set();
  #slots = [];
  #stopping = new AbortController();
  #sources = stripSources();
  #listeners = new SharedListeners();
  #settings;
  #restarts = 0;
  constructor(settings, { logger, onLast, onServing }) {
    this.#settings = settings;
    this.#logger = logger;
    this.#onLast = onLast;
    this.#onServing = onServing;
    cluster2.schedulingPolicy = cluster2.SCHED_RR;
    if (this.#sources) {
      cluster2.setupPrimary({
        execArgv: [...process.execArgv, ...this.#sources.execArgv],
        stdio: ["pipe", "inherit", "inherit", "ipc"]
      });
    }
    process.once("exit", () => this.killAll());
  }
  /** All running workers, including those that are about to end. */
  get all() {
    return [...this.#all];
  }
  /** The workers that get connections. */
  get serving() {
    return this.#slots.map((slot) => slot.worker).filter((worker) => worker.isServing);
  }
  /** How many crashed workers have been replaced. */
  get restarts() {
    return this.#restarts;
  }
  /**
   * Starts the first workers. Resolves with the address they listen on.
   *
   * @throws Error with the reason when one of them cannot start; none is left running then
   */
  async start(count) {
    const workers = Array.from({ length: count }, () => this.#fork("at-once"));
    try {
      const [address] = await Promise.all(workers.map((worker) => worker.listening));
      for (const worker of workers) this.#put(worker);
      return address;
    } catch (error) {
      this.#stopping.abort();
      this.killAll();
      throw error;
    }
  }
  /**
   * Replaces all workers by `count` new ones, one by one: each new worker takes connections before an old one stops.
   *
   * @throws Error with the reason when a new worker cannot serve. If it is the first one, nothing has changed.
   *   Otherwise the settings have proved to work and stay: earlier places have new workers, and later ones get them
   *   when the old workers end
   */
  async replace(settings, count) {
    const first = await this.#forkReady(settings);
    this.#settings = settings;
    this.#put(first, 0);
    for (let index = 1; index < count; index++) this.#put(await this.#forkReadyAgain(settings), index);
    for (const slot of this.#slots.splice(count)) slot.worker.retire();
  }
  /** Lets all workers finish the requests in flight. Resolves when none is left. */
  async stop() {
    this.#stopping.abort();
    for (const worker of this.#all) worker.drain();
    await delay(this.#settings.config.drainMs);
    await this.#handOverLast();
    for (const worker of this.#all) worker.leave();
    await Promise.all([...this.#all].map((worker) => worker.exited));
  }
  /** Accepts the pending connections and closes the sockets. Resolves when workers have taken all connections. */
  async #handOverLast() {
    await this.#listeners.close();
    const giveUpAt = performance.now() + TAKEN_WITHIN_MS;
    let before;
    do {
      before = countHandedOver();
      await Promise.all([...this.#all].map((worker) => worker.ask(void 0, TAKEN_WITHIN_MS)));
    } while (countHandedOver() !== before && performance.now() < giveUpAt);
  }
  killAll() {
    for (const worker of this.#all) worker.kill();
  }
  #put(worker, index = this.#slots.length) {
    const slot = this.#slots[index] ?? { worker, failures: 0 };
    this.#slots[index] = slot;
    if (slot.worker !== worker) slot.worker.retire();
    slot.worker = worker;
    slot.failures = 0;
    this.#onServing();
    void this.#keep(slot, worker);
  }
  /** Replaces the worker of a slot when it exits without having been asked to. */
  async #keep(slot, worker) {
    const exit = await worker.exited;
    if (worker.isEnding || this.#stopping.signal.aborted) return;
    if (performance.now() - worker.startedAt > STABLE_AFTER_MS) slot.failures = 0;
    const waitMs = restartDelayMs(slot.failures++);
    this.#logger.error({ worker: worker.pid, ...exit, replacedInMs: waitMs }, "worker crashed");
    await delay(waitMs, void 0, { signal: this.#stopping.signal }).catch(() => {
    });
    if (this.#stopping.signal.aborted || slot.worker !== worker || !this.#slots.includes(slot)) return;
    try {
      slot.worker = this.#fork("when-loaded");
    } catch (error) {
      this.#logger.error({ reason: error.message }, "worker failed to start");
      return this.#keep(slot, worker);
    }
    this.#restarts++;
    slot.worker.listening.then(
      this.#onServing,
      (error) => this.#logger.error({ reason: error.message }, "worker failed to start")
    );
    void this.#keep(slot, slot.worker);
  }
  async #forkReadyAgain(settings) {
    for (let failures = 0; ; failures++) {
      try {
        return await this.#forkReady(settings);
      } catch (error) {
        if (this.#stopping.signal.aborted || failures + 1 >= TRIES) throw error;
        this.#logger.error({ reason: error.message }, "worker failed to start");
        await delay(restartDelayMs(failures), void 0, { signal: this.#stopping.signal }).catch(() => {
        });
      }
    }
  }
  /** Starts a worker, and resolves when it listens, which it does once it has its table. */
  async #forkReady(settings) {
    this.#stopping.signal.throwIfAborted();
    const worker = this.#fork("when-loaded", settings);
    const giveUp = AbortSignal.any([AbortSignal.timeout(READY_WITHIN_MS), this.#stopping.signal]);
    const givenUp = new Promise((_, reject) => {
      giveUp.addEventListener(
        "abort",
        () => reject(new Error(`the worker has no table after ${READY_WITHIN_MS} ms`))
      );
    });
    try {
      await Promise.race([worker.listening, givenUp]);
      return worker;
    } catch (error) {
      worker.kill();
      throw error;
    }
  }
  #fork(listen, settings = this.#settings) {
    const worker = new WorkerProcess(settings, listen, this.#sources);
    this.#all.add(worker);
    void worker.exited.then((exit) => this.#ended(worker, exit));
    return worker;
  }
  #ended(worker, exit) {
    this.#all.delete(worker);
    this.#onServing();
    if (!worker.isEnding) return;
    if (exit.code === 0) this.#onLast(worker);
    else this.#logger.warn({ worker: worker.pid, ...exit }, "worker did not exit cleanly");
  }
};

// cmd/workers/reload.ts
var FIXED = {
  adminHost: (config) => config.adminHost,
  adminPort: (config) => config.adminPort,
  adminToken: (config) => config.adminToken,
  "etcd.embedded": (config) => config.etcd.embedded
};
async function reloadSource(load, old, logger) {
  try {
    const source = load();
    await checkLoaded(source.loaded);
    const { config, sourceOf } = source.loaded;
    if (wantsEmbeddedEtcd(config) && !wantsEmbeddedEtcd(old)) {
      throw new ConfigError([
        {
          path: "$.etcd.endpoints",
          message: "must not be removed without a restart: only a restart can switch to the embedded etcd",
          source: sourceOf("etcd")
        }
      ]);
    }
    logStartWarnings(source.loaded, logger);
    const fixed = Object.keys(FIXED).filter((path) => FIXED[path](config) !== FIXED[path](old));
    if (fixed.length > 0)
      logger.warn({ settings: fixed }, "changed settings need a restart; keeping the old values");
    return source;
  } catch (error) {
    if (!(error instanceof ConfigError))
      logger.error({ reason: formatError(error) }, "new configuration rejected; keeping the current one");
    else {
      for (const { source, path, message } of error.problems) {
        logger.error({ source, path, reason: message }, "new configuration rejected; keeping the current one");
      }
    }
    return void 0;
  }
}

// routes/admin/merge-metrics.ts
var import_prom_client = __toESM(require_prom_client(), 1);
import { setImmediate as nextTurn } from "node:timers/promises";
async function mergeMetrics(processes) {
  const merged = [];
  for (const registry of aggregate(processes)) {
    merged.push(...await registry.getMetricsAsJSON());
    await nextTurn();
  }
  return merged;
}
async function renderMerged(processes) {
  const texts = [];
  for (const registry of aggregate(processes)) {
    texts.push(await registry.metrics());
    await nextTurn();
  }
  return texts.filter((text) => text.trim() !== "").join("\n");
}
function* aggregate(processes) {
  const byName = Map.groupBy(processes.flat(), (metric) => metric.name);
  for (const metrics of byName.values())
    yield import_prom_client.AggregatorRegistry.aggregate([[...metrics]]);
}

// routes/admin/primary-metrics.ts
var import_prom_client2 = __toESM(require_prom_client(), 1);
function createPrimaryMetrics(counts) {
  const registry = new import_prom_client2.Registry();
  (0, import_prom_client2.collectDefaultMetrics)({ register: registry });
  const live = (type, name, help, value) => registry.registerMetric(
    liveMetric({ type, name, help, aggregator: "sum", samples: () => [{ labels: {}, value: value() }] })
  );
  live("gauge", "waygate_workers", "Workers that accept connections.", counts.workers);
  live(
    "counter",
    "waygate_worker_restarts_total",
    "Workers that were replaced because they crashed.",
    counts.restarts
  );
  live(
    "counter",
    "waygate_worker_silent_total",
    "How often a worker did not answer the admin listener in time and was left out of a page.",
    counts.silent
  );
  return async () => await registry.getMetricsAsJSON();
}

// cmd/workers/worker-pages.ts
var ANSWER_WITHIN_MS = 2e3;
var WorkerPages = class {
  #ownMetrics = createPrimaryMetrics({
    workers: () => this.#pool?.serving.length ?? 0,
    restarts: () => this.#pool?.restarts ?? 0,
    silent: () => this.#silent
  });
  /** The totals of workers that have ended. */
  #past = [];
  /** The workers whose totals are included in `#past`. */
  #kept = /* @__PURE__ */ new WeakSet();
  /** The latest addition to `#past`; each starts when the one before has finished. */
  #keeping = Promise.resolve();
  #pool;
  #isStopping = false;
  #silent = 0;
  /** Sets the pool whose workers are shown. Before that, there is nothing to show. */
  show(pool) {
    this.#pool = pool;
  }
  /** Reports not ready from now on. */
  stop() {
    this.#isStopping = true;
  }
  /** Keeps the totals of a worker that has ended, so that the totals shown do not fall. */
  keep(worker) {
    const kept = this.#keeping.then(() => this.#add(worker));
    this.#keeping = kept.catch(() => {
    });
    return kept;
  }
  async #add(worker) {
    if (worker.last.length === 0) return;
    const totals = worker.last.filter(
      ({ name, type }) => name.startsWith("waygate_") && (type === "counter" || type === "histogram")
    );
    const merged = await mergeMetrics([this.#past, totals]);
    const tries = totals.find(({ name }) => name === "waygate_node_tries_total");
    const nodes = new Set(tries?.values.map(({ labels }) => nodeOf(labels)));
    const isKept = ({ labels }) => !labels.node || nodes.has(nodeOf(labels));
    this.#past = merged.map((metric) => ({ ...metric, values: metric.values.filter(isKept) }));
    this.#kept.add(worker);
  }
  isReady() {
    const serving = this.#pool?.serving ?? [];
    return !this.#isStopping && serving.length > 0 && serving.every((worker) => worker.isLoaded);
  }
  async routes() {
    const answers = await this.#ask("routes", this.#pool?.serving ?? []);
    const pages = answers.map(({ worker, parts }) => ({
      // It has answered, so it has a process.
      pid: worker.pid,
      page: parts[0]
    }));
    return pages.length > 0 ? mergeRoutes(pages) : NO_ROUTES;
  }
  async services() {
    const answers = await this.#ask("services", this.#pool?.serving ?? []);
    return mergeServices(answers.map(({ parts }) => parts[0]));
  }
  async methods(service) {
    const answers = await this.#ask({ methodsOf: service }, this.#pool?.serving ?? []);
    return mergeMethods(answers.flatMap(({ parts }) => parts[0] ?? []));
  }
  /** Renders the metrics of all workers, including those that finish their last requests. */
  async metrics() {
    const answers = await this.#ask("metrics", this.#pool?.all ?? []);
    await this.#keeping;
    return renderMerged([
      ...answers.filter(({ worker }) => !this.#kept.has(worker)).map(({ parts }) => parts),
      this.#past,
      await this.#ownMetrics()
    ]);
  }
  async #ask(page, workers) {
    const answers = await Promise.all(
      workers.map(async (worker) => ({ worker, parts: await worker.ask(page, ANSWER_WITHIN_MS) }))
    );
    const heard = answers.filter(({ parts }) => parts !== void 0 && parts.length > 0);
    this.#silent += answers.length - heard.length;
    return heard;
  }
};
var NO_ROUTES = {
  revision: null,
  source: {
    registry: "",
    connected: false,
    stale: true,
    ageMs: void 0,
    reason: "no worker answers",
    drift: 0,
    relists: {},
    skipped: 0,
    suspects: 0,
    sources: []
  },
  defaultAuth: null,
  routes: [],
  services: [],
  problems: [],
  workers: []
};
function nodeOf(labels) {
  return `${labels.service} ${labels.node}`;
}

// cmd/workers/primary.ts
async function servePrimary(source, { load, countWorkers, log: { logger, flush } }) {
  if (!cluster3.isPrimary) {
    throw new Error("workers: this process is itself a cluster worker of another program; set workers to 1");
  }
  let isReloading = true;
  let isReloadDue = false;
  let isStopping = false;
  onHangup(() => {
    isReloadDue = true;
    void reload();
  });
  await checkLoaded(source.loaded);
  let { config } = source.loaded;
  let etcd;
  let admin;
  const pages = new WorkerPages();
  const health = new HealthRelay();
  const settings = ({ loaded, keyFiles }) => ({
    // With port 0, only this process knows the actual port.
    config: { ...loaded.config, adminPort: admin?.address.port ?? loaded.config.adminPort },
    keyFiles,
    embeddedUrl: wantsEmbeddedEtcd(loaded.config) ? etcd?.url : void 0
  });
  async function reload() {
    if (isReloading) return;
    isReloading = true;
    while (isReloadDue && !isStopping) {
      isReloadDue = false;
      await replaceAll();
    }
    isReloading = false;
  }
  async function replaceAll() {
    const begunAt = performance.now();
    logger.info("reloading the configuration");
    const next = await reloadSource(load, config, logger);
    if (!next) return;
    const count = countWorkers(next.loaded);
    try {
      await pool.replace(settings(next), count);
      config = next.loaded.config;
      logger.level = config.logLevel;
      const tookMs = Math.round(performance.now() - begunAt);
      logger.info({ workers: count, tookMs }, "new configuration is active");
    } catch (error) {
      if (!isStopping) logger.error({ reason: formatError(error) }, "new configuration could not be applied");
    }
  }
  const closeAll = async () => {
    await admin?.close();
    await etcd?.close();
  };
  let pool;
  try {
    etcd = await startOwnEtcd(config, logger);
    admin = await openAdmin(pages, config, logger);
    pool = new WorkerPool(settings(source), {
      logger,
      onLast: (worker) => pages.keep(worker).catch((error) => logger.error({ err: error }, "totals of an ended worker are lost")),
      onServing: () => health.update(pool.serving)
    });
    pages.show(pool);
    const address = await pool.start(countWorkers(source.loaded));
    logger.info(
      { public: urlOf(address), admin: urlOf(admin.address), workers: pool.serving.length },
      "waygate is listening"
    );
    flush();
    collectStartupLater(() => false);
  } catch (error) {
    await closeAll();
    throw error;
  }
  isReloading = false;
  void reload();
  const signal = await untilSignal();
  isStopping = true;
  pages.stop();
  logger.info({ signal }, "shutting down; a second signal exits at once");
  await pool.stop();
  await closeAll();
}
export {
  servePrimary
};
