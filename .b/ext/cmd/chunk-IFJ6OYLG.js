import {
  silentLogger
} from "./chunk-2SPISB4N.js";
import {
  decodePem
} from "./chunk-MD4L36BR.js";
import {
  addressOf
} from "./chunk-ZOIAUEOT.js";

// discovery/etcd/endpoint-url.ts
function parseEndpoint(url) {
  const match = /^(?:(https?):\/\/)?(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@?#[\]]+))(?::(\d{1,5}))?\/?$/.exec(
    url.trim()
  );
  if (!match) throw new TypeError("an etcd endpoint must be http(s)://host:port, without a path or user info");
  const [, protocol = "http", v6, name = "", port = "2379"] = match;
  return { url, secure: protocol === "https", host: v6 ?? name, port: Number(port) };
}
function isLoopbackHost(host) {
  return /^127(\.\d{1,3}){3}$/.test(host) || host === "::1" || /^(?:[^.]+\.)*localhost\.?$/i.test(host);
}

// discovery/etcd/client.ts
import { ChannelCredentials as ChannelCredentials3, InterceptingCall as InterceptingCall2 } from "@grpc/grpc-js";
import { handleWhen, retry } from "cockatiel";
import { Etcd3, GRPCDeadlineExceededError as GRPCDeadlineExceededError2, isRecoverableError as isRecoverableError2 } from "etcd3";

// discovery/etcd/auth-interceptor.ts
import {
  InterceptingCall,
  Metadata,
  status
} from "@grpc/grpc-js";

// discovery/etcd/etcd-errors.ts
import { GRPCNotImplementedError } from "etcd3";
var STATUS_PREFIX = /^\d+ [A-Z_]+: /;
var GO_PREFIX = /^rpc error: code = \w+ desc = /;
var OPENSSL_ERROR = /[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]*):[^\n]*\n?/;
var TIME = / *\(\d{4}-\d\d-\d\dT[\d:.]+Z\)/g;
var EMPTY_NOTE = /\.? *Resolution note: *$/;
var CLIENT_CERTIFICATE = /alert (?:bad certificate|certificate required|unknown ca)/;
function plainReason(message) {
  return message.replace(STATUS_PREFIX, "").replace(GO_PREFIX, "").replace(/^etcdserver: /, "");
}
function connectionReason(message) {
  const reason = message.replace(OPENSSL_ERROR, "$1").replace(TIME, "").replace(EMPTY_NOTE, "").trim();
  return CLIENT_CERTIFICATE.test(reason) ? `${reason} (etcd requires a client certificate from an authority it trusts)` : reason;
}
var TOKEN_ERRORS = ["invalid auth token", "revision of auth store is old", "user name is empty"];
var NOT_ENABLED = "authentication is not enabled";
var NO_TOKEN_MESSAGE = "no token from etcd";
function isTokenError(details) {
  return TOKEN_ERRORS.some((text) => details.includes(`etcdserver: ${text}`));
}
function hasNoUsers(error) {
  return error instanceof GRPCNotImplementedError || error instanceof Error && error.message.includes(NOT_ENABLED);
}
function isNoToken(error) {
  return error.message.includes(NO_TOKEN_MESSAGE);
}

