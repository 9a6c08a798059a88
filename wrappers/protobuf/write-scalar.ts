import { ScalarType } from '@bufbuild/protobuf'
import { FieldFault } from './field-fault.ts'
import type { MessageWriter } from './message-writer.ts'

/** Writes a JSON value and, in front of it, its tag. */
export type WriteValue = (json: unknown, writer: MessageWriter, depth: number) => void

/** Wire types (protobuf.dev/programming-guides/encoding). */
export const WIRE = { varint: 0, bits64: 1, bytes: 2, startGroup: 3, endGroup: 4, bits32: 5 } as const

const INT32 = { min: -2_147_483_648, max: 2_147_483_647 }
const UINT32 = { min: 0, max: 4_294_967_295 }
const TWO_32 = 4_294_967_296
/** A number as JSON has it, which is also what texts of numbers must look like. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

/** Returns the wire type of a scalar. */
export function wireTypeOf(type: ScalarType): number {
  switch (type) {
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WIRE.bits64
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WIRE.bits32
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WIRE.bytes
    default:
      return WIRE.varint
  }
}

/**
 * Returns the function that writes scalars of a type (protobuf.dev/programming-guides/json).
 *
 * @param tag written in front of the value; 0 = none
 * @param skipsZero whether a zero is not written, because its absence means the same
 */
export function scalarWriter(type: ScalarType, tag: number, skipsZero: boolean): WriteValue {
  switch (type) {
    case ScalarType.STRING:
      return (json, writer) => {
        if (typeof json !== 'string') throw new FieldFault('not a string')
        if (skipsZero && json === '') return
        if (!json.isWellFormed()) throw new FieldFault('not valid Unicode')
        writer.text(json)
        if (tag !== 0) writer.varint(tag)
      }
    case ScalarType.BOOL:
      return (json, writer) => {
        if (typeof json !== 'boolean') throw new FieldFault('not true or false')
        if (skipsZero && !json) return
        writer.varint(json ? 1 : 0)
        if (tag !== 0) writer.varint(tag)
      }
    case ScalarType.BYTES:
      return (json, writer) => {
        const bytes = toBytes(json)
        if (skipsZero && bytes.length === 0) return
        writer.bytes(bytes)
        if (tag !== 0) writer.varint(tag)
      }
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return floatWriter(type, tag, skipsZero)
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return intWriter(type, tag, skipsZero)
    default:
      return longWriter(type, tag, skipsZero)
  }
}

function floatWriter(type: ScalarType, tag: number, skipsZero: boolean): WriteValue {
  const isFloat = type === ScalarType.FLOAT
  return (json, writer) => {
    const value = toDouble(json)
    if (isFloat && Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
      throw new FieldFault('out of range')
    }
    if (skipsZero && Object.is(value, 0)) return
    if (isFloat) writer.float(value)
    else writer.double(value)
    if (tag !== 0) writer.varint(tag)
  }
}

function intWriter(type: ScalarType, tag: number, skipsZero: boolean): WriteValue {
  const isUnsigned = type === ScalarType.UINT32 || type === ScalarType.FIXED32
  const { min, max } = isUnsigned ? UINT32 : INT32
  const isFixed = wireTypeOf(type) === WIRE.bits32
  const isZigzag = type === ScalarType.SINT32
  return (json, writer) => {
    const value = toInteger(json, min, max)
    if (skipsZero && value === 0) return
    if (isFixed) writer.fixed32(value)
    else if (isZigzag) writer.varint(((value << 1) ^ (value >> 31)) >>> 0)
    else if (value < 0) writer.varint64(value >>> 0, 0xffff_ffff)
    else writer.varint(value)
    if (tag !== 0) writer.varint(tag)
  }
}

function longWriter(type: ScalarType, tag: number, skipsZero: boolean): WriteValue {
  const isUnsigned = type === ScalarType.UINT64 || type === ScalarType.FIXED64
  const isFixed = wireTypeOf(type) === WIRE.bits64
  const isZigzag = type === ScalarType.SINT64
  return (json, writer) => {
    toLong(json, isUnsigned)
    if (skipsZero && low === 0 && high === 0) return
    if (isZigzag) {
      const sign = (high | 0) >> 31
      const shifted = ((high << 1) | (low >>> 31)) ^ sign
      low = ((low << 1) ^ sign) >>> 0
      high = shifted >>> 0
    }
    if (isFixed) writer.fixed64(low, high)
    else writer.varint64(low, high)
    if (tag !== 0) writer.varint(tag)
  }
}

