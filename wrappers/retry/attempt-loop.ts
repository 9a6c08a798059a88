import type { Call } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import type { Outcome, Upstream, UpstreamRequest } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { CircuitOpenError } from '../breaker/half-open.ts'
import { backoffMs, pause } from './backoff.ts'
import type { RetryBudget } from './retry-budget.ts'
import { asAnswer, isRepeatable, isUnwanted } from './retry-rules.ts'

/** What a try has brought: an answer, or why there is none. */
type Result<T> =
  | { readonly outcome: T; readonly error?: undefined }
  | { readonly outcome?: undefined; readonly error: unknown }

/** How the next try comes about. */
type Step = 'give up' | 'free' | 'uncounted' | 'counted'

/** What follows the first try of one call when it has not brought what the client should get. */
export class Retries<T extends Outcome> {
  readonly #next: Upstream<T>
  readonly #request: UpstreamRequest
  readonly #call: Call
  readonly #budget: RetryBudget
  readonly #random: () => number
  #left: number
  #staleLeft = true
  #begun = 0
  /** The last answer of a node, for the client if none that is better comes. */
  #answer: { readonly outcome: T; readonly peer: Peer } | undefined = undefined
  #failure: unknown = undefined
  /** When nodes that said so may be asked again, on the monotonic clock. */
  readonly #askAgainAt = new Map<Peer, number>()

  constructor(
    next: Upstream<T>,
    request: UpstreamRequest,
    call: Call,
    budget: RetryBudget,
    random: () => number,
  ) {
    this.#next = next
    this.#request = request
    this.#call = call
    this.#budget = budget
    this.#random = random
    this.#left = request.route.retries ?? Number.POSITIVE_INFINITY
  }

