/**
 * `npm run soak`: a gateway under a steady load, while its table changes every second, to see whether anything grows.
 *
 *   npm run soak -- --hours 2 --rate 1000
 *
 * Prints the resident memory, descriptors and timers of the gateway once a minute. Exits with 1 when a request failed, when memory
 * grew (see `growth.ts`), or when descriptors or timers are left without load. Needs Linux, and etcd on PATH.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startEtcd } from '../support/etcd.ts'
import { leaveNothingBehind } from '../support/leave-nothing.ts'
import { openRegistry, type RegistryWriter } from '../support/registry.ts'
import { type ServiceProcess, startServiceProcess } from '../support/service.ts'
import { until } from '../support/until.ts'
import { startGateway } from '../support/waygate.ts'
import { growthPerHour, type Point } from './growth.ts'

const SAMPLE_MS = 5_000
/** How many changes of the table a node or a route that was added stays. */
const STAYS = 10
const MAX_BYTES_PER_HOUR = 1_000_000
/** A shorter run measures memory, but does not judge it. */
const TELLING_HOURS = 1
/** Descriptors and timers that come and go. */
const SLACK = 4

const { values } = parseArgs({
  options: { hours: { type: 'string', default: '2' }, rate: { type: 'string', default: '1000' } },
})
const [hours, rate] = [Number(values.hours), Number(values.rate)]
if (!(hours > 0 && rate > 0)) {
  console.error('usage: npm run soak -- --hours N --rate N')
  process.exit(2)
}
const durationMs = hours * 3_600_000
leaveNothingBehind()

/** Adds a node and a route under new names, takes out those of a while ago, and changes a weight. */
async function change(store: RegistryWriter, nodes: readonly ServiceProcess[], turn: number): Promise<void> {
  const node = nodes[turn % nodes.length]!
  await store.putNode('soak', `extra-${turn}`, node)
  await store.putRoute(`extra-${turn}`, { path: `/extra-${turn}/*`, service: 'other' })
  await store.putNode('soak', 'n0', { port: nodes[0]!.port, weight: 1 + (turn % 3) })
  await takeOut(store, turn - STAYS)
}

/** Does nothing for what is not there. */
async function takeOut(store: RegistryWriter, turn: number): Promise<void> {
  await store.deleteNode('soak', `extra-${turn}`)
  await store.client.delete().key(`/waygate/routes/extra-${turn}`)
}

interface Sample {
  readonly residentBytes: number
  readonly descriptors: number
  readonly timers: number
}

async function sample(admin: string): Promise<Sample> {
  const text = await (await fetch(`${admin}/metrics`)).text()
  const read = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
  return {
    residentBytes: read('process_resident_memory_bytes'),
    descriptors: read('process_open_fds'),
    timers: read('nodejs_active_resources\\{type="Timeout"\\}'),
  }
}

const tell = ({ residentBytes, descriptors, timers }: Sample) =>
  `${(residentBytes / 1e6).toFixed(1)} MB, ${descriptors} descriptors, ${timers} timers`

await using etcd = await startEtcd({
  args: ['--auto-compaction-mode=revision', '--auto-compaction-retention=1000'],
})
await using gateway = await startGateway({ etcd: etcd.url, config: { accessLog: false } })
await using first = await startServiceProcess('n0')
await using second = await startServiceProcess('n1')
using store = openRegistry(etcd.url)
const nodes = [first, second]
for (const [index, node] of nodes.entries()) await store.putNode('soak', `n${index}`, node)
await gateway.untilNodes('soak', ['n0', 'n1'])

const before = await sample(gateway.admin)
console.log(`soak: ${rate} requests/s for ${hours} h; at rest: ${tell(before)}`)
const load = fork(join(import.meta.dirname, 'load-process.ts'), [
  ...[String(gateway.port), '/soak/', String(rate), String(durationMs)],
])
process.once('exit', () => load.kill('SIGKILL'))
const ended = once(load, 'exit').then(([code, signal]) => {
  throw new Error(`the process of the load has ended: ${code ?? signal}`)
})
const over = Promise.race([once(load, 'message'), ended])
// Noticed in the loop below, too, long before the load would be over.
let loadFailure: Error | undefined
over.catch(error => {
  loadFailure = error
})
const begunAt = performance.now()
const sampleMs = Math.min(SAMPLE_MS, durationMs / 100)
const resident: Point[] = []
let printedAt = Number.NEGATIVE_INFINITY
let turn = 0
for (; performance.now() - begunAt < durationMs; turn++) {
  if (loadFailure !== undefined) throw loadFailure
  const turnAt = performance.now()
  await change(store, nodes, turn)
  const atMs = performance.now() - begunAt
  if (atMs - (resident.at(-1)?.[0] ?? Number.NEGATIVE_INFINITY) >= sampleMs) {
    const latest = await sample(gateway.admin)
    resident.push([atMs, latest.residentBytes])
    if (atMs - printedAt >= 60_000) {
      console.log(`${Math.round(atMs / 60_000)} min: ${tell(latest)}`)
      printedAt = atMs
    }
  }
  await delay(Math.max(0, 1_000 - (performance.now() - turnAt)))
}
const [{ sent, failed }] = (await over) as [{ sent: number; failed: readonly [string | number, number][] }]
const bytesPerHour = growthPerHour(resident, durationMs)
const grown = `resident memory grows by ${(bytesPerHour / 1e6).toFixed(2)} MB an hour`
console.log(`${sent} requests; ${grown}`)
if (hours >= TELLING_HOURS && bytesPerHour >= MAX_BYTES_PER_HOUR) problemFound(grown)
for (let old = turn; old < turn + STAYS; old++) await takeOut(store, old - STAYS)
let after = before
await until(
  'descriptors and timers are back',
  async () => {
    after = await sample(gateway.admin)
    return after.descriptors <= before.descriptors + SLACK && after.timers <= before.timers + SLACK
  },
  { withinMs: 60_000, everyMs: 1_000 },
).catch(error => problemFound(error.message))
console.log(`at rest: ${tell(after)}`)
for (const [what, count] of failed) problemFound(`${count} requests ended with ${what}`)
if (gateway.hasExited()) problemFound('the gateway has ended')

function problemFound(problem: string): void {
  console.log(`PROBLEM: ${problem}`)
  process.exitCode = 1
}
