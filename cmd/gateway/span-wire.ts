import { ownText } from '../../internal/telemetry/cut-text.ts'

// The parts of spans in the wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding). Bytes are texts here, each
// character being the byte of its number: V8 joins texts without copying them, and the whole is written once. A text that was put
// together is a tree until then, which takes as long as the tree has parts. So what many spans have in common is kept in one piece.

const VARINT = 0
const FIXED64 = 1
const LENGTH = 2
const FIXED32 = 5

const PLAIN = /^[\x20-\x7e]*$/
/** Clients choose how long paths and names of browsers are. */
const MAX_CHARACTERS = 1_024
const MAX_KEPT = 1_000
/** What is made of texts that are shorter than this is kept. */
const SHORT = 128

/** Returns a text in UTF-8. */
export function utf8(value: string): string {
  return PLAIN.test(value) ? value : Buffer.from(value).toString('latin1')
}

/** Returns the bytes of hexadecimal digits. */
export function fromHex(digits: string): string {
  return Buffer.from(digits, 'hex').toString('latin1')
}

/** Returns a whole number from 0 on: seven bits a byte, the lowest first. */
function varint(value: number): string {
  let bytes = ''
  // Infinity would never end.
  let rest = Math.min(value, Number.MAX_SAFE_INTEGER)
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes += String.fromCharCode((rest % 128) + 128)
  return bytes + String.fromCharCode(rest)
}

function tag(field: number, wireType: number): string {
  return varint(field * 8 + wireType)
}

/** Returns what stands in front of a field that is a text or a message. @param length how many bytes the value has */
export function lengthHead(field: number, length: number): string {
  return tag(field, LENGTH) + varint(length)
}

/** Returns a field that is a text or a message. */
export function lengthField(field: number, value: string): string {
  return lengthHead(field, value.length) + value
}

/** Returns a field that is a number. */
export function varintField(field: number, value: number): string {
  return tag(field, VARINT) + varint(value)
}

/** Returns a field of four bytes. */
export function fixed32Field(field: number, value: number): string {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32LE(value)
  return tag(field, FIXED32) + bytes.toString('latin1')
}

/** Returns a field that is a time. @param ms milliseconds since 1970 */
export function timeField(field: number, ms: number): string {
  const bytes = Buffer.allocUnsafe(8)
  writeNanos(bytes, ms, 0)
  return tag(field, FIXED64) + bytes.toString('latin1')
}

/**
 * Writes a time as eight bytes: nanoseconds since 1970, for which a number has no room. Microseconds fit, and clocks are no finer.
 *
 * @param ms milliseconds since 1970
 * @returns where the bytes end
 */
export function writeNanos(bytes: Buffer, ms: number, at: number): number {
  const micros = Math.round(ms * 1_000)
  const high = Math.floor(micros / 2 ** 32)
  const low = (micros - high * 2 ** 32) * 1_000
  const carry = Math.floor(low / 2 ** 32)
  bytes.writeUInt32LE(low - carry * 2 ** 32, at)
  return bytes.writeUInt32LE(high * 1_000 + carry, at + 4)
}

/** Fields of the protocol (opentelemetry/proto/common/v1/common.proto, and trace/v1/trace.proto). */
const KEY = 1
const VALUE = 2
const ANY_TEXT = 1
const ANY_BOOL = 2
const ANY_INTEGER = 3
const ANY_DOUBLE = 4
const SPAN_ATTRIBUTES = 9

/** Returns a `KeyValue`. @param value an `AnyValue` */
function pair(key: string, value: string): string {
  return lengthField(KEY, utf8(key)) + lengthField(VALUE, value)
}

/** Returns a `KeyValue` whose value is a text. */
export function textPair(key: string, value: string): string {
  return pair(key, lengthField(ANY_TEXT, utf8(value)))
}

/** Creates a function that returns an attribute of a span: a text, cut to 1,024 characters. */
export function textAttribute(key: string): (value: string) => string {
  const keyField = lengthField(KEY, key)
  const heads: string[] = []

  function headOf(length: number): string {
    const any = lengthHead(ANY_TEXT, length)
    const inner = keyField + lengthHead(VALUE, any.length + length) + any
    return inOnePiece(lengthHead(SPAN_ATTRIBUTES, inner.length + length) + inner)
  }

  for (let length = 0; length < SHORT; length++) heads.push(headOf(length))
  return value => {
    const bytes = utf8(value.length > MAX_CHARACTERS ? value.slice(0, MAX_CHARACTERS) : value)
    return (heads[bytes.length] ?? headOf(bytes.length)) + bytes
  }
}

/** Creates a function that returns an attribute of a span: a whole number from 0 on. */
export function integerAttribute(key: string): (value: number) => string {
  return rememberingValues(value => attribute(key, varintField(ANY_INTEGER, value)))
}

/** Returns an attribute of a span that is a number with a fraction. */
export function numberAttribute(key: string, value: number): string {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeDoubleLE(value)
  return attribute(key, tag(ANY_DOUBLE, FIXED64) + bytes.toString('latin1'))
}

/** Returns an attribute of a span that is true. */
export function trueAttribute(key: string): string {
  return attribute(key, varintField(ANY_BOOL, 1))
}

function attribute(key: string, value: string): string {
  return inOnePiece(lengthField(SPAN_ATTRIBUTES, pair(key, value)))
}

function inOnePiece(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('latin1')
}

/** Creates a function whose bytes are made once per object, and are in one piece. */
export function remembering<Key extends object>(make: (key: Key) => string): (key: Key) => string {
  const made = new WeakMap<Key, string>()
  return key => {
    let known = made.get(key)
    if (known === undefined) {
      known = inOnePiece(make(key))
      made.set(key, known)
    }
    return known
  }
}

/**
 * Creates a function whose bytes are made once for each of up to 1,000 values, and are in one piece. After that many, it begins anew:
 * clients can invent any number of them. Long ones are made each time.
 */
export function rememberingValues<Value extends string | number>(
  make: (value: Value) => string,
): (value: Value) => string {
  const made = new Map<string | number, string>()
  return value => {
    let known = made.get(value)
    if (known === undefined) {
      known = inOnePiece(make(value))
      if (made.size === MAX_KEPT) made.clear()
      if (typeof value === 'number') made.set(value, known)
      else if (value.length < SHORT) made.set(ownText(value), known)
    }
    return known
  }
}
