import { ScalarType } from '@bufbuild/protobuf'
import type { ReadValue } from './wire-reader.ts'

/** How scalars of each type are read as JSON (protobuf.dev/programming-guides/json). */
export const READ_SCALAR: Readonly<Record<ScalarType, ReadValue>> = {
  [ScalarType.STRING]: reader => reader.string(),
  [ScalarType.BYTES]: reader => (reader.bytes() as Buffer).toString('base64'),
  [ScalarType.BOOL]: reader => reader.bool(),
  [ScalarType.INT32]: reader => reader.int32(),
  [ScalarType.UINT32]: reader => reader.uint32(),
  [ScalarType.SINT32]: reader => reader.sint32(),
  [ScalarType.FIXED32]: reader => reader.fixed32(),
  [ScalarType.SFIXED32]: reader => reader.sfixed32(),
  [ScalarType.FLOAT]: reader => floatJson(reader.float()),
  [ScalarType.DOUBLE]: reader => doubleJson(reader.double()),
  // Numbers of 64 bits are texts in JSON, because many readers of JSON would lose digits.
  [ScalarType.INT64]: reader => String(reader.int64()),
  [ScalarType.UINT64]: reader => String(reader.uint64()),
  [ScalarType.SINT64]: reader => String(reader.sint64()),
  [ScalarType.FIXED64]: reader => String(reader.fixed64()),
  [ScalarType.SFIXED64]: reader => String(reader.sfixed64()),
}

function doubleJson(value: number): number | string {
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
