/**
 * Measures the cost of following etcd: the time from a put to the first request that the new node serves, loading and
 * changing a large table, and whether all memory and descriptors are released.
 *
 *   npm run bench:discovery [-- --services 1000 --nodes 10000 --changes 1000]
 *
 * Runs against a real etcd if `etcd` is on PATH, and otherwise against the embedded one.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Etcd3 } from 'etcd3'
import { createEtcdClient } from '../../discovery/etcd/client.ts'
import { measureDescriptors } from './descriptors.ts'
import { createStarter, type RunningGateway } from './starter.ts'

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000' },
    nodes: { type: 'string', default: '10000' },
    changes: { type: 'string', default: '1000' },
  },
})
const [SERVICES, NODES, CHANGES] = [values.services, values.nodes, values.changes].map(Number) as [
  number,
  number,
  number,
]

const folder = await mkdtemp(join(tmpdir(), 'waygate-bench-'))
const closers: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })]

const { startGateway, startEtcd } = createStarter(folder, closers)

async function startNode(name: string): Promise<number> {
  const server = createServer((_request, response) => response.end(name)).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const keyOf = (i: number) => `/services/s${String(i % SERVICES).padStart(4, '0')}/n${i}`
const documentOf = (i: number, weight = 1) =>
  JSON.stringify({ ip: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`, port: 8000, weight })

/** Puts many keys, in transactions of 100. */
async function putMany(client: Etcd3, indexes: readonly number[], weight = 1): Promise<void> {
  for (let at = 0; at < indexes.length; at += 100) {
    const success = indexes.slice(at, at + 100).map(i => ({
      request_put: { key: Buffer.from(keyOf(i)), value: Buffer.from(documentOf(i, weight)) },
    }))
    await client.kv.txn({ success })
  }
}

