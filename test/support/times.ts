/** `median 12 ms, max 40 ms of 8`. */
export function describeTimes(timesMs: readonly number[]): string {
  const sorted = [...timesMs].sort((a, b) => a - b)
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
  const max = sorted.at(-1) ?? 0
  return `median ${Math.round(median)} ms, max ${Math.round(max)} ms of ${sorted.length}`
}
