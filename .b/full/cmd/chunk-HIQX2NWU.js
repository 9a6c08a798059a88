import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  createSyncTransport,
  storedKey
} from "./chunk-3YBDGG4D.js";
import {
  jitteredBackoffMs,
  require_lib,
  sleep,
  systemClock
} from "./chunk-5CQDBMXF.js";
import {
  RegisteredNode
} from "./chunk-NHEHIQHC.js";
import {
  silentLogger
} from "./chunk-ZI3ZXLWK.js";
import {
  encodeNode
} from "./chunk-S6UF4NQF.js";
import {
  __toESM
} from "./chunk-TUAEWWSE.js";

// discovery/etcd/registrar.ts
var import_etcd33 = __toESM(require_lib(), 1);

// discovery/etcd/lease-session.ts
var import_etcd3 = __toESM(require_lib(), 1);
import { randomBytes } from "node:crypto";

// discovery/etcd/beat-stream.ts
var BeatStream = class {
  #options;
  #opening;
  #answer;
  #failure;
  #closed = false;
  constructor(options) {
    this.#options = options;
    this.#opening = this.#open();
    this.#opening.catch((error) => this.#fail(error));
  }
  /**
   * Renews the lease once. Only one beat may wait at a time.
   *
   * @returns false when etcd no longer has the lease
   * @throws Error when no answer came within `withinMs`, or when the stream broke
   */
  async beat(withinMs) {
    const { clock, signal, lease } = this.#options;
    if (this.#failure) throw this.#failure;
    const answer = Promise.withResolvers();
    this.#answer = answer;
    const stop = clock.after(withinMs, () => answer.reject(new Error(`no answer within ${withinMs} ms`)));
    const abort = () => answer.reject(new Error("aborted"));
    signal.addEventListener("abort", abort, { once: true });
    this.#opening.then(
      (stream) => stream.write({ ID: lease }),
      () => {
      }
    );
    try {
      return Number((await answer.promise).TTL) > 0;
    } finally {
      stop();
      signal.removeEventListener("abort", abort);
      this.#answer = void 0;
    }
  }
  /** @param broken also drops the connection, so that the next stream opens a new one, to another host */
  close(broken) {
    if (this.#closed) return;
    this.#closed = true;
    this.#opening.then(
      (stream) => {
        if (!broken) stream.end();
        stream.cancel();
      },
      () => {
      }
    );
  }
  async #open() {
    const stream = await this.#options.client.leaseClient.leaseKeepAlive();
    stream.on("data", (response) => this.#answer?.resolve(response));
    stream.on("error", (error) => this.#fail(error));
    stream.on("end", () => this.#fail(new Error("the keepalive stream ended")));
    return stream;
  }
  #fail(error) {
    this.#failure = error;
    this.#answer?.reject(error);
  }
};

// discovery/etcd/lease-session.ts
var DEFAULT_TTL_SECONDS = 10;
var MAX_TTL_SECONDS = 86400;
function ttlMsOf({ ttlSeconds = DEFAULT_TTL_SECONDS }, minSeconds) {
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < minSeconds || ttlSeconds > MAX_TTL_SECONDS) {
    throw new TypeError(`the TTL must be a whole number of seconds from ${minSeconds} to ${MAX_TTL_SECONDS}`);
  }
  return ttlSeconds * 1e3;
}
var REVOKE_DEADLINE_MS = 2e3;
var GONE = "it expired or was revoked";
var SILENCE = "it could not be renewed for a whole TTL";
var LeaseLostError = class extends Error {
  /** @param reason what happened to the lease, for people */
  constructor(reason) {
    super(`the lease was lost: ${reason}`);
    this.name = "LeaseLostError";
  }
};
var LeaseSession = class {
  /** The lease's id, decimal. We choose it, so that it is known even if the answer to the grant is lost. */
  id = newLeaseId();
  #client;
  #ttlMs;
  #marginMs;
  #logger;
  #about;
  #clock;
  #random;
  #lost = new AbortController();
  #over = new AbortController();
  #granted = Promise.resolve(false);
  #goodUntil = 0;
  #ending;
  constructor(options) {
    this.#client = options.client;
    this.#ttlMs = options.ttlMs;
    this.#marginMs = options.marginMs ?? 0;
    this.#logger = options.logger ?? silentLogger;
    this.#about = { lease: this.id, ...options.about };
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
  }
  /** Aborts with a {@link LeaseLostError} when the lease is lost, but not when it is ended. */
  get lost() {
    return this.#lost.signal;
  }
  /** Aborts when the lease is lost or ended. */
  get over() {
    return this.#over.signal;
  }
  /** Whether the lease is valid right now. Correct even when no timer has run for a while. */
  isAlive() {
    return !this.#over.signal.aborted && this.#isInTime();
  }
  /**
   * Requests the lease and renews it from then on. Call it only once.
   *
   * @throws Error when etcd did not grant the lease, or when `end()` was called meanwhile
   */
  async grant() {
    const sentAt = this.#clock.now();
    const granting = this.#client.leaseClient.leaseGrant({ ID: this.id, TTL: String(this.#ttlMs / 1e3) });
    this.#granted = granting.then(
      () => true,
      () => false
    );
    await granting;
    if (this.#over.signal.aborted) throw new Error("the session was ended while the lease was being granted");
    if (!this.#renewed(sentAt)) throw this.lost.reason;
    this.#watchTime();
    void this.#keep();
  }
  /**
   * Reads the keys under the lease from etcd.
   *
   * @throws LeaseLostError when etcd no longer has the lease; the session is then lost too
   */
  async keys() {
    const answer = await this.#client.leaseClient.leaseTimeToLive({ ID: this.id, keys: true });
    if (Number(answer.TTL) <= 0) this.lose(GONE);
    this.lost.throwIfAborted();
    return answer.keys;
  }
  /** Marks the lease as lost. For callers that notice that the lease, or the key it protects, is gone. */
  lose(reason) {
    if (this.#over.signal.aborted) return;
    this.#lost.abort(new LeaseLostError(reason));
    this.#over.abort();
  }
  /** Calls {@link lose} when `error` is etcd's answer that the lease does not exist. */
  noteError(error) {
    if (isLeaseGone(error)) this.lose(GONE);
  }
  /**
   * Stops renewing the lease and revokes it, which deletes its keys. Resolves when etcd has confirmed, or
   * after 2 s. A lease that could not be revoked expires by itself.
   */
  end() {
    this.#over.abort();
    this.#ending ??= this.#revoke();
    return this.#ending;
  }
  async #keep() {
    const { signal } = this.#over;
    let stream;
    let failures = 0;
    let isWaiting = false;
    while (!signal.aborted) {
      const pauseMs = failures === 0 ? this.#ttlMs / 3 : Math.min(jitteredBackoffMs(failures, this.#random), this.#ttlMs / 4);
      await sleep(this.#clock, pauseMs, signal);
      if (signal.aborted || !this.#isInTime()) break;
      const sentAt = this.#clock.now();
      isWaiting = true;
      try {
        stream ??= new BeatStream({ client: this.#client, clock: this.#clock, lease: this.id, signal });
        const isAlive = await stream.beat(this.#ttlMs / 4);
        isWaiting = false;
        failures = 0;
        if (!isAlive) this.lose(GONE);
        else this.#renewed(sentAt);
      } catch (error) {
        this.noteError(error);
        if (signal.aborted) break;
        failures++;
        this.#logger.debug({ ...this.#about, err: error }, "lease renewal failed; opening a new stream");
        stream?.close(true);
        stream = void 0;
      }
    }
    stream?.close(isWaiting && this.lost.aborted);
  }
  /** @returns false when the lease's time is over nevertheless, because the answer took too long to arrive */
  #renewed(sentAt) {
    this.#goodUntil = sentAt + this.#ttlMs - this.#marginMs;
    return this.#isInTime();
  }
  #isInTime() {
    if (this.#clock.now() < this.#goodUntil) return true;
    this.lose(SILENCE);
    return false;
  }
  /** Runs on its own, because a beat may still be waiting for its answer when the time is over. */
  async #watchTime() {
    const { signal } = this.#over;
    while (!signal.aborted && this.#isInTime()) {
      await sleep(this.#clock, this.#goodUntil - this.#clock.now(), signal);
    }
  }
  async #revoke() {
    const stop = new AbortController();
    const timeUp = sleep(this.#clock, REVOKE_DEADLINE_MS, stop.signal);
    const deadline = Date.now() + REVOKE_DEADLINE_MS;
    const revoked = this.#granted.then(async (isGranted) => {
      if (!isGranted) return;
      await this.#client.leaseClient.leaseRevoke({ ID: this.id }, { deadline }).catch((error) => {
        if (isLeaseGone(error)) return;
        this.#logger.warn({ ...this.#about, reason: error.message }, "revoking the lease failed");
      });
    });
    await Promise.race([revoked, timeUp]);
    stop.abort();
  }
};
function isLeaseGone(error) {
  return error instanceof import_etcd3.EtcdLeaseInvalidError || error instanceof import_etcd3.GRPCNotFoundError;
}
function newLeaseId() {
  return String(randomBytes(8).readBigUInt64BE() >> 1n | 1n);
}

// discovery/etcd/put-if-free.ts
var import_etcd32 = __toESM(require_lib(), 1);
async function putIfFree(client, { key, value, lease, formers, replaces }) {
  const result = import_etcd32.CompareResult.Equal;
  const isUnder = (by) => ({ key, result, target: import_etcd32.CompareTarget.Lease, lease: by });
  const isAbsent = { key, result, target: import_etcd32.CompareTarget.Create, create_revision: "0" };
  const isAsRead = replaces === void 0 ? [] : [{ key, result, target: import_etcd32.CompareTarget.Mod, mod_revision: String(replaces) }];
  const conditions = [...[lease, ...formers].map(isUnder), isAbsent, ...isAsRead];
  const request = conditions.reduceRight(
    (otherwise, condition) => ({
      compare: [condition],
      success: [{ request_put: { key, value, lease } }],
      failure: otherwise ? [{ request_txn: otherwise }] : []
    }),
    void 0
  );
  let answer = await client.kv.txn(request);
  while (answer && !answer.succeeded) answer = answer.responses[0]?.response_txn;
  return answer !== void 0;
}

// discovery/etcd/watch-key.ts
var SPREAD_MS = 500;
var REFUSED_CAP_MS = 3e4;
async function watchKey(options) {
  const { client, key, clock, random, signal, isOurs, onDoubt } = options;
  const transport = createSyncTransport(client, key);
  let failures = 0;
  while (!signal.aborted) {
    const over = Promise.withResolvers();
    const onAbort = () => over.resolve("ended");
    signal.addEventListener("abort", onAbort, { once: true });
    const stream = transport.watch(0n, {
      onMessage({ created, canceled, events }) {
        if (canceled) {
          over.resolve("refused");
        } else if (created) {
          failures = 0;
          onDoubt();
        } else if (events.some((event) => event.key === key && (event.type === "delete" || !isOurs(event)))) {
          void sleep(clock, random() * SPREAD_MS, signal).then(onDoubt);
        }
      },
      onEnd: () => over.resolve("ended")
    });
    const how = await over.promise;
    signal.removeEventListener("abort", onAbort);
    stream.close(false);
    await sleep(
      clock,
      jitteredBackoffMs(failures++, random, how === "refused" ? REFUSED_CAP_MS : void 0),
      signal
    );
  }
}

// discovery/etcd/registrar.ts
var MIN_TTL_SECONDS = 6;
var CHECK_MS = 3e4;
var MAX_UNSURE = 4;
var Registrar = class {
  key;
  #client;
  #key;
  #onLeave;
  #ttlMs;
  #logger;
  #clock;
  #random;
  #checkMs;
  #leaving = new AbortController();
  #registered = Promise.withResolvers();
  #values;
  #running;
  /** The lease under which the node is or is being put. */
  #session;
  /**
   * Leases that the key may be under, because a put without an answer may have succeeded. The likeliest is
   * first.
   */
  #formers = [];
  #everPut = false;
  /** The value of the last put, whether or not it has succeeded. */
  #value = "";
  #displaced = false;
  #isDisplacedLogged = false;
  /** Versions of the value that etcd should have and does have. `update()` waits until they are equal. */
  #wanted = 1;
  #written = 0;
  #writtenListeners = /* @__PURE__ */ new Set();
  /** Counts the reasons to check that the key exists, and how many of them a check has covered. */
  #doubts = 0;
  #settled = 0;
  #pausing;
  /** @throws TypeError when the node is invalid or the TTL is out of range */
  constructor(options) {
    this.#client = options.client;
    this.key = options.key;
    this.#key = Buffer.from(options.key);
    this.#onLeave = options.onLeave;
    this.#values = new RegisteredNode(options.node);
    this.#ttlMs = ttlMsOf(options, MIN_TTL_SECONDS);
    this.#logger = options.logger ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#checkMs = options.checkMs ?? CHECK_MS;
    this.#registered.promise.catch(() => {
    });
  }
  get node() {
    return this.#values.node;
  }
  /**
   * Registers the node. Keeps trying, and resolves when etcd has it. Rejects when `unregister()` is called
   * first.
   */
  start() {
    this.#running ??= this.#run();
    return this.#registered.promise;
  }
  async update(changes) {
    this.#values.update(changes);
    const version = ++this.#wanted;
    this.#pausing?.abort();
    const { promise, resolve } = Promise.withResolvers();
    const check = () => {
      if (this.#written >= version || this.#leaving.signal.aborted) resolve();
    };
    this.#writtenListeners.add(check);
    check();
    await promise;
    this.#writtenListeners.delete(check);
  }
  async unregister() {
    if (this.#leaving.signal.aborted) return this.#running;
    this.#leaving.abort();
    this.#pausing?.abort();
    this.#registered.reject(new Error("the node was unregistered before etcd had it"));
    for (const listener of this.#writtenListeners) listener();
    this.#running = this.#session?.end() ?? Promise.resolve();
    await this.#running;
    this.#onLeave?.();
    if (this.#everPut) this.#logger.info(this.#about(), "unregistered");
  }
  async #run() {
    const { signal } = this.#leaving;
    let attempt = 0;
    let failing = false;
    while (!signal.aborted) {
      try {
        const again = this.#everPut;
        const session = await this.#establish();
        if (signal.aborted) return;
        this.#logger.info(this.#about(), again ? "registered again" : "registered");
        attempt = 0;
        failing = false;
        void this.#watch(session);
        await this.#lookAfter(session);
        if (signal.aborted) return;
        const { message: reason } = session.lost.reason;
        this.#logger.warn({ ...this.#about(), reason }, "lease lost; registering again");
      } catch (error) {
        if (signal.aborted) return;
        const reason = error.message;
        if (!failing) this.#logger.warn({ ...this.#about(), reason }, "registration failed; retrying");
        failing = true;
      }
      await sleep(this.#clock, jitteredBackoffMs(attempt++, this.#random), signal);
    }
  }
  /** Acquires a lease and puts the node under it. */
  async #establish() {
    const session = new LeaseSession({
      client: this.#client,
      ttlMs: this.#ttlMs,
      logger: this.#logger,
      about: this.#about(),
      clock: this.#clock,
      random: this.#random
    });
    this.#session = session;
    session.lost.addEventListener("abort", () => this.#pausing?.abort(), { once: true });
    await session.grant();
    try {
      await this.#put(session);
    } catch (error) {
      await session.end();
      throw error;
    }
    this.#registered.resolve();
    return session;
  }
  /** @param replaces the revision of a write by somebody else that may be replaced */
  async #put(session, replaces) {
    const version = this.#wanted;
    const lease = session.id;
    this.#value = encodeNode(this.node);
    const value = Buffer.from(this.#value);
    const [surest, ...others] = this.#formers.filter((former) => former !== lease);
    const formers = surest === void 0 ? [] : [surest, ...others.slice(-MAX_UNSURE)];
    this.#formers = [...formers, lease];
    if (this.#everPut) {
      const done = await putIfFree(this.#client, { key: this.#key, value, lease, formers, replaces });
      if (!done && !this.#displaced) this.#doubts++;
      this.#displaced = !done;
    } else {
      await this.#client.kv.put({ key: this.#key, value, lease });
      this.#everPut = true;
    }
    this.#formers = [lease];
    this.#written = version;
    for (const listener of this.#writtenListeners) listener();
  }
  #watch(session) {
    return watchKey({
      client: this.#client,
      key: this.key,
      clock: this.#clock,
      random: this.#random,
      signal: session.over,
      isOurs: ({ lease, value }) => lease === session.id && value === this.#value,
      onDoubt: () => {
        this.#doubts++;
        this.#pausing?.abort();
      }
    });
  }
  /** Writes updates and takes the key back, until the lease is lost or the node is unregistered. */
  async #lookAfter(session) {
    let checkAt = this.#clock.now() + this.#checkMs;
    let failures = 0;
    for (; ; ) {
      if (failures > 0) await this.#pause(session, jitteredBackoffMs(failures, this.#random));
      else if (this.#written === this.#wanted && this.#settled === this.#doubts) {
        await this.#pause(session, checkAt - this.#clock.now());
      }
      if (this.#leaving.signal.aborted || session.lost.aborted) return;
      try {
        const doubts = this.#doubts;
        if (this.#settled < doubts || this.#clock.now() >= checkAt) {
          await this.#check(session, this.#settled < doubts);
          this.#settled = doubts;
          checkAt = this.#clock.now() + this.#checkMs;
        }
        if (this.#written < this.#wanted) await this.#put(session);
        failures = 0;
      } catch (error) {
        session.noteError(error);
        failures++;
      }
    }
  }
  /**
   * Puts the key back if it was deleted or put by somebody else.
   *
   * @param isDoubted whether the value may have changed as well
   */
  async #check(session, isDoubted) {
    const isHeld = (await session.keys()).some((key) => key.equals(this.#key));
    if (isHeld && !isDoubted) return;
    const found = await this.#read();
    if (found === void 0) {
      if (!isHeld) await this.#putBack(session);
    } else if (found.lease === session.id) {
      if (found.value !== this.#value) await this.#takeOver(session, found);
    } else if (found.lease === void 0) await this.#takeOver(session, found);
    else await this.#put(session);
    if (this.#displaced && !this.#isDisplacedLogged) {
      this.#logger.warn(this.#about(), "another process registered this node; leaving the key to it");
    }
    this.#isDisplacedLogged = this.#displaced;
  }
  async #putBack(session) {
    const wasDisplaced = this.#displaced;
    this.#values.forgetEdits();
    await this.#put(session);
    if (!this.#displaced && !wasDisplaced) {
      this.#logger.warn(this.#about(), "key was deleted; put it back");
    }
  }
  /** Handles a key that somebody else has put without a lease, or under ours. */
  async #takeOver(session, { value, lease, modRevision }) {
    let reason;
    const wasWithoutLease = lease === void 0;
    try {
      if (!this.#values.takeOver(value)) {
        if (wasWithoutLease) return await this.#put(session);
        reason = "it has another address";
      }
    } catch (error) {
      reason = error.message;
    }
    await this.#put(session, modRevision);
    if (this.#displaced) return;
    const { weight } = this.node;
    if (reason !== void 0) {
      this.#logger.warn({ ...this.#about(), reason }, "value was replaced; put it back");
    } else {
      this.#logger.warn(
        { ...this.#about(), weight, wasWithoutLease },
        "key was put by somebody else; keeping its weight and metadata under the lease of this node"
      );
    }
  }
  /** Reads the key; undefined when it does not exist, or when the user may not read it. */
  async #read() {
    try {
      const { kvs } = await this.#client.kv.range({ key: this.#key });
      return kvs[0] && storedKey(kvs[0]);
    } catch (error) {
      if (error instanceof import_etcd33.EtcdPermissionDeniedError) return void 0;
      throw error;
    }
  }
  /** Waits for `delayMs`, or until there is something to do. */
  async #pause(session, delayMs) {
    if (session.lost.aborted || this.#leaving.signal.aborted) return;
    this.#pausing = new AbortController();
    await sleep(this.#clock, delayMs, this.#pausing.signal);
    this.#pausing = void 0;
  }
  #about() {
    return { service: this.node.service, id: this.node.id };
  }
};

// discovery/etcd/start-registrar.ts
async function startRegistrar(registrar, signal) {
  let left;
  const giveUp = () => {
    left = registrar.unregister();
  };
  if (signal?.aborted) giveUp();
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    await registrar.start();
  } catch (error) {
    await left;
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", giveUp);
  }
}

export {
  Registrar,
  startRegistrar
};
