import { FORBIDDEN_IN_VALUE } from '../http/header-lines.ts'
import type { FrameWriter } from './frame-writer.ts'
import { type FieldName, fieldName } from './hpack-names.ts'
import { isBlank, MAX_PREFIX_BYTES, writeInteger, writeText } from './hpack-primitives.ts'
import { DEFAULT_TABLE_BYTES, DynamicTable, STATIC_TABLE, TableEntry } from './hpack-table.ts'

export interface HpackEncoderOptions {
  /**
   * Returns whether fields with this name, in lower case, may enter the table. The length of a block shows whether a value
   * is in the table (RFC 7541 section 7.1). So on a connection that several clients share, it must return false for every
   * field whose value one client could guess about another.
   */
  readonly mayIndex: (lowerName: string) => boolean
}

/** The leading bits of the representations (RFC 7541 section 6). */
const INDEXED = 0x80
const ADDED = 0x40
const SIZE_UPDATE = 0x20
const NEVER_INDEXED = 0x10
const NOT_ADDED = 0x00

/** Longer values do not repeat, or are secrets. */
const MAX_INDEXED_VALUE = 200
/** How many fields are remembered. A power of 2. */
const RECENT_FIELDS = 64
/** The number of a field that must not enter the table. */
const NEVER = -1
/** Longer values are not remembered, because they would take too much memory. */
const MAX_RECENT_VALUE = 4_096
/** The numbers of dynamic entries begin behind the static ones. An entry keeps its number while its index changes. */
const STATIC_COUNT = STATIC_TABLE.length

/** A field that was written recently, and was found valid. */
interface RecentField {
  /** As spelled. */
  name: string
  value: string
  /** Its number in the tables; 0 = it is in neither; NEVER = it must not be. */
  number: number
}

/**
 * Encodes the header blocks of one connection and direction (RFC 7541).
 *
 * Strings are not Huffman-encoded. It would save a quarter of the bytes of those fields that are not in the table, but it
 * takes 3 to 90 times as long as copying them (20 to 600 characters), and the other side would have to decode them.
 *
 * A field enters the table when it is written for the second time, so that values that never repeat do not evict those
 * that do. Nothing enters the table before `setMaxTableBytes` was called, because some servers, such as nginx, announce a
 * table of size 0 and refuse entries that were added before.
 */
export class HpackEncoder {
  readonly #mayIndex: (lowerName: string) => boolean
  readonly #table = new DynamicTable(0)
  /** Entries that were added to the table, evicted ones included. */
  #added = 0
  readonly #recent: (RecentField | undefined)[] = new Array(RECENT_FIELDS)
  /** The size that the table should have. */
  #bytes = DEFAULT_TABLE_BYTES
  /** The size that the other side knows of. */
  #announcedBytes = DEFAULT_TABLE_BYTES
  /** The smallest size since then. */
  #leastBytes = DEFAULT_TABLE_BYTES

  constructor({ mayIndex }: HpackEncoderOptions) {
    this.#mayIndex = mayIndex
  }

  /**
   * Applies the SETTINGS_HEADER_TABLE_SIZE of the other side. Must be called for its first SETTINGS even if they do not
   * contain it; it is then 4,096.
   */
  setMaxTableBytes(bytes: number): void {
    this.#bytes = Math.min(bytes, DEFAULT_TABLE_BYTES)
    this.#leastBytes = Math.min(this.#leastBytes, this.#bytes)
    this.#table.resize(this.#bytes)
  }

