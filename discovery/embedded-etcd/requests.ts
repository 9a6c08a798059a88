import type { KeyRange } from './key-range.ts'
import type { KeyValue } from './key-value.ts'

export const SORT_ORDERS = ['none', 'ascend', 'descend'] as const
export const SORT_TARGETS = ['key', 'version', 'createRevision', 'modRevision', 'value'] as const
export const COMPARE_RESULTS = ['equal', 'greater', 'less', 'notEqual'] as const
export const COMPARE_TARGETS = ['version', 'createRevision', 'modRevision', 'value', 'lease'] as const

/** Inclusive bounds; 0 means none. */
export interface RevisionFilter {
  readonly min: bigint
  readonly max: bigint
}

export interface RangeRequest {
  readonly range: KeyRange
  /** 0 or less means no limit. */
  readonly limit: number
  /** 0 or less means the current revision. */
  readonly revision: bigint
  readonly sortOrder: (typeof SORT_ORDERS)[number]
  readonly sortTarget: (typeof SORT_TARGETS)[number]
  readonly keysOnly: boolean
  readonly countOnly: boolean
  readonly modRevision: RevisionFilter
  readonly createRevision: RevisionFilter
}

export interface PutRequest {
  readonly key: Buffer
  readonly value: Buffer
  readonly lease: bigint
  readonly prevKv: boolean
  /** Whether to keep the current value of the key. */
  readonly ignoreValue: boolean
  /** Whether to keep the current lease of the key. */
  readonly ignoreLease: boolean
}

export interface DeleteRequest {
  readonly range: KeyRange
  readonly prevKv: boolean
}

/**
 * A comparison that is true when `target` of every key in the range has the relation `result` to `operand`.
 */
export interface Compare {
  readonly range: KeyRange
  readonly result: (typeof COMPARE_RESULTS)[number]
  readonly target: (typeof COMPARE_TARGETS)[number]
  /** Bytes for the target `value`, and a number for all others. */
  readonly operand: bigint | Buffer
}

export interface TxnRequest {
  readonly compares: readonly Compare[]
  readonly success: readonly Op[]
  readonly failure: readonly Op[]
}

export type Op =
  | { readonly kind: 'range'; readonly request: RangeRequest }
  | { readonly kind: 'put'; readonly request: PutRequest }
  | { readonly kind: 'delete'; readonly request: DeleteRequest }
  | { readonly kind: 'txn'; readonly request: TxnRequest }

export interface RangeResult {
  readonly revision: bigint
  readonly kvs: readonly KeyValue[]
  /** Whether the response must omit the values. */
  readonly keysOnly: boolean
  /** Whether the limit left out some keys. */
  readonly more: boolean
  /** The number of keys in the range, regardless of limit and filters. */
  readonly count: number
}

export interface PutResult {
  readonly revision: bigint
  readonly previous: KeyValue | undefined
}

export interface DeleteResult {
  readonly revision: bigint
  readonly deleted: number
  readonly previous: readonly KeyValue[]
}

export interface TxnResult {
  readonly revision: bigint
  readonly succeeded: boolean
  readonly results: readonly OpResult[]
}

export type OpResult =
  | { readonly kind: 'range'; readonly result: RangeResult }
  | { readonly kind: 'put'; readonly result: PutResult }
  | { readonly kind: 'delete'; readonly result: DeleteResult }
  | { readonly kind: 'txn'; readonly result: TxnResult }
