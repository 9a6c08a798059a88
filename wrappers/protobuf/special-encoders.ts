import type { DescMessage, ScalarType } from '@bufbuild/protobuf'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { FieldFault, faultWithin } from './field-fault.ts'
import { MAX_MESSAGE_DEPTH, wireTypeOf } from './wire-types.ts'
import { scalarWriter, toDouble, type WriteValue } from './write-scalar.ts'

/** Returns how messages of a type are written, and whether their JSON is something else than an object with their fields. */
export type FindWriter = (
  typeName: string,
) => { readonly write: WriteValue; readonly isSpecial: boolean } | undefined

const TAG = { first: 0x0a, second: 0x12, firstVarint: 0x08, secondVarint: 0x10 }

/**
 * Returns the function that writes messages of a type whose JSON is not an object with its fields
 * (protobuf.dev/programming-guides/json); undefined for all others.
 */
export function specialEncoder(desc: DescMessage, find: FindWriter): WriteValue | undefined {
  const [, name] = /^google\.protobuf\.(\w+)$/.exec(desc.typeName) ?? []
  switch (name) {
    case 'Timestamp':
      return writeTimestamp
    case 'Duration':
      return writeDuration
    case 'FieldMask':
      return writeFieldMask
    case 'Struct':
      return writeStruct
    case 'Value':
      return writeDynamic
    case 'ListValue':
      return writeList
    case 'Any':
      return (json, writer, depth) => writeAny(json, writer, depth, find)
    default:
      return name !== undefined && WRAPPERS.has(name) ? wrapperOf(desc) : undefined
  }
}

const WRAPPERS = new Set(
  ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map(
    type => `${type}Value`,
  ),
)

/** Whether a type is one of `google.protobuf.*Value` that wrap a scalar. */
export function isWrapper({ typeName }: DescMessage): boolean {
  return typeName.startsWith('google.protobuf.') && WRAPPERS.has(typeName.slice(16))
}

function wrapperOf({ fields: [field] }: DescMessage): WriteValue {
  const scalar = field!.scalar as ScalarType
  return scalarWriter(scalar, TAG.firstVarint + wireTypeOf(scalar), true)
}

const TIMESTAMP =
  /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/
/** From 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z. */
const MIN_SECONDS = -62_135_596_800
const MAX_SECONDS = 253_402_300_799

function writeTimestamp(json: unknown, writer: BinaryWriter): void {
  const found = typeof json === 'string' ? TIMESTAMP.exec(json) : null
  if (found === null) throw new FieldFault('not a timestamp')
  const [, year, month, day, hours, minutes, secs, fraction, sign, offsetHours, offsetMinutes] = found
  const date = new Date(0)
  // Unlike Date.UTC, this takes the years before 100 as they are.
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) {
    throw new FieldFault('not a timestamp')
  }
  let seconds = date.getTime() / 1000 + Number(hours) * 3600 + Number(minutes) * 60 + Number(secs)
  if (sign !== undefined) {
    const offset = Number(offsetHours) * 3600 + Number(offsetMinutes) * 60
    seconds -= sign === '+' ? offset : -offset
  }
  if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) throw new FieldFault('out of range')
  writeSecondsAndNanos(seconds, nanosOf(fraction), writer)
}

const DURATION = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/
const MAX_DURATION_SECONDS = 315_576_000_000

function writeDuration(json: unknown, writer: BinaryWriter): void {
  const found = typeof json === 'string' ? DURATION.exec(json) : null
  if (found === null) throw new FieldFault('not a duration such as 1.5s')
  const [, sign, seconds, fraction] = found
  if (Number(seconds) > MAX_DURATION_SECONDS) throw new FieldFault('out of range')
  const factor = sign === '-' ? -1 : 1
  writeSecondsAndNanos(factor * Number(seconds), factor * nanosOf(fraction), writer)
}

function nanosOf(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.padEnd(9, '0'))
}

function writeSecondsAndNanos(seconds: number, nanos: number, writer: BinaryWriter): void {
  if (seconds !== 0) writer.uint32(TAG.firstVarint).int64(seconds)
  if (nanos !== 0) writer.uint32(TAG.secondVarint).int32(nanos)
}

const MASK_PATH = /^[A-Za-z0-9.]+$/

function writeFieldMask(json: unknown, writer: BinaryWriter): void {
  if (typeof json !== 'string') throw new FieldFault('not a field mask')
  if (json === '') return
  for (const path of json.split(',')) {
    if (!MASK_PATH.test(path))
      throw new FieldFault('not a field mask: names are separated by commas, in camelCase')
    writer.uint32(TAG.first).string(path.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`))
  }
}

function writeStruct(json: unknown, writer: BinaryWriter, depth: number): void {
  if (!isJsonObject(json)) throw new FieldFault('not an object')
  for (const key of Object.keys(json)) {
    writer.uint32(TAG.first).fork()
    try {
      if (!key.isWellFormed()) throw new FieldFault('not valid Unicode')
      writer.uint32(TAG.first).string(key)
      writeNested(json[key], writer, TAG.second, depth)
    } catch (error) {
      throw faultWithin(`.${key}`, error)
    }
    writer.join()
  }
}

function writeList(json: unknown, writer: BinaryWriter, depth: number): void {
  if (!Array.isArray(json)) throw new FieldFault('not an array')
  for (const element of json) writeNested(element, writer, TAG.first, depth)
}

/** Writes a `Value` inside another message. */
function writeNested(json: unknown, writer: BinaryWriter, tag: number, depth: number): void {
  writer.uint32(tag).fork()
  writeDynamic(json, writer, depth + 1)
  writer.join()
}

function writeDynamic(json: unknown, writer: BinaryWriter, depth: number): void {
  if (depth > MAX_MESSAGE_DEPTH) throw new FieldFault('nested too deep')
  if (json === null) writer.uint32(0x08).uint32(0)
  else if (typeof json === 'boolean') writer.uint32(0x20).bool(json)
  else if (typeof json === 'number' || typeof json === 'bigint') writer.uint32(0x11).double(toDouble(json))
  else if (typeof json === 'string') {
    if (!json.isWellFormed()) throw new FieldFault('not valid Unicode')
    writer.uint32(0x1a).string(json)
  } else {
    const isList = Array.isArray(json)
    writer.uint32(isList ? 0x32 : 0x2a).fork()
    if (isList) writeList(json, writer, depth + 1)
    else writeStruct(json, writer, depth + 1)
    writer.join()
  }
}

function writeAny(json: unknown, writer: BinaryWriter, depth: number, find: FindWriter): void {
  if (!isJsonObject(json)) throw new FieldFault('not an object')
  const { '@type': url, ...rest } = json
  if (url === undefined && Object.keys(rest).length === 0) return
  if (typeof url !== 'string' || url === '') throw new FieldFault('"@type" is missing')
  const inner = find(url.slice(url.lastIndexOf('/') + 1))
  if (inner === undefined) throw new FieldFault('the service has no such "@type"')
  writer.uint32(TAG.first).string(url)
  const value = new BinaryWriter()
  if (!inner.isSpecial) inner.write(rest, value, depth + 1)
  else if (!Object.hasOwn(rest, 'value')) throw new FieldFault('"value" is missing')
  else inner.write(rest.value, value, depth + 1)
  const bytes = value.finish()
  if (bytes.length > 0) writer.uint32(TAG.second).bytes(bytes)
}

export function isJsonObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}
