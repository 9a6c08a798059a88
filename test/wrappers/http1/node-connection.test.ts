import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { answer, type Script, startNode } from '../../support/node-server.ts'
import { holdTimers } from './held-timer.ts'
import { startPool, type TestExchange } from './pool-scene.ts'

/** No other timer uses this time. */
const SILENCE_MS = 123_456

async function startScene(t: TestContext, script: Script, options: Parameters<typeof startPool>[2] = {}) {
  const node = await startNode(t, script)
  return { node, ...startPool(t, node.port, options) }
}

test('an exchange is called in order: connection, head, body, end', async t => {
  const { get } = await startScene(t, socket => socket.write(answer('hello')))
  for (let i = 0; i < 3; i++) {
    const exchange = get()
    assert.equal(String(await exchange.over), 'hello')
    assert.deepEqual(exchange.calls, ['connection', 'head', 'chunk', 'end'])
    assert.equal(exchange.head!.status, 200)
  }
})

test('an exchange hears of interim answers, but of no 100, and gets the trailers that may pass', async t => {
  const { get } = await startScene(t, socket =>
    socket.write(
      'HTTP/1.1 102 P\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\n\r\n' +
        'HTTP/1.1 200 OK\r\nConnection: x-hop\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Hop: 1\r\nVary: a\r\nX-Sum: 1\r\n\r\n',
    ),
  )
  // The second answer comes on the same connection.
  for (let i = 0; i < 2; i++) {
    const exchange = get()
    await exchange.over
    assert.deepEqual(exchange.calls, ['connection', 'interim 102', 'interim 103', 'head', 'end'])
    assert.deepEqual(exchange.trailers, ['X-Sum', '1'])
  }
})

test('bytes after an answer are ignored and close the connection', async t => {
  const { node, get } = await startScene(t, socket => socket.write(`${answer('ok')}${answer('smuggled')}`))
  for (let i = 1; i <= 3; i++) {
    const exchange = get()
    assert.equal(String(await exchange.over), 'ok')
    assert.ok(!exchange.connection!.isUsable(performance.now()))
    assert.equal(node.connections, i)
  }
  await node.idle()
})

test('bytes on an idle connection close it', async t => {
  const { node, get } = await startScene(t, socket => socket.write(answer('ok')))
  const exchange = get()
  await exchange.over
  for (const socket of node.open) socket.write(answer('smuggled'))
  await node.idle()
  assert.deepEqual(exchange.calls, ['connection', 'head', 'chunk', 'end'])
  const next = get()
  assert.notEqual(next.connection, exchange.connection)
  assert.equal(String(await next.over), 'ok')
})

/** Sends a request of which nothing was written when `act` is called with the node's end of its connection. */
async function getUnsent(t: TestContext, act: (socket: Socket) => void): Promise<TestExchange> {
  const { node, get } = await startScene(t, socket => socket.write(answer('ok')))
  await Promise.all([get().over, get().over])
  // Two requests of one turn, so that the next one is written at the end of its turn, in which the node acts.
  await Promise.all([get().over, get().over])
  await new Promise(resolve => setImmediate(resolve))
  for (const socket of node.open) act(socket)
  const exchange = get()
  await exchange.over
  await node.idle()
  assert.equal(node.requests.length, 4)
  return exchange
}

for (const [what, act] of [
  ['sends something', socket => socket.write(answer('smuggled'))],
  ['ends the connection', socket => socket.end()],
  ['resets the connection', socket => socket.resetAndDestroy()],
] as const satisfies [string, (socket: Socket) => void][]) {
  test(`a node that ${what} before it has the request has certainly not acted on it`, async t => {
    const { calls, failure } = await getUnsent(t, act)
    assert.deepEqual(calls, ['connection', 'failure'])
    assert.deepEqual([failure!.kind, failure!.staleConnection], ['refused', true])
  })
}

test('an answer without a length is whole when its connection ends', async t => {
  const { get } = await startScene(t, socket => socket.end('HTTP/1.1 200 OK\r\n\r\nbody'))
  const whole = get()
  assert.equal(String(await whole.over), 'body')
  assert.deepEqual(whole.calls, ['connection', 'head', 'chunk', 'end'])
})

