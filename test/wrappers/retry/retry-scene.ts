import type { TestContext } from 'node:test'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import type { Route } from '../../../internal/routing/route.ts'
import { wrap } from '../../../internal/upstream.ts'
import { Deadlines } from '../../../middleware/request/deadlines.ts'
import { createBalance } from '../../../wrappers/balance/balance.ts'
import type { CircuitBreakerOptions } from '../../../wrappers/breaker/circuit-breaker-options.ts'
import { createFallback } from '../../../wrappers/fallback/fallback.ts'
import { findObjection } from '../../../wrappers/node/ejection.ts'
import { createCircuitBreaker, createDispatch } from '../../../wrappers/node/upstream-peer.ts'
import { createHedge } from '../../../wrappers/retry/hedge.ts'
import { createRetry } from '../../../wrappers/retry/retry.ts'
import { RetryBudgets } from '../../../wrappers/retry/retry-budget.ts'
import { createTryTimeout } from '../../../wrappers/retry/try-timeout.ts'
import { realPeer, startFront } from '../../support/front.ts'
import { send } from '../../support/http.ts'
import { answer, deadPort, type Script, startNode } from '../../support/node-server.ts'
import { testNode } from '../../support/peer.ts'

const dispatch = createDispatch()

/** Refuses connections, or answers by a script. */
export type Behaviour = 'dead' | Script

/** Starts a front with all wrappers, and the nodes of a service, which follow scripts and are picked in order. */
export async function startScene(
  t: TestContext,
  nodes: Readonly<Record<string, Behaviour>>,
  route: Partial<Route> = {},
  circuit: Partial<CircuitBreakerOptions> = {},
) {
  const started = await Promise.all(
    Object.entries(nodes).map(async ([key, behaviour]) => {
      const node = behaviour === 'dead' ? undefined : await startNode(t, behaviour)
      return { key, node, port: node?.port ?? (await deadPort()) }
    }),
  )
  const table: NodeTable = new NodeTable(node =>
    realPeer(t, node.port, {
      id: node.id,
      circuit,
      mayEject: (peer, evidence) => {
        const { peers } = table.get(peer.node.service)!
        return findObjection(peer, peers, evidence, { failureRatio: 1, ...circuit }) === undefined
      },
      failingOf: service => table.get(service)?.failing,
    }),
  )
  const services = Object.groupBy(started, ({ key }) => (key.includes('/') ? key.split('/')[0]! : 'user'))
  for (const [service, list = []] of Object.entries(services)) {
    table.set(
      service,
      list.map(({ key, port }) => testNode({ id: key.split('/').at(-1)!, service, port })),
    )
  }
  const budgets = new RetryBudgets()
  const upstream = wrap(dispatch, [
    createFallback({ totalBytes: 1_000_000, answerBytes: 100_000 }),
    createRetry({ budgets }),
    createHedge({ budgets }),
    createBalance(table),
    createCircuitBreaker(),
    createTryTimeout({ deadlines: new Deadlines() }),
  ])
  const front = await startFront(t, upstream, route)
  return {
    front,
    table,
    budgets,
    /** The servers by their names. */
    nodes: Object.fromEntries(started.flatMap(({ key, node }) => (node ? [[key, node]] : []))),
    seen: () => Object.fromEntries(started.map(({ key, node }) => [key, node?.requests.length ?? 0])),
    ask: (method = 'GET', body?: string) =>
      send(front.port, {
        method,
        ...(body !== undefined && { body, headers: { 'Content-Length': String(body.length) } }),
      }),
  }
}

export const ok: Script = async (socket, request) => {
  const body = await request.whole
  socket.write(answer(`ok ${body}`.trimEnd()))
}
export const resets: Script = socket => socket.resetAndDestroy()
export const fails: Script = socket => socket.write(answer('failed', [], '503 Busy'))
export const nonsense: Script = socket => socket.write('nonsense\r\n\r\n')
