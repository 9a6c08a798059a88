import type { Call } from '../../internal/call.ts'
import type { BreakerState } from '../../internal/nodes/peer.ts'
import type { Outcome, Upstream, UpstreamRequest } from '../../internal/upstream.ts'
import { type FailureKind, UpstreamFailure } from '../../internal/upstream-failure.ts'
import type { BreakerReason, CircuitEvents, CircuitOptions } from './circuit-options.ts'
import { CircuitOpenError, OpenBreaker } from './half-open.ts'
import { TryWindow } from './try-window.ts'

/**
 * The circuit breaker of one node. Closed, it counts, and decides when to open; what follows, until it is closed again, is
 * opossum's: see {@link OpenBreaker}, which is made when it opens for the first time.
 *
 * It opens by ratio, and at once after `minimumRequests` tries in a row without a connection: a node that died
 * under steady traffic would otherwise be asked until its failures outweigh the good answers before them. For the same
 * reason a node that hangs is left out after half as many tries in a row that were not answered in time: by default 5, the
 * number of failures in a row after which Envoy ejects a node.
 *
 * A try counts when it is over, as good or as bad; one whose client has left says nothing. One that began before the
 * breaker opened says nothing after that. When it closes, the window starts empty: else the failures that opened it would
 * open it again at the first new one. A client that leaves during the probe leaves the question open instead of answering
 * it.
 */
export class Circuit {
  readonly #options: () => CircuitOptions
  readonly #events: CircuitEvents
  readonly #window: TryWindow
  #isClosed = true
  #isShut = false
  #breaker: OpenBreaker | undefined = undefined
  /** Probes in a row that failed. */
  #failedProbes = 0
  /** Tries in a row for which there was no connection. */
  #unreachable = 0
  /** Tries in a row that were not answered in time. */
  #unanswered = 0
  #reason: BreakerReason = 'too many failures'
  #isUnreachable = false
  /** When the last answer came that was good but slow. */
  #slowAt = Number.NEGATIVE_INFINITY

  /** @param options asked at every try, so that they may change */
  constructor(options: () => CircuitOptions, events: CircuitEvents) {
    this.#options = options
    this.#events = events
    this.#window = new TryWindow(options().windowMs)
  }

  get state(): BreakerState {
    return this.#breaker?.state ?? 'closed'
  }

  get retryInMs(): number {
    return this.#breaker?.retryInMs ?? 0
  }

  /** Whether it is not closed because the node takes no connections. */
  get isUnreachable(): boolean {
    return this.#isUnreachable
  }

  /** Whether a try would be let through now. */
  admits(): boolean {
    return this.#isClosed || this.#breaker!.wantsProbe
  }

