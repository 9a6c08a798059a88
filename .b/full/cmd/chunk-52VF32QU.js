import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  numbersOf
} from "./chunk-EIF6JI5R.js";
import {
  TrailerFilter,
  memoizeNames
} from "./chunk-VJQOOZOZ.js";
import {
  completeServiceLimit
} from "./chunk-CM57QZRA.js";
import {
  createBalancer,
  hashText
} from "./chunk-G4RAHNLO.js";
import {
  isAuthority,
  isSameAuthority,
  normaliseHost
} from "./chunk-ZFOIPJL2.js";
import {
  addressOf,
  laneOf,
  sameEndpoint,
  speaksHttp1
} from "./chunk-WSUTVFRI.js";
import {
  ERROR,
  FLAG,
  FRAME,
  FrameReader,
  Http2Error,
  MAX_FRAME_BYTES,
  SETTING,
  UpstreamFailure,
  endOfFailure,
  readGrpcEnd,
  readUint31
} from "./chunk-AAIXN3RI.js";
import {
  GRPC_STATUS,
  grpcStatusOfHttp
} from "./chunk-X7I5JA7V.js";
import {
  FORBIDDEN_IN_VALUE,
  MAX_HEADER_LINES,
  MAX_INTERIM_ANSWERS,
  TOKEN,
  getHeader,
  removeHeaders,
  withoutHeaders
} from "./chunk-4QJQ3U3V.js";
import {
  GatewayError,
  QuietError
} from "./chunk-W6G3N2K2.js";
import {
  __commonJS,
  __require,
  __toESM
} from "./chunk-TUAEWWSE.js";

// ../../../work/main/node_modules/opossum/lib/status.js
var require_status = __commonJS({
  "../../../work/main/node_modules/opossum/lib/status.js"(exports, module) {
    "use strict";
    var WINDOW = /* @__PURE__ */ Symbol("window");
    var BUCKETS2 = /* @__PURE__ */ Symbol("buckets");
    var TIMEOUT = /* @__PURE__ */ Symbol("timeout");
    var PERCENTILES = /* @__PURE__ */ Symbol("percentiles");
    var BUCKET_INTERVAL = /* @__PURE__ */ Symbol("bucket-interval");
    var SNAPSHOT_INTERVAL = /* @__PURE__ */ Symbol("snapshot-interval");
    var ROTATE_EVENT_NAME = /* @__PURE__ */ Symbol("rotate-event-name");
    var EventEmitter2 = __require("events").EventEmitter;
    var Status = class extends EventEmitter2 {
      constructor(options) {
        super();
        this[BUCKETS2] = options.rollingCountBuckets || 10;
        this[TIMEOUT] = options.rollingCountTimeout || 1e4;
        this[WINDOW] = new Array(this[BUCKETS2]);
        this[PERCENTILES] = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 1];
        this[ROTATE_EVENT_NAME] = "rotate";
        this.rollingPercentilesEnabled = options.rollingPercentilesEnabled !== false;
        this.enableSnapshots = options.enableSnapshots !== false;
        this.rotateBucketController = options.rotateBucketController;
        this.rotateBucket = nextBucket(this[WINDOW]);
        for (let i = 0; i < this[BUCKETS2]; i++) this[WINDOW][i] = bucket();
        const bucketInterval = Math.floor(this[TIMEOUT] / this[BUCKETS2]);
        if (this.rotateBucketController) {
          this.startListeneningForRotateEvent();
        } else {
          this[BUCKET_INTERVAL] = setInterval(this.rotateBucket, bucketInterval);
          if (typeof this[BUCKET_INTERVAL].unref === "function") {
            this[BUCKET_INTERVAL].unref();
          }
        }
        if (this.enableSnapshots) {
          this[SNAPSHOT_INTERVAL] = setInterval(
            (_) => this.emit("snapshot", this.stats),
            bucketInterval
          );
          if (typeof this[SNAPSHOT_INTERVAL].unref === "function") {
            this[SNAPSHOT_INTERVAL].unref();
          }
        }
        if (options.stats) {
          this[WINDOW][0] = { ...bucket(), ...options.stats };
        }
      }
      /**
       * Get the cumulative stats for the current window
       * @type {Object}
       */
      get stats() {
        const totals = this[WINDOW].reduce((acc, val) => {
          if (!val) {
            return acc;
          }
          Object.keys(acc).forEach((key) => {
            if (key !== "latencyTimes" && key !== "percentiles") {
              acc[key] += val[key] || 0;
            }
          });
          if (this.rollingPercentilesEnabled) {
            if (val.latencyTimes) {
              acc.latencyTimes = acc.latencyTimes.concat(val.latencyTimes);
            }
          }
          return acc;
        }, bucket());
        if (this.rollingPercentilesEnabled) {
          totals.latencyTimes.sort((a, b) => a - b);
          if (totals.latencyTimes.length) {
            totals.latencyMean = totals.latencyTimes.reduce((a, b) => a + b, 0) / totals.latencyTimes.length;
          } else {
            totals.latencyMean = 0;
          }
          this[PERCENTILES].forEach((percentile) => {
            totals.percentiles[percentile] = calculatePercentile(percentile, totals.latencyTimes);
          });
        } else {
          totals.latencyMean = -1;
          this[PERCENTILES].forEach((percentile) => {
            totals.percentiles[percentile] = -1;
          });
        }
        return totals;
      }
      /**
       * Gets the stats window as an array of time-sliced objects.
       * @type {Array}
       */
      get window() {
        return this[WINDOW].slice();
      }
      increment(property, latencyRunTime) {
        this[WINDOW][0][property]++;
        if (property === "successes" || property === "failures" || property === "timeouts") {
          this[WINDOW][0].latencyTimes.push(latencyRunTime || 0);
        }
      }
      open() {
        this[WINDOW][0].isCircuitBreakerOpen = true;
      }
      close() {
        this[WINDOW][0].isCircuitBreakerOpen = false;
      }
      shutdown() {
        this.removeAllListeners();
        if (this.rotateBucketController === void 0) {
          clearInterval(this[BUCKET_INTERVAL]);
        } else {
          this.removeRotateBucketControllerListener();
        }
        if (this.enableSnapshots) {
          clearInterval(this[SNAPSHOT_INTERVAL]);
        }
      }
      removeRotateBucketControllerListener() {
        if (this.rotateBucketController) {
          this.rotateBucketController.removeListener(
            this[ROTATE_EVENT_NAME],
            this.rotateBucket
          );
        }
      }
      startListeneningForRotateEvent() {
        if (this.rotateBucketController && this.rotateBucketController.listenerCount(
          this[ROTATE_EVENT_NAME],
          this.rotateBucket
        ) === 0) {
          this.rotateBucketController.on(
            this[ROTATE_EVENT_NAME],
            this.rotateBucket
          );
        }
      }
    };
    var nextBucket = (window) => (_) => {
      window.pop();
      window.unshift(bucket());
    };
    var bucket = (_) => ({
      failures: 0,
      fallbacks: 0,
      successes: 0,
      rejects: 0,
      fires: 0,
      timeouts: 0,
      cacheHits: 0,
      cacheMisses: 0,
      coalesceCacheHits: 0,
      coalesceCacheMisses: 0,
      semaphoreRejections: 0,
      percentiles: {},
      latencyTimes: []
    });
    function calculatePercentile(percentile, arr) {
      if (percentile === 0) {
        return arr[0] || 0;
      }
      const idx = Math.ceil(percentile * arr.length);
      return arr[idx - 1] || 0;
    }
    module.exports = exports = Status;
  }
});

// ../../../work/main/node_modules/opossum/lib/semaphore.js
var require_semaphore = __commonJS({
  "../../../work/main/node_modules/opossum/lib/semaphore.js"(exports, module) {
    "use strict";
    module.exports = exports = semaphore;
    function semaphore(count) {
      const resolvers = [];
      let counter = count;
      const sem = {
        take,
        release,
        test
      };
      Object.defineProperty(sem, "count", {
        get: (_) => counter,
        enumerable: true
      });
      return sem;
      function take(timeout) {
        if (counter > 0) {
          --counter;
          return Promise.resolve(release);
        }
        return new Promise((resolve, reject) => {
          resolvers.push((_) => {
            --counter;
            resolve(release);
          });
          if (timeout) {
            setTimeout((_) => {
              resolvers.shift();
              const err = new Error(`Timed out after ${timeout}ms`);
              err.code = "ETIMEDOUT";
              reject(err);
            }, timeout);
          }
        });
      }
      function release() {
        counter++;
        if (resolvers.length > 0) {
          resolvers.shift()();
        }
      }
      function test() {
        if (counter < 1) return false;
        return take() && true;
      }
    }
  }
});

// ../../../work/main/node_modules/opossum/lib/cache.js
var require_cache = __commonJS({
  "../../../work/main/node_modules/opossum/lib/cache.js"(exports, module) {
    var MemoryCache = class {
      constructor(maxEntries) {
        this.cache = /* @__PURE__ */ new Map();
        this.maxEntries = maxEntries ?? 2 ** 24 - 1;
      }
      /**
       * Get cache value by key
       * @param {string} key Cache key
       * @return {any} Response from cache
       */
      get(key) {
        const cached = this.cache.get(key);
        if (cached) {
          if (cached.expiresAt > Date.now() || cached.expiresAt === 0) {
            return cached.value;
          }
          this.cache.delete(key);
        }
        return void 0;
      }
      /**
       * Set cache key with value and ttl
       * @param {string} key Cache key
       * @param {any} value Value to cache
       * @param {number} ttl Time to live in milliseconds
       * @return {void}
       */
      set(key, value, ttl) {
        if (this.cache.size === this.maxEntries && this.get(key) === void 0) {
          this.cache.delete(this.cache.keys().next().value);
        }
        this.cache.set(key, {
          expiresAt: ttl,
          value
        });
      }
      /**
       * Delete cache key
       * @param {string} key Cache key
       * @return {void}
       */
      delete(key) {
        this.cache.delete(key);
      }
      /**
       * Clear cache
       * @returns {void}
       */
      flush() {
        this.cache.clear();
      }
    };
    module.exports = exports = MemoryCache;
  }
});

// ../../../work/main/node_modules/opossum/lib/circuit.js
var require_circuit = __commonJS({
  "../../../work/main/node_modules/opossum/lib/circuit.js"(exports, module) {
    "use strict";
    var EventEmitter2 = __require("events");
    var Status = require_status();
    var Semaphore = require_semaphore();
    var MemoryCache = require_cache();
    var STATE2 = /* @__PURE__ */ Symbol("state");
    var OPEN = /* @__PURE__ */ Symbol("open");
    var CLOSED = /* @__PURE__ */ Symbol("closed");
    var HALF_OPEN = /* @__PURE__ */ Symbol("half-open");
    var PENDING_CLOSE = /* @__PURE__ */ Symbol("pending-close");
    var SHUTDOWN = /* @__PURE__ */ Symbol("shutdown");
    var FALLBACK_FUNCTION = /* @__PURE__ */ Symbol("fallback");
    var STATUS3 = /* @__PURE__ */ Symbol("status");
    var NAME = /* @__PURE__ */ Symbol("name");
    var GROUP = /* @__PURE__ */ Symbol("group");
    var ENABLED = /* @__PURE__ */ Symbol("Enabled");
    var WARMING_UP = /* @__PURE__ */ Symbol("warming-up");
    var VOLUME_THRESHOLD = /* @__PURE__ */ Symbol("volume-threshold");
    var OUR_ERROR = /* @__PURE__ */ Symbol("our-error");
    var RESET_TIMEOUT = /* @__PURE__ */ Symbol("reset-timeout");
    var WARMUP_TIMEOUT = /* @__PURE__ */ Symbol("warmup-timeout");
    var LAST_TIMER_AT = /* @__PURE__ */ Symbol("last-timer-at");
    var deprecation = `options.maxFailures is deprecated. Please use options.errorThresholdPercentage`;
    var CircuitBreaker2 = class _CircuitBreaker extends EventEmitter2 {
      /**
       * Returns true if the provided error was generated here. It will be false
       * if the error came from the action itself.
       * @param {Error} error The Error to check.
       * @returns {Boolean} true if the error was generated here
       */
      static isOurError(error) {
        return !!error[OUR_ERROR];
      }
      /**
      * Create a new Status object,
      * helpful when you need to prime a breaker with stats
      * @param {Object} options -
      * @param {Number} options.rollingCountBuckets number of buckets in the window
      * @param {Number} options.rollingCountTimeout the duration of the window
      * @param {Boolean} options.rollingPercentilesEnabled whether to calculate
      * @param {Object} options.stats user supplied stats
      * @returns {Status} a new {@link Status} object
      */
      static newStatus(options) {
        return new Status(options);
      }
      constructor(action, options = {}) {
        super();
        this.options = options;
        this.options.timeout = options.timeout ?? 1e4;
        this.options.resetTimeout = options.resetTimeout ?? 3e4;
        this.options.errorThresholdPercentage = options.errorThresholdPercentage ?? 50;
        this.options.rollingCountTimeout = options.rollingCountTimeout ?? 1e4;
        this.options.rollingCountBuckets = options.rollingCountBuckets ?? 10;
        this.options.rollingPercentilesEnabled = options.rollingPercentilesEnabled !== false;
        this.options.capacity = Number.isInteger(options.capacity) ? options.capacity : Number.MAX_SAFE_INTEGER;
        this.options.errorFilter = options.errorFilter || ((_) => false);
        this.options.cacheTTL = options.cacheTTL ?? 0;
        this.options.cacheGetKey = options.cacheGetKey ?? ((...args) => JSON.stringify(args));
        this.options.enableSnapshots = options.enableSnapshots !== false;
        this.options.rotateBucketController = options.rotateBucketController;
        this.options.coalesce = !!options.coalesce;
        this.options.coalesceTTL = options.coalesceTTL ?? this.options.timeout;
        this.options.coalesceResetOn = options.coalesceResetOn?.filter((o) => ["error", "success", "timeout"].includes(o)) || [];
        if (this.options.cache) {
          if (this.options.cacheTransport === void 0) {
            this.options.cacheTransport = new MemoryCache(options.cacheSize);
          } else if (typeof this.options.cacheTransport !== "object" || !this.options.cacheTransport.get || !this.options.cacheTransport.set || !this.options.cacheTransport.flush) {
            throw new TypeError(
              "options.cacheTransport should be an object with `get`, `set` and `flush` methods"
            );
          }
        }
        if (this.options.coalesce) {
          this.options.coalesceCache = new MemoryCache(options.coalesceSize);
        }
        this.semaphore = new Semaphore(this.options.capacity);
        if (!action) {
          throw new TypeError(
            "No action provided. Cannot construct a CircuitBreaker without an invocable action."
          );
        }
        if (options.autoRenewAbortController && !options.abortController) {
          options.abortController = new AbortController();
        }
        if (options.abortController && typeof options.abortController.abort !== "function") {
          throw new TypeError(
            "AbortController does not contain `abort()` method"
          );
        }
        this[VOLUME_THRESHOLD] = Number.isInteger(options.volumeThreshold) ? options.volumeThreshold : 0;
        this[WARMING_UP] = options.allowWarmUp === true;
        if (this.options.status) {
          if (this.options.status instanceof Status) {
            this[STATUS3] = this.options.status;
          } else {
            this[STATUS3] = new Status({ stats: this.options.status });
          }
        } else {
          this[STATUS3] = new Status(this.options);
        }
        this[STATE2] = CLOSED;
        if (options.state) {
          this[ENABLED] = options.state.enabled !== false;
          this[WARMING_UP] = options.state.warmUp || this[WARMING_UP];
          this[CLOSED] = options.state.closed !== false;
          this[HALF_OPEN] = this[PENDING_CLOSE] = options.state.halfOpen || false;
          this[OPEN] = !this[CLOSED] && !this[HALF_OPEN];
          this[SHUTDOWN] = options.state.shutdown || false;
        } else {
          this[PENDING_CLOSE] = false;
          this[ENABLED] = options.enabled !== false;
        }
        this[FALLBACK_FUNCTION] = null;
        this[NAME] = options.name || action.name || nextName();
        this[GROUP] = options.group || this[NAME];
        if (this[WARMING_UP]) {
          const timer = this[WARMUP_TIMEOUT] = setTimeout(
            (_) => this[WARMING_UP] = false,
            this.options.rollingCountTimeout
          );
          if (typeof timer.unref === "function") {
            timer.unref();
          }
        }
        if (typeof action !== "function") {
          this.action = (_) => Promise.resolve(action);
        } else this.action = action;
        if (options.maxFailures) console.error(deprecation);
        const increment = (property) => (result, runTime) => this[STATUS3].increment(property, runTime);
        this.on("success", increment("successes"));
        this.on("failure", increment("failures"));
        this.on("fallback", increment("fallbacks"));
        this.on("timeout", increment("timeouts"));
        this.on("fire", increment("fires"));
        this.on("reject", increment("rejects"));
        this.on("cacheHit", increment("cacheHits"));
        this.on("cacheMiss", increment("cacheMisses"));
        this.on("coalesceCacheHit", increment("coalesceCacheHits"));
        this.on("coalesceCacheMiss", increment("coalesceCacheMisses"));
        this.on("open", (_) => this[STATUS3].open());
        this.on("close", (_) => this[STATUS3].close());
        this.on("semaphoreLocked", increment("semaphoreRejections"));
        function _startTimer(circuit) {
          circuit[LAST_TIMER_AT] = Date.now();
          return (_) => {
            const timer = circuit[RESET_TIMEOUT] = setTimeout(() => {
              _halfOpen(circuit);
            }, circuit.options.resetTimeout);
            if (typeof timer.unref === "function") {
              timer.unref();
            }
          };
        }
        function _halfOpen(circuit) {
          circuit[STATE2] = HALF_OPEN;
          circuit[PENDING_CLOSE] = true;
          circuit._renewAbortControllerIfNeeded();
          circuit.emit("halfOpen", circuit.options.resetTimeout);
        }
        this.on("open", _startTimer(this));
        this.on("success", (_) => {
          if (this.halfOpen) {
            this.close();
          }
        });
        if (this[SHUTDOWN]) {
          this[STATE2] = SHUTDOWN;
          this.shutdown();
        } else if (this[CLOSED]) {
          this.close();
        } else if (this[OPEN]) {
          if (this.options.state.lastTimerAt !== void 0 && Date.now() - this.options.state.lastTimerAt > this.options.resetTimeout) {
            _halfOpen(this);
          } else {
            this.open();
          }
        } else if (this[HALF_OPEN]) {
          this[STATE2] = HALF_OPEN;
        }
      }
      /**
       * Renews the abort controller if needed
       * @private
       * @returns {void}
       */
      _renewAbortControllerIfNeeded() {
        if (this.options.autoRenewAbortController && this.options.abortController && this.options.abortController.signal.aborted) {
          this.options.abortController = new AbortController();
        }
      }
      /**
       * Closes the breaker, allowing the action to execute again
       * @fires CircuitBreaker#close
       * @returns {void}
       */
      close() {
        if (this[STATE2] !== CLOSED) {
          if (this[RESET_TIMEOUT]) {
            clearTimeout(this[RESET_TIMEOUT]);
          }
          this[STATE2] = CLOSED;
          this[PENDING_CLOSE] = false;
          this._renewAbortControllerIfNeeded();
          this.emit("close");
        }
      }
      /**
       * Opens the breaker. Each time the breaker is fired while the circuit is
       * opened, a failed Promise is returned, or if any fallback function
       * has been provided, it is invoked.
       *
       * If the breaker is already open this call does nothing.
       * @fires CircuitBreaker#open
       * @returns {void}
       */
      open() {
        if (this[STATE2] !== OPEN) {
          this[STATE2] = OPEN;
          this[PENDING_CLOSE] = false;
          this.emit("open");
        }
      }
      /**
       * Shuts down this circuit breaker. All subsequent calls to the
       * circuit will fail, returning a rejected promise.
       * @returns {void}
       */
      shutdown() {
        this.emit("shutdown");
        this.disable();
        this.removeAllListeners();
        if (this[RESET_TIMEOUT]) {
          clearTimeout(this[RESET_TIMEOUT]);
        }
        if (this[WARMUP_TIMEOUT]) {
          clearTimeout(this[WARMUP_TIMEOUT]);
        }
        this.status.shutdown();
        this[STATE2] = SHUTDOWN;
        this.clearCache();
      }
      /**
       * Determines if the circuit has been shutdown.
       * @type {Boolean}
       */
      get isShutdown() {
        return this[STATE2] === SHUTDOWN;
      }
      /**
       * Gets the name of this circuit
       * @type {String}
       */
      get name() {
        return this[NAME];
      }
      /**
       * Gets the name of this circuit group
       * @type {String}
       */
      get group() {
        return this[GROUP];
      }
      /**
       * Gets whether this circuit is in the `pendingClosed` state
       * @type {Boolean}
       */
      get pendingClose() {
        return this[PENDING_CLOSE];
      }
      /**
       * True if the circuit is currently closed. False otherwise.
       * @type {Boolean}
       */
      get closed() {
        return this[STATE2] === CLOSED;
      }
      /**
       * True if the circuit is currently opened. False otherwise.
       * @type {Boolean}
       */
      get opened() {
        return this[STATE2] === OPEN;
      }
      /**
       * True if the circuit is currently half opened. False otherwise.
       * @type {Boolean}
       */
      get halfOpen() {
        return this[STATE2] === HALF_OPEN;
      }
      /**
       * The current {@link Status} of this {@link CircuitBreaker}
       * @type {Status}
       */
      get status() {
        return this[STATUS3];
      }
      /**
       * Get the current stats for the circuit.
       * @see Status#stats
       * @type {Object}
       */
      get stats() {
        return this[STATUS3].stats;
      }
      toJSON() {
        return {
          state: {
            name: this.name,
            enabled: this.enabled,
            closed: this.closed,
            open: this.opened,
            halfOpen: this.halfOpen,
            warmUp: this.warmUp,
            shutdown: this.isShutdown,
            lastTimerAt: this[LAST_TIMER_AT]
          },
          status: this.status.stats
        };
      }
      /**
       * Gets whether the circuit is enabled or not
       * @type {Boolean}
       */
      get enabled() {
        return this[ENABLED];
      }
      /**
       * Gets whether the circuit is currently in warm up phase
       * @type {Boolean}
       */
      get warmUp() {
        return this[WARMING_UP];
      }
      /**
       * Gets the volume threshold for this circuit
       * @type {Boolean}
       */
      get volumeThreshold() {
        return this[VOLUME_THRESHOLD];
      }
      /**
       * Provide a fallback function for this {@link CircuitBreaker}. This
       * function will be executed when the circuit is `fire`d and fails.
       * It will always be preceded by a `failure` event, and `breaker.fire` returns
       * a rejected Promise.
       * @param {Function | CircuitBreaker} func the fallback function to execute
       * when the breaker has opened or when a timeout or error occurs.
       * @return {CircuitBreaker} this
       */
      fallback(func) {
        let fb = func;
        if (func instanceof _CircuitBreaker) {
          fb = (...args) => func.fire(...args);
        }
        this[FALLBACK_FUNCTION] = fb;
        return this;
      }
      /**
       * Execute the action for this circuit. If the action fails or times out, the
       * returned promise will be rejected. If the action succeeds, the promise will
       * resolve with the resolved value from action. If a fallback function was
       * provided, it will be invoked in the event of any failure or timeout.
       *
       * Any parameters passed to this function will be proxied to the circuit
       * function.
       *
       * @return {Promise<any>} promise resolves with the circuit function's return
       * value on success or is rejected on failure of the action. Use isOurError()
       * to determine if a rejection was a result of the circuit breaker or the
       * action.
       *
       * @fires CircuitBreaker#failure
       * @fires CircuitBreaker#fallback
       * @fires CircuitBreaker#fire
       * @fires CircuitBreaker#reject
       * @fires CircuitBreaker#success
       * @fires CircuitBreaker#timeout
       * @fires CircuitBreaker#semaphoreLocked
       */
      fire(...args) {
        return this.call(this.action, ...args);
      }
      /**
       * Execute the action for this circuit using `context` as `this`.
       * If the action fails or times out, the
       * returned promise will be rejected. If the action succeeds, the promise will
       * resolve with the resolved value from action. If a fallback function was
       * provided, it will be invoked in the event of any failure or timeout.
       *
       * Any parameters in addition to `context will be passed to the
       * circuit function.
       *
       * @param {any} context the `this` context used for function execution
       * @param {any} rest the arguments passed to the action
       *
       * @return {Promise<any>} promise resolves with the circuit function's return
       * value on success or is rejected on failure of the action.
       *
       * @fires CircuitBreaker#failure
       * @fires CircuitBreaker#fallback
       * @fires CircuitBreaker#fire
       * @fires CircuitBreaker#reject
       * @fires CircuitBreaker#success
       * @fires CircuitBreaker#timeout
       * @fires CircuitBreaker#semaphoreLocked
       */
      call(context, ...rest) {
        if (this.isShutdown) {
          const err = buildError("The circuit has been shutdown.", "ESHUTDOWN");
          return Promise.reject(err);
        }
        const args = rest.slice();
        this.emit("fire", args);
        if (!this[ENABLED]) {
          const result = this.action.apply(context, args);
          return typeof result.then === "function" ? result : Promise.resolve(result);
        }
        const cacheKey = this.options.cache || this.options.coalesce ? this.options.cacheGetKey.apply(this, rest) : "";
        if (this.options.cache) {
          const cached = this.options.cacheTransport.get(cacheKey);
          if (cached) {
            this.emit("cacheHit");
            return cached;
          }
          this.emit("cacheMiss");
        }
        if (this.options.coalesce) {
          const cachedCall = this.options.coalesceCache.get(cacheKey);
          if (cachedCall) {
            this.emit("coalesceCacheHit");
            return cachedCall;
          }
          this.emit("coalesceCacheMiss");
        }
        if (!this.closed && !this.pendingClose) {
          const error = buildError("Breaker is open", "EOPENBREAKER");
          this.emit("reject", error);
          return fallback(this, error, args) || Promise.reject(error);
        }
        this[PENDING_CLOSE] = false;
        let timeout;
        let timeoutError = false;
        const call = new Promise((resolve, reject) => {
          const latencyStartTime = Date.now();
          if (this.semaphore.test()) {
            if (this.options.timeout) {
              timeout = setTimeout(
                () => {
                  timeoutError = true;
                  const error = buildError(
                    `Timed out after ${this.options.timeout}ms`,
                    "ETIMEDOUT"
                  );
                  const latency = Date.now() - latencyStartTime;
                  this.semaphore.release();
                  this.emit("timeout", error, latency, args);
                  handleError(error, this, timeout, args, latency, resolve, reject);
                  resetCoalesce(this, cacheKey, "timeout");
                  if (this.options.abortController) {
                    this.options.abortController.abort();
                  }
                },
                this.options.timeout
              );
            }
            try {
              const result = this.action.apply(context, args);
              const promise = typeof result.then === "function" ? result : Promise.resolve(result);
              promise.then((result2) => {
                if (!timeoutError) {
                  clearTimeout(timeout);
                  this.emit("success", result2, Date.now() - latencyStartTime);
                  resetCoalesce(this, cacheKey, "success");
                  this.semaphore.release();
                  resolve(result2);
                  if (this.options.cache) {
                    this.options.cacheTransport.set(
                      cacheKey,
                      promise,
                      this.options.cacheTTL > 0 ? Date.now() + this.options.cacheTTL : 0
                    );
                  }
                }
              }).catch((error) => {
                if (!timeoutError) {
                  this.semaphore.release();
                  const latencyEndTime = Date.now() - latencyStartTime;
                  handleError(
                    error,
                    this,
                    timeout,
                    args,
                    latencyEndTime,
                    resolve,
                    reject
                  );
                  resetCoalesce(this, cacheKey, "error");
                }
              });
            } catch (error) {
              this.semaphore.release();
              const latency = Date.now() - latencyStartTime;
              handleError(error, this, timeout, args, latency, resolve, reject);
              resetCoalesce(this, cacheKey, "error");
            }
          } else {
            const latency = Date.now() - latencyStartTime;
            const err = buildError("Semaphore locked", "ESEMLOCKED");
            this.emit("semaphoreLocked", err, latency);
            handleError(err, this, timeout, args, latency, resolve, reject);
            resetCoalesce(this, cacheKey);
          }
        });
        if (this.options.coalesce) {
          this.options.coalesceCache.set(
            cacheKey,
            call,
            this.options.coalesceTTL > 0 ? Date.now() + this.options.coalesceTTL : 0
          );
        }
        return call;
      }
      /**
       * Clears the cache of this {@link CircuitBreaker}
       * @returns {void}
       */
      clearCache() {
        if (this.options.cache) {
          this.options.cacheTransport.flush();
        }
        if (this.options.coalesceCache) {
          this.options.coalesceCache.flush();
        }
      }
      /**
       * Provide a health check function to be called periodically. The function
       * should return a Promise. If the promise is rejected the circuit will open.
       * This is in addition to the existing circuit behavior as defined by
       * `options.errorThresholdPercentage` in the constructor. For example, if the
       * health check function provided here always returns a resolved promise, the
       * circuit can still trip and open if there are failures exceeding the
       * configured threshold. The health check function is executed within the
       * circuit breaker's execution context, so `this` within the function is the
       * circuit breaker itself.
       *
       * @param {Function} func a health check function which returns a promise.
       * @param {Number} [interval] the amount of time between calls to the health
       * check function. Default: 5000 (5 seconds)
       *
       * @returns {void}
       *
       * @fires CircuitBreaker#healthCheckFailed
       * @throws {TypeError} if `interval` is supplied but not a number
       */
      healthCheck(func, interval) {
        interval = interval || 5e3;
        if (typeof func !== "function") {
          throw new TypeError("Health check function must be a function");
        }
        if (isNaN(interval)) {
          throw new TypeError("Health check interval must be a number");
        }
        const check = (_) => {
          func.apply(this).catch((e) => {
            this.emit("healthCheckFailed", e);
            this.open();
          });
        };
        const timer = setInterval(check, interval);
        if (typeof timer.unref === "function") {
          timer.unref();
        }
        check();
      }
      /**
       * Enables this circuit. If the circuit is the  disabled
       * state, it will be re-enabled. If not, this is essentially
       * a noop.
       * @returns {void}
       */
      enable() {
        this[ENABLED] = true;
        this.status.startListeneningForRotateEvent();
      }
      /**
       * Disables this circuit, causing all calls to the circuit's function
       * to be executed without circuit or fallback protection.
       * @returns {void}
       */
      disable() {
        this[ENABLED] = false;
        this.status.removeRotateBucketControllerListener();
      }
      /**
       * Retrieves the current AbortSignal from the abortController, if available.
       * This signal can be used to monitor ongoing requests.
       * @returns {AbortSignal|undefined} The AbortSignal if present,
       * otherwise undefined.
       */
      getSignal() {
        if (this.options.abortController && this.options.abortController.signal) {
          return this.options.abortController.signal;
        }
        return void 0;
      }
      /**
       * Retrieves the current AbortController instance.
       * This controller can be used to manually abort ongoing requests or create
       * a new signal.
       * @returns {AbortController|undefined} The AbortController if present,
       * otherwise undefined.
       */
      getAbortController() {
        return this.options.abortController;
      }
    };
    function handleError(error, circuit, timeout, args, latency, resolve, reject) {
      clearTimeout(timeout);
      if (circuit.options.errorFilter(error, ...args)) {
        circuit.emit("success", error, latency);
      } else {
        fail(circuit, error, args, latency);
        const fb = fallback(circuit, error, args);
        if (fb) return resolve(fb);
      }
      reject(error);
    }
    function fallback(circuit, err, args) {
      if (circuit[FALLBACK_FUNCTION]) {
        try {
          const result = circuit[FALLBACK_FUNCTION].apply(circuit[FALLBACK_FUNCTION], [...args, err]);
          circuit.emit("fallback", result, err);
          if (result instanceof Promise) return result;
          return Promise.resolve(result);
        } catch (e) {
          return Promise.reject(e);
        }
      }
    }
    function fail(circuit, err, args, latency) {
      circuit.emit("failure", err, latency, args);
      if (circuit.warmUp) return;
      const stats = circuit.stats;
      if (stats.fires < circuit.volumeThreshold && !circuit.halfOpen) return;
      const errorRate = stats.failures / stats.fires * 100;
      if (errorRate > circuit.options.errorThresholdPercentage || circuit.halfOpen) {
        circuit.open();
      }
    }
    function resetCoalesce(circuit, cacheKey, event) {
      if (!event || circuit.options.coalesceResetOn.includes(event)) {
        circuit.options.coalesceCache?.delete(cacheKey);
      }
    }
    function buildError(msg, code) {
      const error = new Error(msg);
      error.code = code;
      error[OUR_ERROR] = true;
      return error;
    }
    var nextName = () => "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g, (c) => {
      const r = Math.random() * 16 | 0;
      const v = c === "x" ? r : r & 3 | 8;
      return v.toString(16);
    });
    module.exports = exports = CircuitBreaker2;
  }
});

