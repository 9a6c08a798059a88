/**
 * `npm run test:foreign`: calls gRPC servers in Node, Python and Go with clients in several languages, through the gateway,
 * and prints what works. Each server registers by one value in etcd and by nothing else. Programs that this project does
 * not depend on are found on PATH or installed into a temporary folder; what cannot be had is named and left out.
 *
 * Options: `--direct` calls each server without the gateway; `--rounds N` makes each call N times (default 3, one for each
 * server); `--section` runs one part: `grpc`, `tls`, in which clients of HTTP and gRPC call a gateway over TLS, or `acme`, in
 * which certificates come from an authority; `--only TEXT` runs the clients whose names contain it.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { etcdAvailable, etcdctl, onPath, startEtcd } from '../support/etcd.ts'
import { createEchoClient } from '../support/grpc-client.ts'
import { ECHO } from '../support/grpc-echo.ts'
import { namingValue } from '../support/naming.ts'
import { openRegistry } from '../support/registry.ts'
import { until } from '../support/until.ts'
import { startGateway } from '../support/waygate.ts'
import { runAcme } from './acme.ts'
import { runBuf, runCurl, runH2load, runNghttp } from './clients/command-line.ts'
import { runGrpcJs } from './clients/grpc-js.ts'
import { FAILURE_DETAILS, KINDS, type KindResult } from './kinds.ts'
import { runOverTls } from './tls/main.ts'
import { buildToolchain, type Toolchain } from './toolchain.ts'

const { values: options } = parseArgs({
  options: {
    direct: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    section: { type: 'string' },
  },
})
const rounds = Number(options.rounds)

interface Server {
  readonly name: string
  readonly port: number
  readonly process: ChildProcess
}

interface Client {
  readonly name: string
  /** Returns undefined when it cannot be had here. */
  readonly run: ((address: string) => Promise<readonly KindResult[]>) | undefined
}

async function startServer(name: string, file: string, args: readonly string[]): Promise<Server> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => child.kill('SIGKILL'))
  for await (const line of createInterface({ input: child.stdout })) {
    const [, port] = /^listening on 127\.0\.0\.1:(\d+)$/.exec(line) ?? []
    if (port !== undefined) return { name, port: Number(port), process: child }
  }
  throw new Error(`the server in ${name} ended before it listened`)
}

function serversOf({ python, go, set }: Toolchain): Promise<Server[]> {
  const node = join(import.meta.dirname, '../support/grpc-node-process.ts')
  const servers = [startServer('Node', process.execPath, ['--conditions=waygate-source', node, 'Node'])]
  const program = join(import.meta.dirname, 'servers/server.py')
  if (python !== undefined) servers.push(startServer('Python', python, [program, set, 'Python']))
  if (go !== undefined) servers.push(startServer('Go', go.server, ['Go']))
  return Promise.all(servers)
}

function clientsOf({ set, python, ruby, go, npm }: Toolchain, folder: string): readonly Client[] {
  const at = (file: string) => join(import.meta.dirname, 'clients', file)
  const program = (file: string | undefined, ...args: readonly string[]) =>
    file === undefined ? undefined : (address: string) => runProgram(file, [...args, address, String(rounds)])
  const connect = join(npm ?? '', 'client.mjs')
  return [
    { name: 'Python, grpcio', run: program(python, at('client.py'), set) },
    { name: 'Ruby, grpc', run: program(ruby && 'ruby', at('client.rb'), ruby ?? '') },
    { name: 'Go, grpc-go', run: program(go?.client) },
    { name: 'Node, grpc-js', run: address => runGrpcJs(address, rounds) },
    { name: 'Node, connect-node', run: program(npm && process.execPath, connect, 'grpc', set) },
    // No server speaks it by itself.
    ...(options.direct
      ? []
      : [
          {
            name: 'Node, connect-node, gRPC-web',
            run: program(npm && process.execPath, connect, 'grpc-web', set),
          },
        ]),
    { name: 'buf curl', run: npm === undefined ? undefined : address => runBuf(npm, address, rounds) },
    { name: 'curl', run: onPath('curl') ? address => runCurl(folder, address, rounds) : undefined },
    { name: 'nghttp', run: onPath('nghttp') ? address => runNghttp(folder, address, rounds) : undefined },
    { name: 'h2load', run: onPath('h2load') ? address => runH2load(folder, address) : undefined },
  ]
}

