import { GatewayError } from '../../internal/http/errors.ts'
import { getHeader } from '../../internal/http/header-lines.ts'
import type { StreamFormatName } from './stream-formats.ts'
import type { CallPlan } from './transcode-plan.ts'

/** What `curl -d` declares unless it is told otherwise, whatever the body is. */
const FORM = 'application/x-www-form-urlencoded'

/** Returns why the body of a request is not read, as its header fields describe it; undefined when it is. */
export function unusableBody(headers: readonly string[], call: CallPlan): GatewayError | undefined {
  const encoding = getHeader(headers, 'content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    const detail = `The content-encoding of the body must be identity, not ${encoding.slice(0, 40)}.`
    return new GatewayError('WG_UNSUPPORTED_MEDIA', { detail, headers: { 'accept-encoding': 'identity' } })
  }
  const contentType = getHeader(headers, 'content-type')
  if (call.takesAnyBody || !call.hasBody) return undefined
  const { streamsRequest } = call.method
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase()
  if (type === 'application/json' || (type === 'application/x-ndjson' && streamsRequest)) return undefined
  if ((type === FORM || type === undefined) && !isFromBrowser(headers)) return undefined
  const types = streamsRequest ? 'application/x-ndjson or application/json' : 'application/json'
  return new GatewayError('WG_UNSUPPORTED_MEDIA', { detail: `The body must be ${types}.` })
}

/**
 * A page may send a form, or bytes without a type, to any site without asking, with the cookies of that site. Browsers say
 * which page sends it.
 */
function isFromBrowser(headers: readonly string[]): boolean {
  return getHeader(headers, 'origin') !== undefined || getHeader(headers, 'sec-fetch-site') !== undefined
}

/** Browsers ask for server-sent events; everyone else gets what is configured. */
export function streamFormatFor(headers: readonly string[], configured: StreamFormatName): StreamFormatName {
  const accept = getHeader(headers, 'accept')
  return accept?.split(',').some(isEventStream) ? 'sse' : configured
}

/** Whether an element of Accept asks for server-sent events. A weight of zero refuses them (RFC 9110 section 12.4.2). */
function isEventStream(element: string): boolean {
  const [type, ...parameters] = element.split(';')
  if (type!.trim().toLowerCase() !== 'text/event-stream') return false
  return !parameters.some(parameter => /^\s*q=0(?:\.0*)?\s*$/i.test(parameter))
}
