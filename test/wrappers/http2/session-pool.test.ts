import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { Names } from '../../../wrappers/names/names.ts'
import { freePort } from '../../support/free-port.ts'
import { type Http2NodeRequest, respondWith, startHttp2Node } from '../../support/http2-node.ts'
import { until } from '../../support/until.ts'
import { startSessionScene } from './session-scene.ts'

const answerWith = (text: string, { stream }: Http2NodeRequest) => {
  stream.respond({ ':status': 200 })
  stream.end(text)
}

test('each call gets the least busy connection that has room, and else a new one', async t => {
  const node = await startHttp2Node(t)
  const { peer, send } = startSessionScene(t, node.port, { streamsPerSession: 2 })
  const calls = Array.from({ length: 5 }, (_, i) => send({ target: `/${i}` }))
  await until('all have arrived', () => node.requests.length === 5)
  assert.equal(node.sessions.length, 3)
  assert.equal(peer.sessions, 3)
  const ofSession = (index: number) => node.requests.filter(({ session }) => session === index)
  assert.deepEqual([0, 1, 2].map(index => ofSession(index).length).sort(), [1, 2, 2])
  // The connection that has none left is the least busy one.
  const [session] = [0, 1, 2].filter(index => ofSession(index).length === 2)
  for (const request of ofSession(session!)) answerWith('done', request)
  await until('two are over', () => peer.inFlight === 3)
  send({ target: '/next' })
  await until('it has arrived', () => node.requests.length === 6)
  assert.equal(node.requests[5]!.session, session)
  for (const call of calls) call.cancel()
})

test('a node that allows fewer streams gets no more than it allows', async t => {
  const node = await startHttp2Node(t, undefined, { settings: { maxConcurrentStreams: 3 } })
  const { send } = startSessionScene(t, node.port)
  send()
  await until('its settings are known', () => node.requests.length === 1)
  for (let i = 1; i < 9; i++) send()
  await until('all have arrived', () => node.requests.length === 9)
  assert.equal(node.sessions.length, 3)
})

test('with a largest number of connections, calls wait in the order of their arrival', async t => {
  const node = await startHttp2Node(t)
  const { peer, send } = startSessionScene(t, node.port, { maxSessions: 1, streamsPerSession: 1 })
  const targets = ['/0', '/1', '/2', '/3']
  const calls = targets.map(target => send({ target }))
  for (let i = 0; i < targets.length; i++) {
    await until('the next has arrived', () => node.requests.length === i + 1)
    answerWith(`to ${i}`, node.requests[i]!)
    assert.equal(await calls[i]!.text, `to ${i}`)
  }
  assert.deepEqual(
    node.requests.map(({ headers }) => headers[':path']),
    targets,
  )
  assert.equal(node.sessions.length, 1)
  assert.equal(peer.inFlight, 0)
})

test('a call that is cancelled while it waits never reaches the node', async t => {
  const node = await startHttp2Node(t)
  const { peer, send } = startSessionScene(t, node.port, { maxSessions: 1, streamsPerSession: 1 })
  send()
  const [cancelled, last] = [send({ target: '/cancelled' }), send({ target: '/last' })]
  await until('the first has arrived', () => node.requests.length === 1)
  cancelled.cancel()
  assert.equal(await cancelled.result, 'aborted')
  assert.equal(peer.inFlight, 2)
  answerWith('first', node.requests[0]!)
  await until('the next has arrived', () => node.requests.length === 2)
  assert.equal(node.requests[1]!.headers[':path'], '/last')
  last.cancel()
})

test('all calls that wait for a connection fail with it, and so do those beyond the largest number', async t => {
  const { peer, send } = startSessionScene(t, await freePort(), { maxSessions: 1, streamsPerSession: 3 })
  const calls = Array.from({ length: 5 }, () => send())
  assert.deepEqual(await Promise.all(calls.map(each => each.result)), new Array(5).fill('connect'))
  assert.equal(peer.failures, 5)
  assert.equal(peer.inFlight, 0)
  assert.equal(peer.sessions, 0)
})

test('a connection attempt that takes too long fails its calls', async t => {
  // A listener whose backlog is full does not accept, and an address that is not routed answers nothing.
  const { send } = startSessionScene(t, 1, { connectTimeoutMs: 1, allows: () => true })
  assert.equal(await send().result, 'connect')
})

test('no connection is made to an address that is not allowed', async t => {
  const node = await startHttp2Node(t, respondWith('never'))
  const { send } = startSessionScene(t, node.port, { allows: () => false })
  assert.equal(await send().result, 'connect')
  assert.equal(node.sessions.length, 0)
})

