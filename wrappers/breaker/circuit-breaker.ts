import type { Call } from '../../internal/call.ts'
import type { BreakerState } from '../../internal/nodes/peer.ts'
import type { Outcome, Upstream, UpstreamRequest } from '../../internal/upstream.ts'
import { type FailureKind, UpstreamFailure } from '../../internal/upstream-failure.ts'
import type { BreakerReason, CircuitBreakerEvents, CircuitBreakerOptions } from './circuit-breaker-options.ts'
import { CircuitOpenError, OpenBreaker } from './half-open.ts'
import { TryWindow } from './try-window.ts'

/**
 * The circuit breaker of one node. While closed, it counts tries and decides when to open. From then until it is closed
 * again, opossum keeps its state: see {@link OpenBreaker}, which is created when the breaker opens for the first time.
 *
 * The breaker opens when the share of failed tries is too high. It also opens after `minimumRequests` consecutive tries
 * without a connection: a node that died under steady traffic would otherwise be tried until its failures outweigh the
 * good answers before them. For the same reason it opens after half as many consecutive tries that were not answered in
 * time. With the default settings these are 5, the number of consecutive failures after which Envoy ejects a node.
 *
 * A try counts when it ends, and not at all when its client has left. Tries that end while the breaker is not closed do
 * not count, although they began before it opened. When the breaker closes, the window starts empty; otherwise the
 * failures that opened it would open it again at the next one. A probe whose client leaves decides nothing: the breaker
 * opens for the same time again.
 */
export class CircuitBreaker {
  readonly #options: () => CircuitBreakerOptions
  readonly #events: CircuitBreakerEvents
  readonly #window: TryWindow
  #isClosed = true
  #isDisposed = false
  #breaker: OpenBreaker | undefined = undefined
  /** Consecutive failed probes. */
  #failedProbes = 0
  /** Consecutive tries without a connection. */
  #unreachable = 0
  /** Consecutive tries that were not answered in time. */
  #unanswered = 0
  #reason: BreakerReason = 'too many failures'
  #isUnreachable = false
  /** When the last good but slow answer came. */
  #slowAt = Number.NEGATIVE_INFINITY

  /** @param options is called for every try, so that settings may change */
  constructor(options: () => CircuitBreakerOptions, events: CircuitBreakerEvents) {
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

  /** Whether the breaker is not closed because the node accepts no connections. */
  get isUnreachable(): boolean {
    return this.#isUnreachable
  }

  /** Whether the breaker would let a try through now. */
  admits(): boolean {
    return this.#isClosed || this.#breaker!.wantsProbe
  }

  /**
   * Runs one try through the breaker. An answer with a failure status counts against the node and is returned all the
   * same.
   *
   * @throws CircuitOpenError when the breaker does not admit the try
   */
  fire<T extends Outcome>(next: Upstream<T>, request: UpstreamRequest, call: Call): Promise<T> {
    if (!this.#isClosed) return this.#probe(next, request, call)
    if (this.#isDisposed) return Promise.reject(new CircuitOpenError('the node was removed'))
    const slowCallMs = this.#slowCallMs(request)
    // Without a limit on slow calls, all tries share two handlers instead of creating closures.
    if (slowCallMs === undefined)
      return next(request, call).then(this.#onOutcome, this.#onError) as Promise<T>
    const slowFrom = performance.now() + slowCallMs
    return next(request, call).then(
      outcome => this.#noteOutcome(outcome, performance.now() > slowFrom),
      this.#onError,
    ) as Promise<T>
  }

  /** Closes the breaker, whatever it has counted, because a health check found the node healthy. */
  recover(): void {
    if (this.#isClosed) return
    this.#reason = 'check passed'
    this.#breaker!.close()
  }

  /** Ends the timers. From now on, every try is refused. */
  close(): void {
    this.#isDisposed = true
    this.#window.close()
    this.#breaker?.shutdown()
  }

  readonly #onOutcome = (outcome: Outcome): Outcome => this.#noteOutcome(outcome, false)

  readonly #onError = (error: unknown): never => {
    if (this.#isClosed && countsAgainstNode(error)) this.#failed(error, false)
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
    // A node that answers slowly is not useless, although slow answers count as failures.
    const isUseless = window.passed === 0 && now - this.#slowAt > windowMs
    if (this.#mayOpen(isUseless)) this.#open(isSlow ? 'too many slow calls' : 'too many failures')
  }

  /** Sends the try as the probe; rejects when the breaker is open or another try is the probe. */
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

  /** Notes why the probe failed. Must run before opossum sees the failure and opens the breaker again. */
  #probeFailed(error: unknown): void {
    // When the client left before the answer, the probe showed nothing.
    if (countsAgainstNode(error)) {
      this.#failedProbes++
      this.#isUnreachable = error instanceof UpstreamFailure && error.kind === 'connect'
      this.#reason = 'probe failed'
    } else this.#reason = 'probe aborted'
    this.#breaker!.setOpenMs(this.#openMs())
  }

  #isFailure({ status }: Outcome): boolean {
    const { statuses = null } = this.#options()
    return statuses === null ? isFailureStatus(status) : statuses.includes(status)
  }

  /** Undefined when the try cannot be too slow. A request with a body takes as long as its client takes to send it. */
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
      onHalfOpen: () => onChange('half-open', 'open time elapsed'),
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

/** Carries a bad answer through opossum as a failure. A symbol, because an Error would capture a stack. */
const BAD_OUTCOME = Symbol('bad outcome')

/** Half of `minimumRequests`, at least 5, and never more than `minimumRequests`. */
function unansweredLimit(minimumRequests: number): number {
  return Math.min(minimumRequests, Math.max(5, minimumRequests / 2))
}

/** Whether a status says that the node, or something behind it, failed. */
export function isFailureStatus(status: number): boolean {
  return status >= 500 && status !== 501 && status !== 505
}

/** Failures that do not count against the node. `hung` follows from failures that were counted before. */
const NOT_COUNTED: ReadonlySet<FailureKind> = new Set(['aborted', 'unsendable', 'hung'])

function countsAgainstNode(error: unknown): boolean {
  return !(error instanceof UpstreamFailure && NOT_COUNTED.has(error.kind))
}
