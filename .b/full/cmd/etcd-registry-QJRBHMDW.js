import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  Registrar,
  startRegistrar
} from "./chunk-HIQX2NWU.js";
import {
  decodeApiKey,
  decodeDescriptors,
  decodeNodes,
  decodeRevocation,
  decodeRoute
} from "./chunk-HMECFNBR.js";
import {
  DEFAULT_ROUTES_PREFIX,
  DEFAULT_SERVICES_PREFIX,
  RevisionError,
  UnreachableError,
  checkPrefix,
  createSyncTransport,
  readAllPages,
  servicesPrefixes
} from "./chunk-3YBDGG4D.js";
import {
  createEtcdClient,
  jitteredBackoffMs,
  sleep,
  systemClock
} from "./chunk-5CQDBMXF.js";
import {
  NEVER_WATCHED
} from "./chunk-R276BDE6.js";
import "./chunk-NHEHIQHC.js";
import {
  EventQueue
} from "./chunk-CLUMR5RE.js";
import "./chunk-LK776ZVL.js";
import {
  silentLogger
} from "./chunk-ZI3ZXLWK.js";
import {
  serviceOf
} from "./chunk-BHPH5BJZ.js";
import {
  codecNamed
} from "./chunk-RP6ZCZVG.js";
import "./chunk-S6UF4NQF.js";
import "./chunk-VT47CYYF.js";
import {
  isObject
} from "./chunk-H6WZLUKC.js";
import "./chunk-SJNWVKJY.js";
import {
  createNode
} from "./chunk-WSUTVFRI.js";
import "./chunk-ERV772JK.js";
import "./chunk-TUAEWWSE.js";

// discovery/etcd/follow-prefix.ts
import { join } from "node:path";

// discovery/etcd/stream-watchdog.ts
var StreamWatchdog = class {
  #options;
  /** Whether the stream answers; undefined until that is known. */
  #answers;
  #isAsked = false;
  /** Counts the silences, so that a read that comes back after one is over changes nothing. */
  #silence = 0;
  #cancel = () => {
  };
  constructor(options) {
    this.#options = options;
  }
  /** Must be called for each message of the stream. @param isEmpty whether it has no events, as an answer */
  heard(isEmpty) {
    if (this.#isAsked && isEmpty) this.#answers = true;
    this.#awaitMessage();
  }
  stop() {
    this.#silence++;
    this.#cancel();
  }
  #awaitMessage() {
    this.#isAsked = false;
    this.#silence++;
    this.#after(this.#options.timings.silenceMs, () => this.#ask());
  }
  #ask() {
    const { requestProgress, timings } = this.#options;
    let isReadComplete = false;
    if (this.#answers !== false) {
      this.#isAsked = true;
      requestProgress();
    }
    if (this.#answers !== true) {
      void this.#compare(() => {
        isReadComplete = true;
        if (this.#answers === false) this.#awaitMessage();
      });
    }
    this.#after(timings.answerMs, () => {
      if (!isReadComplete) {
        this.#options.onSilent();
        return;
      }
      this.#answers = false;
      this.#awaitMessage();
    });
  }
  async #compare(onComplete) {
    const { isComplete, timings, onSilent } = this.#options;
    const silence = this.#silence;
    let complete;
    try {
      complete = await isComplete();
    } catch {
      return;
    }
    if (silence !== this.#silence) return;
    if (complete) onComplete();
    else this.#after(timings.deliverMs, onSilent);
  }
  #after(delayMs, run) {
    this.#cancel();
    this.#cancel = this.#options.clock.after(delayMs, run);
  }
};

