import { EventEmitter } from 'node:events'
import CircuitBreaker from 'opossum'
import type { Call } from '../internal/call.ts'
import type { BreakerState } from '../internal/peer.ts'
import type { Outcome, Upstream, UpstreamRequest } from '../internal/upstream.ts'
import { UpstreamFailure } from '../internal/upstream-failure.ts'

export interface CircuitOptions {
  /** Share of failed tries from which the breaker opens, 0..1. */
  readonly failureRatio: number
  /** Tries in the window below which the ratio never opens it. */
  readonly minimumRequests: number
  readonly windowMs: number
  /** How long it stays open before one probe is let through. */
  readonly openMs: number
}

type Attempt = [next: Upstream<Outcome>, request: UpstreamRequest, call: Call]

const BUCKETS = 10

/**
 * The circuit breaker of one node, by opossum. Closed, it counts; open, it refuses; half-open, it lets one
 * probe through, whose outcome decides.
 *
 * It opens by ratio, and at once after `minimumRequests` tries in a row without a connection: a node that died
 * under steady traffic would otherwise be asked until its failures outweigh the good answers before them.
 *
 * What opossum leaves to its user is done here: the window starts empty after closing (else the failures
 * that opened it would open it again at the first new one), and a client that leaves during the probe
 * leaves the question open instead of answering it.
 */
export class Circuit {
  readonly #breaker: CircuitBreaker<Attempt, Outcome>
  readonly #window = new EventEmitter()
  readonly #openMs: number
  #openedAt = 0
  /** Tries in a row for which there was no connection. */
  #unreachable = 0

  constructor(options: CircuitOptions, onChange: (state: BreakerState) => void) {
    this.#openMs = options.openMs
    this.#breaker = new CircuitBreaker<Attempt, Outcome>(attempt, {
      timeout: false,
      // opossum opens above the percentage; the option here says from it on.
      errorThresholdPercentage: options.failureRatio * 100 - 1e-9,
      volumeThreshold: options.minimumRequests,
      resetTimeout: options.openMs,
      rollingCountTimeout: options.windowMs,
      rollingCountBuckets: BUCKETS,
      rotateBucketController: this.#window,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      // A filtered error counts as a success, and a success closes a half-open breaker.
      errorFilter: error => !saysSomethingOfNode(error) && !this.#breaker.halfOpen,
    })
    this.#breaker.on('open', () => {
      this.#openedAt = performance.now()
      this.#unreachable = 0
      onChange('open')
    })
    this.#breaker.on('failure', error => {
      const noConnection = error instanceof UpstreamFailure && error.kind === 'connect'
      this.#unreachable = noConnection ? this.#unreachable + 1 : 0
      if (this.#unreachable >= options.minimumRequests) this.#breaker.open()
    })
    this.#breaker.on('success', result => {
      // A filtered error comes here too, and says nothing of the node.
      if (!(result instanceof Error)) this.#unreachable = 0
    })
    this.#breaker.on('halfOpen', () => onChange('half-open'))
    this.#breaker.on('close', () => {
      for (let i = 0; i < BUCKETS; i++) this.#window.emit('rotate')
      onChange('closed')
    })
    rotation.add(this.#window, options.windowMs / BUCKETS)
  }

  get state(): BreakerState {
    if (this.#breaker.opened) return 'open'
    return this.#breaker.halfOpen ? 'half-open' : 'closed'
  }

  get retryInMs(): number {
    return this.#breaker.opened ? Math.max(0, this.#openedAt + this.#openMs - performance.now()) : 0
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
    return this.#breaker.fire(next, request, call).catch(asOutcome) as Promise<T>
  }

  /** Ends its timers. */
  close(): void {
    rotation.delete(this.#window)
    this.#breaker.shutdown()
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

function attempt(next: Upstream<Outcome>, request: UpstreamRequest, call: Call): Promise<Outcome> {
  return next(request, call).then(throwFailureStatus)
}

function throwFailureStatus(outcome: Outcome): Outcome {
  if (isFailureStatus(outcome.status)) throw new FailureAnswer(outcome)
  return outcome
}

/** Carries an answer through opossum as a failure; never leaves this file. Not an Error: it needs no stack. */
class FailureAnswer {
  readonly answer: Outcome
  constructor(answer: Outcome) {
    this.answer = answer
  }
}

function asOutcome(error: unknown): Outcome {
  if (error instanceof FailureAnswer) return error.answer
  const code = (error as { code?: unknown } | undefined)?.code
  if (code === 'EOPENBREAKER' || code === 'ESHUTDOWN')
    throw new CircuitOpenError('circuit open', { cause: error })
  throw error
}

function saysSomethingOfNode(error: unknown): boolean {
  return !(error instanceof UpstreamFailure && (error.kind === 'aborted' || error.kind === 'unsendable'))
}

/** One timer per window length for all breakers, where opossum would start one each. */
class Rotation {
  readonly #groups = new Map<number, { timer: NodeJS.Timeout; windows: Set<EventEmitter> }>()

  add(window: EventEmitter, intervalMs: number): void {
    let group = this.#groups.get(intervalMs)
    if (!group) {
      const windows = new Set<EventEmitter>()
      const timer = setInterval(() => {
        for (const each of windows) each.emit('rotate')
      }, intervalMs).unref()
      group = { timer, windows }
      this.#groups.set(intervalMs, group)
    }
    group.windows.add(window)
  }

  delete(window: EventEmitter): void {
    for (const [intervalMs, { timer, windows }] of this.#groups) {
      if (!windows.delete(window) || windows.size > 0) continue
      clearInterval(timer)
      this.#groups.delete(intervalMs)
    }
  }
}

const rotation = new Rotation()
