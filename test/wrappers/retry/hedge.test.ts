import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import type { Peer } from '../../../internal/nodes/peer.ts'
import type { UpstreamResponse } from '../../../internal/upstream.ts'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { Http1Response } from '../../../routes/public/http1/response.ts'
import { createHedge, RecentTimes } from '../../../wrappers/retry/hedge.ts'
import { KeptBody } from '../../../wrappers/retry/kept-body.ts'
import { FakeBody } from '../../support/bodies.ts'
import { openRaw } from '../../support/http.ts'
import { answer, type Script } from '../../support/node-server.ts'
import { testRequest, testRoute } from '../../support/route.ts'
import { fails, ok, resets, startScene } from './retry-scene.ts'

const silent: Script = () => {}
const AT_ONCE = { hedge: { afterMs: 0 } } as const

test('when the first node is slow, a second one answers, and the first try does not count', async t => {
  const { ask, seen, nodes, table, front } = await startScene(t, { a: silent, b: ok }, AT_ONCE)
  assert.equal((await ask()).text, 'ok')
  await nodes.a!.idle()
  assert.deepEqual(seen(), { a: 1, b: 1 })
  assert.deepEqual(
    table.get('user')!.peers.map(({ failures, inFlight }) => [failures, inFlight]),
    [
      [0, 0],
      [0, 0],
    ],
  )
  const [call] = front.calls
  assert.deepEqual([call!.peer!.node.id, call!.attempts], ['b', 2])
})

test('only GET is hedged, only on routes with hedging, and only until the first node has answered', async t => {
  for (const [method, route] of [
    ['PUT', AT_ONCE],
    ['POST', AT_ONCE],
    ['GET', {}],
    ['GET', { hedge: { afterMs: 60_000 } }],
    ['GET', { hedge: { afterMs: undefined } }],
  ] as const) {
    const { ask, seen } = await startScene(t, { a: ok, b: ok }, route)
    assert.equal((await ask(method)).text, 'ok')
    assert.deepEqual(seen(), { a: 1, b: 0 })
  }
})

test('a call is sent to a second node only with a body that is kept', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const route = testRoute({ hedge: { afterMs: 1 } })
  const rpc = { method: 'a.B/C', isIdempotent: true, isStreaming: false } as const
  const given = new FakeBody()
  for (const [body, tries] of [
    [given, 1],
    [new KeptBody(given, 10, { bytes: 0, maxBytes: 10 }), 2],
  ] as const) {
    let sent = 0
    const upstream = createHedge()((_, call) => {
      sent++
      call.peer = { inFlight: 0 } as Peer
      return Promise.withResolvers<UpstreamResponse>().promise
    })
    void upstream(testRequest({ route, rpc, body }), new Call('id', 'POST', '/', 0))
    t.mock.timers.tick(1)
    assert.equal(sent, tries)
  }
})

test('of two tries that failed, the one that was given up says least', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const fail: ((failure: UpstreamFailure) => void)[] = []
  const upstream = createHedge()((_, call) => {
    call.peer = { inFlight: 0 } as Peer
    const { promise, reject } = Promise.withResolvers<UpstreamResponse>()
    fail.push(reject)
    return promise
  })
  const route = testRoute({ hedge: { afterMs: 1 } })
  const answer = upstream(testRequest({ route }), new Call('id', 'GET', '/', 0))
  t.mock.timers.tick(1)
  fail[1]!(new UpstreamFailure('reset'))
  fail[0]!(new UpstreamFailure('aborted'))
  await assert.rejects(answer, { kind: 'reset' })
})

test('a failure or an unwanted status does not win against a good answer that comes later', async t => {
  for (const fast of [resets, fails]) {
    let release = () => {}
    const { ask, nodes } = await startScene(
      t,
      {
        a: (socket, request) => {
          release = () => void ok(socket, request, 0)
        },
        b: (socket, request) => {
          fast(socket, request, 0)
          setImmediate(() => setTimeout(release, 20))
        },
      },
      { ...AT_ONCE, retryOn: [503], retries: 0 },
    )
    assert.equal((await ask()).text, 'ok')
    assert.equal(nodes.b!.requests.length, 1)
  }
})

