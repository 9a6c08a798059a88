import type { KeyObject } from 'node:crypto'

/** A key that signatures are checked with, and what for. */
export interface VerificationKey {
  /** A KeyObject, not text: jsonwebtoken parses text anew for every token, at up to 50 times the cost. */
  readonly key: KeyObject
  /** Only these, whatever a token says of itself: one key for two kinds of algorithm is how signatures are forged. */
  readonly algorithms: readonly string[]
  readonly keyId?: string | undefined
  /** Set once its owner has taken it back: nothing that it signed is accepted any more. */
  isRetired?: boolean
}

/** The keys of one issuer. */
export interface KeySource {
  /** Whether it has keys; false while they have not come yet. */
  readonly isLoaded: boolean
  /** The one key that may have signed; undefined when there is none, or several that nothing tells apart. */
  find(algorithm: string, keyId: string | undefined): VerificationKey | undefined
  /** Fetches newer keys, and never rejects; undefined when none are to be had now. */
  refresh(): Promise<void> | undefined
}

/** One key that does not change while the gateway runs. It may have signed whatever its algorithms can sign. */
export function fixedKey(key: VerificationKey): KeySource {
  return {
    isLoaded: true,
    find: algorithm => (key.algorithms.includes(algorithm) ? key : undefined),
    refresh: () => undefined,
  }
}
