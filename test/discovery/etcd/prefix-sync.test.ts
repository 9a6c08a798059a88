import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { PrefixSync } from '../../../discovery/etcd/prefix-sync.ts'
import { UnreachableError } from '../../../discovery/etcd/transport.ts'
import { FakeClock, settle } from './fake-clock.ts'
import { del, put, ScriptedStore } from './scripted-store.ts'
import { setUp, setUpFollowed } from './scripted-sync.ts'

test('reads everything, then watches from the next revision', async t => {
  const { store, said } = await setUp(t)
  assert.deepEqual(said(), ['all@7: a,b'])
  assert.equal(store.stream.startRevision, 8n)
  store.stream.created()
  assert.deepEqual(said(), ['on'])
})

test('reads every page at the revision of the first, regardless of writes in between', async t => {
  const store = new ScriptedStore()
  for (const key of ['a', 'b', 'c', 'd', 'e']) store.put(key)
  store.onRead = page => {
    if (page === 2) store.put('f')
  }
  let seen = ''
  const sync = new PrefixSync({
    transport: store,
    clock: new FakeClock(),
    timings: { pageSize: 2 },
    listener: {
      onSnapshot: state => {
        seen = `${state.revision}: ${[...state.table.keys()].join()}`
      },
      onChange() {},
      onConnected() {},
    },
  })
  t.after(() => sync.stop())
  sync.start()
  await settle()
  assert.equal(seen, '10: a,b,c,d,e')
  assert.deepEqual(
    store.reads.map(read => read.revision),
    [undefined, 10n, 10n],
  )
  assert.equal(store.stream.startRevision, 11n)
})

test('applies a batch at once, with each key once in its last state', async t => {
  const { store, sync, said } = await setUpFollowed(t)
  store.stream.events(put('c', 8n), put('c', 9n, 'newer'), del('a', 10n), put('d', 11n), del('d', 12n))
  assert.deepEqual(said(), ['@12 +c -a,d'])
  assert.deepEqual([...sync.state!.table.keys()], ['b', 'c'])
  assert.equal(sync.state!.table.get('c')?.value, 'newer')
})

test('an event at or below the revision was seen before', async t => {
  const { store, said } = await setUpFollowed(t)
  store.stream.events(put('a', 6n), del('b', 7n))
  assert.deepEqual(said(), [])
  store.stream.events(del('b', 7n), put('c', 8n))
  assert.deepEqual(said(), ['@8 +c -'])
})

test('the revision is that of the last event, never that of a header or a progress notification', async t => {
  const { store, clock, sync } = await setUpFollowed(t)
  store.revision = 100n
  store.stream.events(put('c', 8n))
  store.stream.send({ revision: 100n })
  assert.equal(sync.status().revision, '8')
  store.stream.end()
  await clock.advance(100)
  assert.equal(store.stream.startRevision, 9n)
})

test('events in fragments are applied together, when the last fragment has arrived', async t => {
  const { store, said } = await setUpFollowed(t)
  store.stream.send({ fragment: true, events: [put('c', 8n), put('d', 8n)] })
  store.stream.send({ fragment: true, events: [put('e', 8n)] })
  assert.deepEqual(said(), [])
  store.stream.send({ events: [put('f', 9n)] })
  assert.deepEqual(said(), ['@9 +c,d,e,f -'])
})

test('a stream that ends between fragments leaves nothing half applied, and is continued before them', async t => {
  const { store, clock, said } = await setUpFollowed(t)
  store.stream.send({ fragment: true, events: [put('c', 8n)] })
  store.stream.end('reset')
  await clock.advance(100)
  assert.deepEqual(said(), ['off: reset'])
  assert.equal(store.stream.startRevision, 8n)
  store.stream.created()
  store.stream.events(put('c', 8n), put('d', 8n))
  assert.deepEqual(said(), ['on', '@8 +c,d -'])
})

test('an outage removes nothing, and missed events arrive without another full read', async t => {
  const { store, clock, sync, said } = await setUpFollowed(t)
  store.stream.end('refused')
  for (let i = 0; i < 5; i++) {
    await clock.advance(3_000)
    store.stream.end('refused')
  }
  assert.deepEqual(said(), ['off: refused'], 'said once')
  assert.equal(sync.state!.table.size, 2)
  await clock.advance(3_000)
  store.stream.created()
  store.stream.events(put('c', 8n))
  assert.deepEqual(said(), ['on', '@8 +c -'])
  assert.equal(store.reads.length, 1)
})