  /**
   * Runs one try through the breaker. An answer with a failure status counts against the node and is still
   * the answer.
   *
   * @throws CircuitOpenError when the breaker does not admit it
   */
  fire<T extends Outcome>(next: Upstream<T>, request: UpstreamRequest, call: Call): Promise<T> {
    if (!this.#isClosed) return this.#probe(next, request, call)
    if (this.#isShut) return Promise.reject(new CircuitOpenError('the node is gone'))
    const slowCallMs = this.#slowCallMs(request)
    // What is the same for all tries costs none of them a closure.
    if (slowCallMs === undefined)
      return next(request, call).then(this.#onOutcome, this.#onError) as Promise<T>
    const slowFrom = performance.now() + slowCallMs
    return next(request, call).then(
      outcome => this.#noteOutcome(outcome, performance.now() > slowFrom),
      this.#onError,
    ) as Promise<T>
  }

  /** Closes it, whatever it has counted: the node was found to be well by other means. */
  recover(): void {
    if (this.#isClosed) return
    this.#reason = 'check passed'
    this.#breaker!.close()
  }

  /** Ends its timers. */
  close(): void {
    this.#isShut = true
    this.#window.close()
    this.#breaker?.shutdown()
  }

  readonly #onOutcome = (outcome: Outcome): Outcome => this.#noteOutcome(outcome, false)

  readonly #onError = (error: unknown): never => {
    if (this.#isClosed && saysSomethingOfNode(error)) this.#failed(error, false)
    throw error
  }

  #noteOutcome(outcome: Outcome, isSlow: boolean): Outcome {
    if (!this.#isClosed) return outcome
    if (isSlow || this.#isFailure(outcome)) this.#failed(undefined, isSlow && !this.#isFailure(outcome))
    else {
      this.#unreachable = 0
      this.#unanswered = 0
      this.#window.passed++
    }
    return outcome
  }

  #failed(error: unknown, isSlow: boolean): void {
    const window = this.#window
    const kind = error instanceof UpstreamFailure ? error.kind : undefined
    this.#unreachable = kind === 'connect' ? this.#unreachable + 1 : 0
    this.#unanswered = kind === 'timeout' ? this.#unanswered + 1 : 0
    window.failed++
    const { failureRatio, minimumRequests, windowMs } = this.#options()
    window.resize(windowMs)
    if (this.#unreachable >= minimumRequests) {
      this.#isUnreachable = true
      this.#open('no connection')
      return
    }
    if (this.#unanswered >= unansweredLimit(minimumRequests) && this.#mayOpen(false)) {
      this.#open('no answer')
      return
    }
    const now = performance.now()
    if (isSlow) this.#slowAt = now
    const tries = window.passed + window.failed
    if (tries < minimumRequests || window.failed / tries < failureRatio - 1e-9) return
    // A slow answer counts as a failure, and is an answer all the same.
    const isUseless = window.passed === 0 && now - this.#slowAt > windowMs
    if (this.#mayOpen(isUseless)) this.#open(isSlow ? 'too many slow calls' : 'too many failures')
  }

  /** The one try that decides; refused where it is not wanted. */
  async #probe<T extends Outcome>(next: Upstream<T>, request: UpstreamRequest, call: Call): Promise<T> {
    let bad: { readonly outcome: T } | undefined
    const attempt = async () => {
      const slowCallMs = this.#slowCallMs(request) ?? Number.POSITIVE_INFINITY
      const begunAt = performance.now()
      try {
        const outcome = await next(request, call)
        if (!this.#isFailure(outcome) && performance.now() - begunAt <= slowCallMs) return outcome
        bad = { outcome }
      } catch (error) {
        this.#probeFailed(error)
        throw error
      }
      this.#probeFailed(undefined)
      throw BAD_OUTCOME
    }
    try {
      return await this.#breaker!.probe(attempt)
    } catch (error) {
      if (error === BAD_OUTCOME) return bad!.outcome
      throw error
    }
  }

  /** Before opossum opens it again. */
  #probeFailed(error: unknown): void {
    // A client that left before the answer has shown nothing.
    if (saysSomethingOfNode(error)) {
      this.#failedProbes++
      this.#isUnreachable = error instanceof UpstreamFailure && error.kind === 'connect'
      this.#reason = 'probe failed'
    } else this.#reason = 'probe given up'
    this.#breaker!.setOpenMs(this.#openMs())
  }

  #isFailure({ status }: Outcome): boolean {
    const { statuses = null } = this.#options()
    return statuses === null ? isFailureStatus(status) : statuses.includes(status)
  }

  /** Undefined where nothing is too slow: how long a body takes is the client's affair. */
  #slowCallMs(request: UpstreamRequest): number | undefined {
    return request.body === null ? (this.#options().slowCallMs ?? undefined) : undefined
  }

  #mayOpen(isUseless: boolean): boolean {
    return this.#events.mayOpen?.(isUseless) ?? true
  }

  #open(reason: BreakerReason): void {
    const { onChange } = this.#events
    this.#reason = reason
    this.#breaker ??= new OpenBreaker({
      onOpen: () => {
        this.#isClosed = false
        this.#unreachable = 0
        this.#unanswered = 0
        onChange('open', this.#reason)
      },
      onHalfOpen: () => onChange('half-open', 'time for a probe'),
      onClose: () => {
        this.#isClosed = true
        this.#window.clear()
        this.#failedProbes = 0
        this.#isUnreachable = false
        onChange('closed', this.#reason === 'check passed' ? this.#reason : 'probe succeeded')
      },
    })
    this.#breaker.open(this.#openMs())
  }

  #openMs(): number {
    const { openMs, maxOpenMs = openMs } = this.#options()
    return Math.min(openMs * 2 ** Math.min(this.#failedProbes, 30), Math.max(openMs, maxOpenMs))
  }
}

/** Carries a bad answer through opossum as a failure. Not an Error: it needs no stack. */
const BAD_OUTCOME = Symbol('bad outcome')

/** Half of the requests that are asked for before the ratio counts, but 5 where that is less, and never more than all. */
function unansweredLimit(minimumRequests: number): number {
  return Math.min(minimumRequests, Math.max(5, minimumRequests / 2))
}

/** Statuses that say the node is not well: it failed, or stands in front of something that did. */
export function isFailureStatus(status: number): boolean {
  return status >= 500 && status !== 501 && status !== 505
}

/** `hung` says what the failures before it have said. */
const SAYS_NOTHING: ReadonlySet<FailureKind> = new Set(['aborted', 'unsendable', 'hung'])

function saysSomethingOfNode(error: unknown): boolean {
  return !(error instanceof UpstreamFailure && SAYS_NOTHING.has(error.kind))
}
