import type { Call } from '../../internal/call.ts'
import { FailingRequests } from '../../internal/nodes/failing-requests.ts'
import type { BreakerState } from '../../internal/nodes/peer.ts'
import type { CallEnd, Outcome, Upstream, UpstreamRequest } from '../../internal/upstream.ts'
import type { FailureKind } from '../../internal/upstream-failure.ts'
import type {
  BreakerReason,
  CircuitBreakerEvents,
  CircuitBreakerOptions,
  Evidence,
} from './circuit-breaker-options.ts'
import { countsAgainstNode, failureKindOf, isFailureStatus, requestLineOf } from './failures.ts'
import { CircuitOpenError, OpenBreaker } from './half-open.ts'
import { type ProbeEnd, watchProbe } from './probe.ts'
import { TryWindow } from './try-window.ts'
import { isJudgedLater, watchCall } from './watch-call.ts'

/**
 * The circuit breaker of one node. While closed, it counts tries and decides when to open. From then until it is closed
 * again, opossum keeps its state: see {@link OpenBreaker}, which is created when the breaker opens for the first time.
 *
 * The breaker opens when the share of failed tries is too high. It also opens after `minimumRequests` consecutive tries
 * without a connection: a node that died under steady traffic would otherwise be tried until its failures outweigh the
 * good answers before them. For the same reason it opens after half as many consecutive tries that were not answered in
 * time. With the default settings these are 5, the number of consecutive failures after which Envoy ejects a node.
 *
 * What a node answers, and that it breaks a connection, may be the fault of the request. Such a failure does not count
 * when the same request fails wherever it goes, and its owner decides through `mayOpen` whether others do better.
 *
 * A node that refuses calls counts like one that accepts no connection, and only as far as it refuses all of them.
 *
 * A gRPC call is judged by its status, which comes last; as the probe, by its first message if that comes before. Any other
 * try counts when the head of its answer comes or it fails, and not at all when its client has left. Tries that began before
 * the breaker opened no longer count, whenever they end. When the breaker closes, the window starts empty; otherwise the
 * failures that opened it would open it again at the next one. A probe whose client leaves decides nothing, and
 * neither does one of which nothing is heard in twice the timeout of its route: the breaker opens for the same time again.
 * Nor does a probe that ends after something else has closed the breaker, even if it has opened again since.
 */
export class CircuitBreaker {
  readonly #options: () => CircuitBreakerOptions
  readonly #events: CircuitBreakerEvents
  readonly #failing: FailingRequests
  readonly #window: TryWindow
  #isClosed = true
  /** How often the breaker has opened. */
  #openings = 0
  /** What notes how the tries end that begin before the breaker opens again. */
  #handlers = this.#handlersSince(0)
  #isDisposed = false
  #breaker: OpenBreaker | undefined = undefined
  /** Consecutive failed probes. */
  #failedProbes = 0
  /** Consecutive tries without a connection, or that the node refused. */
  #unreachable = 0
  #refusedAt = Number.NEGATIVE_INFINITY
  /** Consecutive tries that were not answered in time. */
  #unanswered = 0
  #reason: BreakerReason = 'too many failures'
  /** What the node failed to give when the breaker opened, or at the last probe. */
  #lacks: Lack = 'good answers'
  /** When the last good but slow answer came. */
  #slowAt = Number.NEGATIVE_INFINITY

  /**
   * @param options is called for every try, so that settings may change
   * @param failing is shared by the breakers of a service
   */
  constructor(
    options: () => CircuitBreakerOptions,
    events: CircuitBreakerEvents,
    failing: FailingRequests = new FailingRequests(),
  ) {
    this.#options = options
    this.#events = events
    this.#failing = failing
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
    return !this.#isClosed && this.#lacks === 'connections'
  }

  /** Tries in the window that got a good answer. */
  get passed(): number {
    return this.#window.passed
  }

