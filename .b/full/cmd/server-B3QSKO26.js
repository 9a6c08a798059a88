import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  require_src,
  require_src2
} from "./chunk-LK776ZVL.js";
import {
  __toESM
} from "./chunk-TUAEWWSE.js";

// discovery/embedded-etcd/server.ts
var grpc2 = __toESM(require_src2(), 1);
import { randomBytes } from "node:crypto";
import { createServer, isIPv4, isIPv6 } from "node:net";

// discovery/embedded-etcd/grpc.ts
var grpc = __toESM(require_src2(), 1);
var import_proto_loader = __toESM(require_src(), 1);
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

// discovery/embedded-etcd/errors.ts
var ERRORS = {
  emptyKey: ["INVALID_ARGUMENT", "etcdserver: key is not provided"],
  keyNotFound: ["INVALID_ARGUMENT", "etcdserver: key not found"],
  valueProvided: ["INVALID_ARGUMENT", "etcdserver: value is provided"],
  leaseProvided: ["INVALID_ARGUMENT", "etcdserver: lease is provided"],
  tooManyOps: ["INVALID_ARGUMENT", "etcdserver: too many operations in txn request"],
  duplicateKey: ["INVALID_ARGUMENT", "etcdserver: duplicate key given in txn request"],
  requestTooLarge: ["INVALID_ARGUMENT", "etcdserver: request is too large"],
  compacted: ["OUT_OF_RANGE", "etcdserver: mvcc: required revision has been compacted"],
  futureRevision: ["OUT_OF_RANGE", "etcdserver: mvcc: required revision is a future revision"],
  leaseNotFound: ["NOT_FOUND", "etcdserver: requested lease not found"],
  leaseExists: ["FAILED_PRECONDITION", "etcdserver: lease already exists"],
  leaseTtlTooLarge: ["OUT_OF_RANGE", "etcdserver: too large lease TTL"],
  stopped: ["UNAVAILABLE", "etcdserver: server stopped"]
};
var EtcdError = class extends Error {
  status;
  constructor(status2, message) {
    super(message);
    this.name = "EtcdError";
    this.status = status2;
  }
};
function etcdError(reason) {
  const [status2, message] = ERRORS[reason];
  return new EtcdError(status2, message);
}

// discovery/embedded-etcd/grpc.ts
var ETCD_SERVICES = ["KV", "Watch", "Lease", "Cluster", "Maintenance", "Auth"];
var sizes = /* @__PURE__ */ new WeakMap();
function loadEtcdServices() {
  const etcd3 = dirname(createRequire(import.meta.url).resolve("etcd3/package.json"));
  const definitions = (0, import_proto_loader.loadSync)(join(etcd3, "proto", "rpc.proto"), {
    keepCase: true,
    longs: String,
    defaults: true,
    oneofs: true
  });
  return Object.fromEntries(
    ETCD_SERVICES.map((name) => [
      name,
      withSizes(definitions[`etcdserverpb.${name}`])
    ])
  );
}
function requestBytes(request) {
  return sizes.get(request) ?? 0;
}
function unary(handler) {
  return (call, callback) => {
    try {
      callback(null, handler(call.request));
    } catch (error) {
      callback(toStatus(error));
    }
  };
}
function fail(stream, error) {
  stream.emit("error", toStatus(error));
}
function toStatus(error) {
  if (error instanceof EtcdError) return { code: grpc.status[error.status], details: error.message };
  return { code: grpc.status.INTERNAL, details: error instanceof Error ? error.message : String(error) };
}
function withSizes(service) {
  const measured = Object.entries(service).map(([name, method]) => [
    name,
    {
      ...method,
      requestDeserialize(bytes) {
        const request = method.requestDeserialize(bytes);
        sizes.set(request, bytes.length);
        return request;
      }
    }
  ]);
  return Object.fromEntries(measured);
}

// discovery/embedded-etcd/key-range.ts
function keyName(key) {
  return key.toString("latin1");
}
function keyRange(key, rangeEnd) {
  const from = keyName(key);
  if (rangeEnd.length === 0) return { from, to: `${from}\0` };
  if (rangeEnd.length === 1 && rangeEnd[0] === 0) return { from, to: void 0 };
  return { from, to: keyName(rangeEnd) };
}
function contains(range2, name) {
  return name >= range2.from && (range2.to === void 0 || name < range2.to);
}

// discovery/embedded-etcd/requests.ts
var SORT_ORDERS = ["none", "ascend", "descend"];
var SORT_TARGETS = ["key", "version", "createRevision", "modRevision", "value"];
var COMPARE_RESULTS = ["equal", "greater", "less", "notEqual"];
var COMPARE_TARGETS = ["version", "createRevision", "modRevision", "value", "lease"];

