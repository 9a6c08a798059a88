import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { openRaw, type RawConnection } from './raw-http.ts'
import { openRegistry } from './registry.ts'
import { startService } from './service.ts'
import { until } from './until.ts'
import { startGateway } from './waygate.ts'

export interface SlowClientsOptions {
  /** Numbers of clients that send their head too slowly, their body too slowly, and nothing after an answer. */
  readonly heads: number
  readonly bodies: number
  readonly idle: number
  /** Default: the defaults of the gateway. */
  readonly limits?: {
    readonly headersTimeoutMs: number
    readonly bodyIdleTimeoutMs: number
    readonly keepAliveTimeoutMs: number
  }
}

export interface SlowClientsReport {
  /** Time until the last client of each kind was disconnected. */
  readonly headsMs: number
  readonly bodiesMs: number
  readonly idleMs: number
  /** Requests of other clients in that time, all answered, and the longest time of one. */
  readonly answered: number
  readonly slowestMs: number
  /** File descriptors of the process before and after; undefined where the system does not show them. */
  readonly descriptors: readonly [before: number, after: number] | undefined
}

const HEAD = 'GET /user/x HTTP/1.1\r\nHost: h\r\n'
/** A body that never ends. The route's timeout is longer than the test, so the listener must end the request. */
const BODY = 'PUT /slow/x HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\nhalf'

/**
 * Opens slow clients of all kinds at once. Checks that every one of them is disconnected, that other clients are always
 * answered, and that the gateway then has as many file descriptors as before.
 */
export async function runSlowClients(options: SlowClientsOptions): Promise<SlowClientsReport> {
  await using service = await startService('user', (request, response) => {
    request.resume()
    request.once('end', () => response.end('user'))
  })
  await using gateway = await startGateway({ config: { clientLimits: options.limits ?? {} } })
  using registry = openRegistry(gateway.etcd)
  await registry.putNode('user', 'n1', service)
  await registry.putRoute('slow', { path: '/slow/*', service: 'user', timeoutMs: 300_000 })
  await registry.putRoute('user', { path: '/user/*', service: 'user' })
  await gateway.untilNodes('user', ['n1'])
  const ask = async () => {
    const response = await fetch(`${gateway.url}/user/x`, { headers: { connection: 'close' } })
    assert.deepEqual([response.status, await response.text()], [200, 'user'])
  }
  await until('the routes are there', async () => (await ask()) ?? true)
  const before = await countDescriptors(gateway.pid)

  const connections: RawConnection[] = []
  const startedAt = performance.now()
  const open = async (count: number, text: string) => {
    const opened = await Promise.all(Array.from({ length: count }, () => openRaw(gateway.port)))
    for (const each of opened) each.write(text)
    connections.push(...opened)
    return Promise.all(opened.map(({ ended }) => ended)).then(() => performance.now() - startedAt)
  }
  try {
    const groups = Promise.all([
      open(options.heads, `${HEAD}X-Slow`),
      open(options.bodies, BODY),
      open(options.idle, `${HEAD}\r\n`),
    ])
    let isOver = false
    const over = groups.finally(() => {
      isOver = true
    })
    let answered = 0
    let slowestMs = 0
    while (!isOver) {
      const begun = performance.now()
      await ask()
      slowestMs = Math.max(slowestMs, performance.now() - begun)
      answered++
      await Promise.race([over, new Promise(done => setTimeout(done, 20))])
    }
    const [headsMs, bodiesMs, idleMs] = await over
    for (const each of connections) each[Symbol.dispose]()
    const after =
      before === undefined
        ? undefined
        : await until('the descriptors are those of before', async () => {
            const count = (await countDescriptors(gateway.pid))!
            // Connections to the node may be kept for the next requests.
            return count <= before + 2 ? count : undefined
          })
    assert.ok(answered > 0)
    assert.equal(gateway.stderr(), '')
    const descriptors = before === undefined ? undefined : ([before, after!] as const)
    return { headsMs, bodiesMs, idleMs, answered, slowestMs, descriptors }
  } finally {
    for (const each of connections) each[Symbol.dispose]()
  }
}

export function describeReport(report: SlowClientsReport): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  return (
    `let go after ${seconds(report.headsMs)} (heads), ${seconds(report.bodiesMs)} (bodies), ${seconds(report.idleMs)} (idle); ` +
    `${report.answered} others answered, the slowest in ${seconds(report.slowestMs)}; descriptors ${report.descriptors}`
  )
}

async function countDescriptors(pid: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined
  return (await readdir(`/proc/${pid}/fd`)).length
}