// discovery/etcd/sync-state.ts
function isOlderOrOther(now, before) {
  return now.clusterId !== before.clusterId || now.revision < before.revision;
}
function differences(ours, theirs) {
  const missing = [...ours.keys()].filter((key) => !theirs.has(key)).length;
  return missing + certainDifferences(ours, theirs);
}
function certainDifferences(ours, theirs, upTo) {
  let count = 0;
  for (const [key, { modRevision, value }] of theirs) {
    if (upTo !== void 0 && modRevision > upTo) continue;
    const known = ours.get(key);
    if (known?.modRevision !== modRevision || known.value !== value) count++;
  }
  return count;
}

// discovery/etcd/prefix-sync.ts
var defaultTimings = {
  // A change is seen within 4 s even if the watched member hangs, or the one that is tried next. A request
  // for a sign of life costs a few bytes. The time for its answer must be longer than a pause of the store.
  createdMs: 1500,
  silenceMs: 500,
  answerMs: 2e3,
  deliverMs: 1500,
  auditMs: [6e4, 3e5],
  firstAuditMs: [500, 3e3],
  pageSize: 500
};
var UNREACHABLE_CAP_MS = 400;
var COMPACTED = "the revision to resume from was compacted";
var OTHER_CLUSTER = "the endpoint now belongs to another cluster";
var OLDER_REVISION = "etcd is at an older revision than before";
var PrefixSync = class {
  #transport;
  #listener;
  #logger;
  #clock;
  #random;
  #timings;
  #stopping = new AbortController();
  #running;
  #table = /* @__PURE__ */ new Map();
  #revision = 0n;
  #clusterId = "";
  #attempt = 0;
  #unreachable = false;
  #connected;
  #reason;
  #confirmedAt;
  #relists = /* @__PURE__ */ new Map();
  #drift = 0;
  /** Whether the stream was lost since the table was last read or checked in full. */
  #interrupted = false;
  constructor(options) {
    this.#transport = options.transport;
    this.#listener = options.listener;
    this.#logger = options.logger ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#timings = { ...defaultTimings, ...options.timings };
  }
  start() {
    this.#running ??= this.#run();
  }
  /** Stops following. Resolves when no more callbacks will come. */
  async stop() {
    this.#stopping.abort();
    await this.#running;
  }
  /** The current table; undefined until the store was read for the first time. */
  get state() {
    if (this.#clusterId === "") return void 0;
    return { revision: this.#revision, clusterId: this.#clusterId, table: this.#table };
  }
  status() {
    return {
      connected: this.#connected ?? false,
      revision: this.#clusterId === "" ? void 0 : String(this.#revision),
      ageMs: this.#confirmedAt === void 0 ? void 0 : this.#clock.now() - this.#confirmedAt,
      relists: new Map(this.#relists),
      drift: this.#drift
    };
  }
  async #run() {
    const { signal } = this.#stopping;
    let relist = "start";
    while (!signal.aborted) {
      let ended;
      try {
        if (relist) await this.#list(relist);
        relist = void 0;
        if (signal.aborted) return;
        ended = await this.#follow();
      } catch (error) {
        ended = endedBy(error);
      }
      if (signal.aborted) return;
      relist = ended.relist ?? relist;
      if (ended.orderly) continue;
      this.#interrupted = true;
      this.#setLost(ended);
      await sleep(this.#clock, this.#backoffMs(ended.unreachable ?? false), signal);
    }
  }
  #backoffMs(unreachable) {
    if (unreachable !== this.#unreachable) this.#attempt = 0;
    this.#unreachable = unreachable;
    return jitteredBackoffMs(this.#attempt++, this.#random, unreachable ? UNREACHABLE_CAP_MS : void 0);
  }
  async #list(reason) {
    const read = await this.#readAll();
    if (this.#stopping.signal.aborted) return;
    const afterLoss = reason === "replaced" || this.state !== void 0 && isOlderOrOther(read, this.state);
    if (reason === "audit") this.#countDrift(certainDifferences(this.#table, read.table, this.#revision));
    this.#relists.set(reason, (this.#relists.get(reason) ?? 0) + 1);
    this.#table = read.table;
    this.#revision = read.revision;
    this.#clusterId = read.clusterId;
    this.#interrupted = false;
    this.#confirmedAt = this.#clock.now();
    this.#logger.debug(
      { reason, revision: String(read.revision), keys: read.table.size },
      "prefix read in full"
    );
    const { revision, clusterId, table } = read;
    this.#listener.onSnapshot({ revision, clusterId, table }, afterLoss);
  }
  /** Reads the prefix in full, at `revision` or at the current one. */
  async #readAll(revision) {
    const table = /* @__PURE__ */ new Map();
    const at = await readAllPages({
      read: (request) => this.#transport.readPage(request),
      limit: this.#timings.pageSize,
      revision,
      take: (item) => table.set(item.key, item)
    });
    return { ...at, table };
  }
  /** Watches the prefix. Resolves when the stream has ended or must be given up. */
  #follow() {
    const { signal } = this.#stopping;
    const { createdMs } = this.#timings;
    return new Promise((resolve) => {
      let over = false;
      let created = false;
      let checkedUpTo = this.#revision;
      let pieces = [];
      let stopAudits = () => {
      };
      const finish = (ended, broken = false) => {
        if (over) return;
        over = true;
        stopWaiting();
        watchdog.stop();
        stopAudits();
        signal.removeEventListener("abort", onStop);
        stream.close(broken);
        resolve(ended);
      };
      const onStop = () => finish({ reason: "stopped", orderly: true });
      const watchdog = new StreamWatchdog({
        clock: this.#clock,
        timings: this.#timings,
        requestProgress: () => stream.requestProgress(),
        isComplete: async () => {
          const ours = this.#revision;
          const read = await this.#transport.readProgress(checkedUpTo);
          const doubt = doubtAboutRead(read, ours, this.#clusterId);
          if (doubt) finish(doubt);
          if (over || this.#lacks(read)) return false;
          checkedUpTo = read.revision;
          this.#confirmedAt = this.#clock.now();
          return true;
        },
        onSilent: () => finish({ reason: "etcd is silent", unreachable: true }, true)
      });
      const onMessage = (message) => {
        if (over) return;
        const doubt = this.#doubtAbout(message, created);
        if (doubt) {
          finish(doubt);
          return;
        }
        if (message.created) {
          created = true;
          this.#attempt = 0;
          stopAudits = this.#scheduleAudits(finish);
          if (!this.#connected) this.#setConnected(true);
        }
        this.#confirmedAt = this.#clock.now();
        stopWaiting();
        watchdog.heard(!message.created && message.events.length === 0);
        for (const event of message.events) pieces.push(event);
        if (message.fragment || pieces.length === 0) return;
        const events = pieces;
        pieces = [];
        this.#apply(events);
      };
      const stream = this.#transport.watch(this.#revision + 1n, {
        onMessage: (message) => {
          try {
            onMessage(message);
          } catch (error) {
            this.#logger.error({ err: error }, "applying an event failed");
            finish({ reason: "applying an event failed", relist: "failed" });
          }
        },
        onEnd: (error) => finish(endedBy(error))
      });
      signal.addEventListener("abort", onStop, { once: true });
      const patienceMs = this.#attempt > 2 ? 2 * createdMs : createdMs;
      const stopWaiting = this.#clock.after(
        patienceMs,
        () => finish({ reason: "etcd does not answer", unreachable: true }, true)
      );
    });
  }
  #doubtAbout(message, created) {
    if (message.canceled) {
      const reason = message.cancelReason || "etcd canceled the watch";
      return message.compactRevision > 0n ? { reason: COMPACTED, relist: "compacted" } : { reason };
    }
    if (message.clusterId !== this.#clusterId) {
      return { reason: OTHER_CLUSTER, relist: "cluster-changed" };
    }
    if (message.created && message.revision < this.#revision) {
      return { reason: OLDER_REVISION, relist: "behind" };
    }
    if (!created && !message.created) return { reason: "etcd sent events before it confirmed the watch" };
    return void 0;
  }
  /** Whether a read shows a change that no event has brought: a later write, or, after a deletion, fewer keys. */
  #lacks({ newest }) {
    return newest !== void 0 && (newest.modRevision > this.#revision || newest.count !== this.#table.size);
  }
  #apply(events) {
    const last = /* @__PURE__ */ new Map();
    for (const event of events) if (event.modRevision > this.#revision) last.set(event.key, event);
    if (last.size === 0) return;
    const puts = [];
    const deletes = [];
    for (const { type, key, value, modRevision, lease } of last.values()) {
      if (type === "delete") {
        this.#table.delete(key);
        deletes.push(key);
      } else {
        const item = { key, value, modRevision, lease };
        this.#table.set(key, item);
        puts.push(item);
      }
    }
    this.#revision = events.at(-1).modRevision;
    const state = { revision: this.#revision, clusterId: this.#clusterId, table: this.#table };
    this.#listener.onChange(puts, deletes, state);
  }
  /** Compares the table with the store from time to time while it is being followed. */
  #scheduleAudits(finish) {
    let stopped = false;
    let failures = 0;
    let cancel = () => {
    };
    const schedule = ([from, to]) => {
      cancel = this.#clock.after(from + this.#random() * (to - from), () => void audit());
    };
    const audit = async () => {
      try {
        const ended = await this.#audit(() => stopped);
        if (stopped) return;
        if (ended) {
          finish(ended);
          return;
        }
        failures = 0;
        this.#interrupted = false;
      } catch (error) {
        if (stopped) return;
        if (++failures > 1) {
          finish(
            { ...endedBy(error), reason: `reading the prefix failed: ${error.message}` },
            true
          );
          return;
        }
      }
      schedule(failures > 0 ? this.#timings.firstAuditMs : this.#timings.auditMs);
    };
    schedule(this.#interrupted ? this.#timings.firstAuditMs : this.#timings.auditMs);
    return () => {
      stopped = true;
      cancel();
    };
  }
  async #audit(stopped) {
    const table = new Map(this.#table);
    const revision = this.#revision;
    try {
      const read = await this.#readAll(revision);
      if (stopped()) return void 0;
      if (read.clusterId !== this.#clusterId) {
        return { reason: OTHER_CLUSTER, relist: "cluster-changed" };
      }
      const found = differences(table, read.table);
      if (found === 0) {
        this.#confirmedAt = this.#clock.now();
        return void 0;
      }
      if (this.#interrupted)
        return { reason: "etcd's keys changed during the outage", relist: "replaced", orderly: true };
      this.#countDrift(found);
      return { reason: "the table had drifted from etcd", relist: "drift", orderly: true };
    } catch (error) {
      if (!(error instanceof RevisionError)) throw error;
      if (error.kind === "compacted") return { reason: COMPACTED, relist: "audit", orderly: true };
      return { reason: OLDER_REVISION, relist: "behind" };
    }
  }
  #countDrift(found) {
    if (found === 0) return;
    this.#drift += found;
    this.#logger.error({ differences: found }, "table had drifted from etcd; reading it again");
  }
  #setLost({ reason, relist, unreachable }) {
    const isNews = !unreachable && relist === void 0 && reason !== this.#reason;
    if (this.#connected !== false || isNews) this.#setConnected(false, reason);
  }
  #setConnected(connected, reason) {
    this.#connected = connected;
    this.#reason = reason;
    this.#logger.debug({ connected, reason, revision: String(this.#revision) }, "connection changed");
    this.#listener.onConnected(connected, reason);
  }
};
function doubtAboutRead(read, revision, clusterId) {
  if (read.clusterId !== clusterId) return { reason: OTHER_CLUSTER, relist: "cluster-changed" };
  return read.revision < revision ? { reason: OLDER_REVISION, relist: "behind" } : void 0;
}
function endedBy(error) {
  const reason = error instanceof Error ? error.message : String(error);
  return { reason, unreachable: error instanceof UnreachableError };
}

// discovery/etcd/snapshot-file.ts
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
var VERSION = 2;
var DEBOUNCE_MS = 500;
var SnapshotFile = class {
  #options;
  #logger;
  #pending;
  #timer;
  #writing = Promise.resolve();
  #failed = false;
  constructor(options) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
  }
  /**
   * Reads the last saved state. Resolves with undefined when there is no file, or, with a warning, an
   * unusable one.
   */
  async load() {
    const { path, prefix } = this.#options;
    try {
      return decode(await readFile(path, "utf8"), prefix);
    } catch (error) {
      const { code, message } = error;
      if (code !== "ENOENT") this.#logger.warn({ path, reason: message }, "ignoring the snapshot on disk");
      return void 0;
    }
  }
  /** Schedules a write. The state is read at the time of the write, so its table may change until then. */
  save(state) {
    this.#pending = state;
    this.#timer ??= setTimeout(() => void this.flush(), this.#options.debounceMs ?? DEBOUNCE_MS).unref();
  }
  /** Writes what was passed to `save()` now. Resolves when it is on disk or could not be written. */
  flush() {
    clearTimeout(this.#timer);
    this.#timer = void 0;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }
  async #write() {
    const state = this.#pending;
    if (!state) return;
    this.#pending = void 0;
    const { path, prefix } = this.#options;
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(temporary, encode(state, prefix), { mode: 384, flush: true });
      await rename(temporary, path);
      this.#failed = false;
    } catch (error) {
      if (!this.#failed)
        this.#logger.warn({ path, reason: error.message }, "writing the snapshot failed");
      this.#failed = true;
      await rm(temporary, { force: true }).catch(() => {
      });
    }
  }
};
function encode({ revision, clusterId, table }, prefix) {
  const keys = [...table.values()].map(({ key, value, modRevision, lease }) => {
    return [key, value, String(modRevision), ...lease === void 0 ? [] : [lease]];
  });
  const content = JSON.stringify({ prefix, revision: String(revision), clusterId, keys });
  return `${JSON.stringify({ version: VERSION, sha256: checksum(content) })}
${content}`;
}
function decode(text, prefix) {
  const newline = text.indexOf("\n");
  const head = parse(newline < 0 ? text : text.slice(0, newline));
  if (head.version !== VERSION) throw new TypeError(`its version is ${String(head.version)}, not ${VERSION}`);
  const content = newline < 0 ? "" : text.slice(newline + 1);
  if (head.sha256 !== checksum(content)) throw new TypeError("its checksum does not match");
  const file = parse(content);
  if (file.prefix !== prefix) throw new TypeError(`it holds the prefix ${String(file.prefix)}, not ${prefix}`);
  const { clusterId, keys } = file;
  if (typeof clusterId !== "string" || !Array.isArray(keys)) throw new TypeError("it is not a snapshot");
  const items = keys.map(decodeKey);
  return {
    revision: decodeRevision(file.revision),
    clusterId,
    table: new Map(items.map((item) => [item.key, item]))
  };
}
function checksum(content) {
  return createHash("sha256").update(content).digest("hex");
}
function parse(text) {
  if (text === "") throw new TypeError("it is empty");
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new TypeError("it is not a snapshot", { cause: error });
  }
  if (!isObject(parsed)) throw new TypeError("it is not a snapshot");
  return parsed;
}
function decodeKey(row) {
  const [key, value, modRevision, lease] = Array.isArray(row) ? row : [];
  if (typeof key !== "string" || typeof value !== "string") throw new TypeError("it is not a snapshot");
  return {
    key,
    value,
    modRevision: decodeRevision(modRevision),
    ...typeof lease === "string" && { lease }
  };
}
function decodeRevision(value) {
  if (typeof value !== "string" || !/^\d{1,19}$/.test(value)) throw new TypeError("it is not a snapshot");
  return BigInt(value);
}

