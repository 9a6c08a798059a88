import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  Call,
  UpstreamFailure,
  decodeGrpcMessage,
  grpcDialectOf,
  readGrpcEnd
} from "./chunk-AAIXN3RI.js";
import {
  GRPC_STATUS,
  GRPC_STATUS_NAMES
} from "./chunk-X7I5JA7V.js";
import {
  DescriptorError,
  WireFault,
  readDescriptorFile,
  readWire
} from "./chunk-KMEBCMMN.js";
import {
  isAboutTheNode
} from "./chunk-FEFDXV62.js";
import {
  BinaryWriter,
  ScalarType,
  WireType,
  standardTypes
} from "./chunk-NQN3HE4H.js";
import {
  getHeader
} from "./chunk-4QJQ3U3V.js";
import {
  QuietError
} from "./chunk-W6G3N2K2.js";

// wrappers/grpc/answer-messages.ts
import { EventEmitter } from "node:events";

// internal/grpc/message-reader.ts
var MessageError = class extends QuietError {
  name = "MessageError";
  reason;
  constructor(reason, message) {
    super(message);
    this.reason = reason;
  }
};
var PREFIX_BYTES = 5;
var COMPRESSED = 1;
var FIRST_ROOM_BYTES = 4096;
var NOTHING = Buffer.alloc(0);
var MessageReader = class {
  #maxBytes;
  #chunk = NOTHING;
  #at = 0;
  #prefix = Buffer.alloc(PREFIX_BYTES);
  #prefixBytes = 0;
  /** The length of the message whose prefix was read; -1 while there is none. */
  #length = -1;
  #room = NOTHING;
  #filled = 0;
  /** @param maxBytes the longest message that is accepted */
  constructor(maxBytes) {
    this.#maxBytes = maxBytes;
  }
  /** Takes the next chunk of the body, which must not change any more. Messages are had with `read`. */
  push(chunk) {
    this.#chunk = this.#at === this.#chunk.length ? chunk : Buffer.concat([this.#rest(), chunk]);
    this.#at = 0;
  }
  /**
   * Returns the next whole message; undefined when more chunks are needed.
   *
   * @throws MessageError `too-large` or `malformed`; nothing more can be read after that
   */
  read() {
    if (this.#length === -1 && !this.#readPrefix()) return void 0;
    const bytes = this.#readBytes();
    if (bytes === void 0) return void 0;
    this.#length = -1;
    return { bytes, isCompressed: this.#prefix[0] === COMPRESSED };
  }
  /** @throws MessageError `cut-off` when the body ends and a message is not whole */
  end() {
    if (this.#at === this.#chunk.length && this.#length === -1 && this.#prefixBytes === 0) return;
    throw new MessageError("cut-off", "the body ends in the middle of a message");
  }
  #rest() {
    return this.#chunk.subarray(this.#at);
  }
  #readPrefix() {
    const taken = this.#chunk.copy(
      this.#prefix,
      this.#prefixBytes,
      this.#at,
      this.#at + PREFIX_BYTES - this.#prefixBytes
    );
    this.#at += taken;
    this.#prefixBytes += taken;
    if (this.#prefixBytes < PREFIX_BYTES) return false;
    this.#prefixBytes = 0;
    const flag = this.#prefix[0];
    if (flag > COMPRESSED) throw new MessageError("malformed", `a message begins with the flag ${flag}`);
    this.#length = this.#prefix.readUInt32BE(1);
    if (this.#length > this.#maxBytes) {
      throw new MessageError("too-large", `a message of ${this.#length} bytes exceeds ${this.#maxBytes}`);
    }
    return true;
  }
  #readBytes() {
    const available = this.#chunk.length - this.#at;
    const missing = this.#length - this.#filled;
    const taken = Math.min(available, missing);
    const end = this.#at + taken;
    if (this.#filled === 0 && taken === missing) {
      const message2 = this.#chunk.subarray(this.#at, end);
      this.#at = end;
      return message2;
    }
    this.#grow(this.#filled + taken);
    this.#chunk.copy(this.#room, this.#filled, this.#at, end);
    this.#filled += taken;
    this.#at = end;
    if (taken < missing) return void 0;
    const message = this.#room.subarray(0, this.#length);
    this.#room = NOTHING;
    this.#filled = 0;
    return message;
  }
  #grow(bytes) {
    if (bytes <= this.#room.length) return;
    const doubled = Math.max(bytes, this.#room.length * 2, FIRST_ROOM_BYTES);
    const room = Buffer.allocUnsafe(Math.min(doubled, this.#length));
    this.#room.copy(room, 0, 0, this.#filled);
    this.#room = room;
  }
};

// wrappers/grpc/answer-messages.ts
var NO_TRAILERS = [];
var AnswerMessages = class extends EventEmitter {
  #listener;
  #reader;
  #isOver = false;
  headersSent = true;
  statusCode = 200;
  takesTrailers = true;
  /** Whatever is not a whole message is copied. */
  copiesChunks = true;
  /** @param maxBytes the longest message that is accepted */
  constructor(maxBytes, listener) {
    super();
    this.#reader = new MessageReader(maxBytes);
    this.#listener = listener;
  }
  get destroyed() {
    return this.#isOver;
  }
  get writableFinished() {
    return this.#isOver;
  }
  /** Lets more come after `onMessage` has returned false. */
  resume() {
    this.emit("drain");
  }
  /** Ends the answer from this side: nothing more is told to the listener. */
  stop() {
    this.#isOver = true;
    this.emit("close");
  }
  write(chunk, _encoding) {
    if (this.#isOver || chunk.length === 0) return true;
    this.#reader.push(typeof chunk === "string" ? Buffer.from(chunk, "latin1") : chunk);
    let takesMore = true;
    try {
      for (let message = this.#reader.read(); message !== void 0; message = this.#reader.read()) {
        if (message.isCompressed) throw new MessageError("malformed", "a message is compressed");
        takesMore = this.#listener.onMessage(message.bytes);
        if (this.#isOver) return true;
      }
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.#invalid(error);
      return true;
    }
    return takesMore;
  }
  end(chunk) {
    if (chunk !== void 0) this.write(chunk);
    this.endWithTrailers(NO_TRAILERS);
  }
  endWithTrailers(trailers) {
    if (this.#isOver) return;
    try {
      this.#reader.end();
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.#invalid(error);
      return;
    }
    this.#isOver = true;
    this.#listener.onEnd(trailers);
  }
  abort() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.onBroken();
  }
  #invalid(error) {
    this.#isOver = true;
    this.#listener.onInvalid(error);
  }
  writeHead() {
  }
  writeInterim() {
  }
  sendContinue() {
  }
  allowSlowClient() {
  }
  closeAfter() {
  }
};

// wrappers/grpc/whole-body.ts
var WholeBody = class {
  #bytes;
  begun = false;
  length;
  constructor(bytes) {
    this.#bytes = bytes;
    this.length = bytes.length;
  }
  open(sink) {
    return new WholeFlow(this.#bytes, sink);
  }
};
var WholeFlow = class {
  #bytes;
  #sink;
  #isOver = false;
  isPaused = true;
  constructor(bytes, sink) {
    this.#bytes = bytes;
    this.#sink = sink;
  }
  resume() {
    this.isPaused = false;
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.onData(this.#bytes);
    this.#sink.onEnd();
  }
  pause() {
    this.isPaused = true;
  }
  stop() {
    this.#isOver = true;
  }
};

// wrappers/protobuf/read-scalar.ts
var READ_SCALAR = {
  [ScalarType.STRING]: (reader) => reader.string(),
  [ScalarType.BYTES]: (reader) => reader.bytes().toString("base64"),
  [ScalarType.BOOL]: (reader) => reader.bool(),
  [ScalarType.INT32]: (reader) => reader.int32(),
  [ScalarType.UINT32]: (reader) => reader.uint32(),
  [ScalarType.SINT32]: (reader) => reader.sint32(),
  [ScalarType.FIXED32]: (reader) => reader.fixed32(),
  [ScalarType.SFIXED32]: (reader) => reader.sfixed32(),
  [ScalarType.FLOAT]: (reader) => floatJson(reader.float()),
  [ScalarType.DOUBLE]: (reader) => doubleJson(reader.double()),
  // Numbers of 64 bits are texts in JSON, because many readers of JSON would lose digits.
  [ScalarType.INT64]: (reader) => String(reader.int64()),
  [ScalarType.UINT64]: (reader) => String(reader.uint64()),
  [ScalarType.SINT64]: (reader) => String(reader.sint64()),
  [ScalarType.FIXED64]: (reader) => String(reader.fixed64()),
  [ScalarType.SFIXED64]: (reader) => String(reader.sfixed64())
};
function doubleJson(value) {
  return Number.isFinite(value) ? value : String(value);
}
function floatJson(value) {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return value;
  for (const digits of [6, 7, 8]) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}
function zeroOf(type) {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return "";
    case ScalarType.BOOL:
      return false;
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return "0";
    default:
      return 0;
  }
}

// wrappers/protobuf/field-fault.ts
var FieldFault = class extends QuietError {
  name = "FieldFault";
  /** Such as `.task.tags[3]`; empty for the message itself. */
  path = "";
  /** A text for the developer of the client, such as `task.createdAt: not a timestamp`. */
  get text() {
    const path = this.path.startsWith(".") ? this.path.slice(1) : this.path;
    return path === "" ? this.message : `${path.slice(0, 200)}: ${this.message}`;
  }
};
function faultWithin(place, error) {
  if (error instanceof FieldFault && error.path.length < 1e3) error.path = place + error.path;
  return error;
}

// wrappers/protobuf/wire-types.ts
var MAX_MESSAGE_DEPTH = 64;
function tagOf(number, wireType) {
  return number * 8 + wireType;
}
function wireTypeOf(type) {
  switch (type) {
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    default:
      return WireType.Varint;
  }
}
function valueTypeOf(field) {
  if (field.message) return isGroup(field) ? WireType.StartGroup : WireType.LengthDelimited;
  return field.enum ? WireType.Varint : wireTypeOf(field.scalar);
}
function isGroup(field) {
  return "delimitedEncoding" in field && field.delimitedEncoding === true;
}

// wrappers/protobuf/write-scalar.ts
var INT32 = { min: -2147483648, max: 2147483647 };
var UINT32 = { min: 0, max: 4294967295 };
var NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
var BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
function scalarWriter(type, tag, skipsZero) {
  switch (type) {
    case ScalarType.STRING:
      return (json, writer) => {
        if (typeof json !== "string") throw new FieldFault("not a string");
        if (skipsZero && json === "") return;
        if (!json.isWellFormed()) throw new FieldFault("not valid Unicode");
        if (tag !== 0) writer.uint32(tag);
        writer.string(json);
      };
    case ScalarType.BOOL:
      return (json, writer) => {
        if (typeof json !== "boolean") throw new FieldFault("not true or false");
        if (skipsZero && !json) return;
        if (tag !== 0) writer.uint32(tag);
        writer.bool(json);
      };
    case ScalarType.BYTES:
      return (json, writer) => {
        const bytes = toBytes(json);
        if (skipsZero && bytes.length === 0) return;
        if (tag !== 0) writer.uint32(tag);
        writer.bytes(bytes);
      };
    case ScalarType.DOUBLE:
      return numberWriter(toDouble, tag, skipsZero, (writer, value) => writer.double(value));
    case ScalarType.FLOAT:
      return numberWriter(toFloat, tag, skipsZero, (writer, value) => writer.float(value));
    case ScalarType.INT32:
      return numberWriter(toInt32, tag, skipsZero, (writer, value) => writer.int32(value));
    case ScalarType.SINT32:
      return numberWriter(toInt32, tag, skipsZero, (writer, value) => writer.sint32(value));
    case ScalarType.SFIXED32:
      return numberWriter(toInt32, tag, skipsZero, (writer, value) => writer.sfixed32(value));
    case ScalarType.UINT32:
      return numberWriter(toUint32, tag, skipsZero, (writer, value) => writer.uint32(value));
    case ScalarType.FIXED32:
      return numberWriter(toUint32, tag, skipsZero, (writer, value) => writer.fixed32(value));
    case ScalarType.INT64:
      return numberWriter(toInt64, tag, skipsZero, (writer, value) => writer.int64(value));
    case ScalarType.SINT64:
      return numberWriter(toInt64, tag, skipsZero, (writer, value) => writer.sint64(value));
    case ScalarType.SFIXED64:
      return numberWriter(toInt64, tag, skipsZero, (writer, value) => writer.sfixed64(value));
    case ScalarType.UINT64:
      return numberWriter(toUint64, tag, skipsZero, (writer, value) => writer.uint64(value));
    case ScalarType.FIXED64:
      return numberWriter(toUint64, tag, skipsZero, (writer, value) => writer.fixed64(value));
  }
}
function numberWriter(read, tag, skipsZero, write) {
  return (json, writer) => {
    const value = read(json);
    if (skipsZero && Object.is(value, 0)) return;
    if (tag !== 0) writer.uint32(tag);
    write(writer, value);
  };
}
function toInt32(json) {
  return toInteger(json, INT32);
}
function toUint32(json) {
  return toInteger(json, UINT32);
}
function toInteger(json, { min, max }) {
  const value = typeof json === "string" && NUMBER.test(json) ? Number(json) : json;
  if (typeof value === "bigint") throw new FieldFault("out of range");
  if (typeof value !== "number") throw new FieldFault("not a number");
  if (!Number.isInteger(value)) throw new FieldFault("not a whole number");
  if (value < min || value > max) throw new FieldFault("out of range");
  return value + 0;
}
function toDouble(json) {
  let value = json;
  if (typeof json === "bigint") value = Number(json);
  else if (typeof json === "string") {
    if (json === "NaN" || json === "Infinity" || json === "-Infinity") return Number(json);
    if (NUMBER.test(json)) value = Number(json);
  }
  if (typeof value !== "number") throw new FieldFault("not a number");
  if (!Number.isFinite(value)) throw new FieldFault("out of range");
  return value;
}
function toFloat(json) {
  const value = toDouble(json);
  const float = Math.fround(value);
  if (Number.isFinite(value) && !Number.isFinite(float)) throw new FieldFault("out of range");
  return float;
}
var SHORT_INTEGER = /^-?(?:0|[1-9]\d{0,14})$/;
var INTEGER = /^-?(?:0|[1-9]\d{0,19})$/;
var LONG = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
var UNSIGNED_LONG = { min: 0n, max: 2n ** 64n - 1n };
function toInt64(json) {
  return toLong(json, LONG);
}
function toUint64(json) {
  return toLong(json, UNSIGNED_LONG);
}
function toLong(json, { min, max }) {
  let value = json;
  if (typeof json === "string") {
    if (SHORT_INTEGER.test(json)) value = Number(json);
    else if (INTEGER.test(json)) value = BigInt(json);
    else if (NUMBER.test(json)) value = Number(json);
  }
  if (typeof value === "number" && !Number.isInteger(value)) {
    throw new FieldFault(Number.isFinite(value) ? "not a whole number" : "out of range");
  }
  if (typeof value !== "number" && typeof value !== "bigint") throw new FieldFault("not a number");
  if (value < min || value > max) throw new FieldFault("out of range");
  return typeof value === "number" ? value + 0 : value;
}
function toBytes(json) {
  if (typeof json !== "string") throw new FieldFault("not a string of base64");
  if (!BASE64.test(json) || json.length % 4 === 1) throw new FieldFault("not base64");
  return Buffer.from(json, "base64");
}
function mapKeyWriter(type) {
  const write = scalarWriter(type, tagOf(1, wireTypeOf(type)), false);
  switch (type) {
    case ScalarType.STRING:
      return write;
    case ScalarType.BOOL:
      return (json, writer, depth) => {
        if (json !== "true" && json !== "false") throw new FieldFault("the key is not true or false");
        write(json === "true", writer, depth);
      };
    default:
      return (json, writer, depth) => {
        if (!/^(?:0|-?[1-9]\d{0,19})$/.test(json))
          throw new FieldFault("the key is not a whole number");
        write(json, writer, depth);
      };
  }
}

// wrappers/protobuf/special-encoders.ts
var TAG = { first: 10, second: 18, firstVarint: 8, secondVarint: 16 };
function specialEncoder(desc, find) {
  const [, name] = /^google\.protobuf\.(\w+)$/.exec(desc.typeName) ?? [];
  switch (name) {
    case "Timestamp":
      return writeTimestamp;
    case "Duration":
      return writeDuration;
    case "FieldMask":
      return writeFieldMask;
    case "Struct":
      return writeStruct;
    case "Value":
      return writeDynamic;
    case "ListValue":
      return writeList;
    case "Any":
      return (json, writer, depth) => writeAny(json, writer, depth, find);
    default:
      return name !== void 0 && WRAPPERS.has(name) ? wrapperOf(desc) : void 0;
  }
}
var WRAPPERS = new Set(
  ["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes"].map(
    (type) => `${type}Value`
  )
);
function isWrapper({ typeName }) {
  return typeName.startsWith("google.protobuf.") && WRAPPERS.has(typeName.slice(16));
}
function wrapperOf({ fields: [field] }) {
  const scalar = field.scalar;
  return scalarWriter(scalar, TAG.firstVarint + wireTypeOf(scalar), true);
}
var TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
var MIN_SECONDS = -62135596800;
var MAX_SECONDS = 253402300799;
function writeTimestamp(json, writer) {
  const found = typeof json === "string" ? TIMESTAMP.exec(json) : null;
  if (found === null) throw new FieldFault("not a timestamp");
  const [, year, month, day, hours, minutes, secs, fraction, sign, offsetHours, offsetMinutes] = found;
  const date = /* @__PURE__ */ new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) {
    throw new FieldFault("not a timestamp");
  }
  let seconds = date.getTime() / 1e3 + Number(hours) * 3600 + Number(minutes) * 60 + Number(secs);
  if (sign !== void 0) {
    const offset = Number(offsetHours) * 3600 + Number(offsetMinutes) * 60;
    seconds -= sign === "+" ? offset : -offset;
  }
  if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) throw new FieldFault("out of range");
  writeSecondsAndNanos(seconds, nanosOf(fraction), writer);
}
var DURATION = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/;
var MAX_DURATION_SECONDS = 315576e6;
function writeDuration(json, writer) {
  const found = typeof json === "string" ? DURATION.exec(json) : null;
  if (found === null) throw new FieldFault("not a duration such as 1.5s");
  const [, sign, seconds, fraction] = found;
  if (Number(seconds) > MAX_DURATION_SECONDS) throw new FieldFault("out of range");
  const factor = sign === "-" ? -1 : 1;
  writeSecondsAndNanos(factor * Number(seconds), factor * nanosOf(fraction), writer);
}
function nanosOf(fraction) {
  return fraction === void 0 ? 0 : Number(fraction.padEnd(9, "0"));
}
function writeSecondsAndNanos(seconds, nanos, writer) {
  if (seconds !== 0) writer.uint32(TAG.firstVarint).int64(seconds);
  if (nanos !== 0) writer.uint32(TAG.secondVarint).int32(nanos);
}
var MASK_PATH = /^[A-Za-z0-9.]+$/;
function writeFieldMask(json, writer) {
  if (typeof json !== "string") throw new FieldFault("not a field mask");
  if (json === "") return;
  for (const path of json.split(",")) {
    if (!MASK_PATH.test(path))
      throw new FieldFault("not a field mask: names are separated by commas, in camelCase");
    writer.uint32(TAG.first).string(path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
  }
}
function writeStruct(json, writer, depth) {
  if (!isJsonObject(json)) throw new FieldFault("not an object");
  for (const key of Object.keys(json)) {
    writer.uint32(TAG.first).fork();
    try {
      if (!key.isWellFormed()) throw new FieldFault("not valid Unicode");
      writer.uint32(TAG.first).string(key);
      writeNested(json[key], writer, TAG.second, depth);
    } catch (error) {
      throw faultWithin(`.${key}`, error);
    }
    writer.join();
  }
}
function writeList(json, writer, depth) {
  if (!Array.isArray(json)) throw new FieldFault("not an array");
  for (const element of json) writeNested(element, writer, TAG.first, depth);
}
function writeNested(json, writer, tag, depth) {
  writer.uint32(tag).fork();
  writeDynamic(json, writer, depth + 1);
  writer.join();
}
function writeDynamic(json, writer, depth) {
  if (depth > MAX_MESSAGE_DEPTH) throw new FieldFault("nested too deep");
  if (json === null) writer.uint32(8).uint32(0);
  else if (typeof json === "boolean") writer.uint32(32).bool(json);
  else if (typeof json === "number" || typeof json === "bigint") writer.uint32(17).double(toDouble(json));
  else if (typeof json === "string") {
    if (!json.isWellFormed()) throw new FieldFault("not valid Unicode");
    writer.uint32(26).string(json);
  } else {
    const isList = Array.isArray(json);
    writer.uint32(isList ? 50 : 42).fork();
    if (isList) writeList(json, writer, depth + 1);
    else writeStruct(json, writer, depth + 1);
    writer.join();
  }
}
function writeAny(json, writer, depth, find) {
  if (!isJsonObject(json)) throw new FieldFault("not an object");
  const { "@type": url, ...rest } = json;
  if (url === void 0 && Object.keys(rest).length === 0) return;
  if (typeof url !== "string" || url === "") throw new FieldFault('"@type" is missing');
  const inner = find(url.slice(url.lastIndexOf("/") + 1));
  if (inner === void 0) throw new FieldFault('the service has no such "@type"');
  writer.uint32(TAG.first).string(url);
  const value = new BinaryWriter();
  if (!inner.isSpecial) inner.write(rest, value, depth + 1);
  else if (!Object.hasOwn(rest, "value")) throw new FieldFault('"value" is missing');
  else inner.write(rest.value, value, depth + 1);
  const bytes = value.finish();
  if (bytes.length > 0) writer.uint32(TAG.second).bytes(bytes);
}
function isJsonObject(json) {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

// wrappers/protobuf/special-decoders.ts
function simplifierOf(desc) {
  switch (desc.typeName) {
    case "google.protobuf.Timestamp":
      return timestampJson;
    case "google.protobuf.Duration":
      return durationJson;
    case "google.protobuf.FieldMask":
      return maskJson;
    case "google.protobuf.Struct":
      return ({ fields = {} }) => fields;
    case "google.protobuf.ListValue":
      return ({ values = [] }) => values;
    case "google.protobuf.Value":
      return (oneof) => Object.values(oneof)[0] ?? null;
    default:
      return isWrapper(desc) ? wrapperSimplifier(desc) : void 0;
  }
}
function isSpecial(desc) {
  return desc.typeName === "google.protobuf.Any" || simplifierOf(desc) !== void 0;
}
function wrapperSimplifier({ fields: [field] }) {
  const zero = zeroOf(field.scalar);
  return ({ value = zero }) => value;
}
function timestampJson({ seconds = 0, nanos = 0 }) {
  const date = new Date(Number(seconds) * 1e3);
  const year = date.getUTCFullYear();
  if (!(year >= 1 && year <= 9999) || Number(nanos) < 0 || Number(nanos) > 999999999) {
    throw new WireFault("a timestamp is out of range");
  }
  return `${date.toISOString().slice(0, 19)}${fractionOf(Number(nanos))}Z`;
}
var MAX_DURATION_SECONDS2 = 315576e6;
function durationJson(json) {
  const seconds = Number(json.seconds ?? 0);
  const nanos = Number(json.nanos ?? 0);
  if (Math.abs(seconds) > MAX_DURATION_SECONDS2 || Math.abs(nanos) > 999999999 || seconds * nanos < 0) {
    throw new WireFault("a duration is out of range");
  }
  const sign = seconds < 0 || nanos < 0 ? "-" : "";
  return `${sign}${Math.abs(seconds)}${fractionOf(Math.abs(nanos))}s`;
}
function fractionOf(value) {
  if (value === 0) return "";
  const digits = String(value).padStart(9, "0");
  if (digits.endsWith("000000")) return `.${digits.slice(0, 3)}`;
  return `.${digits.endsWith("000") ? digits.slice(0, 6) : digits}`;
}
function maskJson({ paths = [] }) {
  return paths.map((path) => path.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())).join(",");
}
function anyReader(find) {
  return (reader, depth) => {
    let url = "";
    let value = NOTHING2;
    let end = reader.pos;
    while (reader.pos < reader.end) {
      const tag = reader.uint32();
      if (tag === 10) url = reader.string();
      else if (tag === 18) {
        value = reader.bytes();
        end = reader.pos;
      } else reader.skipField(tag);
    }
    if (url === "") return {};
    const inner = find(url.slice(url.lastIndexOf("/") + 1));
    if (inner === void 0) return { "@type": url, value: value.toString("base64") };
    const json = reader.part(end - value.length, end, inner.read, depth + 1);
    return inner.isSpecial ? { "@type": url, value: json } : { "@type": url, ...json };
  };
}
var NOTHING2 = Buffer.alloc(0);
function setOwn(json, key, value) {
  if (key !== "__proto__") json[key] = value;
  else Object.defineProperty(json, key, { value, writable: true, enumerable: true, configurable: true });
}

// wrappers/protobuf/read-fields.ts
var COST = { container: 64, value: 8 };
function costOf(name) {
  return name.length + COST.value;
}
function singleCostOf({ oneof }, name) {
  return costOf(name) + (oneof?.fields.length ?? 0);
}
function scalarReader(field, name, read, { zero, clearOthers }) {
  const cost = singleCostOf(field, name);
  const wireType = valueTypeOf(field);
  return (reader, tag, json, depth) => {
    if ((tag & 7) !== wireType) {
      reader.skipField(tag);
      return;
    }
    reader.spend(cost);
    clearOthers?.(json);
    const value = read(reader, depth);
    if (value !== zero || Object.is(value, -0)) setOwn(json, name, value);
    else delete json[name];
  };
}
function messageReader(field, name, read, clearOthers) {
  const cost = singleCostOf(field, name);
  const wireType = valueTypeOf(field);
  const isWhole = isSpecial(field.message);
  return (reader, tag, json, depth) => {
    if ((tag & 7) !== wireType) {
      reader.skipField(tag);
      return;
    }
    reader.spend(cost);
    clearOthers?.(json);
    const former = isWhole || !Object.hasOwn(json, name) ? void 0 : json[name];
    setOwn(json, name, readMessage(reader, tag, read, depth, former));
  };
}
function listReader(field, name, read) {
  const cost = costOf(name) + COST.container;
  const wireType = valueTypeOf(field);
  const isMessage = field.message !== void 0;
  const canBePacked = !isMessage && wireType !== WireType.LengthDelimited;
  const readPacked = (reader, depth, list) => {
    while (reader.pos < reader.end) {
      reader.spend(COST.value);
      list.push(read(reader, depth));
    }
  };
  return (reader, tag, json, depth) => {
    const isPacked = canBePacked && (tag & 7) === WireType.LengthDelimited;
    if ((tag & 7) !== wireType && !isPacked) {
      reader.skipField(tag);
      return;
    }
    reader.spend(COST.value);
    if (!Object.hasOwn(json, name)) {
      reader.spend(cost);
      setOwn(json, name, []);
    }
    const list = json[name];
    if (isPacked) reader.message(readPacked, depth, list);
    else list.push(isMessage ? readMessage(reader, tag, read, depth) : read(reader, depth));
  };
}
function mapReader(field, name, read, zero) {
  const cost = costOf(name) + COST.container;
  const readKey = READ_SCALAR[field.mapKey];
  const keyTag = tagOf(1, wireTypeOf(field.mapKey));
  const valueTag = tagOf(2, valueTypeOf(field));
  const isMessage = field.message !== void 0;
  const readEntry = (reader, depth, map) => {
    let key = zeroOf(field.mapKey);
    let value;
    while (reader.pos < reader.end) {
      const tag = reader.uint32();
      if (tag === keyTag) key = readKey(reader, depth);
      else if (tag !== valueTag) reader.skipField(tag);
      else value = isMessage ? reader.message(read, depth + 1) : read(reader, depth);
    }
    if (value === void 0) {
      value = isMessage ? reader.part(reader.end, reader.end, read, depth + 1) : zero();
    }
    setOwn(map, String(key), value);
  };
  return (reader, tag, json, depth) => {
    if ((tag & 7) !== WireType.LengthDelimited) {
      reader.skipField(tag);
      return;
    }
    reader.spend(COST.container);
    if (!Object.hasOwn(json, name)) {
      reader.spend(cost);
      setOwn(json, name, {});
    }
    reader.message(readEntry, depth, json[name]);
  };
}
function readMessage(reader, tag, read, depth, former) {
  return (tag & 7) === WireType.StartGroup ? reader.group(read, depth + 1, former) : reader.message(read, depth + 1, former);
}

// wrappers/protobuf/json-decoder.ts
var IMPLICIT = 2;
var JsonDecoder = class {
  #options;
  #readers = /* @__PURE__ */ new Map();
  #enumNames = /* @__PURE__ */ new Map();
  constructor(options) {
    this.#options = options;
  }
  /**
   * Returns the JSON value of a message.
   *
   * @throws WireFault when the bytes are no message of that type, or too much JSON would be made of them
   */
  decode(desc, bytes) {
    return readWire(bytes, this.#readerOf(desc), this.#options.maxJsonBytes ?? 64 * 1024 * 1024);
  }
  /** Returns the name that a field has in JSON. */
  nameOf(field) {
    return this.#options.names === "proto" ? field.name : field.jsonName;
  }
  /** Returns what stands for a field that is not set; undefined when it has no such value. */
  defaultOf(field) {
    if (field.fieldKind === "list") return [];
    if (field.fieldKind === "map") return {};
    return field.fieldKind === "message" ? void 0 : this.#zeroOf(field);
  }
  #zeroOf({ enum: enumeration, scalar }) {
    return enumeration ? this.#enumJson(enumeration)(enumeration.values[0].number) : zeroOf(scalar);
  }
  #readerOf(desc) {
    let read = this.#readers.get(desc);
    if (read === void 0) {
      read = this.#createReader(desc);
      this.#readers.set(desc, read);
    }
    return read;
  }
  /** Types are put together when the first message of theirs comes: a schema may be a chain of thousands. */
  #lazyReader(message) {
    let known2;
    return (reader, depth, former) => {
      known2 ??= this.#readerOf(message);
      return known2(reader, depth, former);
    };
  }
  #createReader(desc) {
    if (desc.typeName === "google.protobuf.Any") {
      return anyReader((typeName) => {
        const type = this.#options.typeNamed(typeName);
        if (type === void 0) return void 0;
        return { read: this.#readerOf(type), isSpecial: isSpecial(type) };
      });
    }
    const simplify = simplifierOf(desc);
    if (simplify === void 0) return this.#objectReader(desc, COST.container);
    const read = this.#objectReader(desc, 0);
    return (reader, depth) => simplify(read(reader, depth));
  }
  #objectReader(desc, cost) {
    const fields = [];
    const many = /* @__PURE__ */ new Map();
    for (const field of desc.fields) {
      const read = this.#fieldReader(field);
      if (field.number < MAX_INDEXED) fields[field.number] = read;
      else many.set(field.number, read);
    }
    const emitted = this.#options.emitsDefaults && cost > 0 ? desc.fields.filter(isEmitted) : [];
    const defaults = emitted.map((field) => {
      const name = this.nameOf(field);
      return { field, name, cost: costOf(name) + (isContainer(field) ? COST.container : 0) };
    });
    return (reader, depth, former) => {
      if (depth > MAX_MESSAGE_DEPTH) throw new WireFault("a message is nested too deep");
      reader.spend(former === void 0 ? cost : defaults.length * COST.value);
      const json = former ?? {};
      while (reader.pos < reader.end) {
        const tag = reader.uint32();
        const number = tag >>> 3;
        const read = number < MAX_INDEXED ? fields[number] : many.get(number);
        if (read === void 0) reader.skipField(tag);
        else read(reader, tag, json, depth);
      }
      for (const { field, name, cost: cost2 } of defaults) {
        if (Object.hasOwn(json, name)) continue;
        reader.spend(cost2);
        setOwn(json, name, this.defaultOf(field));
      }
      return json;
    };
  }
  #fieldReader(field) {
    const name = this.nameOf(field);
    const read = this.#valueReader(field);
    switch (field.fieldKind) {
      case "list":
        return listReader(field, name, read);
      case "map":
        return mapReader(field, name, read, () => this.#zeroOf(field));
      case "message":
        return messageReader(field, name, read, this.#othersOf(field));
      default: {
        const isImplicit = field.presence === IMPLICIT && !field.oneof && !this.#options.emitsDefaults;
        const zero = isImplicit ? this.#zeroOf(field) : void 0;
        return scalarReader(field, name, read, { zero, clearOthers: this.#othersOf(field) });
      }
    }
  }
  /** Returns the reader of one value: that of a field, of an element of a list, or of a map. */
  #valueReader({ message, enum: enumeration, scalar }) {
    if (message) return this.#lazyReader(message);
    if (!enumeration) return READ_SCALAR[scalar];
    const toJson = this.#enumJson(enumeration);
    return (reader) => {
      const json = toJson(reader.int32());
      if (typeof json === "string") reader.spend(json.length);
      return json;
    };
  }
  #enumJson(desc) {
    if (desc.typeName === "google.protobuf.NullValue") return () => null;
    if (this.#options.enums === "number") return (number) => number;
    let names = this.#enumNames.get(desc);
    if (names === void 0) {
      names = new Map(desc.values.toReversed().map(({ number, jsonName }) => [number, jsonName]));
      this.#enumNames.set(desc, names);
    }
    const known2 = names;
    return (number) => known2.get(number) ?? number;
  }
  /** Returns the function that removes the other fields of a oneof; undefined when there are none. */
  #othersOf(field) {
    const others = field.oneof?.fields.filter((other) => other !== field).map((other) => this.nameOf(other)) ?? [];
    if (others.length === 0) return void 0;
    return (json) => {
      for (const name of others) if (Object.hasOwn(json, name)) delete json[name];
    };
  }
};
var MAX_INDEXED = 256;
function isEmitted(field) {
  if (isContainer(field)) return true;
  return field.fieldKind !== "message" && field.presence === IMPLICIT && !field.oneof;
}
function isContainer({ fieldKind }) {
  return fieldKind === "list" || fieldKind === "map";
}

// wrappers/protobuf/write-enum.ts
function enumWriter(desc, tag, skipsZero, ignoresUnknown) {
  const numbers = /* @__PURE__ */ new Map();
  for (const { jsonName, number } of desc.values) numbers.set(jsonName, number);
  for (const { name, number } of desc.values) numbers.set(name, number);
  const known2 = desc.open ? void 0 : new Set(desc.values.map(({ number }) => number));
  const isNull = desc.typeName === "google.protobuf.NullValue";
  const toNumber = (json) => {
    if (isNull && json === null) return 0;
    if (typeof json === "string") {
      const number = numbers.get(json);
      if (number === void 0 && !ignoresUnknown) throw new FieldFault(`not a value of ${desc.typeName}`);
      return number;
    }
    if (typeof json !== "number" || !Number.isInteger(json))
      throw new FieldFault(`not a value of ${desc.typeName}`);
    if ((json | 0) !== json) throw new FieldFault("out of range");
    if (known2?.has(json) === false) throw new FieldFault(`not a value of ${desc.typeName}`);
    return json;
  };
  return (json, writer) => {
    const number = toNumber(json);
    if (number === void 0 || skipsZero && number === 0) return;
    if (tag !== 0) writer.uint32(tag);
    writer.int32(number);
  };
}

// wrappers/protobuf/json-encoder.ts
var PREFIX = new Uint8Array(5);
var IMPLICIT2 = 2;
var JsonEncoder = class {
  #options;
  #encoders = /* @__PURE__ */ new Map();
  constructor(options) {
    this.#options = options;
  }
  /**
   * Returns a message with the prefix that it has in a gRPC body.
   *
   * @param json as `parseJsonText` returns it
   * @throws FieldFault when the value is not of that type
   */
  encode(desc, json) {
    const writer = new BinaryWriter().raw(PREFIX);
    this.#encoderOf(desc).write(json, writer, 1);
    const framed = Buffer.from(writer.finish().buffer);
    framed.writeUInt32BE(framed.length - PREFIX.length, 1);
    return framed;
  }
  #encoderOf(desc) {
    let encoder2 = this.#encoders.get(desc);
    if (encoder2) return encoder2;
    const special = specialEncoder(desc, (typeName) => {
      const type = this.#options.typeNamed(typeName);
      return type && this.#encoderOf(type);
    });
    const fields = /* @__PURE__ */ new Map();
    encoder2 = special ? { write: special, isSpecial: true } : { write: this.#objectWriter(desc, fields), isSpecial: false };
    this.#encoders.set(desc, encoder2);
    if (special) return encoder2;
    for (const field of desc.fields) {
      const fieldEncoder = {
        field,
        takesNull: takesNull(field),
        write: this.#fieldWriter(field)
      };
      fields.set(field.name, fieldEncoder).set(field.jsonName, fieldEncoder);
    }
    return encoder2;
  }
  #objectWriter(desc, fields) {
    const ignoresUnknown = this.#options.ignoresUnknown === true;
    const hasOneofs = desc.oneofs.length > 0;
    return (json, writer, depth) => {
      if (!isJsonObject(json)) throw new FieldFault("not an object");
      if (depth > MAX_MESSAGE_DEPTH) throw new FieldFault("nested too deep");
      const keys = Object.keys(json);
      let hasProtoNames = false;
      let i = 0;
      try {
        for (; i < keys.length; i++) {
          const key = keys[i];
          const encoder2 = fields.get(key);
          if (encoder2 === void 0) {
            if (ignoresUnknown) continue;
            throw new FieldFault("no such field");
          }
          const value = json[key];
          if (key !== encoder2.field.jsonName) hasProtoNames = true;
          if (value !== null || encoder2.takesNull) encoder2.write(value, writer, depth);
        }
      } catch (error) {
        throw faultWithin(`.${keys[i]}`, error);
      }
      if (hasProtoNames) checkNames(json, keys, fields);
      if (hasOneofs) checkOneofs(json, keys, fields);
    };
  }
  #fieldWriter(field) {
    switch (field.fieldKind) {
      case "list":
        return this.#listWriter(field);
      case "map":
        return this.#mapWriter(field);
      default:
        return this.#singleWriter(field, field.number, field.presence === IMPLICIT2);
    }
  }
  /** Returns the writer of one value: that of a field, of an element of a list, or of a map. */
  #singleWriter(field, number, skipsZero) {
    const { message, enum: enumeration, scalar } = field;
    if (message) return this.#messageWriter(message, number, isGroup(field));
    if (enumeration)
      return enumWriter(enumeration, tagOf(number, valueTypeOf(field)), skipsZero, this.#ignoresUnknown);
    return scalarWriter(scalar, tagOf(number, valueTypeOf(field)), skipsZero);
  }
  get #ignoresUnknown() {
    return this.#options.ignoresUnknown === true;
  }
  #messageWriter(message, number, isGroup2) {
    let encoder2;
    if (isGroup2) {
      const [start, end] = [tagOf(number, WireType.StartGroup), tagOf(number, WireType.EndGroup)];
      return (json, writer, depth) => {
        encoder2 ??= this.#encoderOf(message);
        writer.uint32(start);
        encoder2.write(json, writer, depth + 1);
        writer.uint32(end);
      };
    }
    const tag = tagOf(number, WireType.LengthDelimited);
    return (json, writer, depth) => {
      encoder2 ??= this.#encoderOf(message);
      writer.uint32(tag).fork();
      encoder2.write(json, writer, depth + 1);
      writer.join();
    };
  }
  #listWriter(field) {
    const nullable = takesNull(field);
    const tag = tagOf(field.number, WireType.LengthDelimited);
    const isPacked = field.packed && field.listKind !== "message";
    const write = isPacked ? this.#packedWriter(field) : this.#singleWriter(field, field.number, false);
    return (json, writer, depth) => {
      if (!Array.isArray(json)) throw new FieldFault("not an array");
      const hasLength = isPacked && json.length > 0;
      if (hasLength) writer.uint32(tag).fork();
      let i = 0;
      try {
        for (; i < json.length; i++) {
          if (json[i] === null && !nullable) throw new FieldFault("null is not a value");
          write(json[i], writer, depth);
        }
      } catch (error) {
        throw faultWithin(`[${i}]`, error);
      }
      if (hasLength) writer.join();
    };
  }
  /** The elements of a packed list have no tags. */
  #packedWriter({ enum: enumeration, scalar }) {
    if (enumeration) return enumWriter(enumeration, 0, false, this.#ignoresUnknown);
    return scalarWriter(scalar, 0, false);
  }
  #mapWriter(field) {
    const nullable = takesNull(field);
    const tag = tagOf(field.number, WireType.LengthDelimited);
    const writeKey = mapKeyWriter(field.mapKey);
    const writeValue = this.#singleWriter(field, 2, false);
    return (json, writer, depth) => {
      if (!isJsonObject(json)) throw new FieldFault("not an object");
      const keys = Object.keys(json);
      let i = 0;
      try {
        for (; i < keys.length; i++) {
          const key = keys[i];
          const value = json[key];
          if (value === null && !nullable) throw new FieldFault("null is not a value");
          writer.uint32(tag).fork();
          writeKey(key, writer, depth);
          writeValue(value, writer, depth);
          writer.join();
        }
      } catch (error) {
        throw faultWithin(`[${JSON.stringify(keys[i])}]`, error);
      }
    };
  }
};
function takesNull({ message, enum: enumeration }) {
  return message?.typeName === "google.protobuf.Value" || enumeration?.typeName === "google.protobuf.NullValue";
}
function checkNames(json, keys, fields) {
  for (const key of keys) {
    const jsonName = fields.get(key)?.field.jsonName;
    if (jsonName !== void 0 && jsonName !== key && Object.hasOwn(json, jsonName)) {
      throw faultWithin(`.${jsonName}`, new FieldFault("given twice"));
    }
  }
}
function checkOneofs(json, keys, fields) {
  const chosen = /* @__PURE__ */ new Map();
  for (const key of keys) {
    const encoder2 = fields.get(key);
    const oneof = encoder2?.field.oneof;
    if (!oneof || json[key] === null && !encoder2.takesNull) continue;
    const other = chosen.get(oneof.name);
    if (other !== void 0) throw faultWithin(`.${key}`, new FieldFault(`cannot be set beside ${other}`));
    chosen.set(oneof.name, key);
  }
}