  /**
   * Goes on after the first try, and ends the request in the budget.
   *
   * @throws GatewayError, UpstreamFailure as createRetry does
   */
  async after(first: Result<T>): Promise<T> {
    try {
      for (let result = first; ; ) {
        const step = this.#decide(result)
        if (step === 'give up') return this.#giveUp()
        const counted = step === 'counted'
        const { attempts } = this.#call
        try {
          if (step !== 'free') await this.#backOff()
          result = this.#call.ended ? { error: this.#call.ended } : await this.#ask()
        } finally {
          if (counted) this.#budget.giveBack(this.#wasInVain(result))
        }
        // There may have been no node to ask.
        if (step !== 'free' && this.#call.attempts > attempts) this.#budget.retries++
        if (result.outcome && !isUnwanted(result.outcome, this.#request)) {
          this.#answer?.outcome.discard()
          return result.outcome
        }
      }
    } finally {
      this.#budget.end()
    }
  }

  #decide({ outcome, error }: Result<T>): Step {
    const { body } = this.#request
    if (outcome) this.#keep(outcome)
    else if (error instanceof CircuitOpenError) {
      // Another call took the probe's place between choosing and asking. Nothing was sent.
      this.#call.attempts--
      this.#call.peer!.requests--
      this.#call.exclude(this.#call.peer!)
      return 'free'
    } else if (error instanceof GatewayError) {
      // No node is left: what went wrong before says more.
      this.#failure ??= error
      return 'give up'
    } else {
      // That a node may have acted on the request says more than that the next one is out of reach.
      if (!isOfKind(error, 'connect') || !(this.#failure instanceof UpstreamFailure)) this.#failure = error
      if (!(error instanceof UpstreamFailure) || !isRepeatable(error, this.#request)) return 'give up'
    }
    if (this.#call.ended || body?.begun) return 'give up'
    if (error instanceof UpstreamFailure && error.staleConnection && this.#staleLeft) {
      this.#staleLeft = false
      return 'free'
    }
    if (this.#left <= 0) return 'give up'
    const kind = error instanceof UpstreamFailure ? error.kind : undefined
    const isBroken = kind === 'reset' || kind === 'hung'
    if (kind !== 'connect' && !this.#budget.take(performance.now(), isBroken)) return 'give up'
    this.#left--
    this.#call.exclude(this.#call.peer!)
    return kind === 'connect' ? 'uncounted' : 'counted'
  }

  /** Whether a node was given more to do and nothing came of it. */
  #wasInVain({ outcome, error }: Result<T>): boolean {
    if (outcome) return isUnwanted(outcome, this.#request)
    return error instanceof UpstreamFailure && error.kind !== 'aborted'
  }

  /** The node's connection is kept with it, until a better answer comes or the client gets this one. */
  #keep(outcome: T): void {
    this.#answer?.outcome.discard()
    const peer = this.#call.peer!
    this.#answer = { outcome, peer }
    const ms = outcome.headers && retryAfterMs(outcome.headers, Date.now())
    if (ms !== undefined) this.#askAgainAt.set(peer, performance.now() + ms)
  }

  async #backOff(): Promise<void> {
    const ms = backoffMs(this.#begun++, this.#random())
    if (ms > 0) await pause(this.#call, ms)
  }

  async #ask(): Promise<Result<T>> {
    try {
      return { outcome: await this.#next(this.#request, this.#call) }
    } catch (error) {
      const waitMs = error instanceof GatewayError ? this.#readmit() : undefined
      if (waitMs === undefined) return { error }
      await pause(this.#call, waitMs)
      return this.#call.ended ? { error: this.#call.ended } : this.#ask()
    }
  }

  /**
   * Lets the node be chosen again that is to be asked first of those that named a time.
   *
   * @returns how long that is, milliseconds; undefined when there is none, or it would be too late
   */
  #readmit(): number | undefined {
    const { route } = this.#request
    // Without a number, retries are one on every other node.
    if (route.retries === undefined) return undefined
    const [soonest] = [...this.#askAgainAt].sort(([, a], [, b]) => a - b)
    if (!soonest) return undefined
    const [peer, at] = soonest
    if (at >= this.#call.startedAt + route.timeoutMs) return undefined
    this.#askAgainAt.delete(peer)
    this.#call.tried = this.#call.tried.filter(each => each !== peer)
    return Math.max(0, at - performance.now())
  }

  /** @throws GatewayError, UpstreamFailure as createRetry does */
  #giveUp(): T {
    const { ended } = this.#call
    const answer = this.#answer
    if (answer && !answer.outcome.isBroken && ended?.kind !== 'aborted') {
      this.#call.peer = answer.peer
      this.#call.current = { cancel: () => answer.outcome.discard() }
      return answer.outcome
    }
    answer?.outcome.discard()
    if (answer?.outcome.isBroken && !(this.#failure instanceof UpstreamFailure)) this.#failure = BROKEN_OFF
    // That the time ran out says less than that it was the client's doing.
    const isClients = ended?.kind === 'timeout' && isOfKind(this.#failure, 'unsendable')
    throw asAnswer(isClients ? this.#failure : (ended ?? this.#failure))
  }
}

/** The answer that was kept, while another node was asked that had none. */
const BROKEN_OFF = new UpstreamFailure('reset', new Error('the answer broke off'))

function isOfKind(error: unknown, kind: UpstreamFailure['kind']): boolean {
  return error instanceof UpstreamFailure && error.kind === kind
}

const SECONDS = /^\d{1,9}$/

/**
 * How long an answer asks to be left alone (RFC 9110 section 10.2.3), milliseconds; undefined when it does not.
 *
 * @param headers flat
 * @param wallClock milliseconds since 1970, against which a date is read
 */
export function retryAfterMs(headers: readonly string[], wallClock: number): number | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.length !== 11 || headers[i]!.toLowerCase() !== 'retry-after') continue
    const value = headers[i + 1]!
    if (SECONDS.test(value)) return Number(value) * 1000
    const date = Date.parse(value)
    return Number.isNaN(date) ? undefined : Math.max(0, date - wallClock)
  }
  return undefined
}