  /**
   * Writes the frames of one header block: HEADERS, and CONTINUATION if it is long. Names are written in lower case, and
   * values without blanks around them. Credentials and long values are marked as never to be indexed.
   *
   * @param lines flat: name, value, name, value; pseudo-fields first
   * @throws TypeError when a name or a value is not allowed in HTTP; nothing was written then
   */
  encode(lines: readonly string[], writer: FrameWriter, streamId: number, isEnd: boolean): void {
    const begin = writer.beginBlock()
    try {
      if (this.#leastBytes < this.#announcedBytes || this.#bytes !== this.#announcedBytes)
        this.#writeSize(writer)
      for (let i = 0; i < lines.length; i += 2) this.#write(lines[i]!, lines[i + 1]!, writer)
    } catch (error) {
      writer.dropBlock(begin)
      this.#forget()
      throw error
    }
    writer.endBlock(begin, streamId, isEnd)
  }

  #writeSize(writer: FrameWriter): void {
    writer.reserve(MAX_PREFIX_BYTES)
    if (this.#leastBytes < this.#announcedBytes && this.#leastBytes < this.#bytes)
      writer.end = writeInteger(writer.buffer, writer.end, SIZE_UPDATE, 0x1f, this.#leastBytes)
    writer.end = writeInteger(writer.buffer, writer.end, SIZE_UPDATE, 0x1f, this.#bytes)
    this.#announcedBytes = this.#leastBytes = this.#bytes
  }

  /** Begins again with an empty table, since the other side has not seen the entries and sizes of the dropped block. */
  #forget(): void {
    this.#announcedBytes = DEFAULT_TABLE_BYTES
    this.#leastBytes = 0
    this.#table.clear()
    this.#recent.fill(undefined)
  }

  #write(name: string, value: string, writer: FrameWriter): void {
    const slot = slotOf(name, value)
    const recent = this.#recent[slot]
    if (recent === undefined || recent.name !== name || recent.value !== value) {
      this.#writeNew(name, value, slot, writer)
      return
    }
    if (recent.number === NEVER) {
      writeLiteral(writer, NEVER_INDEXED, 0x0f, fieldName(name), withoutBlanks(value))
      return
    }
    const index = this.#indexOf(recent.number)
    if (index === 0) this.#writeAgain(recent, writer)
    else writeIndex(writer, index)
  }

  /** Returns the index of an entry by its number; 0 = it is in no table, or no longer. */
  #indexOf(number: number): number {
    if (number <= STATIC_COUNT) return number
    const age = this.#added - (number - STATIC_COUNT)
    return age < this.#table.length ? STATIC_COUNT + 1 + age : 0
  }

  #writeNew(spelling: string, spelledValue: string, slot: number, writer: FrameWriter): void {
    const name = fieldName(spelling)
    const value = withoutBlanks(spelledValue)
    if (FORBIDDEN_IN_VALUE.test(value)) throw new TypeError('a header value has a forbidden character')
    let number = NEVER
    if (!name.isSecret && value.length <= MAX_INDEXED_VALUE)
      number = name.values?.get(value) ?? this.#find(name.lower, value)
    if (value.length <= MAX_RECENT_VALUE) this.#recent[slot] = { name: spelling, value: spelledValue, number }
    if (number > 0) writeIndex(writer, this.#indexOf(number))
    else writeLiteral(writer, number === NEVER ? NEVER_INDEXED : NOT_ADDED, 0x0f, name, value)
  }

  /** Writes a field that was written before and is in no table. */
  #writeAgain(recent: RecentField, writer: FrameWriter): void {
    const name = fieldName(recent.name)
    const value = withoutBlanks(recent.value)
    const isAdded =
      this.#mayIndex(name.lower) && this.#table.insert(new TableEntry(name.lower, value, true, ''))
    if (isAdded) recent.number = STATIC_COUNT + ++this.#added
    if (isAdded) writeLiteral(writer, ADDED, 0x3f, name, value)
    else writeLiteral(writer, NOT_ADDED, 0x0f, name, value)
  }

  /** Returns the number of a dynamic entry; 0 = there is none. */
  #find(lowerName: string, value: string): number {
    for (let age = 0; age < this.#table.length; age++) {
      const entry = this.#table.at(age)!
      if (entry.name === lowerName && entry.value === value) return STATIC_COUNT + this.#added - age
    }
    return 0
  }
}

/** Returns where a field is remembered. Two fields may share a place; the table is then searched. */
function slotOf(name: string, value: string): number {
  const last = value.length === 0 ? 0 : value.charCodeAt(value.length - 1)
  return (name.length * 7 + name.charCodeAt(name.length - 1) + value.length * 3 + last) & (RECENT_FIELDS - 1)
}

function writeIndex(writer: FrameWriter, index: number): void {
  writer.reserve(MAX_PREFIX_BYTES)
  writer.end = writeInteger(writer.buffer, writer.end, INDEXED, 0x7f, index)
}

function writeLiteral(
  writer: FrameWriter,
  kind: number,
  prefix: number,
  name: FieldName,
  value: string,
): void {
  writer.reserve(MAX_PREFIX_BYTES + name.literal.length + value.length)
  const { buffer } = writer
  let at = writeInteger(buffer, writer.end, kind, prefix, name.index)
  if (name.index === 0) {
    buffer.set(name.literal, at)
    at += name.literal.length
  }
  writer.end = writeText(buffer, at, value)
}

/** HTTP/1 ignores blanks around a value; HTTP/2 forbids them (RFC 9113 section 8.2.1). */
function withoutBlanks(value: string): string {
  let from = 0
  let to = value.length
  while (from < to && isBlank(value.charCodeAt(from))) from++
  while (from < to && isBlank(value.charCodeAt(to - 1))) to--
  return to - from === value.length ? value : value.slice(from, to)
}
