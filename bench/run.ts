/**
 * Compares Waygate, every policy on, with bare @fastify/http-proxy and with a featureless pass-through, in one
 * run: the rounds of all are interleaved, so that what else the machine does hits all of them alike.
 *
 *   npm run bench [-- --rounds 7 --seconds 5 --connections 64]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import jwt from 'jsonwebtoken'
import { startEmbeddedEtcd } from '../discovery/embedded-etcd/server.ts'
import { createEtcdClient } from '../discovery/etcd/client.ts'
import { LOAD_TOOL, runLoad } from './load.ts'
import { cpuMicros, type Started, start } from './process.ts'
import { type Contender, formatReport } from './report.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '64' },
  },
})
const [rounds, seconds, connections] = [values.rounds, values.seconds, values.connections].map(Number) as [
  number,
  number,
  number,
]

/** What is measured has one core to itself; nodes and load share the other. */
const GATEWAY_CORE = 0
const OTHER_CORE = 1
const WARM_UP_SECONDS = 10
const SECRET = 'a secret for the benchmark, of more than 32 bytes'
const WEIGHTS = [5, 1, 1]

const root = join(import.meta.dirname, '..')
const folder = await mkdtemp(join(tmpdir(), 'waygate-bench-'))
const started: Started[] = []
const run = async (...args: Parameters<typeof start>) => {
  const process = await start(...args)
  started.push(process)
  return process
}
const node = (file: string, ...args: string[]) => [process.execPath, join(root, file), ...args]

const etcd = await startEmbeddedEtcd({ port: 0 })
try {
  const { line } = await run(OTHER_CORE, node('bench/upstream.ts', String(WEIGHTS.length)))
  const ports = line.split(' ')
  const client = createEtcdClient({ endpoints: [etcd.url] })
  for (const [index, weight] of WEIGHTS.entries()) {
    await client
      .put(`/services/echo/n${index}`)
      .value(JSON.stringify({ ip: '127.0.0.1', port: Number(ports[index]), weight }))
  }
  client.close()

  const waygate = async (accessLog: boolean) => {
    const config = join(folder, `log-${accessLog}.json`)
    await writeFile(
      config,
      JSON.stringify({ accessLog, host: '127.0.0.1', port: 0, adminPort: 0, jwt: { secret: SECRET } }),
    )
    const gateway = await run(
      GATEWAY_CORE,
      node('cmd/waygate.ts', 'start', '--config', config, '--etcd', etcd.url, '--data-dir', folder),
      { accept: line => line.includes('"waygate is listening"') },
    )
    return { pid: gateway.child.pid!, url: `${JSON.parse(gateway.line).public}/echo/x` }
  }
  const other = async (file: string) => {
    const contender = await run(GATEWAY_CORE, node(file, ports[0]!))
    return { pid: contender.child.pid!, url: `http://127.0.0.1:${contender.line}/x` }
  }
  const contenders: Contender[] = [
    { name: 'bare @fastify/http-proxy', ...(await other('bench/contenders/http-proxy.ts')), rounds: [] },
    { name: 'Waygate: JWT, 3 weighted nodes, breakers, metrics', ...(await waygate(false)), rounds: [] },
    { name: 'Waygate: the same and the access log', ...(await waygate(true)), rounds: [] },
    {
      name: 'node:http + undici dispatch, no features',
      ...(await other('bench/contenders/undici-dispatch.ts')),
      rounds: [],
    },
  ]

  const token = jwt.sign({ sub: 'bench' }, SECRET, { expiresIn: '1h' })
  const load = { token, connections, core: OTHER_CORE }
  // V8 is still compiling the path of a request after its first hundred thousand.
  for (const { url } of contenders) await runLoad({ ...load, url, seconds: WARM_UP_SECONDS })
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      const before = cpuMicros(contender.pid)
      const result = await runLoad({ ...load, url: contender.url, seconds })
      const after = cpuMicros(contender.pid)
      const cpu =
        before === undefined || after === undefined ? Number.NaN : (after - before) / result.requests
      contender.rounds.push({ ...result, cpuMicrosPerRequest: cpu })
    }
  }
  console.log(
    `GET, 110-byte answer, ${connections} connections, ${rounds} rounds of ${seconds} s, ${LOAD_TOOL}, Node ${process.version}\n`,
  )
  console.log(formatReport(contenders))
} finally {
  for (const { child } of started) child.kill()
  await etcd.close()
  await rm(folder, { recursive: true, force: true })
}
