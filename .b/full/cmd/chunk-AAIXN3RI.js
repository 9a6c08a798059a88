import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  GRPC_STATUS,
  grpcStatusOfError,
  grpcStatusOfReset,
  parseGrpcStatus
} from "./chunk-X7I5JA7V.js";
import {
  getHeader
} from "./chunk-4QJQ3U3V.js";
import {
  GatewayError,
  QuietError
} from "./chunk-W6G3N2K2.js";

// internal/upstream-failure.ts
var UpstreamFailure = class extends QuietError {
  name = "UpstreamFailure";
  kind;
  /**
   * Whether the broken connection had carried answers before, so that the node may have closed it while it was idle.
   */
  staleConnection;
  /** Method and target of the request that was sent, `GET /path?query`. Set by the transport. */
  requestLine = void 0;
  /**
   * Whether this is a timeout of which the client chose a shorter time than the route gives a node, so that it says
   * nothing about the node.
   */
  isClientsTimeout = false;
  constructor(kind, cause, staleConnection = false) {
    super(`upstream ${kind}`, { cause });
    this.kind = kind;
    this.staleConnection = staleConnection;
  }
};

// internal/call.ts
var Call = class _Call {
  requestId;
  method;
  /** The target in canonical form, including the query, but without a token in the query. */
  target;
  /** Milliseconds on the monotonic clock. */
  startedAt;
  route = void 0;
  identity = void 0;
  /** Whether `identity` was made from the Authorization header that the node receives. */
  isAuthorizationChecked = false;
  /** The version of HTTP that the client speaks. */
  http = "1.1";
  /** The client's address; behind trusted proxies, the address that they report. */
  clientAddress = void 0;
  /** The peer of the last try. */
  peer = void 0;
  /** Peers that failed this call, in order. */
  tried = NONE_TRIED;
  /** Tries begun. */
  attempts = 0;
  /** Tries that came before the present one and that a node may have acted on. */
  previousTries = 0;
  /** When a gRPC call must be over, which its node is told, milliseconds on the monotonic clock; undefined = no deadline. */
  deadlineAt = void 0;
  /** From the first try to the head of the answer, milliseconds; -1 until then. */
  upstreamMs = -1;
  /** Whether the client's connection has switched to another protocol. */
  upgraded = false;
  /** Whether a fallback answered. */
  degraded = false;
  /** The policy that refused the request, for the log. */
  policy = void 0;
  /** Policies that would have refused it if they were enforced, for the log. */
  observed = void 0;
  /** The code of the error that the client received, for the access log. */
  errorCode = void 0;
  /** The method of a gRPC call, `package.Service/Method`. */
  rpc = void 0;
  /** The status with which a gRPC call ended, as its client got it. */
  grpcStatus = void 0;
  /** Whether a plain HTTP request became a gRPC call. */
  isTranscoded = false;
  /** The failure behind `errorCode`, which only the log shows. */
  failure = void 0;
  /** The limiter that counts this call. Its `release` must be called when the answer has ended. */
  limiter = void 0;
  /** Set once the call is ended; no further try may begin. */
  ended = void 0;
  /** The try in flight. The try sets it, and clears it at its end. */
  current = void 0;
  constructor(requestId, method, target, startedAt) {
    this.requestId = requestId;
    this.method = method;
    this.target = target;
    this.startedAt = startedAt;
  }
  /** Ends the call: the try in flight is cancelled with `reason`, and no further one begins. */
  end(reason) {
    if (this.ended) return;
    this.ended = reason;
    this.current?.cancel(reason);
  }
  /** Makes a copy for a concurrent try of this call, which has a node and an end of its own. */
  fork() {
    const own = new _Call(this.requestId, this.method, this.target, this.startedAt);
    return Object.assign(own, this, {
      tried: [...this.tried],
      attempts: 0,
      peer: void 0,
      current: void 0
    });
  }
  /** Notes that `peer` failed this call, so that it is not chosen again. */
  exclude(peer) {
    if (this.tried === NONE_TRIED) this.tried = [peer];
    else this.tried.push(peer);
  }
};
var NONE_TRIED = [];

