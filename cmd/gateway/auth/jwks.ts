import { readJwk } from '../../../config/kit/jwk.ts'
import type { Algorithm } from '../../../config/kit/key-algorithms.ts'
import type { Logger } from '../../../discovery/logger.ts'
import { parseJson } from '../../../internal/text/json.ts'
import type { KeySource, VerificationKey } from '../../../middleware/auth/key-source.ts'
import { fetchJwks } from './fetch-jwks.ts'

export interface JwksOptions {
  readonly url: string
  /** Undefined = every algorithm that the keys support. */
  readonly algorithms?: readonly Algorithm[] | undefined
  readonly refreshMs: number
  /** The shortest time between two fetches caused by tokens. */
  readonly cooldownMs: number
  readonly logger: Logger
  /** Default: `fetchJwks`. */
  readonly fetch?: ((url: string, options: { signal: AbortSignal }) => Promise<string>) | undefined
  /** Milliseconds on the monotonic clock. */
  readonly now?: (() => number) | undefined
}

/** Issuers have a handful of keys; a larger set is refused. */
const MAX_KEYS = 100

/**
 * The public keys of an issuer (a JWK Set, RFC 7517), fetched from its `jwksUrl` and kept up to date. The last good
 * set stays in use while the address does not answer, or answers with something that is not a key set: only a new set
 * can withdraw a key. The owner calls `start()` and `close()`.
 */
export class Jwks implements KeySource {
  readonly #options: JwksOptions
  readonly #now: () => number
  readonly #closing = new AbortController()
  /** By the text of the JWK, so that an unchanged key stays the same object. */
  #keys: ReadonlyMap<string, VerificationKey> = new Map()
  #fetching: Promise<void> | undefined
  #fetchedAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  /** Why the last fetch failed; the same reason is logged once. */
  #failure: string | undefined
  isLoaded = false

  constructor(options: JwksOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** Fetches the set now, and then once per interval. */
  start(): void {
    void this.#fetch()
    this.#timer = setInterval(() => void this.#fetch(), this.#options.refreshMs).unref()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#closing.abort()
  }

  /**
   * Finds the key for the algorithm that has this `kid`; without a `kid`, the only key for the algorithm. Returns none
   * of several candidates: trying them all would let any client cause that work with a token.
   */
  find(algorithm: string, keyId: string | undefined): VerificationKey | undefined {
    let found: VerificationKey | undefined
    for (const key of this.#keys.values()) {
      if (!key.algorithms.includes(algorithm) || (keyId !== undefined && key.keyId !== keyId)) continue
      if (found) return undefined
      found = key
    }
    return found
  }

  mayLack(keyId: string): boolean {
    return this.#failure !== undefined && ![...this.#keys.values()].some(key => key.keyId === keyId)
  }

  refresh(): Promise<void> | undefined {
    if (this.#fetching) return this.#fetching
    return this.#now() - this.#fetchedAt < this.#options.cooldownMs ? undefined : this.#fetch()
  }

  #fetch(): Promise<void> {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #fetchOnce(): Promise<void> {
    const { url, fetch = fetchJwks, logger } = this.#options
    const { signal } = this.#closing
    this.#fetchedAt = this.#now()
    try {
      const text = await fetch(url, { signal })
      if (signal.aborted) return
      this.#take(text)
      if (this.#failure !== undefined) logger.info({ url }, 'issuer keys are available again')
      this.#failure = undefined
    } catch (error) {
      if (signal.aborted) return
      const reason = (error as Error).message
      const message = this.isLoaded
        ? 'issuer keys cannot be fetched; using the last known keys'
        : 'issuer keys cannot be fetched; tokens of this issuer are answered with 503'
      if (reason !== this.#failure) logger.warn({ url, reason }, message)
      this.#failure = reason
    }
  }

  /** @throws Error when the text is not a key set, or has no usable key */
  #take(text: string): void {
    const { url, algorithms, logger } = this.#options
    const next = new Map<string, VerificationKey>()
    const unusable: string[] = []
    for (const [index, jwk] of jwksIn(text).entries()) {
      const name = JSON.stringify(jwk)
      try {
        next.set(name, this.#keys.get(name) ?? readJwk(jwk, algorithms))
      } catch (error) {
        unusable.push(`keys[${index}] ${(error as Error).message}`)
      }
    }
    if (next.size === 0)
      throw new Error(`the key set has no usable key: ${unusable.join('; ') || 'it is empty'}`)
    const [added, removed] = [missing(next, this.#keys), missing(this.#keys, next)]
    for (const key of removed) key.isRetired = true
    this.#keys = next
    this.isLoaded = true
    if (added.length === 0 && removed.length === 0) return
    const ids = (keys: readonly VerificationKey[]) => keys.map(({ keyId }) => keyId ?? '(no kid)')
    logger.info({ url, added: ids(added), removed: ids(removed), unusable }, 'issuer keys have changed')
  }
}

/** @throws Error */
function jwksIn(text: string): readonly unknown[] {
  let set: unknown
  try {
    set = parseJson(text)
  } catch (error) {
    // The cause would quote the answer.
    throw new Error(`the answer ${(error as Error).message}`)
  }
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(keys)) throw new Error('the answer has no list of keys')
  if (keys.length > MAX_KEYS) throw new Error(`the answer has more than ${MAX_KEYS} keys`)
  return keys
}

/** Returns the keys in `one` that `other` does not have. */
function missing(
  one: ReadonlyMap<string, VerificationKey>,
  other: ReadonlyMap<string, VerificationKey>,
): VerificationKey[] {
  return [...one].flatMap(([name, key]) => (other.has(name) ? [] : key))
}