test('a stream whose watch is never confirmed is given up with its connection', async t => {
  const { store, clock, said } = await setUp(t)
  said()
  await clock.advance(1_499)
  assert.equal(store.stream.closed, 'no')
  await clock.advance(1)
  assert.equal(store.streams[0]?.closed, 'broken')
  assert.deepEqual(said(), ['off: etcd does not answer'])
  await clock.advance(100)
  assert.equal(store.streams.length, 2)
})

test('a late message of a stream that was given up is ignored', async t => {
  const { store, clock, said } = await setUp(t)
  await clock.advance(1_500)
  said()
  store.streams[0]!.created()
  store.streams[0]!.events(put('x', 8n))
  store.streams[0]!.end()
  assert.deepEqual(said(), [])
})

test('events on a watch that was never created are not applied', async t => {
  const { store, said } = await setUp(t)
  said()
  store.stream.events(put('c', 8n))
  await settle()
  assert.equal(store.streams[0]?.closed, 'orderly')
  assert.match(said().join(), /^off: /)
})

test('after 500 ms of silence it asks for a sign of life, and an answer is enough', async t => {
  const { store, clock, sync, said } = await setUpFollowed(t)
  await clock.advance(499)
  assert.equal(store.stream.progressRequests, 0)
  assert.equal(sync.status().ageMs, 499)
  await clock.advance(1)
  assert.equal(store.stream.progressRequests, 1)
  await clock.advance(1_999)
  store.stream.send({})
  assert.equal(sync.status().ageMs, 0)
  await clock.advance(499)
  assert.equal(store.stream.progressRequests, 1)
  assert.equal(store.stream.closed, 'no')
  assert.deepEqual(said(), [])
})

test('without an answer in 2 s it gives up the connection', async t => {
  const { store, clock, said } = await setUpFollowed(t)
  await clock.advance(2_499)
  assert.equal(store.streams[0]?.closed, 'no')
  await clock.advance(1)
  assert.equal(store.streams[0]?.closed, 'broken')
  assert.deepEqual(said(), ['off: etcd is silent'])
})

/** A sync whose stream does not answer when it is asked for a sign of life, while reads are answered. */
async function setUpProxied(t: TestContext) {
  const scene = await setUpFollowed(t)
  scene.store.isProxied = true
  return scene
}

test('a stream that never answers is kept while reads show that it delivers, and is not asked again', async t => {
  const { store, clock, sync, said } = await setUpProxied(t)
  await clock.advance(2_500)
  assert.equal(store.stream.progressRequests, 1)
  await clock.advance(60_000)
  assert.deepEqual(said(), [])
  assert.equal(store.stream.progressRequests, 1)
  assert.equal(store.progressReads, 1 + 60_000 / 500)
  assert.equal(sync.status().ageMs, 0)
  store.stream.events({ ...store.put('c'), type: 'put' })
  assert.deepEqual(said(), ['@8 +c -'])
  await clock.advance(60_000)
  assert.deepEqual([store.streams.length, said()], [1, []])
})

test('changes of other prefixes do not make a stream that never answers look deaf', async t => {
  const { store, clock, said } = await setUpProxied(t)
  for (let i = 0; i < 20; i++) {
    store.revision += 1n
    await clock.advance(700)
  }
  assert.deepEqual([store.streams.length, said()], [1, []])
})

for (const [what, change] of [
  ['a new key', store => store.put('c')],
  ['a new value', store => store.put('a', 'newer')],
  ['a deletion', store => store.remove('a')],
  [
    'a deletion and a new key',
    store => {
      store.remove('a')
      store.put('c')
    },
  ],
] satisfies [string, (store: ScriptedStore) => unknown][]) {
  test(`a stream that never answers is given up when a read shows ${what} that it does not deliver`, async t => {
    const { store, clock, said } = await setUpProxied(t)
    await clock.advance(10_000)
    change(store)
    await clock.advance(500 + 1_500 - 1)
    assert.deepEqual(said(), [])
    await clock.advance(1)
    assert.deepEqual(said(), ['off: etcd is silent'])
    assert.equal(store.streams[0]?.closed, 'broken')
  })
}

