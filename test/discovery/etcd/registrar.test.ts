import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { createEtcdClient } from '../../../discovery/etcd/client.ts'
import { systemClock } from '../../../discovery/etcd/clock.ts'
import { EtcdRegistry, type EtcdRegistryOptions } from '../../../discovery/etcd/etcd-registry.ts'
import { Registrar } from '../../../discovery/etcd/registrar.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import { etcdctl, requireEtcd, startEtcd } from '../../support/etcd.ts'
import { startRegisteredProcess } from '../../support/registrar-faults.ts'
import { until } from '../../support/until.ts'
import { Follower } from '../follow.ts'
import { storeAt } from '../store.ts'

const U1 = { service: 'user', id: 'u1', host: '10.0.0.7', port: 3001 }
const KEY = '/services/user/u1'
const TTL = { ttlSeconds: 6 }

function open(t: TestContext, url: string, options: Partial<EtcdRegistryOptions> = {}): EtcdRegistry {
  const registry = new EtcdRegistry({ endpoints: [url], ...options })
  t.after(() => registry.close())
  return registry
}

async function leaseOf(url: string, key = KEY): Promise<string | undefined> {
  const store = storeAt(url)
  try {
    return (await store.client.kv.range({ key: Buffer.from(key) })).kvs[0]?.lease
  } finally {
    store.close()
  }
}

async function leases(url: string): Promise<number> {
  const store = storeAt(url)
  try {
    return (await store.client.leaseClient.leaseLeases()).leases.length
  } finally {
    store.close()
  }
}

async function revoke(url: string, lease: string): Promise<void> {
  const store = storeAt(url)
  await store.client.leaseClient.leaseRevoke({ ID: lease }).finally(() => store.close())
}

/** A registry with {@link U1} in it, and a follower that has seen it, to be stopped before the store is. */
async function followed(t: TestContext, url: string, options: Partial<EtcdRegistryOptions> = {}) {
  const registry = open(t, url, options)
  await registry.register(U1, TTL)
  const follower = new Follower(registry)
  await follower.until('it is there', () => follower.nodes().length === 1)
  return { registry, follower }
}

/** Its end and its return may come in one event, or before anyone looks. */
const isPutAgain = (follower: Follower, after: number) => () =>
  follower.events.slice(after).some(event => event.type === 'change' && event.puts.length > 0)

