import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { GatewayError } from '../../../internal/http/errors.ts'
import { KeptBody } from '../../../wrappers/retry/kept-body.ts'
import { FakeBody } from '../../support/bodies.ts'
import { send } from '../../support/http.ts'
import type { Script } from '../../support/node-server.ts'
import { fails, nonsense, ok, resets, startScene } from './retry-scene.ts'

test('a node that cannot be reached is skipped, whatever the method, and another node gets the body', async t => {
  for (const [method, body] of [
    ['GET', undefined],
    ['POST', undefined],
    ['POST', 'payload'],
    ['PATCH', 'payload'],
  ] as const) {
    const { ask, front } = await startScene(t, { a: 'dead', b: ok })
    const got = await ask(method, body)
    assert.deepEqual([got.status, got.text], [200, `ok ${body ?? ''}`.trimEnd()], method)
    assert.equal(front.calls[0]!.attempts, 2)
  }
})

test('a broken connection is retried on another node, for idempotent methods only', async t => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
    const { ask, seen } = await startScene(t, { a: resets, b: ok })
    assert.equal((await ask(method)).status, 200, method)
    assert.deepEqual(seen(), { a: 1, b: 1 }, method)
  }
  for (const method of ['POST', 'PATCH', 'LOCK']) {
    const { ask, seen } = await startScene(t, { a: resets, b: ok })
    const got = await ask(method)
    assert.deepEqual([got.status, got.text], [599, 'WG_UPSTREAM_UNREACHABLE'], method)
    assert.deepEqual(seen(), { a: 1, b: 0 }, method)
  }
})

test('a request is never sent again once bytes of its body were taken', async t => {
  const { ask, seen } = await startScene(t, {
    a: (socket, request) => {
      void request.whole.then(() => socket.resetAndDestroy())
    },
    b: ok,
  })
  assert.equal((await ask('PUT', 'payload')).text, 'WG_UPSTREAM_UNREACHABLE')
  assert.deepEqual(seen(), { a: 1, b: 0 })
})

test('a body of unknown length is sent again as long as it is kept, for idempotent methods only', async t => {
  const resetsAfterBody: Script = (socket, request) => {
    void request.whole.then(() => socket.resetAndDestroy())
  }
  const headers = { 'Transfer-Encoding': 'chunked' }
  for (const [method, retryBufferBytes, text, seen] of [
    ['PUT', 7, 'ok payload', { a: 1, b: 1 }],
    ['PUT', 6, 'WG_UPSTREAM_UNREACHABLE', { a: 1, b: 0 }],
    ['POST', 7, 'WG_UPSTREAM_UNREACHABLE', { a: 1, b: 0 }],
  ] as const) {
    const scene = await startScene(t, { a: resetsAfterBody, b: ok }, { retryBufferBytes })
    const got = await send(scene.front.port, { method, body: 'payload', headers })
    assert.deepEqual([got.text, scene.seen()], [text, seen])
  }
})

test('neither a failure status nor a malformed answer is retried', async t => {
  const status = await startScene(t, { a: fails, b: ok })
  assert.equal((await status.ask()).status, 503)
  assert.deepEqual(status.seen(), { a: 1, b: 0 })
  const odd = await startScene(t, { a: nonsense, b: ok })
  assert.equal((await odd.ask()).text, 'WG_UPSTREAM_INVALID')
  assert.deepEqual(odd.seen(), { a: 1, b: 0 })
})

const fixture = new URL('../../fixtures/balancing_expectations.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as {
  cases: { origin: string; expect?: Record<string, string> }[]
}
const expected = cases.find(each => each.origin.includes('upstream-retries'))!.expect!
for (const [name, nodes, retries] of [
  ['default', 4, undefined],
  ['retries1', 4, 1],
  ['retries0', 4, 0],
  ['two_nodes_retries3', 2, 3],
] as const) {
  test(`with ${nodes} dead nodes and retries ${retries}: ${expected[name]}`, async t => {
    const dead = Object.fromEntries(Array.from({ length: nodes }, (_, i) => [`n${i}`, 'dead'] as const))
    const { ask, front, table } = await startScene(t, dead, { retries })
    assert.equal((await ask()).text, 'WG_UPSTREAM_UNREACHABLE')
    const attempts = Number.parseInt(expected[name]!, 10)
    assert.equal(front.calls[0]!.attempts, attempts)
    const requests = table.get('user')!.peers.map(peer => peer.requests)
    assert.ok(
      requests.every(count => count <= 1),
      'a node was tried twice',
    )
    assert.equal(
      requests.reduce((sum, count) => sum + count),
      attempts,
    )
  })
}