function toInteger(json: unknown, min: number, max: number): number {
  const value = typeof json === 'string' && NUMBER.test(json) ? Number(json) : json
  if (typeof value === 'bigint') throw new FieldFault('out of range')
  if (typeof value !== 'number') throw new FieldFault('not a number')
  if (!Number.isInteger(value)) throw new FieldFault('not a whole number')
  if (value < min || value > max) throw new FieldFault('out of range')
  return value
}

/** @throws FieldFault unless the value is a number or one of the texts that stand for one */
export function toDouble(json: unknown): number {
  let value = json
  if (typeof json === 'bigint') value = Number(json)
  else if (typeof json === 'string') {
    if (json === 'NaN' || json === 'Infinity' || json === '-Infinity') return Number(json)
    if (NUMBER.test(json)) value = Number(json)
  }
  if (typeof value !== 'number') throw new FieldFault('not a number')
  if (!Number.isFinite(value)) throw new FieldFault('out of range')
  return value
}

/** The result of `toLong`, in two unsigned halves: an object would be made for each number. */
let low = 0
let high = 0

const SHORT_INTEGER = /^-?(?:0|[1-9]\d{0,14})$/
const INTEGER = /^-?(?:0|[1-9]\d{0,19})$/
const LONG = { min: -(2n ** 63n), max: 2n ** 63n - 1n }
const UNSIGNED_LONG = { min: 0n, max: 2n ** 64n - 1n }

function toLong(json: unknown, isUnsigned: boolean): void {
  let value = json
  if (typeof json === 'string') {
    if (SHORT_INTEGER.test(json)) value = Number(json)
    else if (INTEGER.test(json)) value = BigInt(json)
    else if (NUMBER.test(json)) value = Number(json)
  }
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) {
      throw new FieldFault(Number.isFinite(value) ? 'not a whole number' : 'out of range')
    }
    if (Number.isSafeInteger(value)) {
      if (isUnsigned && value < 0) throw new FieldFault('out of range')
      setLong(value)
      return
    }
    value = BigInt(value)
  }
  if (typeof value !== 'bigint') throw new FieldFault('not a number')
  const { min, max } = isUnsigned ? UNSIGNED_LONG : LONG
  if (value < min || value > max) throw new FieldFault('out of range')
  low = Number(BigInt.asUintN(32, value))
  high = Number(BigInt.asUintN(32, value >> 32n))
}

/** Writes a whole number as a varint of 64 bits. */
export function writeLong(value: number, writer: MessageWriter): void {
  setLong(value)
  writer.varint64(low, high)
}

function setLong(value: number): void {
  low = value >>> 0
  high = Math.floor(value / TWO_32) >>> 0
}

/** @throws FieldFault unless the value is base64 or base64url, with or without padding */
function toBytes(json: unknown): Buffer {
  if (typeof json !== 'string') throw new FieldFault('not a string of base64')
  if (!BASE64.test(json) || json.length % 4 === 1) throw new FieldFault('not base64')
  return Buffer.from(json, 'base64')
}

/** Returns the tag of a field. */
export function tagOf(number: number, wireType: number): number {
  return number * 8 + wireType
}

/** Returns the function that writes the keys of a map, which are texts in JSON whatever their type is. */
export function mapKeyWriter(type: ScalarType): WriteValue {
  const write = scalarWriter(type, tagOf(1, wireTypeOf(type)), false)
  switch (type) {
    case ScalarType.STRING:
      return write
    case ScalarType.BOOL:
      return (json, writer, depth) => {
        if (json !== 'true' && json !== 'false') throw new FieldFault('the key is not true or false')
        write(json === 'true', writer, depth)
      }
    default:
      return (json, writer, depth) => {
        // Otherwise two keys could mean the same.
        if (!/^(?:0|-?[1-9]\d{0,19})$/.test(json as string))
          throw new FieldFault('the key is not a whole number')
        write(json, writer, depth)
      }
  }
}
