import { readJwk } from '../../../config/kit/jwk.ts'
import type { Algorithm } from '../../../config/kit/key-algorithms.ts'
import type { Logger } from '../../../discovery/logger.ts'
import type { KeySource, VerificationKey } from '../../../middleware/auth/key-source.ts'
import { fetchJwks } from './fetch-jwks.ts'

export interface JwksOptions {
  readonly url: string
  /** Undefined = whatever the keys can do. */
  readonly algorithms?: readonly Algorithm[] | undefined
  readonly refreshMs: number
  /** Between two fetches that tokens cause, at least. */
  readonly cooldownMs: number
  readonly logger: Logger
  /** Default: over HTTP. */
  readonly fetch?: ((url: string, options: { signal: AbortSignal }) => Promise<string>) | undefined
  /** Milliseconds on the monotonic clock. */
  readonly now?: (() => number) | undefined
}

/** Issuers have a handful of keys; so many are looked at, and no more. */
const MAX_KEYS = 100

/**
 * The public keys of an issuer (a JWK Set, RFC 7517), fetched from its address, and kept up to date from then on. What
 * was good last stays while the address does not answer, or answers with something else; only a whole new set takes
 * a key back. Whoever made it calls `start()` and `close()`.
 */
export class Jwks implements KeySource {
  readonly #options: JwksOptions
  readonly #now: () => number
  readonly #closing = new AbortController()
  /** By the text of the JWK: a key that is the same as before stays the same object. */
  #keys: ReadonlyMap<string, VerificationKey> = new Map()
  #fetching: Promise<void> | undefined
  #fetchedAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  /** Why the last fetch failed, which is logged once. */
  #failure: string | undefined
  isLoaded = false

  constructor(options: JwksOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** Fetches for the first time, and from then on at the interval. */
  start(): void {
    void this.#fetch()
    this.#timer = setInterval(() => void this.#fetch(), this.#options.refreshMs).unref()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#closing.abort()
  }

  /**
   * With a `kid`, the key of that name; without, the only one for the algorithm. Of several that nothing tells apart,
   * none: to try them all is work that whoever sends a token would order.
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
      if (this.#failure !== undefined) logger.info({ url }, 'the keys of the issuer are to be had again')
      this.#failure = undefined
    } catch (error) {
      if (signal.aborted) return
      const reason = (error as Error).message
      const message = this.isLoaded
        ? 'the keys of the issuer cannot be fetched; those that were good last stay'
        : 'the keys of the issuer cannot be fetched; its tokens cannot be judged'
      if (reason !== this.#failure) logger.warn({ url, reason }, message)
      this.#failure = reason
    }
  }

  /** @throws Error when the text is no set with a key that can be used */
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
    if (next.size === 0) throw new Error(`no key can be used: ${unusable.join('; ') || 'there is none'}`)
    const [added, removed] = [missing(next, this.#keys), missing(this.#keys, next)]
    for (const key of removed) key.isRetired = true
    this.#keys = next
    this.isLoaded = true
    if (added.length === 0 && removed.length === 0) return
    const ids = (keys: readonly VerificationKey[]) => keys.map(({ keyId }) => keyId ?? '(no kid)')
    logger.info(
      { url, added: ids(added), removed: ids(removed), unusable },
      'the keys of the issuer have changed',
    )
  }
}

/** @throws Error */
function jwksIn(text: string): readonly unknown[] {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    // The parser's own words would quote it.
    throw new Error('the answer is not JSON')
  }
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(keys)) throw new Error('the answer has no list of keys')
  if (keys.length > MAX_KEYS) throw new Error(`the answer has more than ${MAX_KEYS} keys`)
  return keys
}

/** What is in one and not in the other. */
function missing(
  one: ReadonlyMap<string, VerificationKey>,
  other: ReadonlyMap<string, VerificationKey>,
): VerificationKey[] {
  return [...one].flatMap(([name, key]) => (other.has(name) ? [] : key))
}