// wrappers/descriptors/reflection-stream.ts
var MAX_BYTES = 8 * 1024 * 1024;
var MAX_REFUSALS = 16;
var NO_ANSWER = /* @__PURE__ */ new Set([
  GRPC_STATUS.CANCELLED,
  GRPC_STATUS.DEADLINE_EXCEEDED,
  GRPC_STATUS.RESOURCE_EXHAUSTED,
  GRPC_STATUS.UNAVAILABLE
]);
var typeNamed = (name) => standardTypes.getMessage(name);
var encoder = new JsonEncoder({ typeNamed });
var decoder = new JsonDecoder({ typeNamed });
var REQUEST = typeNamed("grpc.reflection.v1.ServerReflectionRequest");
var ANSWER = typeNamed("grpc.reflection.v1.ServerReflectionResponse");
var OWN_ROUTE = {
  id: "",
  origin: "auto",
  path: "/",
  service: "",
  stripPrefix: "",
  auth: { type: "none" },
  timeoutMs: 5e3,
  balancer: "weighted-round-robin",
  priority: 0,
  preserveHost: false
};
var ReflectionStream = class {
  #method;
  #send;
  /** Bytes that may still come. */
  #bytesLeft = MAX_BYTES;
  constructor(version, send) {
    this.#method = `grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    this.#send = send;
  }
  /** Returns the names of the services of the node; undefined when it does not know this version. */
  async listServices() {
    const answers = [];
    const refusal = await this.#ask([{ listServices: "" }], answers);
    if (refusal?.status === GRPC_STATUS.UNIMPLEMENTED) return void 0;
    const [answer] = answers;
    if (answer?.listServicesResponse === void 0) {
      const said = answer?.errorResponse?.errorMessage ?? "nothing";
      throw refusal?.error ?? new DescriptorError(`the node answered: ${said.slice(0, 200)}`);
    }
    return (answer.listServicesResponse.service ?? []).flatMap(({ name }) => name ?? []);
  }
  /**
   * Returns the files that answer questions. Questions that the node cannot answer are skipped.
   *
   * @throws DescriptorError when the node refuses too many of them, or a call breaks off: what was read is not all there is
   */
  async filesOf(questions) {
    const answers = [];
    let refusals = 0;
    for (let asked = 0; asked < questions.length; ) {
      const before = answers.length;
      const refusal = await this.#ask(questions.slice(asked), answers);
      if (refusal === void 0) break;
      if (NO_ANSWER.has(refusal.status) || ++refusals > MAX_REFUSALS) throw refusal.error;
      asked += answers.length - before + 1;
    }
    return answers.flatMap(
      ({ fileDescriptorResponse }) => (fileDescriptorResponse?.fileDescriptorProto ?? []).map((file) => Buffer.from(file, "base64"))
    );
  }
  /**
   * Makes one call.
   *
   * @param answers receives the answers, in the order of their questions
   * @returns what the node said instead of the rest; undefined when it has answered everything
   */
  async #ask(questions, answers) {
    const messages = questions.map((question) => encoder.encode(REQUEST, question));
    const answer = await this.#send({
      route: OWN_ROUTE,
      service: "",
      method: "POST",
      target: `/${this.#method}`,
      headers: ["content-type", "application/grpc", "grpc-accept-encoding", "identity"],
      body: new WholeBody(Buffer.concat(messages)),
      rpc: { method: this.#method, isIdempotent: true, isStreaming: true }
    });
    if (answer.status === 404) {
      answer.discard();
      return refusalOf(GRPC_STATUS.UNIMPLEMENTED, "HTTP 404");
    }
    if (grpcDialectOf(getHeader(answer.headers, "content-type") ?? "") !== "grpc") {
      answer.discard();
      throw new DescriptorError(`the node answered HTTP ${answer.status} instead of gRPC`);
    }
    return this.#read(answer, answers);
  }
  #read(answer, answers) {
    return new Promise((resolve, reject) => {
      const end = (lines) => {
        const { status, lines: said } = readGrpcEnd(lines);
        if (status === GRPC_STATUS.OK) resolve(void 0);
        else resolve(refusalOf(status, decodeGrpcMessage(getHeader(said, "grpc-message") ?? "")));
      };
      if (answer.grpcStatus !== void 0) {
        answer.discard();
        end(answer.headers);
        return;
      }
      const give = (error) => {
        reader.stop();
        answer.discard();
        reject(error);
      };
      const reader = new AnswerMessages(MAX_BYTES, {
        onMessage: (bytes) => {
          this.#bytesLeft -= bytes.length;
          if (this.#bytesLeft < 0) {
            give(new DescriptorError(`the descriptors of the node have more than ${MAX_BYTES} bytes`));
            return true;
          }
          try {
            answers.push(decoder.decode(ANSWER, bytes));
          } catch (error) {
            give(new DescriptorError("the node answered something that is no reflection", error));
          }
          return true;
        },
        onEnd: end,
        onBroken: () => reject(new DescriptorError("the node ended the connection")),
        onInvalid: give
      });
      answer.sendBody(reader);
    });
  }
};
function refusalOf(status, message) {
  const name = GRPC_STATUS_NAMES[status];
  return { status, error: new DescriptorError(`the node answered ${name}: ${message.slice(0, 200)}`) };
}

