import { WireFault, WireReader } from '../protobuf/wire-reader.ts'
import { WIRE } from '../protobuf/write-scalar.ts'

/** What may be in a set. Bytes alone say little: an empty message takes two of them, and microseconds to read. */
const MAX = { types: 20_000, fields: 200_000, tags: 500_000, nesting: 64 }

/** A kind of message in google/protobuf/descriptor.proto, with the numbers of the fields that are messages themselves. */
interface Kind {
  readonly counts: 'types' | 'fields' | 'tags'
  readonly inner: Readonly<Record<number, Kind>>
}

const OPTIONS: Kind = { counts: 'tags', inner: {} }
const FIELD: Kind = { counts: 'fields', inner: { 8: OPTIONS } }
const VALUE: Kind = { counts: 'fields', inner: { 3: OPTIONS } }
const METHOD: Kind = { counts: 'fields', inner: { 4: OPTIONS } }
const ENUM: Kind = { counts: 'types', inner: { 2: VALUE, 3: OPTIONS } }
const SERVICE: Kind = { counts: 'types', inner: { 2: METHOD, 3: OPTIONS } }
const MESSAGE_PARTS: Record<number, Kind> = { 2: FIELD, 4: ENUM, 6: FIELD, 7: OPTIONS }
const MESSAGE: Kind = { counts: 'types', inner: MESSAGE_PARTS }
MESSAGE_PARTS[3] = MESSAGE
const SOURCE: Kind = { counts: 'tags', inner: { 1: OPTIONS } }
const FILE: Kind = {
  counts: 'types',
  inner: { 4: MESSAGE, 5: ENUM, 6: SERVICE, 7: FIELD, 8: OPTIONS, 9: SOURCE },
}
const SET: Kind = { counts: 'tags', inner: { 1: FILE } }

/**
 * Looks how much there is in the bytes of a FileDescriptorSet, before any of it is built.
 *
 * @returns why it is too much, as a text for people; undefined when it is not
 * @throws WireFault when the bytes are no set
 */
export function tooMuchInSet(bytes: Buffer): string | undefined {
  return tooMuch(bytes, SET)
}

/** Does the same for a FileDescriptorProto. */
export function tooMuchInFile(bytes: Buffer): string | undefined {
  return tooMuch(bytes, FILE)
}

function tooMuch(bytes: Buffer, kind: Kind): string | undefined {
  const counts = { types: 0, fields: 0, tags: 0 }
  return scan(new WireReader(bytes), bytes.length, kind, 0, counts)
}

function scan(
  reader: WireReader,
  end: number,
  kind: Kind,
  depth: number,
  counts: { types: number; fields: number; tags: number },
): string | undefined {
  if (depth > MAX.nesting + 2) return `types are nested more than ${MAX.nesting} deep`
  counts[kind.counts]++
  while (reader.at < end) {
    const tag = reader.varint32()
    if (++counts.tags > MAX.tags || counts.fields > MAX.fields) return 'there is too much in it'
    if (counts.types > MAX.types) return `there are more than ${MAX.types} types`
    const inner = kind.inner[tag >>> 3]
    if (inner === undefined || (tag & 7) !== WIRE.bytes) {
      reader.skip(tag)
      continue
    }
    const reason = scan(reader, reader.end(), inner, depth + 1, counts)
    if (reason !== undefined) return reason
  }
  if (reader.at > end) throw new WireFault('a field reaches beyond its message')
  return undefined
}
