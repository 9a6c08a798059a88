import { hash } from 'node:crypto'
import {
  type Charge,
  type CountedRule,
  type SharedCounters,
  StoreUnavailable,
  type Verdict,
} from '../../internal/limits/counters.ts'
import { AnswerTimeout } from './answer-timer.ts'
import { openConnection, type StoreConnection } from './connection.ts'
import { DenyMemory } from './deny-memory.ts'
import { type OwedCharge, OwedCharges } from './owed-charges.ts'
import { StoreLink } from './store-link.ts'
import type { StoreOptions } from './store-options.ts'
import { chargeArguments, readVerdicts } from './take-script.ts'

/** Keys that are charged in one call when the store is back, so that no call holds up the store. */
const OWED_AT_ONCE = 100
/** 128 bits and a little more, in base64url. */
const HASH_LENGTH = 22

/**
 * What became of a request's charges: the store answered, was too slow, failed, was away and not asked, or had refused the same
 * key before and was not asked.
 */
export type StoreResult = 'answered' | 'timeout' | 'error' | 'away' | 'remembered'

export interface RedisCountersOptions extends StoreOptions {
  /** Called when the store is away, and again when the reason changes; with undefined when it is back. */
  readonly onChange: (away: Error | undefined) => void
  /** Called for each `take`. @param seconds how long the store was asked; undefined where it was not */
  readonly onResult: (result: StoreResult, seconds?: number) => void
  /** Called with how many charges to windows of the calendar were dropped while the store is away. */
  readonly onDropped: (charges: number) => void
  /** For tests. */
  readonly clocks?: StoreClocks | undefined
}

export interface StoreClocks {
  /** Returns microseconds since 1970. */
  wallMicros(): number
  /** Returns milliseconds on a clock that is never set. */
  monotonicMs(): number
}

const CLOCKS: StoreClocks = {
  wallMicros: () => Date.now() * 1_000,
  monotonicMs: () => performance.now(),
}

/**
 * Counts in Redis, or a store that speaks its protocol. It connects in the background, and {@link close} ends it.
 *
 * Charges that are taken together cost one round trip, whatever their number; in a cluster, one for each key of the request, all at
 * the same time, since only what has the same hash tag is sure to be at one node. A charge is then given back where another
 * node has refused. That is all that can be done without a transaction over nodes: for the time of a round trip, the
 * charge is seen by others, and it stays when the node goes away in between.
 */
export class RedisCounters implements SharedCounters {
  readonly #options: RedisCountersOptions
  readonly #clocks: StoreClocks
  readonly #link: StoreLink
  readonly #denied = new DenyMemory()
  readonly #owed = new OwedCharges()
  readonly #ruleHashes = new WeakMap<CountedRule, string>()
  #isPaying = false