test('an idle connection is closed after its time, with GOAWAY', async t => {
  const node = await startHttp2Node(t, respondWith('hello'))
  const { peer, send } = startSessionScene(t, node.port, { keepAliveMs: 1 })
  assert.equal(await send().text, 'hello')
  const goaway = once(node.sessions[0]!, 'goaway')
  assert.equal((await goaway)[0], 0)
  await until('it is closed', () => peer.sessions === 0)
  assert.equal(await send().text, 'hello')
  assert.equal(node.sessions.length, 2)
})

test('a node that was removed finishes its calls, and gets no further ones', async t => {
  const node = await startHttp2Node(t)
  const { peer, send } = startSessionScene(t, node.port)
  const last = send()
  await until('it has arrived', () => node.requests.length === 1)
  const closed = peer.transport.close()
  assert.equal(await send().result, 'connect')
  answerWith('whole', node.requests[0]!)
  assert.equal(await last.text, 'whole')
  await closed
  assert.equal(peer.sessions, 0)
})

test('connections to addresses that the name no longer has take no further calls', async t => {
  const node = await startHttp2Node(t)
  const addresses = ['127.0.0.1']
  const { counts, peer, send } = startSessionScene(t, node.port, {
    host: 'localhost',
    names: new Names({ query: async () => ({ addresses: [...addresses], ttlMs: 0 }), minTtlMs: 0 }),
  })
  const old = send()
  await until('it has arrived', () => node.requests.length === 1)
  addresses[0] = '127.0.0.9'
  await until('the old connection is retired', () => counts.retired.address === 1)
  addresses[0] = '127.0.0.1'
  send()
  await until('the next has arrived', () => node.requests.length === 2)
  assert.equal(node.requests[1]!.session, 1)
  answerWith('still whole', node.requests[0]!)
  assert.equal(await old.text, 'still whole')
  await until('the old connection is closed', () => peer.sessions === 1)
})

test('a connection to a named node takes no further calls when it has reached its longest age', async t => {
  const node = await startHttp2Node(t)
  const { counts, peer, send } = startSessionScene(t, node.port, {
    ...{ host: 'localhost', maxConnectionAgeMs: 1 },
    names: new Names({ query: async () => ({ addresses: ['127.0.0.1'], ttlMs: 60_000 }) }),
  })
  const call = send()
  await until('it has arrived', () => node.requests.length === 1)
  await until('the connection is retired', () => counts.retired.age === 1)
  answerWith('still whole', node.requests[0]!)
  assert.equal(await call.text, 'still whole')
  await until('the connection is closed', () => peer.sessions === 0)
})

test('a node that accepts connections and closes them at once costs each call one try', async t => {
  let connections = 0
  const server = createServer(socket => {
    connections++
    socket.destroy()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  const { peer, send } = startSessionScene(t, (server.address() as { port: number }).port)
  assert.equal(await send().result, 'reset')
  assert.equal(await send().result, 'reset')
  assert.equal(connections, 2)
  assert.equal(peer.inFlight, 0)
})

test('a call that was cancelled while its connection grew too old before it was made is not sent', async t => {
  const node = await startHttp2Node(t)
  const looking = Promise.withResolvers<void>()
  let lookUps = 0
  class SlowNames extends Names {
    override async addressesOf(name: string): Promise<readonly string[]> {
      if (++lookUps === 2) await looking.promise
      return super.addressesOf(name)
    }
  }
  const names = new SlowNames({ query: async () => ({ addresses: ['127.0.0.1'], ttlMs: 60_000 }) })
  const { counts, send } = startSessionScene(t, node.port, {
    ...{ host: 'node.test', names, streamsPerSession: 1, maxConnectionAgeMs: 300 },
  })
  const first = send({ target: '/first' })
  await until('the first has arrived', () => node.requests.length === 1)
  const second = send({ target: '/second' })
  await until('its connection is too old', () => counts.retired.age === 2)
  second.cancel()
  looking.resolve()
  assert.equal(await second.result, 'aborted')
  await until('the connection is made', () => node.sessions.length === 2)
  const third = send({ target: '/third' })
  await until('another call has arrived', () =>
    node.requests.some(({ headers }) => headers[':path'] === '/third'),
  )
  assert.deepEqual(
    node.requests.map(({ headers }) => headers[':path']),
    ['/first', '/third'],
  )
  first.cancel()
  third.cancel()
})
