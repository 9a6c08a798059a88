import type { Call } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import { beginTries } from '../../internal/tries.ts'
import type { Upstream, UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { CircuitOpenError } from '../breaker/half-open.ts'
import { backoffMs, pause } from './backoff.ts'
import { pushbackMs } from './grpc-rules.ts'
import type { RetryBudget } from './retry-budget.ts'
import { asAnswer, isRepeatable, isUnwanted } from './retry-rules.ts'

/** The result of a try: an answer, or why there is none. */
type Result =
  | { readonly outcome: UpstreamResponse; readonly error?: undefined }
  | { readonly outcome?: undefined; readonly error: unknown }

/**
 * What follows a try.
 * - `give up`: no further try.
 * - `free`: another try that costs no budget, counts as no retry and does not back off.
 * - `uncounted`: a retry that costs no budget.
 * - `counted`: a retry out of the budget.
 */
type Step = 'give up' | 'free' | 'uncounted' | 'counted'

/** So many refusals of one call are followed by another try, whatever its route allows. */
const MAX_REFUSALS = 10

/** Makes the further tries of one call whose first try has not brought what the client should get. */
export class AttemptLoop {
  readonly #next: Upstream
  readonly #request: UpstreamRequest
  readonly #call: Call
  readonly #budget: RetryBudget
  readonly #random: () => number
  #retriesLeft: number
  #isStaleRetryLeft = true
  #backoffs = 0
  /** How long the last node asked to wait, milliseconds; undefined when it did not. */
  #pushbackMs: number | undefined = undefined
  #refusals = 0
  /**
   * Nodes that refused the call, or did not accept a connection in time, maybe because a packet was lost. They have not acted
   * on it, so they are asked again when no other is left.
   */
  readonly #refusedBy: Peer[] = []
  /** The last answer of a node, which the client gets if no better one comes. */
  #answer: { readonly outcome: UpstreamResponse; readonly peer: Peer } | undefined = undefined
  #failure: unknown = undefined
  /** When nodes that asked to wait may be tried again, on the monotonic clock. */
  readonly #retryableAt = new Map<Peer, number>()

  constructor(
    next: Upstream,
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
    this.#retriesLeft = request.route.retries ?? Number.POSITIVE_INFINITY
  }

  /**
   * Makes further tries as the result of the first one requires, and ends the request in the budget.
   *
   * @throws GatewayError, UpstreamFailure as `createRetry` does
   */
  async continueAfter(first: Result): Promise<UpstreamResponse> {
    this.#noteFirst(first)
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
        // Without an available node, no try was made.
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

  /** Begins the list of tries, which `balance` adds further ones to. A hedged call has a list already. */
  #noteFirst({ outcome, error }: Result): void {
    const { peer, tries, upstreamAt } = this.#call
    if (tries !== undefined || peer === undefined || error instanceof CircuitOpenError) return
    const first = beginTries(this.#call, peer, upstreamAt)
    if (outcome) first.answered(outcome, performance.now())
    else first.failed(error, performance.now())
  }

  #decide({ outcome, error }: Result): Step {
    const { body } = this.#request
    if (outcome) this.#keep(outcome)
    else if (error instanceof CircuitOpenError) {
      // The breaker refused, because another call became its probe after this node was chosen. Nothing was sent.
      this.#call.attempts--
      if (this.#call.tries?.at(-1)?.peer === this.#call.peer) this.#call.tries!.pop()
      this.#call.peer!.requests--
      this.#call.exclude(this.#call.peer!)
      return 'free'
    } else if (error instanceof GatewayError) {
      // No node is left. An earlier failure says more than that.
      this.#failure ??= error
      return 'give up'
    } else {
      // A failure of a node that may have acted on the request says more than one of a node that has not.
      const mayHaveActed = !isOfKind(error, 'connect') && !isOfKind(error, 'refused')
      if (mayHaveActed || !(this.#failure instanceof UpstreamFailure)) this.#failure = error
      if (!(error instanceof UpstreamFailure) || !isRepeatable(error, this.#request)) return 'give up'
    }
    if (this.#call.ended || body?.begun) return 'give up'
    if (error instanceof UpstreamFailure && error.staleConnection && this.#isStaleRetryLeft) {
      this.#isStaleRetryLeft = false
      return 'free'
    }
    const kind = error instanceof UpstreamFailure ? error.kind : undefined
    if (kind === 'refused') return this.#afterRefusal(this.#call.peer!)
    if (this.#retriesLeft <= 0 || this.#isPushedBeyondDeadline()) return 'give up'
    const isBroken = kind === 'reset' || kind === 'hung'
    if (kind !== 'connect' && !this.#budget.take(performance.now(), isBroken)) return 'give up'
    this.#retriesLeft--
    this.#call.exclude(this.#call.peer!)
    if (kind === 'connect') {
      if (isTimeout(error) && ++this.#refusals <= MAX_REFUSALS) this.#refusedBy.push(this.#call.peer!)
      return 'uncounted'
    }
    this.#call.previousTries++
    return 'counted'
  }

  /** A node that ends a connection refuses the calls on it that it has not seen. Such a call has lost nothing but time. */
  #afterRefusal(peer: Peer): Step {
    if (++this.#refusals > MAX_REFUSALS) return 'give up'
    this.#call.exclude(peer)
    this.#refusedBy.push(peer)
    return 'uncounted'
  }

  #isPushedBeyondDeadline(): boolean {
    return this.#pushbackMs !== undefined && performance.now() + this.#pushbackMs >= this.#endsAt
  }

  /** When the call must be answered, milliseconds on the monotonic clock. */
  get #endsAt(): number {
    const { route, rpc } = this.#request
    if (rpc !== undefined) return this.#call.deadlineAt ?? Number.POSITIVE_INFINITY
    return this.#call.startedAt + route.timeoutMs
  }

  /** Whether the retry cost a node work and brought nothing better. */
  #wasInVain({ outcome, error }: Result): boolean {
    if (outcome) return isUnwanted(outcome, this.#request)
    return error instanceof UpstreamFailure && error.kind !== 'aborted'
  }

  /** Keeps an answer, and with it its connection, until a better answer comes or the client gets this one. */
  #keep(outcome: UpstreamResponse): void {
    this.#answer?.outcome.discard()
    const peer = this.#call.peer!
    this.#answer = { outcome, peer }
    const isCall = this.#request.rpc !== undefined
    const ms = isCall ? pushbackMs(outcome.headers) : retryAfterMs(outcome.headers, Date.now())
    if (ms !== undefined) this.#retryableAt.set(peer, performance.now() + ms)
    if (isCall) this.#pushbackMs = ms
  }

  async #backOff(): Promise<void> {
    const ms = this.#pushbackMs ?? backoffMs(this.#backoffs++, this.#random())
    this.#pushbackMs = undefined
    if (ms > 0) await pause(this.#call, ms)
  }

  async #ask(): Promise<Result> {
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
   * Makes a node available to this call again: one that refused it, or else the one that asked to wait and whose time
   * comes first.
   *
   * @returns how long to wait for that time, milliseconds; undefined when there is no such node, or when its answer
   *   would come after the deadline
   */
  #readmit(): number | undefined {
    const refused = this.#refusedBy.pop()
    if (refused !== undefined) {
      this.#call.tried = this.#call.tried.filter(each => each !== refused)
      return 0
    }
    const { route } = this.#request
    // Without a configured number, there is one retry on every other node and none on the same.
    if (route.retries === undefined) return undefined
    const [soonest] = [...this.#retryableAt].sort(([, a], [, b]) => a - b)
    if (!soonest) return undefined
    const [peer, at] = soonest
    if (at >= this.#endsAt) return undefined
    this.#retryableAt.delete(peer)
    this.#call.tried = this.#call.tried.filter(each => each !== peer)
    return Math.max(0, at - performance.now())
  }

  /** @throws GatewayError, UpstreamFailure as `createRetry` does */
  #giveUp(): UpstreamResponse {
    const { ended } = this.#call
    const answer = this.#answer
    if (answer && !answer.outcome.isBroken && ended?.kind !== 'aborted') {
      this.#call.peer = answer.peer
      this.#call.current = { cancel: () => answer.outcome.discard() }
      return answer.outcome
    }
    answer?.outcome.discard()
    if (answer?.outcome.isBroken && !(this.#failure instanceof UpstreamFailure)) this.#failure = BROKEN_OFF
    // When the client caused the timeout, its fault says more than the timeout.
    const isClientsFault = ended?.kind === 'timeout' && isOfKind(this.#failure, 'unsendable')
    throw asAnswer(isClientsFault ? this.#failure : (ended ?? this.#failure))
  }
}

/** The kept answer broke off while another node was tried, which brought none. */
const BROKEN_OFF = new UpstreamFailure('reset', new Error('the kept answer broke off'))

function isOfKind(error: unknown, kind: UpstreamFailure['kind']): boolean {
  return error instanceof UpstreamFailure && error.kind === kind
}

function isTimeout(failure: unknown): boolean {
  const { cause } = failure as { cause?: { code?: unknown } }
  return cause?.code === 'ETIMEDOUT'
}

const WHOLE_SECONDS = /^\d{1,9}$/

/**
 * Reads how long a node asks clients to wait (RFC 9110 section 10.2.3).
 *
 * @param headers flat
 * @param wallClock milliseconds since 1970, to which a date is compared
 * @returns milliseconds; undefined without a valid Retry-After
 */
export function retryAfterMs(headers: readonly string[], wallClock: number): number | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.length !== 11 || headers[i]!.toLowerCase() !== 'retry-after') continue
    const value = headers[i + 1]!
    if (WHOLE_SECONDS.test(value)) return Number(value) * 1000
    const date = Date.parse(value)
    return Number.isNaN(date) ? undefined : Math.max(0, date - wallClock)
  }
  return undefined
}