// discovery/etcd/follow-prefix.ts
var DISK_AFTER_MS = 500;
function followPrefix(options) {
  const { client, push, dataDir, timings, logger } = options;
  const { name: source, scope, decode: decode2, fileName } = options.source;
  const file = dataDir === void 0 ? void 0 : new SnapshotFile({ path: join(dataDir, fileName), prefix: source, logger });
  let served;
  const pushSnapshot = (state, from, afterLoss) => {
    const revision = String(state.revision);
    const entries = lazily([...state.table.values()], decode2);
    push({ type: "snapshot", source, scope, revision, entries, from, afterLoss });
  };
  const sync = new PrefixSync({
    transport: createSyncTransport(client, source),
    logger,
    timings,
    listener: {
      onSnapshot: (state, afterLoss) => {
        pushSnapshot(state, "store", afterLoss || served !== void 0 && isOlderOrOther(state, served));
        served = void 0;
        file?.save(state);
      },
      onChange: (puts, deletes, state) => {
        const revision = String(state.revision);
        push({ type: "change", source, scope, revision, puts: puts.map(decode2), deletes });
        file?.save(state);
      },
      onConnected: (connected, reason) => {
        push({ type: "status", source, scope, connected, reason });
        if (!connected) void serveDisk();
      }
    }
  });
  let isDiskServed = false;
  const serveDisk = async () => {
    if (isDiskServed || sync.state) return;
    isDiskServed = true;
    const state = await file?.load();
    if (!state || sync.state) return;
    logger.warn(
      { source, scope, revision: String(state.revision) },
      "etcd does not answer; serving the snapshot on disk"
    );
    served = state;
    pushSnapshot(state, "disk", false);
  };
  const timer = setTimeout(() => void serveDisk(), DISK_AFTER_MS).unref();
  sync.start();
  return {
    status: () => sync.status(),
    async stop() {
      clearTimeout(timer);
      await sync.stop();
      await file?.flush();
    }
  };
}
function lazily(items, decode2) {
  return {
    length: items.length,
    *[Symbol.iterator]() {
      for (const item of items) yield decode2(item);
    }
  };
}

