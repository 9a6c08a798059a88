import type { DescField } from '@bufbuild/protobuf'
import { WireType } from '@bufbuild/protobuf/wire'
import { READ_SCALAR, zeroOf } from './read-scalar.ts'
import { isSpecial, type Json, setOwn } from './special-decoders.ts'
import type { ReadValue, WireReader } from './wire-reader.ts'
import { tagOf, valueTypeOf, wireTypeOf } from './wire-types.ts'

/** Reads a field, whose tag was read, into the JSON of its message. A field of another wire type is not known. */
export type ReadField = (reader: WireReader, tag: number, json: Json, depth: number) => void

/** What an object or an array takes of what may be made of a message, and any value in it. */
export const COST = { container: 64, value: 8 }

/** Returns what a field takes in its object. */
export function costOf(name: string): number {
  return name.length + COST.value
}

/** Each field of a oneof looks for all the others. */
function singleCostOf({ oneof }: DescField, name: string): number {
  return costOf(name) + (oneof?.fields.length ?? 0)
}

/** Removes the other fields of a oneof. */
type ClearOthers = ((json: Json) => void) | undefined

interface ScalarOptions {
  /** A value that is not written; undefined = all are. */
  readonly zero: unknown
  readonly clearOthers: ClearOthers
}

/** Returns the reader of a field that is neither a message nor repeated. */
export function scalarReader(
  field: DescField,
  name: string,
  read: ReadValue,
  { zero, clearOthers }: ScalarOptions,
): ReadField {
  const cost = singleCostOf(field, name)
  const wireType = valueTypeOf(field)
  return (reader, tag, json, depth) => {
    if ((tag & 7) !== wireType) {
      reader.skipField(tag)
      return
    }
    reader.spend(cost)
    clearOthers?.(json)
    const value = read(reader, depth)
    if (value !== zero || Object.is(value, -0)) setOwn(json, name, value)
    else delete json[name]
  }
}

/** Returns the reader of a field that is a message, which may come in several parts. */
export function messageReader(
  field: DescField & { fieldKind: 'message' },
  name: string,
  read: ReadValue,
  clearOthers: ClearOthers,
): ReadField {
  const cost = singleCostOf(field, name)
  const wireType = valueTypeOf(field)
  const isWhole = isSpecial(field.message)
  return (reader, tag, json, depth) => {
    if ((tag & 7) !== wireType) {
      reader.skipField(tag)
      return
    }
    reader.spend(cost)
    clearOthers?.(json)
    const former = isWhole || !Object.hasOwn(json, name) ? undefined : json[name]
    setOwn(json, name, readMessage(reader, tag, read, depth, former))
  }
}

/** Returns the reader of a repeated field, whose numbers may be packed or not. */
export function listReader(
  field: DescField & { fieldKind: 'list' },
  name: string,
  read: ReadValue,
): ReadField {
  const cost = costOf(name) + COST.container
  const wireType = valueTypeOf(field)
  const isMessage = field.message !== undefined
  const canBePacked = !isMessage && wireType !== WireType.LengthDelimited
  const readPacked: ReadValue = (reader, depth, list) => {
    while (reader.pos < reader.end) {
      reader.spend(COST.value)
      ;(list as unknown[]).push(read(reader, depth))
    }
  }
  return (reader, tag, json, depth) => {
    const isPacked = canBePacked && (tag & 7) === WireType.LengthDelimited
    if ((tag & 7) !== wireType && !isPacked) {
      reader.skipField(tag)
      return
    }
    reader.spend(COST.value)
    if (!Object.hasOwn(json, name)) {
      reader.spend(cost)
      setOwn(json, name, [])
    }
    const list = json[name] as unknown[]
    if (isPacked) reader.message(readPacked, depth, list)
    else list.push(isMessage ? readMessage(reader, tag, read, depth) : read(reader, depth))
  }
}

/** Returns the reader of a map. An entry without a value has the zero of its type, or a message without fields. */
export function mapReader(
  field: DescField & { fieldKind: 'map' },
  name: string,
  read: ReadValue,
  zero: () => unknown,
): ReadField {
  const cost = costOf(name) + COST.container
  const readKey = READ_SCALAR[field.mapKey]
  const keyTag = tagOf(1, wireTypeOf(field.mapKey))
  const valueTag = tagOf(2, valueTypeOf(field))
  const isMessage = field.message !== undefined
  const readEntry: ReadValue = (reader, depth, map) => {
    let key = zeroOf(field.mapKey)
    let value: unknown
    while (reader.pos < reader.end) {
      const tag = reader.uint32()
      if (tag === keyTag) key = readKey(reader, depth)
      else if (tag !== valueTag) reader.skipField(tag)
      else value = isMessage ? reader.message(read, depth + 1) : read(reader, depth)
    }
    if (value === undefined) {
      value = isMessage ? reader.part(reader.end, reader.end, read, depth + 1) : zero()
    }
    setOwn(map as Json, String(key), value)
  }
  return (reader, tag, json, depth) => {
    if ((tag & 7) !== WireType.LengthDelimited) {
      reader.skipField(tag)
      return
    }
    reader.spend(COST.container)
    if (!Object.hasOwn(json, name)) {
      reader.spend(cost)
      setOwn(json, name, {})
    }
    reader.message(readEntry, depth, json[name])
  }
}

function readMessage(
  reader: WireReader,
  tag: number,
  read: ReadValue,
  depth: number,
  former?: unknown,
): unknown {
  return (tag & 7) === WireType.StartGroup
    ? reader.group(read, depth + 1, former)
    : reader.message(read, depth + 1, former)
}
