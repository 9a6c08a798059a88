import {
  TranscodePlan,
  createBindings,
  isHttpBody
} from "./chunk-XV4P7UVU.js";
import {
  createWholeResponse,
  refusalOfHttp
} from "./chunk-USB23XUR.js";
import {
  TrailerFilter
} from "./chunk-WTLFIUVA.js";
import {
  pathOf
} from "./chunk-3HIV7SU5.js";
import {
  createSchema,
  readSchema
} from "./chunk-RX5WR6JH.js";
import {
  Reflections
} from "./chunk-EBQP24MT.js";
import {
  AnswerMessages,
  FieldFault,
  WholeBody,
  isJsonObject,
  missingText
} from "./chunk-QZVKOWRW.js";
import {
  brokenGrpcEnd,
  decodeGrpcMessage,
  grpcDialectOf,
  readGrpcEnd
} from "./chunk-DATUFAEC.js";
import {
  GRPC_STATUS,
  GRPC_STATUS_NAMES,
  httpStatusOf
} from "./chunk-BOMLGWJN.js";
import {
  WireFault,
  readWire,
  writeDescriptorSet
} from "./chunk-JTGO5HWO.js";
import "./chunk-QZYF4XD2.js";
import {
  standardTypes
} from "./chunk-UIQRRJEW.js";
import {
  getHeader
} from "./chunk-BN4MFTCA.js";
import {
  GatewayError,
  PROBLEM_CONTENT_TYPE
} from "./chunk-GKCQH2HY.js";

// wrappers/transcode/status-problem.ts
function problemOf({ status, lines }, { decoder, format, requestId }) {
  const code = GRPC_STATUS_NAMES[status] ?? "UNKNOWN";
  const httpStatus = httpStatusOf(status);
  const detail = decodeGrpcMessage(getHeader(lines, "grpc-message") ?? "");
  const details = detailsOf(lines, decoder);
  const retryAfter = retryAfterOf(details);
  if (format === "google") {
    const document = { code: status, message: detail, details };
    return { httpStatus, contentType: "application/json", document, retryAfter };
  }
  return {
    httpStatus,
    contentType: PROBLEM_CONTENT_TYPE,
    document: {
      type: `urn:grpc:status:${code}`,
      title: titleOf(code),
      status: httpStatus,
      code,
      grpcStatus: status,
      detail,
      ...details.length > 0 && { details },
      requestId
    },
    retryAfter
  };
}
function titleOf(code) {
  const words = code.toLowerCase().replaceAll("_", " ");
  return words === "ok" ? "OK" : words.charAt(0).toUpperCase() + words.slice(1);
}
function detailsOf(lines, decoder) {
  const value = getHeader(lines, "grpc-status-details-bin");
  if (value === void 0) return [];
  try {
    const bytes = Buffer.from(value, "base64");
    const status = decoder.decode(standardTypes.getMessage("google.rpc.Status"), bytes);
    return isJsonObject(status) && Array.isArray(status.details) ? status.details : [];
  } catch {
    return [];
  }
}
var RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo";
function retryAfterOf(details) {
  for (const detail of details) {
    if (!isJsonObject(detail) || detail["@type"] !== RETRY_INFO) continue;
    const delay = detail.retryDelay ?? detail.retry_delay;
    const seconds = typeof delay === "string" ? Math.ceil(Number.parseFloat(delay)) : Number.NaN;
    if (seconds >= 0) return seconds;
  }
  return void 0;
}

