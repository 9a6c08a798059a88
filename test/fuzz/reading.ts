/** One interim answer. */
export interface Interim {
  readonly status: number
  /** Flat, without the headers that a gateway does not pass on. */
  readonly headers: readonly string[]
}

/** What a reader has read from the bytes of a connection, up to the end of one answer. */
export interface Reading {
  /** `partial`: the bytes ended before the answer did. */
  readonly outcome: 'whole' | 'partial' | 'refused'
  /** Why the answer was refused; empty unless it was. */
  readonly reason: string
  /** 0 when no head was read. */
  readonly status: number
  /** Flat, without the headers that a gateway does not pass on. */
  readonly headers: readonly string[]
  /** The interim answers before the head, whether or not a head followed. */
  readonly interims: readonly Interim[]
  /** The names, in lower case, that Connection lists in the head. */
  readonly connectionOptions: readonly string[]
  /** Flat, as they were sent; empty until the answer is whole. */
  readonly trailers: readonly string[]
  /** Whether the connection can carry another answer. */
  readonly persistent: boolean
  /** The part of the body that was read, latin1. */
  readonly body: string
  /** Index behind the answer; -1 unless the answer is whole. */
  readonly end: number
}