test('when both tries fail, neither node is tried again', async t => {
  const { ask, seen } = await startScene(
    t,
    { a: socket => setTimeout(() => socket.resetAndDestroy(), 20), b: resets, c: ok },
    AT_ONCE,
  )
  assert.equal((await ask()).text, 'ok')
  assert.deepEqual(seen(), { a: 1, b: 1, c: 1 })
})

test('without another node, the first one answers', async t => {
  const { ask, front } = await startScene(
    t,
    { a: (socket, request) => setTimeout(() => void ok(socket, request, 0), 20) },
    AT_ONCE,
  )
  assert.equal((await ask()).text, 'ok')
  assert.equal(front.calls[0]!.attempts, 1)
})

test('a client that leaves ends both tries', async t => {
  const { front, nodes } = await startScene(t, { a: silent, b: silent }, AT_ONCE)
  const client = await openRaw(front.port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  await Promise.all([nodes.a!.received(1), nodes.b!.received(1)])
  client.socket.destroy()
  await Promise.all([nodes.a!.idle(), nodes.b!.idle()])
  await front.failed(1)
})

test('a client that leaves in the middle of the winner’s body ends that body', async t => {
  const { front, nodes } = await startScene(
    t,
    { a: silent, b: socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf') },
    AT_ONCE,
  )
  const client = await openRaw(front.port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  await client.until('half')
  client.socket.destroy()
  await nodes.b!.idle()
})

test('second tries are at most a fifth of the requests', async t => {
  const slowly: Script = (socket, request) => setTimeout(() => void ok(socket, request, 0), 5)
  const { ask, seen } = await startScene(t, { a: slowly, b: slowly }, AT_ONCE)
  for (let i = 0; i < 100; i++) assert.equal((await ask()).text, 'ok')
  const { a, b } = seen()
  assert.ok(a! + b! > 100 && a! + b! <= 120, `${a} and ${b}`)
})

test('without afterMs, the second try follows after the 95th percentile of recent times', async t => {
  let isSlow = false
  const { ask, seen } = await startScene(
    t,
    { a: (socket, request) => (isSlow ? undefined : ok(socket, request, 0)), b: ok },
    { hedge: { afterMs: undefined } },
  )
  for (let i = 0; i < 20; i++) await ask()
  assert.deepEqual(seen(), { a: 10, b: 10 })
  isSlow = true
  assert.equal((await ask()).text, 'ok')
  assert.deepEqual(seen(), { a: 11, b: 11 })
})

test('the percentile covers the last times, and is undefined with few of them', () => {
  const times = new RecentTimes()
  for (let i = 1; i <= 19; i++) times.add(i)
  assert.equal(times.p95, undefined)
  for (let i = 20; i <= 100; i++) times.add(i)
  assert.equal(times.p95, 95)
  for (let i = 0; i < 256; i++) times.add(7)
  assert.equal(times.p95, 7)
})

test('an unwanted status is passed on when the second try could not connect', async t => {
  const { ask } = await startScene(
    t,
    { a: socket => setTimeout(() => socket.write(answer('busy', [], '503 Busy')), 30), b: 'dead' },
    { ...AT_ONCE, retryOn: [503] },
  )
  assert.deepEqual([(await ask()).text], ['busy'])
})

test('an error in handing an answer on fails that call, and leaves no promise without an end', async t => {
  const { ask, front } = await startScene(
    t,
    { a: socket => socket.write(`HTTP/1.1 103 Early Hints\r\n\r\n${answer('ok')}`) },
    { hedge: { afterMs: 60_000 } },
  )
  const bug = new Error('a bug of the gateway')
  t.mock.method(Http1Response.prototype, 'writeInterim', () => {
    throw bug
  })
  assert.equal((await ask()).status, 599)
  assert.deepEqual(front.failures, [bug])
})
