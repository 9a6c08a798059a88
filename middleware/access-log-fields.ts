import { ACCESS_LOG_FIELDS, type AccessLogField } from '../internal/access-log-fields.ts'
import type { Call } from '../internal/call.ts'
import { getHeader } from '../internal/http/header-lines.ts'
import { pathOf } from '../internal/http/target.ts'
import { roundMs } from '../internal/telemetry/live-times.ts'
import { formatFlags } from '../internal/trace/trace-context.ts'
import { rootReason } from '../internal/upstream-failure.ts'
import type { AccessLogOptions, WriteAccess } from './access-log.ts'

/** A request that has ended, as fields are read from it. */
export interface LoggedRequest {
  readonly call: Call
  readonly status: number
  readonly client: string
  readonly totalMs: number
  /** Header lines of the request, flat; empty for one that could not be read. */
  readonly headers: readonly string[]
}

type FieldValue = string | number | boolean | readonly string[] | undefined

/** Returns the value of each field; undefined = a line goes without it. */
export const FIELD_READERS: Readonly<Record<AccessLogField, (of: LoggedRequest) => FieldValue>> = {
  pid: () => process.pid,
  requestId: ({ call }) => call.requestId,
  method: ({ call }) => call.method,
  path: ({ call }) => pathOf(call.target),
  http: ({ call }) => call.http,
  status: ({ status }) => status,
  route: ({ call }) => call.route?.id,
  // A variant or a fallback may be of another service, and a route that no node answers has none.
  service: ({ call: { route, peer } }) => route && ((peer?.node.service ?? route.service) || undefined),
  node: ({ call: { route, peer } }) => route && peer?.node.id,
  address: ({ call: { route, peer } }) => route && peer?.address,
  attempts: ({ call }) => call.attempts,
  upstreamMs: ({ call }) => (call.upstreamMs >= 0 ? roundMs(call.upstreamMs) : undefined),
  totalMs: ({ totalMs }) => roundMs(totalMs),
  client: ({ client }) => client,
  tls: ({ call }) => call.tls?.version,
  clientCert: ({ call }) => call.tls?.certificate?.subject,
  user: ({ call }) => call.identity?.subject,
  fallback: ({ call }) => call.degraded || undefined,
  rpc: ({ call }) => call.rpc,
  grpcStatus: ({ call }) => call.grpcStatus,
  transcoded: ({ call }) => call.isTranscoded || undefined,
  sentPath: ({ call }) => call.sentPath,
  variant: ({ call }) => call.variant,
  variantWanted: ({ call }) => call.variantWanted,
  encoding: ({ call }) => call.encoding,
  mirrored: ({ call }) => call.isMirrored || undefined,
  policy: ({ call }) => call.policy,
  rule: ({ call }) => call.limits?.rule,
  limitLeft: ({ call }) => call.limits?.left,
  limitStore: ({ call }) => (call.limits?.isDegraded ? 'local' : undefined),
  observed: ({ call }) => call.observed,
  trace_id: ({ call }) => call.trace?.traceId,
  span_id: ({ call }) => call.trace?.spanId,
  trace_flags: ({ call }) => call.trace && formatFlags(call.trace),
  code: ({ call }) => call.errorCode,
  reason: ({ call }) => (call.failure === undefined ? undefined : rootReason(call.failure)),
  bytes: ({ call }) => call.bodyBytes,
  referer: ({ headers }) => refererOf(headers),
  userAgent: ({ headers }) => getHeader(headers, 'user-agent'),
}

/** Returns Referer without the query and the fragment, in which tokens and names travel; undefined when there is none. */
function refererOf(headers: readonly string[]): string | undefined {
  return getHeader(headers, 'referer')
    ?.replace(/[?#].*$/s, '')
    .replace(/\/\/[^/]*@/, '//')
}

const NOT_BY_DEFAULT: readonly AccessLogField[] = ['bytes', 'referer', 'userAgent']

export interface FieldsLogOptions extends AccessLogOptions {
  readonly format: 'json' | 'logfmt'
  /** In the order in which a line has them. Default: those that the access log has without a choice. */
  readonly fields?: readonly AccessLogField[] | undefined
}

/**
 * Creates the function that writes one line per request with the fields of one's choice. Every line also has its time, its
 * level and the message `request`, so that it can be told from other lines of the log.
 */
export function createFieldsLog({ write, now = Date.now, format, fields }: FieldsLogOptions): WriteAccess {
  const names = fields ?? ACCESS_LOG_FIELDS.filter(name => !NOT_BY_DEFAULT.includes(name))
  const readers = names.map(name => [name, FIELD_READERS[name]] as const)
  const lineOf = format === 'json' ? jsonLine : logfmtLine
  return (call, status, client, totalMs, request) => {
    const logged = { call, status, client, totalMs, headers: request?.rawHeaders ?? [] }
    write(
      lineOf(
        now(),
        readers.map(([name, read]) => [name, read(logged)]),
      ),
    )
  }
}

type Pairs = readonly (readonly [name: string, value: FieldValue])[]

function jsonLine(time: number, pairs: Pairs): string {
  return `${JSON.stringify({ level: 30, time, ...Object.fromEntries(pairs), msg: 'request' })}\n`
}

function logfmtLine(time: number, pairs: Pairs): string {
  let line = `time=${new Date(time).toISOString()} level=info`
  for (const [name, value] of pairs) if (value !== undefined) line += ` ${name}=${logfmtValue(String(value))}`
  return `${line} msg=request\n`
}

/** Matches text that needs no quotes in logfmt, neither to be read nor to be copied. */
const BARE = /^[!#-<>-[\]-~]+$/

/** Quotes text as JSON, in ASCII: some readers take more than a line feed for the end of a line, such as U+2028. */
function logfmtValue(text: string): string {
  if (BARE.test(text)) return text
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
