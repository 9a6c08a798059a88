import { EventEmitter } from 'node:events'
import CircuitBreaker from 'opossum'
import type { Call } from '../internal/call.ts'
import type { BreakerState } from '../internal/peer.ts'
import type { Outcome, Upstream, UpstreamRequest } from '../internal/upstream.ts'
import { type FailureKind, UpstreamFailure } from '../internal/upstream-failure.ts'
import { rotation } from './rotation.ts'

export interface CircuitOptions {
  /** Share of failed tries from which the breaker opens, 0..1. */
  readonly failureRatio: number
  /** Tries in the window below which the ratio never opens it. */
  readonly minimumRequests: number
  readonly windowMs: number
  /** How long it stays open at first before one probe is let through; twice as long after each that fails. */
  readonly openMs: number
  /** The longest it stays open; `openMs` where that is longer. Default: `openMs`, always. */
  readonly maxOpenMs?: number | undefined
  /** Answers that take longer to their head count as failures; null, the default = none does. */
  readonly slowCallMs?: number | null | undefined
  /** Statuses that count as failures; null, the default = those of {@link isFailureStatus}. */
  readonly statuses?: readonly number[] | null | undefined
}

/** Why a breaker changed its state. */
export type BreakerReason =
  | 'too many failures'
  | 'too many slow calls'
  | 'no connection'
  | 'no answer'
  | 'time for a probe'
  | 'probe failed'
  | 'probe given up'
  | 'probe succeeded'
  | 'check passed'

export interface CircuitEvents {
  /** Told of every change of its state. */
  readonly onChange: (state: BreakerState, reason: BreakerReason) => void
  /**
   * Asked before it opens for failures of a node that takes connections.
   *
   * @param isUseless whether no try in the window brought a good answer, not even a slow one
   */
  readonly mayOpen?: (isUseless: boolean) => boolean
}

type Attempt = [next: Upstream<Outcome>, request: UpstreamRequest, call: Call]

const BUCKETS = 10
/** Envoy ejects a node after as many failures in a row. */
const MAX_UNANSWERED = 5

/**
 * The circuit breaker of one node, by opossum. Closed, it counts; open, it refuses; half-open, it lets one
 * probe through, whose outcome decides.
 *
 * It opens by ratio, and at once after `minimumRequests` tries in a row without a connection: a node that died
 * under steady traffic would otherwise be asked until its failures outweigh the good answers before them. For the same
 * reason a node that hangs is left out after 5 tries in a row that were not answered in time.
 *
 * What opossum leaves to its user is done here: when to open (it knows neither slow calls nor who may stay out);
 * for how long, twice as long with each probe that fails; the window starts empty after closing (else the failures
 * that opened it would open it again at the first new one), and a client that leaves during the probe leaves the
 * question open instead of answering it.
 */
