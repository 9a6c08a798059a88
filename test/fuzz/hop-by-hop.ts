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

/** The gateway's rule for the fields of an answer, said a second time and plainly, to compare with. */
export function withoutHopByHop(lines: readonly string[]): string[] {
  const pairs = Array.from({ length: lines.length / 2 }, (_, i) => lines.slice(i * 2, i * 2 + 2))
  const dropped = new Set(DROPPED)
  for (const [name = '', value = ''] of pairs) {
    if (name.toLowerCase() !== 'connection') continue
    for (const option of value.split(',')) dropped.add(option.trim().toLowerCase())
  }
  // An option of Connection, and no field.
  dropped.delete('close')
  return pairs.filter(([name = '']) => !dropped.has(name.toLowerCase())).flat()
}