test('a stream that never answers and delivers late, but in time, is kept', async t => {
  const { store, clock, said } = await setUpProxied(t)
  await clock.advance(10_000)
  const item = store.put('c')
  await clock.advance(1_900)
  store.stream.events({ ...item, type: 'put' })
  await clock.advance(10_000)
  assert.deepEqual([store.streams.length, said()], [1, ['@8 +c -']])
})

test('a store that stops answering reads is given up as soon as one that stops answering its stream', async t => {
  const { store, clock, said } = await setUpProxied(t)
  await clock.advance(10_000)
  store.isProxied = false
  await clock.advance(2_499)
  assert.deepEqual(said(), [])
  await clock.advance(1)
  assert.deepEqual(said(), ['off: etcd is silent'])
})

test('a stream that has answered once must go on, whatever another member answers to reads', async t => {
  const { store, clock, said } = await setUpProxied(t)
  await clock.advance(500)
  store.stream.send({})
  await clock.advance(2_499)
  assert.deepEqual(said(), [])
  await clock.advance(1)
  assert.deepEqual(said(), ['off: etcd is silent'])
  assert.equal(store.progressReads, 1, 'it is not even read')
})

test('a read that finds another cluster, or an older revision, causes a full read', async t => {
  for (const [reason, change] of [
    ['cluster-changed', store => Object.assign(store, { clusterId: 'c2' })],
    ['behind', store => Object.assign(store, { revision: 3n })],
  ] satisfies [string, (store: ScriptedStore) => unknown][]) {
    const { store, clock, sync } = await setUpProxied(t)
    await clock.advance(10_000)
    change(store)
    await clock.advance(2_000)
    assert.equal(sync.status().relists.get(reason), 1, reason)
  }
})

test('a compacted start causes a full read; any other cancel only a new watch', async t => {
  const { store, clock, sync, said } = await setUpFollowed(t)
  store.stream.send({ canceled: true, cancelReason: 'etcdserver: no leader' })
  await clock.advance(100)
  assert.deepEqual(said(), ['off: etcdserver: no leader'])
  assert.equal(store.reads.length, 1)
  store.stream.created()
  store.put('c')
  store.stream.send({ canceled: true, compactRevision: 8n })
  await clock.advance(100)
  assert.deepEqual(said(), ['on', 'off: the revision to resume from was compacted', 'all@8: a,b,c'])
  assert.equal(store.stream.startRevision, 9n)
  assert.equal(sync.status().relists.get('compacted'), 1)
})

for (const created of [true, false]) {
  const how = created ? 'in the message that creates it' : 'before it is created'
  test(`a watch whose start is compacted ${how} causes a full read, and none of its events is applied`, async t => {
    const { store, clock, sync, said } = await setUp(t)
    said()
    store.put('c')
    store.stream.send({ created, canceled: true, compactRevision: 8n, events: [put('x', 8n)] })
    await clock.advance(100)
    assert.deepEqual(said(), ['off: the revision to resume from was compacted', 'all@8: a,b,c'])
    assert.equal(store.stream.startRevision, 9n)
    assert.equal(sync.status().relists.get('compacted'), 1)
  })
}

test('another cluster id causes a full read, even when its revision is higher', async t => {
  const { store, clock, sync, said } = await setUpFollowed(t)
  store.stream.end('reset')
  store.clusterId = 'c2'
  store.keys.clear()
  store.revision = 50n
  store.put('z')
  await clock.advance(100)
  store.stream.created()
  await clock.advance(200)
  assert.deepEqual(said(), ['off: reset', 'all@51: z'])
  assert.equal(sync.status().relists.get('cluster-changed'), 1)
  assert.equal(store.stream.startRevision, 52n)
})

test('a watch that a proxy confirms without naming a cluster is kept; the next message must name the right one', async t => {
  const { store, clock, sync, said } = await setUp(t)
  store.stream.send({ created: true, clusterId: '0', revision: 8n })
  store.stream.events(put('c', 8n))
  assert.deepEqual(said(), ['all@7: a,b', 'on', '@8 +c -'])
  store.clusterId = 'c2'
  store.stream.events(put('d', 9n))
  await clock.advance(200)
  assert.equal(sync.status().relists.get('cluster-changed'), 1)
})

