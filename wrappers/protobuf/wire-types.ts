import { type DescField, ScalarType } from '@bufbuild/protobuf'
import { WireType } from '@bufbuild/protobuf/wire'

/** Messages may be nested so deep, as everywhere in gRPC. */
export const MAX_MESSAGE_DEPTH = 64

export function tagOf(number: number, wireType: number): number {
  return number * 8 + wireType
}

export function wireTypeOf(type: ScalarType): WireType {
  switch (type) {
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited
    default:
      return WireType.Varint
  }
}

/** Returns the wire type of one value of a field. */
export function valueTypeOf(field: DescField): WireType {
  if (field.message) return isGroup(field) ? WireType.StartGroup : WireType.LengthDelimited
  return field.enum ? WireType.Varint : wireTypeOf(field.scalar!)
}

/** Whether the messages of a field are written as groups, as editions and proto2 can have it. */
export function isGroup(field: DescField): boolean {
  return 'delimitedEncoding' in field && field.delimitedEncoding === true
}