/** Runs a client that prints a {@link KindResult} on each line. */
function runProgram(file: string, args: readonly string[]): Promise<readonly KindResult[]> {
  const env = { ...process.env, DETAILS: FAILURE_DETAILS.toString('base64') }
  return new Promise((resolve, reject) => {
    execFile(file, args, { env, timeout: 300_000 }, (error, stdout) => {
      const lines = stdout.split('\n').filter(line => line.startsWith('{'))
      if (lines.length === 0) reject(error ?? new Error(`${file} printed nothing`))
      else resolve(lines.map(line => JSON.parse(line)))
    })
  })
}

/** Prints a row for each client. Returns whether everything works. */
async function printTable(
  title: string,
  clients: readonly Client[],
  address: string,
  expected: readonly string[],
): Promise<boolean> {
  console.log(`\n${title}\n\n| client | ${KINDS.join(' | ')} |\n|---|${KINDS.map(() => '---|').join('')}`)
  const errors: string[] = []
  for (const { name, run } of clients) {
    if (run === undefined) continue
    const results = await run(address).catch(error => {
      errors.push(`${name}: ${error}`)
      return []
    })
    const cells = KINDS.map(kind => {
      const result = results.find(each => each.kind === kind)
      if (!result) return '–'
      if (result.error !== null) errors.push(`${name}, ${kind}: ${result.error}`)
      // With as many rounds as servers, each of them has answered.
      const absent = expected.filter(node => !result.nodes.includes(node))
      if (result.error === null && result.nodes.length >= expected.length && absent.length > 0) {
        errors.push(`${name}, ${kind}: ${absent.join(', ')} did not answer`)
      }
      return result.error === null ? 'ok' : 'FAIL'
    })
    console.log(`| ${name} | ${cells.join(' | ')} |`)
  }
  for (const error of errors) console.log(`\n${error}`)
  return errors.length === 0
}

async function runDirect(servers: readonly Server[], clients: readonly Client[]): Promise<boolean> {
  let isFine = true
  for (const { name, port } of servers) {
    const worked = await printTable(`Directly to the server in ${name}:`, clients, `127.0.0.1:${port}`, [
      name,
    ])
    isFine = worked && isFine
  }
  return isFine
}

async function runThroughGateway(servers: readonly Server[], clients: readonly Client[]): Promise<boolean> {
  await using etcd = etcdAvailable && onPath('etcdctl') ? await startEtcd() : undefined
  await using gateway = await startGateway(etcd ? { etcd: etcd.url } : {})
  for (const { port } of servers) {
    const [key, value] = [`/services/task/127.0.0.1:${port}`, namingValue(port)]
    if (etcd) await etcdctl(etcd.url, 'put', key, value)
    else {
      using registry = openRegistry(gateway.etcd)
      await registry.put(key, value)
    }
  }
  await gateway.untilNodes(
    'task',
    servers.map(({ port }) => `127.0.0.1:${port}`),
  )
  using client = createEchoClient(gateway.port)
  await until(`${ECHO} is known by reflection`, async () => (await client.call('Unary')).status === 'OK')
  const names = servers.map(({ name }) => name)
  const isFine = await printTable('Through the gateway:', clients, `127.0.0.1:${gateway.port}`, names)
  if (gateway.hasExited()) console.log(`the gateway has ended\n${gateway.stderr()}`)
  return isFine && !gateway.hasExited()
}

async function build(folder: string, parts?: Parameters<typeof buildToolchain>[1]): Promise<Toolchain> {
  console.log('building clients and servers')
  const toolchain = await buildToolchain(folder, parts)
  for (const [name, reason] of toolchain.missing) console.log(`left out: ${name}: ${reason}`)
  return toolchain
}

async function runGrpc(folder: string): Promise<boolean> {
  const servers: Server[] = []
  try {
    const toolchain = await build(folder)
    servers.push(...(await serversOf(toolchain)))
    const clients = clientsOf(toolchain, folder).filter(({ name }) => name.includes(options.only))
    for (const { name, run } of clients) if (!run) console.log(`left out: the client ${name}`)
    return options.direct ? await runDirect(servers, clients) : await runThroughGateway(servers, clients)
  } finally {
    for (const { process: child } of servers) {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  }
}

const folder = await mkdtemp(join(tmpdir(), 'waygate-foreign-'))
process.once('SIGINT', () => process.exit(130))
const sections = {
  grpc: () => runGrpc(folder),
  tls: async () =>
    options.direct ||
    (await runOverTls({ folder, toolchain: await build(folder, ['Python']), only: options.only })),
  acme: async () => options.direct || options.only !== '' || (await runAcme(folder)),
}
let isFine = true
try {
  for (const [name, runSection] of Object.entries(sections)) {
    if (options.section === undefined || options.section === name) isFine = (await runSection()) && isFine
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
process.exit(isFine ? 0 : 1)