test('a request on a kept connection that its node closed is sent to it again, beyond the retries', async t => {
  let closing = false
  const { ask, seen, front } = await startScene(
    t,
    {
      a: (socket, request) => {
        if (!closing) return void ok(socket, request, 0)
        closing = false
        socket.resetAndDestroy()
      },
    },
    { retries: 0 },
  )
  assert.equal((await ask()).status, 200)
  closing = true
  assert.equal((await ask()).status, 200)
  assert.deepEqual(seen(), { a: 3 })
  assert.equal(front.calls[1]!.attempts, 2)
  // A method that may not be repeated is not sent again.
  closing = true
  assert.equal((await ask('POST')).text, 'WG_UPSTREAM_UNREACHABLE')
})

test('without a node, no try is made', async t => {
  const { front } = await startScene(t, {})
  assert.equal((await send(front.port)).text, 'WG_NO_NODE')
  assert.equal(front.calls[0]!.attempts, 0)
})

test('when no further node is left, the client gets the earlier failure, not the lack of nodes', async t => {
  const { ask } = await startScene(t, { a: 'dead' }, { retries: 5 })
  assert.equal((await ask()).text, 'WG_UPSTREAM_UNREACHABLE')
})

test('another service answers for an unreachable one, and gets the untouched body', async t => {
  const { ask, front } = await startScene(
    t,
    { 'user/a': 'dead', 'spare/b': ok },
    { fallback: { type: 'service', service: 'spare' } },
  )
  assert.equal((await ask('POST', 'payload')).text, 'ok payload')
  assert.equal(front.calls[0]!.degraded, true)
  assert.ok(front.calls[0]!.failure instanceof GatewayError)
})

test('a fixed answer replaces that of an unreachable service', async t => {
  const fallback = { type: 'static', status: 200, headers: { 'X-F': '1' }, body: 'später' } as const
  for (const nodes of [{}, { a: 'dead' as const }]) {
    const { ask } = await startScene(t, nodes, { fallback })
    for (let i = 0; i < 2; i++) {
      const got = await ask()
      assert.deepEqual(
        [got.status, got.text, got.headers['x-f'], got.headers['content-length']],
        [200, 'später', '1', '7'],
      )
    }
  }
})

test('a fallback is not used for answers, nor once a node may have acted on the request', async t => {
  const fallback = { type: 'static', status: 200, headers: {}, body: 'instead' } as const
  for (const [behaviour, text] of [
    [fails, 'failed'],
    [resets, 'WG_UPSTREAM_UNREACHABLE'],
    [nonsense, 'WG_UPSTREAM_INVALID'],
  ] as const) {
    const { ask, front } = await startScene(t, { a: behaviour }, { fallback })
    assert.equal((await ask()).text, text)
    assert.equal(front.calls[0]!.degraded, false)
  }
})

test('when the other service fails as well, the client gets its failure', async t => {
  const { ask } = await startScene(
    t,
    { 'user/a': 'dead' },
    { fallback: { type: 'service', service: 'spare' } },
  )
  assert.equal((await ask()).text, 'WG_NO_NODE')
})

test('a kept body says what the client’s says: whether it waits to be asked, and its trailers', async () => {
  const given = Object.assign(new FakeBody(2), {
    awaitsContinue: true,
    trailers: undefined as string[] | undefined,
  })
  const kept = new KeptBody(given, 10, { bytes: 0, maxBytes: 10 })
  assert.deepEqual([kept.awaitsContinue, kept.trailers], [true, undefined])
  given.awaitsContinue = false
  given.trailers = ['X-Sum', '1']
  assert.deepEqual([kept.awaitsContinue, kept.trailers], [false, ['X-Sum', '1']])
})
