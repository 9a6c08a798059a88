import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, suite, test } from 'node:test'
import { Etcd3 } from 'etcd3'
import { type EmbeddedEtcd, startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'

suite('the etcd3 client works against the embedded etcd', () => {
  let server: EmbeddedEtcd
  let client: Etcd3

  before(async () => {
    server = await startEmbeddedEtcd({ port: 0 })
    client = new Etcd3({ hosts: server.url })
  })
  after(async () => {
    client.close()
    await server.close()
  })

  test('keys, prefixes and namespaces', async () => {
    const space = client.namespace('space/')
    await space.put('a').value('1')
    await space.put('b').value('2')
    await client.put('spare').value('3')
    assert.deepEqual(await space.getAll().strings(), { a: '1', b: '2' })
    assert.deepEqual(await client.getAll().prefix('space/').keys(), ['space/a', 'space/b'])
    assert.equal(await client.getAll().prefix('space/').count(), 2)
    await space.delete().all()
    assert.equal(await client.get('space/a').string(), null)
    assert.equal(await client.get('spare').string(), '3')
  })

  test('transactions', async () => {
    const create = (value: string) =>
      client
        .if('once', 'Create', '==', 0)
        .then(client.put('once').value(value))
        .else(client.get('once'))
        .commit()
    assert.equal((await create('first')).succeeded, true)
    assert.equal((await create('second')).succeeded, false)
    assert.equal(await client.get('once').string(), 'first')
  })

  test('a lease keeps its keys until it is revoked', async () => {
    const lease = client.lease(10)
    await lease.put('leased').value('x')
    await lease.keepaliveOnce()
    assert.equal(await client.get('leased').string(), 'x')
    await lease.revoke()
    assert.equal(await client.get('leased').string(), null)
  })

  test('a watcher receives puts and deletions', async () => {
    const watcher = await client.watch().prefix('watched/').create()
    const put = once(watcher, 'put')
    await client.put('watched/a').value('1')
    assert.equal((await put)[0].value.toString(), '1')
    const gone = once(watcher, 'delete')
    await client.delete().key('watched/a')
    assert.equal((await gone)[0].key.toString(), 'watched/a')
    await watcher.cancel()
  })

  test('a lock is held by one at a time', async () => {
    const order: string[] = []
    const first = client.lock('lock')
    await first.acquire()
    await assert.rejects(client.lock('lock').acquire(), /lock/i)
    order.push('released')
    await first.release()
    await client.lock('lock').do(() => order.push('second'))
    assert.deepEqual(order, ['released', 'second'])
  })

  test('an election has one leader, and the next when it resigns', async () => {
    const election = client.election('chair')
    const ada = election.campaign('ada')
    await once(ada, 'elected')
    assert.equal(await election.leader(), 'ada')
    const grace = election.campaign('grace')
    const elected = once(grace, 'elected')
    await ada.resign()
    await elected
    assert.equal(await election.leader(), 'grace')
    await grace.resign()
  })
})
