import { FORBIDDEN_IN_VALUE, getHeader } from '../http/header-lines.ts'
import { ERROR, Http2Error } from './frames.ts'
import { isBlank } from './hpack-primitives.ts'
import { DynamicTable, FIELD_OVERHEAD_BYTES, STATIC_TABLE, TableEntry } from './hpack-table.ts'
import { decodeHuffman } from './huffman.ts'
import { type CheckedValue, KnownValues } from './known-values.ts'

export interface HpackDecoderOptions {
  /** The SETTINGS_HEADER_TABLE_SIZE that we announced. */
  readonly maxTableBytes: number
  /** The largest list of fields, each counted with 32 bytes beyond its name and value. */
  readonly maxListBytes: number
  readonly maxFields: number
}

/** A block may empty the table and then set its size (RFC 7541 section 4.2). Nobody needs more than that. */
const MAX_SIZE_UPDATES = 2
/** Integers up to 2^32 - 1 fit in as many octets behind the prefix. */
const MAX_INTEGER_OCTETS = 5

/** RFC 9113 section 8.2.1. The names of pseudo-fields begin with a colon. */
const FIELD_NAME = /^:?[!#$%&'*+.^_`|~0-9a-z-]+$/

/** Decodes the header blocks of one connection and direction (RFC 7541). */
export class HpackDecoder {
  readonly #options: HpackDecoderOptions
  readonly #table: DynamicTable
  readonly #known = new KnownValues()
  /** Where in the block the next octet is. */
  #at = 0
  /** The content type in the last list that exceeded a limit. A refusal is written in the protocol that it names. */
  refusedType: string | undefined = undefined
  /** Whether the text whose length was read last is Huffman-encoded. */
  #isHuffman = false

  constructor(options: HpackDecoderOptions) {
    this.#options = options
    this.#table = new DynamicTable(options.maxTableBytes)
  }

  /**
   * Decodes one whole block into flat lines: name, value, name, value. They are latin1.
   *
   * A field that is malformed on its own becomes the name '' with the broken rule as its value, and field-rules.ts refuses
   * it. Such a field has a name that is not a token in lower case, or a value that contains a control character or begins
   * or ends with a blank. An entry of a table is checked once, so repeated fields cost no check.
   *
   * @returns undefined when the list exceeds a limit; the block was then decoded to its end, so the next one can be decoded
   * @throws Http2Error COMPRESSION_ERROR; the connection is then over
   */
  decode(block: Buffer, start: number, end: number): string[] | undefined {
    const { maxListBytes, maxFields } = this.#options
    const lines: string[] = []
    let listBytes = 0
    let fields = 0
    let sizeUpdates = 0
    let type: string | undefined
    this.#at = start
    while (this.#at < end) {
      const octet = block[this.#at++]!
      let entry: TableEntry
      if (octet >= 0x80) {
        entry = this.#entryAt(octet === 0xff ? this.#integer(block, end, 0x7f) : octet & 0x7f)
      } else if (octet >= 0x40) {
        entry = this.#literal(block, end, octet, 0x3f)
        this.#table.insert(entry)
      } else if (octet >= 0x20) {
        if (fields > 0) throw malformed('a header block changes the size of the table behind a field')
        if (++sizeUpdates > MAX_SIZE_UPDATES)
          throw malformed('a header block changes the size of the table too often')
        this.#resize(octet === 0x3f ? this.#integer(block, end, 0x1f) : octet & 0x1f)
        continue
      } else {
        // The encoder decides anew what is never indexed, so it need not be known here.
        entry = this.#literal(block, end, octet, 0x0f)
      }
      listBytes += entry.name.length + entry.value.length + FIELD_OVERHEAD_BYTES
      fields++
      if (fields > maxFields || listBytes > maxListBytes) {
        if (entry.name === 'content-type' && entry.brokenRule === '') type = entry.value
        continue
      }
      if (entry.brokenRule === '') lines.push(entry.name, entry.value)
      else lines.push('', entry.brokenRule)
    }
    if (fields <= maxFields && listBytes <= maxListBytes) return lines
    this.refusedType = type ?? getHeader(lines, 'content-type')
    return undefined
  }

  #entryAt(index: number): TableEntry {
    const entry =
      index <= STATIC_TABLE.length ? STATIC_TABLE[index - 1] : this.#table.at(index - STATIC_TABLE.length - 1)
    if (entry === undefined) throw malformed('a header block has an index that stands for nothing')
    return entry
  }

  #literal(block: Buffer, end: number, octet: number, prefix: number): TableEntry {
    let index = octet & prefix
    if (index === prefix) index = this.#integer(block, end, prefix)
    let name: string
    let isNameValid: boolean
    if (index === 0) {
      name = this.#text(block, this.#skipText(block, end))
      isNameValid = FIELD_NAME.test(name)
    } else {
      ;({ name, isNameValid } = this.#entryAt(index))
    }
    const { text, brokenRule } = this.#value(block, end)
    const rule = isNameValid ? brokenRule : 'a field name is not a token in lower case'
    return new TableEntry(name, text, isNameValid, rule)
  }

  #resize(bytes: number): void {
    if (bytes > this.#options.maxTableBytes)
      throw malformed('a header block makes the table larger than SETTINGS allow')
    this.#table.resize(bytes)
  }

  /** Reads the value of a field, or recognises it. */
  #value(block: Buffer, end: number): CheckedValue {
    const from = this.#skipText(block, end)
    const known = this.#known.find(block, from, this.#at, this.#isHuffman)
    if (known !== undefined) return known
    const text = this.#text(block, from)
    const value = { text, brokenRule: ruleBrokenBy(text) }
    this.#known.add(block, from, this.#at, this.#isHuffman, value)
    return value
  }

  /** Moves behind a text (RFC 7541 section 5.2). Returns where the text begins, behind its length. */
  #skipText(block: Buffer, end: number): number {
    if (this.#at >= end) throw malformed('a header block ends within a field')
    const octet = block[this.#at++]!
    this.#isHuffman = octet >= 0x80
    const length = (octet & 0x7f) === 0x7f ? this.#integer(block, end, 0x7f) : octet & 0x7f
    const from = this.#at
    this.#at += length
    if (this.#at > end) throw malformed('a header block ends within a field')
    return from
  }

  /** Decodes the text that was skipped last. */
  #text(block: Buffer, from: number): string {
    return this.#isHuffman ? decodeHuffman(block, from, this.#at) : block.toString('latin1', from, this.#at)
  }

  /** Reads the rest of an integer whose prefix is all ones (RFC 7541 section 5.1). */
  #integer(block: Buffer, end: number, prefix: number): number {
    let value = prefix
    let weight = 1
    for (let octets = 0; octets < MAX_INTEGER_OCTETS && this.#at < end; octets++) {
      const octet = block[this.#at++]!
      value += (octet & 0x7f) * weight
      if (octet < 0x80) return value
      weight *= 128
    }
    throw malformed('a header block has an integer that is too long')
  }
}

/** Returns the rule that a value breaks, whatever its name (RFC 9113 section 8.2.1). */
function ruleBrokenBy(value: string): string {
  if (FORBIDDEN_IN_VALUE.test(value)) return 'a field value has a control character'
  return isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1))
    ? 'a field value begins or ends with a blank'
    : ''
}

function malformed(message: string): Http2Error {
  return new Http2Error(ERROR.compressionError, message)
}
