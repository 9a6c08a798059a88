import type { Call } from '../../internal/call.ts'
import type { InterimReceiver } from '../../internal/http/client-exchange.ts'
import { beginTries, type CallTry } from '../../internal/tries.ts'
import type { Upstream, UpstreamRequest, UpstreamResponse, Wrapper } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { TimeSamples } from '../time-samples.ts'
import { KeptBody } from './kept-body.ts'
import { type RetryBudget, RetryBudgets } from './retry-budget.ts'
import { isHedgeable, isUnwanted } from './retry-rules.ts'

export interface HedgeOptions {
  /** Shared with retries. */
  readonly budgets?: RetryBudgets
}

/**
 * Hedges GET requests, and calls of idempotent unary gRPC methods, on routes that ask for it. When the first node takes
 * longer than the route's `afterMs`, or by default than 95% of the service's recent answers, the request is also sent to a
 * second node, if the retry budget of the service allows it. The first good answer wins. The other try is given up, which does not count against its node.
 * A failure, or a status on which the route retries, wins only when the other try brings nothing better. Interim answers
 * wait until it is known which try wins, since a client must get those of one node alone.
 *
 * Source: "hedged requests" in Dean and Barroso, "The Tail at Scale" (2013).
 */
export function createHedge({ budgets = new RetryBudgets() }: HedgeOptions = {}): Wrapper {
  const times = new Map<string, RecentTimes>()
  const timesOf = (service: string) => {
    let found = times.get(service)
    if (!found) {
      found = new RecentTimes()
      times.set(service, found)
    }
    return found
  }
  return next => (request, call) => {
    if (!isHedgeable(request)) return next(request, call)
    const hedge = request.route.hedge!
    const recent = timesOf(request.service)
    const afterMs = hedge.afterMs ?? recent.p95
    const begunAt = performance.now()
    const answer =
      afterMs === undefined
        ? next(request, call)
        : new Race(next, request, call, budgets.of(request.service)).run(afterMs, begunAt)
    return answer.then(outcome => {
      // When the second try won, the first would have taken at least as long.
      if (!isUnwanted(outcome, request)) recent.add(performance.now() - begunAt)
      return outcome
    })
  }
}

/** One request: its first try and the second one that may be sent beside it. */
class Race {
  readonly #next: Upstream
  readonly #request: UpstreamRequest
  readonly #call: Call
  readonly #budget: RetryBudget
  readonly #answer = Promise.withResolvers<UpstreamResponse>()
  readonly #tries: Call[] = []
  readonly #interims = new Map<Call, HeldInterims>()
  #timer: NodeJS.Timeout | undefined = undefined
  /** An answer that the route would retry on; used when the other try brings nothing better. */
  #unwanted: { readonly response: UpstreamResponse; readonly by: Call } | undefined = undefined
  #failure: unknown = undefined
  #inFlight = 0
  #begunAt = 0
  /** The first try in the list of tries, if the second one has begun the list. */
  #first: CallTry | undefined = undefined
  #isHedged = false
  #isOver = false

  constructor(next: Upstream, request: UpstreamRequest, call: Call, budget: RetryBudget) {
    this.#next = next
    this.#request = request
    this.#call = call
    this.#budget = budget
  }

  /**
   * @param afterMs how long the first node has before the second is tried
   * @param begunAt when the race begins, milliseconds on the monotonic clock
   */
  run(afterMs: number, begunAt: number): Promise<UpstreamResponse> {
    this.#begunAt = begunAt
    this.#timer = setTimeout(() => this.#hedge(), afterMs)
    this.#call.current = {
      forks: this.#tries,
      cancel: reason => {
        for (const each of this.#tries) each.end(reason)
      },
    }
    this.#try(this.#call.fork())
    return this.#answer.promise
  }

