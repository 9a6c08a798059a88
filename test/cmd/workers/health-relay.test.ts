import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type HealthNews, LiveHealth } from '../../../cmd/gateway/live-health.ts'
import { HealthRelay } from '../../../cmd/workers/health-relay.ts'
import type { WorkerProcess } from '../../../cmd/workers/worker-process.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import type { HealthCheck } from '../../../internal/nodes/health.ts'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import { Names } from '../../../wrappers/names/names.ts'
import { noTls } from '../../support/node-tls.ts'
import { FakePeer, testNode } from '../../support/peer.ts'
import { answerName, startService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const CHECK: HealthCheck = {
  path: '/',
  host: undefined,
  statuses: undefined,
  intervalMs: 50,
  timeoutMs: 10_000,
  healthyAfter: 1,
  unhealthyAfter: 1,
}

test('the checks move to another worker when the one that runs them stops serving, or answers no longer', () => {
  const checks: string[] = []
  const [a, b, c] = ['a', 'b', 'c'].map(name => ({
    isLoaded: true,
    onHealth: () => {},
    sendHealth: () => {},
    check: (isWanted: boolean) => checks.push(isWanted ? name : `not ${name}`),
  })) as unknown as WorkerProcess[]
  const relay = new HealthRelay()
  relay.update([a!, b!, c!])
  relay.update([a!, b!, c!], [a!, b!, c!])
  assert.deepEqual(checks, ['a'])
  relay.update([a!, b!, c!], [b!, c!])
  assert.deepEqual(checks, ['a', 'not a', 'b'], 'a does not answer')
  relay.update([a!, b!, c!], [])
  assert.deepEqual(checks, ['a', 'not a', 'b'], 'no other does')
  relay.update([a!, c!], [a!, c!])
  assert.deepEqual(checks, ['a', 'not a', 'b', 'a'], 'b has ended')
})

test('a worker that gets the checks back tells the others what it finds', async t => {
  await using node = await startService('n')
  const [a, b, c] = [startWorker(t, node.port), startWorker(t, node.port), startWorker(t, node.port)]
  const relay = new HealthRelay()
  relay.update([a, b, c].map(each => each.process))
  await until('a has told of it', () => c.health() === 'healthy')
  relay.update(
    [a, b, c].map(each => each.process),
    [b.process, c.process],
  )
  node.handler = (_, response) => void response.writeHead(503).end()
  await until('b has told of it', () => a.health() === 'unhealthy' && c.health() === 'unhealthy')
  const { count } = node
  await until('b checks it again', () => node.count > count + 2)
  // b ends before it has seen that the node is there again.
  b.live.close()
  node.handler = answerName('n')
  let seen = -1
  const isQuiet = () => {
    const before = seen
    seen = node.count
    return seen === before
  }
  await until('nobody checks it, or a does', () => a.health() === 'healthy' || isQuiet(), { everyMs: 300 })
  relay.update([a.process, c.process])
  await until('a has told of it', () => c.health() === 'healthy')
})

/** Creates a worker with one node, whose messages arrive at once. */
function startWorker(t: TestContext, port: number) {
  const nodes = new NodeTable(each => new FakePeer(each))
  nodes.set('user', [testNode({ port })])
  nodes.loaded()
  const live = new LiveHealth({
    nodes,
    ruleOf: () => CHECK,
    fallback: () => undefined,
    names: new Names(),
    allows: () => true,
    tlsOf: noTls,
    logger: silentLogger,
  })
  t.after(() => live.close())
  const process = {
    isLoaded: true,
    onHealth: (_: HealthNews) => {},
    sendHealth: (news: HealthNews) => live.apply(news),
    check: (isWanted: boolean) => (isWanted ? live.startChecking() : live.close()),
  }
  live.onNews = news => process.onHealth(news)
  return {
    live,
    process: process as unknown as WorkerProcess,
    health: () => nodes.service('user')!.peers[0]!.health,
  }
}
