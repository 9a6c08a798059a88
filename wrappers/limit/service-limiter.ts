import type { Call } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { Upstream, UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import { isFailureStatus } from '../breaker/circuit-breaker.ts'
import { asAnswer } from '../retry/retry-rules.ts'
import { GradientLimit } from './gradient-limit.ts'
import { WaitQueue } from './wait-queue.ts'

/** How much of a service may be under way, as the configuration writes it. */
export interface LimitSettings {
  /** Requests; null = no fixed limit. */
  readonly concurrent: number | null
  /** Whether the limit is found by how long answers take. Not beside `concurrent`. */
  readonly adaptive: boolean
  /** The most that is found. */
  readonly max: number
  /** How many may wait for a place; null = half as many as the limit. */
  readonly queue: number | null
  /** The longest that one waits. */
  readonly queueMs: number
}

/** Why a request was refused. */
export type LimitReason = 'the queue is full' | 'no place in time'

export interface LimiterOptions {
  readonly service: string
  readonly settings: LimitSettings
  /** How long a turn of the event loop takes at the moment, milliseconds. */
  readonly loopTurnMs?: (() => number) | undefined
  /** Told of every refusal. */
  readonly onRefused?: (limiter: Limiter, reason: LimitReason) => void
  /** Milliseconds on the monotonic clock. */
  readonly now?: () => number
}

const RETRY_AFTER = { 'retry-after': '1' } as const
/** One for all: the way of a refusal is the way of most requests under overload. */
const REFUSALS = {
  'the queue is full': refusal('the service is at its limit, and its queue is full'),
  'no place in time': refusal('the service is at its limit, and no place became free in time'),
} as const satisfies Record<LimitReason, GatewayError>
/** A longer body says more of the client than of the service. */
const MAX_TIMED_BODY_BYTES = 65_536

/** Holds the requests of one service at a limit. */
export class Limiter {
  readonly service: string
  readonly #onRefused: (limiter: Limiter, reason: LimitReason) => void
  readonly #loopTurnMs: (() => number) | undefined
  readonly #now: () => number
  readonly #queue: WaitQueue
  #settings: LimitSettings
  #gradient: GradientLimit | undefined = undefined
  #inFlight = 0
  #refused = 0

  constructor(options: LimiterOptions) {
    const { service, settings, loopTurnMs, onRefused = () => {}, now = () => performance.now() } = options
    this.service = service
    this.#settings = settings
    this.#loopTurnMs = loopTurnMs
    this.#onRefused = onRefused
    this.#now = now
    this.#queue = new WaitQueue({ refuse: () => this.#refuse('no place in time'), now })
    this.configure(settings)
  }

  /** What was learned stays where it still applies, and so do the places that are taken. */
  configure(settings: LimitSettings): void {
    this.#settings = settings
    if (!settings.adaptive) this.#gradient = undefined
    else if (this.#gradient) this.#gradient.max = settings.max
    else this.#gradient = new GradientLimit(settings.max, this.#now(), this.#loopTurnMs)
    this.#fill()
  }

  /** No limit holds any more: lets everybody in. */
  open(): void {
    this.configure({ ...this.#settings, concurrent: null, adaptive: false })
  }

  get kind(): 'static' | 'adaptive' {
    return this.#gradient ? 'adaptive' : 'static'
  }

  /** How many may be under way now. */
  get limit(): number {
    return this.#gradient?.limit ?? this.#settings.concurrent ?? Number.POSITIVE_INFINITY
  }

  /** Requests let through whose answer is not over. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Requests that wait for a place. */
  get queued(): number {
    return this.#queue.length
  }

  /** Requests refused since the beginning. */
  get refused(): number {
    return this.#refused
  }

  /**
   * Sends a request on when there is a place for it. The place is taken until there is no answer, or until
   * {@link release} says that the answer is over.
   *
   * @throws GatewayError WG_OVERLOADED with Retry-After
   */
  pass(next: Upstream, request: UpstreamRequest, call: Call): Promise<UpstreamResponse> {
    if (call.ended) return Promise.reject(asAnswer(call.ended))
    if (this.#queue.length > 0) this.#fill()
    const { limit } = this
    if (this.#inFlight < limit && this.#queue.length === 0) {
      this.#inFlight++
      return this.#send(next, request, call)
    }
    const { queue, queueMs } = this.#settings
    if (this.#queue.length >= (queue ?? Math.ceil(limit / 2)) || queueMs === 0) {
      return Promise.reject(this.#refuse('the queue is full'))
    }
    // Who lets it in has taken its place.
    return this.#queue.wait(call, queueMs).then(() => this.#send(next, request, call))
  }

  /** The answer to `call` is over, or it has none. To be called once. */
  release(call: Call): void {
    call.limiter = undefined
    this.#inFlight--
    if (this.#queue.length > 0) this.#fill()
  }

  #send(next: Upstream, request: UpstreamRequest, call: Call): Promise<UpstreamResponse> {
    call.limiter = this
    const gradient = this.#gradient
    const begunAt = gradient ? this.#now() : 0
    gradient?.began(this.#inFlight, begunAt)
    return next(request, call).then(
      response => {
        // A quick failure says nothing of what a good answer takes.
        if (gradient && !isFailureStatus(response.status) && isTimed(request)) {
          gradient.answered(begunAt, this.#now())
        }
        return response
      },
      error => {
        if (call.limiter === this) this.release(call)
        throw error
      },
    )
  }

  /** Lets those in who wait, as far as there are places. */
  #fill(): void {
    const { limit } = this
    while (this.#inFlight < limit && this.#queue.admit()) this.#inFlight++
  }

  #refuse(reason: LimitReason): GatewayError {
    this.#refused++
    this.#onRefused(this, reason)
    return REFUSALS[reason]
  }
}

function refusal(reason: string): GatewayError {
  return new GatewayError('WG_OVERLOADED', { headers: RETRY_AFTER, cause: new Error(reason) })
}

function isTimed({ body }: UpstreamRequest): boolean {
  return body === null || (body.length !== undefined && body.length <= MAX_TIMED_BODY_BYTES)
}
