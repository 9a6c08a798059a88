import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { createEtcdClient } from '../../../discovery/etcd/client.ts'
import { systemClock } from '../../../discovery/etcd/clock.ts'
import { EtcdRegistry, type EtcdRegistryOptions } from '../../../discovery/etcd/etcd-registry.ts'
import { Registrar } from '../../../discovery/etcd/registrar.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import { etcdctl, requireEtcd, startEtcd } from '../../support/etcd.ts'
import { deleteKey, listKeys } from '../../support/etcd-json.ts'
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

/** A registry that contains {@link U1}, and a follower that has seen it. Stop it before the store. */
async function followed(t: TestContext, url: string, options: Partial<EtcdRegistryOptions> = {}) {
  const registry = open(t, url, options)
  await registry.register(U1, TTL)
  const follower = new Follower(registry)
  await follower.until('it is there', () => follower.nodes().length === 1)
  return { registry, follower }
}

/** The end and the return of a key may come in one event, or before anybody checks. */
const isPutAgain = (follower: Follower, after: number) => () =>
  follower.events.slice(after).some(event => event.type === 'change' && event.puts.length > 0)

// Concurrently, because they mostly wait.
describe('a registration', { concurrency: 4 }, () => {
  test('is refused by a registry that is being closed or is closed', { timeout: 20_000 }, async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const registry = open(t, etcd.url)
    await registry.register(U1, TTL)
    const closed = registry.close()
    await assert.rejects(registry.register({ ...U1, id: 'u2' }, TTL), /the registry is closed/)
    await closed
    await assert.rejects(registry.register(U1, TTL), /the registry is closed/)
    assert.equal(await leases(etcd.url), 0)
  })

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

  test('accepts an update while the store is unreachable, and writes it when it is back', async t => {
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

  test('writes an update whose first put had no answer, when it reads its own older value in between', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const client = createEtcdClient({ endpoints: [etcd.url] })
    const txn = client.kv.txn.bind(client.kv)
    let failures = 0
    client.kv.txn = async request => {
      if (failures++ > 0) return txn(request)
      // A watch that begins again, or this event, is a reason to read the key.
      const lease = BigInt((await leaseOf(etcd.url))!).toString(16)
      await etcdctl(etcd.url, 'put', KEY, '--ignore-value', `--lease=${lease}`)
      throw new Error('no answer')
    }
    const registrar = new Registrar({ client, key: KEY, node: U1, ...TTL })
    t.after(async () => {
      await registrar.unregister()
      client.close()
    })
    await registrar.start()
    await registrar.update({ weight: 5 })
    assert.ok(failures > 1)
    const [node] = (await open(t, etcd.url).getService('user'))?.nodes ?? []
    assert.equal(node?.weight, 5)
  })

  /** A registrar of {@link U1} whose transactions go through `txn`, and the weight that etcd has. */
  async function withTxn(t: TestContext, url: string, { clock = systemClock, logger = silentLogger } = {}) {
    const client = createEtcdClient({ endpoints: [url] })
    const send = client.kv.txn.bind(client.kv)
    const registrar = new Registrar({ client, key: KEY, node: U1, ...TTL, clock, logger })
    t.after(async () => {
      await registrar.unregister()
      client.close()
    })
    await registrar.start()
    const weight = async () => (await open(t, url).getService('user'))?.nodes[0]?.weight
    return { client, registrar, send, weight }
  }

  test('keeps an update when etcd carries out an older one late, whose answer was given up', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { client, registrar, send, weight } = await withTxn(t, etcd.url)
    const older = Promise.withResolvers<() => Promise<unknown>>()
    client.kv.txn = request => {
      client.kv.txn = send
      older.resolve(() => send(request))
      return Promise.reject(new Error('no answer'))
    }
    const first = registrar.update({ weight: 3 })
    const arrive = await older.promise
    await registrar.update({ weight: 5 })
    await first
    await arrive()
    assert.equal(await weight(), 5)
    await registrar.update({ metadata: { a: 'b' } })
    assert.equal(await weight(), 5)
  })

  test('is not undone by its first put, when etcd carries that out late', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const client = createEtcdClient({ endpoints: [etcd.url] })
    const put = client.kv.put.bind(client.kv)
    let arrive: (() => Promise<unknown>) | undefined
    client.kv.put = request => {
      client.kv.put = put
      arrive = () => put(request)
      return Promise.reject(new Error('no answer'))
    }
    const registrar = new Registrar({ client, key: KEY, node: U1, ...TTL })
    t.after(async () => {
      await registrar.unregister()
      client.close()
    })
    await registrar.start()
    await registrar.update({ weight: 5 })
    await assert.rejects(arrive!(), /lease not found/)
    assert.equal((await open(t, etcd.url).getService('user'))?.nodes[0]?.weight, 5)
  })

  test('keeps the weight that an operator writes under its lease while an update is on its way', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { client, registrar, send, weight } = await withTxn(t, etcd.url)
    client.kv.txn = async request => {
      client.kv.txn = send
      await etcdctl(etcd.url, 'put', '--ignore-lease', KEY, written({ weight: 0 }))
      return send(request)
    }
    await registrar.update({ weight: 5, metadata: { a: 'b' } })
    assert.equal(await weight(), 0)
    assert.deepEqual(registrar.node.metadata, { a: 'b' })
  })

  test('keeps the weight that an operator writes under its last lease while its next one is on its way', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    let jumpedMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + jumpedMs }
    const { client, registrar, send, weight } = await withTxn(t, etcd.url, { clock })
    const lease = await leaseOf(etcd.url)
    client.kv.txn = async request => {
      client.kv.txn = send
      await etcdctl(etcd.url, 'put', '--ignore-lease', KEY, written({ weight: 3 }))
      return send(request)
    }
    jumpedMs = 7_000
    await until('it is under another lease', async () => (await leaseOf(etcd.url)) !== lease)
    assert.equal(await weight(), 3)
    assert.equal(registrar.node.weight, 3)
  })

  test('has its own weight again when an operator has deleted the key, even if an update comes before it is noticed', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { client, registrar, send, weight } = await withTxn(t, etcd.url)
    await etcdctl(etcd.url, 'put', '--ignore-lease', KEY, written({ weight: 3 }))
    await until('it is taken over', () => registrar.node.weight === 3)
    client.kv.txn = async request => {
      client.kv.txn = send
      await deleteKey(etcd.url, KEY)
      return send(request)
    }
    await registrar.update({ metadata: { a: 'b' } })
    assert.equal(await weight(), 1)
  })

  test('has its latest weight when the key is free again and etcd carries out an older put late', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { client, registrar, send, weight } = await withTxn(t, etcd.url)
    const { ID } = await client.leaseClient.leaseGrant({ TTL: 60 })
    await etcdctl(etcd.url, 'put', `--lease=${BigInt(ID).toString(16)}`, KEY, written({ weight: 9 }))
    let arrive: (() => Promise<unknown>) | undefined
    client.kv.txn = async request => {
      // A put that waits for a key that nobody has.
      if (arrive || request.compare?.[0]?.mod_revision !== '0') return send(request)
      arrive = () => send(request)
      throw new Error('no answer')
    }
    for (let weight = 2; !arrive && weight < 50; weight++) await registrar.update({ weight })
    await registrar.update({ weight: 50 })
    client.kv.txn = async request => {
      client.kv.txn = send
      await arrive!()
      return send(request)
    }
    await revoke(etcd.url, ID)
    await until('it has the key', async () => (await weight()) === 50)
  })

  test('leaves nothing behind when it ends before its key is under its next lease', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    let jumpedMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + jumpedMs }
    const { client, registrar, weight } = await withTxn(t, etcd.url, { clock })
    const putting = Promise.withResolvers<void>()
    client.kv.txn = () => {
      putting.resolve()
      return Promise.reject(new Error('no answer'))
    }
    // Here the lease is over. In etcd it has most of its time left, as after an outage of etcd, which then starts it anew.
    jumpedMs = 7_000
    await putting.promise
    await registrar.unregister()
    assert.equal(await weight(), undefined)
    assert.equal(await leases(etcd.url), 0)
  })

  test('is never missing when the put under its next lease has no answer', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    let jumpedMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + jumpedMs }
    const lines: string[] = []
    const info = (_: object, message: string) => void lines.push(message)
    const { client, send } = await withTxn(t, etcd.url, { clock, logger: { ...silentLogger, info } })
    const created = async () => (await client.kv.range({ key: Buffer.from(KEY) })).kvs[0]?.create_revision
    const before = [await created(), await leaseOf(etcd.url)]
    client.kv.txn = async request => {
      client.kv.txn = send
      await send(request)
      throw new Error('no answer')
    }
    jumpedMs = 7_000
    await until('it is registered again', () => lines.includes('registered again'))
    const after = [await created(), await leaseOf(etcd.url)]
    assert.equal(after[0], before[0])
    assert.notEqual(after[1], before[1])
  })

  // test/faults/registrar.ts checks the times that hold on quieter machines.
  test('is back at once when its process continues after it was stopped past the TTL', async t => {
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
    await deleteKey(etcd.url, KEY)
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
    await deleteKey(etcd.url, KEY)
    await until('it is back', async () => (await leaseOf(etcd.url)) === lease)
  })

  test('comes back when its key is deleted, even if it may not watch', async t => {
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
    await deleteKey(etcd.url, KEY)
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

  test('survives a kill -9 of the store without being removed for a moment', async t => {
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

  test('checks at once when its own process was stopped for longer than the TTL', async t => {
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
    await deleteKey(etcd.url, KEY)
    jumpedMs = 7_000
    await until('it is back', async () => (await leaseOf(etcd.url)) !== undefined)
  })

  test('recognises its own key by a lease from before a failed put', async t => {
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

  test('leaves its key to a process that registered it later, and takes it back when that process leaves', async t => {
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

  /** Logs of a registry, and the lease and the value of the key of {@link U1}. */
  async function edited(t: TestContext, url: string, input = { ...U1, weight: 10, metadata: { v: '1' } }) {
    const warnings: string[] = []
    const logger = { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) }
    const registry = open(t, url, { logger })
    const registration = await registry.register(input, TTL)
    const lease = await leaseOf(url)
    const value = async () => JSON.parse((await listKeys(url, KEY))[0]?.[1] ?? 'null')
    const untilHeld = (fact: (node: Record<string, unknown>) => boolean) =>
      until(
        'it is under its lease',
        async () => (await leaseOf(url)) === lease && fact((await value()) ?? {}),
      )
    return { registration, registry, warnings, lease, value, untilHeld }
  }
  const written = (more: object) => JSON.stringify({ id: 'u1', ip: U1.host, port: U1.port, ...more })
  const KEPT = 'key was put by somebody else; keeping its weight and metadata under the lease of this node'

  test('that etcdctl put has cut from its lease is back under it, with the weight that was put', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { registration, warnings, value, untilHeld } = await edited(t, etcd.url)
    await etcdctl(etcd.url, 'put', KEY, written({ weight: 3 }))
    await untilHeld(({ weight }) => weight === 3)
    assert.deepEqual((await value()).metadata, { v: '1' }, 'what was left out is as it was')
    assert.deepEqual(warnings, [KEPT])
    assert.equal(registration.node.weight, 3)
    await registration.unregister()
    assert.equal(await value(), null, 'and it goes with its lease')
  })

  test('keeps the weight of an operator over its own updates, also when it lost its lease, until the key is deleted', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { registration, registry, value } = await edited(t, etcd.url)
    const weight = async () => (await registry.getService('user'))?.nodes[0]?.weight
    await etcdctl(etcd.url, 'put', '--ignore-lease', KEY, written({ weight: 0, metadata: { v: '1' } }))
    await until('it is taken over', () => registration.node.weight === 0)
    await registration.update({ weight: 7, metadata: { v: '2' } })
    assert.deepEqual([(await value()).weight, (await value()).metadata], [0, { v: '2' }])
    await registration.update({ draining: true })
    await registration.update({ draining: false })
    assert.equal(await weight(), 0)
    await revoke(etcd.url, (await leaseOf(etcd.url))!)
    await until('it is registered again', async () => (await leaseOf(etcd.url)) !== undefined)
    assert.equal(await weight(), 0)
    await deleteKey(etcd.url, KEY)
    await until('its own weight is back', async () => (await weight()) === 7)
  })

  test('takes over metadata as well', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { value, untilHeld } = await edited(t, etcd.url)
    await etcdctl(etcd.url, 'put', KEY, written({ metadata: { v: '9', canary: 'yes' } }))
    await untilHeld(({ metadata }) => (metadata as { canary?: string })?.canary === 'yes')
    assert.equal((await value()).weight, 10)
  })

  for (const [what, garbage] of [
    ['no JSON', 'oops'],
    ['a weight that is none', written({ weight: 'heavy' })],
    ['nothing', ''],
    ['the id of another node', written({ id: 'u2' })],
  ] as const) {
    for (const option of [[], ['--ignore-lease']] as const) {
      test(`whose value was replaced by ${what} ${option.join()} is written again, under its lease`, async t => {
        if (!requireEtcd(t)) return
        await using etcd = await startEtcd()
        const { warnings, untilHeld } = await edited(t, etcd.url)
        await etcdctl(etcd.url, 'put', ...option, KEY, garbage)
        await untilHeld(({ weight }) => weight === 10)
        await until('it says so', () => warnings.length > 0)
        assert.deepEqual(warnings, ['value was replaced; put it back'])
      })
    }
  }

  test('leaves its key to a node at another address that an operator has put there', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { warnings, value } = await edited(t, etcd.url)
    await etcdctl(etcd.url, 'put', KEY, written({ ip: '10.9.9.9' }))
    await until('it says so', () => warnings.length > 0)
    assert.deepEqual(warnings, ['another process registered this node; leaving the key to it'])
    assert.equal((await value()).ip, '10.9.9.9')
    assert.equal(await leaseOf(etcd.url), '0')
  })

  test('leaves its key to another lease, and takes it back when that ends', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { registration, warnings, lease, untilHeld } = await edited(t, etcd.url)
    const store = storeAt(etcd.url)
    t.after(() => store.close())
    const { ID } = await store.client.leaseClient.leaseGrant({ TTL: 60 })
    const hex = BigInt(ID).toString(16)
    await etcdctl(etcd.url, 'put', `--lease=${hex}`, KEY, written({ weight: 4 }))
    await until('it says so', () => warnings.length > 0)
    await registration.update({ weight: 6 })
    assert.equal(await leaseOf(etcd.url), ID)
    await revoke(etcd.url, ID)
    await untilHeld(({ weight }) => weight === 6)
    assert.notEqual(lease, ID)
    assert.deepEqual(warnings, ['another process registered this node; leaving the key to it'])
  })

  test('that was cut from its lease while etcd could not be watched is taken back by the next check', async t => {
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
    await etcdctl(etcd.url, 'put', KEY, written({ weight: 5 }))
    await until('it is back', async () => (await leaseOf(etcd.url)) !== '0' && registrar.node.weight === 5)
  })

  test('of an old process that leaves does not remove a newer one with the same id', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const [old, young] = [open(t, etcd.url), open(t, etcd.url)]
    const first = await old.register(U1, TTL)
    await young.register({ ...U1, weight: 2 }, TTL)
    await first.unregister()
    assert.equal((await young.getService('user'))?.nodes[0]?.weight, 2)
  })
})
