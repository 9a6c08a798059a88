import type { KeyRange } from './key-range.ts'
import type { StoreEvent } from './key-value.ts'

/** The request to create a watch. */
export interface WatchRequest {
  readonly range: KeyRange
  /** 0 or less means from the next revision on. */
  readonly startRevision: bigint
  /** 0 lets the stream choose one. */
  readonly watchId: bigint
  readonly prevKv: boolean
  readonly noPut: boolean
  readonly noDelete: boolean
  /** Whether large messages may be split. */
  readonly fragment: boolean
  /** Whether to send progress notifications while nothing happens. */
  readonly progressNotify: boolean
}

/** A message of a watch stream. Without events it is about the watch itself. */
export interface WatchResponse {
  readonly watchId: bigint
  readonly revision: bigint
  readonly events?: readonly StoreEvent[]
  /** Whether the events include the previous states. */
  readonly prevKv?: boolean
  readonly created?: boolean
  readonly canceled?: boolean
  readonly cancelReason?: string
  readonly compactRevision?: bigint
  /** Whether more events of the same revision follow in the next message. */
  readonly fragment?: boolean
}
