import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { etcdctl } from './etcd.ts'
import { startEtcdCluster } from './etcd-cluster.ts'
import { freePort } from './free-port.ts'
import { assertUnnoticed, startClients } from './paced-clients.ts'
import { SHARED_MACHINE } from './serving-gateway.ts'
import { until } from './until.ts'
import { type Program, startProgram } from './waygate.ts'

const compose = join(import.meta.dirname, '../../deploy/compose')
const NAMES = ['gateway-1', 'gateway-2']

export interface RollingOptions {
  readonly perSecond: number
  /** How often both gateways are restarted. */
  readonly rounds: number
  /** Number of answers between two restarts. */
  readonly between: number
}

interface Member {
  readonly name: string
  readonly port: number
  readonly adminPort: number
  program: Program
}

/**
 * Runs what docker-compose.yml describes, without containers: an etcd of three members, two gateways with its configuration
 * file, and HAProxy with its configuration in front. Restarts the gateways in turn, under load. Checks that every request was
 * answered 200, and received once.
 *
 * @returns a line with what was measured
 */
export async function rollBalancedGateways({ perSecond, rounds, between }: RollingOptions): Promise<string> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'waygate-balanced-'))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const seen: string[] = []
  const node = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', piece => {
      body += piece
    })
    request.on('end', () => {
      if (request.method === 'POST') seen.push(body)
      response.end('ok')
    })
  }).listen(0, '127.0.0.1')
  await once(node, 'listening')
  stack.defer(() => {
    node.close()
    node.closeAllConnections()
  })
  const { port: nodePort } = node.address() as AddressInfo
  const etcd = stack.use(await startEtcdCluster())
  const value = JSON.stringify({ id: 'u1', ip: '127.0.0.1', port: nodePort })
  await etcdctl(etcd.members[0]!.url, 'put', '/services/user/u1', value)

  const settings = parse(await readFile(join(compose, 'waygate.yaml'), 'utf8'))
  const file = join(folder, 'waygate.yaml')
  const changed = {
    ...{ ...settings, ...SHARED_MACHINE },
    proxyProtocol: { from: ['127.0.0.1'] },
    routes: { defaults: { timeoutMs: 60_000 } },
  }
  await writeFile(file, JSON.stringify(changed))
  const start = async (name: string, port: number, adminPort: number): Promise<Program> => {
    const program = stack.use(
      await startProgram({
        args: ['start', '--config', file, '--etcd', etcd.urls, '--data-dir', join(folder, name)].concat([
          '--host',
          '127.0.0.1',
          '--port',
          String(port),
          '--admin-port',
          String(adminPort),
        ]),
      }),
    )
    await program.logged('waygate is listening')
    const ready = async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok
    await until(`${name} is ready`, ready, { withinMs: 60_000 })
    return program
  }
  const members: Member[] = []
  for (const name of NAMES) {
    const [port, adminPort] = [await freePort(), await freePort()]
    members.push({ name, port, adminPort, program: await start(name, port, adminPort) })
  }
  const port = await startBalancer(stack, folder, members)

  const clients = stack.use(startClients({ ports: [port], path: '/user/', perSecond, fresh: 0.5 }))
  await clients.more(between)
  for (let round = 0; round < rounds; round++) {
    for (const member of members) {
      member.program.child.kill('SIGTERM')
      const exit = await member.program.exited
      assert.equal(exit.code, 0, member.program.stderr())
      member.program = await start(member.name, member.port, member.adminPort)
      await clients.more(between)
    }
  }
  const report = await clients.finish()
  assertUnnoticed(report, seen)
  return `${report.gets + report.posts} requests through ${rounds} rolling restart(s) of two gateways behind HAProxy, 0 failed`
}

/** Starts HAProxy with the configuration of the compose file, of which only addresses differ. @returns its port */
async function startBalancer(
  stack: AsyncDisposableStack,
  folder: string,
  members: readonly Member[],
): Promise<number> {
  const port = await freePort()
  let text = await readFile(join(compose, 'haproxy.cfg'), 'utf8')
  const replace = (from: string | RegExp, to: string) => {
    const next = text.replace(from, to)
    assert.notEqual(next, text, String(from))
    text = next
  }
  replace('bind :8080', `bind 127.0.0.1:${port}`)
  // There are no names to look up.
  replace(/^resolvers .*\n( .*\n)*/m, '')
  replace(' init-addr last,libc,none resolvers network', '')
  for (const { name, port, adminPort } of members)
    replace(`${name}:8080 check port 9180`, `127.0.0.1:${port} check port ${adminPort}`)
  const file = join(folder, 'haproxy.cfg')
  await writeFile(file, text)
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] })
  stack.defer(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null) await once(child, 'exit')
  })
  await until(
    'HAProxy passes requests on',
    async () => (await fetch(`http://127.0.0.1:${port}/user/`).catch(() => undefined))?.ok,
  )
  return port
}