  constructor(options: RedisCountersOptions) {
    this.#options = options
    this.#clocks = options.clocks ?? CLOCKS
    this.#link = new StoreLink({
      open: (signal, onLost) => openConnection(options, signal, onLost),
      probe: (connection, like) => this.#probe(connection, like),
      timeoutMs: options.timeoutMs,
      retryMs: options.retryMs,
      onUp: () => void this.#pay(),
      onChange: options.onChange,
    })
  }

  /** Whether the store answers, as far as is known. */
  get isUp(): boolean {
    return this.#link.isUp
  }

  close(): void {
    this.#link.close()
  }

  take(charges: readonly Charge[]): readonly Verdict[] | Promise<readonly Verdict[]> {
    const { onResult } = this.#options
    const keys = this.#keysOf(charges)
    const now = this.#clocks.monotonicMs()
    const recalled = this.#denied.recall(charges, keys, now)
    if (recalled) {
      onResult('remembered')
      return recalled
    }
    if (this.#link.isAway) {
      onResult('away')
      throw new StoreUnavailable('the limit store is away')
    }
    return this.#take(charges, keys, now)
  }

  add(charges: readonly Charge[]): void {
    const keys = this.#keysOf(charges)
    for (const [i, charge] of charges.entries()) void this.#add(charge, keys[i]!)
  }

  async #take(charges: readonly Charge[], keys: readonly string[], now: number): Promise<readonly Verdict[]> {
    const { onResult } = this.#options
    const began = performance.now()
    const seconds = () => (performance.now() - began) / 1_000
    try {
      const verdicts = await (this.#options.isCluster
        ? this.#askEach(charges, keys)
        : this.#ask(charges, keys))
      void this.#pay()
      // From when it was asked: the answer may be old when it is read, as after a pause of this process.
      this.#denied.remember(charges, keys, verdicts, now)
      onResult('answered', seconds())
      return verdicts
    } catch (error) {
      onResult(error instanceof AnswerTimeout ? 'timeout' : 'error', seconds())
      throw error
    }
  }

  /** Asks about keys that are at one node. */
  async #ask(charges: readonly Charge[], keys: readonly string[]): Promise<readonly Verdict[]> {
    const args = charges.map(charge => chargeArguments(charge, charge.isTest ? 'test' : 'take'))
    const reply = await this.#link.run(keys, [this.#now(), ...args.flat()])
    try {
      return readVerdicts(reply, charges.length)
    } catch (cause) {
      throw new StoreUnavailable('the limit store has failed', { cause })
    }
  }

  /** Asks the nodes of a cluster, each about what has the same key, and gives back what was charged if one refuses. */
  async #askEach(charges: readonly Charge[], keys: readonly string[]): Promise<readonly Verdict[]> {
    const groups = [...Map.groupBy(charges.keys(), i => charges[i]!.key).values()]
    if (groups.length === 1) return this.#ask(charges, keys)
    const verdicts: Verdict[] = []
    const charged: number[] = []
    const outcomes = await Promise.allSettled(
      groups.map(async group => {
        const some = await this.#ask(pick(charges, group), pick(keys, group))
        for (const [j, i] of group.entries()) verdicts[i] = some[j]!
        if (some.every(({ allowed }) => allowed)) charged.push(...group)
      }),
    )
    const failures = outcomes.filter(outcome => outcome.status === 'rejected')
    const failure = failures.find(({ reason }) => mayHaveCounted(reason)) ?? failures[0]
    if (!failure && charged.length === charges.length) return verdicts
    for (const i of charged) {
      const { cost, isTest } = charges[i]!
      if (isTest || cost === 0) continue
      this.#run([keys[i]!], chargeArguments(charges[i]!, 'add', -cost)).catch(() => {})
      verdicts[i] = { ...verdicts[i]!, remaining: verdicts[i]!.remaining + cost, nextMs: 0 }
    }
    if (failure) throw failure.reason
    return verdicts
  }

  /** Charges a key without a test. A charge to a window of the calendar is kept while the store is away. */
  async #add(charge: Charge, key: string): Promise<void> {
    try {
      await this.#run([key], chargeArguments(charge, 'add'))
      void this.#pay()
    } catch (error) {
      // What was sent may have been counted, although no answer came in time.
      if (charge.windowEndsAt === undefined || mayHaveCounted(error)) return
      if (!this.#owed.keep(key, charge)) this.#options.onDropped(1)
    }
  }

  /** Adds what is owed to the store, if anything is. It is called whenever the store is up and answers. */
  async #pay(): Promise<void> {
    if (this.#owed.size === 0 || this.#isPaying) return
    this.#isPaying = true
    while (this.#owed.size > 0 && this.#link.isUp) {
      await Promise.all(this.#owed.takeSome(OWED_AT_ONCE).map(owed => this.#payOne(owed)))
    }
    this.#isPaying = false
  }

  /** Adds one charge that is owed. If that fails, it is kept only while the store is away. */
  async #payOne({ key, charge, cost }: OwedCharge): Promise<void> {
    try {
      await this.#run([key], chargeArguments(charge, 'add', cost))
    } catch (error) {
      const isKept = !mayHaveCounted(error) && !this.#link.isUp && this.#owed.keep(key, charge, cost)
      if (!isKept) this.#options.onDropped(cost)
    }
  }

  #run(keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#link.run(keys, [this.#now(), ...args])
  }

  /** Charges a key of its own, which is gone a millisecond later. */
  async #probe(connection: StoreConnection, like: string | undefined): Promise<void> {
    const { prefix } = this.#options
    const tag = like === undefined ? 'probe' : like.slice(prefix.length + 1, prefix.length + 1 + HASH_LENGTH)
    const args = [this.#now(), 'gcra', '1000', '1000000000', '1', 'take']
    readVerdicts(await connection.run([`${prefix}{${tag}}probe`], args), 1)
  }

  /** The time for the script: that of the gateway, or none for that of the store. */
  #now(): string {
    return this.#options.clock === 'store' ? '' : String(this.#clocks.wallMicros())
  }

  /**
   * Names the keys of charges. A name has 128 bits of SHA-256 of the key of the request, and as many of the rule, so no
   * address or API key lies in the store. What counts the same request key has the same hash tag.
   */
  #keysOf(charges: readonly Charge[]): readonly string[] {
    let last: string | undefined
    let tag = ''
    return charges.map(({ rule, key }) => {
      if (key !== last) {
        last = key
        tag = shortHash(key)
      }
      let ruleHash = this.#ruleHashes.get(rule)
      if (ruleHash === undefined) {
        ruleHash = shortHash(rule.id)
        this.#ruleHashes.set(rule, ruleHash)
      }
      return `${this.#options.prefix}{${tag}}${ruleHash}`
    })
  }
}

function mayHaveCounted(error: unknown): boolean {
  return error instanceof StoreUnavailable && error.mayHaveCounted
}

function shortHash(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, HASH_LENGTH)
}

function pick<T>(all: readonly T[], indices: readonly number[]): T[] {
  return indices.map(i => all[i]!)
}
