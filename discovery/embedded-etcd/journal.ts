import type { StoreEvent } from './key-value.ts'

/** What a lease needs to be restored. */
export interface KeptLease {
  readonly id: bigint
  readonly ttlSeconds: bigint
  /** When it ends unless it is renewed, in milliseconds since 1970. */
  readonly untilMs: number
  /** Whether it was renewed since `untilMs` was written, so that it may last longer. */
  readonly isRenewed: boolean
}

/** A change that a restart must not lose. */
export type StoreChange =
  | { readonly kind: 'write'; readonly revision: bigint; readonly events: readonly StoreEvent[] }
  | { readonly kind: 'compact'; readonly revision: bigint }
  | { readonly kind: 'lease'; readonly lease: KeptLease }
  | { readonly kind: 'renew'; readonly id: bigint }
  | { readonly kind: 'revoke'; readonly id: bigint }

/** Where the store and the leases note their changes. */
export interface Journal {
  /** Whether changes are refused, because they cannot be kept. */
  readonly isRefusing: boolean
  /**
   * Is called before a change.
   *
   * @throws EtcdError when changes are refused
   */
  permit(): void
  /**
   * Notes a change that was made in memory.
   *
   * @param undo takes it back, when it turns out that it cannot be kept
   * @param done is called when it is kept
   */
  add(change: StoreChange, undo: () => void, done?: () => void): void
}

/** Keeps nothing: every change is as good as it gets at once. */
export const NO_JOURNAL: Journal = {
  isRefusing: false,
  permit() {},
  add: (_change, _undo, done) => done?.(),
}

/** Runs what clients ask for, one call after the other. */
export interface CallTurns {
  /**
   * Runs `work`, and then `deliver` with its result when everything that the result tells is kept. `work` may run a second time,
   * with changes refused, when what it changed could not be kept. Neither may throw.
   */
  run<T>(work: () => T, deliver: (result: T) => void): void
}

/** The turns of a store that keeps nothing: each call is answered at once. */
export const AT_ONCE: CallTurns = { run: (work, deliver) => deliver(work()) }
