/** Returns the percentile of sorted values for a share of 0..1, by nearest rank. NaN when there are no values. */
export function percentile(sorted: Float64Array | readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
