import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Config } from '../../config/schema.ts'
import { startTestGateway } from '../support/gateway.ts'
import { UPSTREAM_HTTP2, UPSTREAM_TLS } from '../support/sessions.ts'
import { type CanaryNodeOptions, startCanaryNode } from './canary-node.ts'

/** What went wrong, once for each kind, with the bytes that led to it. */
export class Findings {
  readonly all = new Map<string, string>()

  add(what: string, bytes: string): void {
    if (!this.all.has(what)) this.all.set(what, bytes)
  }
}

/** The paths for which a client needs a token. All others are open. */
export const GUARDED = '/guarded/*'

/**
 * Starts a gateway in this process with a canary node behind it. Its timeouts are short.
 *
 * @returns the port of the gateway
 */
export async function startScene(
  t: Pick<TestContext, 'after'>,
  node: CanaryNodeOptions,
  findings: Findings,
  limits: Partial<Config['clientLimits']> = {},
): Promise<number> {
  const port = await startCanaryNode(t, node)
  const { port: gateway, log } = await startTestGateway(t, {
    nodes: { 'canary/n1': port },
    routes: {
      all: {
        path: '/*',
        service: 'canary',
        auth: 'none',
        retries: 0,
        timeoutMs: 1_500,
        breaker: { minimumRequests: 1_000_000 },
      },
      guarded: { path: GUARDED, service: 'canary', auth: 'jwt' },
    },
    withKey: true,
    config: { clientLimits: limits, upstream: UPSTREAM },
  })
  t.after(() => {
    for (const line of log)
      if ((line.level as number) >= 50) findings.add('an error in the log', JSON.stringify(line))
  })
  return gateway
}

const UPSTREAM: Config['upstream'] = {
  connectTimeoutMs: 5_000,
  bodyIdleTimeoutMs: 300,
  keepAliveMs: 4_000,
  maxConnectionAgeMs: 0,
  dns: { servers: null, minTtlMs: 1_000, maxTtlMs: 60_000 },
  connectionsPerNode: null,
  answerHeadBytes: 16_384,
  http2: UPSTREAM_HTTP2,
  tls: UPSTREAM_TLS,
}

/** The longest that a connection may stay open; every timeout of the scene is far below it. */
const HANG_MS = 60_000

/**
 * Writes pieces on a new connection, one in each turn of the event loop. Resolves with the received bytes once the
 * gateway has closed the connection, or once it is clear that it will not.
 */
export async function exchangePieces(
  port: number,
  pieces: readonly string[],
): Promise<{ readonly received: string; readonly isClosed: boolean }> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  let text = ''
  const timer = setTimeout(() => socket.destroy(new Error('hangs')), HANG_MS)
  let hangs = false
  const closed = new Promise<void>(resolve => {
    socket
      .on('data', piece => {
        text += piece.toString('latin1')
      })
      .on('error', error => {
        hangs = error.message === 'hangs'
      })
      .on('close', () => resolve())
  })
  for (const piece of pieces) {
    if (socket.destroyed) break
    socket.write(piece, 'latin1')
    await nextTurn()
  }
  await closed
  clearTimeout(timer)
  return { received: text, isClosed: !hangs }
}

/** Runs cases concurrently until `isOver` returns true. */
export async function runCases(
  isOver: (count: number) => boolean,
  run: () => Promise<void>,
): Promise<number> {
  let count = 0
  const work = async () => {
    while (!isOver(count)) {
      count++
      await run()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return count
}

const AT_ONCE = 64
