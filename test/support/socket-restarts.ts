import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startWithSockets } from './inherited-sockets.ts'
import { startClients } from './paced-clients.ts'
import { SHARED_MACHINE } from './serving-gateway.ts'

export interface SocketRestartsOptions {
  readonly workers: number
  readonly perSecond: number
  readonly restarts: number
  /** Number of answers before, between and after restarts. */
  readonly between: number
}

/**
 * Restarts a gateway with inherited sockets under load, again and again, each time from SIGTERM to the exit of the process and
 * only then a new one. Half of the clients open a connection for each request. Checks that every request was answered 200 and
 * received once.
 *
 * @returns a line with what was measured
 */
export async function restartWithSockets(options: SocketRestartsOptions): Promise<string> {
  const { workers, perSecond, restarts, between } = options
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
  })
  node.listen(0, '127.0.0.1')
  await once(node, 'listening')
  const { port } = node.address() as AddressInfo
  const cwd = await mkdtemp(join(tmpdir(), 'waygate-sockets-'))
  await writeFile(join(cwd, 'nodes.yaml'), `services: { user: [127.0.0.1:${port}] }\n`)
  try {
    await using holder = await startWithSockets({
      cwd,
      names: ['public'],
      args: ['--workers', String(workers)],
      config: {
        ...SHARED_MACHINE,
        // Long enough for a busy machine, too: each client asks more than once meanwhile, and is told to close.
        drainMs: 3_000,
        routes: { defaults: { timeoutMs: 60_000 } },
        discovery: { registry: 'file', file: 'nodes.yaml' },
      },
    })
    const clients = startClients({ ports: [holder.ports.public!], path: '/user/', perSecond, fresh: 0.5 })
    await clients.more(between)
    for (let done = 0; done < restarts; done++) {
      await holder.restart()
      await clients.more(between)
    }
    const { gets, posts, answered, failures } = await clients.finish()
    assert.deepEqual([...failures], [], 'every request was answered 200')
    assert.equal(new Set(seen).size, seen.length, 'no POST was seen twice')
    assert.deepEqual(new Set(seen), new Set(answered), 'what was seen is what was answered')
    return `${gets + posts} requests through ${restarts} restart(s) of ${workers} process(es), 0 failed`
  } finally {
    node.close()
    node.closeAllConnections()
    await rm(cwd, { recursive: true, force: true })
  }
}
