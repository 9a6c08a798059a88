import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { EtcdRegistry } from '../../../discovery/etcd/etcd-registry.ts'
import { requireEtcd, startEtcd } from '../../support/etcd.ts'
import { GATEWAY, startEtcdWithUsers } from '../../support/etcd-auth.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { Follower } from '../follow.ts'
import { storeAt } from '../store.ts'

const NODE = '{"ip":"10.0.0.7","port":3001}'
const DEAD = 'http://127.0.0.1:1'
/** The deadline of a call plus that of a watch after it. */
const HUNG_START_MS = 6_000

function follow(t: TestContext, endpoints: readonly string[], login = {}) {
  const registry = new EtcdRegistry({ endpoints, ...login })
  t.after(() => registry.close())
  const follower = new Follower(registry)
  t.after(() => follower.stop())
  return { registry, follower }
}

// Concurrently, because they mostly wait.
describe('several endpoints', { concurrency: 4 }, () => {
  test('two dead endpoints of three make no difference', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { follower, registry } = follow(t, [DEAD, etcd.url, 'http://127.0.0.1:2'])
    await follower.until('following', () => follower.connected(), 3_000)
    for (let i = 0; i < 20; i++) assert.equal(await registry.getService('user'), undefined)
  })

  test('one that accepts connections but does not answer costs a call its deadline once, and is then avoided', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await using hole = await startTcpProxy(etcd.port)
    hole.hold()
    const { follower, registry } = follow(t, [hole.url, etcd.url])
    await follower.until('following', () => follower.connected(), HUNG_START_MS)
    const outcomes = []
    for (let i = 0; i < 20; i++) {
      outcomes.push(await registry.getService('user').catch((error: Error) => error.message))
    }
    const failures = outcomes.filter(outcome => outcome !== undefined)
    assert.ok(failures.length <= 1, failures.join())
  })

  test('when one falls silent during a watch, another one is used, and changes are seen', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await using one = await startTcpProxy(etcd.port)
    await using other = await startTcpProxy(etcd.port)
    const { follower } = follow(t, [one.url, other.url])
    await follower.until('following', () => follower.connected())
    // Either of the two may serve the watch.
    for (const [silent, talking] of [
      [one, other],
      [other, one],
    ] as const) {
      const key = `/services/user/n${silent.port}`
      talking.mend()
      silent.hold()
      const store = storeAt(etcd.url)
      await store.put(key, NODE)
      store.close()
      await follower.until(
        'the change',
        () => follower.connected() && follower.nodes().includes(`user/n${silent.port}:1`),
        10_000,
      )
    }
  })

  test('with a user: the token is requested from an endpoint that answers', async t => {
    if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
    await using etcd = await startEtcdWithUsers()
    await using hole = await startTcpProxy(etcd.port)
    hole.hold()
    const { follower } = follow(t, [DEAD, hole.url, etcd.url], GATEWAY)
    await follower.until('following', () => follower.connected(), HUNG_START_MS + 2_000)
  })
})
