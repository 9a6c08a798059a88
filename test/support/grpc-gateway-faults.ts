import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { buildToolchain } from '../foreign/toolchain.ts'
import { foreignLoops, type LoopReport } from './foreign-loops.ts'
import { freePort } from './free-port.ts'
import { createEchoClient } from './grpc-client.ts'
import { ECHO } from './grpc-echo.ts'
import { startGrpcNodeProcess } from './grpc-process.ts'
import { openRegistry } from './registry.ts'
import { startTcpProxy } from './tcp-proxy.ts'
import { runUnaryLoad } from './unary-load.ts'
import { until } from './until.ts'
import { type Program, startGateway, startProgram } from './waygate.ts'

const ROUTE = { path: `/${ECHO}/*`, service: 'echo', auth: 'none' }

/** On a machine that others use too, turns of the event loop may be long without an overload. */
const CONFIG = { accessLog: false, overload: { loopDelayMs: 0 } }

export interface GrpcHandOverReport {
  /** What the clients came to, by their names. None of their calls has failed. */
  readonly clients: ReadonlyMap<string, LoopReport>
  /** From SIGTERM until the exit, and until a stream without an end was ended, milliseconds. */
  readonly exitedMs: number
  readonly cutMs: number
}

/**
 * Ends a gateway of two workers with SIGTERM beside another one, after the load balancer in front of them sends new
 * connections only to that. Checks that no unary call of any client fails, that a stream that ends in time is whole, and
 * that one without an end does not look whole when it is cut off.
 *
 * @param aroundMs how long clients call before and after
 */
export async function handOverGrpc(aroundMs: number): Promise<GrpcHandOverReport> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'waygate-hand-over-'))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const toolchain = await buildToolchain(folder, ['Python', 'Go'])
  // The gateway that stays runs the etcd of both.
  const second = stack.use(await startGateway({ config: CONFIG }))
  const first = stack.use(await startGateway({ config: CONFIG, etcd: second.etcd, args: ['--workers', '2'] }))
  const nodes = await Promise.all(['a', 'b'].map(async id => stack.use(await startGrpcNodeProcess(id))))
  {
    using registry = openRegistry(second.etcd)
    await registry.putRoute('echo', ROUTE)
    for (const [i, { port }] of nodes.entries()) {
      await registry.put(`/services/echo/n${i}`, JSON.stringify({ ip: '127.0.0.1', port, protocol: 'grpc' }))
    }
  }
  for (const gateway of [first, second]) await gateway.untilNodes('echo', ['n0', 'n1'])
  const proxy = stack.use(await startTcpProxy(first.port))
  using client = createEchoClient(proxy.port)
  await until('calls are answered', async () => (await client.call('Unary')).status === 'OK')

  const over = new AbortController()
  const loops = Object.entries(foreignLoops(toolchain, proxy.port, folder))
  const calling = loops.map(async ([name, loop]) => [name, await loop(over.signal)] as const)
  const short = client.start('ServerStream')
  const endless = client.start('ServerStream')
  try {
    await delay(aroundMs)
    short.send({ count: 8, delayMs: 500 })
    endless.send({ count: 1_000_000, delayMs: 100 })
    await until('the streams have begun', () => [short, endless].every(({ replies }) => replies.length > 0))
    proxy.retarget(second.port)
    first.child.kill('SIGTERM')
    const toldAt = performance.now()
    short.end()
    const cut = endless.result.then(({ status }) => {
      assert.notEqual(status, 'OK')
      return performance.now() - toldAt
    })
    assert.deepEqual(await first.exited, { code: 0, signal: null })
    const exitedMs = performance.now() - toldAt
    const { status, replies } = await short.result
    assert.deepEqual([status, replies.length], ['OK', 8])
    await delay(aroundMs)
    over.abort()
    const clients = new Map(await Promise.all(calling))
    for (const [name, { failures }] of clients) assert.deepEqual([name, ...failures], [name])
    return { clients, exitedMs, cutMs: await cut }
  } finally {
    over.abort()
    await Promise.all(calling)
  }
}

export interface GrpcRestartReport {
  readonly calls: number
  readonly restarts: number
  /** The languages of the nodes. */
  readonly languages: readonly string[]
}

/**
 * Restarts nodes in Node, Python and Go one by one, each registered by the sidecar and with SIGTERM alone. Checks that no
 * call fails, although none may be repeated once a node has acted on it.
 *
 * @param rounds each restarts every node
 */
export async function restartGrpcNodes(rounds: number): Promise<GrpcRestartReport> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'waygate-rolled-'))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const { set, python, go } = await buildToolchain(folder, ['Python', 'Go'])
  const gateway = stack.use(await startGateway({ config: CONFIG }))
  {
    using registry = openRegistry(gateway.etcd)
    await registry.putRoute('echo', ROUTE)
  }
  const commands = new Map([
    ['Node', [process.execPath, join(import.meta.dirname, 'grpc-node-process.ts'), 'Node']],
    ...(python
      ? [
          [
            'Python',
            [python, join(import.meta.dirname, '../foreign/servers/server.py'), set, 'Python'],
          ] as const,
        ]
      : []),
    ...(go ? [['Go', [go.server, 'Go']] as const] : []),
  ])
  const languages = [...commands.keys()]
  const ports = new Map<string, number>()
  for (const language of languages) ports.set(language, await freePort())
  const running = new Map<string, Program>()
  stack.defer(async () => void (await Promise.all([...running.values()].map(stopGroup))))
  const start = async (language: string) => {
    const port = ports.get(language)!
    const node = ['--name', 'echo', '--id', language, '--address', `127.0.0.1:${port}`, '--protocol', 'grpc']
    const args = ['register', ...node, '--etcd', gateway.etcd, '--', ...commands.get(language)!]
    running.set(language, await startProgram({ args, env: { PORT: String(port) }, detached: true }))
  }
  const untilAll = () => gateway.untilNodes('echo', languages, 60_000)
  for (const language of languages) await start(language)
  await untilAll()

  const over = new AbortController()
  const load = { port: gateway.port, path: `/${ECHO}/Unary`, connections: 4, streams: 4, perSecond: 200 }
  const calling = runUnaryLoad({ ...load, signal: over.signal })
  try {
    for (let round = 0; round < rounds; round++) {
      for (const language of languages) {
        const program = running.get(language)!
        program.child.kill('SIGTERM')
        assert.deepEqual(await program.exited, { code: 0, signal: null }, program.stderr())
        await program.stop()
        await start(language)
        await untilAll()
        await delay(300)
      }
    }
  } finally {
    over.abort()
    await calling
  }
  const { calls, failures } = await calling
  assert.deepEqual(failures, [])
  return { calls, restarts: rounds * languages.length, languages }
}

/** Kills the process group: a killed sidecar leaves its program behind, which keeps its output open. */
async function stopGroup({ pid, hasExited, stop }: Program): Promise<void> {
  if (!hasExited()) process.kill(-pid, 'SIGKILL')
  await stop()
}
