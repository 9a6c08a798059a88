import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Config } from '../../config/schema.ts'
import type { Exchange } from '../../internal/policy.ts'
import type { Trace } from '../../internal/trace/trace.ts'
import type { StartTrace } from '../../middleware/request/open-exchange.ts'
import { createStartTrace } from '../../middleware/request/start-trace.ts'
import type { SpanCounts } from '../../routes/admin/metrics/span-metrics.ts'
import { OtlpSender, type SenderTimes } from './otlp-sender.ts'
import { errorOf, requestSpan, trySpan } from './span-fields.ts'

export interface TracingOptions {
  readonly config: Config['tracing']
  /** That of this program. */
  readonly version: string
  /** Gets the spans that are sent, and those that are dropped. */
  readonly counts: SpanCounts
  readonly logger: Logger
  /** Returns the recent length of a turn of the event loop, milliseconds. */
  readonly loopWaitMs: () => number
  /** Default: as documented. */
  readonly times?: Partial<SenderTimes> | undefined
}

/** Traces requests. The owner calls `close()`. */
export interface Tracing {
  readonly startTrace: StartTrace
  /** Ends the span of a request whose answer is over. @param status as the access log has it */
  end(exchange: Exchange, status: number): void
  /** Sends what is left. Resolves within 2 s. */
  close(): Promise<void>
}

/** What strangers can cause at will must not fill the store: so many traces a second are kept for their errors alone. */
const MAX_ERRORS_PER_SECOND = 100
/** The clock of the system is corrected in small steps. A larger difference means that it was set. */
const MAX_DRIFT_MS = 5

/** Opens tracing, with the endpoint that is configured. */
export function openTracing(options: TracingOptions): Tracing {
  const { config, version, counts, logger, loopWaitMs, times } = options
  const sender = new OtlpSender({
    url: tracesUrl(config.endpoint!),
    headers: config.headers,
    resource: {
      'service.name': config.serviceName,
      'service.version': version,
      'service.instance.id': randomUUID(),
      ...config.resource,
    },
    ...{ counts, logger, times },
  })
  let originMs: number = performance.timeOrigin
  let second = 0
  let errors = 0

  /** Returns the time at which the monotonic clock was 0, by the present clock of the system. */
  function origin(now: number): number {
    const drift = Date.now() - (originMs + now)
    if (Math.abs(drift) > MAX_DRIFT_MS) originMs += drift
    return originMs
  }

  /** Whether the errors of this second are few enough. */
  function mayKeepError(now: number): boolean {
    const present = Math.floor(now / 1_000)
    if (present !== second) errors = 0
    second = present
    return ++errors <= MAX_ERRORS_PER_SECOND
  }

  function isKept(trace: Trace, isError: boolean, now: number): boolean {
    if (trace.isSampled) return true
    if (!config.alwaysErrors || !isError) return false
    if (mayKeepError(now)) return true
    counts.drop('too_many_errors', 1 + trace.tries.length)
    return false
  }

  return {
    startTrace: createStartTrace(config),
    end(exchange, status) {
      const { call } = exchange
      const trace = call.trace!
      const now = performance.now()
      const error = errorOf(exchange, status)
      if (!isKept(trace, error !== undefined || call.attempts > 1, now)) return
      const since = origin(now)
      if (sender.hasRoom) {
        const ended = { exchange, trace, status, error, endedAt: now, loopWaitMs: loopWaitMs() }
        sender.add(requestSpan(ended, since))
      }
      for (const each of trace.tries)
        if (each.endedAt !== -1 && sender.hasRoom) sender.add(trySpan(each, since))
      trace.onLateTry = each => {
        if (sender.hasRoom) sender.add(trySpan(each, origin(performance.now())))
      }
    },
    close: () => sender.close(),
  }
}

const TRACES_PATH = '/v1/traces'

/** Returns the address for traces of an endpoint, which may be that of all signals. */
export function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint)
  const path = url.pathname.replace(/\/+$/, '')
  url.pathname = path.endsWith(TRACES_PATH) ? path : `${path}${TRACES_PATH}`
  return url.href
}
