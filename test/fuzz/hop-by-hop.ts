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
  const dropped = new Set(DROPPED)
  for (const [name = '', value = ''] of pairs) {
    if (name.toLowerCase() !== 'connection') continue
    for (const option of value.split(',')) dropped.add(option.trim().toLowerCase())
  }
  // `close` is an option of Connection and not a header.
  dropped.delete('close')
  return pairs.filter(([name = '']) => !dropped.has(name.toLowerCase())).flat()
}
