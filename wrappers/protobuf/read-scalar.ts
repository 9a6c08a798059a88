import { ScalarType } from '@bufbuild/protobuf'
import { signedText, unsignedText, type WireReader } from './wire-reader.ts'

/** Reads one value, whose tag was read, as JSON. */
export type ReadValue = (reader: WireReader, depth: number) => unknown

/** Returns the function that reads scalars of a type as JSON (protobuf.dev/programming-guides/json). */
export function scalarReader(type: ScalarType): ReadValue {
  switch (type) {
    case ScalarType.STRING:
      return reader => reader.text()
    case ScalarType.BYTES:
      return reader => reader.lengthPrefixed().toString('base64')
    case ScalarType.BOOL:
      return reader => (reader.varint64() | reader.high) !== 0
    case ScalarType.INT32:
      return reader => reader.varint32() | 0
    case ScalarType.UINT32:
      return reader => reader.varint32()
    case ScalarType.SINT32:
      return reader => {
        const value = reader.varint32()
        return (value >>> 1) ^ -(value & 1)
      }
    case ScalarType.FIXED32:
      return reader => reader.fixed32()
    case ScalarType.SFIXED32:
      return reader => reader.fixed32() | 0
    case ScalarType.FLOAT:
      return reader => floatJson(reader.float())
    case ScalarType.DOUBLE:
      return reader => doubleJson(reader.double())
    default:
      return longReader(type)
  }
}

/** Numbers of 64 bits are texts in JSON, because many readers of JSON would lose digits. */
function longReader(type: ScalarType): ReadValue {
  switch (type) {
    case ScalarType.UINT64:
      return reader => unsignedText(reader.varint64(), reader.high)
    case ScalarType.FIXED64:
      return reader => unsignedText(reader.fixed64(), reader.high)
    case ScalarType.SFIXED64:
      return reader => signedText(reader.fixed64(), reader.high)
    case ScalarType.SINT64:
      return reader => {
        const low = reader.varint64()
        const { high } = reader
        const sign = -(low & 1)
        return signedText((((low >>> 1) | (high << 31)) ^ sign) >>> 0, ((high >>> 1) ^ sign) >>> 0)
      }
    default:
      return reader => signedText(reader.varint64(), reader.high)
  }
}

/** Returns what stands for a double in JSON. */
export function doubleJson(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

/** Returns the shortest number that is this float: 0.1, and not 0.10000000149011612. */
function floatJson(value: number): number | string {
  if (!Number.isFinite(value)) return String(value)
  if (Number.isInteger(value)) return value
  for (const digits of [6, 7, 8]) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return Number(value.toPrecision(9))
}

/** Returns the value that a scalar has when it is absent, as JSON. */
export function zeroOf(type: ScalarType): unknown {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return ''
    case ScalarType.BOOL:
      return false
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return '0'
    default:
      return 0
  }
}
