/**
 * Measures the CPU time of `work` in milliseconds. Returns the minimum of several runs, so that neither other load on
 * the machine nor garbage collection counts.
 */
export function leastCpuMs(work: () => void, times = 5): number {
  const costs = Array.from({ length: times }, () => {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000
  })
  return Math.min(...costs)
}