  #hedge(): void {
    const { body } = this.#request
    // A body that is not kept, or no longer, cannot be sent to two nodes.
    if (body !== null && (!(body instanceof KeptBody) || body.begun)) return
    if (!this.#budget.take(performance.now())) return
    this.#isHedged = true
    this.#budget.hedges++
    const { peer } = this.#tries[0]!
    if (this.#call.tries === undefined && peer) this.#first = beginTries(this.#call, peer, this.#begunAt)
    const second = this.#call.fork()
    second.previousTries++
    second.exclude(peer!)
    this.#try(second)
  }

  #try(own: Call): void {
    this.#tries.push(own)
    this.#inFlight++
    const interim = new HeldInterims()
    this.#interims.set(own, interim)
    this.#next({ ...this.#request, interim, isHedge: this.#isHedged }, own)
      .then(
        response => this.#came(response, own),
        error => this.#failed(error, own),
      )
      .catch(error => this.#answer.reject(error))
  }

  #came(response: UpstreamResponse, by: Call): void {
    this.#inFlight--
    if (by === this.#tries[0]) this.#first?.answered(response, performance.now())
    if (this.#isOver) {
      response.discard()
    } else if (this.#inFlight > 0 && isUnwanted(response, this.#request)) {
      this.#unwanted = { response, by }
    } else {
      this.#unwanted?.response.discard()
      this.#win(response, by)
    }
  }

  #failed(error: unknown, by: Call): void {
    this.#inFlight--
    if (by === this.#tries[0]) this.#first?.failed(error, performance.now())
    if (this.#isOver) return
    // The failure of a try that was sent says more than the lack of another node, or than that it was given up.
    if (this.#failure === undefined || (error instanceof UpstreamFailure && error.kind !== 'aborted'))
      this.#failure = error
    if (this.#inFlight > 0) return
    if (this.#unwanted && !this.#unwanted.response.isBroken) {
      this.#win(this.#unwanted.response, this.#unwanted.by)
    } else {
      this.#end(this.#tries.findLast(({ peer }) => peer !== undefined) ?? by)
      this.#answer.reject(this.#failure)
    }
  }

  #win(response: UpstreamResponse, by: Call): void {
    this.#end(by)
    this.#call.current = { cancel: reason => by.end(reason) }
    this.#interims.get(by)!.passOn(this.#request.interim)
    response.whenOver?.(() => {
      if (by.failure !== undefined) this.#call.failure = by.failure
    })
    this.#answer.resolve(response)
  }

  #end(by: Call): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    // A second try that was sent is in vain in any case, because one of the two answers is not used.
    if (this.#isHedged) this.#budget.giveBack(this.#tries[1]!.attempts > 0)
    this.#call.current = undefined
    this.#call.peer = by.peer
    for (const each of this.#tries) {
      this.#call.attempts += each.attempts
      if (each === by) continue
      if (each.peer) this.#call.exclude(each.peer)
      each.end(new UpstreamFailure('aborted'))
    }
  }
}

/** The interim answers of one try. The transport bounds their number and size. */
class HeldInterims implements InterimReceiver {
  readonly #held: { readonly status: number; readonly headers: readonly string[] }[] = []

  writeInterim(status: number, headers: readonly string[]): void {
    this.#held.push({ status, headers })
  }

  passOn(receiver: InterimReceiver | undefined): void {
    for (const { status, headers } of this.#held) receiver?.writeInterim(status, headers)
  }
}

/** How many answer times of a service are kept. */
const KEPT = 256
/** With fewer samples, a percentile means nothing. */
const MIN_SAMPLES = 20
/** The percentile is computed anew after this many more samples. */
const REFRESH_EVERY = 16

/** How long recent answers of a service took. */
export class RecentTimes {
  readonly #samples = new TimeSamples(KEPT)
  #p95 = 0
  #computedAt = 0

  add(ms: number): void {
    this.#samples.add(ms)
  }

  /** The time that 95% of recent answers did not exceed, milliseconds; undefined below 20 samples. */
  get p95(): number | undefined {
    const { count } = this.#samples
    if (count < MIN_SAMPLES) return undefined
    if (this.#computedAt === 0 || count - this.#computedAt >= REFRESH_EVERY) {
      this.#p95 = this.#samples.quantile(0.95)
      this.#computedAt = count
    }
    return this.#p95
  }
}