// discovery/embedded-etcd/kv-requests.ts
var MAX_TXN_OPS = 128;
function readRange(wire) {
  return {
    range: keyRange(checkKey(wire.key), wire.range_end),
    limit: Number(wire.limit),
    revision: BigInt(wire.revision),
    sortOrder: SORT_ORDERS[wire.sort_order] ?? "none",
    sortTarget: SORT_TARGETS[wire.sort_target] ?? "key",
    keysOnly: wire.keys_only,
    countOnly: wire.count_only,
    modRevision: { min: BigInt(wire.min_mod_revision), max: BigInt(wire.max_mod_revision) },
    createRevision: { min: BigInt(wire.min_create_revision), max: BigInt(wire.max_create_revision) }
  };
}
function readPut(wire) {
  const lease = BigInt(wire.lease);
  const key = checkKey(wire.key);
  if (wire.ignore_value && wire.value.length > 0) throw etcdError("valueProvided");
  if (wire.ignore_lease && lease !== 0n) throw etcdError("leaseProvided");
  const { value, prev_kv: prevKv, ignore_value: ignoreValue, ignore_lease: ignoreLease } = wire;
  return { key, value, lease, prevKv, ignoreValue, ignoreLease };
}
function readDelete(wire) {
  return { range: keyRange(checkKey(wire.key), wire.range_end), prevKv: wire.prev_kv };
}
function readTxn(wire, maxOps = MAX_TXN_OPS) {
  const size = Math.max(wire.compare.length, wire.success.length, wire.failure.length);
  if (size > maxOps) throw etcdError("tooManyOps");
  return {
    compares: wire.compare.map(readCompare),
    success: wire.success.map((op) => readOp(op, maxOps - size)),
    failure: wire.failure.map((op) => readOp(op, maxOps - size))
  };
}
function readOp(wire, maxOps) {
  if (wire.request_range) return { kind: "range", request: readRange(wire.request_range) };
  if (wire.request_put) return { kind: "put", request: readPut(wire.request_put) };
  if (wire.request_delete_range) return { kind: "delete", request: readDelete(wire.request_delete_range) };
  if (wire.request_txn) return { kind: "txn", request: readTxn(wire.request_txn, maxOps) };
  throw etcdError("keyNotFound");
}
function readCompare(wire) {
  const range2 = keyRange(checkKey(wire.key), wire.range_end);
  const result = COMPARE_RESULTS[wire.result] ?? "equal";
  const target = COMPARE_TARGETS[wire.target] ?? "version";
  return { range: range2, result, target, operand: readOperand(wire, target) };
}
function readOperand(wire, target) {
  switch (target) {
    case "value":
      return wire.value ?? Buffer.alloc(0);
    case "version":
      return BigInt(wire.version ?? 0);
    case "createRevision":
      return BigInt(wire.create_revision ?? 0);
    case "modRevision":
      return BigInt(wire.mod_revision ?? 0);
    case "lease":
      return BigInt(wire.lease ?? 0);
    default:
      return target;
  }
}
function checkKey(key) {
  if (key.length === 0) throw etcdError("emptyKey");
  return key;
}

// discovery/embedded-etcd/put.ts
function checkPut(store, leases, request) {
  if ((request.ignoreValue || request.ignoreLease) && !store.latest(request.key))
    throw etcdError("keyNotFound");
  if (request.lease !== 0n && !leases.has(request.lease)) throw etcdError("leaseNotFound");
}
function put(store, writer, request) {
  const present = request.ignoreValue || request.ignoreLease ? store.latest(request.key) : void 0;
  const value = request.ignoreValue && present ? present.value : request.value;
  const lease = request.ignoreLease && present ? present.lease : request.lease;
  const previous = writer.put(request.key, value, lease);
  return { revision: writer.revision, previous: request.prevKv ? previous : void 0 };
}
function deleteRange(store, writer, request) {
  const deleted = writer.delete(request.range);
  return { revision: store.revision, deleted: deleted.length, previous: request.prevKv ? deleted : [] };
}

// discovery/embedded-etcd/range.ts
function range(store, request) {
  const all = store.range(request.range, request.revision);
  const { revision } = store;
  const { keysOnly } = request;
  if (request.countOnly) return { revision, kvs: [], keysOnly, more: false, count: all.length };
  const { limit, modRevision, createRevision } = request;
  let kvs = all;
  if (isSet(modRevision)) kvs = kvs.filter((kv) => passes(modRevision, kv.modRevision));
  if (isSet(createRevision)) kvs = kvs.filter((kv) => passes(createRevision, kv.createRevision));
  kvs = sort(kvs, request);
  const more = limit > 0 && kvs.length > limit;
  return { revision, kvs: more ? kvs.slice(0, limit) : kvs, keysOnly, more, count: all.length };
}
function isSet({ min, max }) {
  return min !== 0n || max !== 0n;
}
function passes({ min, max }, revision) {
  return (min === 0n || revision >= min) && (max === 0n || revision <= max);
}
function sort(kvs, { sortOrder, sortTarget }) {
  if (sortTarget === "key") return sortOrder === "descend" ? kvs.toReversed() : kvs;
  const direction = sortOrder === "descend" ? -1 : 1;
  return kvs.toSorted((a, b) => direction * compareBy(sortTarget, a, b));
}
function compareBy(target, a, b) {
  if (target === "value") return Buffer.compare(a.value, b.value);
  if (a[target] === b[target]) return 0;
  return a[target] < b[target] ? -1 : 1;
}

