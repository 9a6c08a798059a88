import type { KeyRange } from './key-range.ts'
import type { StoreEvent } from './key-value.ts'

/** What a client wants to be told of. */
export interface WatchRequest {
  readonly range: KeyRange
  /** 0 or less = from the next revision on. */
  readonly startRevision: bigint
  /** 0 = the stream chooses. */
  readonly watchId: bigint
  readonly prevKv: boolean
  readonly noPut: boolean
  readonly noDelete: boolean
  /** Large answers may be split. */
  readonly fragment: boolean
  /** Wants a sign of life when nothing happens. */
  readonly progressNotify: boolean
}

/** What a watch stream says; without events it is about the watch itself. */
export interface WatchResponse {
  readonly watchId: bigint
  readonly revision: bigint
  readonly events?: readonly StoreEvent[]
  /** The watch asked for what its events replaced. */
  readonly prevKv?: boolean
  readonly created?: boolean
  readonly canceled?: boolean
  readonly cancelReason?: string
  readonly compactRevision?: bigint
  /** More of the same revision follows. */
  readonly fragment?: boolean
}
