import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { OnceAMinute } from '../../internal/once-a-minute.ts'
import { rootReason } from '../../internal/upstream-failure.ts'
import type { SpanCounts } from '../../routes/admin/metrics/span-metrics.ts'
import { type Acceptance, readAnswer } from './otlp-answer.ts'
import { createPoster, type Poster } from './otlp-post.ts'
import { resourceField, SpanBatch, type WrittenSpan } from './span-batch.ts'

export interface OtlpSenderOptions {
  /** The address that batches are posted to. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** The attributes of this process. */
  readonly resource: Readonly<Record<string, string>>
  /** Gets the spans that are sent, and those that are dropped. */
  readonly counts: SpanCounts
  readonly logger: Logger
  /** Default: as documented. Tests take shorter ones. */
  readonly times?: Partial<SenderTimes> | undefined
}

/** All in milliseconds. */
export interface SenderTimes {
  /** The longest that a span waits for others. */
  readonly batchMs: number
  /** The longest that the collector may take for one batch. */
  readonly timeoutMs: number
  /** The pause before the second attempt; twice as long before the third. */
  readonly backoffMs: number
  /** The longest pause that `Retry-After` can ask for. */
  readonly maxPauseMs: number
  /** The longest that `close` waits. */
  readonly closeMs: number
}

const TIMES: SenderTimes = {
  batchMs: 1_000,
  timeoutMs: 5_000,
  backoffMs: 1_000,
  maxPauseMs: 30_000,
  closeMs: 2_000,
}

const MAX_QUEUED = 4_096
const MAX_BATCH = 512
/** Batches of the same spans differ a little. */
const SPARE_BYTES = 16_384
const MAX_UNDER_WAY = 2
const ATTEMPTS = 3
/** What a collector may answer later otherwise (opentelemetry.io/docs/specs/otlp, "Retryable response codes"). */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** What became of an attempt to send a batch. */
type Attempt =
  | ({ readonly result: 'sent' } & Acceptance)
  | { readonly result: 'refused'; readonly reason: string }
  | { readonly result: 'failed'; readonly reason: string; readonly retryAfterMs: number | undefined }

/**
 * Sends spans to a collector in batches, as OTLP over HTTP. Nothing waits for it: spans that the collector does not
 * take in time are dropped and counted. Its timers and connections keep no process alive. The owner calls `close()`.
 */
export class OtlpSender {
  readonly #options: OtlpSenderOptions
  readonly #times: SenderTimes
  readonly #resource: string
  readonly #collector: Poster
  readonly #reports = new OnceAMinute<Attempt['result']>()
  readonly #cut = new AbortController()
  readonly #underWay = new Set<Promise<void>>()
  /** Those that are full and wait for their turn, and the one that is being filled. */
  readonly #full: SpanBatch[] = []
  #open: SpanBatch | undefined = undefined
  /** Spans in them. */
  #waiting = 0
  /** Of the last batch that was full. */
  #batchBytes = 0
  #timer: NodeJS.Timeout | undefined = undefined
  #isClosing = false

  constructor(options: OtlpSenderOptions) {
    this.#options = options
    this.#times = { ...TIMES, ...options.times }
    this.#collector = createPoster(options.url, options.headers)
    this.#resource = resourceField(options.resource)
  }

  /** Whether another span can be kept until it is sent. If not, it counts as dropped. */
  get hasRoom(): boolean {
    if (this.#waiting < MAX_QUEUED && !this.#isClosing) return true
    this.#options.counts.drop('queue_full', 1)
    return false
  }

  /** Queues a span. Ask `hasRoom` before. */
  add(span: WrittenSpan): void {
    this.#open ??= new SpanBatch(this.#resource, this.#batchBytes)
    const batch = this.#open
    batch.add(span)
    this.#waiting++
    if (batch.count >= MAX_BATCH) {
      this.#full.push(batch)
      this.#open = undefined
      this.#send()
    } else this.#timer ??= setTimeout(this.#send, this.#times.batchMs).unref()
  }

  /** Sends what is queued. Resolves when that is done, or after 2 s; what is left then is dropped. */
  async close(): Promise<void> {
    this.#isClosing = true
    const cut = setTimeout(() => this.#cut.abort(), this.#times.closeMs)
    this.#send()
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
    clearTimeout(cut)
    clearTimeout(this.#timer)
    this.#collector.close()
  }

  readonly #send = (): void => {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#waiting > 0 && this.#underWay.size < MAX_UNDER_WAY) {
      const batch = this.#next()
      const sending = this.#deliver(batch).finally(() => {
        this.#underWay.delete(sending)
        if (this.#full.length > 0 || this.#isClosing) this.#send()
        else if (this.#waiting > 0) this.#timer ??= setTimeout(this.#send, this.#times.batchMs).unref()
      })
      this.#underWay.add(sending)
    }
  }

  /** Takes the oldest batch that waits. */
  #next(): SpanBatch {
    let batch = this.#full.shift()
    if (batch === undefined) {
      batch = this.#open!
      this.#open = undefined
    }
    this.#waiting -= batch.count
    return batch
  }

  async #deliver(batch: SpanBatch): Promise<void> {
    const { count } = batch
    const body = batch.end()
    if (count === MAX_BATCH) this.#batchBytes = body.length + SPARE_BYTES
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#post(body)
      if (outcome.result === 'sent') {
        const rejected = Math.min(outcome.rejected, count)
        this.#options.counts.sent += count - rejected
        if (rejected > 0) this.#options.counts.drop('rejected', rejected)
        if (outcome.message !== undefined)
          this.#report('sent', 'the collector of traces took only a part', outcome.message, rejected)
        return
      }
      if (outcome.result === 'refused') {
        this.#options.counts.drop('refused', count)
        this.#report('refused', 'the collector of traces refuses spans', outcome.reason, count)
        return
      }
      if (attempt === ATTEMPTS || this.#isClosing || !(await this.#pause(attempt, outcome.retryAfterMs))) {
        this.#options.counts.drop('unreachable', count)
        this.#report('failed', 'the collector of traces cannot be reached', outcome.reason, count)
        return
      }
    }
  }

  async #post(body: Buffer): Promise<Attempt> {
    const { timeoutMs } = this.#times
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    timer.unref()
    const signal = AbortSignal.any([this.#cut.signal, late.signal])
    try {
      const { status, retryAfter, body: answer } = await this.#collector.post(body, signal)
      if (RETRYABLE.has(status))
        return { result: 'failed', reason: `status ${status}`, retryAfterMs: millisecondsIn(retryAfter) }
      return status >= 200 && status < 300
        ? { result: 'sent', ...(await readAnswer(answer)) }
        : { result: 'refused', reason: `status ${status}` }
    } catch (error) {
      return { result: 'failed', reason: rootReason(error), retryAfterMs: undefined }
    } finally {
      clearTimeout(timer)
    }
  }

  /** Resolves with whether to go on after it. */
  async #pause(attempt: number, retryAfterMs: number | undefined): Promise<boolean> {
    const { backoffMs, maxPauseMs } = this.#times
    // Gateways that began together should not all come back at once.
    const ms = retryAfterMs ?? backoffMs * 2 ** (attempt - 1) * (0.5 + Math.random())
    if (ms > maxPauseMs) return false
    return delay(ms, true, { ref: false, signal: this.#cut.signal }).catch(() => false)
  }

  #report(kind: Attempt['result'], message: string, reason: string, spans: number): void {
    if (!this.#reports.isDue(kind, performance.now())) return
    this.#options.logger.warn({ url: this.#options.url, reason, spans }, message)
  }
}

function millisecondsIn(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now())
}