// discovery/etcd/auth-interceptor.ts
var AUTHENTICATE = "/etcdserverpb.Auth/Authenticate";
var PATIENCE_MS = 1e3;
var RESERVE_MS = 250;
function createAuthInterceptor(tokens) {
  return (options, nextCall) => new InterceptingCall(
    options.method_definition.path === AUTHENTICATE ? nextCall(options) : new AuthenticatedCall(options, nextCall, tokens)
  );
}
var AuthenticatedCall = class {
  #options;
  #nextCall;
  #tokens;
  #isRepeatable;
  #waiting = new AbortController();
  #metadata = new Metadata();
  #listener;
  #call;
  #kept = [];
  #tries = 0;
  #isOver = false;
  constructor(options, nextCall, tokens) {
    this.#options = options;
    this.#nextCall = nextCall;
    this.#tokens = tokens;
    const { requestStream, responseStream } = options.method_definition;
    this.#isRepeatable = !requestStream && !responseStream;
  }
  start(metadata, listener) {
    this.#metadata = metadata;
    this.#listener = listener;
    this.#begin();
  }
  sendMessage(message) {
    this.#do((call) => call.sendMessage(message));
  }
  sendMessageWithContext(context, message) {
    this.#do((call) => call.sendMessageWithContext(context, message));
  }
  startRead() {
    this.#do((call) => call.startRead());
  }
  halfClose() {
    this.#do((call) => call.halfClose());
  }
  cancelWithStatus(code, details) {
    if (this.#call) this.#call.cancelWithStatus(code, details);
    else queueMicrotask(() => this.#end({ code, details, metadata: new Metadata() }));
  }
  getPeer() {
    return this.#call?.getPeer() ?? "unknown";
  }
  getAuthContext() {
    return this.#call?.getAuthContext() ?? null;
  }
  #do(action) {
    if (this.#isRepeatable || !this.#call) this.#kept.push(action);
    if (this.#call) action(this.#call);
  }
  #begin() {
    const { present } = this.#tokens;
    if (present) {
      this.#make(present);
      return;
    }
    const deadline = this.#options.deadline ?? Number.POSITIVE_INFINITY;
    const patienceMs = Math.min(PATIENCE_MS, Number(deadline) - Date.now() - RESERVE_MS);
    this.#tokens.get(patienceMs, this.#waiting.signal).then(
      (credential) => {
        if (!this.#isOver) this.#make(credential);
      },
      (error) => {
        const code = error.unreachable ? status.UNAVAILABLE : status.UNAUTHENTICATED;
        this.#end({ code, details: error.message, metadata: new Metadata() });
      }
    );
  }
  #make(credential) {
    this.#tries++;
    const metadata = this.#metadata.clone();
    if (credential.token !== void 0) metadata.set("token", credential.token);
    let call;
    try {
      call = this.#nextCall(this.#options);
    } catch (error) {
      const details = error.message;
      this.#end({ code: status.UNAVAILABLE, details, metadata: new Metadata() });
      return;
    }
    this.#call = call;
    call.start(metadata, {
      onReceiveMetadata: (received) => this.#listener?.onReceiveMetadata?.(received),
      onReceiveMessage: (message) => this.#listener?.onReceiveMessage?.(message),
      onReceiveStatus: (received) => this.#onStatus(received, credential)
    });
    for (const action of this.#kept) action(call);
    if (!this.#isRepeatable) this.#kept = [];
  }
  #onStatus(received, credential) {
    if (received.code === status.OK || !isTokenError(received.details)) {
      this.#end(received);
      return;
    }
    this.#tokens.forget(credential);
    if (this.#isRepeatable && this.#tries === 1) {
      this.#call = void 0;
      this.#begin();
      return;
    }
    this.#end({ ...received, details: `etcd: ${plainReason(received.details)}` });
  }
  #end(received) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting.abort();
    this.#kept = [];
    this.#listener?.onReceiveStatus?.(received);
  }
};

// discovery/etcd/auth-tokens.ts
import { isRecoverableError } from "etcd3";

// discovery/etcd/clock.ts
var systemClock = {
  now: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  }
};
function sleep(clock, delayMs, signal) {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal.addEventListener("abort", done, { once: true });
  });
}
var BACKOFF_BASE_MS = 100;
var BACKOFF_CAP_MS = 3e3;
function jitteredBackoffMs(attempt, random, capMs = BACKOFF_CAP_MS) {
  return random() * Math.min(capMs, BACKOFF_BASE_MS * 2 ** attempt);
}

