/**
 * Measures the gain of a second worker: requests per second with one and with two workers. Each worker gets the same share
 * of a core, and the load generator gets the rest. On a machine with two cores, two workers without such a limit would
 * leave nothing for the load generator.
 *
 *   npm run bench:workers [-- --rounds 5 --seconds 4 --share 0.3 --fresh]
 *
 * With `--fresh`, each request has its own connection.
 *
 * The shares are CPU quotas of control groups, which need Linux and the right to create them. Without these, it prints a
 * notice and compares only the CPU time per request.
 */
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { allotted } from './allotment.ts'
import { MEASURED_CORE, OTHER_CORE } from './cores.ts'
import { type LoadOptions, runLoad } from './load.ts'
import { childrenOf, cpuMicros, pinSelf } from './process.ts'
import { median } from './report.ts'
import { openScene, type Running } from './scene.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    share: { type: 'string', default: '0.3' },
    fresh: { type: 'boolean', default: false },
  },
})
const [rounds, seconds, share] = [values.rounds, values.seconds, values.share].map(Number) as [
  number,
  number,
  number,
]
const CONNECTIONS = 64
const WARM_UP_SECONDS = 10
const CORES = [MEASURED_CORE, OTHER_CORE]

interface Contender {
  readonly name: string
  readonly running: Running
  readonly workers: readonly number[]
  readonly perSecond: number[]
  readonly micros: number[]
  /** The share of the busiest worker in the CPU time of all workers, 0..1. */
  readonly largest: number[]
}

pinSelf(OTHER_CORE)
const scene = await openScene()
const releases: (() => void)[] = []
try {
  const contenders: Contender[] = []
  for (const count of [1, 2]) {
    const running = await scene.startWaygate({ config: { workers: count } })
    const { pid } = running.process
    const workers = count === 1 ? [pid] : childrenOf(pid)
    if (workers.length !== count) throw new Error(`${workers.length} of ${count} workers were found`)
    for (const [i, worker] of workers.entries()) {
      execFileSync('taskset', ['-acp', String(CORES[i]), String(worker)])
    }
    contenders.push({
      name: `${count} ${count === 1 ? 'process' : 'workers'}`,
      ...{ running, workers, perSecond: [], micros: [], largest: [] },
    })
  }
  const load = (base: string, forSeconds: number): LoadOptions => ({
    ...{ base, path: '/x', connections: CONNECTIONS, seconds: forSeconds, folder: scene.folder },
    headers: values.fresh ? ['connection: close'] : [],
  })
  for (const { running } of contenders) await runLoad(load(running.base, WARM_UP_SECONDS))
  try {
    for (const pid of contenders.flatMap(({ workers }) => workers)) releases.push(allotted(pid, share))
    console.log(`each worker has ${share * 100}% of a core`)
  } catch (error) {
    console.log(`CPU shares are not available: ${(error as Error).message}`)
  }
  for (let round = 0; round < rounds; round++) {
    for (const { running, workers, perSecond, micros, largest } of contenders) {
      const [all, ...each] = [running.process.pid, ...workers].map(cpuMicros) as [number, ...number[]]
      const { requests, requestsPerSecond, failed } = await runLoad(load(running.base, seconds))
      if (failed > 0) throw new Error(`${failed} requests failed`)
      perSecond.push(requestsPerSecond)
      micros.push((cpuMicros(running.process.pid) - all) / requests)
      const spent = workers.map((pid, i) => cpuMicros(pid) - each[i]!)
      largest.push(Math.max(...spent) / spent.reduce((sum, one) => sum + one, 0))
    }
  }
  const [one] = contenders
  for (const { name, perSecond, micros, largest } of contenders) {
    const ratio = median(perSecond.map((value, i) => value / one!.perSecond[i]!))
    console.log(
      `${name}: ${Math.round(median(perSecond))} requests/s, ${ratio.toFixed(2)}x; ` +
        `${median(micros).toFixed(1)} CPU µs/request in all processes; ` +
        `the busiest worker had ${Math.round(median(largest) * 100)}% of the work`,
    )
  }
} finally {
  for (const release of releases) release()
  await scene.close()
}
