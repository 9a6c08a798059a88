/** An entry of the static or the dynamic table. */
export class TableEntry {
  readonly name: string
  readonly value: string
  /** Whether the name is one that HTTP/2 allows. */
  readonly isNameValid: boolean
  /** The rule that the field breaks on its own, whatever the other fields are; '' = none. */
  readonly brokenRule: string

  constructor(name: string, value: string, isNameValid: boolean, brokenRule: string) {
    this.name = name
    this.value = value
    this.isNameValid = isNameValid
    this.brokenRule = brokenRule
  }
}

/** The bytes that count for an entry or a field beside its name and value (RFC 7541 section 4.1, RFC 9113 section 6.5.2). */
export const FIELD_OVERHEAD_BYTES = 32

/** The default of SETTINGS_HEADER_TABLE_SIZE. We announce no other size, and use no more than this ourselves. */
export const DEFAULT_TABLE_BYTES = 4_096

/** The dynamic table of one connection and direction (RFC 7541 section 2.3.2). Its newest entry has index 0 here. */
export class DynamicTable {
  /** The oldest entry first. Those before `#first` are evicted. */
  #entries: (TableEntry | undefined)[] = []
  #first = 0
  #bytes = 0
  #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** How many entries there are. */
  get length(): number {
    return this.#entries.length - this.#first
  }

  /** Returns the entry that came `index` entries before the newest one; undefined when there are not so many. */
  at(index: number): TableEntry | undefined {
    return index < this.length ? this.#entries[this.#entries.length - 1 - index] : undefined
  }

  /**
   * Adds an entry, and evicts the oldest ones to make room. An entry that is larger than the table only empties it.
   *
   * @returns whether the entry is in the table
   */
  insert(entry: TableEntry): boolean {
    const bytes = sizeOf(entry)
    this.#evictDownTo(this.#maxBytes - bytes)
    if (bytes > this.#maxBytes) return false
    this.#entries.push(entry)
    this.#bytes += bytes
    return true
  }

  /** Evicts all entries. */
  clear(): void {
    this.#evictDownTo(0)
  }

  /** Sets the size, and evicts what is beyond it. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes
    this.#evictDownTo(maxBytes)
  }

  #evictDownTo(bytes: number): void {
    while (this.#bytes > bytes && this.length > 0) {
      this.#bytes -= sizeOf(this.#entries[this.#first]!)
      this.#entries[this.#first++] = undefined
    }
    // The evicted part is removed when it is half of the array, so that an insertion costs the same in the long run.
    if (this.#first > 32 && this.#first * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first)
      this.#first = 0
    }
  }
}

function sizeOf({ name, value }: TableEntry): number {
  return name.length + value.length + FIELD_OVERHEAD_BYTES
}

/** The static table (RFC 7541 appendix A). Its first entry has index 1. */
export const STATIC_TABLE: readonly TableEntry[] = (
  [
    [':authority', ''],
    [':method', 'GET'],
    [':method', 'POST'],
    [':path', '/'],
    [':path', '/index.html'],
    [':scheme', 'http'],
    [':scheme', 'https'],
    [':status', '200'],
    [':status', '204'],
    [':status', '206'],
    [':status', '304'],
    [':status', '400'],
    [':status', '404'],
    [':status', '500'],
    ['accept-charset', ''],
    ['accept-encoding', 'gzip, deflate'],
    ['accept-language', ''],
    ['accept-ranges', ''],
    ['accept', ''],
    ['access-control-allow-origin', ''],
    ['age', ''],
    ['allow', ''],
    ['authorization', ''],
    ['cache-control', ''],
    ['content-disposition', ''],
    ['content-encoding', ''],
    ['content-language', ''],
    ['content-length', ''],
    ['content-location', ''],
    ['content-range', ''],
    ['content-type', ''],
    ['cookie', ''],
    ['date', ''],
    ['etag', ''],
    ['expect', ''],
    ['expires', ''],
    ['from', ''],
    ['host', ''],
    ['if-match', ''],
    ['if-modified-since', ''],
    ['if-none-match', ''],
    ['if-range', ''],
    ['if-unmodified-since', ''],
    ['last-modified', ''],
    ['link', ''],
    ['location', ''],
    ['max-forwards', ''],
    ['proxy-authenticate', ''],
    ['proxy-authorization', ''],
    ['range', ''],
    ['referer', ''],
    ['refresh', ''],
    ['retry-after', ''],
    ['server', ''],
    ['set-cookie', ''],
    ['strict-transport-security', ''],
    ['transfer-encoding', ''],
    ['user-agent', ''],
    ['vary', ''],
    ['via', ''],
    ['www-authenticate', ''],
  ] as const
).map(([name, value]) => new TableEntry(name, value, true, ''))
