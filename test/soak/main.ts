/**
 * `npm run soak`: a gateway under a steady load, while its table changes every second, to see whether anything grows.
 *
 *   npm run soak -- --hours 2 --rate 1000
 *
 * Prints the resident memory, descriptors and timers of the gateway once a minute. Exits with 1 when a request failed, or when
 * they grow; `growth.ts` says how that is judged. Needs etcd on PATH.
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
import { startGateway } from '../support/waygate.ts'
import { judgeGrowth, type SoakSample } from './growth.ts'

const SAMPLE_MS = 5_000
/** How many changes of the table a node or a route that was added stays. */
const STAYS = 10

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
  if (turn < STAYS) return
  await store.deleteNode('soak', `extra-${turn - STAYS}`)
  await store.client.delete().key(`/waygate/routes/extra-${turn - STAYS}`)
}

async function sample(admin: string, atMs: number): Promise<SoakSample> {
  const text = await (await fetch(`${admin}/metrics`)).text()
  const read = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
  return {
    atMs,
    residentBytes: read('process_resident_memory_bytes'),
    descriptors: read('process_open_fds'),
    timers: read('nodejs_active_resources\\{type="Timeout"\\}'),
  }
}

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

console.log(`soak: ${rate} requests/s for ${hours} h`)
const load = fork(join(import.meta.dirname, 'load-process.ts'), [
  ...[String(gateway.port), '/soak/', String(rate), String(durationMs)],
])
process.once('exit', () => load.kill('SIGKILL'))
const over = once(load, 'message')
const begunAt = performance.now()
const samples: SoakSample[] = []
let printedAt = Number.NEGATIVE_INFINITY
for (let turn = 0; performance.now() - begunAt < durationMs; turn++) {
  const turnAt = performance.now()
  await change(store, nodes, turn)
  const atMs = performance.now() - begunAt
  if (atMs - (samples.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) >= Math.min(SAMPLE_MS, durationMs / 100)) {
    const latest = await sample(gateway.admin, atMs)
    samples.push(latest)
    if (atMs - printedAt >= 60_000) {
      const { residentBytes, descriptors, timers } = latest
      const minutes = Math.round(atMs / 60_000)
      console.log(
        `${minutes} min: ${(residentBytes / 1e6).toFixed(1)} MB, ${descriptors} descriptors, ${timers} timers`,
      )
      printedAt = atMs
    }
  }
  await delay(Math.max(0, 1_000 - (performance.now() - turnAt)))
}
const [{ sent, failed }] = (await over) as [{ sent: number; failed: readonly [string | number, number][] }]
const { bytesPerHour, descriptors, timers, problems } = judgeGrowth(samples, durationMs)
console.log(`${sent} requests; ${(bytesPerHour / 1e6).toFixed(2)} MB an hour`)
console.log(`descriptors ${descriptors.join(' → ')}, timers ${timers.join(' → ')}`)
for (const [what, count] of failed) problemFound(`${count} requests ended with ${what}`)
for (const problem of problems) problemFound(problem)
if (gateway.hasExited()) problemFound('the gateway has ended')

function problemFound(problem: string): void {
  console.log(`PROBLEM: ${problem}`)
  process.exitCode = 1
}
