const DROPPED = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
  'x-waygate-fallback',
])

/** A second, plain implementation of the gateway's rule for the headers of an answer, to compare with. */
export function withoutHopByHop(lines: readonly string[]): string[] {
  const pairs = Array.from({ length: lines.length / 2 }, (_, i) => lines.slice(i * 2, i * 2 + 2))
  const dropped = new Set([...DROPPED, ...connectionOptionsOf(lines)])
  return pairs.filter(([name = '']) => !dropped.has(name.toLowerCase())).flat()
}

/** Returns the names, in lower case, of the fields that Connection lists. */
export function connectionOptionsOf(lines: readonly string[]): string[] {
  const values = lines.filter((_, i) => i % 2 === 1 && lines[i - 1]!.toLowerCase() === 'connection')
  const options = values.flatMap(value => value.split(',')).map(option => option.trim().toLowerCase())
  // `close` and `keep-alive` are options of Connection; the latter is a hop-by-hop header besides.
  return options.filter(option => option !== '' && option !== 'close' && option !== 'keep-alive')
}

/** What no trailer may be, whichever way it goes; `_` counts as `-`. */
const NEVER_TRAILERS = [
  ...['connection', 'host', 'http2-settings', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['authorization', 'cookie', 'set-cookie', 'www-authenticate', 'age', 'cache-control', 'date', 'expect'],
  ...[
    'expires',
    'location',
    'max-forwards',
    'pragma',
    'range',
    'retry-after',
    'vary',
    'warning',
    'forwarded',
  ],
  ...['client-cert', 'client-cert-chain', 'x-real-ip', 'x-request-id', 'x-user-id'],
]
const NEVER_BEGINNINGS = [
  ...['access-control-', 'content-', 'if-', 'proxy-', 'sec-', 'x-forwarded-', 'x-waygate-'],
]

/** A second, plain implementation of the gateway's rule for trailers, to compare with. */
export function passedTrailers(lines: readonly string[], connectionOptions: readonly string[]): string[] {
  if (lines.length > 128) return []
  return lines.filter((_, i) => {
    const spelling = lines[i - (i % 2)]!.toLowerCase()
    const name = spelling.replaceAll('_', '-')
    const isForbidden =
      NEVER_TRAILERS.includes(name) ||
      (name !== 'content-digest' && NEVER_BEGINNINGS.some(beginning => name.startsWith(beginning)))
    return !isForbidden && !connectionOptions.includes(spelling)
  })
}