  /** Tries in the window that count against the node. */
  get failed(): number {
    return this.#window.failed
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
    const { onOutcome, onError } = this.#handlers
    // Without a limit on slow calls, all plain requests share two handlers instead of creating closures.
    if (slowCallMs === undefined && request.rpc === undefined)
      return next(request, call).then(onOutcome, onError) as Promise<T>
    const slowFrom = performance.now() + (slowCallMs ?? NEVER)
    const openings = this.#openings
    return next(request, call).then(
      outcome => this.#noteOutcome(outcome, openings, slowFrom, call),
      onError,
    ) as Promise<T>
  }

  /** Closes the breaker, whatever it has counted, because a health check found the node healthy. */
  recover(): void {
    if (this.#isClosed) return
    this.#reason = 'check passed'
    this.#breaker!.close()
  }

  /**
   * Closes the breaker if it is open because of what the node answered, and not for want of connections or of answers.
   *
   * @returns whether it did
   */
  readmit(): boolean {
    if (this.#isClosed || this.#lacks !== 'good answers' || this.#options().ejectLastNode === true)
      return false
    this.#reason = 'no better node'
    this.#breaker!.close()
    return true
  }

  /** Ends the timers. From now on, every try is refused. */
  close(): void {
    this.#isDisposed = true
    this.#window.close()
    this.#breaker?.shutdown()
  }

  #handlersSince(openings: number) {
    return {
      onOutcome: (outcome: Outcome): Outcome => this.#noteOutcome(outcome, openings, NEVER, undefined),
      onError: (error: unknown): never => {
        if (openings === this.#openings && countsAgainstNode(error)) {
          this.#failed(failureKindOf(error), false, requestLineOf(error))
        }
        throw error
      },
    }
  }

  /**
   * @param openings how often the breaker had opened when the try began
   * @param slowFrom when an answer is too slow, on the monotonic clock
   */
  #noteOutcome(outcome: Outcome, openings: number, slowFrom: number, call: Call | undefined): Outcome {
    if (openings !== this.#openings) return outcome
    if (call !== undefined && isJudgedLater(outcome)) this.#noteLater(outcome, openings, slowFrom, call)
    else {
      const isSlow = slowFrom !== NEVER && performance.now() > slowFrom
      this.#note(this.#isFailure(outcome), isSlow, outcome.requestLine)
    }
    return outcome
  }

  #note(isFailure: boolean, isSlow: boolean, requestLine: string | undefined): void {
    if (isFailure || isSlow) {
      this.#failed(undefined, isSlow && !isFailure, requestLine)
      return
    }
    this.#answered()
    this.#window.passed++
    if (this.#failing.isWatching && requestLine !== undefined) {
      this.#failing.passed(requestLine, performance.now())
    }
  }

  /** Counts a gRPC call when it is over. That its answer has begun shows already that the node can be reached. */
  #noteLater(outcome: Outcome, openings: number, slowFrom: number, call: Call): void {
    this.#answered()
    const { requestLine } = outcome
    watchCall(outcome, slowFrom !== NEVER, (end, firstAt) => {
      const isFailure = this.#isFailedCall(end, call)
      if (openings === this.#openings && isFailure !== undefined)
        this.#note(isFailure, firstAt > slowFrom, requestLine)
    })
  }