async function untilNodes(gateway: RunningGateway, count: number): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${gateway.admin}/metrics`)).text()
    if (Number(/^waygate_table_nodes (\d+)/m.exec(text)?.[1]) === count) return
    await delay(10)
  }
}

const percentile = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
const mib = (bytes: number) => (bytes / 1_048_576).toFixed(1)
const rows: [what: string, figure: string][] = []
const report = (what: string, figure: string) => {
  rows.push([what, figure])
  console.error(`${what}: ${figure}`)
}

try {
  const etcd = await startEtcd()
  const client = createEtcdClient({ endpoints: [etcd.url] })
  closers.push(() => client.close())
  const upstreams = [await startNode('a'), await startNode('b')]

  // 1. From a put to the first request that the new node serves.
  const small = await startGateway('--etcd', etcd.url)
  const times: number[] = []
  const put = (port: number) =>
    client.put('/services/echo/n1').value(JSON.stringify({ ip: '127.0.0.1', port }))
  const served = async () => (await fetch(`${small.url}/echo/x`)).text()
  await put(upstreams[1]!)
  while ((await served()) !== 'b') await delay(1)
  for (let i = 0; i < CHANGES; i++) {
    const [port, name] = [upstreams[i % 2]!, 'ab'[i % 2]!]
    const since = performance.now()
    await put(port)
    while ((await served()) !== name);
    times.push(performance.now() - since)
  }
  times.sort((a, b) => a - b)
  report(
    `put to first request served by the new node, ${CHANGES} changes`,
    `p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms, max ${times.at(-1)!.toFixed(1)} ms`,
  )

  // 2. Memory and descriptors after many nodes came and went.
  const all = Array.from({ length: NODES }, (_, i) => i)
  const removeAll = () =>
    client.kv.deleteRange({ key: Buffer.from('/services/s'), range_end: Buffer.from('/services/t') })
  // Once beforehand, because what is allocated permanently the first time is not a leak.
  await putMany(client, all)
  await untilNodes(small, NODES + 1)
  await removeAll()
  await untilNodes(small, 1)
  await delay(1_000)
  const before = await small.ask('collect')
  await putMany(client, all)
  await untilNodes(small, NODES + 1)
  const full = await small.ask('collect')
  await removeAll()
  await untilNodes(small, 1)
  await delay(1_000)
  const after = await small.ask('collect')
  report(
    `heap before, with and after ${NODES} nodes`,
    `${mib(before.heapUsedBytes)}, ${mib(full.heapUsedBytes)}, ${mib(after.heapUsedBytes)} MiB`,
  )
  report(
    'descriptors and resources, the same',
    `${before.descriptors}, ${full.descriptors}, ${after.descriptors} and ${before.resources}, ${full.resources}, ${after.resources}`,
  )

  // 3. The cost of one change, with few and with many services.
  const changeCost = async (): Promise<number> => {
    const { cpuMicros } = await small.ask('look')
    for (let i = 0; i < CHANGES; i++) await client.put(keyOf(0)).value(documentOf(0, 1 + (i % 100)))
    return ((await small.ask('look')).cpuMicros - cpuMicros) / CHANGES
  }
  await putMany(client, [0])
  await untilNodes(small, 2)
  await changeCost()
  const few = await changeCost()
  await putMany(client, all)
  await untilNodes(small, NODES + 1)
  // The copy on disk is part of the cost. It is written at most twice a second, however many nodes there are.
  const many = await changeCost()
  report(
    `CPU per change with 1 and with ${SERVICES} services (${NODES} nodes)`,
    `${few.toFixed(0)} and ${many.toFixed(0)} µs`,
  )
  await small.stop()

  // 4. Loading a large table, and changes streaming into it.
  const since = performance.now()
  const large = await startGateway('--etcd', etcd.url)
  const listeningMs = performance.now() - since
  await large.ask('look')
  // /metrics is not used here, because its own cost would be measured.
  while (!(await fetch(`${large.admin}/readyz`)).ok) await delay(5)
  const loadedMs = performance.now() - since
  const loading = await large.ask('look')
  report(
    `start with ${SERVICES} services, ${NODES} nodes, from ${etcd.name}`,
    `listening after ${listeningMs.toFixed(0)} ms, whole table ${(loadedMs - listeningMs).toFixed(0)} ms later, longest stall ${loading.stallMs.toFixed(1)} ms, RSS ${mib(loading.rssBytes)} MiB`,
  )
  await delay(2_000)
  const idle = await large.ask('look')
  report('the 2 s after that', `longest stall ${idle.stallMs.toFixed(1)} ms, RSS ${mib(idle.rssBytes)} MiB`)
  for (const path of ['/metrics', '/routes', '/services']) {
    await large.ask('look')
    const asked = performance.now()
    const { length } = await (await fetch(large.admin + path)).text()
    const tookMs = performance.now() - asked
    const { stallMs } = await large.ask('look')
    report(
      `\`${path}\` of that table`,
      `${tookMs.toFixed(0)} ms for ${mib(length)} MiB, longest stall ${stallMs.toFixed(1)} ms`,
    )
  }
  const calm = await large.ask('look')
  const begun = performance.now()
  let sent = 0
  const pending = new Set<Promise<unknown>>()
  while (performance.now() - begun < 5_000) {
    const due = Math.floor(performance.now() - begun)
    for (; sent < due; sent++) {
      const i = (sent * 7_919) % NODES
      const each: Promise<unknown> = Promise.resolve(
        client.put(keyOf(i)).value(documentOf(i, 1 + (sent % 100))),
      )
      pending.add(each)
      void each.finally(() => pending.delete(each))
    }
    await delay(1)
  }
  await Promise.all(pending)
  const tookMs = performance.now() - begun
  const streaming = await large.ask('look')
  report(
    `${sent} changes in ${(tookMs / 1000).toFixed(1)} s (${((sent / tookMs) * 1000).toFixed(0)}/s) to that table`,
    `longest stall ${streaming.stallMs.toFixed(1)} ms, RSS ${mib(streaming.rssBytes)} MiB, ${(((streaming.cpuMicros - calm.cpuMicros) / tookMs / 1000) * 100).toFixed(0)}% of one core`,
  )
  await large.stop()
  await removeAll()

  // 5. Descriptors of gRPC services.
  await measureDescriptors({ client, startGateway: () => startGateway('--etcd', etcd.url), report })
  console.log(`Against ${etcd.name}, Node ${process.version}\n`)
  console.log(['| what | figure |', '| --- | --- |', ...rows.map(row => `| ${row.join(' | ')} |`)].join('\n'))
} finally {
  for (const close of closers.reverse()) await close()
}
