import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { HealthCheck, HealthVerdict } from '../../../internal/nodes/health.ts'
import type { Node } from '../../../internal/nodes/node.ts'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import { HealthChecker } from '../../../wrappers/health/health-checker.ts'
import { noTls } from '../../support/node-tls.ts'
import { FakePeer, testNode } from '../../support/peer.ts'
import { startService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const CHECK: HealthCheck = {
  path: '/',
  host: undefined,
  statuses: undefined,
  intervalMs: 100,
  timeoutMs: 10_000,
  healthyAfter: 1,
  unhealthyAfter: 1,
}

function setUp(t: TestContext) {
  const nodes = new NodeTable(node => new FakePeer(node))
  const verdicts: HealthVerdict[] = []
  const rule: { check: HealthCheck | undefined } = { check: CHECK }
  const checker = new HealthChecker({
    nodes,
    checkOf: () => rule.check,
    tlsOf: noTls,
    onVerdict: verdict => {
      verdicts.push(verdict)
      const peer = nodes.get(verdict.service)?.peers.find(({ node }) => node.id === verdict.id)
      if (peer) nodes.judge(peer, verdict.health)
    },
  })
  nodes.loaded()
  t.after(() => checker.stop())
  const set = (...list: readonly Node[]) => {
    nodes.set('user', list)
    checker.update('user')
  }
  return { checker, verdicts, rule, set }
}

test('nodes are checked repeatedly, and only changes are reported', async t => {
  await using node = await startService('n')
  const { checker, verdicts, set } = setUp(t)
  set(testNode({ port: node.port }))
  assert.equal(checker.size, 0, 'nothing before the start')
  checker.start()
  await until('it was checked', () => node.count >= 3)
  node.handler = (_, response) => void response.writeHead(503).end()
  await until('it was found out', () => verdicts.length === 2)
  const address = `127.0.0.1:${node.port}`
  const who = { service: 'user', id: 'n1', address, isHung: false }
  assert.deepEqual(verdicts, [
    { ...who, health: 'healthy', reason: 'status 200' },
    { ...who, health: 'unhealthy', reason: 'status 503' },
  ])
  assert.ok(checker.passed >= 3)
  assert.ok(checker.failed >= 1)
})

test('a removed node is no longer checked, nor is one that is draining or does not speak HTTP', async t => {
  await using node = await startService('n')
  const { checker, verdicts, set } = setUp(t)
  checker.start()
  const { port } = node
  set(testNode({ port }))
  await until('it was checked', () => verdicts.length === 1)
  set()
  assert.equal(checker.size, 0)
  const seen = node.count
  set(testNode({ id: 'drained', port, weight: 0 }), testNode({ id: 'other', port, protocol: 'grpc' }))
  assert.equal(checker.size, 0)
  // The checks of another node show that time has passed.
  await using witness = await startService('w')
  set(testNode({ id: 'witness', port: witness.port }))
  await until('others were checked', () => witness.count >= 3)
  assert.equal(node.count, seen)
})

test('a draining node is no longer judged by its last check', async t => {
  await using node = await startService('n', (_, response) => void response.writeHead(500).end())
  const { checker, verdicts, set } = setUp(t)
  checker.start()
  set(testNode({ port: node.port }))
  await until('it failed', () => verdicts.length === 1)
  set(testNode({ port: node.port, weight: 0 }))
  assert.equal(verdicts.at(-1)?.health, 'unchecked')
})

test('a new weight keeps the check; another address or rule starts a new one', async t => {
  await using first = await startService('first')
  await using second = await startService('second')
  const { checker, verdicts, rule, set } = setUp(t)
  checker.start()
  set(testNode({ port: first.port }))
  await until('it was checked', () => verdicts.length === 1)
  const { count } = first
  set(testNode({ port: first.port, weight: 9 }))
  await until('its checks go on', () => first.count > count)
  assert.equal(verdicts.length, 1)
  set(testNode({ port: second.port }))
  await until('the new address is checked', () => verdicts.length === 2)
  assert.equal(verdicts[1]?.address, `127.0.0.1:${second.port}`)
  rule.check = { ...CHECK, statuses: [201] }
  checker.updateAll()
  await until('the new rule holds', () => verdicts.at(-1)?.health === 'unhealthy')
  rule.check = undefined
  checker.updateAll()
  assert.deepEqual([verdicts.at(-1)?.health, checker.size], ['unchecked', 0])
})