  #answered(): void {
    this.#unreachable = 0
    this.#unanswered = 0
  }

  /** @param kind undefined when the node answered */
  #failed(kind: FailureKind | undefined, isSlow: boolean, requestLine: string | undefined): void {
    const window = this.#window
    const { failureRatio, minimumRequests, windowMs } = this.#options()
    window.resize(windowMs)
    if (kind === 'refused' && this.#isSameRefusal()) return
    this.#unreachable = kind === 'connect' || kind === 'refused' ? this.#unreachable + 1 : 0
    if (this.#unreachable >= minimumRequests) {
      this.#open('no connection', 'connections')
      return
    }
    if (kind === 'refused') return
    this.#unanswered = kind === 'timeout' ? this.#unanswered + 1 : 0
    if (this.#unanswered >= unansweredLimit(minimumRequests)) {
      const isUseless = this.#unanswered >= minimumRequests && window.passed === 0
      if (isUseless || this.#mayOpen('hangs')) {
        this.#open('no answer', 'answers')
        return
      }
    }
    const now = performance.now()
    if (kind !== 'connect' && !this.#isAboutNode(requestLine, now)) return
    window.failed++
    if (isSlow) this.#slowAt = now
    const tries = window.passed + window.failed
    if (tries < minimumRequests || window.failed / tries < failureRatio - 1e-9) return
    // A node that answers slowly is not useless, although slow answers count as failures.
    const isUseless = window.passed === 0 && now - this.#slowAt > windowMs
    if (!this.#mayOpen(isUseless ? 'fails always' : 'fails often')) return
    // Earlier good answers can make the share of failures the first reason. What the node lacks now is said all the same.
    if (this.#unreachable >= unansweredLimit(minimumRequests)) this.#open('no connection', 'connections')
    else this.#open(isSlow ? 'too many slow calls' : 'too many failures', 'good answers')
  }

  /** Whether the node has refused other calls just now: one that ends a connection refuses all calls on it at once. */
  #isSameRefusal(): boolean {
    const now = performance.now()
    if (now - this.#refusedAt < SAME_REFUSAL_MS) return true
    this.#refusedAt = now
    return false
  }

  /** Whether a failure says something about the node, and not only about the request. */
  #isAboutNode(requestLine: string | undefined, now: number): boolean {
    const { windowMs, ejectLastNode } = this.#options()
    return (
      ejectLastNode === true || requestLine === undefined || this.#failing.failed(requestLine, windowMs, now)
    )
  }

  /** Sends the try as the probe; rejects when the breaker is open or another try is the probe. */
  async #probe<T extends Outcome>(next: Upstream<T>, request: UpstreamRequest, call: Call): Promise<T> {
    const answer = Promise.withResolvers<T>()
    const outdated = Promise.withResolvers<void>()
    const openings = this.#openings
    const attempt = async () => {
      const slowFrom = performance.now() + (this.#slowCallMs(request) ?? NEVER)
      const trying = next(request, call)
      answer.resolve(trying)
      const shown = await watchProbe(trying, {
        isFailure: outcome => this.#isFailure(outcome),
        isFailedCall: end => this.#isFailedCall(end, call),
        // Later than the timeout itself, which counts as a failure.
        patienceMs: 2 * request.route.timeoutMs,
      })
      if (this.#isClosed || openings !== this.#openings) {
        outdated.resolve()
        // Never settles: whatever opossum heard would decide what only a later probe may decide.
        return new Promise<never>(() => {})
      }
      if (!this.#closesAfter(shown, slowFrom)) throw FAILED_PROBE
      return undefined
    }
    const probing = this.#breaker!.probe(attempt).catch(error => {
      if (error !== FAILED_PROBE) answer.reject(error)
    })
    // The answer of a call is wanted long before the probe is judged by its end.
    if (request.rpc === undefined) await Promise.race([probing, outdated.promise])
    return answer.promise
  }

  /** Whether the breaker closes after a probe. Otherwise notes what that has shown. */
  #closesAfter(shown: ProbeEnd, slowFrom: number): boolean {
    if (shown.shows === 'nothing') {
      this.#stayOpen('probe aborted')
      return false
    }
    if (shown.shows === 'failure')
      return this.#isBadProbeTolerated(failureKindOf(shown.error), requestLineOf(shown.error))
    const isGood = !shown.isFailure && shown.at <= slowFrom
    return isGood || this.#isBadProbeTolerated(undefined, shown.requestLine)
  }

  /**
   * Whether the breaker closes although its probe failed, because no node does better. Otherwise notes what the probe
   * showed.
   *
   * @param kind undefined when the node answered
   */
  #isBadProbeTolerated(kind: FailureKind | undefined, requestLine: string | undefined): boolean {
    if (kind === 'connect' || kind === 'refused') this.#lacks = 'connections'
    else if (kind === 'timeout') this.#lacks = 'answers'
    else {
      this.#lacks = 'good answers'
      if (!this.#mayOpen('fails always')) {
        this.#reason = 'no better node'
        return true
      }
      if (!this.#isAboutNode(requestLine, performance.now())) {
        this.#stayOpen('probe aborted')
        return false
      }
    }
    this.#failedProbes++
    this.#stayOpen('probe failed')
    return false
  }

  /** Notes why the probe did not close the breaker. Must run before opossum sees it and opens the breaker again. */
  #stayOpen(reason: BreakerReason): void {
    this.#reason = reason
    this.#breaker!.setOpenMs(this.#openMs())
  }

  #isFailure({ status, grpcStatus }: Outcome): boolean {
    const { statuses = null, grpcFailures } = this.#options()
    if (grpcStatus !== undefined) return grpcFailures?.includes(grpcStatus) === true
    return statuses === null ? isFailureStatus(status) : statuses.includes(status)
  }

  /** Returns whether a call failed; undefined when its client left or its deadline passed, which says nothing. */
  #isFailedCall({ grpcStatus, isBroken }: CallEnd, call: Call): boolean | undefined {
    if (call.ended) return undefined
    if (isBroken || grpcStatus === undefined) return true
    return this.#options().grpcFailures?.includes(grpcStatus) === true
  }

  /**
   * Undefined when the try cannot be too slow. A request with a body takes as long as its client takes to send it, and a
   * gRPC method that may stream as long as it likes.
   */
  #slowCallMs({ body, rpc }: UpstreamRequest): number | undefined {
    return body === null || rpc?.isStreaming === false ? (this.#options().slowCallMs ?? undefined) : undefined
  }

  #mayOpen(evidence: Evidence): boolean {
    return this.#events.mayOpen?.(evidence) ?? true
  }

  #open(reason: BreakerReason, lacks: Lack): void {
    const { onChange } = this.#events
    this.#reason = reason
    this.#lacks = lacks
    this.#breaker ??= new OpenBreaker({
      onOpen: () => {
        this.#isClosed = false
        this.#handlers = this.#handlersSince(++this.#openings)
        this.#unreachable = 0
        this.#unanswered = 0
        onChange('open', this.#reason)
      },
      onHalfOpen: () => onChange('half-open', 'open time elapsed'),
      onClose: () => {
        this.#isClosed = true
        this.#window.clear()
        this.#failedProbes = 0
        const isForced = this.#reason === 'check passed' || this.#reason === 'no better node'
        onChange('closed', isForced ? this.#reason : 'probe succeeded')
      },
    })
    this.#breaker.open(this.#openMs())
  }

  #openMs(): number {
    const { openMs, maxOpenMs = openMs } = this.#options()
    return Math.min(openMs * 2 ** Math.min(this.#failedProbes, 30), Math.max(openMs, maxOpenMs))
  }
}

/** What a node with an open breaker does not give. */
type Lack = 'connections' | 'answers' | 'good answers'

/** Stands for the time from which an answer is too slow, where none is. */
const NEVER = Number.POSITIVE_INFINITY
/** Refusals within this time count as one. */
const SAME_REFUSAL_MS = 50

/** Tells opossum that the probe failed. A symbol, because an Error would capture a stack. */
const FAILED_PROBE = Symbol('failed probe')

/** Half of `minimumRequests`, at least 5, and never more than `minimumRequests`. */
function unansweredLimit(minimumRequests: number): number {
  return Math.min(minimumRequests, Math.max(5, minimumRequests / 2))
}