// internal/grpc/content-type.ts
var GRPC = /^application\/grpc(?:-(web(?:-text)?))?(?:[+;][^,]*)?$/i;
var LETTER_AT = "application/".length;
var CASE_BIT = 32;
var LETTER_G = 103;
function grpcDialectOf(contentType) {
  if ((contentType.charCodeAt(LETTER_AT) | CASE_BIT) !== LETTER_G) return void 0;
  const found = GRPC.exec(contentType);
  if (found === null) return void 0;
  return found[1]?.toLowerCase() ?? "grpc";
}
function toGrpcType(webType) {
  return webType.replace(/^application\/grpc-web(?:-text)?/i, "application/grpc");
}
function toWebType(grpcType, dialect) {
  return grpcType.replace(/^application\/grpc/i, `application/grpc-${dialect}`);
}

// internal/http2/frames.ts
var FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9
};
var FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 };
var ERROR = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13
};
var SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6
};
var MAX_FRAME_BYTES = 16384;
var HEADER_BYTES = 9;
var Http2Error = class extends QuietError {
  name = "Http2Error";
  /** One of ERROR, for RST_STREAM or GOAWAY. */
  code;
  /** The stream that fails; 0 = the whole connection. */
  streamId;
  constructor(code, message, streamId = 0) {
    super(message);
    this.code = code;
    this.streamId = streamId;
  }
};
var FrameReader = class {
  #maxFrameBytes;
  #onFrame;
  /** A frame that has not arrived completely. There is room for all of it once its header has arrived. */
  #partial = NOTHING;
  /** The number of bytes that `#partial` holds. */
  #held = 0;
  /** @param maxFrameBytes the longest payload that is accepted: the SETTINGS_MAX_FRAME_SIZE that we announced */
  constructor(maxFrameBytes, onFrame) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
  }
  /** Whether all bytes so far were whole frames. */
  get isBetweenFrames() {
    return this.#held === 0;
  }
  /**
   * Reads the bytes that have arrived, which may be overwritten once this returns.
   *
   * @throws Http2Error FRAME_SIZE_ERROR when a frame is too long. The connection is then over.
   */
  push(bytes) {
    const size = bytes.length;
    let at = this.#held > 0 ? this.#completePartial(bytes) : 0;
    while (size - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + this.#payloadLength(bytes, at);
      if (end > size) break;
      this.#emit(bytes, at, end);
      at = end;
    }
    if (at < size) this.#hold(bytes, at);
  }
  #payloadLength(bytes, at) {
    const length = bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2];
    if (length > this.#maxFrameBytes) throw new Http2Error(ERROR.frameSizeError, "a frame is too long");
    return length;
  }
  #emit(bytes, at, end) {
    this.#onFrame(bytes[at + 3], bytes[at + 4], readUint31(bytes, at + 5), bytes, at + HEADER_BYTES, end);
  }
  #hold(bytes, from) {
    const size = bytes.length - from;
    this.#partial = roomFor(HEADER_BYTES + (size >= HEADER_BYTES ? this.#payloadLength(bytes, from) : 0));
    bytes.copy(this.#partial, 0, from);
    this.#held = size;
  }
  /** @returns the index behind the bytes that belong to the frame */
  #completePartial(bytes) {
    let used = 0;
    if (this.#held < HEADER_BYTES) {
      used = this.#take(bytes, 0, HEADER_BYTES);
      if (this.#held < HEADER_BYTES) return used;
      const whole = roomFor(HEADER_BYTES + this.#payloadLength(this.#partial, 0));
      this.#partial.copy(whole, 0, 0, HEADER_BYTES);
      this.#partial = whole;
    }
    const frame = this.#partial;
    const length = HEADER_BYTES + this.#payloadLength(frame, 0);
    used = this.#take(bytes, used, length);
    if (this.#held === length) {
      this.#partial = NOTHING;
      this.#held = 0;
      this.#emit(frame, 0, length);
      if (frame.length === LARGE_BYTES && spare.length < MAX_SPARE) spare.push(frame);
    }
    return used;
  }
  /** Copies bytes to `#partial` until it holds `wanted` bytes or `bytes` ends. Returns the index behind them. */
  #take(bytes, from, wanted) {
    const to = Math.min(from + wanted - this.#held, bytes.length);
    this.#held += bytes.copy(this.#partial, this.#held, from, to);
    return to;
  }
};
var NOTHING = Buffer.alloc(0);
var MIN_LARGE_BYTES = 4096;
var LARGE_BYTES = HEADER_BYTES + MAX_FRAME_BYTES;
var MAX_SPARE = 16;
var spare = [];
function roomFor(bytes) {
  if (bytes < MIN_LARGE_BYTES || bytes > LARGE_BYTES) return Buffer.allocUnsafe(bytes);
  return spare.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES);
}
function readUint31(bytes, at) {
  return (bytes[at] & 127) << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
}

