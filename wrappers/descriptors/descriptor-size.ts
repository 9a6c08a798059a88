import { WireType } from '@bufbuild/protobuf/wire'
import { readWire, type WireReader } from '../protobuf/wire-reader.ts'

/** The number of the option `google.api.http`. */
export const HTTP_OPTION = 72_295_728

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
/** The option `google.api.http`, with its additional bindings. */
const RULE_PARTS: Record<number, Kind> = {}
const RULE: Kind = { counts: 'fields', inner: RULE_PARTS }
RULE_PARTS[11] = RULE
const METHOD: Kind = { counts: 'fields', inner: { 4: { counts: 'tags', inner: { [HTTP_OPTION]: RULE } } } }
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
 * Looks how much there is in the bytes of a FileDescriptorSet or of a FileDescriptorProto, before any of it is built.
 *
 * @returns why it is too much, as a text for people; undefined when it is not
 * @throws WireFault when the bytes are none
 */
export function tooMuchIn(bytes: Buffer, of: 'set' | 'file'): string | undefined {
  const counts = { types: 0, fields: 0, tags: 0 }
  return readWire(
    bytes,
    reader => scan(reader, of === 'set' ? SET : FILE, 0, counts),
    Number.POSITIVE_INFINITY,
  ) as string | undefined
}

function scan(
  reader: WireReader,
  kind: Kind,
  depth: number,
  counts: { types: number; fields: number; tags: number },
): string | undefined {
  counts[kind.counts]++
  let reason = depth > MAX.nesting + 2 ? `types are nested more than ${MAX.nesting} deep` : undefined
  while (reason === undefined && reader.pos < reader.end) {
    const tag = reader.uint32()
    const inner = kind.inner[tag >>> 3]
    if (++counts.tags > MAX.tags || counts.fields > MAX.fields) reason = 'there is too much in it'
    else if (counts.types > MAX.types) reason = `there are more than ${MAX.types} types`
    else if (inner === undefined || (tag & 7) !== WireType.LengthDelimited) reader.skipField(tag)
    else reason = reader.message(() => scan(reader, inner, depth + 1, counts), depth) as string | undefined
  }
  if (reason !== undefined) reader.pos = reader.end
  return reason
}
