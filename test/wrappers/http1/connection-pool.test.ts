import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Names } from '../../../wrappers/names/names.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'
import { startPool } from './pool-scene.ts'

const ANSWER = answer('ok')

/** Starts a node that answers when the test says so, and a pool to it. */
async function startScene(t: TestContext, options: Parameters<typeof startPool>[2] = {}, host?: string) {
  const sockets = new Map<string, Socket>()
  const node = await startNode(t, (socket, request) => sockets.set(request.target, socket), host)
  const { pool, get } = startPool(t, node.port, options)
  return { node, pool, get, answerTo: (target: string, text = ANSWER) => sockets.get(target)!.write(text) }
}

test('concurrent requests have a connection each, and the most recently used one is used first', async t => {
  const { node, get, answerTo } = await startScene(t)
  const targets = ['/0', '/1', '/2']
  const exchanges = targets.map(target => get(target))
  await node.received(3)
  for (const index of [1, 2, 0]) {
    answerTo(targets[index]!)
    await exchanges[index]!.over
  }
  const next = targets.map(() => get('/next'))
  assert.deepEqual(
    next.map(each => exchanges.findIndex(({ connection }) => connection === each.connection)),
    [0, 2, 1],
  )
  assert.equal(node.connections, 3)
})

test('there are no more connections than allowed, and requests are served in order of arrival', async t => {
  const { node, get, answerTo } = await startScene(t, { maxConnections: 2 })
  const targets = Array.from({ length: 6 }, (_, i) => `/${i}`)
  const exchanges = targets.map(target => get(target))
  for (let i = 0; i < targets.length; i++) {
    await node.received(Math.min(i + 2, targets.length))
    // Of the two in flight, the one that came first.
    answerTo(targets[i]!)
    await exchanges[i]!.over
  }
  assert.deepEqual(
    node.requests.slice(2).map(each => each.target),
    targets.slice(2),
  )
  assert.deepEqual(
    node.requests
      .slice(0, 2)
      .map(each => each.target)
      .sort(),
    ['/0', '/1'],
  )
  assert.equal(node.connections, 2)
})

test('an exchange that no longer waits is skipped', async t => {
  const { node, pool, get, answerTo } = await startScene(t, { maxConnections: 1 })
  const exchanges = ['/0', '/1', '/2'].map(target => get(target))
  await node.received(1)
  pool.forget(exchanges[1]!)
  answerTo('/0')
  await node.received(2)
  answerTo('/2')
  await exchanges[2]!.over
  assert.deepEqual(
    node.requests.map(each => each.target),
    ['/0', '/2'],
  )
  assert.deepEqual(exchanges[1]!.calls, [])
})

test('a connection that was opened for an exchange that no longer waits serves the next one', async t => {
  const { node, pool, get, answerTo } = await startScene(t)
  const given = get('/given')
  pool.forget(given)
  const next = get('/next')
  await node.received(1)
  answerTo('/next')
  assert.equal(String(await next.over), 'ok')
  assert.deepEqual(given.calls, [])
})

test('a waiting exchange gets a new connection when the one that it waits for is lost', async t => {
  const { node, get, answerTo } = await startScene(t, { maxConnections: 1 })
  const [first, second] = [get('/0'), get('/1')]
  await node.received(1)
  for (const socket of node.open) socket.resetAndDestroy()
  await first!.over
  assert.equal(first!.failure!.kind, 'reset')
  await node.received(2)
  answerTo('/1')
  assert.equal(String(await second!.over), 'ok')
  assert.equal(node.connections, 2)
})

test('idle connections are closed when their idle time is over, and not earlier', async t => {
  const { node, pool, get, answerTo } = await startScene(t, { keepAliveMs: 600_000 })
  const exchanges = [get('/0'), get('/1')]
  await node.received(2)
  answerTo('/0')
  await exchanges[0]!.over
  answerTo('/1', answer('ok', ['Keep-Alive: timeout=300']))
  await exchanges[1]!.over
  const now = performance.now()
  assert.ok(pool.closeExpired(now + 250_000))
  assert.deepEqual(
    exchanges.map(each => each.connection!.isUsable(now + 250_000)),
    [true, true],
  )
  // A second before the node's own time is over.
  assert.ok(pool.closeExpired(now + 299_500))
  assert.deepEqual(
    exchanges.map(each => each.connection!.isUsable(now)),
    [true, false],
  )
  assert.ok(!pool.closeExpired(now + 601_000))
  await node.idle()
})

