import { createNameQuery, type NameQuery } from './name-query.ts'

export interface NamesOptions {
  /** Default: as the hosts file and the name servers of the system say. */
  readonly query?: NameQuery
  /** How long the addresses of a name hold at least, whatever its record says. Default 1 s. */
  readonly minTtlMs?: number
  /** How long they hold at most. Default 60 s. */
  readonly maxTtlMs?: number
  /** Is called when a name could not be looked up, after it could be or was new; and when it can be again. */
  readonly onChange?: (name: string, error: Error | undefined) => void
}

/** What became of look-ups since the start. Names out of the cache are not counted. */
export interface LookUpCounts {
  found: number
  /** Name servers have said that there is no such name, or that it has no address. */
  unknown: number
  /** There was no usable answer in time. */
  failed: number
}

/** How long a failed look-up stands. */
const FAILURE_TTL_MS = 1_000
/** How long a new connection waits for the present addresses when it knows earlier ones (RFC 8767 section 5). */
const STALE_AFTER_MS = 300
/** An address that could not be reached comes after the others for so long. */
const AVOIDED_MS = 30_000
/** A name that nobody has asked for in this time is forgotten. */
const KEPT_MS = 600_000

/** The addresses of names, as they were found last. All parts of a gateway share one instance. */
export class Names {
  readonly counts: LookUpCounts = { found: 0, unknown: 0, failed: 0 }
  /** The number of names whose last look-up has failed. */
  failing = 0
  readonly #query: NameQuery
  readonly #minTtlMs: number
  readonly #maxTtlMs: number
  readonly #onChange: (name: string, error: Error | undefined) => void
  readonly #known = new Map<string, KnownName>()
  #sweptAt = 0

  constructor({ query, minTtlMs = 1_000, maxTtlMs = 60_000, onChange = () => {} }: NamesOptions = {}) {
    this.#query = query ?? createNameQuery()
    this.#minTtlMs = minTtlMs
    this.#maxTtlMs = Math.max(minTtlMs, maxTtlMs)
    this.#onChange = onChange
  }

  /**
   * Resolves with the addresses of a name, at least one, in the order in which they should be tried. When the name servers
   * do not answer, those known last stand.
   *
   * @throws Error of the look-up, with a `code`; it is up to 1 s old
   */
  async addressesOf(name: string): Promise<readonly string[]> {
    const known = this.#of(name)
    const now = performance.now()
    if (now >= known.freshUntil) {
      const looking = this.#lookUp(name, known)
      await (known.addresses.length > 0 ? withinTime(looking, STALE_AFTER_MS) : looking)
    }
    if (known.addresses.length === 0) throw known.failure
    return known.inOrder()
  }

  /**
   * Returns the addresses that were found last, and looks them up again when it is time. The list is the same object as
   * long as it has the same addresses; undefined when there is none.
   */
  follow(name: string, now: number): readonly string[] | undefined {
    const known = this.#of(name)
    if (now >= known.freshUntil) void this.#lookUp(name, known)
    return known.addresses.length > 0 ? known.addresses : undefined
  }

  /** Notes that an address of a name could not be reached, so that others are tried before it for 30 s. */
  avoid(name: string, address: string): void {
    this.#known.get(name)?.avoided.set(address, performance.now() + AVOIDED_MS)
  }

  #of(name: string): KnownName {
    const now = performance.now()
    if (now - this.#sweptAt > KEPT_MS) {
      this.#sweptAt = now
      for (const [each, { askedAt, looking, failure }] of this.#known) {
        if (now - askedAt <= KEPT_MS || looking !== undefined) continue
        this.#known.delete(each)
        if (failure !== undefined) this.failing--
      }
    }
    let known = this.#known.get(name)
    if (known === undefined) {
      known = new KnownName()
      this.#known.set(name, known)
    }
    known.askedAt = now
    return known
  }

  /** Resolves when the look-up under way, if need be a new one, is over. Never rejects. */
  #lookUp(name: string, known: KnownName): Promise<void> {
    known.looking ??= this.#query(name).then(
      ({ addresses, ttlMs }) => {
        const ms = Math.min(Math.max(ttlMs, this.#minTtlMs), this.#maxTtlMs)
        this.counts.found++
        known.found(addresses, performance.now() + ms)
        if (known.failure !== undefined) this.#changed(name, known, undefined)
      },
      (error: NodeJS.ErrnoException) => {
        const isUnknown = error.code === 'ENOTFOUND' || error.code === 'ENODATA'
        this.counts[isUnknown ? 'unknown' : 'failed']++
        known.failed(isUnknown, performance.now() + FAILURE_TTL_MS)
        this.#changed(name, known, error)
      },
    )
    return known.looking
  }

  #changed(name: string, known: KnownName, error: Error | undefined): void {
    const isNews = (known.failure === undefined) !== (error === undefined)
    known.failure = error
    if (!isNews) return
    this.failing += error === undefined ? -1 : 1
    this.#onChange(name, error)
  }
}

/** What is known of one name. */
class KnownName {
  addresses: readonly string[] = []
  failure: Error | undefined = undefined
  /** The look-up under way. */
  looking: Promise<void> | undefined = undefined
  /** When to look the name up again, on the monotonic clock. */
  freshUntil = 0
  askedAt = 0
  /** Addresses that could not be reached, and until when others come first. */
  readonly avoided = new Map<string, number>()
  #turn = 0

  found(addresses: readonly string[], freshUntil: number): void {
    const isSame =
      addresses.length === this.addresses.length && addresses.every(each => this.addresses.includes(each))
    if (!isSame) {
      this.addresses = addresses
      for (const each of this.avoided.keys()) if (!addresses.includes(each)) this.avoided.delete(each)
    }
    this.looking = undefined
    this.freshUntil = freshUntil
  }

  /** @param isUnknown whether there is no such name any more, so that its addresses stand no longer */
  failed(isUnknown: boolean, freshUntil: number): void {
    if (isUnknown) this.addresses = []
    this.looking = undefined
    this.freshUntil = freshUntil
  }

  /** Returns the addresses, beginning with another one each time, and with those to avoid at the end. */
  inOrder(): readonly string[] {
    const { addresses, avoided } = this
    if (addresses.length === 1) return addresses
    const from = this.#turn++ % addresses.length
    const turned = [...addresses.slice(from), ...addresses.slice(0, from)]
    if (avoided.size === 0) return turned
    const now = performance.now()
    const isAvoided = (each: string) => (avoided.get(each) ?? 0) > now
    return [...turned.filter(each => !isAvoided(each)), ...turned.filter(isAvoided)]
  }
}

function withinTime(promise: Promise<void>, ms: number): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, ms).unref()
    void promise.then(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** The names of this process, for what is not part of a gateway. */
export const systemNames = new Names()