// wrappers/transcode/answer-json.ts
function isRaw({ output, bodyField }) {
  const message = bodyField ? bodyField.message : output;
  return message !== void 0 && bodyField?.fieldKind !== "list" && isHttpBody(message);
}
function jsonOf(format, bytes) {
  try {
    return textOf(format, bytes);
  } catch (error) {
    if (error instanceof RangeError) throw new WireFault("the message is too large as JSON");
    throw error;
  }
}
function textOf({ output, decoder, bodyField }, bytes) {
  const json = decoder.decode(output, bytes);
  if (bodyField === void 0 || !isJsonObject(json)) return JSON.stringify(json);
  const name = decoder.nameOf(bodyField);
  return JSON.stringify((Object.hasOwn(json, name) ? json[name] : decoder.defaultOf(bodyField)) ?? null);
}
function rawBodyOf({ bodyField }, bytes) {
  const message = bodyField ? lastField(bytes, bodyField.number) : bytes;
  const contentType = lastField(message, 1).toString("latin1");
  return {
    contentType: contentType === "" ? "application/octet-stream" : contentType,
    // The bytes are used again.
    content: Buffer.from(lastField(message, 2))
  };
}
function lastField(bytes, number) {
  return readWire(
    bytes,
    (reader) => {
      let found = NOTHING;
      while (reader.pos < reader.end) {
        const tag = reader.uint32();
        if (tag === number * 8 + 2) found = reader.bytes();
        else reader.skipField(tag);
      }
      return found;
    },
    Number.POSITIVE_INFINITY
  );
}
var NOTHING = Buffer.alloc(0);
function earlyEnd({ grpcStatus, headers, status }) {
  if (grpcDialectOf(getHeader(headers, "content-type") ?? "") !== "grpc")
    return refusalOfHttp(status, headers);
  return grpcStatus === void 0 ? void 0 : readGrpcEnd(headers);
}
function invalidEnd(reason) {
  return brokenGrpcEnd(GRPC_STATUS.INTERNAL, `the service sent an answer that cannot be read: ${reason}`);
}
var BROKEN_OFF = brokenGrpcEnd(GRPC_STATUS.UNAVAILABLE, "the service ended the connection");
function problemAnswer(problem, lines) {
  const headers = [...trailerFieldsOf(lines), "content-type", problem.contentType];
  if (problem.retryAfter !== void 0) headers.push("retry-after", String(problem.retryAfter));
  return createWholeResponse(problem.httpStatus, headers, Buffer.from(JSON.stringify(problem.document)));
}
function failedAnswer(end, format, requestId) {
  return problemAnswer(
    problemOf(end, { decoder: format.decoder, format: format.errors, requestId }),
    end.lines
  );
}
var NOT_METADATA = /^(?:grpc-|content-|x-waygate-|x-request-id$|trailer$|te$|connection$|keep-alive$|upgrade$|transfer-encoding$)/i;
var trailerFilter = new TrailerFilter();
function trailerFieldsOf(lines) {
  return fieldsOf(trailerFilter.fields(lines, void 0) ?? []);
}
function fieldsOf(lines) {
  const fields = [];
  for (let i = 0; i < lines.length; i += 2) {
    if (!NOT_METADATA.test(lines[i])) fields.push(lines[i], lines[i + 1]);
  }
  return fields;
}

// wrappers/transcode/media-types.ts
var FORM = "application/x-www-form-urlencoded";
function unusableBody(headers, call) {
  const encoding = getHeader(headers, "content-encoding");
  if (encoding !== void 0 && encoding.toLowerCase() !== "identity") {
    const detail = `The content-encoding of the body must be identity, not ${encoding.slice(0, 40)}.`;
    return new GatewayError("WG_UNSUPPORTED_MEDIA", { detail, headers: { "accept-encoding": "identity" } });
  }
  const contentType = getHeader(headers, "content-type");
  if (contentType === void 0 || call.takesAnyBody || !call.hasBody) return void 0;
  const { streamsRequest } = call.method;
  const type = contentType.split(";", 1)[0].trim().toLowerCase();
  if (type === "application/json" || type === "application/x-ndjson" && streamsRequest) return void 0;
  if (type === FORM && !isFromBrowser(headers)) return void 0;
  const types = streamsRequest ? "application/x-ndjson or application/json" : "application/json";
  return new GatewayError("WG_UNSUPPORTED_MEDIA", { detail: `The body must be ${types}.` });
}
function isFromBrowser(headers) {
  return getHeader(headers, "origin") !== void 0 || getHeader(headers, "sec-fetch-site") !== void 0;
}
function streamFormatFor(headers, configured) {
  const accept = getHeader(headers, "accept");
  return accept?.split(",").some(isEventStream) ? "sse" : configured;
}
function isEventStream(element) {
  const [type, ...parameters] = element.split(";");
  if (type.trim().toLowerCase() !== "text/event-stream") return false;
  return !parameters.some((parameter) => /^\s*q=0(?:\.0*)?\s*$/i.test(parameter));
}

