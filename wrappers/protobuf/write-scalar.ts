import { ScalarType } from '@bufbuild/protobuf'
import type { BinaryWriter } from '@bufbuild/protobuf/wire'
import { FieldFault } from './field-fault.ts'
import { tagOf, wireTypeOf } from './wire-types.ts'

/** Writes a JSON value behind its tag. */
export type WriteValue = (json: unknown, writer: BinaryWriter, depth: number) => void

const INT32 = { min: -2_147_483_648, max: 2_147_483_647 }
const UINT32 = { min: 0, max: 4_294_967_295 }
/** A number as JSON has it, which is also what texts of numbers must look like. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

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
        if (tag !== 0) writer.uint32(tag)
        writer.string(json)
      }
    case ScalarType.BOOL:
      return (json, writer) => {
        if (typeof json !== 'boolean') throw new FieldFault('not true or false')
        if (skipsZero && !json) return
        if (tag !== 0) writer.uint32(tag)
        writer.bool(json)
      }
    case ScalarType.BYTES:
      return (json, writer) => {
        const bytes = toBytes(json)
        if (skipsZero && bytes.length === 0) return
        if (tag !== 0) writer.uint32(tag)
        writer.bytes(bytes)
      }
    case ScalarType.DOUBLE:
      return numberWriter(toDouble, tag, skipsZero, (writer, value) => writer.double(value))
    case ScalarType.FLOAT:
      return numberWriter(toFloat, tag, skipsZero, (writer, value) => writer.float(value))
    case ScalarType.INT32:
      return numberWriter(toInt32, tag, skipsZero, (writer, value) => writer.int32(value))
    case ScalarType.SINT32:
      return numberWriter(toInt32, tag, skipsZero, (writer, value) => writer.sint32(value))
    case ScalarType.SFIXED32:
      return numberWriter(toInt32, tag, skipsZero, (writer, value) => writer.sfixed32(value))
    case ScalarType.UINT32:
      return numberWriter(toUint32, tag, skipsZero, (writer, value) => writer.uint32(value))
    case ScalarType.FIXED32:
      return numberWriter(toUint32, tag, skipsZero, (writer, value) => writer.fixed32(value))
    case ScalarType.INT64:
      return numberWriter(toInt64, tag, skipsZero, (writer, value) => writer.int64(value))
    case ScalarType.SINT64:
      return numberWriter(toInt64, tag, skipsZero, (writer, value) => writer.sint64(value))
    case ScalarType.SFIXED64:
      return numberWriter(toInt64, tag, skipsZero, (writer, value) => writer.sfixed64(value))
    case ScalarType.UINT64:
      return numberWriter(toUint64, tag, skipsZero, (writer, value) => writer.uint64(value))
    case ScalarType.FIXED64:
      return numberWriter(toUint64, tag, skipsZero, (writer, value) => writer.fixed64(value))
  }
}

function numberWriter<T extends number | bigint>(
  read: (json: unknown) => T,
  tag: number,
  skipsZero: boolean,
  write: (writer: BinaryWriter, value: T) => unknown,
): WriteValue {
  return (json, writer) => {
    const value = read(json)
    if (skipsZero && Object.is(value, 0)) return
    if (tag !== 0) writer.uint32(tag)
    write(writer, value)
  }
}

function toInt32(json: unknown): number {
  return toInteger(json, INT32)
}

function toUint32(json: unknown): number {
  return toInteger(json, UINT32)
}

/** -0 becomes 0. */
function toInteger(json: unknown, { min, max }: typeof INT32): number {
  const value = typeof json === 'string' && NUMBER.test(json) ? Number(json) : json
  if (typeof value === 'bigint') throw new FieldFault('out of range')
  if (typeof value !== 'number') throw new FieldFault('not a number')
  if (!Number.isInteger(value)) throw new FieldFault('not a whole number')
  if (value < min || value > max) throw new FieldFault('out of range')
  return value + 0
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

function toFloat(json: unknown): number {
  const value = toDouble(json)
  const float = Math.fround(value)
  if (Number.isFinite(value) && !Number.isFinite(float)) throw new FieldFault('out of range')
  return float
}

const SHORT_INTEGER = /^-?(?:0|[1-9]\d{0,14})$/
const INTEGER = /^-?(?:0|[1-9]\d{0,19})$/
const LONG = { min: -(2n ** 63n), max: 2n ** 63n - 1n }
const UNSIGNED_LONG = { min: 0n, max: 2n ** 64n - 1n }

function toInt64(json: unknown): number | bigint {
  return toLong(json, LONG)
}

function toUint64(json: unknown): number | bigint {
  return toLong(json, UNSIGNED_LONG)
}

function toLong(json: unknown, { min, max }: typeof LONG): number | bigint {
  let value = json
  if (typeof json === 'string') {
    if (SHORT_INTEGER.test(json)) value = Number(json)
    else if (INTEGER.test(json)) value = BigInt(json)
    else if (NUMBER.test(json)) value = Number(json)
  }
  if (typeof value === 'number' && !Number.isInteger(value)) {
    throw new FieldFault(Number.isFinite(value) ? 'not a whole number' : 'out of range')
  }
  if (typeof value !== 'number' && typeof value !== 'bigint') throw new FieldFault('not a number')
  if (value < min || value > max) throw new FieldFault('out of range')
  return typeof value === 'number' ? value + 0 : value
}

/** @throws FieldFault unless the value is base64 or base64url, with or without padding */
function toBytes(json: unknown): Buffer {
  if (typeof json !== 'string') throw new FieldFault('not a string of base64')
  if (!BASE64.test(json) || json.length % 4 === 1) throw new FieldFault('not base64')
  return Buffer.from(json, 'base64')
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