// discovery/embedded-etcd/txn.ts
function txn(store, leases, request) {
  const decided = decide(store, request);
  check(store, leases, decided);
  return store.write((writer) => apply(store, writer, decided));
}
function decide(store, request) {
  const succeeded = request.compares.every((compare) => holds(store, compare));
  const ops = (succeeded ? request.success : request.failure).map(
    (op) => op.kind === "txn" ? { kind: "txn", txn: decide(store, op.request) } : op
  );
  return { succeeded, ops };
}
function check(store, leases, { ops }) {
  for (const op of ops) {
    switch (op.kind) {
      case "range":
        store.checkRevision(op.request.revision);
        break;
      case "put":
        checkPut(store, leases, op.request);
        break;
      case "txn":
        check(store, leases, op.txn);
        break;
      case "delete":
        break;
      default:
        op;
    }
  }
}
function apply(store, writer, decided) {
  const results = decided.ops.map((op) => {
    switch (op.kind) {
      case "range":
        return { kind: "range", result: range(store, op.request) };
      case "put":
        return { kind: "put", result: put(store, writer, op.request) };
      case "delete":
        return { kind: "delete", result: deleteRange(store, writer, op.request) };
      case "txn":
        return { kind: "txn", result: apply(store, writer, op.txn) };
      default:
        return op;
    }
  });
  return { revision: store.revision, succeeded: decided.succeeded, results };
}
var MISSING = { version: 0n, createRevision: 0n, modRevision: 0n, lease: 0n };
function holds(store, compare) {
  const kvs = store.range(compare.range);
  if (kvs.length > 0) return kvs.every((kv) => relates(compare, kv));
  return compare.target !== "value" && relates(compare, MISSING);
}
function relates({ target, result, operand }, kv) {
  const order = target === "value" ? Buffer.compare(kv.value, operand) : orderOf(kv[target], operand);
  switch (result) {
    case "equal":
      return order === 0;
    case "notEqual":
      return order !== 0;
    case "greater":
      return order > 0;
    case "less":
      return order < 0;
    default:
      return result;
  }
}
function orderOf(a, b) {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

// discovery/embedded-etcd/txn-overlap.ts
function checkOverlap(request) {
  writesOf(request.success);
  writesOf(request.failure);
}
function writesOf(ops) {
  const puts = /* @__PURE__ */ new Set();
  const deletes = ops.flatMap((op) => op.kind === "delete" ? [op.request.range] : []);
  const addPut = (name, mayRepeat = false) => {
    if (puts.has(name) && !mayRepeat) throw etcdError("duplicateKey");
    if (deletes.some((range2) => contains(range2, name))) throw etcdError("duplicateKey");
    puts.add(name);
  };
  for (const op of ops) {
    if (op.kind !== "txn") continue;
    const then = writesOf(op.request.success);
    const otherwise = writesOf(op.request.failure);
    for (const name of then.puts) addPut(name);
    for (const name of otherwise.puts) addPut(name, then.puts.has(name));
    deletes.push(...then.deletes, ...otherwise.deletes);
  }
  for (const op of ops) if (op.kind === "put") addPut(keyName(op.request.key));
  return { puts, deletes };
}

// discovery/embedded-etcd/key-value.ts
function isDeletion(kv) {
  return kv.version === 0n;
}
function eventBytes({ kv, previous }) {
  const previousBytes = previous ? previous.key.length + previous.value.length + 32 : 0;
  return kv.key.length + kv.value.length + previousBytes + 48;
}

// discovery/embedded-etcd/wire.ts
function toLong(value) {
  return {
    low: Number(BigInt.asIntN(32, value)),
    high: Number(BigInt.asIntN(32, value >> 32n)),
    unsigned: false
  };
}
function toWireKeyValue(kv, keysOnly = false) {
  const common = {
    key: kv.key,
    create_revision: toLong(kv.createRevision),
    mod_revision: toLong(kv.modRevision),
    version: toLong(kv.version),
    lease: toLong(kv.lease)
  };
  return keysOnly ? common : { ...common, value: kv.value };
}
function toWireEvent({ kv, previous }, prevKv) {
  const event = { type: isDeletion(kv) ? 1 : 0, kv: toWireKeyValue(kv) };
  return prevKv && previous ? { ...event, prev_kv: toWireKeyValue(previous) } : event;
}
var RAFT_TERM = 1n;

// discovery/embedded-etcd/kv-service.ts
function createKvService({ store, leases, header, maxRequestBytes }) {
  const checkSize = (request) => {
    if (requestBytes(request) > maxRequestBytes) throw etcdError("requestTooLarge");
  };
  return {
    Range: unary((request) => wireRange(range(store, readRange(request)), header)),
    Put: unary((wire) => {
      checkSize(wire);
      const request = readPut(wire);
      checkPut(store, leases, request);
      return wirePut(
        store.write((writer) => put(store, writer, request)),
        header
      );
    }),
    DeleteRange: unary((wire) => {
      checkSize(wire);
      const request = readDelete(wire);
      return wireDelete(
        store.write((writer) => deleteRange(store, writer, request)),
        header
      );
    }),
    Txn: unary((wire) => {
      checkSize(wire);
      const request = readTxn(wire);
      checkOverlap(request);
      return wireTxn(txn(store, leases, request), header);
    }),
    Compact: unary((request) => {
      store.compact(BigInt(request.revision));
      return { header: header(store.revision) };
    })
  };
}
var innerHeader = (revision) => ({ revision: toLong(revision) });
function wireRange({ revision, kvs, keysOnly, more, count }, header) {
  return { header: header(revision), kvs: kvs.map((kv) => toWireKeyValue(kv, keysOnly)), more, count };
}
function wirePut({ revision, previous }, header) {
  return { header: header(revision), prev_kv: previous ? toWireKeyValue(previous) : null };
}
function wireDelete({ revision, deleted, previous }, header) {
  return { header: header(revision), deleted, prev_kvs: previous.map((kv) => toWireKeyValue(kv)) };
}
function wireTxn({ revision, succeeded, results }, header) {
  return { header: header(revision), succeeded, responses: results.map(wireOp) };
}
function wireOp(op) {
  switch (op.kind) {
    case "range":
      return { response_range: wireRange(op.result, innerHeader) };
    case "put":
      return { response_put: wirePut(op.result, innerHeader) };
    case "delete":
      return { response_delete_range: wireDelete(op.result, innerHeader) };
    case "txn":
      return { response_txn: wireTxn(op.result, () => innerHeader(0n)) };
    default:
      return op;
  }
}

// discovery/embedded-etcd/lease-expiry.ts
var MAX_DELAY_MS = 2147483647;
var STALL_MS = 1e3;
var LeaseExpiry = class {
  #options;
  #timer;
  #dueAtMs = Number.POSITIVE_INFINITY;
  constructor(options) {
    this.#options = options;
  }
  /** Schedules a granted lease. Renewals and removals are noticed when the timer fires. */
  schedule(expiresAtMs) {
    if (expiresAtMs >= this.#dueAtMs) return;
    clearTimeout(this.#timer);
    const now = this.#options.now();
    this.#dueAtMs = Math.min(expiresAtMs, now + MAX_DELAY_MS);
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, Math.ceil(this.#dueAtMs - now)));
    this.#timer.unref();
  }
  close() {
    clearTimeout(this.#timer);
  }
  #fire() {
    const { leases, now, expire } = this.#options;
    if (now() - this.#dueAtMs > STALL_MS) leases.renewAll();
    for (const id of leases.expired()) expire(id);
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    this.schedule(leases.nextExpiryMs());
  }
};

// discovery/embedded-etcd/lease-service.ts
function createLeaseService({ store, leases, now, header }) {
  store.listen(leases);
  const present = () => header(store.revision);
  const expiry = new LeaseExpiry({ leases, now, expire: revoke });
  const open = /* @__PURE__ */ new Set();
  function revoke(id) {
    const names = leases.remove(id);
    if (!names) return false;
    store.write((writer) => {
      for (const name of names) writer.delete({ from: name, to: `${name}\0` });
    });
    return true;
  }
  return {
    handlers: {
      LeaseGrant: unary((request) => {
        const { id, ttlSeconds, expiresAtMs } = leases.grant(BigInt(request.ID), BigInt(request.TTL));
        expiry.schedule(expiresAtMs);
        return { header: present(), ID: toLong(id), TTL: toLong(ttlSeconds) };
      }),
      LeaseRevoke: unary((request) => {
        if (!revoke(BigInt(request.ID))) throw etcdError("leaseNotFound");
        return { header: present() };
      }),
      LeaseKeepAlive(call) {
        open.add(call);
        const forget = () => void open.delete(call);
        call.on("data", ({ ID }) => {
          const id = BigInt(ID);
          call.write({ header: present(), ID: toLong(id), TTL: toLong(leases.renew(id)) });
        });
        call.on("end", () => call.end());
        call.on("cancelled", forget);
        call.on("close", forget);
        call.on("error", forget);
      },
      LeaseTimeToLive: unary((request) => {
        const id = BigInt(request.ID);
        const lease = leases.describe(id);
        if (!lease) return { header: present(), ID: toLong(id), TTL: toLong(-1n) };
        return {
          header: present(),
          ID: toLong(id),
          TTL: toLong(lease.ttlSeconds),
          grantedTTL: toLong(lease.grantedSeconds),
          keys: request.keys ? lease.keys.map((name) => Buffer.from(name, "latin1")) : []
        };
      }),
      LeaseLeases: unary(() => ({
        header: present(),
        leases: leases.list().map((id) => ({ ID: toLong(id) }))
      }))
    },
    close() {
      expiry.close();
      for (const call of [...open]) fail(call, etcdError("stopped"));
    }
  };
}

// discovery/embedded-etcd/lease-table.ts
var MAX_TTL_SECONDS = 9000000000n;
var LeaseTable = class {
  #leases = /* @__PURE__ */ new Map();
  #options;
  constructor(options) {
    this.#options = options;
  }
  has(id) {
    return this.#leases.has(id);
  }
  /**
   * Creates a lease. With id 0 the table chooses the id.
   *
   * @throws EtcdError when the id is taken or the TTL is above etcd's maximum
   */
  grant(wantedId, wantedTtlSeconds) {
    if (wantedTtlSeconds > MAX_TTL_SECONDS) throw etcdError("leaseTtlTooLarge");
    if (this.#leases.has(wantedId)) throw etcdError("leaseExists");
    let id = wantedId;
    while (id === 0n || wantedId === 0n && this.#leases.has(id)) id = this.#options.randomId();
    const { minTtlSeconds } = this.#options;
    const ttlSeconds = wantedTtlSeconds < minTtlSeconds ? minTtlSeconds : wantedTtlSeconds;
    const expiresAtMs = this.#end(ttlSeconds);
    this.#leases.set(id, { id, ttlSeconds, keys: /* @__PURE__ */ new Set(), expiresAtMs });
    return { id, ttlSeconds, expiresAtMs };
  }
  /** Restarts the time of a lease. Returns its TTL in seconds, or 0 when there is no such lease. */
  renew(id) {
    const lease = this.#leases.get(id);
    if (!lease) return 0n;
    lease.expiresAtMs = this.#end(lease.ttlSeconds);
    return lease.ttlSeconds;
  }
  /** Removes a lease. Returns the names of its keys in order, or undefined when there is no such lease. */
  remove(id) {
    const lease = this.#leases.get(id);
    if (!lease) return void 0;
    this.#leases.delete(id);
    return [...lease.keys].sort();
  }
  /**
   * Returns the whole seconds left, the granted time and the keys of a lease; undefined when there is none.
   */
  describe(id) {
    const lease = this.#leases.get(id);
    if (!lease) return void 0;
    const leftMs = Math.max(0, lease.expiresAtMs - this.#options.now());
    return {
      ttlSeconds: BigInt(Math.trunc(leftMs / 1e3)),
      grantedSeconds: lease.ttlSeconds,
      keys: [...lease.keys].sort()
    };
  }
  /** Returns the ids of all leases, ordered by when they expire. */
  list() {
    return [...this.#leases.values()].sort((a, b) => a.expiresAtMs - b.expiresAtMs).map((lease) => lease.id);
  }
  /** Returns when the next lease expires; Infinity when there is none. */
  nextExpiryMs() {
    let next = Number.POSITIVE_INFINITY;
    for (const { expiresAtMs } of this.#leases.values()) next = Math.min(next, expiresAtMs);
    return next;
  }
  /** Returns the ids of the leases that have expired. */
  expired() {
    const now = this.#options.now();
    return [...this.#leases.values()].filter((lease) => lease.expiresAtMs <= now).map((lease) => lease.id);
  }
  /** Restarts the time of every lease. */
  renewAll() {
    for (const id of this.#leases.keys()) this.renew(id);
  }
  /**
   * Applies changes of the store: a key belongs to the lease of its last put, and to none once it is deleted.
   */
  committed(events) {
    for (const { name, kv, previous } of events) {
      if (previous && previous.lease !== kv.lease) this.#leases.get(previous.lease)?.keys.delete(name);
      if (kv.lease !== 0n) this.#leases.get(kv.lease)?.keys.add(name);
    }
  }
  #end(ttlSeconds) {
    return this.#options.now() + Number(ttlSeconds) * 1e3;
  }
};

// discovery/embedded-etcd/member-services.ts
var VERSION = "3.4.0+waygate";
function createClusterService({ store, memberId, header, url }) {
  return {
    MemberList: unary(() => ({
      header: header(store.revision),
      members: [
        { ID: toLong(memberId), name: "embedded", peerURLs: [], clientURLs: [url], isLearner: false }
      ]
    }))
  };
}
function createMaintenanceService({ store, memberId, header }) {
  return {
    Status: unary(() => {
      const { revision, bytes } = store;
      return {
        header: header(revision),
        version: VERSION,
        dbSize: bytes,
        dbSizeInUse: bytes,
        leader: toLong(memberId),
        raftIndex: toLong(revision),
        raftAppliedIndex: toLong(revision),
        raftTerm: toLong(RAFT_TERM),
        errors: [],
        isLearner: false
      };
    }),
    Alarm: unary(() => ({ header: header(store.revision), alarms: [] }))
  };
}
function createAuthService(definition) {
  const refuse = unary(() => {
    throw new EtcdError("UNIMPLEMENTED", "the embedded etcd has no authentication; use a real etcd for that");
  });
  return Object.fromEntries(Object.keys(definition).map((method) => [method, refuse]));
}

// discovery/embedded-etcd/event-log.ts
var EventLog = class {
  #events = [];
  #bytes = 0;
  get length() {
    return this.#events.length;
  }
  /** The approximate memory of the events. */
  get bytes() {
    return this.#bytes;
  }
  at(position) {
    return this.#events[position];
  }
  append(events) {
    for (const event of events) {
      this.#events.push(event);
      this.#bytes += eventBytes(event);
    }
  }
  /** Returns the position of the first event at `revision` or later. */
  position(revision) {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = low + high >>> 1;
      if (this.#events[middle].kv.modRevision < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  /** Drops the events before `revision`. */
  trim(revision) {
    for (const dropped of this.#events.splice(0, this.position(revision))) {
      this.#bytes -= eventBytes(dropped);
    }
  }
};

// discovery/embedded-etcd/key-index.ts
var KeyIndex = class {
  #states = /* @__PURE__ */ new Map();
  #names = [];
  #bytes = 0;
  /** The size of all keys and values in all their states. */
  get bytes() {
    return this.#bytes;
  }
  /** Returns the current state of a key; undefined when it does not exist. */
  latest(name) {
    const kv = this.#states.get(name)?.at(-1);
    return kv && !isDeletion(kv) ? kv : void 0;
  }
  /** Returns the states at `revision` of all keys in the range that existed then, in key order. */
  range(range2, revision) {
    const found = [];
    for (let at = this.#lowerBound(range2.from); at < this.#names.length; at++) {
      const name = this.#names[at];
      if (range2.to !== void 0 && name >= range2.to) break;
      const kv = stateAt(this.#states.get(name), revision);
      if (kv && !isDeletion(kv)) found.push(kv);
    }
    return found;
  }
  append(name, kv) {
    this.#bytes += bytesOf(kv);
    const states = this.#states.get(name);
    if (states) {
      states.push(kv);
      return;
    }
    this.#states.set(name, [kv]);
    if (this.#names.length === 0 || this.#names.at(-1) < name) this.#names.push(name);
    else this.#names.splice(this.#lowerBound(name), 0, name);
  }
  /** Drops the states of these keys that no read at `revision` or later needs. */
  compact(names, revision) {
    let vanished = false;
    for (const name of names) {
      const states = this.#states.get(name);
      if (!states) continue;
      let keep = states.findLastIndex((kv) => kv.modRevision <= revision);
      if (keep === -1) continue;
      if (isDeletion(states[keep])) keep++;
      for (const dropped of states.splice(0, keep)) this.#bytes -= bytesOf(dropped);
      if (states.length > 0) continue;
      this.#states.delete(name);
      vanished = true;
    }
    if (vanished) this.#names = this.#names.filter((name) => this.#states.has(name));
  }
  /** Returns the position of the first name that is not less than `name`. */
  #lowerBound(name) {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = low + high >>> 1;
      if (this.#names[middle] < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
};
function bytesOf(kv) {
  return kv.key.length + kv.value.length;
}
function stateAt(states, revision) {
  for (let at = states.length - 1; at >= 0; at--) {
    if (states[at].modRevision <= revision) return states[at];
  }
  return void 0;
}

// discovery/embedded-etcd/store.ts
var NOTHING = Buffer.alloc(0);
var Store = class {
  log = new EventLog();
  #index = new KeyIndex();
  #bounds;
  #listeners = [];
  #revision = 1n;
  #compactRevision = -1n;
  #open = [];
  constructor(bounds) {
    this.#bounds = bounds;
  }
  /** The current revision. Inside a write that has changed something, it is already the new one. */
  get revision() {
    return this.#open.length > 0 ? this.#revision + 1n : this.#revision;
  }
  /** The oldest revision that can be read; -1 before the first compaction. */
  get compactRevision() {
    return this.#compactRevision;
  }
  /** The size of all keys and values, including past states. */
  get bytes() {
    return this.#index.bytes;
  }
  /** Adds a listener. Listeners are called in the order in which they were added. */
  listen(listener) {
    this.#listeners.push(listener);
  }
  latest(key) {
    return this.#index.latest(keyName(key));
  }
  /**
   * Returns the keys of the range as they were at `revision` (0 means now), in key order.
   *
   * @throws EtcdError when that revision was compacted or is in the future
   */
  range(range2, revision = 0n) {
    this.checkRevision(revision);
    return this.#index.range(range2, revision > 0n ? revision : this.revision);
  }
  checkRevision(revision) {
    if (revision > this.revision) throw etcdError("futureRevision");
    if (revision > 0n && revision < this.#compactRevision) throw etcdError("compacted");
  }
  /**
   * Runs `change`, whose changes become one revision. Reads inside `change` see them at once. There is no
   * rollback, so `change` must check everything before its first change.
   */
  write(change) {
    const revision = this.#revision + 1n;
    try {
      return change({
        revision,
        put: (key, value, lease) => this.#put(revision, key, value, lease),
        delete: (range2) => this.#delete(revision, range2)
      });
    } finally {
      this.#commit(revision);
    }
  }
  /**
   * Drops the history before `revision`.
   *
   * @throws EtcdError when that revision was compacted already or is in the future
   */
  compact(revision) {
    if (revision <= this.#compactRevision) throw etcdError("compacted");
    if (revision > this.#revision) throw etcdError("futureRevision");
    const names = /* @__PURE__ */ new Set();
    const end = this.log.position(revision + 1n);
    for (let at = 0; at < end; at++) names.add(this.log.at(at).name);
    this.#index.compact(names, revision);
    this.log.trim(revision);
    this.#compactRevision = revision;
  }
  #put(revision, key, value, lease) {
    const name = keyName(key);
    const previous = this.#index.latest(name);
    const kv = {
      // The fields of a decoded request are views of its whole buffer, which must not be kept after the
      // request.
      key: previous?.key ?? Buffer.from(key),
      value: Buffer.from(value),
      createRevision: previous?.createRevision ?? revision,
      modRevision: revision,
      version: (previous?.version ?? 0n) + 1n,
      lease
    };
    this.#append(name, kv, previous);
    return previous;
  }
  #delete(revision, range2) {
    const doomed = this.#index.range(range2, revision);
    for (const previous of doomed) {
      const kv = {
        key: previous.key,
        value: NOTHING,
        createRevision: 0n,
        modRevision: revision,
        version: 0n,
        lease: 0n
      };
      this.#append(keyName(previous.key), kv, previous);
    }
    return doomed;
  }
  #append(name, kv, previous) {
    this.#index.append(name, kv);
    this.#open.push({ name, kv, previous });
  }
  #commit(revision) {
    const events = this.#open;
    if (events.length === 0) return;
    this.#open = [];
    this.#revision = revision;
    this.log.append(events);
    for (const listener of this.#listeners) listener.committed(events, revision);
    this.#boundHistory();
  }
  #boundHistory() {
    const { historyEvents, historyBytes } = this.#bounds;
    let { length, bytes } = this.log;
    if (length <= historyEvents && bytes <= historyBytes) return;
    let at = 0;
    while (at < this.log.length - 1 && (length > historyEvents / 2 || bytes > historyBytes / 2)) {
      bytes -= eventBytes(this.log.at(at));
      length--;
      at++;
    }
    let oldestKept = this.log.at(at).kv.modRevision;
    const split2 = this.log.at(at - 1)?.kv.modRevision === oldestKept;
    if (split2 && oldestKept < this.#revision) oldestKept++;
    if (oldestKept > this.#compactRevision) this.compact(oldestKept);
  }
};

// discovery/embedded-etcd/watch-stream.ts
var NO_WATCH = -1n;
var WatchStream = class {
  #options;
  #watches = /* @__PURE__ */ new Map();
  /** The watches with something to send, in the order of their turns. */
  #behind = /* @__PURE__ */ new Set();
  #blocked = false;
  #progressWanted = false;
  #nextId = 0n;
  constructor(options) {
    this.#options = { batchBytes: 1 << 20, batchEvents: 1e3, fragmentBytes: 2 << 20, ...options };
  }
  create(request) {
    const { store } = this.#options;
    const refusal = this.#refusal(request);
    if (refusal) {
      const { revision } = store;
      this.#send({ watchId: NO_WATCH, revision, created: true, canceled: true, cancelReason: refusal });
      return;
    }
    let id = request.watchId;
    if (id === 0n) {
      while (this.#watches.has(this.#nextId)) this.#nextId++;
      id = this.#nextId++;
    }
    const next = request.startRevision > 0n ? request.startRevision : store.revision + 1n;
    const watch = { ...request, id, next, active: false };
    this.#watches.set(id, watch);
    this.#send({ watchId: id, revision: store.revision, created: true });
    if (next <= store.revision) this.#behind.add(watch);
    this.#pump();
  }
  cancel(id) {
    const watch = this.#watches.get(id);
    if (!watch) return;
    this.#forget(watch);
    this.#send({ watchId: id, revision: this.#options.store.revision, canceled: true });
  }
  /** Reports the current revision as soon as all watches of the stream have reached it. */
  requestProgress() {
    this.#progressWanted = true;
    this.#pump();
  }
  /** Sends a progress notification to the watches that asked for it and had no event since the last one. */
  notifyProgress() {
    const { revision } = this.#options.store;
    for (const watch of this.#watches.values()) {
      if (!watch.progressNotify) continue;
      if (!watch.active && !this.#behind.has(watch)) this.#send({ watchId: watch.id, revision });
      watch.active = false;
    }
  }
  committed(events, revision) {
    for (const watch of this.#watches.values()) {
      if (this.#behind.has(watch) || watch.next > revision) continue;
      if (!events.some((event) => wants(watch, event))) continue;
      watch.next = revision;
      this.#behind.add(watch);
    }
    this.#pump();
  }
  /** Continues to send, after the reader has caught up. */
  resume() {
    this.#blocked = false;
    this.#pump();
  }
  close() {
    this.#watches.clear();
    this.#behind.clear();
    this.#blocked = true;
  }
  #refusal({ range: range2, watchId }) {
    if (range2.to !== void 0 && range2.to <= range2.from) return "mvcc: watcher range is empty";
    if (this.#watches.has(watchId) && watchId !== 0n) {
      return "mvcc: duplicate watch ID provided on the WatchStream";
    }
    return void 0;
  }
  #pump() {
    for (const watch of this.#behind) {
      if (this.#blocked) return;
      this.#behind.delete(watch);
      if (this.#advance(watch)) this.#behind.add(watch);
    }
    if (!this.#progressWanted || this.#blocked) return;
    this.#progressWanted = false;
    this.#send({ watchId: NO_WATCH, revision: this.#options.store.revision });
  }
  /** Sends the next message of a watch. Returns whether there is more to send. */
  #advance(watch) {
    const { store } = this.#options;
    if (watch.next < store.compactRevision) {
      this.#forget(watch);
      this.#send({
        watchId: watch.id,
        revision: 0n,
        canceled: true,
        compactRevision: store.compactRevision
      });
      return false;
    }
    const { events, next } = this.#collect(watch);
    watch.next = next;
    if (events.length > 0) this.#sendEvents(watch, events);
    return next <= store.revision;
  }
  /**
   * Collects a watch's events from its position on, in whole revisions, up to about the size of one message.
   */
  #collect(watch) {
    const { store, batchBytes, batchEvents } = this.#options;
    const events = [];
    let bytes = 0;
    for (let at = store.log.position(watch.next); at < store.log.length; at++) {
      const event = store.log.at(at);
      const { modRevision } = event.kv;
      const full = events.length >= batchEvents || bytes >= batchBytes;
      if (full && modRevision !== events.at(-1).kv.modRevision) return { events, next: modRevision };
      if (!wants(watch, event)) continue;
      events.push(event);
      bytes += eventBytes(event);
    }
    return { events, next: store.revision + 1n };
  }
  #sendEvents(watch, events) {
    watch.active = true;
    const { prevKv } = watch;
    const { revision } = this.#options.store;
    const parts = watch.fragment ? split(events, this.#options.fragmentBytes) : [events];
    parts.forEach((part, at) => {
      const fragment = at < parts.length - 1;
      this.#send({ watchId: watch.id, revision, events: part, prevKv, fragment });
    });
  }
  #send(message) {
    if (!this.#options.send(message)) this.#blocked = true;
  }
  #forget(watch) {
    this.#watches.delete(watch.id);
    this.#behind.delete(watch);
  }
};
function wants(watch, event) {
  return contains(watch.range, event.name) && !(isDeletion(event.kv) ? watch.noDelete : watch.noPut);
}
function split(events, maxBytes) {
  const parts = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const event of events) {
    const size = eventBytes(event);
    if (bytes + size > maxBytes) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1).push(event);
    bytes += size;
  }
  return parts;
}

// discovery/embedded-etcd/watch-service.ts
function createWatchService({ store, header, progressIntervalMs }) {
  const open = /* @__PURE__ */ new Map();
  store.listen({
    committed(events, revision) {
      for (const watches of open.values()) watches.committed(events, revision);
    }
  });
  const progressTimer = setInterval(() => {
    for (const watches of open.values()) watches.notifyProgress();
  }, progressIntervalMs).unref();
  return {
    handlers: {
      Watch(call) {
        const watches = new WatchStream({
          store,
          send: (message) => call.write(toWireMessage(message, header))
        });
        open.set(call, watches);
        const forget = () => {
          open.delete(call);
          watches.close();
        };
        call.on("data", (request) => {
          if (request.create_request) watches.create(readCreate(request.create_request));
          else if (request.cancel_request) watches.cancel(BigInt(request.cancel_request.watch_id));
          else if (request.progress_request) watches.requestProgress();
        });
        call.on("drain", () => watches.resume());
        call.on("cancelled", forget);
        call.on("close", forget);
        call.on("error", forget);
      }
    },
    close() {
      clearInterval(progressTimer);
      for (const call of [...open.keys()]) fail(call, etcdError("stopped"));
    }
  };
}
function readCreate(wire) {
  return {
    // An empty key means the smallest key.
    range: keyRange(wire.key.length > 0 ? wire.key : Buffer.from([0]), wire.range_end),
    startRevision: BigInt(wire.start_revision),
    watchId: BigInt(wire.watch_id),
    prevKv: wire.prev_kv,
    noPut: wire.filters.includes(0),
    noDelete: wire.filters.includes(1),
    fragment: wire.fragment,
    progressNotify: wire.progress_notify
  };
}
function toWireMessage(message, header) {
  const { watchId, revision, events = [], prevKv = false, compactRevision = 0n, ...flags } = message;
  return {
    ...flags,
    cancel_reason: flags.cancelReason,
    header: header(revision),
    watch_id: toLong(watchId),
    compact_revision: toLong(compactRevision),
    events: events.map((event) => toWireEvent(event, prevKv))
  };
}

// discovery/embedded-etcd/server.ts
var CLOSE_GRACE_MS = 500;
async function startEmbeddedEtcd(options) {
  const host = checkLoopback(options.host ?? "127.0.0.1");
  const now = options.now ?? (() => performance.now());
  const store = new Store({
    historyEvents: options.historyEvents ?? 2e4,
    historyBytes: options.historyBytes ?? 64 << 20
  });
  const leases = new LeaseTable({
    now,
    randomId: () => randomId() >> 1n,
    minTtlSeconds: BigInt(options.minLeaseTtlSeconds ?? 1)
  });
  const memberId = randomId();
  const header = createHeader(randomId(), memberId);
  const server = new grpc2.Server({
    // Above the limit for writes, so that a large write is answered with etcd's own error.
    "grpc.max_receive_message_length": 8 << 20,
    "grpc.max_send_message_length": -1
  });
  const listener = createServer();
  const { port } = await listen(listener, host, options.port);
  const url = `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const lease = createLeaseService({ store, leases, now, header });
  const member = { store, memberId, header, url };
  const { progressIntervalMs = 10 * 6e4, maxRequestBytes = 1.5 * (1 << 20) } = options;
  const watch = createWatchService({ store, header, progressIntervalMs });
  const services = loadEtcdServices();
  server.addService(services.KV, createKvService({ store, leases, header, maxRequestBytes }));
  server.addService(services.Watch, watch.handlers);
  server.addService(services.Lease, lease.handlers);
  server.addService(services.Cluster, createClusterService(member));
  server.addService(services.Maintenance, createMaintenanceService(member));
  server.addService(services.Auth, createAuthService(services.Auth));
  const injector = server.createConnectionInjector(grpc2.ServerCredentials.createInsecure());
  listener.on("connection", (socket) => injector.injectConnection(socket));
  let closed;
  const close = () => {
    closed ??= (async () => {
      const released = new Promise((resolve) => listener.close(() => resolve()));
      watch.close();
      lease.close();
      await shutDown(server);
      injector.destroy();
      await released;
    })();
    return closed;
  };
  return { address: { host, port }, url, close, [Symbol.asyncDispose]: close };
}
function checkLoopback(host) {
  if (host === "localhost") return "127.0.0.1";
  if (isIPv4(host) && host.startsWith("127.") || host === "::1") return host;
  throw new Error(
    `the embedded etcd has no users and serves only this machine; use a loopback address such as 127.0.0.1 instead of ${host}`
  );
}
function listen(listener, host, port) {
  return new Promise((resolve, reject) => {
    listener.once("error", (cause) => {
      const reason = cause.code === "EADDRINUSE" ? "the address is already in use" : cause.message;
      reject(new Error(`the embedded etcd cannot listen on ${host}:${port}: ${reason}`, { cause }));
    });
    listener.listen({ host, port }, () => resolve(listener.address()));
  });
}
function shutDown(server) {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, CLOSE_GRACE_MS);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}
function randomId() {
  return randomBytes(8).readBigUInt64BE() | 3n;
}
function createHeader(clusterId, memberId) {
  const identity = {
    cluster_id: toLong(clusterId),
    member_id: toLong(memberId),
    raft_term: toLong(RAFT_TERM)
  };
  return (revision) => ({ ...identity, revision: toLong(revision) });
}
export {
  startEmbeddedEtcd
};