// discovery/etcd/prefix-source.ts
function nodesSource({ prefix, format = "auto", service }, own) {
  const codec = codecNamed(format);
  return {
    name: prefix,
    scope: "nodes",
    decode: (item) => decodeNodes(codec, prefix, service, item),
    fileName: prefix === own ? "etcd-nodes.json" : `etcd-nodes-${encodeURIComponent(prefix)}.json`
  };
}
function routesSource(prefix) {
  const decode2 = (item) => decodeRoute(prefix, item);
  return { name: prefix, scope: "routes", decode: decode2, fileName: "etcd-routes.json" };
}
function apiKeysSource(prefix) {
  const decode2 = (item) => decodeApiKey(prefix, item);
  return { name: prefix, scope: "api-keys", decode: decode2, fileName: "etcd-api-keys.json" };
}
function revocationsSource(prefix) {
  const decode2 = (item) => decodeRevocation(prefix, item);
  return { name: prefix, scope: "revocations", decode: decode2, fileName: "etcd-revocations.json" };
}
function descriptorsSource(prefix) {
  const decode2 = (item) => decodeDescriptors(prefix, item);
  return { name: prefix, scope: "descriptors", decode: decode2, fileName: "etcd-descriptors.json" };
}

// discovery/etcd/etcd-registry.ts
var PAGE_SIZE = 1e3;
var EtcdRegistry = class {
  name = "etcd";
  keptBy = "services";
  #client;
  #options;
  #logger;
  #servicesPrefix;
  #nodeSources;
  #sources;
  #registrars = /* @__PURE__ */ new Set();
  #closing = new AbortController();
  #stopping = /* @__PURE__ */ new Set();
  /** The followed prefixes of the watch that was started last, by source. */
  #followed = /* @__PURE__ */ new Map();
  /** @throws TypeError when the options are invalid */
  constructor(options) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#servicesPrefix = checkPrefix(options.servicesPrefix ?? DEFAULT_SERVICES_PREFIX);
    const routesPrefix = checkPrefix(options.routesPrefix ?? DEFAULT_ROUTES_PREFIX);
    this.#nodeSources = servicesPrefixes(
      { prefix: this.#servicesPrefix, format: options.format },
      options.sources ?? [],
      routesPrefix
    );
    this.#sources = [
      ...this.#nodeSources.map((source) => nodesSource(source, this.#servicesPrefix)),
      ...options.withRoutes === false ? [] : [routesSource(routesPrefix)],
      ...options.apiKeysPrefix === void 0 ? [] : [apiKeysSource(checkPrefix(options.apiKeysPrefix))],
      ...options.revocationsPrefix === void 0 ? [] : [revocationsSource(checkPrefix(options.revocationsPrefix))],
      ...options.descriptorsPrefix === void 0 ? [] : [descriptorsSource(checkPrefix(options.descriptorsPrefix))]
    ];
    this.#client = createEtcdClient(options);
  }
  get sources() {
    return this.#sources;
  }
  async init() {
  }
  async register(input, options = {}) {
    const { signal, ttlSeconds } = options;
    signal?.throwIfAborted();
    const key = this.#keyOf(createNode(input));
    const former = this.#registered(key);
    const registrar = new Registrar({
      client: this.#client,
      key,
      node: input,
      ttlSeconds,
      logger: this.#logger,
      checkMs: this.#options.checkMs,
      onLeave: () => this.#registrars.delete(registrar)
    });
    this.#registrars.add(registrar);
    await startRegistrar(registrar, signal);
    await Promise.all(former.map((each) => each.unregister()));
    return registrar;
  }
  async unregister(service, id) {
    const key = this.#keyOf({ service, id });
    await Promise.all(this.#registered(key).map((registrar) => registrar.unregister()));
    await this.#client.kv.deleteRange({ key: Buffer.from(key) });
  }
  async getService(name) {
    const reads = this.#nodeSources.map(async (source, index) => {
      if (source.service !== void 0 && source.service !== name) return [];
      const prefix = source.service === void 0 ? `${source.prefix}${name}/` : source.prefix;
      const items = [];
      const transport = createSyncTransport(this.#client, prefix);
      await readAllPages({ read: transport.readPage, limit: PAGE_SIZE, take: (item) => items.push(item) });
      return items.map(this.#sources[index].decode);
    });
    return serviceOf(name, (await Promise.all(reads)).flat());
  }
  watch(signal) {
    const ending = AbortSignal.any([signal, this.#closing.signal]);
    const followed = [];
    const queue = new EventQueue(ending, () => {
      for (const each of followed) this.#track(each.stop());
    });
    if (ending.aborted) return queue;
    const { dataDir, timings } = this.#options;
    for (const source of this.#sources) {
      const each = followPrefix({
        client: this.#client,
        source,
        push: (event) => queue.push(event),
        dataDir,
        timings,
        logger: this.#logger
      });
      followed.push(each);
      this.#followed.set(source.name, each);
    }
    return queue;
  }
  status(source) {
    return this.#followed.get(source)?.status() ?? NEVER_WATCHED;
  }
  async close() {
    this.#closing.abort();
    await Promise.all([...this.#registrars].map((registrar) => registrar.unregister()));
    await Promise.all(this.#stopping);
    this.#client.close();
  }
  #registered(key) {
    return [...this.#registrars].filter((registrar) => registrar.key === key);
  }
  #keyOf({ service, id }) {
    return `${this.#servicesPrefix}${service}/${id}`;
  }
  #track(work) {
    this.#stopping.add(work);
    void work.finally(() => this.#stopping.delete(work));
  }
};
export {
  EtcdRegistry
};
