import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { openRaw, send } from '../../support/http.ts'
import { answer, type Script } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'
import { fails, ok, resets, startScene } from './retry-scene.ts'

const RETRY_ON = { retryOn: [502, 503, 504] }

test('a status in retryOn is retried on another node, for idempotent methods only', async t => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
    const { ask, seen } = await startScene(t, { a: fails, b: ok }, RETRY_ON)
    assert.equal((await ask(method)).status, 200, method)
    assert.deepEqual(seen(), { a: 1, b: 1 }, method)
  }
  for (const method of ['POST', 'PATCH', 'LOCK']) {
    const { ask, seen } = await startScene(t, { a: fails, b: ok }, RETRY_ON)
    assert.deepEqual([(await ask(method)).status, seen()], [503, { a: 1, b: 0 }], method)
  }
})

test('other statuses are passed on', async t => {
  const { ask, seen } = await startScene(
    t,
    { a: socket => socket.write(answer('odd', [], '500 Odd')), b: ok },
    RETRY_ON,
  )
  assert.equal((await ask()).text, 'odd')
  assert.deepEqual(seen(), { a: 1, b: 0 })
})

test('no node is tried twice, and the client gets the last answer', async t => {
  const says =
    (text: string): Script =>
    socket =>
      socket.write(answer(text, [`X-Node: ${text}`], '503 Busy'))
  const { ask, seen, front } = await startScene(t, { a: says('a'), b: says('b'), c: says('c') }, RETRY_ON)
  const got = await ask()
  assert.deepEqual([got.status, got.text, got.headers['x-node']], [503, 'c', 'c'])
  assert.deepEqual(seen(), { a: 1, b: 1, c: 1 })
  assert.equal(front.calls[0]!.peer!.node.id, 'c')
})

test('an answer of a node is never replaced by an error of the gateway', async t => {
  for (const other of ['dead', resets] as const) {
    const { ask, front } = await startScene(t, { a: fails, b: other }, RETRY_ON)
    const got = await ask()
    assert.deepEqual([got.status, got.text], [503, 'failed'])
    assert.equal(front.calls[0]!.peer!.node.id, 'a')
  }
})

test('an answer that was kept while another node was tried streams to its end, however long', async t => {
  const body = 'x'.repeat(300_000)
  const { ask, nodes } = await startScene(
    t,
    { a: socket => socket.write(answer(body, [], '503 Busy')), b: resets },
    RETRY_ON,
  )
  assert.equal((await ask()).text, body)
  assert.equal(nodes.b!.requests.length, 1)
})

test('an answer that breaks off while another node is tried is not given to the client', async t => {
  const isOver = Promise.withResolvers<void>()
  let first: Socket | undefined
  const { ask, table } = await startScene(
    t,
    {
      a: socket => {
        first = socket
        socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 10\r\n\r\nhalf')
      },
      b: async socket => {
        first!.destroy()
        await isOver.promise
        socket.destroy()
      },
    },
    RETRY_ON,
  )
  const asked = ask()
  await until('the end of the first is seen', () => table.get('user')!.peers[0]!.inFlight === 0 && first)
  isOver.resolve()
  const got = await asked
  assert.equal(got.text, 'WG_UPSTREAM_UNREACHABLE')
})

