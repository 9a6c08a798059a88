/** The value below which this share (0..1) of the values lies, nearest rank. NaN when there is none. */
export function percentile(sorted: Float64Array | readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
