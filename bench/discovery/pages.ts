/**
 * Measures what the pages of the admin listener cost with a large table: how long the event loop stands still, and how much
 * memory is used meanwhile.
 *
 *   npm run bench:pages [-- --nodes 100000 --services 1000 --requests 20000 --workers 1 --times 3]
 *
 * The table comes from etcd. All nodes are one server, at as many addresses of loopback. With more than one worker, there
 * is no figure for the event loop.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createEtcdClient } from '../../discovery/etcd/client.ts'
import { childrenOf, residentBytes } from '../process.ts'
import { createStarter } from './starter.ts'

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '100000' },
    services: { type: 'string', default: '1000' },
    requests: { type: 'string', default: '20000' },
    workers: { type: 'string', default: '1' },
    times: { type: 'string', default: '3' },
    /** `metrics.labels.node` */
    node: { type: 'string' },
  },
})
const [NODES = 0, SERVICES = 0, REQUESTS = 0] = [values.nodes, values.services, values.requests].map(Number)
const TIMES = Number(values.times)
const TRANSACTION = 100
const SAMPLE_MS = 10
const mib = (bytes: number) => (bytes / 1_048_576).toFixed(1)

const folder = await mkdtemp(join(tmpdir(), 'waygate-bench-'))
const closers: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })]
const { startGateway, startEtcd } = createStarter(folder, closers)
try {
  const server = createServer((_request, response) => response.setHeader('connection', 'close').end('x'))
  server.listen(0)
  await new Promise(resolve => server.once('listening', resolve))
  closers.push(() => server.close())
  const { port } = server.address() as AddressInfo
  const etcd = await startEtcd()
  const client = createEtcdClient({ endpoints: [etcd.url] })
  closers.push(() => client.close())
  const names = Array.from({ length: SERVICES }, (_, i) => `s${String(i).padStart(6, '0')}`)
  for (let at = 0; at < NODES; at += TRANSACTION) {
    const success = Array.from({ length: Math.min(TRANSACTION, NODES - at) }, (_, offset) => {
      const i = at + offset
      const ip = `127.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`
      const key = Buffer.from(`/services/${names[i % SERVICES]}/n${i}`)
      return { request_put: { key, value: Buffer.from(JSON.stringify({ ip, port })) } }
    })
    await client.kv.txn({ success })
  }
  const config = {
    accessLog: false,
    workers: Number(values.workers),
    ...(values.node && { metrics: { labels: { node: values.node === 'true' } } }),
  }
  await writeFile(join(folder, 'waygate.yaml'), JSON.stringify(config))
  const gateway = await startGateway('--config', join(folder, 'waygate.yaml'), '--etcd', etcd.url)
  while (!(await fetch(`${gateway.admin}/readyz`)).ok) await delay(20)
  await Promise.all(
    Array.from({ length: 32 }, async (_, lane) => {
      for (let i = lane; i < REQUESTS; i += 32)
        await (await fetch(`${gateway.url}/${names[i % SERVICES]}/`)).arrayBuffer()
    }),
  )
  await delay(2_000)
  console.log(
    '| page | MiB | series | ms | CPU ms | longest stall, ms, and its CPU ms | RSS, and at most, MiB |',
  )
  console.log('| --- | --- | --- | --- | --- | --- | --- |')
  const looks = async () => (values.workers === '1' ? await gateway.ask('look') : undefined)
  const resident = () => {
    const pid = gateway.child.pid!
    return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + residentBytes(each), 0)
  }
  for (const page of [
    '/metrics',
    '/services',
    '/routes',
    '/api/v1/services',
    '/api/v1/nodes',
    '2 x /metrics',
  ]) {
    for (let time = 0; time < TIMES; time++) {
      await delay(500)
      const [before, calm] = [await looks(), resident()]
      let most = calm
      const timer = setInterval(() => {
        most = Math.max(most, resident())
      }, SAMPLE_MS)
      const begun = performance.now()
      const path = page.slice(page.indexOf('/'))
      const read = async () => Buffer.from(await (await fetch(gateway.admin + path)).arrayBuffer())
      const [text] = await Promise.all(page === path ? [read()] : [read(), read()])
      const tookMs = performance.now() - begun
      clearInterval(timer)
      const after = await looks()
      const series = path === '/metrics' ? (text!.toString().match(/^\w/gm)?.length ?? 0) : '-'
      const cpu = after ? ((after.cpuMicros - before!.cpuMicros) / 1_000).toFixed(0) : '-'
      console.log(
        `| \`${page}\` | ${mib(text!.length)} | ${series} | ${tookMs.toFixed(0)} | ${cpu} | ${after ? `${after.stallMs.toFixed(1)}, ${after.stallCpuMs.toFixed(1)}` : '-'} | ${mib(calm)}, ${mib(most)} |`,
      )
    }
  }
} finally {
  for (const close of closers.reverse()) await close()
}