test('a better answer closes the connection of the kept one', async t => {
  const { ask, nodes } = await startScene(
    t,
    { a: socket => socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 10\r\n\r\nhalf'), b: ok },
    RETRY_ON,
  )
  assert.equal((await ask()).text, 'ok')
  await nodes.a!.idle()
})

test('a client that leaves while its kept answer waits for a better one leaves no request behind', async t => {
  const { front, nodes } = await startScene(
    t,
    {
      a: socket => socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 10\r\n\r\nhalf'),
      b: () => {},
    },
    RETRY_ON,
  )
  const client = await openRaw(front.port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  await nodes.b!.received(1)
  client.socket.destroy()
  await front.failed(1)
  assert.equal((front.failures[0] as UpstreamFailure).kind, 'aborted')
  await Promise.all([nodes.a!.idle(), nodes.b!.idle()])
})

test('a client that leaves in the middle of an answer that was kept until the time of the call was over frees its node', async t => {
  const { front, nodes } = await startScene(
    t,
    {
      a: socket => socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 10\r\n\r\nhalf'),
      b: () => {},
    },
    RETRY_ON,
  )
  const client = await openRaw(front.port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  await nodes.b!.received(1)
  front.calls[0]!.end(new UpstreamFailure('timeout'))
  await client.until('half')
  client.socket.destroy()
  await Promise.all([nodes.a!.idle(), nodes.b!.idle()])
})

test('a short body is kept and sent again whole, whether its length is declared or not; a long one is not', async t => {
  const readsAndFails: Script = async (socket, request) => {
    await request.whole
    socket.write(answer('failed', [], '503 Busy'))
  }
  const readsAndBreaks: Script = async (socket, request) => {
    await request.whole
    socket.resetAndDestroy()
  }
  const breaksAtOnce = resets
  const route = { ...RETRY_ON, retryBufferBytes: 100_000 }
  const body = Array.from({ length: 10_000 }, (_, i) => `${i % 10_000}`.padStart(10, '.')).join('')
  assert.equal(body.length, 100_000)
  const chunked = (port: number, body: string) =>
    send(port, { method: 'PUT', body, headers: { 'Transfer-Encoding': 'chunked' } })
  for (const first of [readsAndFails, readsAndBreaks, breaksAtOnce]) {
    const { ask } = await startScene(t, { a: first, b: ok }, route)
    assert.equal((await ask('PUT', body)).text, `ok ${body}`)
    const { front } = await startScene(t, { a: first, b: ok }, route)
    assert.equal((await chunked(front.port, body)).text, `ok ${body}`)
  }
  const long = await startScene(t, { a: readsAndFails, b: ok }, route)
  assert.equal((await long.ask('PUT', `${body}.`)).status, 503)
  assert.deepEqual(long.seen(), { a: 1, b: 0 })
  const longer = await startScene(t, { a: readsAndFails, b: ok }, route)
  assert.equal((await chunked(longer.front.port, `${body}.`)).status, 503)
  assert.deepEqual(longer.seen(), { a: 1, b: 0 })
  const posted = await startScene(t, { a: readsAndFails, b: ok }, route)
  assert.equal((await posted.ask('POST', 'x')).status, 503)
  assert.deepEqual(posted.seen(), { a: 1, b: 0 })
})

const busyFor = (value: string): Script => {
  let asked = 0
  return (socket, request) =>
    asked++ === 0
      ? socket.write(answer('busy', [`Retry-After: ${value}`], '503 Busy'))
      : ok(socket, request, 0)
}

test('a node that sent Retry-After is tried again when no other is left and the route sets retries', async t => {
  const { ask, seen } = await startScene(t, { a: busyFor('1'), b: 'dead' }, { ...RETRY_ON, retries: 2 })
  const begunAt = performance.now()
  assert.equal((await ask()).text, 'ok')
  assert.ok(performance.now() - begunAt >= 990, 'not earlier')
  assert.deepEqual(seen(), { a: 2, b: 0 })
})

test('Retry-After is ignored when another node is left, beyond the deadline, and without retries', async t => {
  const other = await startScene(t, { a: busyFor('1'), b: ok }, { ...RETRY_ON, retries: 3 })
  assert.equal((await other.ask()).text, 'ok')
  assert.deepEqual(other.seen(), { a: 1, b: 1 })
  for (const [value, route] of [
    ['1', { retries: 3, timeoutMs: 900 }],
    ['6', { retries: 3 }],
    ['Fri, 01 Jan 2100 00:00:00 GMT', { retries: 3 }],
    ['soon', { retries: 3 }],
    ['1', {}],
  ] as const) {
    const { ask, seen } = await startScene(t, { a: busyFor(value) }, { ...RETRY_ON, ...route })
    const got = await ask()
    assert.deepEqual([got.status, got.headers['retry-after']], [503, value])
    assert.deepEqual(seen(), { a: 1 }, value)
  }
})

test('a hedged call whose client has left does not wait for a node that asked to wait', async t => {
  const { front, nodes } = await startScene(
    t,
    {
      a: socket => socket.write('HTTP/1.1 503 Busy\r\nRetry-After: 10\r\nContent-Length: 10\r\n\r\nhalf'),
      b: () => {},
    },
    // The hedge finds no third node, which says more than that its try was given up.
    { ...RETRY_ON, retries: 3, timeoutMs: 60_000, hedge: { afterMs: 300 } },
  )
  const client = await openRaw(front.port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  await nodes.b!.received(1)
  await until('no third node is found', () => (front.calls[0]!.current?.forks?.length ?? 0) === 2)
  client.socket.destroy()
  await until('the call has failed', () => front.failures.length === 1, { withinMs: 5_000 })
  assert.equal((front.failures[0] as UpstreamFailure).kind, 'aborted')
  await Promise.all([nodes.a!.idle(), nodes.b!.idle()])
})

test('when all nodes answer 503, they receive at most 1.2 times what clients sent', async t => {
  for (const atOnce of [1, 50]) {
    const { ask, seen } = await startScene(t, { a: fails, b: fails, c: fails }, RETRY_ON)
    const clients = Array.from({ length: atOnce }, async () => {
      for (let i = 0; i < 200 / atOnce; i++) assert.equal((await ask()).text, 'failed')
    })
    await Promise.all(clients)
    const reached = Object.values(seen()).reduce((sum, count) => sum + count)
    assert.ok(reached > 200 && reached <= 240, `${reached} of 200 with ${atOnce} at once`)
  }
})

test('while one of two nodes answers 503, every client gets the answer of the other', async t => {
  const { ask, seen } = await startScene(t, { a: fails, b: ok }, RETRY_ON)
  for (let i = 0; i < 60; i++) assert.equal((await ask()).text, 'ok')
  assert.deepEqual(seen(), { a: 30, b: 60 })
})

test('when a node dies with half of all requests in flight, the other node answers each of them', async t => {
  const waiting: (() => void)[] = []
  const { ask, nodes, seen } = await startScene(t, {
    a: socket => void waiting.push(() => socket.resetAndDestroy()),
    b: ok,
  })
  const all = Array.from({ length: 200 }, () => ask())
  await nodes.a!.received(100)
  for (const end of waiting) end()
  for (const { text } of await Promise.all(all)) assert.equal(text, 'ok')
  assert.deepEqual(seen(), { a: 100, b: 200 })
})