export class Circuit {
  readonly #breaker: CircuitBreaker<Attempt, Outcome>
  readonly #window = new EventEmitter()
  readonly #options: () => CircuitOptions
  readonly #events: CircuitEvents
  /** opossum's own, which it reads anew each time it opens. */
  readonly #timing = { resetTimeout: 0 }
  #windowMs: number
  #openedAt = 0
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
    this.#windowMs = options().windowMs
    this.#breaker = new CircuitBreaker<Attempt, Outcome>(
      (next, request, call) => this.#attempt(next, request, call),
      Object.assign(this.#timing, {
        timeout: false as const,
        // Closed, it never opens by itself.
        volumeThreshold: Number.MAX_SAFE_INTEGER,
        rollingCountTimeout: this.#windowMs,
        rollingCountBuckets: BUCKETS,
        rotateBucketController: this.#window,
        rollingPercentilesEnabled: false,
        enableSnapshots: false,
        // A filtered error counts as a success, and a success closes a half-open breaker.
        errorFilter: (error: unknown) => !saysSomethingOfNode(error) && !this.#breaker.halfOpen,
      }),
    )
    this.#breaker.prependListener('open', () => this.#onOpen())
    this.#breaker.on('failure', error => this.#onFailure(error))
    this.#breaker.on('success', result => {
      // A filtered error comes here too, and says nothing of the node.
      if (result instanceof Error) return
      this.#unreachable = 0
      this.#unanswered = 0
    })
    this.#breaker.on('halfOpen', () => events.onChange('half-open', 'time for a probe'))
    this.#breaker.on('close', () => {
      for (let i = 0; i < BUCKETS; i++) this.#window.emit('rotate')
      this.#failedProbes = 0
      this.#isUnreachable = false
      events.onChange('closed', this.#reason === 'check passed' ? this.#reason : 'probe succeeded')
    })
    rotation.add(this.#window, this.#windowMs / BUCKETS)
  }

  get state(): BreakerState {
    if (this.#breaker.opened) return 'open'
    return this.#breaker.halfOpen ? 'half-open' : 'closed'
  }

  get retryInMs(): number {
    const openMs = this.#timing.resetTimeout
    return this.#breaker.opened ? Math.max(0, this.#openedAt + openMs - performance.now()) : 0
  }

  /** Whether it is not closed because the node takes no connections. */
  get isUnreachable(): boolean {
    return this.#isUnreachable
  }

  /** Whether a try would be let through now. */
  admits(): boolean {
    return this.#breaker.closed || this.#breaker.pendingClose
  }

  /**
   * Runs one try through the breaker. An answer with a failure status counts against the node and is still
   * the answer.
   *
   * @throws CircuitOpenError when the breaker does not admit it
   */
  fire<T extends Outcome>(next: Upstream<T>, request: UpstreamRequest, call: Call): Promise<T> {
    return this.#breaker.fire(next as Upstream<Outcome>, request, call).catch(asOutcome) as Promise<T>
  }

  /** Closes it, whatever it has counted: the node was found to be well by other means. */
  recover(): void {
    if (this.#breaker.closed) return
    this.#reason = 'check passed'
    this.#breaker.close()
  }

  /** Ends its timers. */
  close(): void {
    rotation.delete(this.#window)
    this.#breaker.shutdown()
  }

  #attempt(next: Upstream<Outcome>, request: UpstreamRequest, call: Call): Promise<Outcome> {
    const { slowCallMs = null, statuses = null } = this.#options()
    // How long a body takes is the client's affair.
    const isTimed = slowCallMs !== null && request.body === null
    const slowFrom = isTimed ? performance.now() + slowCallMs : Number.POSITIVE_INFINITY
    return next(request, call).then(outcome => {
      const { status } = outcome
      if (statuses === null ? isFailureStatus(status) : statuses.includes(status))
        throw new FailureAnswer(outcome, false)
      if (isTimed && performance.now() > slowFrom) throw new FailureAnswer(outcome, true)
      return outcome
    })
  }

  #onFailure(error: unknown): void {
    const kind = error instanceof UpstreamFailure ? error.kind : undefined
    const noConnection = kind === 'connect'
    this.#unreachable = noConnection ? this.#unreachable + 1 : 0
    this.#unanswered = kind === 'timeout' ? this.#unanswered + 1 : 0
    if (this.#breaker.halfOpen) {
      // Now opossum opens it. A client that left before the answer has shown nothing.
      if (saysSomethingOfNode(error)) {
        this.#failedProbes++
        this.#isUnreachable = noConnection
        this.#reason = 'probe failed'
      } else this.#reason = 'probe given up'
      return
    }
    if (!this.#breaker.closed) return
    const { failureRatio, minimumRequests, windowMs } = this.#options()
    if (windowMs !== this.#windowMs) this.#changeWindow(windowMs)
    if (this.#unreachable >= minimumRequests) {
      this.#isUnreachable = true
      this.#open('no connection')
      return
    }
    if (this.#unanswered >= Math.min(minimumRequests, MAX_UNANSWERED) && this.#mayOpen(false)) {
      this.#open('no answer')
      return
    }
    const isSlow = error instanceof FailureAnswer && error.isSlow
    const now = performance.now()
    if (isSlow) this.#slowAt = now
    const { fires, failures, successes } = this.#breaker.stats
    if (fires < minimumRequests || failures / fires < failureRatio - 1e-9) return
    // A slow answer counts as a failure, and is an answer all the same.
    const isUseless = successes === 0 && now - this.#slowAt > windowMs
    if (!this.#mayOpen(isUseless)) return
    this.#open(isSlow ? 'too many slow calls' : 'too many failures')
  }

  #mayOpen(isUseless: boolean): boolean {
    return this.#events.mayOpen?.(isUseless) ?? true
  }

  #open(reason: BreakerReason): void {
    this.#reason = reason
    this.#breaker.open()
  }

  /** Before opossum starts the time that it stays open. */
  #onOpen(): void {
    const { openMs, maxOpenMs = openMs } = this.#options()
    this.#timing.resetTimeout = Math.min(
      openMs * 2 ** Math.min(this.#failedProbes, 30),
      Math.max(openMs, maxOpenMs),
    )
    this.#openedAt = performance.now()
    this.#unreachable = 0
    this.#unanswered = 0
    this.#events.onChange('open', this.#reason)
  }

  /** What was counted stays counted, until it is as old as the new window. */
  #changeWindow(windowMs: number): void {
    rotation.delete(this.#window)
    rotation.add(this.#window, windowMs / BUCKETS)
    this.#windowMs = windowMs
  }
}

/** The breaker refused; the node has seen nothing. */
export class CircuitOpenError extends Error {
  override readonly name = 'CircuitOpenError'
}

/** Statuses that say the node is not well: it failed, or stands in front of something that did. */
export function isFailureStatus(status: number): boolean {
  return status >= 500 && status !== 501 && status !== 505
}

/** Carries an answer through opossum as a failure; never leaves this file. Not an Error: it needs no stack. */
class FailureAnswer {
  readonly answer: Outcome
  readonly isSlow: boolean
  constructor(answer: Outcome, isSlow: boolean) {
    this.answer = answer
    this.isSlow = isSlow
  }
}

function asOutcome(error: unknown): Outcome {
  if (error instanceof FailureAnswer) return error.answer
  const code = (error as { code?: unknown } | undefined)?.code
  if (code === 'EOPENBREAKER' || code === 'ESHUTDOWN')
    throw new CircuitOpenError('circuit open', { cause: error })
  throw error
}

/** `hung` says what the failures before it have said. */
const SAYS_NOTHING: ReadonlySet<FailureKind> = new Set(['aborted', 'unsendable', 'hung'])

function saysSomethingOfNode(error: unknown): boolean {
  return !(error instanceof UpstreamFailure && SAYS_NOTHING.has(error.kind))
}
