import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { send } from './http.ts'
import { openRegistry } from './registry.ts'
import { startService } from './service.ts'
import { until } from './until.ts'
import { startGateway } from './waygate.ts'

export interface FloodReport {
  /** Time from the end of the flood until three requests in a row were answered, milliseconds. */
  readonly recoveredAfterMs: number
}

/**
 * Holds more idle connections than a gateway has descriptors (`ulimit -n 256`), ends them after a while, and waits until
 * the gateway serves again.
 *
 * @param holdMs how long the connections stay
 * @throws Error when it does not serve within 5 s
 */
export async function floodWithConnections({
  workers,
  connections,
  holdMs,
}: {
  readonly workers: number
  readonly connections: number
  readonly holdMs: number
}): Promise<FloodReport> {
  await using stack = new AsyncDisposableStack()
  const node = await startService('node')
  stack.defer(() => node.close())
  const gateway = stack.use(
    await startGateway({
      args: ['--workers', String(workers)],
      runner: ['sh', '-c', 'ulimit -n 256; exec "$@"', 'sh'],
    }),
  )
  using registry = openRegistry(gateway.etcd)
  await registry.putNode('echo', 'n1', node)
  await gateway.untilNodes('echo', ['n1'])
  const sockets: Socket[] = []
  for (let i = 0; i < connections; i++) {
    // Several addresses, so that a limit per address is not what is tested.
    const socket = connect({ port: gateway.port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (i % 4)}` })
    socket.on('error', () => {})
    sockets.push(socket)
    // At a pace that the gateway can follow: what comes faster is dropped before it is handed to anybody.
    if (i % 50 === 0) await delay(50)
  }
  await delay(holdMs)
  for (const socket of sockets) socket.destroy()
  const endedAt = performance.now()
  await until(
    'the gateway serves again',
    async () => {
      for (let i = 0; i < 3; i++) {
        const answer = await Promise.race([send(gateway.port, { path: '/echo/x' }), delay(1_000)])
        if (answer?.status !== 200) return false
      }
      return true
    },
    { withinMs: 5_000 },
  )
  return { recoveredAfterMs: performance.now() - endedAt }
}
