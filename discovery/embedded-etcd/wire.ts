import { isDeletion, type KeyValue, type StoreEvent } from './key-value.ts'

/** A 64-bit number in a request. */
export type Int64 = string

/** A 64-bit number in a response, as its two halves, so that it needs no parsing. */
export interface Long {
  readonly low: number
  readonly high: number
  readonly unsigned: boolean
}

export function toLong(value: bigint): Long {
  return {
    low: Number(BigInt.asIntN(32, value)),
    high: Number(BigInt.asIntN(32, value >> 32n)),
    unsigned: false,
  }
}

export interface WireKeyValue {
  readonly key: Buffer
  readonly value?: Buffer
  readonly create_revision: Long
  readonly mod_revision: Long
  readonly version: Long
  readonly lease: Long
}

export function toWireKeyValue(kv: KeyValue, keysOnly = false): WireKeyValue {
  const common = {
    key: kv.key,
    create_revision: toLong(kv.createRevision),
    mod_revision: toLong(kv.modRevision),
    version: toLong(kv.version),
    lease: toLong(kv.lease),
  }
  return keysOnly ? common : { ...common, value: kv.value }
}

export interface WireEvent {
  /** 0 = put, 1 = delete. */
  readonly type: number
  readonly kv: WireKeyValue
  readonly prev_kv?: WireKeyValue
}

export function toWireEvent({ kv, previous }: StoreEvent, prevKv: boolean): WireEvent {
  const event = { type: isDeletion(kv) ? 1 : 0, kv: toWireKeyValue(kv) }
  return prevKv && previous ? { ...event, prev_kv: toWireKeyValue(previous) } : event
}

/** The header of every response. */
export interface WireHeader {
  readonly cluster_id?: Long
  readonly member_id?: Long
  readonly revision: Long
  readonly raft_term?: Long
}

/** Creates the header of a response at `revision`. */
export type HeaderFactory = (revision: bigint) => WireHeader

/** A store without elections stays in its first term. */
export const RAFT_TERM = 1n