test('a store at an older revision than ours is read again', async t => {
  const { store, clock, sync, said } = await setUpFollowed(t)
  store.stream.end('reset')
  store.keys.clear()
  store.revision = 1n
  store.put('z')
  await clock.advance(100)
  store.stream.created()
  await clock.advance(300)
  assert.deepEqual(said(), ['off: reset', 'all@2: z'])
  assert.equal(sync.status().relists.get('behind'), 1)
})

test('a member that lags behind the others is followed, and is no store that has lost its data', async t => {
  const { store, clock, sync, said } = await setUpFollowed(t)
  store.stream.end('reset')
  await clock.advance(100)
  store.stream.send({ created: true, revision: store.revision - 1n })
  await settle()
  store.put('c')
  store.stream.events(put('c', store.revision))
  assert.deepEqual(said(), ['off: reset', 'on', '@8 +c -'])
  assert.equal(sync.status().relists.get('behind'), undefined)
})

test('a store that does not say whether it has lost its data is tried again', async t => {
  const { store, clock, said } = await setUpFollowed(t)
  store.stream.end('reset')
  await clock.advance(100)
  store.failure = new UnreachableError('down')
  store.stream.send({ created: true, revision: 1n })
  await clock.advance(300)
  assert.equal(store.streams.length, 3)
  store.failure = undefined
  store.stream.created()
  assert.deepEqual(said(), ['off: reset', 'on'])
})

test('a store that is back and refuses is reported once for each reason', async t => {
  const { store, clock, said } = await setUpFollowed(t)
  const refuse = (cancelReason: string) => store.stream.send({ created: true, canceled: true, cancelReason })
  for (const end of [
    () => store.stream.lose(),
    () => store.stream.lose(),
    () => refuse('permission denied'),
    () => refuse('permission denied'),
    () => store.stream.lose(),
    () => refuse('permission denied'),
    () => refuse('no token'),
  ]) {
    end()
    await clock.advance(1)
    const before = store.streams.length
    while (store.streams.length === before) await clock.advance(10)
  }
  store.stream.created()
  assert.deepEqual(said(), ['off: connection reset', 'off: permission denied', 'off: no token', 'on'])
})

test('an unreachable store at the start is reported once, and tried until it answers', async t => {
  const store = new ScriptedStore()
  store.failure = new Error('refused')
  store.put('a')
  const clock = new FakeClock()
  const log: string[] = []
  const sync = new PrefixSync({
    transport: store,
    clock,
    listener: {
      onSnapshot: state => log.push(`all@${state.revision}`),
      onChange() {},
      onConnected: (connected, reason) => log.push(`${connected} ${reason}`),
    },
  })
  t.after(() => sync.stop())
  sync.start()
  await clock.advance(30_000)
  assert.deepEqual(log, ['false refused'])
  assert.equal(sync.state, undefined)
  assert.deepEqual(sync.status(), {
    connected: false,
    revision: undefined,
    ageMs: undefined,
    relists: new Map(),
    drift: 0,
  })
  store.failure = undefined
  await clock.advance(3_000)
  store.stream.created()
  assert.deepEqual(log, ['false refused', 'all@6', 'true undefined'])
})

test('a cluster that changes between two pages is not mixed into one table', async t => {
  const store = new ScriptedStore()
  for (const key of ['a', 'b', 'c']) store.put(key)
  store.onRead = page => {
    if (page === 2) store.clusterId = 'c2'
  }
  const clock = new FakeClock()
  const log: string[] = []
  const sync = new PrefixSync({
    transport: store,
    clock,
    timings: { pageSize: 2 },
    listener: {
      onSnapshot: state => log.push(state.clusterId),
      onChange() {},
      onConnected: (_, reason) => log.push(String(reason)),
    },
  })
  t.after(() => sync.stop())
  sync.start()
  await clock.advance(1_000)
  assert.deepEqual(log, ['the endpoint changed to another cluster during the read', 'c2'])
})

const AUDITS = { auditMs: [60_000, 60_000], firstAuditMs: [1_000, 1_000], silenceMs: 1e9 } as const

