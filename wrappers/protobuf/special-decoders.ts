import type { DescMessage } from '@bufbuild/protobuf'
import { doubleJson, type ReadValue, scalarReader, zeroOf } from './read-scalar.ts'
import { isWrapper } from './special-encoders.ts'
import { signedNumber, WireFault, WireReader } from './wire-reader.ts'

/** Reads a message that ends at `end`. */
export type ReadMessage = (reader: WireReader, end: number, depth: number) => unknown

/** What the special types need of the decoder. */
export interface DecoderTools {
  /** Returns the function that reads messages of a type; undefined when there is no such type. */
  readonly readerNamed: (
    typeName: string,
  ) => { readonly read: ReadMessage; readonly isSpecial: boolean } | undefined
  readonly maxDepth: number
}

/** Returns the function that reads messages of a type whose JSON is not an object with its fields; undefined for others. */
export function specialDecoder(desc: DescMessage, tools: DecoderTools): ReadMessage | undefined {
  const [, name] = /^google\.protobuf\.(\w+)$/.exec(desc.typeName) ?? []
  switch (name) {
    case 'Timestamp':
      return readTimestamp
    case 'Duration':
      return readDuration
    case 'FieldMask':
      return readFieldMask
    case 'Struct':
      return (reader, end, depth) => readStruct(reader, end, depth, tools.maxDepth)
    case 'Value':
      return (reader, end, depth) => readDynamic(reader, end, depth, tools.maxDepth)
    case 'ListValue':
      return (reader, end, depth) => readList(reader, end, depth, tools.maxDepth)
    case 'Any':
      return (reader, end, depth) => readAny(reader, end, depth, tools)
    default:
      return isWrapper(desc) ? wrapperReader(desc) : undefined
  }
}

function wrapperReader({ fields: [field] }: DescMessage): ReadMessage {
  const read: ReadValue = scalarReader(field!.scalar!)
  const zero = zeroOf(field!.scalar!)
  return (reader, end, depth) => {
    let value = zero
    while (reader.at < end) {
      const tag = reader.varint32()
      if (tag >>> 3 === 1) value = read(reader, depth)
      else reader.skip(tag)
    }
    return value
  }
}

/** The fields of the last timestamp or duration that was read. */
let seconds = 0
let nanos = 0

function readSecondsAndNanos(reader: WireReader, end: number): void {
  seconds = 0
  nanos = 0
  while (reader.at < end) {
    const tag = reader.varint32()
    if (tag === 0x08) seconds = signedNumber(reader.varint64(), reader.high)
    else if (tag === 0x10) nanos = reader.varint32() | 0
    else reader.skip(tag)
  }
}

function readTimestamp(reader: WireReader, end: number): string {
  readSecondsAndNanos(reader, end)
  const date = new Date(seconds * 1000)
  const year = date.getUTCFullYear()
  if (!(year >= 1 && year <= 9999) || nanos < 0 || nanos > 999_999_999) {
    throw new WireFault('a timestamp is out of range')
  }
  return `${date.toISOString().slice(0, 19)}${fractionOf(nanos)}Z`
}

const MAX_DURATION_SECONDS = 315_576_000_000

function readDuration(reader: WireReader, end: number): string {
  readSecondsAndNanos(reader, end)
  if (Math.abs(seconds) > MAX_DURATION_SECONDS || Math.abs(nanos) > 999_999_999 || seconds * nanos < 0) {
    throw new WireFault('a duration is out of range')
  }
  const sign = seconds < 0 || nanos < 0 ? '-' : ''
  return `${sign}${Math.abs(seconds)}${fractionOf(Math.abs(nanos))}s`
}

/** In 0, 3, 6 or 9 digits. */
function fractionOf(value: number): string {
  if (value === 0) return ''
  const digits = String(value).padStart(9, '0')
  if (digits.endsWith('000000')) return `.${digits.slice(0, 3)}`
  return `.${digits.endsWith('000') ? digits.slice(0, 6) : digits}`
}

function readFieldMask(reader: WireReader, end: number): string {
  const paths: string[] = []
  while (reader.at < end) {
    const tag = reader.varint32()
    if (tag === 0x0a)
      paths.push(reader.text().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))
    else reader.skip(tag)
  }
  return paths.join(',')
}

function readStruct(
  reader: WireReader,
  end: number,
  depth: number,
  maxDepth: number,
): Record<string, unknown> {
  const json: Record<string, unknown> = {}
  while (reader.at < end) {
    const tag = reader.varint32()
    if (tag === 0x0a) readEntry(json, reader, depth, maxDepth)
    else reader.skip(tag)
  }
  return json
}

function readEntry(json: Record<string, unknown>, reader: WireReader, depth: number, maxDepth: number): void {
  const end = reader.end()
  let key = ''
  let value: unknown = null
  while (reader.at < end) {
    const tag = reader.varint32()
    if (tag === 0x0a) key = reader.text()
    else if (tag === 0x12) value = readDynamic(reader, reader.end(), depth + 1, maxDepth)
    else reader.skip(tag)
  }
  setOwn(json, key, value)
}

function readList(reader: WireReader, end: number, depth: number, maxDepth: number): unknown[] {
  const json: unknown[] = []
  while (reader.at < end) {
    const tag = reader.varint32()
    if (tag === 0x0a) json.push(readDynamic(reader, reader.end(), depth + 1, maxDepth))
    else reader.skip(tag)
  }
  return json
}

function readDynamic(reader: WireReader, end: number, depth: number, maxDepth: number): unknown {
  if (depth > maxDepth) throw new WireFault('a message is nested too deep')
  let value: unknown = null
  while (reader.at < end) {
    const tag = reader.varint32()
    if (tag === 0x08) {
      reader.varint64()
      value = null
    } else if (tag === 0x11) value = doubleJson(reader.double())
    else if (tag === 0x1a) value = reader.text()
    else if (tag === 0x20) value = (reader.varint64() | reader.high) !== 0
    else if (tag === 0x2a) value = readStruct(reader, reader.end(), depth + 1, maxDepth)
    else if (tag === 0x32) value = readList(reader, reader.end(), depth + 1, maxDepth)
    else reader.skip(tag)
  }
  return value
}

/** A message whose type is not known stays in base64, so that one detail does not cost the client the whole answer. */
function readAny(reader: WireReader, end: number, depth: number, tools: DecoderTools): unknown {
  let url = ''
  let value: Buffer = NOTHING
  while (reader.at < end) {
    const tag = reader.varint32()
    if (tag === 0x0a) url = reader.text()
    else if (tag === 0x12) value = reader.lengthPrefixed()
    else reader.skip(tag)
  }
  if (url === '') return {}
  if (depth > tools.maxDepth) throw new WireFault('a message is nested too deep')
  const inner = tools.readerNamed(url.slice(url.lastIndexOf('/') + 1))
  if (inner === undefined) return { '@type': url, value: value.toString('base64') }
  const json = inner.read(new WireReader(value), value.length, depth + 1)
  return inner.isSpecial ? { '@type': url, value: json } : { '@type': url, ...(json as object) }
}

const NOTHING = Buffer.alloc(0)

/** Sets a property, whatever its name: `__proto__` is a name like any other. */
export function setOwn(json: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') json[key] = value
  else Object.defineProperty(json, key, { value, writable: true, enumerable: true, configurable: true })
}
