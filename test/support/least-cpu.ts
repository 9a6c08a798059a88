/**
 * What something costs, in milliseconds of CPU time: the least of several times, since what others do on this machine,
 * or the collector of garbage in this process, is not its cost.
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