// wrappers/descriptors/reflection-client.ts
var VERSIONS = ["v1", "v1alpha"];
var MAX_MS = 5e3;
var MAX_FILES = 512;
var MAX_ROUNDS = 16;
var MAX_SHOWN = 5;
var MAX_SHOWN_LENGTH = 200;
var known = /* @__PURE__ */ new WeakMap();
async function reflect(peer, callNode) {
  const call = new Call("", "POST", "", performance.now());
  const timer = setTimeout(() => call.end(new UpstreamFailure("timeout")), MAX_MS);
  try {
    const version = known.get(peer);
    for (const each of version ? [version] : VERSIONS) {
      const stream = new ReflectionStream(
        each,
        (request) => call.ended ? Promise.reject(call.ended) : callNode(peer, request, call)
      );
      const services = await stream.listServices();
      if (services === void 0) continue;
      known.set(peer, each);
      return await readFiles(stream, services);
    }
    known.delete(peer);
    throw new DescriptorError("the node has no server reflection");
  } catch (error) {
    if (call.ended) throw new DescriptorError(`the node did not answer within ${MAX_MS / 1e3} s`, error);
    throw error instanceof DescriptorError ? error : new DescriptorError("the node cannot be asked", error);
  } finally {
    clearTimeout(timer);
  }
}
async function readFiles(stream, services) {
  const files = /* @__PURE__ */ new Map();
  const asked = /* @__PURE__ */ new Set();
  const take = (given) => {
    for (const bytes of given) {
      const file = readDescriptorFile(bytes);
      if (!files.has(file.name)) files.set(file.name, file);
      if (files.size > MAX_FILES) throw new DescriptorError(`the node has more than ${MAX_FILES} files`);
    }
  };
  const wanted = services.filter((name) => !isAboutTheNode(name));
  if (wanted.length === 0) throw new DescriptorError("the node has no gRPC service");
  if (wanted.length > MAX_FILES) throw new DescriptorError(`the node has more than ${MAX_FILES} services`);
  take(await stream.filesOf(wanted.map((name) => ({ fileContainingSymbol: name }))));
  const found = new Set([...files.values()].flatMap(servicesIn));
  const missing = wanted.filter((name) => !found.has(name));
  if (files.size === 0) throw new DescriptorError(missingText(missing));
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const missing2 = [...files.values()].flatMap(({ dependency }) => dependency).filter((name) => !files.has(name) && !asked.has(name) && !isStandard(name));
    if (missing2.length === 0) break;
    const names = [...new Set(missing2)].slice(0, MAX_FILES);
    for (const name of names) asked.add(name);
    take(await stream.filesOf(names.map((name) => ({ fileByFilename: name }))));
  }
  return { files: [...files.values()], missing };
}
function missingText(services) {
  const shown = services.slice(0, MAX_SHOWN).map((name) => JSON.stringify(name.slice(0, MAX_SHOWN_LENGTH)));
  const more = services.length > MAX_SHOWN ? `, and ${services.length - MAX_SHOWN} more` : "";
  return `the node has no descriptor of ${shown.join(", ")}${more}`;
}
function servicesIn({ package: scope, service }) {
  return service.map(({ name }) => scope === "" ? name : `${scope}.${name}`);
}
function isStandard(fileName) {
  return standardTypes.getFile(fileName) !== void 0 || fileName.startsWith("google/api/");
}

export {
  AnswerMessages,
  WholeBody,
  FieldFault,
  faultWithin,
  MAX_MESSAGE_DEPTH,
  isWrapper,
  isJsonObject,
  setOwn,
  JsonDecoder,
  JsonEncoder,
  reflect,
  missingText
};
