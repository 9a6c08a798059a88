import { addConnectionOptions, without } from './request-head.ts'

/**
 * Fields of an answer that end at this hop (RFC 9110 section 7.6.1). Trailer goes with them: trailers are
 * not forwarded, and Node throws when one is announced beside a Content-Length.
 */
const DROPPED = new Set([
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
  // Set here alone, whatever a node sends.
  'x-request-id',
  'x-waygate-fallback',
])

/** Most fields pass; by its length alone most of them are seen to. */
const NOTABLE_LENGTHS = new Set([...DROPPED, 'connection', 'transfer-encoding'].map(name => name.length))
const IS_NOTABLE = Array.from({ length: 1 + Math.max(...NOTABLE_LENGTHS) }, (_, length) =>
  NOTABLE_LENGTHS.has(length),
)

const MAX_KNOWN_SPELLINGS = 2_000
const spellings = new Map<string, string>()

/** Lower case of a field name, from memory for spellings seen before. */
function lowerCase(name: string): string {
  const known = spellings.get(name)
  if (known !== undefined) return known
  const lower = name.toLowerCase()
  if (spellings.size < MAX_KNOWN_SPELLINGS) spellings.set(name, lower)
  return lower
}

/**
 * The header lines of a node's answer that the client gets, flat. Values are latin1, as HTTP/1.1 puts them
 * on the wire, so that every byte comes out as it went in.
 *
 * Undefined when a Transfer-Encoding other than one `chunked` frames the body: what came would be passed on
 * still encoded, and no longer say so (RFC 9112 section 6.1).
 *
 * @param rawHeaders name, value, name, value as the parser found them
 */
export function forwardResponseHeaders(rawHeaders: readonly (Buffer | string)[]): string[] | undefined {
  const headers: string[] = []
  let named: Set<string> | undefined
  let chunked = false
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = text(rawHeaders[i]!)
    if (!IS_NOTABLE[name.length]) {
      headers.push(name, text(rawHeaders[i + 1]!))
      continue
    }
    const lower = lowerCase(name)
    if (lower === 'connection') named = addConnectionOptions(named, text(rawHeaders[i + 1]!))
    else if (lower === 'transfer-encoding') {
      if (chunked || text(rawHeaders[i + 1]!).toLowerCase() !== 'chunked') return undefined
      chunked = true
    } else if (!DROPPED.has(lower)) {
      headers.push(name, text(rawHeaders[i + 1]!))
    }
  }
  return named === undefined ? headers : without(headers, named)
}

function text(value: Buffer | string): string {
  return typeof value === 'string' ? value : value.toString('latin1')
}