// discovery/etcd/auth-tokens.ts
var NoTokenError = class extends Error {
  /** True when etcd did not answer; false when it answered and refused a token. */
  unreachable;
  constructor(reason, { unreachable = false, cause } = {}) {
    super(`${NO_TOKEN_MESSAGE}${reason}`, { cause });
    this.unreachable = unreachable;
  }
};
var FIRST_PAUSE_MS = 250;
var LONGEST_PAUSE_MS = 1e3;
var YOUNG_MS = 1e3;
var AuthTokens = class {
  #user;
  #authenticate;
  #logger;
  #clock;
  #random;
  #credential;
  #givenAt = 0;
  #asking;
  #refusal = new NoTokenError("");
  #refusals = 0;
  #notBefore = Number.NEGATIVE_INFINITY;
  #hasUsers = true;
  constructor(options) {
    this.#user = options.user;
    this.#authenticate = options.authenticate;
    this.#logger = options.logger ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
  }
  /** The current credential; undefined when there is none yet. */
  get present() {
    return this.#credential;
  }
  /**
   * Returns the current credential, or requests one when there is none.
   *
   * @param patienceMs how long to wait for a pause to end
   * @throws NoTokenError when etcd gave no token, or when a pause takes longer than `patienceMs`
   */
  async get(patienceMs, signal) {
    const until = this.#clock.now() + patienceMs;
    for (; ; ) {
      if (this.#credential) return this.#credential;
      const now = this.#clock.now();
      if (this.#notBefore <= now) {
        this.#asking ??= this.#ask();
        await this.#asking;
      } else if (until <= now || signal.aborted) {
        throw this.#refusal;
      } else {
        await sleep(this.#clock, Math.min(this.#notBefore, until) - now, signal);
      }
    }
  }
  /** Discards `credential`, because etcd has rejected it. */
  forget(credential) {
    if (credential !== this.#credential) return;
    this.#credential = void 0;
    if (this.#clock.now() - this.#givenAt > YOUNG_MS) this.#refusals = 0;
    else this.#pause(new NoTokenError(": it rejects the tokens that it issues"));
  }
  async #ask() {
    try {
      this.#credential = { token: await this.#authenticate() };
      this.#setHasUsers(true);
    } catch (error) {
      if (!hasNoUsers(error)) throw this.#translate(error);
      this.#credential = { token: void 0 };
      this.#setHasUsers(false);
    } finally {
      this.#givenAt = this.#clock.now();
      this.#asking = void 0;
    }
  }
  #translate(cause) {
    const unreachable = isRecoverableError(cause);
    const reason = ` for user ${JSON.stringify(this.#user)}: ${plainReason(cause.message)}`;
    const error = new NoTokenError(reason, { unreachable, cause });
    if (!unreachable) this.#pause(error);
    return error;
  }
  #pause(refusal) {
    this.#refusal = refusal;
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#refusals++);
    this.#notBefore = this.#clock.now() + longest * (0.5 + this.#random() / 2);
  }
  #setHasUsers(hasUsers) {
    if (hasUsers === this.#hasUsers) return;
    this.#hasUsers = hasUsers;
    const about = { user: this.#user };
    if (hasUsers) this.#logger.info(about, "etcd authentication was enabled; using a token");
    else this.#logger.warn(about, "etcd authentication is not enabled; continuing without a token");
  }
};

// discovery/etcd/endpoint-choice.ts
import { Stream } from "node:stream";
import { noop } from "cockatiel";
import { GRPCCancelledError, GRPCDeadlineExceededError, GRPCUnavailableError } from "etcd3";
var DOUBT_MS = 3e4;
var NEVER = Number.NEGATIVE_INFINITY;
var EndpointChoice = class {
  #clock;
  /** When to use each endpoint again; `NEVER` when it is not being avoided. */
  #doubtedUntil = /* @__PURE__ */ new Map();
  constructor(endpoints, clock = systemClock) {
    this.#clock = clock;
    for (const endpoint of endpoints) this.#doubtedUntil.set(endpoint, NEVER);
  }
  /** Returns the policy that etcd3 applies to the calls to one endpoint, as `faultHandling.host`. */
  policyOf(endpoint) {
    return {
      _altReturn: void 0,
      onSuccess: noop.onSuccess,
      onFailure: noop.onFailure,
      execute: async (call, signal = new AbortController().signal) => {
        if (this.#hasBetter(endpoint)) throw new Error("avoiding an etcd member that did not answer");
        try {
          const result = await call({ signal });
          if (!(result instanceof Stream)) this.#doubtedUntil.set(endpoint, NEVER);
          return result;
        } catch (error) {
          if (gaveNoAnswer(error)) this.#doubtedUntil.set(endpoint, this.#clock.now() + DOUBT_MS);
          throw error;
        }
      }
    };
  }
  #hasBetter(endpoint) {
    const doubt = this.#doubtOf(endpoint);
    return [...this.#doubtedUntil.keys()].some((other) => this.#doubtOf(other) < doubt);
  }
  /** Returns a larger value for a later failure, and `NEVER` for one that is long ago. */
  #doubtOf(endpoint) {
    const until = this.#doubtedUntil.get(endpoint) ?? NEVER;
    return until > this.#clock.now() ? until : NEVER;
  }
};
function gaveNoAnswer(error) {
  return (error instanceof GRPCUnavailableError || error instanceof GRPCDeadlineExceededError || // A stream that its caller gave up.
  error instanceof GRPCCancelledError) && // For want of a token, it was another call that got no answer, perhaps from another member.
  !isNoToken(error);
}

// discovery/etcd/handshake-timeout.ts
import { ChannelCredentials } from "@grpc/grpc-js";
var GREETING_MS = 2e3;
var GreetedCredentials = class extends ChannelCredentials {
  #inner;
  #withinMs;
  constructor(inner, withinMs = GREETING_MS) {
    super();
    this.#inner = inner;
    this.#withinMs = withinMs;
  }
  _isSecure() {
    return this.#inner._isSecure();
  }
  _equals(other) {
    return this === other;
  }
  _createSecureConnector(...args) {
    const connector = this.#inner._createSecureConnector(...args);
    return {
      connect: (socket) => {
        giveUpWhenMute(socket, this.#withinMs);
        return connector.connect(socket);
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy()
    };
  }
};
function giveUpWhenMute(socket, withinMs) {
  const timer = setTimeout(() => {
    if (socket.bytesRead === 0) socket.destroy(new Error(`the server sent nothing within ${withinMs} ms`));
  }, withinMs);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
}

// discovery/etcd/tls-credentials.ts
import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import { ChannelCredentials as ChannelCredentials2 } from "@grpc/grpc-js";

// discovery/etcd/tls-files.ts
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
var FIELDS = ["ca", "cert", "key"];
function readTlsFiles(files) {
  const tls = { files };
  for (const field of FIELDS) {
    const file = files[field];
    if (file !== void 0) tls[field] = readPemFile(file);
  }
  return tls;
}
function readPemFile(file) {
  const bytes = readFileSync(file);
  try {
    return decodePem(bytes);
  } catch (error) {
    throw new Error(`${file} ${error.message}`);
  }
}
function isSameTls(one, other) {
  return FIELDS.every((field) => String(one[field]) === String(other[field]));
}
function checkTls(tls) {
  for (const field of FIELDS) {
    const pem = tls[field] === void 0 ? void 0 : String(tls[field]);
    if (pem === void 0) continue;
    const where = tls.files?.[field] ?? `the etcd ${field}`;
    const begun = pem.match(/-----BEGIN /g)?.length ?? 0;
    if (begun === 0) throw new Error(`${where} does not hold PEM`);
    if (begun !== pem.match(/-----END /g)?.length) throw new Error(`${where} is incomplete`);
  }
  const { ca, cert, key } = tls;
  try {
    createSecureContext({ ca, cert, key });
  } catch (error) {
    const where = Object.values(tls.files ?? {}).join(", ") || "the etcd certificates";
    throw new Error(`${where}: ${reasonOf(error)}`);
  }
}
function reasonOf(error) {
  const { code, message } = error;
  return code === "ERR_OSSL_X509_KEY_VALUES_MISMATCH" ? "key values mismatch: the key is not that of the certificate" : message;
}
function staleReason({ cert, files }, now = Date.now()) {
  if (cert === void 0) return void 0;
  const { validFromDate, validToDate } = new X509Certificate(cert);
  const where = files?.cert ?? "the client certificate";
  if (now > validToDate.getTime()) return `${where} expired on ${validToDate.toISOString()}`;
  if (now < validFromDate.getTime()) return `${where} is not valid before ${validFromDate.toISOString()}`;
  return void 0;
}

// discovery/etcd/tls-credentials.ts
var SUFFIX = ".ip-address.invalid";
var EtcdTlsCredentials = class extends ChannelCredentials2 {
  #logger;
  #tls;
  #inner;
  /** The texts that cannot be used and why, so that each is reported once. */
  #rejected = "";
  /** @throws Error when `tls` cannot be used */
  constructor(tls, logger = silentLogger) {
    super();
    this.#logger = logger;
    this.#tls = tls.ca || tls.cert || tls.key ? tls : readTlsFiles(tls.files ?? {});
    this.#inner = createSsl(this.#tls);
  }
  _isSecure() {
    return true;
  }
  _equals(other) {
    return this === other;
  }
  _createSecureConnector(...[target, options, callCredentials]) {
    const host = /^\[?(.*?)\]?:\d+$/.exec(target.path)?.[1] ?? target.path;
    const named = isIP(host) ? { ...options, "grpc.ssl_target_name_override": nameOf(host) } : options;
    const connectorOf = (inner) => inner._createSecureConnector(target, named, callCredentials);
    const first = connectorOf(this.#inner);
    return {
      connect: async (socket) => {
        this.#readAgain();
        const secured = await connectorOf(this.#inner).connect(socket);
        this.#explainAlerts(secured.socket);
        return secured;
      },
      waitForReady: () => first.waitForReady(),
      getCallCredentials: () => first.getCallCredentials(),
      destroy: () => first.destroy()
    };
  }
  /** Takes over what the files hold by now. What cannot be used is reported, and the last good texts stay. */
  #readAgain() {
    const { files } = this.#tls;
    if (!files) return;
    try {
      const tls = readTlsFiles(files);
      if (isSameTls(tls, this.#tls)) return;
      this.#inner = createSsl(tls);
      this.#tls = tls;
      this.#rejected = "";
      this.#logger.info({ files }, "etcd certificates changed; new connections use the new ones");
    } catch (error) {
      const reason = error.message;
      if (reason === this.#rejected) return;
      this.#rejected = reason;
      this.#logger.warn({ reason }, "etcd certificates cannot be used; keeping the last good ones");
    }
  }
  /** Adds to the alert of a server that rejects our certificate what is wrong with its dates, which alerts do not say. */
  #explainAlerts(socket) {
    const tls = this.#tls;
    socket.prependListener("error", (error) => {
      const reason = error.message.includes("alert") ? staleReason(tls) : void 0;
      if (reason !== void 0) error.message += ` (${reason})`;
    });
  }
};
function createSsl(tls) {
  checkTls(tls);
  const [roots, chain, secret] = [tls.ca, tls.cert, tls.key].map(
    (pem) => pem === void 0 ? null : Buffer.from(pem)
  );
  return ChannelCredentials2.createSsl(roots, secret, chain, {
    checkServerIdentity: (name, certificate) => checkServerIdentity(addressIn(name) ?? name, certificate)
  });
}
function useCredentials(client, credentials) {
  const { hosts, authenticator } = client.pool;
  authenticator.credentials = credentials;
  for (const host of hosts) host.channelCredentials = credentials;
}
function nameOf(address) {
  return `${address.replaceAll(".", "-").replaceAll(":", "_")}${SUFFIX}`;
}
function addressIn(name) {
  if (!name.endsWith(SUFFIX)) return void 0;
  return name.slice(0, -SUFFIX.length).replaceAll("-", ".").replaceAll("_", ":");
}

// discovery/etcd/client.ts
var CALL_DEADLINE_MS = 2e3;
var WATCH = "/etcdserverpb.Watch/Watch";
var requireLeader = (options, nextCall) => {
  const call = nextCall(options);
  if (options.method_definition.path !== WATCH) return new InterceptingCall2(call);
  return new InterceptingCall2(call, {
    start(metadata, listener, next) {
      metadata.set("hasleader", "true");
      next(metadata, listener);
    }
  });
};
function createEtcdClient(options) {
  const hosts = options.endpoints.map(normalizeEndpoint);
  if (hosts.length === 0) throw new TypeError("etcd needs at least one endpoint");
  const secure = hosts.filter((host) => host.startsWith("https:")).length;
  if (secure > 0 && secure < hosts.length) {
    throw new TypeError("etcd endpoints must be all http or all https");
  }
  const interceptors = [requireLeader];
  const choice = new EndpointChoice(hosts);
  const config = {
    hosts,
    grpcOptions: {
      interceptors,
      // etcd answers with GOAWAY when pings are less than 5 s apart.
      "grpc.keepalive_time_ms": 1e4,
      "grpc.keepalive_timeout_ms": 3e3,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.min_reconnect_backoff_ms": 100,
      // An etcd that comes back must be found within a second, including the waits of the callers.
      "grpc.max_reconnect_backoff_ms": 200,
      // A page of large values or the backlog of a watch can exceed the default of 4 MiB.
      "grpc.max_receive_message_length": -1
    },
    // This is a function because an object would give all later calls the same point in time as their
    // deadline.
    defaultCallOptions: (call) => call.isStream ? {} : { deadline: Date.now() + CALL_DEADLINE_MS },
    faultHandling: {
      // Replaces etcd3's own circuit breaker, which refuses calls for seconds after etcd has recovered.
      host: (endpoint) => choice.policyOf(endpoint),
      global: retry(handleWhen(isWorthAnotherMember), { maxAttempts: hosts.length })
    }
  };
  if (options.tls && secure === 0) {
    throw new TypeError("etcd has TLS files but http endpoints; use https:// endpoints");
  }
  const credentials = secure > 0 ? new EtcdTlsCredentials(checkPair(options.tls ?? {}), options.logger) : ChannelCredentials3.createInsecure();
  const client = new Etcd3(config);
  useCredentials(client, new GreetedCredentials(credentials));
  const { user, password = "", logger } = options;
  if (user !== void 0) {
    const authenticate = async () => (await client.auth.authenticate({ name: user, password })).token;
    interceptors.push(createAuthInterceptor(new AuthTokens({ user, authenticate, logger })));
  }
  return client;
}
function isWorthAnotherMember(error) {
  return isRecoverableError2(error) && !(error instanceof GRPCDeadlineExceededError2) && !isNoToken(error);
}
function checkPair(tls) {
  for (const { cert, key } of [tls, tls.files ?? {}]) {
    if (cert === void 0 !== (key === void 0)) {
      throw new TypeError("an etcd client certificate and its key must be given together");
    }
  }
  return tls;
}
function normalizeEndpoint(endpoint) {
  const { secure, ...place } = parseEndpoint(endpoint);
  return `${secure ? "https" : "http"}://${addressOf(place)}`;
}

export {
  plainReason,
  connectionReason,
  TOKEN_ERRORS,
  systemClock,
  sleep,
  jitteredBackoffMs,
  parseEndpoint,
  isLoopbackHost,
  readTlsFiles,
  createEtcdClient
};
