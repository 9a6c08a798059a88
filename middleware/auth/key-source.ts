import type { KeyObject } from 'node:crypto'

/** A key for checking signatures, with the algorithms it is meant for. */
export interface VerificationKey {
  /** A KeyObject, not text: jsonwebtoken would parse text again for every token, at up to 50 times the cost. */
  readonly key: KeyObject
  /** Overrides the token's own `alg`: using one key for two kinds of algorithm is how signatures are forged. */
  readonly algorithms: readonly string[]
  readonly keyId?: string | undefined
  /** True once the issuer has withdrawn the key: tokens signed with it are no longer accepted. */
  isRetired?: boolean
  /** When tokens signed with it stop being accepted, milliseconds since 1970; undefined = never. */
  readonly acceptedUntil?: number | undefined
}

/** The keys of one issuer. */
export interface KeySource {
  /** False until the keys have been loaded for the first time. */
  readonly isLoaded: boolean
  /** Keys from before the present one, whose tokens are still accepted; undefined = there are none. */
  readonly former?: readonly VerificationKey[] | undefined
  /** Finds the key that a token was signed with; undefined when none fits, or when several fit equally well. */
  find(algorithm: string, keyId: string | undefined): VerificationKey | undefined
  /** Whether the issuer may have a key with this id that is not known here, because the keys cannot be fetched. Default: no. */
  mayLack?(keyId: string): boolean
  /** Fetches the keys again and never rejects; undefined when no fetch is allowed at the moment. */
  refresh(): Promise<void> | undefined
}

/** Creates a source of one key that never changes. It fits every token of its algorithms, whatever the `kid`. */
export function fixedKey(key: VerificationKey, former?: readonly VerificationKey[]): KeySource {
  return {
    isLoaded: true,
    former,
    find: algorithm => (key.algorithms.includes(algorithm) ? key : undefined),
    refresh: () => undefined,
  }
}