// Side by side, because they mostly wait.
describe('a registration', { concurrency: 4 }, () => {
  test('is under a lease that is renewed, and leaves nothing behind', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const store = storeAt(etcd.url)
    t.after(() => store.close())
    const registration = await open(t, etcd.url).register(U1, TTL)
    const ID = (await leaseOf(etcd.url))!
    const remaining = async () => Number((await store.client.leaseClient.leaseTimeToLive({ ID })).TTL)
    let least = 6
    await until('the lease was renewed', async () => {
      const now = await remaining()
      const isRenewed = now > least
      least = Math.min(least, now)
      return isRenewed
    })
    assert.equal(await leases(etcd.url), 1)
    await registration.unregister()
    assert.equal(await leases(etcd.url), 0)
    assert.equal((await store.list('/')).size, 0)
  })

  test('is updated under the same lease', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const registration = await open(t, etcd.url).register(U1, TTL)
    const lease = await leaseOf(etcd.url)
    await Promise.all([registration.update({ weight: 5 }), registration.update({ metadata: { a: 'b' } })])
    assert.equal(await leaseOf(etcd.url), lease)
    const [node] = (await open(t, etcd.url).getService('user'))?.nodes ?? []
    assert.deepEqual([node?.weight, node?.metadata], [5, { a: 'b' }])
    await assert.rejects(registration.update({ weight: -1 }), TypeError)
    assert.equal(registration.node.weight, 5)
  })

  test('drains to weight 0 under the same lease, and comes back with the weight it has then', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const registry = open(t, etcd.url)
    const registration = await registry.register({ ...U1, weight: 5 }, TTL)
    const lease = await leaseOf(etcd.url)
    const weight = async () => (await registry.getService('user'))?.nodes[0]?.weight
    await registration.update({ draining: true })
    assert.equal(await weight(), 0)
    assert.equal(registration.node.weight, 0)
    await registration.update({ draining: false })
    assert.equal(await weight(), 5)
    await registration.update({ draining: true, metadata: { a: 'b' } })
    await registration.update({ weight: 7 })
    assert.equal(await weight(), 0)
    await registration.update({ draining: false })
    assert.equal(await weight(), 7)
    assert.deepEqual(registration.node.metadata, { a: 'b' })
    assert.equal(await leaseOf(etcd.url), lease)
  })

  test('takes an update while the store is away, and writes it when it is back', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const registry = open(t, etcd.url)
    const registration = await registry.register(U1, TTL)
    await etcd.kill('SIGKILL')
    const updating = registration.update({ weight: 5 })
    await etcd.restart()
    await updating
    assert.equal((await registry.getService('user'))?.nodes[0]?.weight, 5)
  })

  // test/faults/registrar.ts holds the times that quieter machines keep.
  test('is back at once when its process goes on after it was stopped past the TTL', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await using process = await startRegisteredProcess(etcd, 6)
    const tookMs = await process.standStill()
    t.diagnostic(`took ${Math.round(tookMs)} ms`)
    assert.ok(tookMs < 3_000, `took ${tookMs} ms`)
  })

  test('comes back within a moment when its key is deleted by hand', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { follower } = await followed(t, etcd.url)
    const lease = await leaseOf(etcd.url)
    const before = follower.events.length
    await etcdctl(etcd.url, 'del', KEY)
    const begin = performance.now()
    await follower.until('it is back', isPutAgain(follower, before))
    const tookMs = performance.now() - begin
    t.diagnostic(`took ${Math.round(tookMs)} ms`)
    assert.ok(tookMs < 3_000, `took ${tookMs} ms`)
    assert.equal(await leaseOf(etcd.url), lease)
    await follower.stop()
  })

  test('comes back when its key is deleted right after an outage', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await open(t, etcd.url).register(U1, { ttlSeconds: 60 })
    const lease = await leaseOf(etcd.url)
    await etcd.restart()
    await etcdctl(etcd.url, 'del', KEY)
    await until('it is back', async () => (await leaseOf(etcd.url)) === lease)
  })

  test('comes back when its key is deleted although it may not watch', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const client = createEtcdClient({ endpoints: [etcd.url] })
    client.watchClient.watch = () => Promise.reject(new Error('no watch'))
    const registrar = new Registrar({ client, key: KEY, node: U1, ...TTL, checkMs: 200 })
    t.after(async () => {
      await registrar.unregister()
      client.close()
    })
    await registrar.start()
    await etcdctl(etcd.url, 'del', KEY)
    await until('it is back', async () => (await leaseOf(etcd.url)) !== undefined)
  })

  test('comes back when its lease is revoked from outside', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { follower } = await followed(t, etcd.url)
    const before = follower.events.length
    await revoke(etcd.url, (await leaseOf(etcd.url))!)
    const begin = performance.now()
    await follower.until('it is back', isPutAgain(follower, before))
    const tookMs = performance.now() - begin
    t.diagnostic(`took ${Math.round(tookMs)} ms`)
    assert.ok(tookMs < 6_000, `took ${tookMs} ms`)
    assert.equal(await leases(etcd.url), 1)
    await follower.stop()
  })

  test('comes back when the store loses everything', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await open(t, etcd.url).register(U1, TTL)
    await etcd.restart({ wipe: true })
    await until('it is back', async () => (await leaseOf(etcd.url)) !== undefined)
    assert.equal(await leases(etcd.url), 1)
  })

  test('outlives a kill -9 of the store without being away for a moment', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { registry, follower } = await followed(t, etcd.url)
    await etcd.restart()
    await follower.until(
      'the outage is over',
      () =>
        follower.events.some(event => event.type === 'status' && !event.connected) && follower.connected(),
    )
    const registration = await registry.register({ ...U1, weight: 2 }, TTL)
    await follower.until('and it goes on', () => follower.nodes().includes('user/u1:2'))
    const deletes = follower.events.flatMap(event => (event.type === 'change' ? event.deletes : []))
    assert.deepEqual(deletes, [])
    await registration.unregister()
    await follower.stop()
  })

  test('is queued while the store is not up yet', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await etcd.kill('SIGKILL')
    const registering = open(t, etcd.url).register(U1, TTL)
    let isRegistered = false
    void registering.then(() => {
      isRegistered = true
    })
    await etcd.restart()
    await registering
    assert.equal(isRegistered, true)
    assert.notEqual(await leaseOf(etcd.url), undefined)
  })

  test('that is queued can be aborted', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await etcd.kill('SIGKILL')
    const stop = new AbortController()
    const registry = open(t, etcd.url)
    const registering = registry.register(U1, { ...TTL, signal: stop.signal })
    setImmediate(() => stop.abort())
    await assert.rejects(registering, { name: 'AbortError' })
    await etcd.restart()
    await registry.register({ ...U1, id: 'u2' }, TTL)
    assert.equal(await leaseOf(etcd.url), undefined)
  })

  for (const [what, signal] of [
    ['gone', 'SIGKILL'],
    ['hanging', 'SIGSTOP'],
  ] as const) {
    test(`unregisters within 2 s when the store is ${what}`, async t => {
      if (!requireEtcd(t)) return
      await using etcd = await startEtcd()
      const registration = await open(t, etcd.url).register(U1, TTL)
      await etcd.kill(signal)
      const begin = performance.now()
      await registration.unregister()
      const took = performance.now() - begin
      assert.ok(took < 2_500, `took ${took} ms`)
    })
  }

  test('looks at once when its own process stood still for longer than the lease lives', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const client = createEtcdClient({ endpoints: [etcd.url] })
    let jumpedMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + jumpedMs }
    client.watchClient.watch = () => Promise.reject(new Error('no watch'))
    const registrar = new Registrar({ client, key: KEY, node: U1, ...TTL, clock, checkMs: 1e9 })
    t.after(async () => {
      await registrar.unregister()
      client.close()
    })
    await registrar.start()
    await etcdctl(etcd.url, 'del', KEY)
    jumpedMs = 7_000
    await until('it is back', async () => (await leaseOf(etcd.url)) !== undefined)
  })

  test('knows its own key by a lease from before a put that failed', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const client = createEtcdClient({ endpoints: [etcd.url] })
    const txn = client.kv.txn.bind(client.kv)
    let failures = 0
    client.kv.txn = request => (failures++ < 2 ? Promise.reject(new Error('no answer')) : txn(request))
    let jumpedMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + jumpedMs }
    const warnings: string[] = []
    const logger = {
      ...silentLogger,
      warn: (_details: object, message: string) => void warnings.push(message),
    }
    const registrar = new Registrar({ client, key: KEY, node: U1, ...TTL, clock, logger })
    t.after(async () => {
      await registrar.unregister()
      client.close()
    })
    await registrar.start()
    const lease = await leaseOf(etcd.url)
    jumpedMs = 7_000
    await until('it is under another lease', async () => (await leaseOf(etcd.url)) !== lease)
    assert.equal(failures, 3)
    assert.deepEqual(warnings, ['lease lost; registering again', 'registration failed; retrying'])
  })

  test('leaves its key to a process that registered it later, and takes it back when that one leaves', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const [old, young] = [open(t, etcd.url), open(t, etcd.url)]
    const first = await old.register({ ...U1, weight: 1 }, TTL)
    const second = await young.register({ ...U1, weight: 2 }, TTL)
    const lease = await leaseOf(etcd.url)
    await first.update({ weight: 0 })
    assert.equal(await leaseOf(etcd.url), lease, 'an update of the old one does not take it')
    assert.equal((await old.getService('user'))?.nodes[0]?.weight, 2)
    await second.unregister()
    await until('the first is back', async () => (await old.getService('user'))?.nodes[0]?.weight === 0)
    await first.unregister()
    assert.equal(await old.getService('user'), undefined)
  })

  test('of an old process that leaves does not take away the new one of the same id', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const [old, young] = [open(t, etcd.url), open(t, etcd.url)]
    const first = await old.register(U1, TTL)
    await young.register({ ...U1, weight: 2 }, TTL)
    await first.unregister()
    assert.equal((await young.getService('user'))?.nodes[0]?.weight, 2)
  })
})
