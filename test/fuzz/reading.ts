/** What a reader made of the bytes that came on a connection, up to the end of one answer. */
export interface Reading {
  /** `partial`: the bytes ended before the answer did. */
  readonly outcome: 'whole' | 'partial' | 'refused'
  /** Why it was refused. */
  readonly reason: string
  /** 0 while no head was read. */
  readonly status: number
  /** Flat, without those that a gateway does not hand on. */
  readonly headers: readonly string[]
  /** Whether the connection can carry another answer. */
  readonly persistent: boolean
  /** As far as it was read; latin1. */
  readonly body: string
  /** Index behind the answer; -1 unless it is whole. */
  readonly end: number
}