test('an answer that breaks off is never whole', async t => {
  for (const beginning of [
    'HTTP/1.1 200 OK\r\n\r\nbody',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n',
  ]) {
    const { node, get } = await startScene(t, socket => socket.write(beginning))
    const exchange = get('/', name => {
      if (name === 'chunk') for (const socket of node.open) socket.resetAndDestroy()
    })
    await exchange.over
    assert.deepEqual(exchange.calls, ['connection', 'head', 'chunk', 'failure'])
    assert.equal(exchange.failure!.kind, 'reset')
  }
})

test('an exchange that is aborted gets one failure and no further calls', async t => {
  for (const when of ['head', 'chunk']) {
    const { node, get } = await startScene(t, socket =>
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n'),
    )
    const exchange = get('/', name => {
      if (name !== when) return
      exchange.connection!.abort(new UpstreamFailure('aborted'))
      exchange.connection!.abort(new UpstreamFailure('aborted'))
    })
    await exchange.over
    await node.idle()
    assert.deepEqual(exchange.calls, [
      'connection',
      'head',
      ...(when === 'chunk' ? ['chunk'] : []),
      'failure',
    ])
    assert.equal(exchange.failure!.kind, 'aborted')
  }
})

test('a waiting request is sent when the answer before it ends, and gets its own answer', async t => {
  const { node, get } = await startScene(t, (socket, request) => socket.write(answer(request.target)), {
    maxConnections: 1,
  })
  const exchanges = Array.from({ length: 50 }, (_, i) => get(`/${i}`))
  for (const [i, exchange] of exchanges.entries()) assert.equal(String(await exchange.over), `/${i}`)
  assert.equal(node.connections, 1)
})

test('each piece of a body restarts the timer of silence, which ends the exchange as a timeout', async t => {
  const timers = holdTimers(t, SILENCE_MS)
  const { node, get } = await startScene(
    t,
    socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1'),
    { bodyIdleTimeoutMs: SILENCE_MS },
  )
  let onChunk = () => {}
  const exchange = get('/', name => {
    if (name === 'chunk') onChunk()
  })
  const nextChunk = () =>
    new Promise<void>(resolve => {
      onChunk = resolve
    })
  await nextChunk()
  for (const byte of '234') {
    for (const socket of node.open) socket.write(byte)
    await nextChunk()
  }
  assert.deepEqual(
    timers.map(each => each.starts),
    [4],
  )
  timers[0]!.fire()
  assert.equal(String(await exchange.over), '1234')
  assert.equal(exchange.failure!.kind, 'timeout')
})

test('only silence within a body counts, not between answers or before a head', async t => {
  const timers = holdTimers(t, SILENCE_MS)
  const { node, get } = await startScene(
    t,
    (socket, request) => {
      if (request.target === '/first') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no')
    },
    { bodyIdleTimeoutMs: SILENCE_MS },
  )
  const write = (text: string) => {
    for (const socket of node.open) socket.write(text)
  }
  const first = get('/first', name => {
    if (name === 'chunk' && first.chunks.length === 1) write('k')
  })
  assert.equal(String(await first.over), 'ok')
  // All answers of the connection share one timer.
  const [timer] = timers
  timer!.fire()
  const second = get('/second')
  await node.received(2)
  timer!.fire()
  write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n')
  timer!.fire()
  write('Content-Length: 2\r\n\r\nok')
  assert.equal(String(await second.over), 'ok')
  assert.deepEqual([first.failure, second.failure, node.connections], [undefined, undefined, 1])
  assert.equal(timers.length, 1)
})

test('silence while the reader has paused does not count', async t => {
  const timers = holdTimers(t, SILENCE_MS)
  const { get } = await startScene(
    t,
    socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n1'),
    { bodyIdleTimeoutMs: SILENCE_MS },
  )
  const begun = Promise.withResolvers<void>()
  const exchange = get('/', name => {
    if (name !== 'chunk') return
    exchange.connection!.pause()
    begun.resolve()
  })
  await begun.promise
  const [timer] = timers
  timer!.fire()
  assert.deepEqual(exchange.calls, ['connection', 'head', 'chunk'])
  // From here on, silence counts again.
  exchange.connection!.resume()
  assert.equal(timer!.starts, 2)
  timer!.fire()
  await exchange.over
  assert.equal(exchange.failure!.kind, 'timeout')
})

test('a connection that one exchange has paused reads on for the next', async t => {
  const { get } = await startScene(t, socket => socket.write(answer('ok')), { maxConnections: 1 })
  for (let i = 0; i < 3; i++) {
    const exchange = get('/', name => {
      if (name === 'head') exchange.connection!.pause()
    })
    assert.equal(String(await exchange.over), 'ok')
  }
})
