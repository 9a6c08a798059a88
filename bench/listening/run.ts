/**
 * Compares the ways in which several Node processes can serve one port, with servers that do nothing else. docs/workers.md
 * has the result.
 *
 *   npm run bench:listening [-- --rounds 5 --seconds 3 --share 0.25]
 *
 * The workers' shares of a core are control groups, see `allotment.ts`.
 */
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { allotted } from '../allotment.ts'
import { MEASURED_CORE } from '../cores.ts'
import { runLoad } from '../load.ts'
import { cpuMicros, type Started, start } from '../process.ts'
import { median } from '../report.ts'

const WAYS = ['shared', 'handed-over', 'reuse-port'] as const
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    share: { type: 'string', default: '0.25' },
  },
})
const [rounds, seconds, share] = [values.rounds, values.seconds, values.share].map(Number) as [
  number,
  number,
  number,
]
const HELD = 100
const QUEUED = 20
const FRESH = ['connection: close']

interface Running {
  readonly started: Started
  readonly base: string
  pids: readonly number[]
}

type Row = Record<string, number[]>

async function open(way: string, count: number): Promise<Running> {
  const program = join(import.meta.dirname, 'program.ts')
  const started = await start(MEASURED_CORE, [process.execPath, program, way, String(count)], { ipc: true })
  const { port, pids } = JSON.parse(started.line) as { port: number; pids: number[] }
  return { started, base: `http://127.0.0.1:${port}`, pids }
}

/** Resolves with the answer, which is the worker's process id, or with the code of the error. */
function ask(base: string, agent: Agent | false = false): Promise<string> {
  return new Promise(resolve => {
    const request = get(base, { agent, timeout: 5_000 }, response => {
      response.setEncoding('utf8').once('data', resolve).resume()
    })
    request.once('timeout', () => request.destroy(Object.assign(new Error(), { code: 'TIMEOUT' })))
    request.once('error', (error: NodeJS.ErrnoException) => resolve(error.code!))
  })
}

/** Returns the share of the worker with the most of `HELD` connections, opened one by one or all at once. */
async function largestShare(base: string, atOnce: boolean): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: HELD })
  const by = new Map<string, number>()
  const note = (pid: string) => by.set(pid, (by.get(pid) ?? 0) + 1)
  if (atOnce)
    for (const pid of await Promise.all(Array.from({ length: HELD }, () => ask(base, agent)))) note(pid)
  else for (let i = 0; i < HELD; i++) note(await ask(base))
  agent.destroy()
  return Math.max(...by.values()) / HELD
}

/** Connects once every few milliseconds until `change` is done. Returns how many in 1,000 were not answered. */
async function failuresDuring(base: string, change: () => Promise<unknown>): Promise<number> {
  let isOver = false
  const asked: Promise<string>[] = []
  const asking = (async () => {
    for (; !isOver; await delay(2)) asked.push(ask(base), ask(base), ask(base), ask(base))
  })()
  await change()
  isOver = true
  await asking
  const failed = (await Promise.all(asked)).filter(answer => !/^\d+$/.test(answer))
  return (failed.length / asked.length) * 1_000
}

async function reload(running: Running): Promise<void> {
  running.started.child.send('reload')
  running.pids = (await once(running.started.child, 'message'))[0]
}

/** Returns how many of 20 connections, opened while one of two workers stands still, are lost when it is killed. */
async function lostWithWorker({ base, pids }: Running): Promise<number> {
  process.kill(pids[0]!, 'SIGSTOP')
  const asked = Array.from({ length: QUEUED }, () => ask(base))
  await delay(300)
  process.kill(pids[0]!, 'SIGKILL')
  return (await Promise.all(asked)).filter(answer => !/^\d+$/.test(answer)).length
}

const table = Object.fromEntries(WAYS.map(way => [way, {} as Row]))

async function measure(way: string, count: number): Promise<Record<string, number>> {
  const running = await open(way, count)
  const load = { base: running.base, path: '/', connections: 32, seconds, folder: '', headers: FRESH }
  const releases: (() => void)[] = []
  const figures: Record<string, number> = {}
  try {
    await runLoad({ ...load, seconds: 1 })
    if (count === 2) {
      figures['busiest worker, one by one'] = await largestShare(running.base, false)
      figures['busiest worker, at once'] = await largestShare(running.base, true)
    }
    for (const pid of running.pids) releases.push(allotted(pid, share))
    const before = cpuMicros(running.started.pid)
    const { requests, requestsPerSecond } = await runLoad(load)
    figures[`${count}: connections/s`] = requestsPerSecond
    figures[`${count}: CPU us each`] = (cpuMicros(running.started.pid) - before) / requests
    for (const release of releases.splice(0)) release()
    if (count === 2) {
      figures['reload: failed of 1000'] = await failuresDuring(running.base, () => reload(running))
      figures[`stopped and killed: lost of ${QUEUED}`] = await lostWithWorker(running)
    }
    return figures
  } finally {
    for (const release of releases) release()
    await running.started.stop()
  }
}

for (let round = 0; round < rounds; round++) {
  for (const way of WAYS) {
    const figures = { ...(await measure(way, 1)), ...(await measure(way, 2)) }
    figures['2 workers / 1'] = figures['2: connections/s']! / figures['1: connections/s']!
    console.log(
      way,
      JSON.stringify(figures, (_, value) => (typeof value === 'number' ? Number(value.toFixed(2)) : value)),
    )
    for (const [name, value] of Object.entries(figures)) {
      const row = table[way]!
      row[name] = [...(row[name] ?? []), value]
    }
  }
}
for (const [way, row] of Object.entries(table)) {
  console.log(way)
  for (const [name, all] of Object.entries(row)) {
    const [middle, least, most] = [median(all), Math.min(...all), Math.max(...all)].map(each =>
      each.toFixed(2),
    )
    console.log(`  ${name}: ${middle} (${least} to ${most})`)
  }
}