test('an idle connection is closed by the pool’s timer', async t => {
  const { node, get, answerTo } = await startScene(t, { keepAliveMs: 1 })
  const exchange = get('/')
  await node.received(1)
  answerTo('/')
  await exchange.over
  await node.idle()
})

test('a connection that the node closes while it is idle is forgotten', async t => {
  const { node, pool, get, answerTo } = await startScene(t)
  const exchange = get('/')
  await node.received(1)
  answerTo('/')
  await exchange.over
  assert.ok(pool.closeExpired(0))
  for (const socket of node.open) socket.end()
  while (pool.closeExpired(0)) await new Promise(setImmediate)
  assert.deepEqual(exchange.calls.at(-1), 'end')
})

test('a connection whose idle time is over is not used, although it is open', async t => {
  const { node, get, answerTo } = await startScene(t, { keepAliveMs: 1 })
  const first = get('/0')
  await node.received(1)
  answerTo('/0')
  await first.over
  while (first.connection!.isUsable(performance.now())) await new Promise(setImmediate)
  const second = get('/1')
  assert.equal(second.connection, undefined)
  await node.received(2)
  assert.notEqual(second.connection, first.connection)
})

test('a connection is closed at once when its node keeps it for a second or less', async t => {
  for (const line of ['Keep-Alive: timeout=1', 'Keep-Alive: timeout=0', 'Connection: close']) {
    const { node, pool, get, answerTo } = await startScene(t)
    const exchange = get('/')
    await node.received(1)
    answerTo('/', answer('ok', [line]))
    assert.equal(String(await exchange.over), 'ok')
    assert.ok(!pool.closeExpired(0), 'it is not among the idle connections')
    assert.ok(!exchange.connection!.isUsable(performance.now()), line)
    await node.idle()
  }
})

test('a pool that is closed ends idle connections, refuses new exchanges, and waits for present ones', async t => {
  const { node, pool, get, answerTo } = await startScene(t, { maxConnections: 2 })
  const exchanges = ['/0', '/1', '/2'].map(target => get(target))
  await node.received(2)
  let isClosed = false
  const closed = pool.close().then(() => {
    isClosed = true
  })
  const refused = get('/late')
  assert.equal(refused.failure!.kind, 'connect')
  answerTo('/0')
  await node.received(3)
  answerTo('/1')
  await exchanges[1]!.over
  assert.ok(!isClosed)
  answerTo('/2')
  await closed
  for (const exchange of exchanges) assert.equal(String(await exchange.over), 'ok')
  await node.idle()
  assert.equal(node.requests.length, 3)
})

test('a pool closes at once when all connections are idle or none was ever opened', async t => {
  const { node, pool, get, answerTo } = await startScene(t)
  const exchange = get('/')
  await node.received(1)
  answerTo('/')
  await exchange.over
  await pool.close()
  await node.idle()
  await startPool(t, node.port).pool.close()
})

test('a pool that is destroyed fails all exchanges, in flight or waiting', async t => {
  const { node, pool, get } = await startScene(t, { maxConnections: 2 })
  const exchanges = ['/0', '/1', '/2', '/3'].map(target => get(target))
  await node.received(2)
  await pool.destroy()
  assert.deepEqual(
    exchanges.map(each => each.failure!.kind),
    ['reset', 'reset', 'connect', 'connect'],
  )
  for (const { calls } of exchanges) assert.equal(calls.filter(each => each === 'failure').length, 1)
  await node.idle()
})

test('a pool can be destroyed while it connects', async t => {
  const { pool, get } = await startScene(t)
  const exchanges = [get('/0'), get('/1')]
  await pool.destroy()
  for (const { calls, failure } of exchanges)
    assert.deepEqual([calls, failure!.kind], [['failure'], 'connect'])
})

/** A pool to a node by its name, whose addresses the test sets, and which is looked up at each `turn()`. */
async function startNamedScene(t: TestContext, options: Parameters<typeof startPool>[2] = {}) {
  let addresses: readonly string[] | Error = ['127.0.0.1']
  let lookUps = 0
  const scene = await startScene(
    t,
    {
      host: 'localhost',
      names: new Names({
        minTtlMs: 0,
        async query() {
          lookUps++
          if (addresses instanceof Error) throw addresses
          return { addresses: [...addresses], ttlMs: 0 }
        },
      }),
      ...options,
    },
    // All addresses of the loopback network are this node's.
    '0.0.0.0',
  )
  return {
    ...scene,
    get lookUps() {
      return lookUps
    },
    resolveTo(...next: readonly string[] | [Error]) {
      addresses = next[0] instanceof Error ? next[0] : (next as readonly string[])
    },
    /** Lets the time of the next look-up come, and resolves when its answer was handled. */
    async turn() {
      const before = lookUps
      while (lookUps === before) {
        assert.ok(scene.pool.followName(performance.now() + 1_000))
        await new Promise(setImmediate)
      }
      // What was found is applied by the next round.
      scene.pool.followName(performance.now())
    },
  }
}