// wrappers/transcode/metadata.ts
var NOT_METADATA2 = /^(?:accept(?:-.*)?|content-.*|cookie|grpc-.*|te|trailer|expect)$/;
var ASCII = /^[\x20-\x7e]*$/;
var NAME = /^[0-9a-z_.-]+$/;
var BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
function toCallHeaders(lines) {
  const headers = ["content-type", "application/grpc", "grpc-accept-encoding", "identity"];
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i].toLowerCase();
    const value = lines[i + 1];
    if (isMetadata(name, value)) headers.push(name, value);
  }
  return headers;
}
function isMetadata(name, value) {
  if (!NAME.test(name) || NOT_METADATA2.test(name)) return false;
  return name.endsWith("-bin") ? BASE64.test(value) : ASCII.test(value);
}

// internal/byte-collector.ts
var NOTHING2 = Buffer.alloc(0);
var FIRST_BYTES = 4096;
var ByteCollector = class {
  #room = NOTHING2;
  #length = 0;
  /** The bytes that were added since the last `take`. */
  get length() {
    return this.#length;
  }
  /** @param piece is kept and must not change: a single one is not copied */
  add(piece) {
    const length = this.#length + piece.length;
    if (this.#length === 0) this.#room = piece;
    else {
      if (length > this.#room.length) {
        const larger = Buffer.allocUnsafe(Math.max(length, this.#room.length * 2, FIRST_BYTES));
        this.#room.copy(larger, 0, 0, this.#length);
        this.#room = larger;
      }
      piece.copy(this.#room, this.#length);
    }
    this.#length = length;
  }
  /** Returns the bytes, and begins anew. */
  take() {
    const bytes = this.#room.subarray(0, this.#length);
    this.#room = NOTHING2;
    this.#length = 0;
    return bytes;
  }
};

// wrappers/transcode/request-body.ts
function readWholeBody(body, maxBytes, call) {
  if (body.length !== void 0 && body.length > maxBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const collected = new ByteCollector();
    const reading = {
      cancel(reason) {
        flow.stop();
        fail(reason.kind === "timeout" ? new GatewayError("WG_REQUEST_TIMEOUT", { cause: reason }) : reason);
      }
    };
    const fail = (error) => {
      if (call.current === reading) call.current = void 0;
      reject(error);
    };
    const flow = body.open({
      onData(chunk) {
        if (collected.length + chunk.length <= maxBytes) {
          collected.add(chunk);
          return;
        }
        flow.stop();
        fail(tooLarge());
      },
      onEnd() {
        if (call.current === reading) call.current = void 0;
        resolve(collected.take());
      },
      onError: fail
    });
    call.current = reading;
    flow.resume();
  });
}
function tooLarge() {
  return new GatewayError("WG_BODY_TOO_LARGE");
}
var NEWLINE = 10;
var LinesBody = class {
  #body;
  #options;
  constructor(body, options) {
    this.#body = body;
    this.#options = options;
  }
  get begun() {
    return this.#body.begun;
  }
  get awaitsContinue() {
    return this.#body.awaitsContinue;
  }
  open(sink) {
    const flow = this.#body.open(new LinesSink(sink, this.#options, () => flow.stop()));
    return flow;
  }
};
var LinesSink = class {
  #sink;
  #options;
  #stop;
  /** The line whose end has not come. */
  #held = new ByteCollector();
  #isOver = false;
  constructor(sink, options, stop) {
    this.#sink = sink;
    this.#options = options;
    this.#stop = stop;
  }
  onData(chunk) {
    if (this.#isOver) return;
    const messages = [];
    let from = 0;
    try {
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
        this.#hold(chunk.subarray(from, end));
        this.#take(messages);
        from = end + 1;
      }
      this.#hold(chunk.subarray(from));
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (messages.length > 0) this.#sink.onData(messages.length === 1 ? messages[0] : Buffer.concat(messages));
  }
  onEnd() {
    if (this.#isOver) return;
    const messages = [];
    try {
      this.#take(messages);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#isOver = true;
    if (messages.length > 0) this.#sink.onData(messages[0]);
    this.#sink.onEnd();
  }
  onError(error) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.onError(error);
  }
  #hold(piece) {
    if (this.#held.length + piece.length > this.#options.maxLineBytes) throw tooLarge();
    this.#held.add(piece);
  }
  /** Encodes the held line, unless it is blank. */
  #take(messages) {
    const line = this.#held.take();
    if (!line.every(isWhitespace)) messages.push(this.#options.encode(line));
  }
  #fail(error) {
    this.#isOver = true;
    if (error instanceof GatewayError) this.#options.onRefused?.(error);
    this.#stop();
    this.#sink.onError(error);
  }
};
function isWhitespace(byte) {
  return byte === 32 || byte === 9 || byte === 13;
}

// wrappers/transcode/stream-formats.ts
var NDJSON = {
  contentType: "application/x-ndjson",
  message: (json) => `${json}
`,
  end: () => "",
  failure: (problem) => `{"@error":${problem}}
`,
  endsAfterFailure: false
};
var SSE = {
  contentType: "text/event-stream",
  message: (json) => `data: ${json}

`,
  end: () => "",
  failure: (problem) => `event: error
data: ${problem}

`,
  endsAfterFailure: true,
  comment: ":\n\n"
};
var ARRAY = {
  contentType: "application/json",
  message: (json, isFirst) => isFirst ? `[${json}` : `,
${json}`,
  end: (hasMessages) => hasMessages ? "]" : "[]",
  endsAfterFailure: false
};
var RAW = {
  contentType: void 0,
  message: () => "",
  end: () => "",
  endsAfterFailure: false
};
var STREAM_FORMATS = {
  ndjson: NDJSON,
  sse: SSE,
  array: ARRAY,
  raw: RAW
};

// wrappers/transcode/stream-answer.ts
var SILENCE_MS = 15e3;
function readStreamAnswer(answer, formatName, context) {
  return new Promise((resolve, reject) => {
    new JsonStream(
      answer,
      STREAM_FORMATS[isRaw(context.format) ? "raw" : formatName],
      context,
      resolve,
      reject
    ).start();
  });
}
var JsonStream = class {
  status = 200;
  headers;
  #answer;
  #format;
  #context;
  #call;
  #resolve;
  #reject;
  #reader;
  #target = void 0;
  /** What was read before there was a target. */
  #early = [];
  /** Whether the client gets this answer, and not a problem. */
  #hasBegun = false;
  #hasMessages = false;
  /** Whether the client took the last piece at once. */
  #takesMore = true;
  #end = void 0;
  #silence = void 0;
  constructor(answer, format, context, resolve, reject) {
    this.#answer = answer;
    this.#format = format;
    this.#context = context;
    this.#call = context.call;
    this.#resolve = resolve;
    this.#reject = reject;
    this.headers = fieldsOf(answer.headers);
    this.#reader = new AnswerMessages(context.maxMessageBytes, {
      onMessage: (bytes) => this.#message(bytes),
      onEnd: (trailers) => this.#finish(readGrpcEnd(trailers)),
      onBroken: () => this.#broken(),
      onInvalid: (error) => this.#invalid(error.message)
    });
  }
  start() {
    if (this.#answer.grpcStatus === void 0) this.#answer.sendBody(this.#reader);
    else {
      this.#answer.discard();
      this.#finish({ status: this.#answer.grpcStatus, lines: [] });
    }
  }
  sendBody(target) {
    this.#target = target;
    for (const piece of this.#early) this.#send(piece);
    this.#early = [];
    if (this.#end !== void 0) {
      this.#close(target, this.#end);
      return;
    }
    target.on("drain", () => {
      this.#takesMore = true;
      this.#reader.resume();
    });
    this.#context.streams.add(this);
    target.once("close", () => this.#over());
    const { comment } = this.#format;
    if (comment !== void 0) {
      this.#silence = setInterval(() => target.write(comment, "latin1"), SILENCE_MS).unref();
    }
    if (this.#takesMore) this.#reader.resume();
  }
  discard() {
    this.#over();
    this.#reader.stop();
    this.#answer.discard();
  }
  fail(end) {
    this.discard();
    this.#finish(end);
  }
  #message(bytes) {
    this.#context.onMessage();
    try {
      return this.#pass(bytes);
    } catch (error) {
      if (!(error instanceof WireFault)) throw error;
      this.#invalid(error.message);
      return true;
    }
  }
  /** Passes a message on. @returns whether more may come */
  #pass(bytes) {
    const isFirst = !this.#hasMessages;
    let piece;
    let { contentType } = this.#format;
    if (isRaw(this.#context.format)) {
      const body = rawBodyOf(this.#context.format, bytes);
      piece = body.content;
      contentType = body.contentType;
    } else piece = this.#format.message(jsonOf(this.#context.format, bytes), isFirst);
    if (isFirst) this.headers.push("content-type", contentType);
    this.#hasMessages = true;
    return this.#send(piece);
  }
  #send(piece) {
    this.#silence?.refresh();
    if (this.#target === void 0) {
      this.#early.push(piece);
      this.#begin();
      return false;
    }
    this.#takesMore = this.#target.write(typeof piece === "string" ? Buffer.from(piece) : piece);
    return this.#takesMore;
  }
  #begin() {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#resolve(this);
  }
  #broken() {
    const { ended } = this.#call;
    if (ended === void 0 || this.#hasBegun) this.#finish(BROKEN_OFF);
    else this.#reject(ended);
  }
  #invalid(reason) {
    this.#context.onInvalid();
    this.fail(invalidEnd(reason));
  }
  #over() {
    clearInterval(this.#silence);
    this.#context.streams.delete(this);
  }
  #finish(end) {
    this.#over();
    this.#end = end;
    if (this.#hasBegun) {
      if (this.#target) this.#close(this.#target, end);
    } else if (end.status !== 0 && this.#context.refusal.error !== void 0) {
      this.#reject(this.#context.refusal.error);
    } else if (end.status !== 0) {
      this.#resolve(failedAnswer(end, this.#context.format, this.#call.requestId));
    } else {
      const { contentType } = this.#format;
      if (contentType !== void 0) this.headers.push("content-type", contentType);
      this.headers.push(...trailerFieldsOf(end.lines));
      this.#begin();
    }
  }
  /** Ends the client's answer. One that has failed must not look whole. */
  #close(target, end) {
    const format = this.#format;
    if (end.status === 0) {
      target.end(format.end(this.#hasMessages), "latin1");
      return;
    }
    if (format.failure !== void 0) {
      const { decoder, errors } = this.#context.format;
      const { document } = problemOf(end, { decoder, format: errors, requestId: this.#call.requestId });
      this.#send(format.failure(JSON.stringify(document)));
    }
    if (format.endsAfterFailure) target.end();
    else if (this.#takesMore) setImmediate(() => target.abort(false));
    else target.once("drain", () => target.abort(false));
  }
};

// wrappers/transcode/unary-answer.ts
function readUnaryAnswer(answer, context) {
  const { call, format, maxMessageBytes } = context;
  return new Promise((resolve, reject) => {
    let body;
    const fail = (end) => {
      if (context.refusal.error !== void 0) reject(context.refusal.error);
      else resolve(failedAnswer(end, format, call.requestId));
    };
    const invalid = (reason) => {
      context.onInvalid();
      reader.stop();
      answer.discard();
      fail(invalidEnd(reason));
    };
    const reader = new AnswerMessages(maxMessageBytes, {
      onMessage(bytes) {
        context.onMessage();
        if (body !== void 0) {
          invalid("there is more than one message");
          return true;
        }
        try {
          body = bodyOf(format, bytes);
        } catch (error) {
          if (!(error instanceof WireFault)) throw error;
          invalid(error.message);
        }
        return true;
      },
      onEnd(trailers) {
        const end = readGrpcEnd(trailers);
        if (end.status !== 0) fail(end);
        else if (body === void 0) {
          context.onInvalid();
          fail(invalidEnd("there is no message"));
        } else resolve(wholeAnswer(answer, body, trailers));
      },
      onBroken() {
        reject(asError(call));
      },
      onInvalid(error) {
        invalid(error.message);
      }
    });
    answer.sendBody(reader);
  });
}
function bodyOf(format, bytes) {
  if (isRaw(format)) return rawBodyOf(format, bytes);
  return { contentType: "application/json", content: jsonOf(format, bytes) };
}
function wholeAnswer({ headers }, { content, contentType }, trailers) {
  const fields = [...fieldsOf(headers), ...trailerFieldsOf(trailers), "content-type", contentType];
  return createWholeResponse(200, fields, typeof content === "string" ? Buffer.from(content) : content);
}
function asError(call) {
  const { ended } = call;
  if (ended?.kind === "timeout") return new GatewayError("WG_UPSTREAM_TIMEOUT", { cause: ended });
  return ended ?? new GatewayError("WG_UPSTREAM_UNREACHABLE", { cause: "the service ended the connection" });
}

// wrappers/transcode/transcode.ts
function createTranscode(options) {
  const { isTranscoded, planOf, maxMessageBytes, counter, streams } = options;
  function refuse(service, reason, error) {
    counter.error(service, reason);
    return error;
  }
  function findCall(request) {
    const { route, service, method, target } = request;
    const plan = planOf(route, service);
    if (plan === void 0) {
      throw refuse(
        service,
        "no-schema",
        new GatewayError("WG_NO_SCHEMA", { headers: { "retry-after": "1" } })
      );
    }
    const path = pathOf(target);
    const match = plan.find(method, path);
    if (match !== void 0) {
      const query = target.slice(path.length + 1);
      return { plan, found: { call: match.entry.value, captures: match.captures, query } };
    }
    const allowed = plan.allowedMethods(path);
    if (allowed.length === 0) throw refuse(service, "no-method", new GatewayError("WG_NO_METHOD"));
    const allow = { allow: allowed.join(", ") };
    throw refuse(service, "no-method", new GatewayError("WG_METHOD_NOT_ALLOWED", { headers: allow }));
  }
  function encode(service, { call, captures, query }, parts) {
    try {
      const message = call.encode({ captures, query, ...parts });
      if (message.length > maxMessageBytes + PREFIX_BYTES) throw new GatewayError("WG_BODY_TOO_LARGE");
      counter.message(service, "request");
      return message;
    } catch (error) {
      if (!(error instanceof FieldFault)) throw error;
      throw refuse(service, "request", new GatewayError("WG_BAD_REQUEST", { detail: error.text }));
    }
  }
  async function bodyOf2(request, found, call, refusal) {
    const { body, headers, service } = request;
    const contentType = getHeader(headers, "content-type");
    const unusable = body === null ? void 0 : unusableBody(headers, found.call);
    if (unusable !== void 0) throw refuse(service, "media-type", unusable);
    if (found.call.method.streamsRequest && found.call.hasBody) {
      if (body === null) return null;
      return new LinesBody(body, {
        maxLineBytes: maxMessageBytes,
        encode: (line) => encode(service, found, { body: line, contentType }),
        onRefused(error) {
          refusal.error = error;
        }
      });
    }
    const whole = body === null ? void 0 : await readWholeBody(body, maxMessageBytes, call);
    return new WholeBody(encode(service, found, { body: whole, contentType }));
  }
  function answerOf(answer, { call: { format, method }, stream, refusal }, call, service) {
    const end = earlyEnd(answer);
    if (end !== void 0 && (end.status !== GRPC_STATUS.OK || !method.streamsAnswer)) {
      answer.discard();
      const isOk = end.status === GRPC_STATUS.OK;
      return failedAnswer(isOk ? invalidEnd("there is no message") : end, format, call.requestId);
    }
    const context = {
      call,
      format,
      maxMessageBytes,
      refusal,
      streams,
      onMessage: () => counter.message(service, "answer"),
      onInvalid: () => counter.error(service, "answer")
    };
    return method.streamsAnswer ? readStreamAnswer(answer, stream, context) : readUnaryAnswer(answer, context);
  }
  return (next) => {
    const transcode = async (request, call) => {
      call.isTranscoded = true;
      const { plan, found } = findCall(request);
      const { method } = found.call;
      const refusal = { error: void 0 };
      const body = await bodyOf2(request, found, call, refusal);
      const isStreaming = method.streamsRequest || method.streamsAnswer;
      const waitsSince = request.body === null ? call.startedAt : performance.now();
      if (!isStreaming) call.deadlineAt = waitsSince + request.route.timeoutMs;
      const stream = streamFormatFor(request.headers, plan.json.stream);
      const answer = await next(
        {
          ...request,
          method: "POST",
          target: `/${method.name}`,
          headers: toCallHeaders(request.headers),
          body,
          rpc: {
            method: method.name,
            isIdempotent: method.isIdempotent || request.route.grpc?.idempotent?.includes(method.name) === true,
            isStreaming
          },
          interim: void 0
        },
        call
      );
      const converted = await answerOf(answer, { call: found.call, stream, refusal }, call, request.service);
      return request.method === "HEAD" ? withoutBody(converted) : converted;
    };
    return (request, call) => {
      if (request.rpc !== void 0 || !isTranscoded(request.route, request.service))
        return next(request, call);
      return transcode(request, call);
    };
  };
}
var PREFIX_BYTES = 5;
function withoutBody(answer) {
  return {
    status: answer.status,
    headers: answer.headers,
    sendBody(target) {
      answer.discard();
      target.end();
    },
    discard: () => answer.discard()
  };
}

// cmd/gateway/grpc-json.ts
var grpcJson = {
  Reflections,
  TranscodePlan,
  createBindings,
  createSchema,
  createTranscode,
  missingText,
  readSchema,
  writeDescriptorSet
};
export {
  grpcJson
};