// ../../../work/main/node_modules/opossum/index.js
var require_opossum = __commonJS({
  "../../../work/main/node_modules/opossum/index.js"(exports, module) {
    "use strict";
    module.exports = exports = require_circuit();
  }
});

// wrappers/transport/node-name.ts
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
var NodeName = class {
  #options;
  /** When to look the name up again; Infinity during a look-up, undefined when there is no name to follow. */
  #lookUpAt;
  constructor(options) {
    this.#options = options;
    const { host, dnsRefreshMs = 0 } = options;
    this.#lookUpAt = dnsRefreshMs > 0 && isIP(host) === 0 ? performance.now() + dnsRefreshMs : void 0;
  }
  /** Whether there is a name to look up from time to time. */
  get isFollowed() {
    return this.#lookUpAt !== void 0;
  }
  /**
   * Looks the name up when it is time. When it cannot be resolved, the addresses known last stand.
   *
   * @param now milliseconds on the monotonic clock
   * @param onAddresses called with the present addresses, at least one
   */
  follow(now2, onAddresses) {
    if (this.#lookUpAt !== void 0 && now2 >= this.#lookUpAt) void this.#lookUp(onAddresses);
  }
  async #lookUp(onAddresses) {
    const { host, dnsRefreshMs = 0, resolveName = addressesOf } = this.#options;
    this.#lookUpAt = Number.POSITIVE_INFINITY;
    const addresses = await resolveName(host).catch(() => []);
    this.#lookUpAt = performance.now() + dnsRefreshMs;
    if (addresses.length > 0) onAddresses(addresses);
  }
};
async function addressesOf(name) {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

// wrappers/transport/sweeper.ts
var SWEEP_MS = 500;
var Sweeper = class {
  #pools = /* @__PURE__ */ new Set();
  #timer;
  watch(pool) {
    this.#pools.add(pool);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }
  #sweep() {
    const now2 = performance.now();
    for (const pool of this.#pools) {
      const hasIdle = pool.closeExpired(now2);
      if (!pool.followName(now2) && !hasIdle) this.#pools.delete(pool);
    }
    if (this.#pools.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = void 0;
  }
};
var sweeper = new Sweeper();

// internal/http2/stream-table.ts
var MAX_STREAM_ID = 2 ** 31 - 1;
var MAX_RESET = 1e3;
var StreamTable = class {
  #isServer;
  #events;
  #output;
  #sendWindow;
  #receiveWindow;
  #streams = /* @__PURE__ */ new Map();
  /** The highest stream that the other side has opened. */
  lastPeerId = 0;
  /** The highest stream of the other side that we accept: the last id of our GOAWAY. */
  acceptedId = MAX_STREAM_ID;
  /** The id of the next stream that we open. */
  nextId = 1;
  /** Whether the connection is over, and streams send nothing more. */
  isClosed = false;
  /** Streams that we reset, with the bytes of DATA that the other side may have sent before it learnt of that. */
  #reset = /* @__PURE__ */ new Map();
  /** Streams that are over, less the RST_STREAM frames that came for such streams. */
  #ended = 0;
  constructor(isServer, events, output, sendWindow, receiveWindow) {
    this.#isServer = isServer;
    this.#events = events;
    this.#output = output;
    this.#sendWindow = sendWindow;
    this.#receiveWindow = receiveWindow;
  }
  get size() {
    return this.#streams.size;
  }
  get(id) {
    return this.#streams.get(id);
  }
  all() {
    return this.#streams.values();
  }
  /** Whether the other side opens a new stream with this id. */
  isNew(id) {
    return this.#isServer && id > this.lastPeerId && (id & 1) === 1;
  }
  /** Whether a stream was never opened. We never push, so even ids never are. */
  isIdle(id) {
    return (id & 1) === 0 || (this.#isServer ? id > this.lastPeerId : id >= this.nextId);
  }
  open(stream, id) {
    stream.id = id;
    stream.connection = this;
    this.#sendWindow.open(stream);
    this.#receiveWindow.open(stream);
    this.#streams.set(id, stream);
    this.#events.onStreamCount?.(this.#streams.size);
  }
  /** Resets a stream that the other side opens and that we do not accept. */
  refuse(id, isEnd) {
    this.#output.rstStream(id, ERROR.refusedStream);
    if (!isEnd) this.#noteReset(id, this.#receiveWindow.streamWindowBytes);
  }
  /** Ends a stream before its time, and tells it. Nothing is sent. */
  cut(stream, code, by, reason = "") {
    if (stream.isOver) return;
    if (by === "goaway") this.#noteReset(stream.id, stream.receiveWindow);
    this.#drop(stream);
    stream.onReset(code, by, reason);
  }
  /** Resets a stream on which the other side has broken the protocol, and tells it. */
  break(stream, code, reason) {
    if (stream.isOver) return;
    this.resetStream(stream, code);
    stream.onReset(code, "us", reason);
  }
  /** Ends a stream on which both sides have sent everything. */
  endIfDone(stream) {
    if (stream.isSent && stream.isReceived && !stream.isOver) this.#remove(stream);
  }
  /** Returns whether a frame for a stream that is over may have been sent before the other side learnt of our reset. */
  tolerates(id, bytes, isEnd) {
    const left = this.#reset.get(id);
    if (left === void 0) return false;
    if (isEnd || bytes > left) this.#reset.delete(id);
    else if (bytes > 0) this.#reset.set(id, left - bytes);
    return bytes <= left;
  }
  /** Counts an RST_STREAM for a stream that is over. Returns false if there were more of them than such streams. */
  ignoreReset() {
    return --this.#ended >= 0;
  }
  sendHead(stream, lines, isEnd) {
    if (stream.isOver || this.isClosed) return;
    this.#sendWindow.head(stream, lines, isEnd);
    if (isEnd) this.endIfDone(stream);
  }
  sendData(stream, chunk, isEnd) {
    if (stream.isOver) return true;
    if (this.isClosed) return false;
    const isSent = this.#sendWindow.data(stream, chunk, isEnd);
    if (isEnd) this.endIfDone(stream);
    return isSent;
  }
  resetStream(stream, code) {
    if (stream.isOver) {
      this.#receiveWindow.consume(stream, stream.heldBytes);
      return;
    }
    if (!this.isClosed && (this.#isServer || stream.id <= this.#output.lastHeadId)) {
      this.#output.rstStream(stream.id, code);
      if (!stream.isReceived) this.#noteReset(stream.id, stream.receiveWindow);
    }
    this.#drop(stream);
  }
  consume(stream, bytes) {
    this.#receiveWindow.consume(stream, bytes);
  }
  /** All that waited on a stream was sent. */
  onPassedOn(stream) {
    this.endIfDone(stream);
    stream.onDrain();
  }
  onUnsendable(stream) {
    this.break(stream, ERROR.internalError, "a field is not allowed in HTTP");
  }
  #drop(stream) {
    this.#remove(stream);
    this.#sendWindow.drop(stream);
    this.#receiveWindow.consume(stream, stream.heldBytes);
  }
  #remove(stream) {
    stream.isOver = true;
    this.#ended++;
    this.#streams.delete(stream.id);
    this.#events.onStreamCount?.(this.#streams.size);
  }
  /** Remembers a stream whose frames may still be on their way. */
  #noteReset(id, bytes) {
    this.#reset.set(id, Math.max(0, bytes));
    if (this.#reset.size <= MAX_RESET) return;
    for (const oldest of this.#reset.keys()) {
      this.#reset.delete(oldest);
      return;
    }
  }
};

// internal/http2/token-bucket.ts
var TokenBucket = class {
  #limit;
  #tokens;
  #countedMs;
  #countedFrames = 0;
  /** @param nowMs on a clock in milliseconds that never goes back */
  constructor(limit, nowMs) {
    this.#limit = limit;
    this.#tokens = limit.burst;
    this.#countedMs = nowMs;
  }
  /**
   * Counts one more.
   *
   * @param framesSent so far, for limits with `perFrameSent`
   * @returns false when the limit is exceeded
   */
  take(nowMs, framesSent = 0) {
    const { burst, perSecond, perFrameSent = 0, most = burst } = this.#limit;
    if (burst === 0) return true;
    const earned = (nowMs - this.#countedMs) / 1e3 * perSecond + (framesSent - this.#countedFrames) * perFrameSent;
    this.#tokens = Math.min(most, this.#tokens + earned);
    this.#countedMs = nowMs;
    this.#countedFrames = framesSent;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
};

// internal/http2/flood-budget.ts
var FLOOD_LIMITS = {
  /** RST_STREAM of the client for requests whose answer had not begun: rapid reset, CVE-2023-44487. */
  "early-resets": { burst: 1e3, perSecond: 200, mayFinish: "server" },
  /** RST_STREAM that errors of the other side make us send: MadeYouReset, CVE-2025-8671. */
  "caused-resets": { burst: 100, perSecond: 10, mayFinish: "client" },
  /** Requests beyond the number of concurrent streams. */
  "refused-streams": { burst: 100, perSecond: 10 },
  /** Heads and trailers that exceed the limits once they are decoded. */
  "large-heads": { burst: 20, perSecond: 1, mayFinish: "client" },
  /**
   * SETTINGS, PING, PRIORITY, GOAWAY, unknown frames, DATA without bytes, and frames for streams that are over.
   * gRPC libraries measure the bandwidth with a PING for each round trip in which they receive something, so frames that
   * we send earn more of them.
   */
  "control-frames": { burst: 1e3, perSecond: 100, perFrameSent: 1 },
  /** WINDOW_UPDATE. Some clients send two for each DATA frame, all at once when they have read a large window. */
  "window-updates": { burst: 1e3, perSecond: 0, perFrameSent: 10, most: 1e5 }
};
var FloodError = class extends Http2Error {
  reason;
  constructor(reason) {
    super(ERROR.enhanceYourCalm, `too much of: ${reason}`);
    this.reason = reason;
  }
};
var FloodBudget = class {
  #options;
  #sent;
  #retire;
  #buckets = /* @__PURE__ */ new Map();
  /**
   * @param sent has the number of HEADERS and DATA frames that we have sent
   * @param retire refuses what is new, and lets the streams under way finish
   */
  constructor(options, sent, retire) {
    this.#options = options;
    this.#sent = sent;
    this.#retire = retire;
  }
  /**
   * Counts one more. Calls `retire` when the limit is exceeded and the streams under way may finish.
   *
   * @throws FloodError when the limit is exceeded otherwise
   */
  spend(flood) {
    const { role, budgets, now: now2 } = this.#options;
    const nowMs = now2();
    let bucket = this.#buckets.get(flood);
    if (bucket === void 0) {
      bucket = new TokenBucket({ ...FLOOD_LIMITS[flood], ...budgets?.[flood] }, nowMs);
      this.#buckets.set(flood, bucket);
    }
    if (bucket.take(nowMs, this.#sent.framesSent)) return;
    const { mayFinish } = FLOOD_LIMITS[flood];
    if (mayFinish !== role) throw new FloodError(flood);
    this.#retire(flood);
  }
};

// internal/http2/frame-writer.ts
var HEADER_BYTES = 9;
var SMALL_BYTES = 2048;
var LARGE_BYTES = 65536;
var MAX_SPARE = 16;
var NOTHING = Buffer.alloc(0);
var spare = [];
var FrameWriter = class {
  /** A writer reserves the bytes, writes from `end` on, and moves `end`. */
  buffer = NOTHING;
  end = 0;
  #start = 0;
  /** The large buffer that the last take is in. */
  #taken = void 0;
  /** The number of bytes that were collected since the last take. */
  get length() {
    return this.end - this.#start;
  }
  /** Returns the collected bytes, and begins a new collection. */
  take() {
    const taken = this.buffer.subarray(this.#start, this.end);
    if (this.buffer.length <= SMALL_BYTES) {
      this.#taken = void 0;
      this.#start = this.end;
    } else {
      this.#taken = this.buffer;
      this.buffer = NOTHING;
      this.#start = this.end = 0;
    }
    return taken;
  }
  /** Uses the buffers of all takes again. To be called right after a take, when nobody refers to their bytes any more. */
  reuse() {
    if (this.#taken === void 0) this.#start = this.end = 0;
    else if (this.#taken.length === LARGE_BYTES && spare.length < MAX_SPARE) spare.push(this.#taken);
    this.#taken = void 0;
  }
  /** Makes room for bytes from `end` on. `buffer` and `end` may have changed afterwards. */
  reserve(bytes) {
    if (this.buffer.length - this.end < bytes) this.#grow(bytes);
  }
  #grow(bytes) {
    const collected = this.length;
    const larger = bufferFor(collected + bytes);
    this.buffer.copy(larger, 0, this.#start, this.end);
    this.buffer = larger;
    this.#start = 0;
    this.end = collected;
  }
  /** Writes the header of a frame, and makes room for its payload. */
  header(length, type, flags, streamId) {
    this.reserve(HEADER_BYTES + length);
    writeHeader(this.buffer, this.end, length, type, flags, streamId);
    this.end += HEADER_BYTES;
  }
  /** Writes DATA, in as many frames as needed: one empty frame when `from` equals `to`. A string is latin1. */
  data(streamId, chunk, from, to, isEnd) {
    for (let at = from; ; ) {
      const next = Math.min(at + MAX_FRAME_BYTES, to);
      this.header(next - at, FRAME.data, isEnd && next === to ? FLAG.endStream : 0, streamId);
      if (typeof chunk !== "string") this.end += chunk.copy(this.buffer, this.end, at, next);
      else this.end += this.buffer.write(chunk.slice(at, next), this.end, "latin1");
      if (next === to) return;
      at = next;
    }
  }
  /** @param pairs flat: identifier, value, identifier, value */
  settings(pairs) {
    this.header(pairs.length * 3, FRAME.settings, 0, 0);
    for (let i = 0; i < pairs.length; i += 2) {
      this.end = this.buffer.writeUInt16BE(pairs[i], this.end);
      this.#uint32(pairs[i + 1]);
    }
  }
  settingsAck() {
    this.header(0, FRAME.settings, FLAG.ack, 0);
  }
  /** @param bytes contain the eight bytes of the payload, from `start` on */
  ping(bytes, start, isAck) {
    this.header(8, FRAME.ping, isAck ? FLAG.ack : 0, 0);
    this.end += bytes.copy(this.buffer, this.end, start, start + 8);
  }
  windowUpdate(streamId, increment) {
    this.header(4, FRAME.windowUpdate, 0, streamId);
    this.#uint32(increment);
  }
  rstStream(streamId, code) {
    this.header(4, FRAME.rstStream, 0, streamId);
    this.#uint32(code);
  }
  /** @param text debug data for the other side's log: ASCII */
  goaway(lastStreamId, code, text = "") {
    this.header(8 + text.length, FRAME.goaway, 0, 0);
    this.#uint32(lastStreamId);
    this.#uint32(code);
    this.end += this.buffer.write(text, this.end, "latin1");
  }
  #uint32(value) {
    this.end = this.buffer.writeUInt32BE(value, this.end);
  }
  /** Begins a header block. Returns the position that `endBlock` and `dropBlock` need. */
  beginBlock() {
    const begin = this.length;
    this.reserve(HEADER_BYTES);
    this.end += HEADER_BYTES;
    return begin;
  }
  /** Ends a header block: the bytes since its beginning become HEADERS and as many CONTINUATION frames as needed. */
  endBlock(begin, streamId, isEnd) {
    const endStream = isEnd ? FLAG.endStream : 0;
    const length = this.length - begin - HEADER_BYTES;
    if (length <= MAX_FRAME_BYTES) {
      const at = this.#start + begin;
      writeHeader(this.buffer, at, length, FRAME.headers, FLAG.endHeaders | endStream, streamId);
      return;
    }
    const pieces = Math.ceil(length / MAX_FRAME_BYTES);
    this.reserve((pieces - 1) * HEADER_BYTES);
    const first = this.#start + begin + HEADER_BYTES;
    for (let i = pieces - 1; i >= 0; i--) {
      const from = first + i * MAX_FRAME_BYTES;
      const to = Math.min(from + MAX_FRAME_BYTES, first + length);
      const target = from + i * HEADER_BYTES;
      this.buffer.copyWithin(target, from, to);
      const flags = (i === 0 ? endStream : 0) | (i === pieces - 1 ? FLAG.endHeaders : 0);
      const type = i === 0 ? FRAME.headers : FRAME.continuation;
      writeHeader(this.buffer, target - HEADER_BYTES, to - from, type, flags, streamId);
    }
    this.end += (pieces - 1) * HEADER_BYTES;
  }
  /** Removes what was written since `beginBlock`. */
  dropBlock(begin) {
    this.end = this.#start + begin;
  }
};
function writeHeader(buffer, at, length, type, flags, streamId) {
  buffer[at] = length >> 16;
  buffer[at + 1] = length >> 8;
  buffer[at + 2] = length;
  buffer[at + 3] = type;
  buffer[at + 4] = flags;
  buffer[at + 5] = streamId >> 24;
  buffer[at + 6] = streamId >> 16;
  buffer[at + 7] = streamId >> 8;
  buffer[at + 8] = streamId;
}
function bufferFor(bytes) {
  if (bytes <= SMALL_BYTES) return Buffer.allocUnsafe(SMALL_BYTES);
  if (bytes <= LARGE_BYTES) return spare.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES);
  return Buffer.allocUnsafeSlow(bytes * 2);
}

// internal/http2/frame-output.ts
var MAX_WAITING_FRAMES = 1e3;
var MAX_WAITING_BYTES = 1048576;
var MAX_TURN_BYTES = 65536 - 1024;
var FrameOutput = class {
  writer = new FrameWriter();
  #write;
  #isHeld;
  #wantsFlush;
  #isScheduled = false;
  /** Whether the socket is full. */
  isBlocked = false;
  #waitingFrames = 0;
  /** The highest stream whose head was added, and the highest whose head was handed to the socket. */
  lastHeadId = 0;
  writtenHeadId = 0;
  /**
   * @param write returns whether more may be written now
   * @param isHeld returns whether the socket still refers to bytes that were written
   * @param wantsFlush asks for a flush at the end of this turn
   */
  constructor(write2, isHeld, wantsFlush) {
    this.#write = write2;
    this.#isHeld = isHeld;
    this.#wantsFlush = wantsFlush;
  }
  /** Makes room for a piece of a body. Returns false if the socket is full. */
  hasRoomFor(bytes) {
    if (!this.isBlocked && this.writer.length > 0 && this.writer.length + bytes > MAX_TURN_BYTES) this.write();
    return !this.isBlocked;
  }
  /** Whether the socket is full, and more frames wait for it than an honest peer makes wait. */
  get isOverrun() {
    return this.isBlocked && (this.#waitingFrames > MAX_WAITING_FRAMES || this.writer.length > MAX_WAITING_BYTES);
  }
  /** Asks for a flush at the end of this turn. To be called after frames of streams were added. */
  schedule() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#wantsFlush();
  }
  /** To be called after another frame was added. Those are added even while the socket is full. */
  addedControl() {
    if (this.isBlocked) this.#waitingFrames++;
    this.schedule();
  }
  windowUpdate(streamId, increment) {
    this.writer.windowUpdate(streamId, increment);
    this.addedControl();
  }
  rstStream(streamId, code) {
    this.writer.rstStream(streamId, code);
    this.addedControl();
  }
  /**
   * Writes what was added, even to a full socket.
   *
   * @returns whether something was written and more may be written now
   */
  write() {
    if (this.writer.length === 0) return false;
    this.#waitingFrames = 0;
    this.writtenHeadId = this.lastHeadId;
    this.isBlocked = !this.#write(this.writer.take());
    if (!this.#isHeld()) this.writer.reuse();
    return !this.isBlocked;
  }
  /** A flush is over: the next frame asks for another one. */
  flushed() {
    this.#isScheduled = false;
  }
};

// internal/http2/hpack-primitives.ts
var MAX_PREFIX_BYTES = 12;
function writeText(buffer, at, text) {
  const from = writeInteger(buffer, at, 0, 127, text.length);
  return from + buffer.write(text, from, "latin1");
}
function writeInteger(buffer, start, first, prefix, value) {
  let at = start;
  if (value < prefix) {
    buffer[at++] = first | value;
    return at;
  }
  buffer[at++] = first | prefix;
  let left = value - prefix;
  for (; left >= 128; left >>>= 7) buffer[at++] = left & 127 | 128;
  buffer[at++] = left;
  return at;
}

// internal/http2/hpack-table.ts
var TableEntry = class {
  name;
  value;
  /** Whether the name is one that HTTP/2 allows. */
  isNameValid;
  /** The rule that the field breaks on its own, whatever the other fields are; '' = none. */
  brokenRule;
  constructor(name, value, isNameValid, brokenRule) {
    this.name = name;
    this.value = value;
    this.isNameValid = isNameValid;
    this.brokenRule = brokenRule;
  }
};
var FIELD_OVERHEAD_BYTES = 32;
var DEFAULT_TABLE_BYTES = 4096;
var DynamicTable = class {
  /** The oldest entry first. Those before `#first` are evicted. */
  #entries = [];
  #first = 0;
  #bytes = 0;
  #maxBytes;
  constructor(maxBytes) {
    this.#maxBytes = maxBytes;
  }
  /** How many entries there are. */
  get length() {
    return this.#entries.length - this.#first;
  }
  /** Returns the entry that came `index` entries before the newest one; undefined when there are not so many. */
  at(index) {
    return index < this.length ? this.#entries[this.#entries.length - 1 - index] : void 0;
  }
  /**
   * Adds an entry, and evicts the oldest ones to make room. An entry that is larger than the table only empties it.
   *
   * @returns whether the entry is in the table
   */
  insert(entry) {
    const bytes = sizeOf(entry);
    this.#evictDownTo(this.#maxBytes - bytes);
    if (bytes > this.#maxBytes) return false;
    this.#entries.push(entry);
    this.#bytes += bytes;
    return true;
  }
  /** Evicts all entries. */
  clear() {
    this.#evictDownTo(0);
  }
  /** Sets the size, and evicts what is beyond it. */
  resize(maxBytes) {
    this.#maxBytes = maxBytes;
    this.#evictDownTo(maxBytes);
  }
  #evictDownTo(bytes) {
    while (this.#bytes > bytes && this.length > 0) {
      this.#bytes -= sizeOf(this.#entries[this.#first]);
      this.#entries[this.#first++] = void 0;
    }
    if (this.#first > 32 && this.#first * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
};
function sizeOf({ name, value }) {
  return name.length + value.length + FIELD_OVERHEAD_BYTES;
}
var STATIC_TABLE = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""]
].map(([name, value]) => new TableEntry(name, value, true, ""));

// internal/http2/hpack-names.ts
var SECRETS = /* @__PURE__ */ new Set(["authorization", "cookie", "proxy-authorization", "set-cookie"]);
var fieldName = memoizeNames(describeName);
function describeName(spelling) {
  const lower = spelling.toLowerCase();
  if (!TOKEN.test(lower.startsWith(":") ? lower.slice(1) : lower))
    throw new TypeError("a header name is not a token");
  const values = /* @__PURE__ */ new Map();
  STATIC_TABLE.forEach(({ name, value }, i) => {
    if (name === lower && value !== "") values.set(value, i + 1);
  });
  const literal = Buffer.alloc(MAX_PREFIX_BYTES + lower.length);
  return {
    lower,
    index: STATIC_TABLE.findIndex(({ name }) => name === lower) + 1,
    values: values.size > 0 ? values : void 0,
    literal: literal.subarray(0, writeText(literal, 0, lower)),
    isSecret: SECRETS.has(lower)
  };
}

// internal/http2/hpack-encoder.ts
var INDEXED = 128;
var ADDED = 64;
var SIZE_UPDATE = 32;
var NEVER_INDEXED = 16;
var NOT_ADDED = 0;
var MAX_INDEXED_VALUE = 200;
var RECENT_FIELDS = 64;
var NEVER = -1;
var MAX_RECENT_VALUE = 4096;
var STATIC_COUNT = STATIC_TABLE.length;
var HpackEncoder = class {
  #mayIndex;
  #table = new DynamicTable(0);
  /** Entries that were added to the table, evicted ones included. */
  #added = 0;
  #recent = new Array(RECENT_FIELDS);
  /** The size that the table should have. */
  #bytes = DEFAULT_TABLE_BYTES;
  /** The size that the other side knows of. */
  #announcedBytes = DEFAULT_TABLE_BYTES;
  /** The smallest size since then. */
  #leastBytes = DEFAULT_TABLE_BYTES;
  constructor({ mayIndex: mayIndex2 }) {
    this.#mayIndex = mayIndex2;
  }
  /**
   * Applies the SETTINGS_HEADER_TABLE_SIZE of the other side. Must be called for its first SETTINGS even if they do not
   * contain it; it is then 4,096.
   */
  setMaxTableBytes(bytes) {
    this.#bytes = Math.min(bytes, DEFAULT_TABLE_BYTES);
    this.#leastBytes = Math.min(this.#leastBytes, this.#bytes);
    this.#table.resize(this.#bytes);
  }
  /**
   * Writes the frames of one header block: HEADERS, and CONTINUATION if it is long. Names are written in lower case, and
   * values without blanks around them. Credentials and long values are marked as never to be indexed.
   *
   * @param lines flat: name, value, name, value; pseudo-fields first
   * @throws TypeError when a name or a value is not allowed in HTTP; nothing was written then
   */
  encode(lines, writer, streamId, isEnd) {
    const begin = writer.beginBlock();
    try {
      if (this.#leastBytes < this.#announcedBytes || this.#bytes !== this.#announcedBytes)
        this.#writeSize(writer);
      for (let i = 0; i < lines.length; i += 2) this.#write(lines[i], lines[i + 1], writer);
    } catch (error) {
      writer.dropBlock(begin);
      this.#forget();
      throw error;
    }
    writer.endBlock(begin, streamId, isEnd);
  }
  #writeSize(writer) {
    writer.reserve(MAX_PREFIX_BYTES);
    if (this.#leastBytes < this.#announcedBytes && this.#leastBytes < this.#bytes)
      writer.end = writeInteger(writer.buffer, writer.end, SIZE_UPDATE, 31, this.#leastBytes);
    writer.end = writeInteger(writer.buffer, writer.end, SIZE_UPDATE, 31, this.#bytes);
    this.#announcedBytes = this.#leastBytes = this.#bytes;
  }
  /** Begins again with an empty table, since the other side has not seen the entries and sizes of the dropped block. */
  #forget() {
    this.#announcedBytes = DEFAULT_TABLE_BYTES;
    this.#leastBytes = 0;
    this.#table.clear();
    this.#recent.fill(void 0);
  }
  #write(name, value, writer) {
    const slot = slotOf(name, value);
    const recent = this.#recent[slot];
    if (recent === void 0 || recent.name !== name || recent.value !== value) {
      this.#writeNew(name, value, slot, writer);
      return;
    }
    if (recent.number === NEVER) {
      writeLiteral(writer, NEVER_INDEXED, 15, fieldName(name), withoutBlanks(value));
      return;
    }
    const index = this.#indexOf(recent.number);
    if (index === 0) this.#writeAgain(recent, writer);
    else writeIndex(writer, index);
  }
  /** Returns the index of an entry by its number; 0 = it is in no table, or no longer. */
  #indexOf(number) {
    if (number <= STATIC_COUNT) return number;
    const age = this.#added - (number - STATIC_COUNT);
    return age < this.#table.length ? STATIC_COUNT + 1 + age : 0;
  }
  #writeNew(spelling, spelledValue, slot, writer) {
    const name = fieldName(spelling);
    const value = withoutBlanks(spelledValue);
    if (FORBIDDEN_IN_VALUE.test(value)) throw new TypeError("a header value has a forbidden character");
    let number = NEVER;
    if (!name.isSecret && value.length <= MAX_INDEXED_VALUE)
      number = name.values?.get(value) ?? this.#find(name.lower, value);
    if (value.length <= MAX_RECENT_VALUE) this.#recent[slot] = { name: spelling, value: spelledValue, number };
    if (number > 0) writeIndex(writer, this.#indexOf(number));
    else writeLiteral(writer, number === NEVER ? NEVER_INDEXED : NOT_ADDED, 15, name, value);
  }
  /** Writes a field that was written before and is in no table. */
  #writeAgain(recent, writer) {
    const name = fieldName(recent.name);
    const value = withoutBlanks(recent.value);
    const isAdded = this.#mayIndex(name.lower) && this.#table.insert(new TableEntry(name.lower, value, true, ""));
    if (isAdded) recent.number = STATIC_COUNT + ++this.#added;
    if (isAdded) writeLiteral(writer, ADDED, 63, name, value);
    else writeLiteral(writer, NOT_ADDED, 15, name, value);
  }
  /** Returns the number of a dynamic entry; 0 = there is none. */
  #find(lowerName, value) {
    for (let age = 0; age < this.#table.length; age++) {
      const entry = this.#table.at(age);
      if (entry.name === lowerName && entry.value === value) return STATIC_COUNT + this.#added - age;
    }
    return 0;
  }
};
function slotOf(name, value) {
  const last = value.length === 0 ? 0 : value.charCodeAt(value.length - 1);
  return name.length * 7 + name.charCodeAt(name.length - 1) + value.length * 3 + last & RECENT_FIELDS - 1;
}
function writeIndex(writer, index) {
  writer.reserve(MAX_PREFIX_BYTES);
  writer.end = writeInteger(writer.buffer, writer.end, INDEXED, 127, index);
}
function writeLiteral(writer, kind, prefix, name, value) {
  writer.reserve(MAX_PREFIX_BYTES + name.literal.length + value.length);
  const { buffer } = writer;
  let at = writeInteger(buffer, writer.end, kind, prefix, name.index);
  if (name.index === 0) {
    buffer.set(name.literal, at);
    at += name.literal.length;
  }
  writer.end = writeText(buffer, at, value);
}
function withoutBlanks(value) {
  let from = 0;
  let to = value.length;
  while (from < to && isBlank(value.charCodeAt(from))) from++;
  while (from < to && isBlank(value.charCodeAt(to - 1))) to--;
  return to - from === value.length ? value : value.slice(from, to);
}
function isBlank(code) {
  return code === 32 || code === 9;
}

// internal/http2/frame-rules.ts
function checkFrame(type, flags, streamId, length) {
  switch (type) {
    case FRAME.data:
    case FRAME.headers:
    case FRAME.continuation:
      if (streamId === 0) throw wrongStream();
      return;
    case FRAME.windowUpdate:
      if (length !== 4) throw wrongLength();
      return;
    case FRAME.rstStream:
      if (streamId === 0) throw wrongStream();
      if (length !== 4) throw wrongLength();
      return;
    case FRAME.priority:
      if (streamId === 0) throw wrongStream();
      if (length !== 5) throw wrongLength();
      return;
    case FRAME.settings:
      if (streamId !== 0) throw wrongStream();
      if (length % 6 !== 0 || (flags & 1) === 1 && length > 0) throw wrongLength();
      return;
    case FRAME.ping:
      if (streamId !== 0) throw wrongStream();
      if (length !== 8) throw wrongLength();
      return;
    case FRAME.goaway:
      if (streamId !== 0) throw wrongStream();
      if (length < 8) throw wrongLength();
      return;
    case FRAME.pushPromise:
      throw new Http2Error(ERROR.protocolError, "a PUSH_PROMISE that was not allowed");
  }
}
function paddingOf(bytes, start, end) {
  const padding = start < end ? bytes[start] : end;
  if (padding >= end - start) throw new Http2Error(ERROR.protocolError, "a frame has more padding than bytes");
  return padding;
}
function wrongStream() {
  return new Http2Error(ERROR.protocolError, "a frame has a stream that its type does not allow");
}
function wrongLength() {
  return new Http2Error(ERROR.frameSizeError, "a frame has a length that its type does not allow");
}

// internal/http2/header-block.ts
var MAX_BLOCK_BYTES = 32768;
var MAX_CONTINUATIONS = 16;
var PRIORITY_BYTES = 5;
var NOTHING2 = Buffer.alloc(0);
var HeaderBlock = class {
  streamId = 0;
  isEnd = false;
  /** Whether the stream depends on itself, an error of the stream. All else about priorities is ignored. */
  isSelfDependent = false;
  /** The whole block: `bytes` from `start` to before `end`. Valid until the next frame. */
  bytes = NOTHING2;
  start = 0;
  end = 0;
  /** Whether CONTINUATION must follow, and nothing else. */
  isOpen = false;
  #pieces = [];
  #size = 0;
  /**
   * Checks that CONTINUATION comes where it must, and only there.
   *
   * @throws Http2Error for the connection
   */
  expect(type, streamId) {
    if (type === FRAME.continuation !== this.isOpen || this.isOpen && streamId !== this.streamId) {
      throw new Http2Error(
        ERROR.protocolError,
        "a header block is interrupted, or goes on without its beginning"
      );
    }
  }
  /**
   * Reads a HEADERS frame.
   *
   * @returns whether the block is whole
   * @throws Http2Error for the connection
   */
  begin(flags, streamId, bytes, frameStart, frameEnd) {
    let start = frameStart;
    let end = frameEnd;
    if (flags & FLAG.padded) {
      end -= paddingOf(bytes, start, end);
      start++;
    }
    this.isSelfDependent = false;
    if (flags & FLAG.priority) {
      if (end - start < PRIORITY_BYTES)
        throw new Http2Error(ERROR.frameSizeError, "HEADERS has no place for its priority");
      this.isSelfDependent = readUint31(bytes, start) === streamId;
      start += PRIORITY_BYTES;
    }
    this.streamId = streamId;
    this.isEnd = (flags & FLAG.endStream) !== 0;
    if (flags & FLAG.endHeaders) {
      this.bytes = bytes;
      this.start = start;
      this.end = end;
      return true;
    }
    this.isOpen = true;
    this.#pieces = [Buffer.from(bytes.subarray(start, end))];
    this.#size = end - start;
    return false;
  }
  /**
   * Reads a CONTINUATION frame.
   *
   * @returns whether the block is whole
   * @throws FloodError for a block that is too large or in too many pieces: CVE-2024-28182
   */
  continue(flags, bytes, start, end) {
    const isLast = (flags & FLAG.endHeaders) !== 0;
    this.#size += end - start;
    if (this.#size > MAX_BLOCK_BYTES || this.#pieces.length > MAX_CONTINUATIONS || start === end && !isLast) {
      throw new FloodError("header-block");
    }
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)));
    if (!isLast) return false;
    this.bytes = Buffer.concat(this.#pieces);
    this.start = 0;
    this.end = this.bytes.length;
    this.#pieces = [];
    this.isOpen = false;
    return true;
  }
};

// internal/http2/settings.ts
var MAX_WINDOW_BYTES = 2 ** 31 - 1;
var DEFAULT_WINDOW_BYTES = 65535;
var CONCURRENT_STREAMS_BEFORE_SETTINGS = 100;
var MAX_SETTINGS = 64;
var PAIR_BYTES = 6;
var PeerSettings = class {
  headerTableBytes = 4096;
  maxConcurrentStreams = CONCURRENT_STREAMS_BEFORE_SETTINGS;
  initialWindowBytes = DEFAULT_WINDOW_BYTES;
  /** Whether SETTINGS were received. */
  isKnown = false;
  #isServer;
  /** @param isServer whether the other side is the server */
  constructor(isServer) {
    this.#isServer = isServer;
  }
  /**
   * Applies the payload of a frame.
   *
   * @throws Http2Error for the connection
   */
  apply(bytes, start, end) {
    if (end - start > MAX_SETTINGS * PAIR_BYTES) throw new FloodError("control-frames");
    if (!this.isKnown) this.maxConcurrentStreams = Number.POSITIVE_INFINITY;
    this.isKnown = true;
    for (let at = start; at < end; at += PAIR_BYTES) {
      this.#set(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
    }
  }
  #set(setting, value) {
    if (setting === SETTING.headerTableSize) this.headerTableBytes = value;
    else if (setting === SETTING.maxConcurrentStreams) this.maxConcurrentStreams = value;
    else if (setting === SETTING.initialWindowSize) {
      if (value > MAX_WINDOW_BYTES)
        throw new Http2Error(ERROR.flowControlError, "SETTINGS_INITIAL_WINDOW_SIZE is out of range");
      this.initialWindowBytes = value;
    } else if (setting === SETTING.maxFrameSize) {
      if (value < MAX_FRAME_BYTES || value >= 2 ** 24)
        throw new Http2Error(ERROR.protocolError, "SETTINGS_MAX_FRAME_SIZE is out of range");
    } else if (setting === SETTING.enablePush && value > (this.#isServer ? 0 : 1)) {
      throw new Http2Error(ERROR.protocolError, "SETTINGS_ENABLE_PUSH is out of range");
    }
  }
};
function settingPairs(own) {
  const role = own.role === "client" ? [SETTING.enablePush, 0] : [SETTING.maxConcurrentStreams, own.maxConcurrentStreams];
  return [
    ...role,
    SETTING.initialWindowSize,
    own.streamWindowBytes,
    SETTING.maxHeaderListSize,
    own.maxListBytes
  ];
}

// internal/http2/incoming-frames.ts
var CLIENT_PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
var PING_BYTES = Buffer.from("waygate ", "latin1");
var MAX_GOAWAY_TEXT = 256;
var IncomingFrames = class {
  #isServer;
  #options;
  #parts;
  #streams;
  #streamFrames;
  #budget;
  #reader;
  #block = new HeaderBlock();
  settings;
  #prefaceBytes = 0;
  #hasAck = false;
  /** Pings that we sent and that are not answered. */
  pings = 0;
  hasGoaway = false;
  constructor(options, parts) {
    this.#isServer = options.role === "server";
    this.#options = options;
    this.#parts = parts;
    this.#streams = parts.streams;
    this.#streamFrames = parts.streamFrames;
    this.#budget = parts.budget;
    this.#reader = new FrameReader(MAX_FRAME_BYTES, this.#onFrame);
    this.settings = new PeerSettings(!this.#isServer);
  }
  get isPrefaceDone() {
    return !this.#isServer || this.#prefaceBytes === CLIENT_PREFACE.length;
  }
  /** Whether a frame or a header block has begun and is not whole. */
  get isMidFrame() {
    return this.#block.isOpen || !this.#reader.isBetweenFrames;
  }
  /** @throws Http2Error for the connection; whatever else streams throw */
  push(bytes) {
    this.#reader.push(this.isPrefaceDone ? bytes : this.#withoutPreface(bytes));
  }
  #withoutPreface(bytes) {
    const from = this.#prefaceBytes;
    const length = Math.min(bytes.length, CLIENT_PREFACE.length - from);
    if (bytes.compare(CLIENT_PREFACE, from, from + length, 0, length) !== 0)
      throw broken("the connection does not begin with the preface");
    this.#prefaceBytes += length;
    return bytes.subarray(length);
  }
  #onFrame = (type, flags, streamId, bytes, start, end) => {
    if (this.#streams.isClosed) return;
    checkFrame(type, flags, streamId, end - start);
    this.#block.expect(type, streamId);
    if (!this.settings.isKnown && (type !== FRAME.settings || flags & FLAG.ack))
      throw broken("the first frame is not SETTINGS");
    switch (type) {
      case FRAME.data:
        this.#streamFrames.onData(flags, streamId, bytes, start, end);
        return;
      case FRAME.headers:
        if (this.#block.begin(flags, streamId, bytes, start, end)) this.#streamFrames.onBlock(this.#block);
        return;
      case FRAME.continuation:
        if (this.#block.continue(flags, bytes, start, end)) this.#streamFrames.onBlock(this.#block);
        return;
      case FRAME.windowUpdate:
        this.#onWindowUpdate(streamId, readUint31(bytes, start));
        return;
      case FRAME.rstStream:
        this.#streamFrames.onRstStream(streamId, bytes.readUInt32BE(start));
        return;
      case FRAME.settings:
        if (flags & FLAG.ack) this.#onSettingsAck();
        else this.#onSettings(bytes, start, end);
        return;
      case FRAME.ping:
        if (flags & FLAG.ack) this.#onPong(bytes, start);
        else this.#onPing(bytes, start);
        return;
      case FRAME.goaway:
        this.#onGoaway(readUint31(bytes, start), bytes.readUInt32BE(start + 4), bytes, start + 8, end);
        return;
      case FRAME.priority:
        if (readUint31(bytes, start) === streamId) throw broken("a stream depends on itself");
    }
    this.#budget.spend("control-frames");
  };
  #onWindowUpdate(streamId, increment) {
    this.#budget.spend("window-updates");
    const { sendWindow } = this.#parts;
    if (streamId === 0) {
      if (increment === 0) throw broken("WINDOW_UPDATE by nothing");
      sendWindow.grow(increment);
      return;
    }
    const stream = this.#streams.get(streamId);
    if (stream === void 0) {
      if (this.#streams.isIdle(streamId)) throw broken("WINDOW_UPDATE for a stream that was never opened");
    } else if (increment === 0)
      this.#streamFrames.break(stream, ERROR.protocolError, "WINDOW_UPDATE by nothing");
    else if (!sendWindow.growStream(stream, increment))
      this.#streamFrames.break(stream, ERROR.flowControlError, "a window is larger than 2^31-1");
  }
  #onSettings(bytes, start, end) {
    this.#budget.spend("control-frames");
    const { settings } = this;
    const { encoder, sendWindow, output } = this.#parts;
    settings.apply(bytes, start, end);
    encoder.setMaxTableBytes(settings.headerTableBytes);
    sendWindow.setInitialWindow(settings.initialWindowBytes, this.#streams.all());
    output.writer.settingsAck();
    output.addedControl();
    this.#options.events.onSettings?.();
  }
  #onSettingsAck() {
    if (this.#hasAck) this.#budget.spend("control-frames");
    this.#hasAck = true;
  }
  #onPing(bytes, start) {
    this.#budget.spend("control-frames");
    this.#parts.output.writer.ping(bytes, start, true);
    this.#parts.output.addedControl();
  }
  #onPong(bytes, start) {
    if (this.pings === 0 || bytes.compare(PING_BYTES, 0, 8, start, start + 8) !== 0) {
      this.#budget.spend("control-frames");
      return;
    }
    this.pings--;
    this.#options.events.onPong?.();
  }
  #onGoaway(lastStreamId, code, bytes, textStart, end) {
    this.#budget.spend("control-frames");
    this.hasGoaway = true;
    if (!this.#isServer) {
      const lastId = Math.min(lastStreamId, this.#parts.output.lastHeadId);
      for (const stream of [...this.#streams.all()]) {
        if (stream.id > lastId) this.#streams.cut(stream, ERROR.refusedStream, "goaway");
      }
    }
    const text = bytes.toString("latin1", textStart, Math.min(end, textStart + MAX_GOAWAY_TEXT));
    this.#options.events.onGoaway?.(lastStreamId, code, text);
  }
};
function broken(rule) {
  return new Http2Error(ERROR.protocolError, rule);
}

// internal/http2/receive-window.ts
var ReceiveWindow = class {
  #output;
  #options;
  #window;
  #credit = 0;
  /** Bytes that were delivered to streams and not consumed. */
  heldBytes = 0;
  constructor(output, options) {
    this.#output = output;
    this.#options = options;
    this.#window = options.connectionWindowBytes;
  }
  /** The window that a stream begins with. */
  get streamWindowBytes() {
    return this.#options.streamWindowBytes;
  }
  /** Tells the other side the size of the connection's window, which it does not learn from SETTINGS. */
  announce() {
    const increment = this.#options.connectionWindowBytes - DEFAULT_WINDOW_BYTES;
    if (increment > 0) this.#output.windowUpdate(0, increment);
  }
  open(stream) {
    stream.receiveWindow = stream.receiveTarget = this.#options.streamWindowBytes;
  }
  /** Takes a DATA frame, padding included, out of the connection's window. Returns false if that has not as much. */
  take(bytes) {
    this.#window -= bytes;
    return this.#window >= 0;
  }
  /** Takes a DATA frame, padding included, out of a stream's window. Returns false if that has not as much. */
  takeStream(stream, bytes) {
    stream.receiveWindow -= bytes;
    if (stream.receiveWindow < 0) return false;
    stream.heldBytes += bytes;
    this.heldBytes += bytes;
    return true;
  }
  /** Gives back what was held for a stream. Restores its window, too, unless nothing more is expected. */
  consume(stream, wanted) {
    const bytes = Math.min(wanted, stream.heldBytes);
    stream.heldBytes -= bytes;
    this.heldBytes -= bytes;
    this.restore(bytes);
    if (stream.isReceived || stream.isOver) return;
    stream.receiveCredit += bytes;
    if (stream.receiveCredit * 2 < stream.receiveTarget) return;
    let increment = stream.receiveCredit;
    stream.receiveCredit = 0;
    const { maxStreamWindowBytes = 0 } = this.#options;
    if (stream.heldBytes === 0 && stream.receiveTarget < maxStreamWindowBytes) {
      const larger = Math.min(stream.receiveTarget * 2, maxStreamWindowBytes);
      increment += larger - stream.receiveTarget;
      stream.receiveTarget = larger;
    }
    stream.receiveWindow += increment;
    this.#output.windowUpdate(stream.id, increment);
  }
  /** Gives back bytes of the connection's window that no stream holds. */
  restore(bytes) {
    this.#credit += bytes;
    if (this.#credit * 2 < this.#options.connectionWindowBytes) return;
    this.#window += this.#credit;
    this.#output.windowUpdate(0, this.#credit);
    this.#credit = 0;
  }
};

// internal/http2/http2-stream.ts
var Http2Stream = class {
  // One flat object per stream, whose fields below are kept by the connection. Subclasses only read them.
  /** 0 until the connection has opened the stream. */
  id = 0;
  connection = void 0;
  /** Whether both sides have ended the stream, or it was reset. */
  isOver = false;
  /** Whether the other side has ended the stream. */
  isReceived = false;
  /** Whether our END_STREAM was written. It is still false while something waits. */
  isSent = false;
  /** Whether the head of the request (server), or the final head of the answer (client), was received. */
  hasReceivedHead = false;
  /** Interim answers that were received. */
  interimHeads = 0;
  /** Whether `sendHead` was called with something else than an interim answer. */
  hasSentHead = false;
  /** Bytes of DATA that the other side allows. Negative after it has lowered its initial window. */
  sendWindow = 0;
  /** What waits for a window or for the socket; undefined until something does. */
  waiting = void 0;
  /** Bytes of `waiting[0]` that were sent. */
  waitingOffset = 0;
  /** Whether the last item of `waiting` ends the stream. */
  endsAfterWaiting = false;
  /** Bytes of bodies in `waiting`. */
  queuedBytes = 0;
  /** Bytes of DATA that the other side may still send. */
  receiveWindow = 0;
  /** The size of the window that is restored when bytes are consumed. */
  receiveTarget = 0;
  /** Bytes that were delivered and not consumed. */
  heldBytes = 0;
  /** Bytes that were consumed, and that the other side has not been told of. */
  receiveCredit = 0;
  /** Bytes of the body that are missing to the length that was announced; -1: none was. */
  missingBytes = -1;
  /**
   * States how long the body must be, from `content-length`. To be called from `onHead`. A body of another length is
   * reset with PROTOCOL_ERROR before its last piece is passed on.
   *
   * @param bytes 0 for an answer that can have no body, whatever its `content-length`; -1: the length is unknown
   * @throws Http2Error PROTOCOL_ERROR if the body is over already (RFC 9113, section 8.1.1)
   */
  expectBytes(bytes) {
    if (bytes > 0 && this.isReceived) {
      throw new Http2Error(ERROR.protocolError, "a body is shorter than its content-length", this.id);
    }
    this.missingBytes = bytes;
  }
  /** Counts bytes of the body. Returns false if they, or the end, contradict `expectBytes`. Called by the connection. */
  takeExpected(bytes, isEnd) {
    if (this.missingBytes < 0) return true;
    if (bytes > this.missingBytes || isEnd && bytes < this.missingBytes) return false;
    this.missingBytes -= bytes;
    return true;
  }
  /**
   * Sends the head of an answer: interim ones and then the final one. (The head of a request is sent by
   * `Http2Connection.open`.)
   *
   * @param lines pseudo-header fields first. They are kept while they wait
   * @throws TypeError if a name or a value is not allowed in HTTP; nothing was sent then. If the head has to wait, the stream
   *   is reset instead, with INTERNAL_ERROR
   */
  sendHead(lines, isEnd) {
    if (!isInterim(lines)) this.hasSentHead = true;
    this.connection?.sendHead(this, lines, isEnd);
  }
  /**
   * Sends a piece of the body. What cannot be sent yet is copied.
   *
   * @param chunk text is latin1
   * @returns false when something waits: stop until `onDrain`, or memory grows
   */
  sendData(chunk, isEnd) {
    return this.connection === void 0 || this.connection.sendData(this, chunk, isEnd);
  }
  /** Sends trailers, which end the stream. They are kept while they wait. Throws as `sendHead` does. */
  sendTrailers(lines) {
    this.connection?.sendHead(this, lines, true);
  }
  /**
   * Ends the stream now with RST_STREAM, and drops what waits. What was received and not consumed counts as consumed. On
   * a stream that is over, only the latter happens.
   */
  reset(code) {
    this.connection?.resetStream(this, code);
  }
  /**
   * Gives the other side its window back, of the stream and of the connection. Is called when bytes were taken by whom
   * they are for, also after the stream is over: bytes that are never consumed narrow the connection for good.
   */
  consume(bytes) {
    this.connection?.consume(this, bytes);
  }
};
function isInterim(lines) {
  return lines[0] === ":status" && lines[1].length === 3 && lines[1].charCodeAt(0) === 49;
}

// internal/http2/send-window.ts
var MAX_WAITING_INTERIM = 8;
var NOTHING3 = Buffer.alloc(0);
var SendWindow = class {
  #output;
  #encoder;
  #window = DEFAULT_WINDOW_BYTES;
  #initialWindow = DEFAULT_WINDOW_BYTES;
  /** Streams that can go on without a window: next is a head, trailers, or an end without bytes. */
  #windowless = /* @__PURE__ */ new Set();
  /** Streams whose next item is a piece of a body, and whose own window is open. */
  #bodies = /* @__PURE__ */ new Set();
  /** HEADERS and DATA frames sent so far. */
  framesSent = 0;
  constructor(output, encoder) {
    this.#output = output;
    this.#encoder = encoder;
  }
  open(stream) {
    stream.sendWindow = this.#initialWindow;
  }
  /** Sends or queues a head or trailers. Those of later streams never overtake: the order of heads opens streams. */
  head(stream, lines, isEnd) {
    if (stream.isSent || stream.endsAfterWaiting) return;
    if (isWaiting(stream) || this.#output.isBlocked || this.#windowless.size > 0) {
      if (isInterim(lines) && (stream.waiting?.length ?? 0) >= MAX_WAITING_INTERIM) return;
      this.#wait(stream, lines, isEnd);
      return;
    }
    this.#writeHead(stream, lines, isEnd);
    if (isEnd) stream.isSent = true;
  }
  /** Sends or queues a piece of a body. Returns false when something waits. */
  data(stream, chunk, isEnd) {
    if (stream.isSent || stream.endsAfterWaiting) return true;
    const { length } = chunk;
    if (length === 0 && !isEnd) return !isWaiting(stream);
    let sent = 0;
    if (!isWaiting(stream) && !this.#output.isBlocked && (length === 0 || this.#bodies.size === 0)) {
      for (; ; ) {
        const size = this.#sendable(stream, length - sent);
        if (size === 0 && length > 0) break;
        this.#writeData(stream, chunk, sent, sent + size, isEnd && sent + size === length);
        sent += size;
        if (sent < length) continue;
        if (isEnd) stream.isSent = true;
        return true;
      }
    }
    this.#wait(stream, copyFrom(chunk, sent), isEnd);
    return false;
  }
  /** Sends what may be sent now of all that waits. Must not be called while the socket is full. */
  flush(owner) {
    if (this.#windowless.size > 0) {
      for (const stream of this.#windowless) {
        this.#windowless.delete(stream);
        this.#advance(stream, owner);
      }
    }
    if (this.#bodies.size === 0) return;
    for (const stream of this.#bodies) {
      if (this.#window <= 0 || this.#output.isBlocked) return;
      this.#bodies.delete(stream);
      this.#advance(stream, owner);
    }
  }
  /** Drops what waits on a stream. */
  drop(stream) {
    if (stream.waiting === void 0) return;
    this.#windowless.delete(stream);
    this.#bodies.delete(stream);
    stream.waiting = void 0;
    stream.waitingOffset = 0;
    stream.queuedBytes = 0;
  }
  /** @throws Http2Error FLOW_CONTROL_ERROR for the connection */
  grow(increment) {
    this.#window += increment;
    if (this.#window > MAX_WINDOW_BYTES) throw overflow();
    if (this.#bodies.size > 0) this.#output.schedule();
  }
  /** Returns false if the stream's window becomes too large. */
  growStream(stream, increment) {
    stream.sendWindow += increment;
    this.#unpark(stream);
    return stream.sendWindow <= MAX_WINDOW_BYTES;
  }
  /**
   * The other side gives new streams another window, and those under way the difference.
   *
   * @throws Http2Error FLOW_CONTROL_ERROR for the connection
   */
  setInitialWindow(bytes, streams) {
    const difference = bytes - this.#initialWindow;
    if (difference === 0) return;
    this.#initialWindow = bytes;
    for (const stream of streams) {
      stream.sendWindow += difference;
      if (stream.sendWindow > MAX_WINDOW_BYTES) throw overflow();
      this.#unpark(stream);
    }
  }
  /** Lets a stream go on that waited for its own window. */
  #unpark(stream) {
    if (!isWaiting(stream)) return;
    if (stream.sendWindow <= 0) this.#bodies.delete(stream);
    else this.#park(stream, stream.waiting[0]);
  }
  #wait(stream, item, isEnd) {
    stream.waiting ??= [];
    stream.waiting.push(item);
    if (isBody(item)) stream.queuedBytes += item.length;
    stream.endsAfterWaiting = isEnd;
    if (stream.waiting.length === 1) this.#park(stream, item);
  }
  #park(stream, next) {
    if (!isBody(next) || next.length === 0) this.#windowless.add(stream);
    else if (stream.sendWindow > 0) this.#bodies.add(stream);
    else return;
    this.#output.schedule();
  }
  /** Sends what needs no window, and at most one frame of a body. */
  #advance(stream, owner) {
    const waiting = stream.waiting;
    let hasSentBody = false;
    for (let item = waiting[0]; item !== void 0; item = waiting[0]) {
      const isLast = stream.endsAfterWaiting && waiting.length === 1;
      if (isBody(item)) {
        const from = stream.waitingOffset;
        const missing = item.length - from;
        if (missing > 0 && hasSentBody) break;
        const size = this.#sendable(stream, missing);
        if (missing > 0 && size === 0) break;
        stream.queuedBytes -= size;
        this.#writeData(stream, item, from, from + size, isLast && size === missing);
        hasSentBody = true;
        if (size < missing) {
          stream.waitingOffset += size;
          break;
        }
      } else if (!this.#writeWaitingHead(stream, item, isLast)) {
        owner.onUnsendable(stream);
        return;
      }
      waiting.shift();
      stream.waitingOffset = 0;
    }
    if (waiting.length > 0) {
      this.#park(stream, waiting[0]);
      return;
    }
    if (stream.endsAfterWaiting) stream.isSent = true;
    owner.onPassedOn(stream);
  }
  /** Returns false if a name or a value is not allowed in HTTP. */
  #writeWaitingHead(stream, lines, isEnd) {
    try {
      this.#writeHead(stream, lines, isEnd);
      return true;
    } catch (error) {
      if (error instanceof TypeError) return false;
      throw error;
    }
  }
  #writeHead(stream, lines, isEnd) {
    this.#encoder.encode(lines, this.#output.writer, stream.id, isEnd);
    this.framesSent++;
    if (stream.id > this.#output.lastHeadId) this.#output.lastHeadId = stream.id;
    this.#output.schedule();
  }
  /** Returns how many bytes of a body may be sent now, in one frame. */
  #sendable(stream, bytes) {
    const size = Math.min(bytes, MAX_FRAME_BYTES, stream.sendWindow, this.#window);
    return size > 0 && this.#output.hasRoomFor(size) ? size : 0;
  }
  #writeData(stream, chunk, from, to, isEnd) {
    stream.sendWindow -= to - from;
    this.#window -= to - from;
    this.#output.writer.data(stream.id, chunk, from, to, isEnd);
    this.framesSent++;
    this.#output.schedule();
  }
};
function isWaiting(stream) {
  return stream.waiting !== void 0 && stream.waiting.length > 0;
}
function isBody(item) {
  return !Array.isArray(item);
}
function copyFrom(chunk, from) {
  if (from === chunk.length) return NOTHING3;
  return typeof chunk === "string" ? Buffer.from(chunk.slice(from), "latin1") : Buffer.from(chunk.subarray(from));
}
function overflow() {
  return new Http2Error(ERROR.flowControlError, "a window is larger than 2^31-1");
}

// internal/http2/huffman.ts
var HUFFMAN_CODES = [
  [5, "012aceiost"],
  [6, " %-./3456789=A_bdfghlmnpru"],
  [7, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"],
  [8, "&*,;XZ"],
  [10, '!"()?'],
  [11, "'+|"],
  [12, "#>"],
  [13, "\0$@[]~"],
  [14, "^}"],
  [15, "<`{"],
  [19, "\\\xC3\xD0"],
  [20, "\x80\x82\x83\xA2\xB8\xC2\xE0\xE2"],
  [21, "\x99\xA1\xA7\xAC\xB0\xB1\xB3\xD1\xD8\xD9\xE3\xE5\xE6"],
  [
    22,
    "\x81\x84\x85\x86\x88\x92\x9A\x9C\xA0\xA3\xA4\xA9\xAA\xAD\xB2\xB5\xB9\xBA\xBB\xBD\xBE\xC4\xC6\xE4\xE8\xE9"
  ],
  [
    23,
    "\x87\x89\x8A\x8B\x8C\x8D\x8F\x93\x95\x96\x97\x98\x9B\x9D\x9E\xA5\xA6\xA8\xAE\xAF\xB4\xB6\xB7\xBC\xBF\xC5\xE7\xEF"
  ],
  [24, "	\x8E\x90\x91\x94\x9F\xAB\xCE\xD7\xE1\xEC\xED"],
  [25, "\xC7\xCF\xEA\xEB"],
  [26, "\xC0\xC1\xC8\xC9\xCA\xCD\xD2\xD5\xDA\xDB\xEE\xF0\xF2\xF3\xFF"],
  [27, "\xCB\xCC\xD3\xD4\xD6\xDD\xDE\xDF\xF1\xF4\xF5\xF6\xF7\xF8\xFA\xFB\xFC\xFD\xFE"],
  [
    28,
    "\x07\b\v\f\x1B\x7F\xDC\xF9"
  ],
  [30, "\n\r"]
];
var SHORT_BITS = 10;
var SHORT_MASK = (1 << SHORT_BITS) - 1;
var LONGEST_BITS = 30;
var short = new Uint16Array(1 << SHORT_BITS);
var long = [];
buildTables();
function buildTables() {
  let code = 0;
  let before = 0;
  for (const [bits, characters] of HUFFMAN_CODES) {
    code <<= bits - before;
    before = bits;
    if (bits > SHORT_BITS) long[bits] = [code, characters];
    for (let i = 0; i < characters.length; i++, code++) {
      const unused = SHORT_BITS - bits;
      if (unused >= 0)
        short.fill(bits << 8 | characters.charCodeAt(i), code << unused, code + 1 << unused);
    }
  }
}
var scratch = Buffer.allocUnsafeSlow(4096);
function decodeHuffman(bytes, start, end) {
  const most = Math.ceil((end - start) * 8 / 5);
  if (most > scratch.length) scratch = Buffer.allocUnsafeSlow(most);
  const text = scratch;
  let length = 0;
  let at = start;
  let bits = 0;
  let waiting = 0;
  for (; ; ) {
    if (waiting < SHORT_BITS) {
      bits = bits << 16 | (at < end ? bytes[at] : 255) << 8 | (at + 1 < end ? bytes[at + 1] : 255);
      at += 2;
      waiting += 16;
    }
    const found = short[bits >>> waiting - SHORT_BITS & SHORT_MASK];
    if (found !== 0) {
      text[length++] = found;
      waiting -= found >> 8;
      continue;
    }
    const position = (at - start) * 8 - waiting;
    const left = (end - start) * 8 - position;
    if (left < 8) {
      if (left < 0) throw notHuffman();
      return text.toString("latin1", 0, length);
    }
    const [character, codeBits] = decodeLong(bytes, start * 8 + position, end * 8);
    text[length++] = character;
    const next = position + codeBits;
    at = start + (next >> 3);
    waiting = 0;
    if ((next & 7) !== 0) {
      bits = bytes[at++];
      waiting = 8 - (next & 7);
    }
  }
}
function decodeLong(bytes, from, end) {
  let code = 0;
  for (let bits = 1; bits <= LONGEST_BITS && from + bits <= end; bits++) {
    const at = from + bits - 1;
    code = code << 1 | bytes[at >> 3] >> 7 - (at & 7) & 1;
    const [firstCode, characters] = long[bits] ?? [0, ""];
    if (code - firstCode < characters.length) return [characters.charCodeAt(code - firstCode), bits];
  }
  throw notHuffman();
}
function notHuffman() {
  return new Http2Error(ERROR.compressionError, "a string is not Huffman-encoded");
}

// internal/http2/known-values.ts
var SHORTEST = 100;
var LONGEST = 4096;
var PLACES = 4;
var KnownValues = class {
  #values = new Array(PLACES);
  /** Returns the value that these encoded bytes were decoded to before; undefined when that is not known. */
  find(bytes, from, to, isHuffman) {
    const known = this.#values[to - from & PLACES - 1];
    if (known === void 0 || known.isHuffman !== isHuffman || known.bytes.length !== to - from)
      return void 0;
    return known.bytes.compare(bytes, from, to) === 0 ? known.value : void 0;
  }
  /** Remembers a value, if its encoded length makes that worthwhile. */
  add(bytes, from, to, isHuffman, value) {
    const length = to - from;
    if (length < SHORTEST || length > LONGEST) return;
    this.#values[length & PLACES - 1] = { bytes: Buffer.from(bytes.subarray(from, to)), isHuffman, value };
  }
};

// internal/http2/hpack-decoder.ts
var MAX_SIZE_UPDATES = 2;
var MAX_INTEGER_OCTETS = 5;
var FIELD_NAME = /^:?[!#$%&'*+.^_`|~0-9a-z-]+$/;
var SPACE = 32;
var TAB = 9;
var HpackDecoder = class {
  #options;
  #table;
  #known = new KnownValues();
  /** Where in the block the next octet is. */
  #at = 0;
  /** The content type in the last list that exceeded a limit. A refusal is written in the protocol that it names. */
  refusedType = void 0;
  /** Whether the text whose length was read last is Huffman-encoded. */
  #isHuffman = false;
  constructor(options) {
    this.#options = options;
    this.#table = new DynamicTable(options.maxTableBytes);
  }
  /**
   * Decodes one whole block into flat lines: name, value, name, value. They are latin1.
   *
   * A field that is malformed on its own becomes the name '' with the broken rule as its value, and field-rules.ts refuses
   * it. Such a field has a name that is not a token in lower case, or a value that contains a control character or begins
   * or ends with a blank. An entry of a table is checked once, so repeated fields cost no check.
   *
   * @returns undefined when the list exceeds a limit; the block was then decoded to its end, so the next one can be decoded
   * @throws Http2Error COMPRESSION_ERROR; the connection is then over
   */
  decode(block, start, end) {
    const { maxListBytes, maxFields } = this.#options;
    const lines = [];
    let listBytes = 0;
    let fields = 0;
    let sizeUpdates = 0;
    let type;
    this.#at = start;
    while (this.#at < end) {
      const octet = block[this.#at++];
      let entry;
      if (octet >= 128) {
        entry = this.#entryAt(octet === 255 ? this.#integer(block, end, 127) : octet & 127);
      } else if (octet >= 64) {
        entry = this.#literal(block, end, octet, 63);
        this.#table.insert(entry);
      } else if (octet >= 32) {
        if (fields > 0) throw malformed("a header block changes the size of the table behind a field");
        if (++sizeUpdates > MAX_SIZE_UPDATES)
          throw malformed("a header block changes the size of the table too often");
        this.#resize(octet === 63 ? this.#integer(block, end, 31) : octet & 31);
        continue;
      } else {
        entry = this.#literal(block, end, octet, 15);
      }
      listBytes += entry.name.length + entry.value.length + FIELD_OVERHEAD_BYTES;
      fields++;
      if (fields > maxFields || listBytes > maxListBytes) {
        if (entry.name === "content-type" && entry.brokenRule === "") type = entry.value;
        continue;
      }
      if (entry.brokenRule === "") lines.push(entry.name, entry.value);
      else lines.push("", entry.brokenRule);
    }
    if (fields <= maxFields && listBytes <= maxListBytes) return lines;
    this.refusedType = type ?? getHeader(lines, "content-type");
    return void 0;
  }
  #entryAt(index) {
    const entry = index <= STATIC_TABLE.length ? STATIC_TABLE[index - 1] : this.#table.at(index - STATIC_TABLE.length - 1);
    if (entry === void 0) throw malformed("a header block has an index that stands for nothing");
    return entry;
  }
  #literal(block, end, octet, prefix) {
    let index = octet & prefix;
    if (index === prefix) index = this.#integer(block, end, prefix);
    let name;
    let isNameValid;
    if (index === 0) {
      name = this.#text(block, this.#skipText(block, end));
      isNameValid = FIELD_NAME.test(name);
    } else {
      ;
      ({ name, isNameValid } = this.#entryAt(index));
    }
    const { text, brokenRule } = this.#value(block, end);
    const rule = isNameValid ? brokenRule : "a field name is not a token in lower case";
    return new TableEntry(name, text, isNameValid, rule);
  }
  #resize(bytes) {
    if (bytes > this.#options.maxTableBytes)
      throw malformed("a header block makes the table larger than SETTINGS allow");
    this.#table.resize(bytes);
  }
  /** Reads the value of a field, or recognises it. */
  #value(block, end) {
    const from = this.#skipText(block, end);
    const known = this.#known.find(block, from, this.#at, this.#isHuffman);
    if (known !== void 0) return known;
    const text = this.#text(block, from);
    const value = { text, brokenRule: ruleBrokenBy(text) };
    this.#known.add(block, from, this.#at, this.#isHuffman, value);
    return value;
  }
  /** Moves behind a text (RFC 7541 section 5.2). Returns where the text begins, behind its length. */
  #skipText(block, end) {
    if (this.#at >= end) throw malformed("a header block ends within a field");
    const octet = block[this.#at++];
    this.#isHuffman = octet >= 128;
    const length = (octet & 127) === 127 ? this.#integer(block, end, 127) : octet & 127;
    const from = this.#at;
    this.#at += length;
    if (this.#at > end) throw malformed("a header block ends within a field");
    return from;
  }
  /** Decodes the text that was skipped last. */
  #text(block, from) {
    return this.#isHuffman ? decodeHuffman(block, from, this.#at) : block.toString("latin1", from, this.#at);
  }
  /** Reads the rest of an integer whose prefix is all ones (RFC 7541 section 5.1). */
  #integer(block, end, prefix) {
    let value = prefix;
    let weight = 1;
    for (let octets = 0; octets < MAX_INTEGER_OCTETS && this.#at < end; octets++) {
      const octet = block[this.#at++];
      value += (octet & 127) * weight;
      if (octet < 128) return value;
      weight *= 128;
    }
    throw malformed("a header block has an integer that is too long");
  }
};
function ruleBrokenBy(value) {
  if (FORBIDDEN_IN_VALUE.test(value)) return "a field value has a control character";
  return isBlank2(value.charCodeAt(0)) || isBlank2(value.charCodeAt(value.length - 1)) ? "a field value begins or ends with a blank" : "";
}
function isBlank2(code) {
  return code === SPACE || code === TAB;
}
function malformed(message) {
  return new Http2Error(ERROR.compressionError, message);
}

// internal/http2/stream-frames.ts
var StreamFrames = class {
  #isServer;
  #options;
  #streams;
  #receiveWindow;
  #budget;
  #decoder;
  constructor(options, streams, receiveWindow, budget) {
    const { role, maxListBytes, maxFields } = options;
    this.#isServer = role === "server";
    this.#options = options;
    this.#streams = streams;
    this.#receiveWindow = receiveWindow;
    this.#budget = budget;
    this.#decoder = new HpackDecoder({ maxTableBytes: DEFAULT_TABLE_BYTES, maxListBytes, maxFields });
  }
  /** Passes a piece of a body on, within both windows and the length that was announced. */
  onData(flags, streamId, bytes, frameStart, frameEnd) {
    const receiveWindow = this.#receiveWindow;
    const flowBytes = frameEnd - frameStart;
    if (!receiveWindow.take(flowBytes))
      throw new Http2Error(ERROR.flowControlError, "DATA exceeds the window of the connection");
    let start = frameStart;
    let end = frameEnd;
    if (flags & FLAG.padded) {
      end -= paddingOf(bytes, start, end);
      start++;
    }
    const isEnd = (flags & FLAG.endStream) !== 0;
    if (start === end && !isEnd) this.#budget.spend("control-frames");
    const stream = this.#streams.get(streamId);
    if (stream === void 0) {
      receiveWindow.restore(flowBytes);
      this.#checkOver(streamId, flowBytes, isEnd);
      return;
    }
    if (!receiveWindow.takeStream(stream, flowBytes)) {
      receiveWindow.restore(flowBytes);
      this.break(stream, ERROR.flowControlError, "DATA exceeds the window of the stream");
    } else if (stream.isReceived) this.break(stream, ERROR.streamClosed, "DATA behind the end of the stream");
    else if (!stream.hasReceivedHead) this.break(stream, ERROR.protocolError, "DATA before a head");
    else if (!stream.takeExpected(end - start, isEnd))
      this.break(stream, ERROR.protocolError, "a body has not the length of its content-length");
    else {
      if (flowBytes > end - start) receiveWindow.consume(stream, flowBytes - (end - start));
      if (isEnd) stream.isReceived = true;
      if (start < end || isEnd) stream.onData(bytes, start, end, isEnd);
      if (isEnd) this.#streams.endIfDone(stream);
    }
  }
  /** Decodes a header block, which opens a stream, or is the head or the trailers of one. */
  onBlock({ streamId, isEnd, isSelfDependent, bytes, start, end }) {
    const lines = this.#decoder.decode(bytes, start, end);
    let stream = this.#streams.get(streamId);
    if (stream !== void 0) {
      if (isSelfDependent) this.break(stream, ERROR.protocolError, "a stream depends on itself");
      else if (stream.isReceived)
        this.break(stream, ERROR.streamClosed, "HEADERS behind the end of the stream");
      else if (stream.hasReceivedHead) this.#onTrailers(stream, lines, isEnd);
      else this.#onHead(stream, lines, isEnd);
    } else if (!this.#streams.isNew(streamId)) {
      this.#checkOver(streamId, 0, isEnd);
      this.#budget.spend("control-frames");
    } else {
      this.#streams.lastPeerId = streamId;
      if (streamId > this.#streams.acceptedId) this.#budget.spend("control-frames");
      else if (this.#streams.size >= this.#options.maxConcurrentStreams) {
        this.#streams.refuse(streamId, isEnd);
        this.#budget.spend("refused-streams");
      } else {
        stream = this.#options.events.createStream(streamId);
        this.#streams.open(stream, streamId);
        if (isSelfDependent) this.break(stream, ERROR.protocolError, "a stream depends on itself");
        else this.#onHead(stream, lines, isEnd);
      }
    }
  }
  /** Ends a stream, unless it is over already. */
  onRstStream(streamId, code) {
    const stream = this.#streams.get(streamId);
    if (stream === void 0) {
      if (this.#streams.isIdle(streamId)) throw broken2("RST_STREAM for a stream that was never opened");
      if (!this.#streams.ignoreReset()) this.#budget.spend("control-frames");
      return;
    }
    this.#streams.cut(stream, code, "peer");
    if (this.#isServer && !stream.hasSentHead) this.#budget.spend("early-resets");
  }
  /** Resets a stream on which the other side has broken the protocol, and counts that. */
  break(stream, code, reason) {
    this.#streams.break(stream, code, reason);
    this.#budget.spend("caused-resets");
  }
  #onHead(stream, lines, isEnd) {
    const isFinal = this.#isServer || lines === void 0 || !isInterim(lines);
    if (isFinal) {
      stream.hasReceivedHead = true;
      stream.isReceived = isEnd;
    } else if (isEnd) {
      this.break(stream, ERROR.protocolError, "an interim answer ends the stream");
      return;
    } else if (++stream.interimHeads > MAX_INTERIM_ANSWERS) {
      this.break(stream, ERROR.enhanceYourCalm, "too many interim answers");
      return;
    }
    try {
      if (lines === void 0) stream.onHeadTooLarge(this.#decoder.refusedType);
      else stream.onHead(lines, isEnd);
    } catch (error) {
      this.#breakBy(error, stream);
    }
    if (isEnd) this.#streams.endIfDone(stream);
    if (lines === void 0) this.#budget.spend("large-heads");
  }
  #onTrailers(stream, lines, isEnd) {
    if (!isEnd) this.break(stream, ERROR.protocolError, "trailers do not end the stream");
    else if (!stream.takeExpected(0, true))
      this.break(stream, ERROR.protocolError, "a body has not the length of its content-length");
    else if (lines === void 0) this.break(stream, ERROR.protocolError, "the trailers are too large");
    else {
      stream.isReceived = true;
      try {
        stream.onTrailers(lines);
      } catch (error) {
        this.#breakBy(error, stream);
      }
      this.#streams.endIfDone(stream);
    }
    if (lines === void 0) this.#budget.spend("large-heads");
  }
  /** Checks a frame for a stream that is not open. Returns if it may be ignored. */
  #checkOver(streamId, bytes, isEnd) {
    if (this.#streams.isIdle(streamId)) throw broken2("a frame for a stream that was never opened");
    if (this.#streams.tolerates(streamId, bytes, isEnd)) return;
    if (streamId > this.#streams.acceptedId) this.#budget.spend("control-frames");
    else throw new Http2Error(ERROR.streamClosed, "a frame for a stream that is over");
  }
  #breakBy(error, stream) {
    if (!(error instanceof Http2Error)) throw error;
    this.break(stream, error.code, error.message);
  }
};
function broken2(rule) {
  return new Http2Error(ERROR.protocolError, rule);
}

// internal/http2/connection.ts
var Http2Connection = class {
  #options;
  #output;
  #sendWindow;
  #receiveWindow;
  #streams;
  #incoming;
  #hasSentGoaway = false;
  constructor(options) {
    const { role, events } = options;
    this.#options = options;
    const output = new FrameOutput(
      (bytes) => events.write(bytes),
      () => events.holdsWritten !== false,
      () => events.wantsFlush(this)
    );
    const encoder = new HpackEncoder(options);
    const sendWindow = new SendWindow(output, encoder);
    const receiveWindow = new ReceiveWindow(output, options);
    const streams = new StreamTable(role === "server", events, output, sendWindow, receiveWindow);
    const budget = new FloodBudget(options, sendWindow, (reason) => this.#retire(reason));
    const streamFrames = new StreamFrames(options, streams, receiveWindow, budget);
    const parts = { output, encoder, sendWindow, streams, streamFrames, budget };
    this.#incoming = new IncomingFrames(options, parts);
    this.#output = output;
    this.#sendWindow = sendWindow;
    this.#receiveWindow = receiveWindow;
    this.#streams = streams;
    const { writer } = output;
    if (role === "client") {
      writer.reserve(CLIENT_PREFACE.length);
      writer.end += CLIENT_PREFACE.copy(writer.buffer, writer.end);
    }
    writer.settings(settingPairs(options));
    output.addedControl();
    receiveWindow.announce();
  }
  /** Whether the client's preface is complete. Always true in the role of the client. */
  get isPrefaceDone() {
    return this.#incoming.isPrefaceDone;
  }
  /** Whether the SETTINGS of the other side were received. */
  get settingsReceived() {
    return this.#incoming.settings.isKnown;
  }
  /** Whether a frame or a header block has begun and is not whole. The owner limits how long that may last. */
  get isMidFrame() {
    return this.#incoming.isMidFrame;
  }
  /** Whether the connection failed or was closed. */
  get isOver() {
    return this.#streams.isClosed;
  }
  /** Whether our GOAWAY was sent or the other side's was received, or the connection is over. */
  get isGoingAway() {
    return this.#hasSentGoaway || this.#incoming.hasGoaway || this.isOver;
  }
  /** Client: whether a stream may be opened. */
  get canOpen() {
    return !this.isGoingAway && this.#streams.size < this.#incoming.settings.maxConcurrentStreams && this.#streams.nextId <= MAX_STREAM_ID;
  }
  get streamCount() {
    return this.#streams.size;
  }
  /** How many streams the other side allows; 100 before its SETTINGS; Infinity if they do not say. */
  get peerMaxConcurrentStreams() {
    return this.#incoming.settings.maxConcurrentStreams;
  }
  /** The highest stream of the other side that we accepted: the last id of a GOAWAY that ends the connection. */
  get lastPeerStreamId() {
    return Math.min(this.#streams.lastPeerId, this.#streams.acceptedId);
  }
  /** Bytes of bodies that were delivered and not consumed. At most `connectionWindowBytes`. */
  get heldBytes() {
    return this.#receiveWindow.heldBytes;
  }
  /** Whether the socket is full. */
  get isBlocked() {
    return this.#output.isBlocked;
  }
  /** Whether the head of a stream that we opened may have left. If not, the other side has not acted on it. */
  hasWritten(stream) {
    return stream.id !== 0 && stream.id <= this.#output.writtenHeadId;
  }
  /**
   * Receives bytes from the socket, which may be overwritten once this returns. Does not throw, unless one of the methods
   * of a stream does; the connection is then over.
   */
  receive(bytes) {
    if (this.isOver) return;
    try {
      this.#incoming.push(bytes);
    } catch (error) {
      if (error instanceof Http2Error) this.#fail(error);
      else {
        this.#fail(new Http2Error(ERROR.internalError, "a stream has thrown an error"));
        throw error;
      }
    }
  }
  /**
   * Client: opens a stream and sends the head of its request.
   *
   * @param lines pseudo-header fields first. They are kept while they wait
   * @param isEnd whether the request has neither a body nor trailers
   * @throws Error if `canOpen` is false; TypeError if a name or a value is not allowed in HTTP, and nothing was sent
   */
  open(stream, lines, isEnd) {
    if (!this.canOpen) throw new Error("no stream can be opened on this connection");
    const id = this.#streams.nextId;
    this.#streams.nextId += 2;
    this.#streams.open(stream, id);
    try {
      stream.sendHead(lines, isEnd);
    } catch (error) {
      stream.reset(ERROR.internalError);
      throw error;
    }
  }
  /** Sends a PING. Its answer is told by `onPong`. */
  ping() {
    if (this.isOver) return;
    this.#incoming.pings++;
    this.#output.writer.ping(PING_BYTES, 0, false);
    this.#output.addedControl();
  }
  /**
   * Sends GOAWAY. Requests above the id are ignored from now on, and a client opens no more streams.
   *
   * @param lastStreamId MAX_STREAM_ID to announce that another GOAWAY follows; `lastPeerStreamId` to accept nothing more
   * @param text for the other side's log: ASCII
   */
  goaway(lastStreamId, code, text = "") {
    if (this.isOver) return;
    this.#hasSentGoaway = true;
    this.#streams.acceptedId = Math.min(this.#streams.acceptedId, lastStreamId);
    this.#output.writer.goaway(this.#streams.acceptedId, code, text);
    this.#output.addedControl();
  }
  /** Writes what was sent in this turn. While the socket is full, it waits. */
  flush() {
    if (this.isOver) return;
    if (this.#output.isOverrun) {
      this.#fail(new FloodError("unread-frames"));
      return;
    }
    if (!this.#output.isBlocked) {
      do {
        this.#sendWindow.flush(this.#streams);
      } while (this.#output.write());
    }
    this.#output.flushed();
  }
  /** The socket takes bytes again, after `write` had returned false. */
  drained() {
    this.#output.isBlocked = false;
    this.flush();
  }
  /** The socket has closed: every stream is told. Idempotent. */
  closed() {
    this.#streams.isClosed = true;
    for (const stream of [...this.#streams.all()]) this.#streams.cut(stream, -1, "closed");
  }
  #retire(reason) {
    if (this.#hasSentGoaway && this.#streams.acceptedId !== MAX_STREAM_ID) return;
    this.goaway(this.lastPeerStreamId, ERROR.enhanceYourCalm, reason);
    this.#options.events.onRetired?.(reason);
  }
  #fail(error) {
    if (this.isOver) return;
    this.goaway(this.lastPeerStreamId, error.code, error.message);
    this.#output.write();
    this.#streams.isClosed = true;
    this.#options.events.onFatal(error, error instanceof FloodError ? error.reason : "peer");
  }
};

// wrappers/transport/answer-rules.ts
var SPEAKS_HTTP1 = "speaks HTTP/1.1: register it without protocol";
var SPEAKS_HTTP2 = "speaks HTTP/2: register it with protocol grpc or h2c";
var InvalidAnswer = class extends QuietError {
  name = "InvalidAnswer";
  /** Whether the node speaks another protocol than the one that it is registered with. The message names the cure. */
  get isWrongProtocol() {
    return this.message === SPEAKS_HTTP1 || this.message === SPEAKS_HTTP2;
  }
};
var answerTrailers = new TrailerFilter();
var WITHHELD = [
  ...["proxy-authenticate", "proxy-authorization", "te", "upgrade"],
  ...["x-request-id", "x-waygate-fallback"]
];

// wrappers/transport/open-socket.ts
import { lookup as lookup2 } from "node:dns";
import {
  connect,
  isIP as isIP2,
  Socket
} from "node:net";
var READ_BYTES = 65536;
var shared = process.platform === "win32" ? void 0 : Buffer.allocUnsafeSlow(READ_BYTES);
var TCP_KEEP_ALIVE_MS = 6e4;
function openSocket({ host, port, timeoutMs, onread, onWriteError, allows }, done) {
  const isForbidden = allows !== void 0 && isIP2(host) !== 0 && !allows(host, port);
  const options = {
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    ...onread && { onread },
    ...allows && { lookup: lookupAllowed(allows, port) }
  };
  let socket;
  if (isForbidden) socket = new Socket().destroy(forbidden(host, port));
  else if (onWriteError) socket = new ReadableSocket(options, onWriteError).connect(options);
  else socket = connect(options);
  const timer = setTimeout(() => {
    socket.destroy(new Error(`no connection to ${host}:${port} within ${timeoutMs} ms`));
  }, timeoutMs);
  const settle = (error) => {
    clearTimeout(timer);
    socket.off("error", settle).off("connect", settle).off("close", onClose);
    done(error, socket);
  };
  const onClose = () => settle(new Error("the connection attempt was cancelled"));
  return socket.on("error", settle).on("connect", settle).on("close", onClose);
}
var ReadableSocket = class extends Socket {
  #onWriteError;
  #callback = () => {
  };
  /** Serves all writes, since a stream makes one at a time. After a failed one it is never told, and makes no other. */
  #onWritten = (error) => {
    if (error) this.#onWriteError(error);
    else this.#callback();
  };
  constructor(options, onWriteError) {
    super(options);
    this.#onWriteError = onWriteError;
  }
  _write(chunk, encoding, callback) {
    this.#callback = callback;
    super._write(chunk, encoding, this.#onWritten);
  }
  _writev(chunks, callback) {
    this.#callback = callback;
    super._writev(chunks, this.#onWritten);
  }
};
function forbidden(host, port) {
  return new Error(`connections to ${host}:${port} are not allowed`);
}
function lookupAllowed(allows, port) {
  return (host, options, done) => lookup2(host, { ...options, all: true }, (error, found) => {
    const [first, ...more] = error ? [] : found.filter(({ address }) => allows(address, port));
    if (error) done(error, []);
    else if (!first) done(forbidden(host, port), []);
    else if (options.all) done(null, [first, ...more]);
    else done(null, first.address, first.family);
  });
}
function readBuffer() {
  return shared ?? Buffer.allocUnsafeSlow(READ_BYTES);
}

// wrappers/http2/session-wire.ts
var HTTP1 = "HTTP/1.";
var MAX_UNSENT_BYTES = 65536;
var LAST_WORDS_MS = 1e3;
var INDEXED2 = /* @__PURE__ */ new Set([
  ...[":method", ":scheme", ":authority", "te", "content-type", "accept", "accept-encoding"],
  ...["grpc-encoding", "grpc-accept-encoding", "x-forwarded-proto"]
]);
var mayIndex = (name) => INDEXED2.has(name);
var now = () => performance.now();
var SessionWire = class {
  #options;
  #owner;
  #socket;
  /** Undefined until the connection is established. */
  connection = void 0;
  /** Why the connection is over; undefined while it is not. */
  failure = void 0;
  /** How often something was read. */
  reads = 0;
  /** Streams that have received something in the present read. */
  #touched = [];
  #writeError = void 0;
  #lastWordsTimer = void 0;
  /** Begins to connect. */
  constructor(options, owner) {
    this.#options = options;
    this.#owner = owner;
    const { host, port, connectTimeoutMs, allows } = options;
    this.#socket = openSocket(
      {
        ...{ host, port, allows, timeoutMs: connectTimeoutMs },
        onread: { buffer: readBuffer(), callback: this.#onRead },
        onWriteError: this.#onWriteError
      },
      (error) => {
        if (error === void 0) this.#opened();
        else {
          this.#over(new UpstreamFailure("connect", error));
          owner.onClosed();
        }
      }
    );
  }
  get isOpen() {
    return this.connection !== void 0 && this.failure === void 0;
  }
  /** Whether streams can be opened. */
  get isWritable() {
    return this.isOpen && this.#writeError === void 0;
  }
  /** The IP address of the node; undefined while there is no connection to it. */
  get address() {
    return this.#socket.remoteAddress;
  }
  /** Says goodbye and closes the connection. Streams that are left fail. */
  end() {
    if (this.isOpen) {
      this.connection.goaway(0, ERROR.noError);
      this.connection.flush();
    }
    this.#over(closedByUs());
    this.#endSocket();
  }
  /** Fails all streams and closes the connection. */
  destroy(failure = closedByUs()) {
    if (this.connection !== void 0) this.#over(failure);
    this.#socket.destroy();
  }
  /** Notes that a stream has received something. After the read, it is told. */
  touch(stream) {
    this.#touched.push(stream);
  }
  write(bytes) {
    if (this.#writeError !== void 0 || this.#socket.destroyed) return false;
    this.#socket.write(bytes);
    return this.#socket.writableLength <= MAX_UNSENT_BYTES;
  }
  get holdsWritten() {
    return this.#socket.writableLength > 0;
  }
  wantsFlush(connection) {
    if (unflushed.push(connection) === 1) setImmediate(flushAll);
  }
  onSettings() {
    this.#owner.onSettings();
  }
  onGoaway() {
    this.#owner.onGoaway();
  }
  onRetired() {
    this.#owner.onFlood();
  }
  onFatal(error) {
    this.#over(new UpstreamFailure("invalid", error));
    this.#endSocket();
  }
  #opened() {
    const { streamWindowBytes, connectionWindowBytes, answerHeadBytes } = this.#options;
    this.connection = new Http2Connection({
      role: "client",
      maxConcurrentStreams: 0,
      ...{ streamWindowBytes, connectionWindowBytes, mayIndex, now },
      maxListBytes: answerHeadBytes,
      maxFields: MAX_HEADER_LINES,
      events: this
    });
    this.#socket.on("drain", () => this.connection.drained()).on("end", () => this.#lost(new Error("the node ended the connection"))).on("error", (error) => this.#lost(error)).on("close", () => {
      this.#lost(new Error("the node closed the connection"));
      clearTimeout(this.#lastWordsTimer);
      this.#owner.onClosed();
    });
    this.#owner.onOpen();
  }
  #onRead = (size, buffer) => {
    const bytes = buffer.subarray(0, size);
    if (this.failure !== void 0) return true;
    if (this.reads++ === 0 && bytes.toString("latin1", 0, HTTP1.length) === HTTP1) {
      this.destroy(new UpstreamFailure("invalid", new InvalidAnswer(SPEAKS_HTTP1)));
      return true;
    }
    this.connection.receive(bytes);
    if (this.#touched.length > 0) {
      const touched = this.#touched;
      this.#touched = [];
      for (const stream of touched) stream.afterRead();
    }
    return true;
  };
  #onWriteError = (error) => {
    this.#writeError = error;
    this.#lastWordsTimer = setTimeout(() => this.#lost(error), LAST_WORDS_MS).unref();
  };
  #lost(error) {
    this.#over(new UpstreamFailure("reset", this.#writeError ?? error));
    this.#socket.destroy();
  }
  /** Closes the socket when all is sent, or after a time. */
  #endSocket() {
    this.#socket.destroySoon();
    clearTimeout(this.#lastWordsTimer);
    this.#lastWordsTimer = setTimeout(() => this.#socket.destroy(), LAST_WORDS_MS).unref();
  }
  /** The caller closes the socket. */
  #over(failure) {
    if (this.failure !== void 0) return;
    this.failure = failure;
    this.#owner.onOver(failure);
    this.connection?.closed();
  }
};
var unflushed = [];
function flushAll() {
  const connections = unflushed;
  unflushed = [];
  for (const connection of connections) connection.flush();
}
function closedByUs() {
  return new UpstreamFailure("reset", new Error("the gateway closed the connection"));
}

// wrappers/http2/node-session.ts
var DOUBT_PERIOD_MS = 3e4;
var SIGN_OF_LIFE_MS = 2e3;
var NodeSession = class {
  #options;
  #owner;
  #expectedLimit;
  #wire;
  #cancels;
  /** Calls that wait for the connection. */
  #queue = /* @__PURE__ */ new Set();
  /** Streams that belong to a call. Others may be open, whose call was given up without telling the node. */
  #streams = /* @__PURE__ */ new Set();
  #isRetired = false;
  #lifeTimer = void 0;
  #doubtedAt = Number.NEGATIVE_INFINITY;
  #carried = 0;
  /** When the last call ended, milliseconds on the monotonic clock. */
  idleSince = 0;
  /**
   * Begins to connect.
   *
   * @param expectedLimit the streams that the node probably allows; they are used until it has said how many it does
   */
  constructor(options, owner, expectedLimit) {
    this.#options = options;
    this.#owner = owner;
    this.#expectedLimit = expectedLimit;
    this.#cancels = new TokenBucket(options.cancels, performance.now());
    this.#wire = new SessionWire(options, this);
  }
  get isOpen() {
    return this.#wire.isOpen;
  }
  /** Why the session is over; undefined while it is not. */
  get failure() {
    return this.#wire.failure;
  }
  /** The IP address of the node; undefined while there is no connection to it. */
  get address() {
    return this.#wire.address;
  }
  /** Whether the connection had been established. */
  get wasOpen() {
    return this.#wire.connection !== void 0;
  }
  /** The most streams that there may be at the same time. */
  get limit() {
    const { connection } = this.#wire;
    const allowed = connection?.settingsReceived ? connection.peerMaxConcurrentStreams : this.#expectedLimit;
    return Math.min(allowed, this.#options.streamsPerSession);
  }
  /** Calls that somebody waits for. */
  get calls() {
    return this.#streams.size + this.#queue.size;
  }
  get isIdle() {
    return this.isOpen && this.calls === 0;
  }
  /** Whether another call may be handed to `take`. */
  get hasRoom() {
    const { connection, isWritable, failure } = this.#wire;
    if (this.#isRetired || failure !== void 0) return false;
    if (connection === void 0) return this.#queue.size < this.limit;
    if (connection.heldBytes * 2 >= this.#options.connectionWindowBytes) return false;
    return isWritable && connection.canOpen && connection.streamCount < this.limit;
  }
  get reads() {
    return this.#wire.reads;
  }
  /** Hands the session to the call once it is open. */
  take(call) {
    if (this.isOpen) call.onSession(this);
    else this.#queue.add(call);
  }
  /** Removes a call that waits for the connection. */
  forget(call) {
    if (this.#queue.delete(call)) this.#owner.onRoom();
  }
  open(stream, lines, isEnd) {
    this.#streams.add(stream);
    this.#wire.connection.open(stream, lines, isEnd);
    if (stream.id >= MAX_STREAM_ID) this.retire("ids");
  }
  touch(stream) {
    this.#wire.touch(stream);
  }
  gaveBack() {
    this.#owner.onRoom();
  }
  answered() {
    this.#carried++;
  }
  /**
   * Takes a stream from its call, which needs no more of it. If the stream is not over, the node is told so while the
   * budget lasts. Beyond it the session is retired, and what the node still sends on the stream is dropped: servers take
   * many cancellations for an attack and end the connection, with the calls of everybody else.
   */
  leave(stream) {
    stream.call = void 0;
    this.#streams.delete(stream);
    if (!stream.isOver && this.isOpen) {
      if (this.#cancels.take(performance.now())) stream.reset(ERROR.cancel);
      else this.retire("cancels");
    }
    this.#owner.onRoom();
    if (this.isIdle) this.#nowIdle();
  }
  lossOf(stream) {
    const { kind, cause } = this.#wire.failure;
    if (!this.#wire.connection.hasWritten(stream)) return new UpstreamFailure("refused", cause);
    if (kind === "hung" && !stream.hasReceivedHead) return new UpstreamFailure("timeout", cause);
    const isStale = kind === "reset" && this.#carried > 0 && stream.openedAtRead === this.reads;
    return new UpstreamFailure(kind, cause, isStale);
  }
  /**
   * Asks the node for a sign of life, because it did not answer a call in time. Without one, the session ends, and its
   * calls count as not answered in time. Otherwise a hung node whose clients have short deadlines would never be ejected,
   * since those deadlines say nothing about it.
   */
  doubt() {
    const now2 = performance.now();
    if (!this.isOpen || now2 - this.#doubtedAt < DOUBT_PERIOD_MS) return;
    this.#doubtedAt = now2;
    const { reads } = this;
    const judge = () => {
      if (this.reads === reads)
        this.destroy(new UpstreamFailure("hung", new Error("the node did not answer a PING within 2 s")));
    };
    this.#wire.connection.ping();
    this.#lifeTimer = setTimeout(() => setImmediate(judge), SIGN_OF_LIFE_MS).unref();
  }
  /** Takes no further calls. The present ones finish. */
  retire(reason) {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#owner.onRetired(this, reason);
    if (this.isIdle) this.#nowIdle();
  }
  /** Notifies every call that waits for the head of its answer that the node hangs. */
  notifyHung() {
    for (const call of [...this.#queue]) call.onHung();
    for (const stream of [...this.#streams]) if (!stream.hasReceivedHead) stream.call?.onHung();
  }
  /** Says goodbye and closes the connection. Calls that are left fail. */
  end() {
    this.#wire.end();
  }
  /** Fails all calls and closes the connection. */
  destroy(failure) {
    this.#wire.destroy(failure);
  }
  onOpen() {
    this.idleSince = performance.now();
    this.#owner.onOpen();
    for (const call of this.#queue) {
      this.#queue.delete(call);
      call.onSession(this);
    }
    if (this.isIdle) this.#nowIdle();
  }
  onSettings() {
    this.#owner.onLimit(this.limit);
    this.#owner.onRoom();
  }
  onGoaway() {
    this.#options.onGoaway();
    this.retire("goaway");
  }
  onFlood() {
    this.retire("flood");
  }
  onOver({ cause }) {
    clearTimeout(this.#lifeTimer);
    this.#owner.onOver(this);
    for (const call of this.#queue) {
      this.#queue.delete(call);
      call.onFailure(new UpstreamFailure("connect", cause));
    }
  }
  onClosed() {
    this.#owner.onClosed(this);
  }
  #nowIdle() {
    this.idleSince = performance.now();
    this.#owner.onIdle(this);
  }
};

// wrappers/http2/session-pool.ts
function createSessionCounts() {
  return { goaways: 0, retired: { goaway: 0, cancels: 0, ids: 0, address: 0, flood: 0 } };
}
var STREAMS_BEFORE_SETTINGS = 100;
var SessionPool = class {
  #options;
  #sessionOptions;
  #name;
  /** Those that take calls; some may not be connected yet. */
  #sessions = [];
  /** Those that take no further calls: they finish the ones that they have, or are being closed. */
  #retired = /* @__PURE__ */ new Set();
  /** In order of arrival. */
  #waiting = /* @__PURE__ */ new Set();
  #open = 0;
  /** Streams that the node allowed on the session that has heard of it last. */
  #streamLimit = STREAMS_BEFORE_SETTINGS;
  #isClosing = false;
  #onEmpty = () => {
  };
  constructor(options) {
    this.#options = options;
    this.#sessionOptions = { ...options, onGoaway: () => void options.counts.goaways++ };
    this.#name = new NodeName(options);
  }
  /** Hands the call a session as soon as one has room, or fails it when there will be none. */
  request(call) {
    if (this.#isClosing) {
      call.onFailure(new UpstreamFailure("connect", new Error("the node was removed")));
      return;
    }
    const session = this.#waiting.size === 0 ? this.#pick() : void 0;
    if (session) session.take(call);
    else this.#waiting.add(call);
  }
  /** Removes a call that has no session yet. */
  forget(call) {
    if (!this.#waiting.delete(call)) for (const session of this.#sessions) session.forget(call);
    this.#checkEmpty();
  }
  /** Notifies every call that has no head of an answer yet that the node hangs. */
  notifyHung() {
    for (const call of [...this.#waiting]) call.onHung();
    for (const session of this.#all()) session.notifyHung();
  }
  /** Refuses new calls. Resolves when the present ones have ended and no session is left. */
  close() {
    this.#isClosing = true;
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      for (const session of this.#all()) if (session.isIdle) session.end();
      this.#checkEmpty();
    });
  }
  /** Fails all calls and closes all sessions. Resolves when no session is left. */
  destroy() {
    const closed = this.close();
    this.#failWaiting(new Error("the pool was closed"));
    for (const session of this.#all())
      session.destroy(new UpstreamFailure("reset", new Error("the gateway closed the connection")));
    return closed;
  }
  closeExpired(now2) {
    let hasIdle = false;
    for (const session of this.#all()) {
      if (!session.isIdle) continue;
      if (now2 - session.idleSince >= this.#options.keepAliveMs) session.end();
      else hasIdle = true;
    }
    return hasIdle;
  }
  followName(now2) {
    if (!this.#name.isFollowed || this.#sessions.length === 0) return false;
    this.#name.follow(now2, (addresses) => {
      for (const session of [...this.#sessions]) {
        if (session.address !== void 0 && !addresses.includes(session.address)) session.retire("address");
      }
    });
    return true;
  }
  onOpen() {
    this.#options.onSessions(++this.#open);
    if (this.#name.isFollowed) sweeper.watch(this);
  }
  onLimit(streams) {
    this.#streamLimit = streams === 0 ? STREAMS_BEFORE_SETTINGS : Math.min(streams, STREAMS_BEFORE_SETTINGS);
  }
  onRoom() {
    for (const call of this.#waiting) {
      const session = this.#pick();
      if (session === void 0) return;
      this.#waiting.delete(call);
      session.take(call);
    }
  }
  onIdle(session) {
    if (this.#isClosing || this.#retired.has(session)) session.end();
    else sweeper.watch(this);
  }
  onRetired(session, reason) {
    this.#options.counts.retired[reason]++;
    this.#remove(session);
    this.#retired.add(session);
    this.onRoom();
  }
  onOver(session) {
    this.#remove(session);
    this.#retired.add(session);
    if (!session.wasOpen && this.#sessions.length === 0) this.#failWaiting(session.failure?.cause);
    this.onRoom();
  }
  onClosed(session) {
    this.#retired.delete(session);
    if (session.wasOpen) this.#options.onSessions(--this.#open);
    this.#checkEmpty();
  }
  /** Returns the session for the next call, a new one if need be; undefined when the call has to wait. */
  #pick() {
    let best;
    let mayGrow = this.#sessions.length < (this.#options.maxSessions ?? Number.POSITIVE_INFINITY);
    for (const session of this.#sessions) {
      if (session.limit === 0) mayGrow = false;
      if (session.hasRoom && (best === void 0 || isBetter(session, best))) best = session;
    }
    return best ?? (mayGrow ? this.#connect() : void 0);
  }
  #connect() {
    const session = new NodeSession(this.#sessionOptions, this, this.#streamLimit);
    this.#sessions.push(session);
    return session;
  }
  #remove(session) {
    const index = this.#sessions.indexOf(session);
    if (index !== -1) this.#sessions.splice(index, 1);
  }
  #failWaiting(cause) {
    for (const call of this.#waiting) {
      this.#waiting.delete(call);
      call.onFailure(new UpstreamFailure("connect", cause));
    }
  }
  #all() {
    return [...this.#sessions, ...this.#retired];
  }
  #checkEmpty() {
    const isEmpty = this.#sessions.length === 0 && this.#retired.size === 0 && this.#waiting.size === 0;
    if (this.#isClosing && isEmpty) this.#onEmpty();
  }
};
function isBetter(session, other) {
  return session.isOpen === other.isOpen ? session.calls < other.calls : session.isOpen;
}

// cmd/gateway/service-rules.ts
function serviceRules(routes, defaults) {
  const rules = /* @__PURE__ */ new Map();
  for (const route of routes.toSorted((a, b) => a.id < b.id ? -1 : 1)) {
    const own = rulesOf(route, defaults);
    if (Object.keys(own).length > 0) rules.set(route.service, { ...own, ...rules.get(route.service) });
  }
  return rules;
}
var FIELDS = {
  breaker: ({ breaker }) => breaker,
  serviceLimit: ({ serviceLimit }) => serviceLimit,
  healthCheck: ({ healthCheck }) => healthCheck,
  "grpc.failures": ({ grpc }) => grpc?.failures,
  "grpc.descriptors": ({ grpc }) => grpc?.descriptors,
  "grpc.rules": ({ grpc }) => grpc?.rules
};
function unusedRules(routes) {
  const found = [];
  const first = /* @__PURE__ */ new Map();
  for (const route of routes.toSorted((a, b) => a.id < b.id ? -1 : 1)) {
    for (const [field, read] of Object.entries(FIELDS)) {
      if (read(route) === void 0) continue;
      const by = first.get(`${route.service} ${field}`);
      if (by === void 0) first.set(`${route.service} ${field}`, route.id);
      else found.push({ key: route.id, reason: `$.${field} is not used, because route ${by} sets it too` });
    }
  }
  return found;
}
function rulesOf({ breaker, serviceLimit, healthCheck, grpc }, defaults) {
  return {
    ...breaker && { breaker: { ...defaults.breaker, ...breaker } },
    ...serviceLimit && { serviceLimit: completeServiceLimit(serviceLimit, defaults.serviceLimit) },
    ...healthCheck !== void 0 && { healthCheck },
    ...grpc?.failures && { grpcFailures: grpc.failures },
    ...grpc?.descriptors !== void 0 && { grpcDescriptors: grpc.descriptors },
    ...grpc?.rules && { grpcRules: grpc.rules }
  };
}
var NO_RULES = Object.freeze({});
var LiveRules = class {
  #defaults;
  #onChange;
  #circuit;
  #rules = /* @__PURE__ */ new Map();
  /** By service, made when they are first asked for after a change of routes. */
  #circuits = /* @__PURE__ */ new Map();
  /** @param onChange is called with the rules by service, after each change of routes */
  constructor(defaults, onChange = () => {
  }) {
    this.#defaults = defaults;
    this.#circuit = { ...defaults.breaker, grpcFailures: numbersOf(defaults.grpc.failures) };
    this.#onChange = onChange;
  }
  /** Returns the rules that routes set for a service, completed by the configuration. A field that no route sets is absent. */
  of(service) {
    return this.#rules.get(service) ?? NO_RULES;
  }
  /** Returns the settings of the breakers of a service's nodes. */
  circuitOf(service) {
    const known = this.#circuits.get(service);
    if (known) return known;
    const { breaker, grpcFailures } = this.of(service);
    if (breaker === void 0 && grpcFailures === void 0) return this.#circuit;
    const own = { ...this.#circuit, ...breaker, ...grpcFailures && { grpcFailures } };
    this.#circuits.set(service, own);
    return own;
  }
  /** Takes the rules of a new set of routes. */
  update(routes) {
    this.#rules = serviceRules(routes, this.#defaults);
    this.#circuits.clear();
    this.#onChange(this.#rules);
  }
};

// cmd/gateway/node-guard.ts
import { isIP as isIP4 } from "node:net";
import { networkInterfaces } from "node:os";

// middleware/request/client-address.ts
import { BlockList, isIP as isIP3 } from "node:net";
function createTrustedProxies(ranges) {
  return ranges.length === 0 ? () => false : createAddressRanges(ranges);
}
function createAddressRanges(ranges) {
  const list = new BlockList();
  for (const range of ranges) {
    const [, address = "", bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(range) ?? [];
    const version = isIP3(address);
    const prefix = bits === void 0 ? void 0 : Number(bits);
    if (version === 0 || prefix !== void 0 && prefix > (version === 6 ? 128 : 32)) {
      throw new RangeError(`not an address or CIDR range: ${JSON.stringify(range)}`);
    }
    const family = version === 6 ? "ipv6" : "ipv4";
    if (prefix === void 0) list.addAddress(address, family);
    else list.addSubnet(address, prefix, family);
  }
  return (address) => list.check(address, isIP3(address) === 6 ? "ipv6" : "ipv4");
}
function realAddress(peer, forwardedFor, isTrustedProxy) {
  if (forwardedFor === void 0) return peer;
  let seen = peer;
  for (let end = forwardedFor.length; end >= 0; ) {
    const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(",", end - 1);
    const address = addressIn(forwardedFor.slice(comma + 1, end));
    if (address === void 0) return seen;
    if (!isTrustedProxy(address)) return address;
    seen = address;
    end = comma;
  }
  return seen;
}
function addressIn(text) {
  const trimmed = text.trim();
  if (isIP3(trimmed) !== 0) return canonicalAddress(trimmed);
  const bare = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15}))(?::\d{1,5})?$/.exec(trimmed);
  const address = bare?.[1] ?? bare?.[2];
  return address !== void 0 && isIP3(address) !== 0 ? canonicalAddress(address) : void 0;
}
function plainAddress(address) {
  if (address === void 0) return "unknown";
  if (address.startsWith("::ffff:") && address.includes(".")) return address.slice(7);
  const zone = address.indexOf("%");
  return zone === -1 ? address : address.slice(0, zone);
}
function canonicalAddress(address) {
  if (!address.includes(":")) return address;
  const [bare = ""] = address.split("%", 1);
  const text = new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text);
  if (!mapped) return text;
  const [high, low] = mapped.slice(1).map((group) => Number.parseInt(group, 16));
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
function addressGroup(address) {
  if (!address.includes(":")) return address;
  const [head = "", tail] = (address.split("%", 1)[0] ?? "").split("::");
  const first = head === "" ? [] : head.split(":");
  if (tail !== void 0) {
    const last = tail === "" ? [] : tail.split(":");
    while (first.length + last.length < 8) first.push("0");
  }
  return `${first.slice(0, 4).join(":")}::/64`;
}

// cmd/gateway/node-guard.ts
var UNSPECIFIED = /* @__PURE__ */ new Set(["0.0.0.0", "::"]);
function createNodeGuard({ allowedAddresses, adminPort }) {
  const isInRange = allowedAddresses.length === 0 ? () => true : createAddressRanges(allowedAddresses);
  const isOwnAdmin = (address, port) => port === adminPort() && isOurs(address);
  return {
    refusalOf({ host, port }) {
      if (isIP4(host) === 0) return isLoopbackName(host) && port === adminPort() ? OWN_ADMIN : void 0;
      const address = canonicalAddress(host);
      if (isOwnAdmin(address, port)) return OWN_ADMIN;
      return isInRange(address) ? void 0 : `the address ${host} is not in discovery.allowedAddresses`;
    },
    allows(address, port) {
      const canonical = canonicalAddress(address);
      return !isOwnAdmin(canonical, port) && isInRange(canonical);
    }
  };
}
var OWN_ADMIN = "it is the gateway's own admin listener";
function isOurs(address) {
  if (address.startsWith("127.") || address === "::1" || UNSPECIFIED.has(address)) return true;
  return Object.values(networkInterfaces()).some(
    (list) => list?.some((each) => canonicalAddress(each.address) === address)
  );
}
function isLoopbackName(host) {
  const name = host.toLowerCase().replace(/\.$/, "");
  return name === "localhost" || name.endsWith(".localhost");
}

// internal/nodes/failing-requests.ts
var MAX_KINDS = 512;
var MAX_LENGTH = 512;
var FailingRequests = class {
  /** By hash; two kinds with the same hash are taken for one. In the order in which they last failed. */
  #kinds = /* @__PURE__ */ new Map();
  #memoryMs = 0;
  #failedAt = 0;
  /** Whether a request failed lately. Otherwise `passed` need not be called. */
  isWatching = false;
  /**
   * Notes a request that failed.
   *
   * @param requestLine method and target: `GET /path?query`
   * @param memoryMs how long it is remembered
   * @param now milliseconds on the monotonic clock
   * @returns whether the failure says something about its node: it is the first of its kind, or requests of its kind got
   *   good answers lately
   */
  failed(requestLine, memoryMs, now2) {
    let isAboutNode = true;
    for (const hash of hashesOf(requestLine)) {
      const kind = this.#kinds.get(hash);
      const isKnown = kind !== void 0 && now2 - kind.failedAt <= memoryMs;
      if (isKnown && now2 - kind.passedAt > memoryMs) isAboutNode = false;
      this.#kinds.delete(hash);
      this.#kinds.set(hash, { failedAt: now2, passedAt: kind?.passedAt ?? Number.NEGATIVE_INFINITY });
    }
    for (const oldest of this.#kinds.keys()) {
      if (this.#kinds.size <= MAX_KINDS) break;
      this.#kinds.delete(oldest);
    }
    this.#memoryMs = memoryMs;
    this.#failedAt = now2;
    this.isWatching = true;
    return isAboutNode;
  }
  /** Notes a request that got a good answer. The parameters are those of `failed`. */
  passed(requestLine, now2) {
    if (now2 - this.#failedAt > this.#memoryMs) {
      this.#kinds.clear();
      this.isWatching = false;
      return;
    }
    for (const hash of hashesOf(requestLine)) {
      const kind = this.#kinds.get(hash);
      if (kind !== void 0) kind.passedAt = now2;
    }
  }
};
function hashesOf(requestLine) {
  const line = requestLine.slice(0, MAX_LENGTH);
  const query = line.indexOf("?");
  return query === -1 ? [hashText(line)] : [hashText(line.slice(0, query)), hashText(line)];
}

// internal/nodes/node-table.ts
var NodeTable = class {
  #createPeer;
  #now;
  #services = /* @__PURE__ */ new Map();
  #isLoaded = false;
  /** @param now milliseconds on the monotonic clock */
  constructor(createPeer, now2 = () => performance.now()) {
    this.#createPeer = createPeer;
    this.#now = now2;
  }
  /** Returns the nodes of a service that get the requests of a lane; undefined when it has none. */
  get(service, lane = "http") {
    return this.#services.get(service)?.[lane];
  }
  /** Returns a service with all of its nodes, also those that get no requests; undefined when it has none. */
  service(name) {
    return this.#services.get(name);
  }
  /** Iterates over the services with nodes, in the order in which they were first seen. */
  services() {
    return this.#services.values();
  }
  /** Whether the first table is complete. */
  get isLoaded() {
    return this.#isLoaded;
  }
  /**
   * Marks the first table as complete. Nodes that are added later are new, and go through the slow start of a route.
   */
  loaded() {
    this.#isLoaded = true;
  }
  /** Replaces the nodes of a service; an empty list removes it. Peers of removed nodes are disposed of. */
  set(service, nodes) {
    const live = this.#services.get(service);
    const left = new Map(live?.peers.map((peer) => [peer.node.id, peer]));
    const peers = nodes.map((node) => {
      const peer = left.get(node.id);
      if (!peer || !sameEndpoint(peer.node, node)) return this.#createNewPeer(node);
      left.delete(node.id);
      peer.node = node;
      return peer;
    });
    if (peers.length === 0) this.#services.delete(service);
    else if (live) live.replace(peers);
    else this.#services.set(service, new LiveService(service, peers));
    for (const peer of left.values()) peer.dispose();
  }
  /**
   * Sets the health of a peer by its checks. An unhealthy peer gets no requests as long as others are not unhealthy. A
   * peer that is no longer unhealthy has its breaker closed and goes through slow start.
   */
  judge(peer, health) {
    const was = peer.health;
    peer.health = health;
    const lane = laneOf(peer.node);
    if (lane !== void 0) this.#services.get(peer.node.service)?.[lane]?.avoidUnhealthy();
    if (was !== "unhealthy" || health === "unhealthy") return;
    peer.warmingSince = this.#now();
    peer.recover();
  }
  #createNewPeer(node) {
    const peer = this.#createPeer(node);
    if (this.#isLoaded) peer.warmingSince = this.#now();
    return peer;
  }
  /** Removes every service and disposes of its peers. */
  clear() {
    for (const name of [...this.#services.keys()]) this.set(name, []);
  }
};
var LiveService = class {
  name;
  peers = [];
  http = void 0;
  grpc = void 0;
  constructor(name, peers) {
    this.name = name;
    this.replace(peers);
  }
  get isPanicking() {
    return this.http?.isPanicking === true || this.grpc?.isPanicking === true;
  }
  replace(peers) {
    this.peers = peers;
    this.http = this.#laneWith("http");
    this.grpc = this.#laneWith("grpc");
  }
  #laneWith(lane) {
    const peers = this.peers.filter(({ node }) => laneOf(node) === lane);
    if (peers.length === 0) return void 0;
    const live = this[lane] ?? new LiveLane(this.name);
    live.replace(peers);
    return live;
  }
};
var LiveLane = class {
  name;
  peers = [];
  isPanicking = false;
  speaksHttp2 = false;
  failing = new FailingRequests();
  #balancers = /* @__PURE__ */ new Map();
  constructor(name) {
    this.name = name;
  }
  replace(peers) {
    this.peers = peers;
    this.speaksHttp2 = peers.some(({ node }) => !speaksHttp1(node));
    this.avoidUnhealthy();
  }
  avoidUnhealthy() {
    let unhealthy = 0;
    let others = 0;
    for (const { node, health } of this.peers) {
      if (node.weight === 0) continue;
      if (health === "unhealthy") unhealthy++;
      else others++;
    }
    this.isPanicking = unhealthy > 0 && others === 0;
    for (const peer of this.peers) peer.isAvoided = peer.health === "unhealthy" && !this.isPanicking;
  }
  balancer(name) {
    let balancer = this.#balancers.get(name);
    if (!balancer) {
      balancer = createBalancer(name);
      this.#balancers.set(name, balancer);
    }
    return balancer;
  }
};

// wrappers/node/ejection.ts
var CLEARLY = 3;
function findObjection(peer, peers, evidence, { failureRatio, ejectLastNode }) {
  const others = peers.filter(
    (each) => each !== peer && each.node.weight > 0 && !each.isUnreachable
  );
  const inUse = others.filter((each) => each.breaker === "closed");
  const ejectedWithPeer = others.length - inUse.length + 1;
  const isLimitReached = ejectedWithPeer > Math.max(1, Math.floor((others.length + 1) / 2));
  if (isLimitReached && evidence !== "fails always") return "half of the nodes are ejected";
  if (evidence === "hangs" || ejectLastNode === true) return void 0;
  let passed = 0;
  let failed = 0;
  let weight = 0;
  for (const each of inUse) {
    if (each.isAvoided || each.failed >= failureRatio * Math.max(1, each.passed + each.failed)) continue;
    passed += each.passed;
    failed += each.failed;
    weight += each.node.weight;
  }
  if (passed === 0) {
    if (weight === 0 || weight < peer.node.weight) return "no other node does better";
    return isLimitReached ? "half of the nodes are ejected" : void 0;
  }
  const share = evidence === "fails always" ? 1 : peer.failed / (peer.passed + peer.failed);
  return share < CLEARLY * (failed / (passed + failed)) ? "no other node does better" : void 0;
}
function rerouteWaiting(hung, peers) {
  if (peers.some((peer) => peer !== hung && peer.available())) hung.rerouteWaiting();
}

// wrappers/breaker/failures.ts
function isFailureStatus(status) {
  return status >= 500 && status !== 501 && status !== 505;
}
var GRPC_FAILURES = /* @__PURE__ */ new Set([2, 13, 14, 15]);
function isFailedAnswer({ status, grpcStatus }) {
  return isFailureStatus(status) || grpcStatus !== void 0 && GRPC_FAILURES.has(grpcStatus);
}
var NOT_COUNTED = /* @__PURE__ */ new Set(["aborted", "unsendable"]);
function countsAgainstNode(error) {
  if (!(error instanceof UpstreamFailure)) return true;
  if (error.kind === "hung") return hasShownHang(error);
  return !NOT_COUNTED.has(error.kind) && !error.isClientsTimeout;
}
function hasShownHang({ kind, cause }) {
  return kind === "hung" && cause !== void 0;
}
function failureKindOf(error) {
  if (!(error instanceof UpstreamFailure)) return void 0;
  return hasShownHang(error) ? "timeout" : error.kind;
}
function requestLineOf(error) {
  return error instanceof UpstreamFailure ? error.requestLine : void 0;
}

// wrappers/breaker/half-open.ts
var import_opossum = __toESM(require_opossum(), 1);
import { EventEmitter } from "node:events";
var OpenBreaker = class {
  #breaker;
  /** The options object of opossum, which reads `resetTimeout` each time it opens. */
  #timing = { resetTimeout: 0 };
  #openedAt = 0;
  constructor({ onOpen, onHalfOpen, onClose }) {
    this.#breaker = new import_opossum.default(
      (attempt) => attempt(),
      Object.assign(this.#timing, {
        timeout: false,
        // Keeps opossum from opening by itself.
        volumeThreshold: Number.MAX_SAFE_INTEGER,
        // Switches off its counts and its timers, which are not used.
        rollingCountBuckets: 1,
        rotateBucketController: new EventEmitter(),
        rollingPercentilesEnabled: false,
        enableSnapshots: false
      })
    );
    this.#breaker.on("open", onOpen).on("halfOpen", onHalfOpen).on("close", onClose);
  }
  get state() {
    if (this.#breaker.opened) return "open";
    return this.#breaker.halfOpen ? "half-open" : "closed";
  }
  /** Milliseconds until the breaker lets a probe through; 0 when it is not open. */
  get retryInMs() {
    const passed = performance.now() - this.#openedAt;
    return this.#breaker.opened ? Math.max(0, this.#timing.resetTimeout - passed) : 0;
  }
  /** Whether the breaker is half-open and its probe has not begun. */
  get wantsProbe() {
    return this.#breaker.pendingClose;
  }
  /** @param openMs how long it stays open; call `setOpenMs` before a probe fails, which opens it again */
  open(openMs) {
    this.setOpenMs(openMs);
    this.#breaker.open();
  }
  /** Sets how long the breaker stays open when the probe fails. */
  setOpenMs(openMs) {
    this.#timing.resetTimeout = openMs;
    this.#openedAt = performance.now();
  }
  close() {
    this.#breaker.close();
  }
  /**
   * Runs `attempt` as the probe. The breaker opens again when it rejects, and closes when it resolves.
   *
   * @throws CircuitOpenError when the breaker is open or already has a probe
   */
  probe(attempt) {
    return this.#breaker.fire(attempt).catch((error) => {
      const code = error?.code;
      if (code === "EOPENBREAKER" || code === "ESHUTDOWN")
        throw new CircuitOpenError("the circuit breaker is open", { cause: error });
      throw error;
    });
  }
  shutdown() {
    this.#breaker.shutdown();
  }
};
var CircuitOpenError = class extends Error {
  name = "CircuitOpenError";
};

// wrappers/breaker/try-window.ts
var BUCKETS = 10;
var TryWindow = class {
  /** Tries in the window that passed. */
  passed = 0;
  /** Tries in the window that failed. */
  failed = 0;
  /** What each earlier bucket has counted; the current bucket is the rest of `passed` and of `failed`. */
  #passedBefore = new Array(BUCKETS - 1).fill(0);
  #failedBefore = new Array(BUCKETS - 1).fill(0);
  #oldest = 0;
  #windowMs = 0;
  constructor(windowMs) {
    this.resize(windowMs);
  }
  /** Changes the length of the window. Counted tries stay counted until they are as old as the new window is long. */
  resize(windowMs) {
    if (windowMs === this.#windowMs) return;
    rotation.delete(this);
    rotation.add(this, windowMs / BUCKETS);
    this.#windowMs = windowMs;
  }
  clear() {
    this.passed = 0;
    this.failed = 0;
    this.#passedBefore.fill(0);
    this.#failedBefore.fill(0);
  }
  /** Starts a new bucket and drops the oldest one. Called each time a tenth of the window has passed. */
  rotate() {
    if (this.passed === 0 && this.failed === 0) return;
    this.passed -= replace(this.#passedBefore, this.#oldest, this.passed);
    this.failed -= replace(this.#failedBefore, this.#oldest, this.failed);
    this.#oldest = (this.#oldest + 1) % (BUCKETS - 1);
  }
  close() {
    rotation.delete(this);
  }
};
function replace(buckets, oldest, total) {
  const gone = buckets[oldest];
  buckets[oldest] = total - buckets.reduce((sum, each) => sum + each, 0);
  return gone;
}
var Rotation = class {
  #groups = /* @__PURE__ */ new Map();
  add(window, intervalMs) {
    let group = this.#groups.get(intervalMs);
    if (!group) {
      const windows = /* @__PURE__ */ new Set();
      const timer = setInterval(() => {
        for (const each of windows) each.rotate();
      }, intervalMs).unref();
      group = { timer, windows };
      this.#groups.set(intervalMs, group);
    }
    group.windows.add(window);
  }
  delete(window) {
    for (const [intervalMs, { timer, windows }] of this.#groups) {
      if (!windows.delete(window) || windows.size > 0) continue;
      clearInterval(timer);
      this.#groups.delete(intervalMs);
    }
  }
};
var rotation = new Rotation();

// wrappers/breaker/watch-call.ts
function isJudgedLater(outcome) {
  return outcome.whenOver !== void 0 && outcome.grpcStatus === void 0;
}
function watchCall(outcome, isTimed, onEnd, onFirst) {
  let firstAt;
  if (isTimed) {
    ;
    outcome.observe?.({
      onChunk() {
        if (firstAt !== void 0) return;
        firstAt = performance.now();
        onFirst?.(firstAt);
      },
      onEnd() {
      }
    });
  }
  outcome.whenOver((end) => onEnd(end, firstAt ?? performance.now()));
}

// wrappers/breaker/circuit-breaker.ts
var CircuitBreaker = class {
  #options;
  #events;
  #failing;
  #window;
  #isClosed = true;
  #isDisposed = false;
  #breaker = void 0;
  /** Consecutive failed probes. */
  #failedProbes = 0;
  /** Consecutive tries without a connection, or that the node refused. */
  #unreachable = 0;
  #refusedAt = Number.NEGATIVE_INFINITY;
  /** Consecutive tries that were not answered in time. */
  #unanswered = 0;
  #reason = "too many failures";
  /** What the node failed to give when the breaker opened, or at the last probe. */
  #lacks = "good answers";
  /** When the last good but slow answer came. */
  #slowAt = Number.NEGATIVE_INFINITY;
  /**
   * @param options is called for every try, so that settings may change
   * @param failing is shared by the breakers of a service
   */
  constructor(options, events, failing = new FailingRequests()) {
    this.#options = options;
    this.#events = events;
    this.#failing = failing;
    this.#window = new TryWindow(options().windowMs);
  }
  get state() {
    return this.#breaker?.state ?? "closed";
  }
  get retryInMs() {
    return this.#breaker?.retryInMs ?? 0;
  }
  /** Whether the breaker is not closed because the node accepts no connections. */
  get isUnreachable() {
    return !this.#isClosed && this.#lacks === "connections";
  }
  /** Tries in the window that got a good answer. */
  get passed() {
    return this.#window.passed;
  }
  /** Tries in the window that count against the node. */
  get failed() {
    return this.#window.failed;
  }
  /** Whether the breaker would let a try through now. */
  admits() {
    return this.#isClosed || this.#breaker.wantsProbe;
  }
  /**
   * Runs one try through the breaker. An answer with a failure status counts against the node and is returned all the
   * same.
   *
   * @throws CircuitOpenError when the breaker does not admit the try
   */
  fire(next, request, call) {
    if (!this.#isClosed) return this.#probe(next, request, call);
    if (this.#isDisposed) return Promise.reject(new CircuitOpenError("the node was removed"));
    const slowCallMs = this.#slowCallMs(request);
    if (slowCallMs === void 0 && request.rpc === void 0)
      return next(request, call).then(this.#onOutcome, this.#onError);
    const slowFrom = performance.now() + (slowCallMs ?? NEVER2);
    return next(request, call).then(
      (outcome) => this.#noteOutcome(outcome, slowFrom, call),
      this.#onError
    );
  }
  /** Closes the breaker, whatever it has counted, because a health check found the node healthy. */
  recover() {
    if (this.#isClosed) return;
    this.#reason = "check passed";
    this.#breaker.close();
  }
  /**
   * Closes the breaker if it is open because of what the node answered, and not for want of connections or of answers.
   *
   * @returns whether it did
   */
  readmit() {
    if (this.#isClosed || this.#lacks !== "good answers" || this.#options().ejectLastNode === true)
      return false;
    this.#reason = "no better node";
    this.#breaker.close();
    return true;
  }
  /** Ends the timers. From now on, every try is refused. */
  close() {
    this.#isDisposed = true;
    this.#window.close();
    this.#breaker?.shutdown();
  }
  #onOutcome = (outcome) => this.#noteOutcome(outcome, NEVER2, void 0);
  #onError = (error) => {
    if (this.#isClosed && countsAgainstNode(error)) {
      this.#failed(failureKindOf(error), false, requestLineOf(error));
    }
    throw error;
  };
  /** @param slowFrom when an answer is too slow, on the monotonic clock */
  #noteOutcome(outcome, slowFrom, call) {
    if (!this.#isClosed) return outcome;
    if (call !== void 0 && isJudgedLater(outcome)) this.#noteLater(outcome, slowFrom, call);
    else {
      const isSlow = slowFrom !== NEVER2 && performance.now() > slowFrom;
      this.#note(this.#isFailure(outcome), isSlow, outcome.requestLine);
    }
    return outcome;
  }
  #note(isFailure, isSlow, requestLine) {
    if (isFailure || isSlow) {
      this.#failed(void 0, isSlow && !isFailure, requestLine);
      return;
    }
    this.#answered();
    this.#window.passed++;
    if (this.#failing.isWatching && requestLine !== void 0) {
      this.#failing.passed(requestLine, performance.now());
    }
  }
  /** Counts a gRPC call when it is over. That its answer has begun shows already that the node can be reached. */
  #noteLater(outcome, slowFrom, call) {
    this.#answered();
    const { requestLine } = outcome;
    watchCall(outcome, slowFrom !== NEVER2, (end, firstAt) => {
      const isFailure = this.#isFailedCall(end, call);
      if (this.#isClosed && isFailure !== void 0) this.#note(isFailure, firstAt > slowFrom, requestLine);
    });
  }
  #answered() {
    this.#unreachable = 0;
    this.#unanswered = 0;
  }
  /** @param kind undefined when the node answered */
  #failed(kind, isSlow, requestLine) {
    const window = this.#window;
    const { failureRatio, minimumRequests, windowMs } = this.#options();
    window.resize(windowMs);
    if (kind === "refused" && this.#isSameRefusal()) return;
    this.#unreachable = kind === "connect" || kind === "refused" ? this.#unreachable + 1 : 0;
    if (this.#unreachable >= minimumRequests) {
      this.#open("no connection", "connections");
      return;
    }
    if (kind === "refused") return;
    this.#unanswered = kind === "timeout" ? this.#unanswered + 1 : 0;
    if (this.#unanswered >= unansweredLimit(minimumRequests)) {
      const isUseless2 = this.#unanswered >= minimumRequests && window.passed === 0;
      if (isUseless2 || this.#mayOpen("hangs")) {
        this.#open("no answer", "answers");
        return;
      }
    }
    const now2 = performance.now();
    if (kind !== "connect" && !this.#isAboutNode(requestLine, now2)) return;
    window.failed++;
    if (isSlow) this.#slowAt = now2;
    const tries = window.passed + window.failed;
    if (tries < minimumRequests || window.failed / tries < failureRatio - 1e-9) return;
    const isUseless = window.passed === 0 && now2 - this.#slowAt > windowMs;
    if (!this.#mayOpen(isUseless ? "fails always" : "fails often")) return;
    this.#open(isSlow ? "too many slow calls" : "too many failures", "good answers");
  }
  /** Whether the node has refused other calls just now: one that ends a connection refuses all calls on it at once. */
  #isSameRefusal() {
    const now2 = performance.now();
    if (now2 - this.#refusedAt < SAME_REFUSAL_MS) return true;
    this.#refusedAt = now2;
    return false;
  }
  /** Whether a failure says something about the node, and not only about the request. */
  #isAboutNode(requestLine, now2) {
    const { windowMs, ejectLastNode } = this.#options();
    return ejectLastNode === true || requestLine === void 0 || this.#failing.failed(requestLine, windowMs, now2);
  }
  /** Sends the try as the probe; rejects when the breaker is open or another try is the probe. */
  async #probe(next, request, call) {
    const answer = Promise.withResolvers();
    const attempt = async () => {
      const slowFrom = performance.now() + (this.#slowCallMs(request) ?? NEVER2);
      const trying = next(request, call);
      answer.resolve(trying);
      const closes = await trying.then(
        (outcome) => {
          if (isJudgedLater(outcome)) return this.#judgeProbe(outcome, slowFrom, call);
          const isGood = !this.#isFailure(outcome) && performance.now() <= slowFrom;
          return isGood || this.#isBadProbeTolerated(void 0, outcome.requestLine);
        },
        (error) => {
          if (countsAgainstNode(error)) {
            return this.#isBadProbeTolerated(failureKindOf(error), requestLineOf(error));
          }
          this.#stayOpen("probe aborted");
          return false;
        }
      );
      if (!closes) throw FAILED_PROBE;
    };
    const probing = this.#breaker.probe(attempt).catch((error) => {
      if (error !== FAILED_PROBE) answer.reject(error);
    });
    if (request.rpc === void 0) await probing;
    return answer.promise;
  }
  /** Judges a gRPC call that is the probe. @returns whether it closes the breaker */
  #judgeProbe(outcome, slowFrom, call) {
    return new Promise((resolve) => {
      const judge = (isFailure, at) => {
        if (isFailure === void 0) {
          this.#stayOpen("probe aborted");
          resolve(false);
        } else
          resolve(!isFailure && at <= slowFrom || this.#isBadProbeTolerated(void 0, outcome.requestLine));
      };
      let isJudged = false;
      watchCall(
        outcome,
        true,
        (end, firstAt) => {
          if (!isJudged) judge(this.#isFailedCall(end, call), firstAt);
        },
        (firstAt) => {
          isJudged = true;
          judge(false, firstAt);
        }
      );
    });
  }
  /**
   * Whether the breaker closes although its probe failed, because no node does better. Otherwise notes what the probe
   * showed.
   *
   * @param kind undefined when the node answered
   */
  #isBadProbeTolerated(kind, requestLine) {
    if (this.#isClosed) return true;
    if (kind === "connect" || kind === "refused") this.#lacks = "connections";
    else if (kind === "timeout") this.#lacks = "answers";
    else {
      this.#lacks = "good answers";
      if (!this.#mayOpen("fails always")) {
        this.#reason = "no better node";
        return true;
      }
      if (!this.#isAboutNode(requestLine, performance.now())) {
        this.#stayOpen("probe aborted");
        return false;
      }
    }
    this.#failedProbes++;
    this.#stayOpen("probe failed");
    return false;
  }
  /** Notes why the probe did not close the breaker. Must run before opossum sees it and opens the breaker again. */
  #stayOpen(reason) {
    this.#reason = reason;
    this.#breaker.setOpenMs(this.#openMs());
  }
  #isFailure({ status, grpcStatus }) {
    const { statuses = null, grpcFailures } = this.#options();
    if (grpcStatus !== void 0) return grpcFailures?.includes(grpcStatus) === true;
    return statuses === null ? isFailureStatus(status) : statuses.includes(status);
  }
  /** Returns whether a call failed; undefined when its client left or its deadline passed, which says nothing. */
  #isFailedCall({ grpcStatus, isBroken }, call) {
    if (call.ended) return void 0;
    if (isBroken || grpcStatus === void 0) return true;
    return this.#options().grpcFailures?.includes(grpcStatus) === true;
  }
  /**
   * Undefined when the try cannot be too slow. A request with a body takes as long as its client takes to send it, and a
   * gRPC method that may stream as long as it likes.
   */
  #slowCallMs({ body, rpc }) {
    return body === null || rpc?.isStreaming === false ? this.#options().slowCallMs ?? void 0 : void 0;
  }
  #mayOpen(evidence) {
    return this.#events.mayOpen?.(evidence) ?? true;
  }
  #open(reason, lacks) {
    const { onChange } = this.#events;
    this.#reason = reason;
    this.#lacks = lacks;
    this.#breaker ??= new OpenBreaker({
      onOpen: () => {
        this.#isClosed = false;
        this.#unreachable = 0;
        this.#unanswered = 0;
        onChange("open", this.#reason);
      },
      onHalfOpen: () => onChange("half-open", "open time elapsed"),
      onClose: () => {
        this.#isClosed = true;
        this.#window.clear();
        this.#failedProbes = 0;
        const isForced = this.#reason === "check passed" || this.#reason === "no better node";
        onChange("closed", isForced ? this.#reason : "probe succeeded");
      }
    });
    this.#breaker.open(this.#openMs());
  }
  #openMs() {
    const { openMs, maxOpenMs = openMs } = this.#options();
    return Math.min(openMs * 2 ** Math.min(this.#failedProbes, 30), Math.max(openMs, maxOpenMs));
  }
};
var NEVER2 = Number.POSITIVE_INFINITY;
var SAME_REFUSAL_MS = 50;
var FAILED_PROBE = /* @__PURE__ */ Symbol("failed probe");
function unansweredLimit(minimumRequests) {
  return Math.min(minimumRequests, Math.max(5, minimumRequests / 2));
}

// internal/references.ts
var REFERENCES = ["location", "content-location", "refresh", "set-cookie"];
function rewriteReferences(lines, request, address) {
  const views = viewsOf(request, address);
  for (let i = 0; i < lines.length; i += 2) {
    const value = lines[i + 1];
    switch (lines[i].toLowerCase()) {
      case "location":
      case "content-location":
        lines[i + 1] = rewriteUrl(value, views);
        break;
      case "refresh":
        lines[i + 1] = rewriteRefresh(value, views);
        break;
      case "set-cookie":
        lines[i + 1] = rewriteCookie(value, views);
        break;
    }
  }
}
function viewsOf({ route, headers }, address) {
  return {
    host: getHeader(headers, "x-forwarded-host") ?? "",
    proto: getHeader(headers, "x-forwarded-proto") ?? "http",
    prefix: getHeader(headers, "x-forwarded-prefix") ?? "",
    always: route.rewriteLocation === "always",
    own: [address, getHeader(headers, "host") ?? address]
  };
}
var URL_PARTS = /^(?:(https?):)?\/\/([^/?#\\]*)(.*)$/i;
function rewriteUrl(text, views) {
  if (text.includes("	")) return text;
  const [, scheme, authority, rest = ""] = URL_PARTS.exec(text) ?? [];
  if (authority === void 0) return text.startsWith("/") ? withPrefix(text, views) : text;
  const protocol = scheme?.toLowerCase();
  if (rest.startsWith("\\") || !isOwn(authority, protocol, views)) return text;
  const written = rest.startsWith("/") ? rest : `/${rest}`;
  const path = withPrefix(written, views);
  const { host, proto } = views;
  const asksForTls = protocol === "https" && proto === "http";
  if (asksForTls || /^\/[/\\]/.test(path)) {
    if (host === "") return text;
    return asksForTls ? `https://${withoutPort(host)}${path}` : `${proto}://${host}${path}`;
  }
  const isUnchanged = path === written && protocol === proto && authority.toLowerCase() === host.toLowerCase();
  return isUnchanged ? text : path;
}
function isOwn(authority, protocol, { own }) {
  return own.some((each) => isSameAuthority(authority, each, protocol ?? "http"));
}
function withoutPort(authority) {
  return authority.replace(/:\d*$/, "");
}
function withPrefix(path, { always, prefix }) {
  if (prefix === "" || !always && isBelow(path, prefix)) return path;
  return prefix + path;
}
function isBelow(path, prefix) {
  return path.startsWith(prefix) && /^(?:[/?#;]|$)/.test(path.slice(prefix.length));
}
var REFRESH = /^([\d.\s]*[;,]\s*(?:url\s*=\s*)?)(["']?)(.*)$/i;
function rewriteRefresh(text, views) {
  const [, start, quote, rest] = REFRESH.exec(text) ?? [];
  if (start === void 0 || quote === void 0 || rest === void 0) return text;
  const close = quote === "" ? -1 : rest.indexOf(quote);
  const end = close === -1 ? rest.length : close;
  return `${start}${quote}${rewriteUrl(rest.slice(0, end), views)}${rest.slice(end)}`;
}
var ATTRIBUTE = /^\s*(path|domain)\s*=\s*(\S.*)$/i;
function rewriteCookie(text, views) {
  const [pair, ...attributes] = text.split(";");
  let isChanged = false;
  const kept = [];
  for (const attribute of attributes) {
    const [, name, written = ""] = ATTRIBUTE.exec(attribute) ?? [];
    const value = written.trimEnd();
    if (name === void 0) kept.push(attribute);
    else if (name.toLowerCase() === "domain") {
      if (isDomainOfNode(value, views)) isChanged = true;
      else kept.push(attribute);
    } else {
      const path = value.startsWith("/") && value !== "/" ? withPrefix(value, views) : value;
      if (path === value) kept.push(attribute);
      else {
        isChanged = true;
        kept.push(attribute.replace(value, () => path));
      }
    }
  }
  return isChanged ? [pair, ...kept].join(";") : text;
}
function isDomainOfNode(text, { host, own }) {
  const domain = text.replace(/^\./, "").toLowerCase();
  const asked = normaliseHost(host);
  return domain === normaliseHost(own[0]) && domain !== asked && !asked.endsWith(`.${domain}`);
}

// wrappers/retry/grpc-rules.ts
function mayRepeatCall({ route, rpc }) {
  return rpc.isIdempotent || route?.grpc?.retriesAll === true;
}
function mayRepeatLostCall(request) {
  return retriesOn(request, GRPC_STATUS.UNAVAILABLE) && mayRepeatCall(request);
}
function isUnwantedCall(answer, request) {
  const status = answer.grpcStatus ?? (answer.status === 200 ? void 0 : grpcStatusOfHttp(answer.status));
  if (status === void 0 || !retriesOn(request, status) || !mayRepeatCall(request)) return false;
  const pushback = pushbackMs(answer.headers);
  return pushback === void 0 || pushback >= 0;
}
function retriesOn({ route }, status) {
  return route?.grpc?.retryOn.includes(status) === true;
}
var WHOLE_MS = /^\d{1,10}$/;
function pushbackMs(headers) {
  const value = getHeader(headers, "grpc-retry-pushback-ms");
  if (value === void 0) return void 0;
  return WHOLE_MS.test(value) ? Number(value) : -1;
}

// wrappers/retry/retry-rules.ts
var IDEMPOTENT = /* @__PURE__ */ new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
var NOT_ACTED = /* @__PURE__ */ new Set(["connect", "refused"]);
var MAY_HAVE_ACTED = /* @__PURE__ */ new Set(["reset", "timeout", "hung"]);
var CODES = {
  connect: "WG_UPSTREAM_UNREACHABLE",
  refused: "WG_UPSTREAM_UNREACHABLE",
  reset: "WG_UPSTREAM_UNREACHABLE",
  timeout: "WG_UPSTREAM_TIMEOUT",
  hung: "WG_UPSTREAM_TIMEOUT",
  invalid: "WG_UPSTREAM_INVALID",
  unsendable: "WG_BAD_REQUEST"
};
function isUnwanted(outcome, request) {
  const { route, method, rpc } = request;
  if (rpc !== void 0) return isUnwantedCall(outcome, request);
  return outcome.status >= 400 && IDEMPOTENT.has(method) && route.retryOn?.includes(outcome.status) === true;
}
function isRepeatable({ kind }, request) {
  if (NOT_ACTED.has(kind)) return true;
  if (!MAY_HAVE_ACTED.has(kind)) return false;
  return request.rpc === void 0 ? IDEMPOTENT.has(request.method) : mayRepeatLostCall(request);
}
function isHedgeable({ method, route, body, rpc }) {
  if (!route.hedge) return false;
  return rpc === void 0 ? method === "GET" && body === null : rpc.isIdempotent && rpc.isStreaming === false;
}
var HUNG = { kind: "hung" };
function isMovable(request, { attempts }) {
  return attempts === 1 && request.route.retries !== 0 && !request.body?.begun && isRepeatable(HUNG, request);
}
function keepsBody({ body, route, method, rpc, service }, mayBeRefused) {
  if (body === null || !route.retryBufferBytes) return false;
  if (rpc !== void 0) return true;
  if (body.length !== void 0 && body.length > route.retryBufferBytes) return false;
  return route.retries !== 0 && IDEMPOTENT.has(method) || mayBeRefused(service);
}
function asAnswer(failure) {
  if (!(failure instanceof UpstreamFailure) || failure.kind === "aborted") return failure;
  if (failure.cause instanceof GatewayError) return failure.cause;
  return new GatewayError(CODES[failure.kind], { cause: failure });
}

// wrappers/transport/node-try.ts
var MAX_EARLY_BYTES = 65536;
var NO_HEADERS = [];
var CONTINUE_TIMEOUT_MS = 1e3;
var NodeTry = class {
  status = 0;
  headers = NO_HEADERS;
  trailerNames = void 0;
  request;
  call;
  peer;
  /** Whether the body is certainly whole when it ends, and not only because the connection ended. */
  isDelimited = true;
  /** Whether the head tells the client how long the body is. */
  hasLength = false;
  // Fields with `#` would be defined one by one in each object of a derived class: 4% of the work for a small answer.
  onPiece;
  resolve;
  reject;
  target = void 0;
  early = [];
  earlyBytes = 0;
  ended = false;
  broken = false;
  over = false;
  listensForDrain = false;
  observer = void 0;
  trailers = void 0;
  isHidden = void 0;
  /**
   * @param peer the node, whose counters are kept
   * @param onPiece called with the size of each piece of the answer's body
   */
  constructor(request, call, peer, onPiece, resolve, reject) {
    this.request = request;
    this.call = call;
    this.peer = peer;
    this.onPiece = onPiece;
    this.resolve = resolve;
    this.reject = reject;
  }
  get isBroken() {
    return this.broken;
  }
  get requestLine() {
    return `${this.request.method} ${this.request.target}`;
  }
  /** Counts the try in flight, and lets the call cancel it. */
  begin() {
    this.peer.inFlight++;
    this.call.current = this;
  }
  /**
   * Ends the try, whatever it is waiting for. A try whose own timeout expires while the client still owes the body goes
   * on: the node is not at fault, and clients that send no body could otherwise get every node ejected. The timeout of the
   * call ends such a try without blaming the node.
   */
  cancel(given) {
    let reason = given;
    if (given.kind === "timeout" && this.status === 0 && this.waitsForClient) {
      if (!this.call.ended) return;
      reason = new UpstreamFailure("unsendable", new GatewayError("WG_REQUEST_TIMEOUT"));
    }
    this.stop(reason);
  }
  /** Is called when the node was found to hang, while no head has come. */
  onHung() {
    if (isMovable(this.request, this.call)) this.cancel(new UpstreamFailure("hung"));
  }
  /** Rewrites what the headers say of URLs and paths of the node, in place. */
  rewriteReferences(headers) {
    if (this.request.route.rewriteLocation) rewriteReferences(headers, this.request, this.peer.address);
  }
  /** Resolves with the answer, whose fields are set. */
  answer(status) {
    this.status = status;
    if (isFailureStatus(status)) this.peer.failures++;
    if (this.peer.wrongProtocol !== void 0) this.peer.wrongProtocol = void 0;
    this.resolve(this);
  }
  /** Whether `pass` lets go of a piece before it returns, so that it may be a view of a buffer that is used again. */
  get takesViews() {
    return this.target?.copiesChunks === true && this.observer === void 0;
  }
  /** Passes a piece of the body on, or keeps it. @returns false when no more should be read for now */
  pass(chunk) {
    this.onPiece(chunk.length);
    this.observer?.onChunk(chunk);
    const target = this.target;
    if (target) {
      if (write(target, chunk)) return true;
      this.awaitDrain(target);
      return false;
    }
    this.early.push(chunk);
    this.earlyBytes += chunk.length;
    return this.earlyBytes <= MAX_EARLY_BYTES;
  }
  /** Ends a whole answer. @param trailers those that may be passed on, flat; undefined when there are none */
  end(trailers) {
    this.ended = true;
    this.finish();
    this.observer?.onEnd(this.isDelimited);
    const target = this.target;
    if (target === void 0) this.trailers = trailers;
    else if (trailers === void 0) target.end();
    else this.endWithTrailers(target, trailers);
  }
  /** Ends the try without an answer, or breaks the answer off if its head has come. */
  fail(failure) {
    if (this.over) return;
    if (this.status === 0) {
      this.rejectWith(failure);
      return;
    }
    this.broken = true;
    this.finish();
    this.observer?.onEnd(false);
    if (this.target) this.breakOff(this.target);
  }
  /** Ends an answer at the client that broke off at the node. */
  breakOff(target) {
    target.abort(this.hasLength);
  }
  observe(observer) {
    for (const chunk of this.early) observer.onChunk(chunk);
    if (this.ended) observer.onEnd(this.isDelimited);
    else if (this.broken) observer.onEnd(false);
    else this.observer = observer;
  }
  sendBody(target, isHidden) {
    const early = this.early;
    this.isHidden = isHidden;
    if (this.broken) {
      this.breakOff(target);
    } else if (this.ended) {
      for (let i = 0; i < early.length - 1; i++) write(target, early[i]);
      if (this.trailers === void 0) endWith(target, early.at(-1));
      else {
        if (early.length > 0) write(target, early.at(-1));
        this.endWithTrailers(target, this.trailers);
      }
    } else {
      this.target = target;
      let writable = true;
      for (const chunk of early) writable = write(target, chunk);
      if (early.length === 0) target.write("", "latin1");
      if (writable) this.resumeAnswer();
      else {
        this.pauseAnswer();
        this.awaitDrain(target);
      }
    }
    this.early = [];
  }
  /** No longer counts the try in flight. */
  finish() {
    if (this.over) return;
    this.over = true;
    this.peer.inFlight--;
    if (this.call.current === this) this.call.current = void 0;
  }
  awaitDrain(target) {
    if (this.listensForDrain) return;
    this.listensForDrain = true;
    target.on("drain", () => this.resumeAnswer());
  }
  endWithTrailers(target, trailers) {
    const shown = [...trailers];
    if (this.isHidden) removeHeaders(shown, this.isHidden);
    target.endWithTrailers(shown);
  }
  rejectWith(failure) {
    const { peer } = this;
    if (failure.kind !== "aborted" && failure.kind !== "unsendable") peer.failures++;
    if (failure.kind === "timeout") peer.timeouts++;
    if (failure.cause instanceof InvalidAnswer && failure.cause.isWrongProtocol)
      peer.wrongProtocol = failure.cause.message;
    failure.requestLine = this.requestLine;
    this.finish();
    this.reject(failure);
  }
};
function continueTimeoutMs({ timeoutMs, tryTimeoutMs = timeoutMs }) {
  return Math.min(CONTINUE_TIMEOUT_MS, tryTimeoutMs / 2);
}
function write(target, chunk) {
  return typeof chunk === "string" ? target.write(chunk, "latin1") : target.write(chunk);
}
function endWith(target, chunk) {
  if (chunk === void 0) target.end();
  else if (typeof chunk === "string") target.end(chunk, "latin1");
  else target.end(chunk);
}

// wrappers/http1/accepted-handshake.ts
import { createHash } from "node:crypto";
var GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
var CONTENT_LENGTH = /* @__PURE__ */ new Set(["content-length"]);
function acceptedHeaders(headers, request) {
  const key = getHeader(request.headers, "sec-websocket-key");
  const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  if (key === void 0 || getHeader(headers, "sec-websocket-accept") !== accept)
    throw new InvalidAnswer("the 101 of the node does not accept the WebSocket handshake");
  return [...withoutHeaders(headers, CONTENT_LENGTH), "connection", "Upgrade", "upgrade", "websocket"];
}

// internal/http/request-head.ts
var TREAT = {
  pass: 0,
  drop: 1,
  host: 2,
  authorization: 3,
  requestId: 4,
  connection: 5,
  contentLength: 6,
  transferEncoding: 7,
  upgrade: 8,
  /** Read from a trusted proxy, and written anew by the gateway. */
  proxy: 9,
  /** Passes from a trusted proxy only. */
  proxyOnly: 10,
  te: 11,
  trailer: 12,
  contentType: 13
};
var HOP_BY_HOP = [
  "keep-alive",
  "proxy-connection",
  "proxy-authorization",
  "proxy-authenticate",
  "expect",
  "http2-settings"
];
var PROXY = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-real-ip"
];
var PROXY_ONLY = ["client-cert", "client-cert-chain"];
var TREATMENTS = [
  ...HOP_BY_HOP.map((name) => [name, TREAT.drop]),
  ...PROXY.map((name) => [name, TREAT.proxy]),
  ...PROXY_ONLY.map((name) => [name, TREAT.proxyOnly]),
  ["host", TREAT.host],
  ["authorization", TREAT.authorization],
  ["x-request-id", TREAT.requestId],
  ["connection", TREAT.connection],
  ["upgrade", TREAT.upgrade],
  ["te", TREAT.te],
  ["trailer", TREAT.trailer],
  ["content-length", TREAT.contentLength],
  ["content-type", TREAT.contentType],
  ["transfer-encoding", TREAT.transferEncoding]
];
var TAKES_TRAILERS = /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i;
function createRequestHeadReader(identityHeaders) {
  const byName = new Map(TREATMENTS);
  for (const name of identityHeaders) byName.set(name, TREAT.drop);
  const treatmentOf3 = memoizeNames(classify);
  function classify(spelling) {
    const name = spelling.toLowerCase();
    const exact = byName.get(name);
    if (exact !== void 0) return exact;
    const dashed = name.replaceAll("_", "-");
    if (dashed.startsWith("x-forwarded-")) return dashed === name ? TREAT.proxyOnly : TREAT.drop;
    return dashed !== name && byName.has(dashed) ? TREAT.drop : TREAT.pass;
  }
  return (rawHeaders, isProxied = false) => {
    const headers = [];
    let host;
    let hostCount = 0;
    let authorization;
    let authorizationCount = 0;
    let requestId;
    let contentLength;
    let contentType;
    let chunked = false;
    let unknownEncoding = false;
    let asksForUpgrade = false;
    let acceptsTrailers = false;
    let trailer;
    let proxyLines;
    let named;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i];
      const value = rawHeaders[i + 1];
      switch (treatmentOf3(name)) {
        case TREAT.pass:
          headers.push(name, value);
          break;
        case TREAT.drop:
          break;
        case TREAT.host:
          host ??= value;
          hostCount++;
          break;
        case TREAT.authorization:
          authorization ??= value;
          authorizationCount++;
          headers.push(name, value);
          break;
        case TREAT.requestId:
          requestId = requestId === void 0 ? value : `${requestId}, ${value}`;
          break;
        case TREAT.connection:
          named = addConnectionOptions(named, value);
          break;
        case TREAT.upgrade:
          asksForUpgrade = true;
          break;
        case TREAT.te:
          acceptsTrailers ||= TAKES_TRAILERS.test(value);
          break;
        case TREAT.trailer:
          trailer = trailer === void 0 ? value : `${trailer}, ${value}`;
          break;
        case TREAT.contentLength:
          contentLength = value;
          break;
        case TREAT.contentType:
          contentType = contentType === void 0 ? value : `${contentType}, ${value}`;
          headers.push(name, value);
          break;
        case TREAT.transferEncoding:
          unknownEncoding ||= chunked || value.toLowerCase() !== "chunked";
          chunked = true;
          break;
        case TREAT.proxy:
          if (isProxied) {
            proxyLines ??= [];
            proxyLines.push(name, value);
          }
          break;
        case TREAT.proxyOnly:
          if (isProxied) headers.push(name, value);
          break;
      }
    }
    return {
      headers: named === void 0 ? headers : withoutHeaders(headers, named),
      host,
      hostCount,
      authorization,
      authorizationCount,
      requestId,
      contentLength,
      contentType,
      chunked,
      unknownEncoding,
      asksForUpgrade,
      acceptsTrailers,
      trailer,
      connectionOptions: named,
      proxyLines
    };
  };
}
function addConnectionOptions(named, value) {
  if (value === "keep-alive" || value === "close" || value === "Keep-Alive") return named;
  for (const option of value.split(",")) {
    const name = option.trim().toLowerCase();
    if (name === "" || name === "close" || name === "keep-alive") continue;
    named ??= /* @__PURE__ */ new Set();
    named.add(name);
  }
  return named;
}

// wrappers/http1/field-lines.ts
function isToken(text) {
  return TOKEN.test(text);
}
function isFieldValue(text) {
  return !FORBIDDEN_IN_VALUE.test(text);
}
function readFieldLines(text, from, end, onLine) {
  for (let at = from; at < end; ) {
    const lineEnd = text.indexOf("\r\n", at);
    const colon = text.indexOf(":", at);
    if (colon === -1 || colon > lineEnd) throw new InvalidAnswer("a header line has no colon");
    let first = colon + 1;
    let last = lineEnd;
    while (first < last && isBlank3(text.charCodeAt(first))) first++;
    while (last > first && isBlank3(text.charCodeAt(last - 1))) last--;
    const value = text.slice(first, last);
    if (FORBIDDEN_IN_VALUE.test(value)) throw new InvalidAnswer("a header value has a control character");
    onLine(text.slice(at, colon), value, last);
    at = lineEnd + 2;
  }
}
function isBlank3(code) {
  return code === 32 || code === 9;
}

// wrappers/http1/answer-head.ts
var TREAT2 = {
  pass: 0,
  drop: 1,
  connection: 2,
  transferEncoding: 3,
  contentLength: 4,
  keepAlive: 5,
  proxyConnection: 6,
  reference: 7,
  trailer: 8
};
var TREATMENTS2 = new Map([
  ...WITHHELD.map((name) => [name, TREAT2.drop]),
  ["trailer", TREAT2.trailer],
  ...REFERENCES.map((name) => [name, TREAT2.reference]),
  ["connection", TREAT2.connection],
  ["transfer-encoding", TREAT2.transferEncoding],
  ["content-length", TREAT2.contentLength],
  ["keep-alive", TREAT2.keepAlive],
  ["proxy-connection", TREAT2.proxyConnection]
]);
var treatmentOf = memoizeNames((spelling) => {
  if (!isToken(spelling)) throw new InvalidAnswer("a header name is not a token");
  return TREATMENTS2.get(spelling.toLowerCase()) ?? TREAT2.pass;
});
var DIGITS = /^\d{1,16}$/;
var STATUS = /^[1-9]\d\d$/;
var KEEP_ALIVE_TIMEOUT = /(?:^|[,\s])timeout=(\d{1,9})(?:[,\s]|$)/i;
var STATUS_LINE_LENGTH = 12;
function readAnswerHead(text, from, end, method) {
  const status = readStatusLine(text, from);
  const isOld = text.charCodeAt(from + 7) === 48;
  const headers = [];
  let named;
  let closes = false;
  let keeps = !isOld;
  let chunked = false;
  let length = -1;
  let keepAliveMs;
  let hasReferences = false;
  let trailer;
  readFieldLines(text, text.indexOf("\r\n", from) + 2, end, (name, value, valueEnd) => {
    switch (treatmentOf(name)) {
      case TREAT2.pass:
        headers.push(name, value);
        break;
      case TREAT2.drop:
        break;
      case TREAT2.reference:
        hasReferences = true;
        headers.push(name, value);
        break;
      case TREAT2.connection:
        named = addConnectionOptions(named, value);
        if (hasOption(value, "close")) closes = true;
        else if (isOld && hasOption(value, "keep-alive")) keeps = true;
        break;
      case TREAT2.transferEncoding:
        if (chunked || isOld || value.toLowerCase() !== "chunked" || isTabBehind(text, valueEnd))
          throw new InvalidAnswer("the answer has an unsupported transfer-encoding");
        chunked = true;
        break;
      case TREAT2.contentLength:
        if (length !== -1) throw new InvalidAnswer("the answer has more than one content-length");
        length = DIGITS.test(value) ? Number(value) : -1;
        if (length === -1 || !Number.isSafeInteger(length))
          throw new InvalidAnswer("the content-length of the answer is not a number");
        headers.push(name, value);
        break;
      case TREAT2.proxyConnection:
        if (hasOption(value, "close")) closes = true;
        break;
      case TREAT2.trailer:
        trailer = trailer === void 0 ? value : `${trailer}, ${value}`;
        break;
      case TREAT2.keepAlive: {
        const seconds = KEEP_ALIVE_TIMEOUT.exec(value)?.[1];
        if (seconds !== void 0) keepAliveMs = Number(seconds) * 1e3;
        break;
      }
    }
  });
  if (chunked && length !== -1)
    throw new InvalidAnswer("the answer has both content-length and transfer-encoding");
  if (status < 200 && (chunked || length > 0)) throw new InvalidAnswer("an interim answer has a body");
  const framing = framingOf(status, method, chunked, length);
  return {
    status,
    headers: named === void 0 ? headers : withoutHeaders(headers, named),
    framing,
    length: framing === "length" ? length : 0,
    hasLength: framing === "length" && !named?.has("content-length"),
    persistent: keeps && !closes && framing !== "close",
    keepAliveMs,
    hasReferences,
    trailer,
    connectionOptions: named
  };
}
function readStatusLine(text, from) {
  if (!beginsAsHttp(text, from)) throw notHttp1(text, from);
  const status = text.slice(from + 9, from + STATUS_LINE_LENGTH);
  const lineEnd = text.indexOf("\r\n", from);
  const behind = from + STATUS_LINE_LENGTH;
  if (!STATUS.test(status) || lineEnd !== behind && text.charCodeAt(behind) !== 32)
    throw new InvalidAnswer("the status is not a three-digit number");
  if (!isFieldValue(text.slice(behind, lineEnd)))
    throw new InvalidAnswer("the status line has a control character");
  return Number(status);
}
function beginsAsHttp(text, from) {
  const length = Math.min(text.length - from, 9);
  for (const start of ["HTTP/1.1 ", "HTTP/1.0 "]) {
    if (text.startsWith(start.slice(0, length), from)) return true;
  }
  return false;
}
var SETTINGS = "\0\0\0\0\0";
function notHttp1(text, from) {
  return new InvalidAnswer(text.startsWith(SETTINGS, from + 3) ? SPEAKS_HTTP2 : "the answer is not HTTP/1");
}
function framingOf(status, method, chunked, length) {
  if (method === "HEAD" || status === 204 || status === 304 || status < 200) return "none";
  if (chunked) return "chunked";
  if (length === -1) return "close";
  return length === 0 ? "none" : "length";
}
function isTabBehind(text, valueEnd) {
  let at = valueEnd;
  while (text.charCodeAt(at) === 32) at++;
  return text.charCodeAt(at) === 9;
}
function hasOption(value, option) {
  if (value.length < option.length) return false;
  const lower = value.toLowerCase();
  return lower === option || lower.split(",").some((each) => each.trim() === option);
}

// wrappers/http1/chunked-body.ts
var CR = 13;
var LF = 10;
var SEMICOLON = 59;
var MAX_SIZE_DIGITS = 13;
var MAX_EXTENSION_BYTES = 4096;
var MAX_TRAILER_BYTES = 16384;
var EXTENSIONS = /^(?:;[!#$%&'*+\-.^_`|~\w]+(?:=(?:[!#$%&'*+\-.^_`|~\w]+|"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*$/;
var NEVER_TRAILERS = /* @__PURE__ */ new Set(["content-length", "transfer-encoding", "host"]);
var STATE = {
  size: 0,
  extension: 1,
  sizeLf: 2,
  data: 3,
  dataCr: 4,
  dataLf: 5,
  trailer: 6,
  done: 7
};
var ChunkedBody = class {
  #state = STATE.size;
  #digits = 0;
  /** While the size of a chunk is read, the size so far; then the bytes of the chunk that are left. */
  #left = 0;
  #text = "";
  #trailers = void 0;
  /** Flat; undefined when there are none, and until the body has ended. */
  get trailers() {
    return this.#trailers;
  }
  /**
   * Reads the bytes that have arrived.
   *
   * @param onPiece is called for each piece in the buffer, in order
   * @returns the index behind the end of the body; -1 while the body goes on
   * @throws InvalidAnswer
   */
  read(buffer, from, end, onPiece) {
    let at = from;
    while (at < end) {
      switch (this.#state) {
        case STATE.size:
          this.#readSize(buffer[at++]);
          break;
        case STATE.extension:
          this.#readExtension(buffer[at++]);
          break;
        case STATE.sizeLf:
          expect(buffer[at++], LF);
          this.#state = this.#left === 0 ? STATE.trailer : STATE.data;
          break;
        case STATE.data: {
          const to = Math.min(end, at + this.#left);
          onPiece(at, to);
          this.#left -= to - at;
          at = to;
          if (this.#left === 0) this.#state = STATE.dataCr;
          break;
        }
        case STATE.dataCr:
          expect(buffer[at++], CR);
          this.#state = STATE.dataLf;
          break;
        case STATE.dataLf:
          expect(buffer[at++], LF);
          this.#digits = 0;
          this.#state = STATE.size;
          break;
        case STATE.trailer:
          at = this.#readTrailer(buffer, at, end);
          break;
        case STATE.done:
          return at;
      }
    }
    return this.#state === STATE.done ? at : -1;
  }
  #readSize(byte) {
    const digit = hexDigit(byte);
    if (digit !== -1) {
      if (++this.#digits > MAX_SIZE_DIGITS) throw new InvalidAnswer("a chunk is too large");
      this.#left = this.#left * 16 + digit;
      return;
    }
    if (this.#digits === 0) throw new InvalidAnswer("a chunk has no size");
    if (byte === CR) this.#state = STATE.sizeLf;
    else if (byte === SEMICOLON) {
      this.#state = STATE.extension;
      this.#text = ";";
    } else throw new InvalidAnswer("the size of a chunk is not a number");
  }
  #readExtension(byte) {
    if (byte !== CR) {
      if (this.#text.length >= MAX_EXTENSION_BYTES)
        throw new InvalidAnswer("the extensions of a chunk are too long");
      this.#text += String.fromCharCode(byte);
      return;
    }
    if (!EXTENSIONS.test(this.#text)) throw new InvalidAnswer("the extensions of a chunk are malformed");
    this.#text = "";
    this.#state = STATE.sizeLf;
  }
  /** Reads the lines behind the last chunk, up to the empty one. @returns the index behind what was read */
  #readTrailer(buffer, from, end) {
    for (let at = from; at < end; at++) {
      if (this.#text.length >= MAX_TRAILER_BYTES) throw new InvalidAnswer("the trailers are too long");
      this.#text += String.fromCharCode(buffer[at]);
      if (buffer[at] !== LF) continue;
      const isEmpty = this.#text === "\r\n";
      if (!isEmpty && !this.#text.endsWith("\r\n\r\n")) continue;
      if (!isEmpty) this.#trailers = readTrailers(this.#text);
      this.#state = STATE.done;
      return at + 1;
    }
    return end;
  }
};
function readTrailers(text) {
  const trailers = [];
  readFieldLines(text, 0, text.length - 2, (name, value) => {
    if (!isToken(name)) throw new InvalidAnswer("a trailer name is not a token");
    if (NEVER_TRAILERS.has(name.toLowerCase())) throw new InvalidAnswer(`${name} must not be a trailer`);
    trailers.push(name, value);
  });
  return trailers;
}
function expect(byte, wanted) {
  if (byte !== wanted) throw new InvalidAnswer("a chunk does not end where its size says");
}
function hexDigit(byte) {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 97 + 10 : -1;
}

// wrappers/http1/answer-reader.ts
var MAX_INTERIM_BYTES = 65536;
var BROKEN_LINES = /(?:^|[^\r])\n|\r(?!\n|$)|[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;
var AnswerReader = class {
  #sink;
  #maxHeadBytes;
  #method = "";
  #maySwitch = false;
  #head = void 0;
  #chunked = void 0;
  /** Bytes left of a body whose length is known. */
  #left = 0;
  /** The part of an unfinished head that has arrived. */
  #headText = "";
  #interim = 0;
  #interimBytes = 0;
  /** @param maxHeadBytes the largest head of an answer, without the empty line that ends it */
  constructor(sink, maxHeadBytes) {
    this.#sink = sink;
    this.#maxHeadBytes = maxHeadBytes;
  }
  /**
   * Prepares for the next answer.
   *
   * @param method of the request that it answers
   * @param maySwitch whether a 101 is an answer; what follows its head is then not read
   */
  start(method, maySwitch = false) {
    this.#method = method;
    this.#maySwitch = maySwitch;
    this.#head = void 0;
    this.#chunked = void 0;
    this.#headText = "";
    this.#interim = 0;
    this.#interimBytes = 0;
  }
  /** The head of the current answer; undefined until it is whole. */
  get head() {
    return this.#head;
  }
  /** The trailers of the current answer, flat; undefined when it has none, or has not ended. */
  get trailers() {
    return this.#chunked?.trailers;
  }
  /**
   * Reads the bytes that have arrived.
   *
   * @param size bytes in the buffer, which may be overwritten once this returns
   * @returns the index behind the end of the answer; -1 while the answer goes on
   * @throws InvalidAnswer; the connection must then be closed
   */
  read(buffer, size) {
    let from = 0;
    if (this.#head === void 0) {
      from = this.#readHead(buffer, size);
      if (this.#head === void 0) return -1;
    }
    return this.#readBody(this.#head, buffer, from, size);
  }
  /** @returns where in the buffer the body begins; any number while the head is not whole */
  #readHead(buffer, size) {
    const before = this.#headText.length;
    let looked = Math.min(size, this.#maxHeadBytes);
    let text = this.#headText + buffer.toString("latin1", 0, looked);
    for (let from = 0; ; ) {
      const end = text.indexOf("\r\n\r\n", Math.max(from, before - 3));
      if (end === -1 && looked < size) {
        text += buffer.toString("latin1", looked, size);
        looked = size;
        continue;
      }
      if ((end === -1 ? text.length - 3 : end) - from > this.#maxHeadBytes)
        throw new InvalidAnswer("the head of the answer is too large for upstream.answerHeadBytes");
      if (end === -1) {
        this.#keepHeadText(text.slice(from), Math.max(0, before - from));
        return 0;
      }
      const head = readAnswerHead(text, from, end + 2, this.#method);
      const length = end + 4 - from;
      from = end + 4;
      if (head.status >= 200 || head.status === 101 && this.#maySwitch) {
        this.#headText = "";
        this.#begin(head);
        return from - before;
      }
      if (head.status === 101) throw new InvalidAnswer("the node switched protocols without being asked");
      if (!head.persistent) throw new InvalidAnswer("an interim answer ends the connection");
      this.#interimBytes += length;
      if (++this.#interim > MAX_INTERIM_ANSWERS || this.#interimBytes > MAX_INTERIM_BYTES)
        throw new InvalidAnswer("too many interim answers");
      this.#sink.onInterim(head);
    }
  }
  /**
   * Keeps the text of an unfinished head. Refuses what cannot become a head at once, because its end may never come.
   *
   * @param checked characters that were kept before
   */
  #keepHeadText(text, checked) {
    if (!beginsAsHttp(text, 0)) throw notHttp1(text, 0);
    const from = checked > 0 && text.charCodeAt(checked - 1) === 13 ? checked - 1 : checked;
    if (BROKEN_LINES.test(from === 0 ? text : text.slice(from)))
      throw new InvalidAnswer("the head of the answer has a control character");
    this.#headText = text;
  }
  #begin(head) {
    this.#head = head;
    this.#left = head.length;
    if (head.framing === "chunked") this.#chunked = new ChunkedBody();
    this.#sink.onHead(head);
  }
  #readBody({ framing }, buffer, from, end) {
    switch (framing) {
      case "none":
        return from;
      case "length": {
        const to = Math.min(end, from + this.#left);
        if (to > from) this.#sink.onPiece(buffer, from, to);
        this.#left -= to - from;
        return this.#left === 0 ? to : -1;
      }
      case "chunked":
        return this.#chunked.read(
          buffer,
          from,
          end,
          (pieceFrom, to) => this.#sink.onPiece(buffer, pieceFrom, to)
        );
      case "close":
        if (end > from) this.#sink.onPiece(buffer, from, end);
        return -1;
    }
  }
};

// wrappers/http1/node-connection.ts
var MAX_TEXT_BYTES = 16384;
var SWITCHING_PROTOCOLS = 101;
var KEEP_ALIVE_MARGIN_MS = 1e3;
var LAST_HEAD_MS = 1e3;
var NodeConnection = class {
  #owner;
  #options;
  #socket;
  #exchange = void 0;
  #sender = void 0;
  #reader;
  /** Answers that this connection has carried. */
  #carried = 0;
  /** Whether a byte of the current answer has come. */
  #heard = false;
  /** Why a write failed. The node gets no more of the request. */
  #writeError = void 0;
  #bodyTimer = void 0;
  #lastHeadTimer = void 0;
  /** The time for which the timer was set. */
  #bodyIdleMs = 0;
  #isPaused = false;
  #idleUntil = 0;
  /** What came behind a 101 before the connection was handed over. */
  #held = void 0;
  /** Receives what the node sends once the connection is handed over. */
  #onBytes = void 0;
  /**
   * Begins to connect.
   *
   * @param onOpen is called once. With an error, the connection is closed, and its owner hears nothing more of it.
   */
  constructor(options, owner, onOpen) {
    this.#options = options;
    this.#owner = owner;
    this.#reader = new AnswerReader(this, options.answerHeadBytes);
    this.#socket = openSocket(
      {
        host: options.host,
        port: options.port,
        timeoutMs: options.connectTimeoutMs,
        allows: options.allows,
        onread: { buffer: readBuffer(), callback: this.#onRead },
        onWriteError: this.#onWriteError
      },
      (error) => {
        if (!error) this.#listen();
        onOpen(error, this);
      }
    );
  }
  /** The IP address of the node; undefined while there is no connection to it. */
  get address() {
    return this.#socket.remoteAddress;
  }
  /** Whether a request may be sent now. False once the idle time is over. */
  isUsable(now2) {
    return now2 < this.#idleUntil && this.#socket.writable;
  }
  /**
   * Sends a request, whose answer goes to `exchange`.
   *
   * @param head of the request, latin1
   * @param body undefined when the request has none
   */
  send(exchange, head, body) {
    this.#exchange = exchange;
    this.#heard = false;
    this.#reader.start(exchange.method, exchange.isWebSocket);
    if (body === void 0) this.#socket.write(head, "latin1");
    else {
      this.#sender = body;
      body.start(this.#socket, head, (failure) => this.abort(failure));
    }
  }
  /** Stops reading the answer until `resume()`. What was already read is still delivered. */
  pause() {
    this.#isPaused = true;
    this.#socket.pause();
  }
  resume() {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
    this.#bodyTimer?.refresh();
  }
  /** Ends the exchange with `failure` and closes the connection. */
  abort(failure) {
    const exchange = this.#exchange;
    this.#release();
    this.#socket.destroy();
    exchange?.onFailure(failure);
  }
  detach() {
    this.#exchange = void 0;
    clearTimeout(this.#bodyTimer);
    this.#owner.onClosed(this);
    this.#socket.allowHalfOpen = true;
    return {
      socket: this.#socket,
      read: (onBytes) => {
        this.#onBytes = onBytes;
        this.resume();
        if (this.#held !== void 0) onBytes(this.#held);
        this.#held = void 0;
      }
    };
  }
  /** Notifies an exchange that still waits for the head of its answer that the node hangs. */
  notifyHung() {
    if (this.#reader.head === void 0) this.#exchange?.onHung();
  }
  /** Closes the connection and fails its exchange, if it has one. */
  destroy() {
    this.abort(new UpstreamFailure("reset", new Error("the gateway closed the connection")));
  }
  #listen() {
    this.#idleUntil = performance.now() + this.#options.keepAliveMs;
    this.#socket.on("end", this.#onEnd).on("error", (error) => this.#onBroken(error)).on("close", () => {
      this.#onBroken(new Error("the node closed the connection"));
      clearTimeout(this.#bodyTimer);
      clearTimeout(this.#lastHeadTimer);
      this.#owner.onClosed(this);
    });
  }
  #onRead = (size, buffer) => {
    try {
      this.#read(buffer, size);
    } catch (error) {
      if (!(error instanceof InvalidAnswer)) throw error;
      this.abort(new UpstreamFailure("invalid", error));
    }
    return true;
  };
  #read(buffer, size) {
    if (this.#exchange === void 0) {
      if (this.#onBytes) this.#onBytes(copyOf(buffer, 0, size));
      else this.destroy();
      return;
    }
    this.#heard = true;
    const end = this.#reader.read(buffer, size);
    if (this.#exchange === void 0) return;
    if (end === -1) {
      if (this.#reader.head) this.#expectMore();
    } else if (this.#reader.head.status === SWITCHING_PROTOCOLS) {
      if (end < size) this.#held = copyOf(buffer, end, size);
      this.pause();
    } else this.#finish(end < size);
  }
  onInterim(head) {
    if (head.status === 100) this.#sender?.proceed();
    else this.#exchange.onInterim(head);
  }
  onHead(head) {
    this.#sender?.stopAsking();
    this.#exchange.onHead(head);
  }
  onPiece(buffer, from, to) {
    if (this.#exchange === void 0) return;
    const isText = to - from <= MAX_TEXT_BYTES;
    this.#exchange.onChunk(isText ? buffer.toString("latin1", from, to) : copyOf(buffer, from, to));
  }
  /** Ends the exchange. @param surplus whether bytes came behind the answer */
  #finish(surplus) {
    const exchange = this.#exchange;
    const head = this.#reader.head;
    const { trailers } = this.#reader;
    const isWholeRequestSent = this.#writeError === void 0 && (this.#sender === void 0 || this.#sender.isDone);
    const keepMs = head.keepAliveMs === void 0 ? this.#options.keepAliveMs : head.keepAliveMs - KEEP_ALIVE_MARGIN_MS;
    this.#release();
    this.#carried++;
    if (!head.persistent || surplus || !isWholeRequestSent || keepMs <= 0) this.#socket.destroy();
    else {
      this.#idleUntil = performance.now() + keepMs;
      this.#owner.onFree(this);
    }
    exchange.onEnd(trailers && answerTrailers.fields(trailers, head.connectionOptions));
  }
  /** Lets go of the exchange, and resumes reading if it had paused it. */
  #release() {
    this.#sender?.stop();
    this.#sender = void 0;
    this.#exchange = void 0;
    this.resume();
  }
  #expectMore() {
    const idleMs = this.#exchange.bodyIdleTimeoutMs ?? this.#options.bodyIdleTimeoutMs;
    if (idleMs === this.#bodyIdleMs) {
      this.#bodyTimer?.refresh();
      return;
    }
    this.#bodyIdleMs = idleMs;
    clearTimeout(this.#bodyTimer);
    this.#bodyTimer = idleMs === 0 ? void 0 : setTimeout(this.#onSilence, idleMs).unref();
  }
  #onSilence = () => {
    if (this.#exchange === void 0 || this.#reader.head === void 0 || this.#isPaused) return;
    this.abort(
      new UpstreamFailure("timeout", new Error("the node stopped sending in the middle of the body"))
    );
  };
  #onWriteError = (error) => {
    this.#writeError = error;
    if (this.#exchange === void 0) {
      this.#socket.destroy();
      return;
    }
    this.#sender?.stop();
    if (this.#reader.head !== void 0) return;
    this.#lastHeadTimer = setTimeout(() => {
      if (this.#reader.head === void 0) this.#onBroken(error);
    }, LAST_HEAD_MS).unref();
  };
  #onEnd = () => {
    const isReset = this.#writeError?.code === "ECONNRESET";
    if (this.#exchange && this.#reader.head?.framing === "close" && !isReset) this.#finish(false);
    else this.#onBroken(new Error("the node ended the connection"));
  };
  #onBroken(error) {
    if (this.#exchange === void 0) return;
    this.abort(new UpstreamFailure("reset", this.#writeError ?? error, this.#carried > 0 && !this.#heard));
  }
};
function copyOf(buffer, from, to) {
  const copy = Buffer.allocUnsafeSlow(to - from);
  buffer.copy(copy, 0, from, to);
  return copy;
}

// wrappers/http1/connection-pool.ts
var ConnectionPool = class {
  #options;
  #all = /* @__PURE__ */ new Set();
  /** The most recently used one is at the end. */
  #idle = [];
  /** In order of arrival. */
  #waiting = /* @__PURE__ */ new Set();
  /** Busy connections to addresses that the node's name no longer has. */
  #moved = /* @__PURE__ */ new Set();
  #name;
  #connecting = 0;
  #isClosing = false;
  #onEmpty = () => {
  };
  constructor(options) {
    this.#options = options;
    this.#name = new NodeName(options);
  }
  /** Hands the exchange a connection as soon as one is available, or fails it when there will be none. */
  request(exchange) {
    if (this.#isClosing) {
      exchange.onFailure(new UpstreamFailure("connect", new Error("the node was removed")));
      return;
    }
    const connection = this.#takeIdle();
    if (connection) {
      exchange.onConnection(connection);
      return;
    }
    this.#waiting.add(exchange);
    this.#grow();
  }
  /** Removes an exchange that waits for a connection. */
  forget(exchange) {
    this.#waiting.delete(exchange);
    this.#checkEmpty();
  }
  /** Notifies every exchange that has no head of an answer yet that the node hangs. */
  notifyHung() {
    for (const exchange of [...this.#waiting]) exchange.onHung();
    for (const connection of [...this.#all]) connection.notifyHung();
  }
  /** Refuses new exchanges. Resolves when the present ones have ended and no connection is left. */
  close() {
    this.#isClosing = true;
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      for (const connection of this.#idle.splice(0)) connection.destroy();
      this.#checkEmpty();
    });
  }
  /** Fails all exchanges and closes all connections. Resolves when no connection is left. */
  destroy() {
    const closed = this.close();
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange);
      exchange.onFailure(new UpstreamFailure("connect", new Error("the pool was closed")));
    }
    for (const connection of this.#all) connection.destroy();
    return closed;
  }
  closeExpired(now2) {
    for (const connection of this.#idle.filter((each) => !each.isUsable(now2))) {
      this.#dropIdle(connection);
      connection.destroy();
    }
    return this.#idle.length > 0;
  }
  followName(now2) {
    if (!this.#name.isFollowed || this.#all.size === 0) return false;
    this.#name.follow(now2, this.#onAddresses);
    return true;
  }
  onFree(connection) {
    if (this.#moved.size > 0 && this.#moved.has(connection)) {
      connection.destroy();
      return;
    }
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange);
      exchange.onConnection(connection);
      return;
    }
    if (this.#isClosing) connection.destroy();
    else {
      this.#idle.push(connection);
      sweeper.watch(this);
    }
  }
  onClosed(connection) {
    this.#all.delete(connection);
    this.#moved.delete(connection);
    this.#dropIdle(connection);
    this.#grow();
    this.#checkEmpty();
  }
  #takeIdle() {
    const connection = this.#idle.pop();
    if (connection === void 0 || connection.isUsable(performance.now())) return connection;
    connection.destroy();
    return this.#takeIdle();
  }
  #dropIdle(connection) {
    const index = this.#idle.indexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
  }
  /** Opens a connection for each waiting exchange, up to the maximum. */
  #grow() {
    const { maxConnections = Number.POSITIVE_INFINITY } = this.#options;
    while (this.#connecting < this.#waiting.size && this.#all.size < maxConnections) {
      this.#connecting++;
      this.#all.add(new NodeConnection(this.#options, this, this.#onOpen));
      if (this.#name.isFollowed) sweeper.watch(this);
    }
  }
  #onOpen = (error, connection) => {
    this.#connecting--;
    if (!error) {
      this.onFree(connection);
      return;
    }
    this.#all.delete(connection);
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange);
      exchange.onFailure(new UpstreamFailure("connect", error));
      break;
    }
    this.#grow();
    this.#checkEmpty();
  };
  /**
   * Lets go of the connections to addresses that the node's name no longer has: idle ones at once, busy ones after the
   * answer that they carry.
   */
  #onAddresses = (addresses) => {
    for (const connection of this.#all) {
      const { address } = connection;
      if (address === void 0 || addresses.includes(address)) this.#moved.delete(connection);
      else this.#moved.add(connection);
    }
    for (const connection of this.#idle.filter((each) => this.#moved.has(each))) {
      this.#dropIdle(connection);
      connection.destroy();
    }
  };
  #checkEmpty() {
    if (this.#isClosing && this.#all.size === 0 && this.#waiting.size === 0) this.#onEmpty();
  }
};

// wrappers/transport/body-sender.ts
var BodySender = class {
  #body;
  /** Bytes that the head declares; -1 = it declares none. */
  length;
  /** Whether the node is asked whether it wants the body. */
  awaitsContinue;
  #continueTimeoutMs;
  #flow = void 0;
  #sent = 0;
  #isDone = false;
  /** Runs while the node is asked whether it wants the body. */
  #continueTimer = void 0;
  #onFailure = () => {
  };
  /**
   * @param length bytes that the head declares; -1 when it declares none
   * @param continueTimeoutMs how long the node may leave open whether it wants the body; undefined = it is never asked
   */
  constructor(body, length, continueTimeoutMs2) {
    this.#body = body;
    this.length = length;
    this.awaitsContinue = body.awaitsContinue === true && continueTimeoutMs2 !== void 0;
    this.#continueTimeoutMs = continueTimeoutMs2;
  }
  /** Whether all of the body was handed to the connection. */
  get isDone() {
    return this.#isDone;
  }
  /** Whether the node has taken all that the client has sent so far, and the client has yet to send the rest. */
  get waitsForClient() {
    return this.#flow !== void 0 && !this.#isDone && !this.#flow.isPaused;
  }
  /** Begins to send the body, or to wait until the node wants it. The head was written before. */
  begin(onFailure) {
    this.#onFailure = onFailure;
    if (this.awaitsContinue) this.#continueTimer = setTimeout(() => this.proceed(), this.#continueTimeoutMs);
    else this.#open();
  }
  /** Sends the body, if the node was asked whether it wants it. */
  proceed() {
    if (this.#continueTimer === void 0) return;
    this.stopAsking();
    this.#open();
  }
  /** Never sends the body if the node is still asked whether it wants it: it has given its answer without. */
  stopAsking() {
    clearTimeout(this.#continueTimer);
    this.#continueTimer = void 0;
  }
  /** Goes on after `write` returned false. */
  goOn() {
    if (!this.#isDone) this.#flow?.resume();
  }
  /** Stops reading from the client. */
  stop() {
    this.stopAsking();
    if (!this.#isDone) this.#flow?.stop();
  }
  onData(chunk) {
    this.#sent += chunk.length;
    if (this.length !== -1 && this.#sent > this.length) this.#onFailure(unsendable("longer"));
    else if (!this.write(chunk)) this.#flow.pause();
  }
  onEnd() {
    if (this.length !== -1 && this.#sent < this.length) {
      this.#onFailure(unsendable("shorter"));
      return;
    }
    this.writeEnd(this.#body.trailers);
    this.#isDone = true;
    this.stop();
  }
  onError(error) {
    this.#onFailure(failureOf(error));
  }
  #open() {
    this.#flow = this.#body.open(this);
    this.#flow.resume();
  }
};
function unsendable(how) {
  return new UpstreamFailure("unsendable", new Error(`the body is ${how} than its content-length`));
}
function failureOf(error) {
  if (error instanceof UpstreamFailure) return error;
  return new UpstreamFailure(error instanceof GatewayError ? "unsendable" : "aborted", error);
}

// wrappers/http1/request-body-sender.ts
var RequestBodySender = class extends BodySender {
  #socket = void 0;
  #isCorked = false;
  /** Sends head and body. The first byte of the body is read from the client only now, or after `proceed`. */
  start(socket, head, onFailure) {
    this.#socket = socket;
    if (!this.awaitsContinue) {
      this.#isCorked = true;
      socket.cork();
      setImmediate(() => this.#uncork());
    }
    socket.write(head, "latin1");
    this.begin(onFailure);
  }
  stop() {
    super.stop();
    this.#uncork();
    this.#socket?.off("drain", this.#onDrain);
  }
  write(chunk) {
    const socket = this.#socket;
    let isTaken;
    if (this.length !== -1) isTaken = socket.write(chunk);
    else {
      socket.cork();
      socket.write(`${chunk.length.toString(16)}\r
`, "latin1");
      socket.write(chunk);
      isTaken = socket.write("\r\n", "latin1");
      socket.uncork();
    }
    if (!isTaken) socket.once("drain", this.#onDrain);
    return isTaken;
  }
  writeEnd(trailers) {
    if (this.length === -1) this.#socket.write(lastChunk(trailers), "latin1");
  }
  #onDrain = () => {
    this.goOn();
  };
  #uncork() {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#socket.uncork();
  }
};
function lastChunk(trailers) {
  if (trailers === void 0) return "0\r\n\r\n";
  let text = "0\r\n";
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i];
    const value = trailers[i + 1];
    if (isToken(name) && isFieldValue(value)) text += `${name}: ${value}\r
`;
  }
  return `${text}\r
`;
}

// wrappers/http1/request-text.ts
var CHUNKED = -1;
var USUALLY_WITH_BODY = /* @__PURE__ */ new Set(["POST", "PUT", "PATCH", "QUERY"]);
var KNOWN_METHODS = /* @__PURE__ */ new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
var LENGTH = /^\d{1,15}$/;
var FORBIDDEN_IN_TARGET = /[^\x21-\x7e\x80-\xff]/;
var isName = memoizeNames(isToken);
function writeRequestHead(request, address) {
  const { method, target, headers, body } = request;
  if (!KNOWN_METHODS.has(method) && !isToken(method)) throw new TypeError("the method is not a token");
  if (FORBIDDEN_IN_TARGET.test(target)) throw new TypeError("the target has a forbidden character");
  let text = "";
  let host = address;
  let bodyLength = CHUNKED;
  let connection = request.isWebSocket ? "Upgrade" : "keep-alive";
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i];
    const value = headers[i + 1];
    if (!isName(name)) throw new TypeError("a header name is not a token");
    if (!isFieldValue(value)) throw new TypeError("a header value has a forbidden character");
    if (name.length === 4 && name.toLowerCase() === "host") host = value;
    else {
      if (name.length === 14 && name.toLowerCase() === "content-length") {
        if (bodyLength !== CHUNKED || !LENGTH.test(value))
          throw new TypeError("content-length must be a single number");
        bodyLength = Number(value);
      } else if (name.length === 17 && name.toLowerCase() === "transfer-encoding") {
        throw new TypeError("headers must not include transfer-encoding");
      } else if (name.length === 2 && name.toLowerCase() === "te") {
        connection += ", te";
      }
      text += `${name}: ${value}\r
`;
    }
  }
  if (body === null) {
    if (bodyLength > 0) throw new TypeError("the headers have a content-length, but there is no body");
    if (bodyLength === CHUNKED && USUALLY_WITH_BODY.has(method)) text += "content-length: 0\r\n";
    bodyLength = 0;
  } else {
    if (bodyLength === CHUNKED) text += "transfer-encoding: chunked\r\n";
    if (body.awaitsContinue) text += "expect: 100-continue\r\n";
  }
  if (request.isWebSocket) text += "upgrade: websocket\r\n";
  return {
    head: `${method} ${target} HTTP/1.1\r
host: ${host}\r
connection: ${connection}\r
${text}\r
`,
    bodyLength
  };
}

// wrappers/http1/http1-transport.ts
var Http1Transport = class {
  #peer;
  #onPiece;
  #pool;
  /** @param peer the node, whose counters the transport keeps */
  constructor(peer, { onPiece, ...pool }) {
    this.#peer = peer;
    this.#onPiece = onPiece;
    this.#pool = new ConnectionPool(pool);
  }
  /**
   * Sends a request. Keeps the pieces of the answer that arrive together with its head, so that head and body of a short
   * answer leave in a single write.
   */
  send(request, call) {
    return new Promise((resolve, reject) => {
      new Http1Try(request, call, this.#peer, this.#pool, this.#onPiece, resolve, reject).start();
    });
  }
  notifyHung() {
    this.#pool.notifyHung();
  }
  close() {
    return this.#pool.close();
  }
  destroy() {
    return this.#pool.destroy();
  }
};
var SWITCHING_PROTOCOLS2 = 101;
var NO_CONTENT = 204;
var CONTENT_LENGTH2 = /* @__PURE__ */ new Set(["content-length"]);
var Http1Try = class extends NodeTry {
  method;
  isWebSocket;
  #pool;
  #head = "";
  #body = void 0;
  #connection = void 0;
  constructor(request, call, peer, pool, onPiece, resolve, reject) {
    super(request, call, peer, onPiece, resolve, reject);
    this.method = request.method;
    this.isWebSocket = request.isWebSocket === true;
    this.#pool = pool;
  }
  get bodyIdleTimeoutMs() {
    return this.request.route.bodyIdleTimeoutMs;
  }
  start() {
    const { body, route } = this.request;
    this.begin();
    try {
      const { head, bodyLength } = writeRequestHead(this.request, this.peer.address);
      this.#head = head;
      if (body) this.#body = new RequestBodySender(body, bodyLength, continueTimeoutMs(route));
    } catch (error) {
      this.fail(new UpstreamFailure("unsendable", error));
      return;
    }
    this.#pool.request(this);
  }
  onConnection(connection) {
    this.#connection = connection;
    connection.send(this, this.#head, this.#body);
  }
  onInterim(head) {
    const { interim } = this.request;
    if (interim === void 0) return;
    if (head.hasReferences) this.rewriteReferences(head.headers);
    interim.writeInterim(head.status, withoutHeaders(head.headers, CONTENT_LENGTH2));
  }
  onHead(head) {
    const { status, headers, framing, hasLength, trailer, connectionOptions } = head;
    if (head.hasReferences) this.rewriteReferences(headers);
    if (status === NO_CONTENT) this.headers = withoutHeaders(headers, CONTENT_LENGTH2);
    else if (status === SWITCHING_PROTOCOLS2) this.headers = acceptedHeaders(headers, this.request);
    else this.headers = headers;
    this.isDelimited = framing !== "close";
    this.hasLength = hasLength;
    if (trailer !== void 0 && framing === "chunked")
      this.trailerNames = answerTrailers.names(trailer, connectionOptions);
    this.answer(status);
  }
  onChunk(chunk) {
    if (!this.pass(chunk)) this.#connection.pause();
  }
  onEnd(trailers) {
    this.#connection = void 0;
    this.end(trailers);
  }
  onFailure(failure) {
    this.#connection = void 0;
    this.fail(failure);
  }
  sendBody(target, isHidden) {
    if (this.status === SWITCHING_PROTOCOLS2) this.#handOver(target);
    else super.sendBody(target, isHidden);
  }
  discard() {
    this.#connection?.abort(new UpstreamFailure("aborted"));
  }
  get waitsForClient() {
    return this.#body?.waitsForClient === true;
  }
  stop(reason) {
    if (this.#connection) this.#connection.abort(reason);
    else {
      this.#pool.forget(this);
      this.fail(reason);
    }
  }
  pauseAnswer() {
    this.#connection?.pause();
  }
  resumeAnswer() {
    this.#connection?.resume();
  }
  /** Hands the connection to the client's response. It stays in flight at the node until it is closed. */
  #handOver(target) {
    if (this.#connection === void 0) {
      target.abort(true);
      return;
    }
    const node = this.#connection.detach();
    this.#connection = void 0;
    if (this.call.current === this) this.call.current = void 0;
    node.socket.once("close", () => this.finish());
    target.tunnel(node);
  }
};

// internal/http2/field-rules.ts
var COLON = 58;
var METHOD = /^[A-Z]{1,32}(?:-[A-Z]{1,32})?$/;
var TARGET = /^\/[\x21\x22\x24-\x7e]*$/;
var STATUS2 = /^[1-9]\d\d$/;
var LENGTH2 = /^\d{1,15}$/;
function readRequestFields(lines) {
  let method;
  let scheme;
  let path;
  let authority;
  let at = 0;
  for (; at < lines.length; at += 2) {
    const name = lines[at];
    if (name.charCodeAt(0) !== COLON) break;
    const value = lines[at + 1];
    switch (name) {
      case ":method":
        if (method !== void 0) throw repeated(name);
        method = value;
        break;
      case ":scheme":
        if (scheme !== void 0) throw repeated(name);
        scheme = value;
        break;
      case ":path":
        if (path !== void 0) throw repeated(name);
        path = value;
        break;
      case ":authority":
        if (authority !== void 0) throw repeated(name);
        authority = value;
        break;
      default:
        throw malformed2("the request has an unknown pseudo-field");
    }
  }
  const read = ["host", ""];
  let host;
  let cookieAt = -1;
  let contentLength = -1;
  for (; at < lines.length; at += 2) {
    const name = lines[at];
    const value = lines[at + 1];
    checkField(name, value);
    if (name.length === 4 && name === "host") {
      if (host !== void 0) throw repeated(name);
      host = value;
      continue;
    }
    if (name.length === 6 && name === "cookie") {
      if (cookieAt !== -1) {
        read[cookieAt] += `; ${value}`;
        continue;
      }
      cookieAt = read.length + 1;
    } else if (name.length === 14 && name === "content-length") {
      contentLength = readLength(contentLength, value);
    }
    read.push(name, value);
  }
  if (method === void 0 || !METHOD.test(method)) throw malformed2("the request has no valid :method");
  const asked = authority ?? host;
  if (asked === void 0 || !isAuthority(asked)) throw malformed2("the request has no valid :authority");
  if (method === "CONNECT") {
    if (scheme !== void 0 || path !== void 0 || authority === void 0)
      throw malformed2("a CONNECT has :scheme or :path, or no :authority");
    scheme = "http";
    path = asked;
  } else {
    if (scheme !== "http" && scheme !== "https") throw malformed2("the request has no valid :scheme");
    if (path === void 0 || !(TARGET.test(path) || path === "*" && method === "OPTIONS"))
      throw malformed2("the request has no valid :path");
  }
  if (host !== void 0 && host !== asked && !(isAuthority(host) && isSameAuthority(host, asked, scheme)))
    throw malformed2("host and :authority differ");
  read[1] = asked;
  return { method, scheme, path, authority: asked, lines: read, contentLength };
}
function readResponseFields(lines) {
  if (lines[0] !== ":status") throw malformed2("the answer does not begin with :status");
  const text = lines[1];
  if (!STATUS2.test(text)) throw malformed2("the status is not a three-digit number");
  const status = Number(text);
  if (status === 101) throw malformed2("the answer has the status 101, which HTTP/2 does not have");
  let contentLength = -1;
  for (let i = 2; i < lines.length; i += 2) {
    const name = lines[i];
    checkField(name, lines[i + 1]);
    if (name.length === 14 && name === "content-length")
      contentLength = readLength(contentLength, lines[i + 1]);
  }
  if (status < 200 && contentLength !== -1 || status === 204 && contentLength > 0)
    throw malformed2("an answer that has no body has a content-length");
  return { status, lines: lines.slice(2), contentLength };
}
function checkTrailerFields(lines) {
  for (let i = 0; i < lines.length; i += 2) checkField(lines[i], lines[i + 1]);
}
function checkField(name, value) {
  switch (name.length) {
    case 0:
      throw malformed2(value);
    case 2:
      if (name === "te" && value.toLowerCase() !== "trailers") throw malformed2("te is not trailers");
      break;
    case 7:
      if (name === "upgrade") throw ofHttp1(name);
      break;
    case 10:
      if (name === "connection" || name === "keep-alive") throw ofHttp1(name);
      break;
    case 16:
      if (name === "proxy-connection") throw ofHttp1(name);
      break;
    case 17:
      if (name === "transfer-encoding") throw ofHttp1(name);
      break;
  }
  if (name.charCodeAt(0) === COLON) throw malformed2("a pseudo-field comes after other fields, or in trailers");
}
function readLength(before, value) {
  if (before !== -1) throw repeated("content-length");
  if (!LENGTH2.test(value)) throw malformed2("content-length is not a number");
  return Number(value);
}
function repeated(name) {
  return malformed2(`${name} occurs more than once`);
}
function ofHttp1(name) {
  return malformed2(`${name} is a field of HTTP/1 connections`);
}
function malformed2(rule) {
  return new Http2Error(ERROR.protocolError, rule);
}

// wrappers/http2/answer-fields.ts
var DROPPED = new Set(WITHHELD);
var NAMING = new Set(REFERENCES);
function readAnswerFields(lines) {
  const headers = [];
  let hasReferences = false;
  let trailer;
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i];
    const value = lines[i + 1];
    if (DROPPED.has(name)) continue;
    if (name === "trailer") {
      trailer = trailer === void 0 ? value : `${trailer}, ${value}`;
      continue;
    }
    if (NAMING.has(name)) hasReferences = true;
    headers.push(name, value);
  }
  return { headers, hasReferences, trailer };
}

// wrappers/http2/request-lines.ts
var TREAT3 = { pass: 0, host: 1, contentLength: 2, te: 3, forbidden: 4 };
var TREATMENTS3 = new Map([
  ["host", TREAT3.host],
  ["content-length", TREAT3.contentLength],
  ["te", TREAT3.te],
  // RFC 9113 section 8.2.2: a request with one of these is malformed.
  ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"].map(
    (name) => [name, TREAT3.forbidden]
  )
]);
var treatmentOf2 = memoizeNames(
  (spelling) => TOKEN.test(spelling) ? TREATMENTS3.get(spelling.toLowerCase()) ?? TREAT3.pass : TREAT3.forbidden
);
var LENGTH3 = /^\d{1,15}$/;
var FORBIDDEN_IN_TARGET2 = /[^\x21-\x7e\x80-\xff]/;
function requestLines(request, address) {
  const { method, target, headers, body } = request;
  const isCall = request.rpc !== void 0;
  if (!TOKEN.test(method)) throw new TypeError("the method is not a token");
  if (FORBIDDEN_IN_TARGET2.test(target)) throw new TypeError("the target has a forbidden character");
  const lines = [":method", method, ":scheme", "http", ":authority", address, ":path", target];
  let bodyLength = -1;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i];
    const value = headers[i + 1];
    switch (treatmentOf2(name)) {
      case TREAT3.host:
        lines[5] = value;
        continue;
      case TREAT3.contentLength:
        if (bodyLength !== -1 || !LENGTH3.test(value))
          throw new TypeError("content-length must be a single number");
        bodyLength = Number(value);
        break;
      case TREAT3.te:
        if (isCall) continue;
        break;
      case TREAT3.forbidden:
        throw new TypeError(`the header ${JSON.stringify(name)} cannot be sent in HTTP/2`);
    }
    lines.push(name, value);
  }
  if (body === null && bodyLength > 0)
    throw new TypeError("the headers have a content-length, but there is no body");
  if (isCall) lines.push("te", "trailers");
  if (body?.awaitsContinue && !isCall) lines.push("expect", "100-continue");
  return { lines, bodyLength };
}

// wrappers/http2/stream-body-sender.ts
var StreamBodySender = class extends BodySender {
  #stream = void 0;
  /** Sends the body. The first byte is read from the client only now, or after `proceed`. */
  start(stream, onFailure) {
    this.#stream = stream;
    this.begin(onFailure);
  }
  /** The stream takes more. */
  onDrain() {
    this.goOn();
  }
  write(chunk) {
    return this.#stream.sendData(chunk, false);
  }
  writeEnd(trailers) {
    const lines = trailers === void 0 ? NO_LINES : sendable(trailers);
    if (lines.length === 0) this.#stream.sendData("", true);
    else this.#stream.sendTrailers(lines);
  }
};
var NO_LINES = [];
function sendable(trailers) {
  const lines = [];
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i];
    const value = trailers[i + 1];
    if (TOKEN.test(name) && !FORBIDDEN_IN_VALUE.test(value)) lines.push(name, value);
  }
  return lines;
}

// wrappers/http2/try-stream.ts
var MAX_DROPPED_BYTES = 1048576;
var TryStream = class extends Http2Stream {
  session;
  /** Undefined once the call was given up. What the node still sends is then dropped. */
  call;
  /** `reads` of the session when the stream was opened. */
  openedAtRead;
  #isTouched = false;
  #dropped = 0;
  constructor(session, call) {
    super();
    this.session = session;
    this.call = call;
    this.openedAtRead = session.reads;
  }
  onHead(lines, isEnd) {
    this.#touch();
    this.call?.onHead(lines, isEnd);
  }
  onHeadTooLarge() {
    throw new Http2Error(ERROR.cancel, "the head of the answer is too large for upstream.answerHeadBytes");
  }
  onData(bytes, start, end, isEnd) {
    const { call } = this;
    if (call === void 0) {
      this.#drop(end - start);
      return;
    }
    this.#touch();
    call.onData(bytes, start, end, isEnd);
  }
  onTrailers(lines) {
    this.#touch();
    this.call?.onTrailers(lines);
  }
  onReset(code, by, reason) {
    this.call?.onReset(code, by, reason);
  }
  onDrain() {
    this.call?.onDrain();
  }
  /** Is called after a read in which the stream has received something. */
  afterRead() {
    this.#isTouched = false;
    this.call?.afterRead();
  }
  #touch() {
    if (this.#isTouched) return;
    this.#isTouched = true;
    this.session.touch(this);
  }
  #drop(bytes) {
    this.consume(bytes);
    this.#dropped += bytes;
    if (this.#dropped > MAX_DROPPED_BYTES) this.reset(ERROR.cancel);
  }
};

// wrappers/http2/http2-try.ts
var MAX_TEXT_BYTES2 = 16384;
var CONTINUE = 100;
var NO_CONTENT2 = 204;
var NOT_MODIFIED = 304;
var CONTENT_LENGTH3 = /* @__PURE__ */ new Set(["content-length"]);
var NO_WEBSOCKETS = new GatewayError("WG_UPSTREAM_INVALID", {
  detail: "The service speaks HTTP/2, over which the gateway opens no WebSockets."
});
var Http2Try = class extends NodeTry {
  #options;
  #lines = [];
  #body = void 0;
  /** Undefined until there is a session, and once nothing more is expected. */
  #stream = void 0;
  #isWhole = false;
  #isPaused = false;
  /** Bytes that were received and that the client has not taken. */
  #owedBytes = 0;
  #idleTimer = void 0;
  constructor(request, call, peer, options, resolve, reject) {
    super(request, call, peer, options.onPiece, resolve, reject);
    this.#options = options;
  }
  start() {
    const { body, route, rpc } = this.request;
    this.begin();
    if (this.request.isWebSocket) {
      this.fail(new UpstreamFailure("unsendable", NO_WEBSOCKETS));
      return;
    }
    try {
      const { lines, bodyLength } = requestLines(this.request, this.peer.address);
      this.#lines = lines;
      const askedForMs = rpc === void 0 ? continueTimeoutMs(route) : void 0;
      if (body) this.#body = new StreamBodySender(body, bodyLength, askedForMs);
    } catch (error) {
      this.fail(new UpstreamFailure("unsendable", error));
      return;
    }
    this.#options.pool.request(this);
  }
  onSession(session) {
    const stream = new TryStream(session, this);
    this.#stream = stream;
    try {
      session.open(stream, this.#lines, this.#body === void 0);
    } catch (error) {
      this.#lose(new UpstreamFailure(error instanceof TypeError ? "unsendable" : "refused", error));
      return;
    }
    this.#body?.start(stream, (failure) => this.stop(failure));
  }
  /** No session was to be had. */
  onFailure(failure) {
    this.fail(failure);
  }
  onHead(lines, isEnd) {
    const fields = readResponseFields(lines);
    if (fields.status < 200) this.#onInterim(fields);
    else this.#onFinalHead(fields, isEnd);
  }
  onData(bytes, start, end, isEnd) {
    const length = end - start;
    if (length > 0) {
      const isTaken = this.pass(this.#chunkOf(bytes, start, end));
      if (this.#stream === void 0) return;
      if (isTaken && !this.#isPaused) this.#stream.consume(length);
      else {
        this.#isPaused = true;
        this.#owedBytes += length;
      }
    }
    if (isEnd) this.#finishWhole(void 0);
  }
  onTrailers(lines) {
    checkTrailerFields(lines);
    this.#finishWhole(this.readTrailers(lines));
  }
  onReset(code, by, reason) {
    if (!this.#isWhole) this.#lose(this.#failureOf(code, by, reason));
  }
  onDrain() {
    this.#body?.onDrain();
  }
  /** Is called after a read that brought something for this try. */
  afterRead() {
    const stream = this.#stream;
    if (stream === void 0) return;
    if (this.#isWhole) {
      this.#stream = void 0;
      stream.session.leave(stream);
    } else if (this.status !== 0) this.#expectMore();
  }
  discard() {
    if (this.#stream) this.stop(new UpstreamFailure("aborted"));
  }
  get waitsForClient() {
    return this.#body?.waitsForClient === true;
  }
  stop(reason) {
    const stream = this.#stream;
    if (stream === void 0) this.#options.pool.forget(this);
    else {
      if (reason.kind === "timeout" && this.status === 0) stream.session.doubt();
      this.#stream = void 0;
      stream.session.leave(stream);
    }
    this.#lose(reason);
  }
  pauseAnswer() {
    this.#isPaused = true;
  }
  resumeAnswer() {
    this.#isPaused = false;
    this.#takeOwed();
    this.#idleTimer?.refresh();
  }
  /** How long the node may be silent in the middle of a body, milliseconds; 0 = no limit. */
  get idleMs() {
    return this.request.route.bodyIdleTimeoutMs ?? this.#options.bodyIdleTimeoutMs;
  }
  /**
   * Reads the headers of the answer.
   *
   * @param isEnd whether the answer is over with its head
   * @throws Http2Error when the node must not answer like that
   */
  readHead({ status, lines }, _isEnd) {
    const { headers, hasReferences, trailer } = readAnswerFields(lines);
    if (hasReferences) this.rewriteReferences(headers);
    this.headers = status === NO_CONTENT2 ? withoutHeaders(headers, CONTENT_LENGTH3) : headers;
    if (trailer !== void 0) this.trailerNames = answerTrailers.names(trailer, void 0);
  }
  /** Returns the trailers that may be passed on, flat; undefined when there are none. @throws Http2Error */
  readTrailers(lines) {
    return answerTrailers.fields(lines, void 0);
  }
  #onInterim({ status, lines }) {
    if (status === CONTINUE) {
      this.#body?.proceed();
      return;
    }
    const { interim } = this.request;
    if (interim === void 0) return;
    const { headers, hasReferences } = readAnswerFields(lines);
    if (hasReferences) this.rewriteReferences(headers);
    interim.writeInterim(status, withoutHeaders(headers, CONTENT_LENGTH3));
  }
  #onFinalHead(fields, isEnd) {
    const { status, contentLength } = fields;
    this.#body?.stopAsking();
    const hasNoBody = this.request.method === "HEAD" || status === NO_CONTENT2 || status === NOT_MODIFIED;
    this.#stream.expectBytes(hasNoBody ? 0 : contentLength);
    this.hasLength = !hasNoBody && contentLength > 0;
    this.readHead(fields, isEnd);
    this.answer(status);
    if (isEnd) this.#finishWhole(void 0);
  }
  #chunkOf(bytes, start, end) {
    if (this.takesViews) return bytes.subarray(start, end);
    if (end - start <= MAX_TEXT_BYTES2) return bytes.toString("latin1", start, end);
    const copy = Buffer.allocUnsafeSlow(end - start);
    bytes.copy(copy, 0, start, end);
    return copy;
  }
  #finishWhole(trailers) {
    this.#isWhole = true;
    this.#letGo();
    this.#stream.session.answered();
    this.#takeOwed();
    this.end(trailers);
  }
  #takeOwed() {
    const bytes = this.#owedBytes;
    this.#owedBytes = 0;
    if (bytes === 0 || this.#stream === void 0) return;
    this.#stream.consume(bytes);
    this.#stream.session.gaveBack();
  }
  #failureOf(code, by, reason) {
    if (by === "closed") return this.#stream.session.lossOf(this.#stream);
    if (by === "us") return new UpstreamFailure("invalid", new InvalidAnswer(reason));
    if (code === ERROR.http11Required) return new UpstreamFailure("invalid", new InvalidAnswer(SPEAKS_HTTP1));
    const cause = by === "goaway" ? new Http2Error(code, "GOAWAY") : new Http2Error(code, `RST_STREAM with code ${code}`, this.#stream.id);
    return new UpstreamFailure(code === ERROR.refusedStream ? "refused" : "reset", cause);
  }
  /** Ends the try without an answer, or in the middle of it. */
  #lose(failure) {
    this.#letGo();
    this.#stream?.session.leave(this.#stream);
    this.#stream = void 0;
    this.fail(failure);
  }
  #letGo() {
    this.#body?.stop();
    clearTimeout(this.#idleTimer);
    this.#idleTimer = void 0;
  }
  #expectMore() {
    if (this.#idleTimer) {
      this.#idleTimer.refresh();
      return;
    }
    const { idleMs } = this;
    if (idleMs > 0) this.#idleTimer = setTimeout(onSilence, idleMs, this).unref();
  }
  /** Breaks the answer off if the node, and not the client, is what it waits for. */
  onSilence() {
    if (this.#isPaused) return;
    this.stop(new UpstreamFailure("timeout", new Error("the node stopped sending in the middle of the body")));
  }
};
function onSilence(each) {
  each.onSilence();
}

// wrappers/http2/grpc-try.ts
var GRPC = /^application\/grpc/i;
var GrpcTry = class extends Http2Try {
  /** That of an answer that is over with its head. */
  grpcStatus = void 0;
  /** The status that stands for an answer in plain HTTP, such as one of a proxy in front of the node. */
  #plainStatus = void 0;
  #trailers = void 0;
  /** How the call ended that the node did not end itself. */
  #failed = void 0;
  #end = void 0;
  #listeners = [];
  whenOver(listener) {
    if (this.#end) listener(this.#end);
    else this.#listeners.push(listener);
  }
  /** Services are silent for as long as they have no message. Only a route's own limit counts. */
  get idleMs() {
    return this.request.route.bodyIdleTimeoutMs ?? 0;
  }
  readHead(fields, isEnd) {
    super.readHead(fields, isEnd);
    const type = getHeader(this.headers, "content-type");
    const hasStatus = isEnd && getHeader(this.headers, "grpc-status") !== void 0;
    if (!hasStatus && (type === void 0 || !GRPC.test(type))) {
      this.#plainStatus = grpcStatusOfHttp(fields.status);
      if (isEnd) this.grpcStatus = this.#plainStatus;
    } else if (isEnd) {
      const end = this.#noted(readGrpcEnd(this.headers));
      this.headers = type === void 0 ? ["content-type", "application/grpc", ...end.lines] : end.lines;
      this.grpcStatus = end.status;
    }
  }
  readTrailers(lines) {
    this.#trailers = readGrpcEnd(lines);
    return this.#trailers.lines;
  }
  end() {
    const status = this.grpcStatus ?? this.#plainStatus;
    if (status !== void 0) {
      this.#over({ grpcStatus: status, isBroken: false });
      super.end(void 0);
      return;
    }
    const end = this.#noted(this.#trailers ?? readGrpcEnd([]));
    this.#over({ grpcStatus: end.status, isBroken: end.problem !== void 0 });
    super.end(end.lines);
  }
  fail(failure) {
    if (this.status !== 0) {
      if (failure.kind === "aborted") {
        this.#over({ grpcStatus: this.#plainStatus ?? GRPC_STATUS.CANCELLED, isBroken: false });
      } else {
        this.#failed = this.#noted(endOfFailure(failure));
        this.#over({ grpcStatus: this.#failed.status, isBroken: true });
      }
    }
    super.fail(failure);
  }
  breakOff(target) {
    if (this.#failed) target.endWithTrailers(this.#failed.lines);
    else super.breakOff(target);
  }
  /** Notes for the log what was wrong with the end of a call. */
  #noted(end) {
    if (end.problem !== void 0) this.call.failure = end.problem;
    return end;
  }
  #over(end) {
    if (this.#end) return;
    this.#end = end;
    for (const listener of this.#listeners) listener(end);
    this.#listeners = [];
  }
};

// wrappers/http2/http2-transport.ts
var Http2Transport = class {
  #peer;
  #pool;
  #tryOptions;
  /** @param peer the node, whose counters the transport keeps */
  constructor(peer, options) {
    peer.sessions = 0;
    this.#peer = peer;
    this.#pool = new SessionPool({
      ...options,
      onSessions: (count) => {
        peer.sessions = count;
      }
    });
    const { bodyIdleTimeoutMs, onPiece } = options;
    this.#tryOptions = { pool: this.#pool, bodyIdleTimeoutMs, onPiece };
  }
  send(request, call) {
    return new Promise((resolve, reject) => {
      const Try = request.rpc === void 0 ? Http2Try : GrpcTry;
      new Try(request, call, this.#peer, this.#tryOptions, resolve, reject).start();
    });
  }
  notifyHung() {
    this.#pool.notifyHung();
  }
  close() {
    return this.#pool.close();
  }
  destroy() {
    return this.#pool.destroy();
  }
};

// wrappers/node/transports.ts
function createTransport(peer, { connection, session, onPiece }) {
  const { host, port, protocol } = peer.node;
  return protocol === void 0 ? new Http1Transport(peer, { host, port, ...connection, onPiece }) : new Http2Transport(peer, { host, port, ...session, onPiece });
}

// wrappers/node/upstream-peer.ts
var UpstreamPeer = class {
  node;
  address;
  #options;
  #transport = void 0;
  #circuit = void 0;
  #disposed = false;
  inFlight = 0;
  requests = 0;
  failures = 0;
  timeouts = 0;
  health = "unchecked";
  isAvoided = false;
  warmingSince = void 0;
  lastCounted = void 0;
  sessions = void 0;
  #wrongProtocol = void 0;
  constructor(node, options) {
    this.node = node;
    this.address = addressOf(node);
    this.#options = options;
  }
  get wrongProtocol() {
    return this.#wrongProtocol;
  }
  set wrongProtocol(reason) {
    const isNews = reason !== void 0 && reason !== this.#wrongProtocol;
    this.#wrongProtocol = reason;
    if (isNews) this.#options.onWrongProtocol?.(this, reason);
  }
  get transport() {
    this.#transport ??= this.#createTransport();
    return this.#transport;
  }
  get circuit() {
    this.#circuit ??= this.#createCircuit();
    return this.#circuit;
  }
  get breaker() {
    return this.#circuit?.state ?? "closed";
  }
  /** Whether the node accepts no connections, so that its breaker is not closed. */
  get isUnreachable() {
    return this.#circuit?.isUnreachable ?? false;
  }
  /** Recent tries that got a good answer. */
  get passed() {
    return this.#circuit?.passed ?? 0;
  }
  /** Recent tries that count against the node. */
  get failed() {
    return this.#circuit?.failed ?? 0;
  }
  get retryInMs() {
    return this.#circuit?.retryInMs ?? 0;
  }
  available() {
    if (this.node.weight === 0 || this.isAvoided) return false;
    return this.#circuit === void 0 || this.#circuit.admits();
  }
  recover() {
    this.#circuit?.recover();
  }
  readmit() {
    if (this.node.weight === 0 || this.isAvoided) return false;
    return this.#circuit?.readmit() ?? false;
  }
  /** Moves every request that waits for an answer of this node to another node, if it may be repeated. */
  rerouteWaiting() {
    this.#transport?.notifyHung();
  }
  dispose() {
    this.#disposed = true;
    void this.#transport?.close().finally(() => this.#circuit?.close());
    if (!this.#transport) this.#circuit?.close();
  }
  #createCircuit() {
    const { circuit, onBreaker, mayEject, failingOf } = this.#options;
    const { service } = this.node;
    return new CircuitBreaker(
      () => circuit(service),
      {
        onChange: (state, reason) => {
          if (state === "closed") this.warmingSince = performance.now();
          onBreaker(this, state, reason);
        },
        mayOpen: (evidence) => mayEject?.(this, evidence) ?? true
      },
      failingOf?.(service, laneOf(this.node))
    );
  }
  #createTransport() {
    const transport = createTransport(this, this.#options);
    if (this.#disposed) void transport.close();
    return transport;
  }
};
function chosenPeer(call) {
  return call.peer;
}
function createDispatch() {
  return (request, call) => chosenPeer(call).transport.send(request, call);
}
function createCircuitBreaker() {
  return (next) => (request, call) => chosenPeer(call).circuit.fire(next, request, call);
}

// cmd/gateway/node-table.ts
var BREAKER_MESSAGES = {
  closed: "breaker closed",
  "half-open": "breaker half-opened",
  open: "breaker opened"
};
function createNodeTable(options) {
  const { config, rules, guard, sessionCounts, logger, onPiece } = options;
  const { connectionsPerNode, http2, ...upstream } = config.upstream;
  const connection = {
    ...upstream,
    maxConnections: connectionsPerNode ?? void 0,
    allows: guard.allows
  };
  const session = {
    ...upstream,
    ...http2,
    maxSessions: http2.connectionsPerNode ?? void 0,
    streamsPerSession: http2.streamsPerConnection,
    counts: sessionCounts,
    allows: guard.allows
  };
  const nodes = new NodeTable(
    (node) => new UpstreamPeer(node, {
      ...{ connection, session, onPiece },
      circuit: circuitOf,
      failingOf: (service, lane) => nodes.get(service, lane)?.failing,
      onBreaker: (peer, breaker, reason) => {
        const { service, id } = peer.node;
        logger.info({ service, node: id, breaker, reason }, BREAKER_MESSAGES[breaker]);
        if (reason === "no answer") rerouteWaiting(peer, othersOf(peer)?.peers ?? []);
      },
      mayEject: (peer, evidence) => {
        const circuit = circuitOf(peer.node.service);
        const reason = findObjection(peer, othersOf(peer)?.peers ?? [], evidence, circuit);
        if (reason) logObjection(peer, reason, circuit.windowMs);
        return reason === void 0;
      },
      onWrongProtocol({ node: node2 }, reason) {
        const { service, id, protocol = "http" } = node2;
        logger.warn({ service, node: id, protocol, reason }, "node speaks another protocol");
      }
    })
  );
  const circuitOf = (service) => rules.circuitOf(service);
  const othersOf = ({ node }) => nodes.get(node.service, laneOf(node));
  const loggedAt = /* @__PURE__ */ new WeakMap();
  const logObjection = (peer, reason, periodMs) => {
    const others = othersOf(peer);
    const now2 = performance.now();
    if (!others || now2 - (loggedAt.get(others) ?? Number.NEGATIVE_INFINITY) < periodMs) return;
    loggedAt.set(others, now2);
    logger.info({ service: peer.node.service, node: peer.node.id, reason }, "node not ejected");
  };
  return nodes;
}

export {
  createTrustedProxies,
  createAddressRanges,
  realAddress,
  addressIn,
  plainAddress,
  canonicalAddress,
  addressGroup,
  createRequestHeadReader,
  FLOOD_LIMITS,
  CLIENT_PREFACE,
  Http2Stream,
  isInterim,
  MAX_STREAM_ID,
  Http2Connection,
  readRequestFields,
  readResponseFields,
  checkTrailerFields,
  isFailedAnswer,
  openSocket,
  createSessionCounts,
  pushbackMs,
  isUnwanted,
  isRepeatable,
  isHedgeable,
  keepsBody,
  asAnswer,
  CircuitOpenError,
  createDispatch,
  createCircuitBreaker,
  rerouteWaiting,
  unusedRules,
  LiveRules,
  createNodeGuard,
  createNodeTable
};