test('an idle connection is closed when the name of the node has moved to another address', async t => {
  const { node, get, answerTo, resolveTo, turn } = await startNamedScene(t)
  const first = get('/0')
  await node.received(1)
  answerTo('/0')
  await first.over
  await turn()
  assert.ok(first.connection!.isUsable(performance.now()), 'the name is where it was')
  resolveTo('127.0.0.2', '127.0.0.3')
  await turn()
  await node.idle()
  const second = get('/1')
  await node.received(2)
  answerTo('/1')
  assert.equal(String(await second.over), 'ok')
  assert.notEqual(second.connection, first.connection)
})

test('a busy connection finishes its answer after the name has moved, and carries no other request', async t => {
  const { node, get, answerTo, resolveTo, turn } = await startNamedScene(t, { maxConnections: 1 })
  const first = get('/0')
  const second = get('/1')
  await node.received(1)
  resolveTo('127.0.0.2')
  await turn()
  answerTo('/0')
  assert.equal(String(await first.over), 'ok')
  await node.received(2)
  assert.notEqual(second.connection, first.connection, 'although it waited for that connection')
  answerTo('/1')
  assert.equal(String(await second.over), 'ok')
})

test('a name that cannot be resolved, or has one more address, moves nothing', async t => {
  const scene = await startNamedScene(t)
  const { node, get, answerTo, resolveTo, turn } = scene
  const unknown = Object.assign(new Error('there is no such name'), { code: 'ENOTFOUND' })
  for (const next of [
    ['127.0.0.1'],
    [new Error('ESERVFAIL')],
    ['127.0.0.1'],
    [unknown],
    ['127.0.0.2', '127.0.0.1', '::1'],
  ] as const) {
    resolveTo(...(next as readonly string[]))
    if (node.connections > 0) await turn()
    const exchange = get('/')
    await node.received(node.requests.length + 1)
    answerTo('/')
    await exchange.over
  }
  assert.equal(node.connections, 1)
})

test('a name that moves back in time keeps its busy connections', async t => {
  const { node, get, answerTo, resolveTo, turn } = await startNamedScene(t)
  const first = get('/0')
  await node.received(1)
  resolveTo('127.0.0.2')
  await turn()
  resolveTo('127.0.0.1')
  await turn()
  answerTo('/0')
  await first.over
  const second = get('/1')
  assert.equal(second.connection, first.connection)
  await node.received(2)
})

test('a connection to a named node is not used beyond its longest age, one to an address is', async t => {
  for (const [host, connections] of [
    ['localhost', 2],
    ['127.0.0.1', 1],
  ] as const) {
    const { node, get, answerTo } = await startNamedScene(t, { host, maxConnectionAgeMs: 1 })
    for (const target of ['/0', '/1']) {
      const exchange = get(target)
      await until('it has arrived', () => node.requests.some(request => request.target === target))
      // The longest age has passed by now.
      await delay(2)
      answerTo(target)
      await exchange.over
    }
    assert.equal(node.connections, connections, host)
  }
})

test('a node with an address is never looked up', async t => {
  for (const options of [{ host: '127.0.0.1' }, { host: '::ffff:127.0.0.1' }]) {
    const scene = await startNamedScene(t, options)
    scene.get('/')
    await scene.node.received(1)
    assert.ok(!scene.pool.followName(performance.now() + 1e6))
    assert.equal(scene.lookUps, 0)
  }
})

test('a name is looked up by the pool’s timer while connections are busy, and not when there are none', async t => {
  const scene = await startNamedScene(t)
  const exchange = scene.get('/')
  await scene.node.received(1)
  scene.resolveTo('127.0.0.2')
  await until('it was looked up three times', () => scene.lookUps >= 3)
  scene.answerTo('/')
  await exchange.over
  await scene.node.idle()
  assert.ok(!scene.pool.followName(performance.now() + 1e6))
})
