import type { DescField } from '@bufbuild/protobuf'
import { isGroup } from './json-encoder.ts'
import type { ReadMessage } from './special-decoders.ts'
import type { WireReader } from './wire-reader.ts'
import { WIRE } from './write-scalar.ts'

export type Json = Record<string, unknown>

/** Reads the messages of one type. */
export interface MessageDecoder {
  readonly read: ReadMessage
  /** Reads into an object that is there already: a field of a message type may come in several parts. */
  readonly readInto: ((json: Json, reader: WireReader, end: number, depth: number) => void) | undefined
  readonly isSpecial: boolean
}

/** Returns the tag with which messages of a field begin. */
export function tagOfChild(field: DescField): number {
  return field.number * 8 + (isGroup(field) ? WIRE.startGroup : WIRE.bytes)
}

/** Reads a message that is a field or an element of a list, with a length or as a group. */
export function readChild(
  decoder: MessageDecoder,
  reader: WireReader,
  tag: number,
  depth: number,
  former: Json | undefined,
): unknown {
  if ((tag & 7) === WIRE.startGroup) return readGroup(decoder, reader, tag + 1, depth, former)
  const end = reader.end()
  if (former === undefined) return decoder.read(reader, end, depth + 1)
  decoder.readInto!(former, reader, end, depth + 1)
  return former
}

function readGroup(
  decoder: MessageDecoder,
  reader: WireReader,
  groupEnd: number,
  depth: number,
  former: Json | undefined,
): unknown {
  const begin = reader.at
  let last = begin
  for (let tag = reader.varint32(); tag !== groupEnd; tag = reader.varint32()) {
    reader.skip(tag)
    last = reader.at
  }
  const behind = reader.at
  reader.at = begin
  let json: unknown = former
  if (former === undefined) json = decoder.read(reader, last, depth + 1)
  else decoder.readInto!(former, reader, last, depth + 1)
  reader.at = behind
  return json
}
