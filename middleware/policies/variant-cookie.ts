import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import { hashText } from '../../internal/balancers/text-hash.ts'
import { getCookie, type SameSite, sessionCookie } from '../../internal/http/header-lines.ts'

/** What a cookie says about its client. */
export interface Holder {
  /** Decides which share the client has. */
  readonly key: string
  /** The variant that the client had last. */
  readonly variant: string
}

const KEY_BYTES = 8
/** So many verified values are remembered for each route. A browser sends several requests in a row. */
const MAX_KNOWN = 1_024
const VALUE = /^([\w-]{11})\.([a-z0-9-]{1,32})\.([\w-]{43})$/

/** Returns a key for a client without a cookie: 64 random bits. */
export function newHolderKey(): string {
  return randomBytes(KEY_BYTES).toString('base64url')
}

/**
 * The cookies of a route that bring clients back to their variant. The key in a cookie is what the client's share depends on,
 * so a cookie pins nobody to a variant whose share has changed. An HMAC-SHA256 makes sure that clients do not choose their key.
 */
export class VariantCookie {
  readonly #signingKey: KeyObject
  readonly #route: string
  readonly #name: string
  readonly #sameSite: SameSite
  readonly #known = new Map<string, Holder>()

  /** @param route the id of the route */
  constructor(signingKey: KeyObject, route: string, sameSite: SameSite = 'lax') {
    this.#signingKey = signingKey
    this.#route = route
    this.#sameSite = sameSite
    this.#name = `waygate-v-${hashText(route).toString(16).padStart(8, '0')}`
  }

  /** Reads the cookie of a request; undefined when there is none that was signed for this route. */
  read(headers: readonly string[]): Holder | undefined {
    const value = getCookie(headers, this.#name)
    if (value === undefined) return undefined
    const known = this.#known.get(value)
    if (known !== undefined) return known
    // A part of a text would keep the whole header in memory.
    const own = Buffer.from(value, 'latin1').toString('latin1')
    const verified = this.#verify(own)
    if (verified === undefined) return undefined
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(own, verified)
    return verified
  }

  #verify(value: string): Holder | undefined {
    const [, key, variant, seal] = VALUE.exec(value) ?? []
    if (key === undefined || variant === undefined || seal === undefined) return undefined
    const isOurs = timingSafeEqual(Buffer.from(seal), Buffer.from(this.#sealOf(key, variant)))
    return isOurs ? { key, variant } : undefined
  }

  /** Returns the value of the Set-Cookie header. */
  write({ key, variant }: Holder, isSecure: boolean): string {
    const value = `${key}.${variant}.${this.#sealOf(key, variant)}`
    return sessionCookie(this.#name, value, isSecure, this.#sameSite)
  }

  #sealOf(key: string, variant: string): string {
    const text = `split\0${this.#route}\0${key}\0${variant}`
    return createHmac('sha256', this.#signingKey).update(text).digest('base64url')
  }
}
