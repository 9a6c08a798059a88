import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { childrenOf, isRunning } from './processes.ts'
import { openRegistry } from './registry.ts'
import { startService } from './service.ts'
import { until } from './until.ts'
import { startGateway } from './waygate.ts'

/** The signals that a gateway ignores. */
export const IGNORED = ['SIGUSR1', 'SIGUSR2'] as const
/** Some of those that end it. */
export const ENDING = ['SIGALRM', 'SIGQUIT', 'SIGVTALRM', 'SIGXCPU', 'SIGPWR'] as const
/** The port on which Node.js opens its debugger, as /proc/net/tcp has it. */
const DEBUGGER = `:${(9229).toString(16).toUpperCase()} 00000000:0000 0A`

/**
 * Sends signals to all processes of a gateway while a request is in flight: first those that must do nothing, then one that
 * must end it as SIGTERM does. Throws unless the request is answered, and no process opened a debugger or was replaced.
 */
export async function sendSignals({
  workers,
  ending,
}: {
  readonly workers: number
  readonly ending: (typeof ENDING)[number]
}): Promise<void> {
  await using gateway = await startGateway({
    config: { drainMs: 0, shutdownTimeoutMs: 60_000 },
    args: ['--workers', String(workers)],
  })
  const arrived = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  await using node = await startService('slow', async (request, response) => {
    request.resume()
    arrived.resolve()
    await released.promise
    response.end('at last')
  })
  using registry = openRegistry(gateway.etcd)
  await registry.putNode('echo', 'n1', node)
  await gateway.untilNodes('echo', ['n1'])
  const answer = fetch(`${gateway.url}/echo/slow`)
  answer.catch(() => {})
  await arrived.promise
  const processes = [gateway.pid, ...childrenOf(gateway.pid)]
  assert.equal(processes.length, workers === 1 ? 1 : workers + 1)
  for (const signal of IGNORED) {
    for (const pid of processes) {
      process.kill(pid, signal)
      await gateway.logged(
        line => line.msg.startsWith('signal ignored') && line.signal === signal && line.pid === pid,
      )
    }
  }
  assert.ok(!readFileSync('/proc/net/tcp', 'utf8').includes(DEBUGGER), 'no debugger listens')
  assert.deepEqual(processes.filter(isRunning), processes)
  gateway.child.kill(ending)
  await gateway.logged(line => line.msg.startsWith('shutting down') && line.signal === ending)
  released.resolve()
  assert.equal(await (await answer).text(), 'at last')
  assert.deepEqual(await gateway.exited, { code: 0, signal: null })
  await until('no process is left', () => !processes.some(isRunning))
}