test('an audit without differences confirms the table, and is repeated', async t => {
  const { store, clock, sync, said } = await setUpFollowed(t, { timings: AUDITS })
  store.revision = 40n
  await clock.advance(60_000)
  assert.equal(sync.status().ageMs, 0)
  await clock.advance(60_000)
  assert.deepEqual(
    store.reads.map(read => read.revision),
    [undefined, 7n, 7n],
    'at our own revision, so that what is still on its way is no difference',
  )
  assert.deepEqual(said(), [])
  assert.equal(sync.status().drift, 0)
})

test('an audit counts every difference as drift, and everything is read again without an outage', async t => {
  const { store, clock, sync, said } = await setUpFollowed(t, { timings: AUDITS })
  store.keys.delete('a')
  store.keys.set('b', { key: 'b', value: 'other', modRevision: 7n })
  store.keys.set('c', { key: 'c', value: 'v', modRevision: 6n })
  await clock.advance(60_000)
  assert.equal(sync.status().drift, 3)
  assert.deepEqual(said(), ['all@7: b,c'])
  assert.equal(sync.status().relists.get('drift'), 1)
  assert.equal(sync.status().connected, true)
})

test('events that arrive during an audit are not drift', async t => {
  const { store, clock, sync } = await setUpFollowed(t, { timings: { ...AUDITS, pageSize: 1 } })
  store.onRead = page => {
    if (page === 4) store.stream.events(put('a', 8n), put('z', 9n))
  }
  await clock.advance(60_000)
  assert.equal(sync.status().drift, 0)
  assert.equal(sync.status().revision, '9')
})

test('a store that lost its data and grew past our revision is noticed soon after the outage', async t => {
  const { store, clock, sync, said } = await setUpFollowed(t, { timings: AUDITS })
  store.stream.end('reset')
  store.keys.clear()
  store.revision = 1n
  for (const key of ['p', 'q', 'r', 's', 't', 'u', 'v']) store.put(key)
  await clock.advance(100)
  store.stream.created()
  assert.deepEqual(said(), ['off: reset', 'on'])
  await clock.advance(1_000)
  assert.deepEqual(said(), ['all@8: p,q,r,s,t,u,v'])
  assert.equal(sync.status().relists.get('replaced'), 1)
  assert.equal(sync.status().drift, 0, 'nothing that was followed was missed')
})

test('an audit whose revision is compacted reads everything again and counts only certain differences', async t => {
  const { store, clock, sync, said } = await setUpFollowed(t, { timings: AUDITS })
  store.put('c')
  store.keys.set('b', { key: 'b', value: 'other', modRevision: 6n })
  store.compacted = 8n
  await clock.advance(60_000)
  assert.deepEqual(said(), ['all@8: a,b,c'])
  assert.equal(sync.status().relists.get('audit'), 1)
  assert.equal(sync.status().drift, 1)
})

test('an audit that fails is repeated soon; a second failure is an outage', async t => {
  const { store, clock, said } = await setUpFollowed(t, { timings: AUDITS })
  store.failure = new Error('deadline exceeded')
  await clock.advance(60_000)
  assert.deepEqual(said(), [])
  await clock.advance(1_000)
  assert.deepEqual(said(), ['off: reading the prefix failed: deadline exceeded'])
  assert.equal(store.streams[0]?.closed, 'broken')
})

test('a listener that throws gets everything again', async t => {
  let broken = true
  const { store, clock, sync, said } = await setUpFollowed(t, {
    onChange: () => {
      if (broken) throw new Error('no')
    },
  })
  const event = put('c', 8n)
  store.keys.set('c', event)
  store.revision = 8n
  store.stream.events(event)
  broken = false
  await clock.advance(100)
  assert.deepEqual(said(), ['off: applying an event failed', 'all@8: a,b,c'])
  assert.equal(sync.status().relists.get('failed'), 1)
})

test('stop closes the stream and every timer, and no callback comes afterwards', async t => {
  const { store, clock, sync, said } = await setUpFollowed(t)
  await sync.stop()
  assert.equal(store.stream.closed, 'orderly')
  assert.equal(clock.pending, 0)
  store.stream.events(put('c', 8n))
  assert.deepEqual(said(), [])
})

test('stop during the wait for the next attempt resolves at once', async t => {
  const { store, clock, sync } = await setUpFollowed(t)
  store.stream.end()
  await settle()
  await sync.stop()
  assert.equal(clock.pending, 0)
})
