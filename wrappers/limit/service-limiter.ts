import type { Call } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { Upstream, UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import { isFailedAnswer } from '../breaker/failures.ts'
import { asAnswer } from '../retry/retry-rules.ts'
import { GradientLimit } from './gradient-limit.ts'
import { WaitQueue } from './wait-queue.ts'

/** The concurrency limit of a service, as configured. */
export interface ServiceLimitSettings {
  /** Requests in flight; null = no fixed limit. */
  readonly concurrent: number | null
  /** Whether the limit adapts to how long answers take. Excludes `concurrent`. */
  readonly adaptive: boolean
  /** The upper bound of an adaptive limit. */
  readonly max: number
  /** How many requests may wait for a slot; null = half of the limit. */
  readonly queue: number | null
  /** The longest that a request waits for a slot. */
  readonly queueMs: number
}

/** Why a request was refused. */
export type OverloadReason = 'the queue is full' | 'no slot became free in time'

export interface ServiceLimiterOptions {
  readonly service: string
  readonly settings: ServiceLimitSettings
  /** Returns how long a turn of the event loop takes at the moment, milliseconds. */
  readonly loopTurnMs?: (() => number) | undefined
  /** Is called for every refusal. */
  readonly onRefused?: (limiter: ServiceLimiter, reason: OverloadReason) => void
  /** Milliseconds on the monotonic clock. */
  readonly now?: () => number
}

const RETRY_AFTER = { 'retry-after': '1' } as const
/** Shared by all requests, because under overload most requests are refused. */
const REFUSALS = {
  'the queue is full': refusal('the service is at its concurrency limit, and the queue is full'),
  'no slot became free in time': refusal(
    'the service is at its concurrency limit, and no slot became free in time',
  ),
} as const satisfies Record<OverloadReason, GatewayError>
/**
 * An adaptive limit lets in at least so many requests that wait for the heads of their answers. Only those show that it may
 * grow, and long answers, such as event streams, could hold all of its slots.
 */
const MIN_WAITING = 2
/** How long a request with a longer body takes depends more on the client than on the service. */
const MAX_TIMED_BODY_BYTES = 65_536

/** Keeps the requests in flight at one service within its limit. Requests beyond it wait in a queue. */
export class ServiceLimiter {
  readonly service: string
  readonly #onRefused: (limiter: ServiceLimiter, reason: OverloadReason) => void
  readonly #loopTurnMs: (() => number) | undefined
  readonly #now: () => number
  readonly #queue: WaitQueue
  #settings: ServiceLimitSettings
  #gradient: GradientLimit | undefined = undefined
  #inFlight = 0
  /** Requests that were let through and whose answer has not begun. */
  #waiting = 0
  #refused = 0

  constructor(options: ServiceLimiterOptions) {
    const { service, settings, loopTurnMs, onRefused = () => {}, now = () => performance.now() } = options
    this.service = service
    this.#settings = settings
    this.#loopTurnMs = loopTurnMs
    this.#onRefused = onRefused
    this.#now = now
    this.#queue = new WaitQueue({ refuse: () => this.#refuse('no slot became free in time'), now })
    this.configure(settings)
  }

  /** Takes new settings. Requests in flight still count, and an adaptive limit keeps what it has learned. */
  configure(settings: ServiceLimitSettings): void {
    this.#settings = settings
    if (!settings.adaptive) this.#gradient = undefined
    else if (this.#gradient) this.#gradient.max = settings.max
    else this.#gradient = new GradientLimit(settings.max, this.#now(), this.#loopTurnMs)
    this.#admitWaiting()
    this.#queue.shorten(settings.queueMs)
  }

  /** Removes the limit and lets all waiting requests through. */
  open(): void {
    this.configure({ ...this.#settings, concurrent: null, adaptive: false })
  }

  get kind(): 'static' | 'adaptive' {
    return this.#gradient ? 'adaptive' : 'static'
  }

  /** How many requests may be in flight now. */
  get limit(): number {
    return this.#gradient?.limit ?? this.#settings.concurrent ?? Number.POSITIVE_INFINITY
  }

  /** Requests that were let through and whose answer has not ended. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Requests that wait for a slot. */
  get queued(): number {
    return this.#queue.length
  }

  /** Requests refused since the limiter was created. */
  get refused(): number {
    return this.#refused
  }

  /**
   * Sends a request on as soon as it has a slot. The request holds the slot until it fails, or until {@link release}
   * is called at the end of its answer.
   *
   * @throws GatewayError WG_OVERLOADED with Retry-After
   */
  pass(next: Upstream, request: UpstreamRequest, call: Call): Promise<UpstreamResponse> {
    if (call.ended) return Promise.reject(asAnswer(call.ended))
    if (this.#queue.length > 0) this.#admitWaiting()
    if (this.#queue.length === 0 && this.#hasSlot(this.limit)) {
      this.#letIn()
      return this.#send(next, request, call)
    }
    const { queue, queueMs } = this.#settings
    if (this.#queue.length >= (queue ?? Math.ceil(this.limit / 2)) || queueMs === 0) {
      return Promise.reject(this.#refuse('the queue is full'))
    }
    // The slot was counted when the request was let in.
    return this.#queue.wait(call, queueMs).then(() => {
      if (call.ended === undefined) return this.#send(next, request, call)
      // It was ended in the turn in which it was let in, when there was nothing left to cancel.
      this.#waiting--
      this.release(call)
      throw asAnswer(call.ended)
    })
  }

  /** Frees the slot of `call`, whose answer has ended or will not come. Must be called once. */
  release(call: Call): void {
    call.limiter = undefined
    this.#inFlight--
    if (this.#queue.length > 0) this.#admitWaiting()
  }

  #send(next: Upstream, request: UpstreamRequest, call: Call): Promise<UpstreamResponse> {
    call.limiter = this
    const gradient = this.#gradient
    const begunAt = gradient ? this.#now() : 0
    gradient?.began(this.#inFlight, begunAt)
    return next(request, call).then(
      response => {
        this.#begun()
        // A quick failure does not show how long a good answer takes.
        if (gradient && !isFailedAnswer(response) && isTimed(request)) {
          gradient.answered(begunAt, this.#now())
        }
        return response
      },
      error => {
        this.#begun()
        if (call.limiter === this) this.release(call)
        throw error
      },
    )
  }

  /** Notes that the answer of a request has begun, or will not come. */
  #begun(): void {
    this.#waiting--
    if (this.#queue.length > 0) this.#admitWaiting()
  }

  #letIn(): void {
    this.#inFlight++
    this.#waiting++
  }

  #hasSlot(limit: number): boolean {
    if (this.#inFlight < limit) return true
    return this.#gradient !== undefined && this.#waiting < MIN_WAITING && this.#inFlight < this.#settings.max
  }

  /** Lets waiting requests through while there are free slots. */
  #admitWaiting(): void {
    const { limit } = this
    while (this.#hasSlot(limit) && this.#queue.admit()) this.#letIn()
  }

  #refuse(reason: OverloadReason): GatewayError {
    this.#refused++
    this.#onRefused(this, reason)
    return REFUSALS[reason]
  }
}

function refusal(reason: string): GatewayError {
  return new GatewayError('WG_OVERLOADED', { headers: RETRY_AFTER, cause: new Error(reason) })
}

function isTimed({ body, rpc }: UpstreamRequest): boolean {
  if (rpc !== undefined) return rpc.isStreaming === false
  return body === null || (body.length !== undefined && body.length <= MAX_TIMED_BODY_BYTES)
}