// internal/grpc/percent.ts
var PLAIN = /^[\x20-\x24\x26-\x7e]*$/;
var SPECIAL_BYTE = /[^\x20-\x24\x26-\x7e]/g;
var ESCAPE = /%([0-9a-f]{2})/gi;
function encodeGrpcMessage(text) {
  if (PLAIN.test(text)) return text;
  const bytes = Buffer.from(text, "utf8").toString("latin1");
  return bytes.replace(
    SPECIAL_BYTE,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`
  );
}
function decodeGrpcMessage(value) {
  if (PLAIN.test(value)) return value;
  const bytes = value.replace(ESCAPE, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}

// internal/grpc/grpc-end.ts
function readGrpcEnd(lines) {
  const value = getHeader(lines, "grpc-status");
  if (value === void 0)
    return endWith(lines, GRPC_STATUS.UNKNOWN, "the service ended the call without a status");
  if (isRepeated(lines)) throw new Http2Error(ERROR.protocolError, "the answer has more than one grpc-status");
  const status = parseGrpcStatus(value);
  if (status !== void 0) return { status, lines };
  const end = endWith(lines, GRPC_STATUS.UNKNOWN, getHeader(lines, "grpc-message"));
  return { ...end, problem: `grpc-status ${JSON.stringify(value.slice(0, 40))}` };
}
function endOfFailure(failure) {
  const [status, message] = statusOfFailure(failure);
  return brokenGrpcEnd(status, message);
}
function brokenGrpcEnd(status, message) {
  return { status, lines: statusLines(status, encodeGrpcMessage(message)), problem: message };
}
function statusOfFailure({ kind, cause }) {
  if (cause instanceof GatewayError) return [grpcStatusOfError(cause.code), cause.message];
  if (kind === "timeout") return [GRPC_STATUS.DEADLINE_EXCEEDED, "the service did not answer in time"];
  if (kind === "invalid") return [GRPC_STATUS.INTERNAL, "the answer of the service is not valid HTTP/2"];
  const status = resetStatusOf(cause);
  return status === void 0 ? [GRPC_STATUS.UNAVAILABLE, "the service ended the connection"] : [status, "the service reset the call"];
}
function resetStatusOf(error) {
  return error instanceof Http2Error && error.streamId !== 0 ? grpcStatusOfReset(error.code) : void 0;
}
function endWith(lines, status, message) {
  const others = [];
  for (let i = 0; i < lines.length; i += 2) {
    if (!OF_STATUS.has(lines[i].toLowerCase())) others.push(lines[i], lines[i + 1]);
  }
  return { status, lines: [...others, ...statusLines(status, message)], problem: message };
}
var OF_STATUS = /* @__PURE__ */ new Set(["grpc-status", "grpc-message"]);
function statusLines(status, message) {
  const lines = ["grpc-status", String(status)];
  if (message !== void 0) lines.push("grpc-message", message);
  return lines;
}
function isRepeated(lines) {
  let count = 0;
  for (let i = 0; i < lines.length; i += 2) {
    if (lines[i].toLowerCase() === "grpc-status") count++;
  }
  return count > 1;
}

export {
  UpstreamFailure,
  Call,
  grpcDialectOf,
  toGrpcType,
  toWebType,
  FRAME,
  FLAG,
  ERROR,
  SETTING,
  MAX_FRAME_BYTES,
  Http2Error,
  FrameReader,
  readUint31,
  encodeGrpcMessage,
  decodeGrpcMessage,
  readGrpcEnd,
  endOfFailure,
  brokenGrpcEnd,
  resetStatusOf
};
