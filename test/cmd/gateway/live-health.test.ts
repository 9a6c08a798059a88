import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LiveHealth } from '../../../cmd/gateway/live-health.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import type { Health, HealthVerdict } from '../../../internal/nodes/health.ts'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import { Names } from '../../../wrappers/names/names.ts'
import { noTls } from '../../support/node-tls.ts'
import { FakePeer, testNode } from '../../support/peer.ts'

const NODES = 2_000

/** A service with many nodes, which are not really checked, and how often anything of one of them is read. */
function setUp() {
  let reads = 0
  const nodes = new NodeTable(
    node =>
      new Proxy(new FakePeer(node), {
        get(peer, name) {
          reads++
          return Reflect.get(peer, name)
        },
      }),
  )
  const all = Array.from({ length: NODES }, (_, i) => testNode({ id: `n${String(i).padStart(4, '0')}` }))
  nodes.set('user', all)
  nodes.loaded()
  const health = new LiveHealth({
    ...{ nodes, names: new Names(), tlsOf: noTls, logger: silentLogger },
    ...{ ruleOf: () => undefined, fallback: () => undefined, allows: () => true },
  })
  const peers = () => nodes.service('user')!.peers
  const verdicts = (state: Health): HealthVerdict[] =>
    peers().map(
      ({ node: { service, id }, address }) => ({ service, id, address, health: state }) as HealthVerdict,
    )
  const readsOf = (act: () => void) => {
    const before = reads
    act()
    return reads - before
  }
  return { nodes, all, health, peers, verdicts, readsOf }
}

test('verdicts of thousands of nodes at once take a time that grows with their number', () => {
  const { health, peers, verdicts, readsOf } = setUp()
  for (const state of ['healthy', 'unhealthy', 'healthy'] as const) {
    const given = verdicts(state)
    const reads = readsOf(() => health.apply({ verdicts: given, isAll: true }))
    assert.ok(reads < 50 * NODES, `${state}: ${reads} reads`)
    assert.ok(peers().every(peer => peer.health === state))
  }
  const reads = readsOf(() => health.apply({ verdicts: [], isAll: true }))
  assert.ok(reads < 50 * NODES, `none: ${reads} reads`)
  assert.ok(peers().every(peer => peer.health === 'unchecked'))
})

test('a change of a service with thousands of checked nodes forgets those that have left in such a time, too', t => {
  const { nodes, all, health, verdicts, readsOf } = setUp()
  t.after(() => health.close())
  health.startChecking()
  health.apply({ verdicts: verdicts('healthy'), isAll: true })
  const forgotten: unknown[] = []
  health.onNews = news => forgotten.push(...news.verdicts.map(({ id, health: state }) => [id, state]))
  const reads = readsOf(() => {
    nodes.set('user', all.slice(1))
    health.nodesChanged('user')
  })
  assert.deepEqual(forgotten[0], ['n0000', 'unchecked'])
  assert.ok(reads < 100 * NODES, `${reads} reads`)
})
