import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call, type Identity } from '../../../internal/call.ts'
import type { BodyObserver, UpstreamRequest, UpstreamResponse } from '../../../internal/upstream.ts'
import { StaleAnswers } from '../../../wrappers/fallback/stale-answers.ts'
import { isKeepable, staleKey } from '../../../wrappers/fallback/stale-rules.ts'
import { send } from '../../support/http.ts'
import { answer } from '../../support/node-server.ts'
import { testRequest, testRoute } from '../../support/route.ts'
import { ok, resets, startScene } from '../retry/retry-scene.ts'

const STALE = { fallback: { type: 'stale', maxAgeMs: 60_000 }, retries: 0 } as const

test('the last good answer replaces every failure, and is marked as stale', async t => {
  let works = true
  const { ask, nodes, front } = await startScene(
    t,
    {
      a: (socket, request) =>
        works ? socket.write(answer('good', ['X-Of: node', 'Age: 7'])) : resets(socket, request, 0),
    },
    STALE,
  )
  const fresh = await ask()
  assert.deepEqual([fresh.text, fresh.headers.warning, fresh.headers.age], ['good', undefined, '7'])
  works = false
  const check = async () => {
    const { status, text, headers } = await ask()
    assert.deepEqual(
      [status, text, headers['x-of'], headers['content-length'], headers.warning],
      [200, 'good', 'node', '4', '110 - "Response is Stale"'],
    )
    assert.match(String(headers.age), /^[7-9]$/)
    assert.equal(front.calls.at(-1)!.degraded, true)
  }
  await check()
  // There is no node at all.
  await nodes.a!.close()
  await check()
})

test('a long body in pieces comes back whole, and a truncated one is not kept', async t => {
  let body = ''
  let whole = true
  const { ask } = await startScene(
    t,
    {
      a: socket => {
        if (body === '') return socket.resetAndDestroy()
        socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n`)
        for (const piece of body.match(/.{1,9999}/g)!) {
          socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`)
        }
        if (whole) socket.write('0\r\n\r\n')
        else socket.end()
      },
    },
    STALE,
  )
  const first = Array.from({ length: 9_000 }, (_, i) => `${i}`.padStart(11, '.')).join('')
  body = first
  assert.equal((await ask()).text, first)
  body = 'half'
  whole = false
  await assert.rejects(ask())
  body = ''
  const got = await ask()
  assert.deepEqual([got.text, got.headers['content-length']], [first, '99000'])
})

test('HEAD is answered with the length that the body would have', async t => {
  let works = true
  const { ask } = await startScene(
    t,
    {
      a: (socket, request) =>
        works ? socket.write('HTTP/1.1 200 OK\r\nContent-Length: 123\r\n\r\n') : resets(socket, request, 0),
    },
    STALE,
  )
  await ask('HEAD')
  works = false
  const got = await ask('HEAD')
  assert.deepEqual([got.status, got.headers['content-length'], got.text], [200, '123', ''])
})

test('another target, method or encoding has another answer; without one, the client gets the error', async t => {
  let works = true
  const { front } = await startScene(
    t,
    { a: (socket, request) => (works ? ok(socket, request, 0) : resets(socket, request, 0)) },
    STALE,
  )
  const ask = (path: string, encoding: string, method = 'GET') =>
    send(front.port, { path, method, headers: { 'Accept-Encoding': encoding } })
  await ask('/a?b', 'gzip')
  works = false
  assert.equal((await ask('/a?b', 'gzip')).text, 'ok')
  for (const [path, encoding, method] of [
    ['/a', 'gzip', 'GET'],
    ['/a?b', 'br', 'GET'],
    ['/a?b', 'gzip', 'DELETE'],
  ] as const) {
    assert.equal((await ask(path, encoding, method)).text, 'WG_UPSTREAM_UNREACHABLE')
  }
})

const response = (headers: readonly string[], status = 200): UpstreamResponse => ({
  status,
  headers,
  sendBody: () => {},
  discard: () => {},
})

test('only answers that may be shared are kept', () => {
  for (const headers of [
    [],
    ['Cache-Control', 'public, max-age=60'],
    ['Vary', 'Accept-Encoding'],
    ['X', 'private'],
  ]) {
    assert.equal(isKeepable(response(headers)), true, headers.join())
  }
  for (const headers of [
    ['Set-Cookie', 'a=b'],
    ['cache-control', 'max-age=3, Private'],
    ['Cache-Control', 'private="x"'],
    ['Cache-Control', 'no-store'],
    ['Cache-Control', 'no-cache'],
    ['Cache-Control', 'max-age=1,must-revalidate'],
    ['Vary', '*'],
    ['Vary', 'Accept-Encoding, Cookie'],
  ]) {
    assert.equal(isKeepable(response(headers)), false, headers.join())
  }
  for (const status of [204, 206, 301, 404, 500]) assert.equal(isKeepable(response([], status)), false)
})

const identity = (values: Partial<Identity>): Identity => ({
  subject: 'u1',
  headers: ['x-user-id', 'u1'],
  scopes: [],
  roles: [],
  ...values,
})

function keyOf(values: Partial<UpstreamRequest>, who?: Identity): string | undefined {
  const call = new Call('id', 'GET', '/', 0)
  call.identity = who
  call.isAuthorizationChecked = who !== undefined
  return staleKey(testRequest(values), call)
}

test('an answer is kept for one subject and its grants, and never given to another', () => {
  const route = testRoute({ auth: { type: 'jwt', scopes: [], roles: [] } })
  const headers = ['authorization', 'Bearer x']
  const keys = [
    identity({}),
    identity({ subject: 'u2' }),
    identity({ roles: ['admin'] }),
    identity({ scopes: ['all'] }),
    identity({ headers: ['x-user-id', 'u1', 'x-tenant', 't1'] }),
  ].map(who => keyOf({ route, headers }, who))
  assert.equal(new Set(keys).size, keys.length)
  assert.ok(keys.every(key => key !== undefined))
  // Another token of the same subject has the same key.
  assert.equal(keyOf({ route, headers: ['authorization', 'Bearer y'] }, identity({})), keys[0])
  assert.equal(keyOf({ route, headers }, identity({ subject: undefined })), undefined)
})

test('a request of an unknown user, with a body, or with an unsafe method has no key', () => {
  assert.equal(keyOf({ headers: ['Cookie', 'a=b'] }), undefined)
  assert.equal(keyOf({ headers: ['Authorization', 'Basic x'] }), undefined)
  assert.equal(keyOf({ headers: ['Range', 'bytes=0-1'] }), undefined)
  assert.equal(keyOf({ method: 'POST' }), undefined)
  for (const end of ['host', 'proto', 'port', 'prefix', 'scheme', 'ssl']) {
    const name = `x-forwarded-${end}`
    assert.notEqual(keyOf({ headers: [name, 'a'] }), keyOf({ headers: [name, 'b'] }), name)
  }
  // Where a request comes from makes no difference, and what else a trusted proxy says may be a user.
  for (const name of ['x-forwarded-for', 'x-forwarded-server', 'x-real-ip', 'forwarded']) {
    assert.equal(keyOf({ headers: [name, 'a'] }), keyOf({}), name)
  }
  for (const name of ['x-forwarded-user', 'x-forwarded-client-cert', 'client-cert']) {
    assert.equal(keyOf({ headers: [name, 'a'] }), undefined, name)
  }
  assert.notEqual(keyOf({ method: 'HEAD' }), keyOf({}))
})

/** An answer whose body arrives when the test says so. */
function passing(): { response: UpstreamResponse; observer: () => BodyObserver } {
  let observer: BodyObserver | undefined
  return {
    response: {
      ...response([]),
      observe: given => {
        observer = given
      },
    },
    observer: () => observer!,
  }
}

function keep(answers: StaleAnswers, key: string, bytes: number): void {
  const { response: given, observer } = passing()
  answers.keep(key, given)
  observer().onChunk(Buffer.alloc(bytes))
  observer().onEnd(true)
}

test('memory is bounded: the least recently used answers are evicted', () => {
  const answers = new StaleAnswers({ totalBytes: 10_000, answerBytes: 2_000 })
  for (let i = 0; i < 1_000; i++) {
    keep(answers, `k${i}`, 1_000)
    answers.get('k0', 1_000)
    assert.ok(answers.bytes <= 10_000)
  }
  assert.ok(answers.get('k0', 1_000))
  assert.ok(answers.get('k999', 1_000))
  assert.equal(answers.get('k900', 1_000), undefined)
  for (let i = 0; i < 20; i++) keep(answers, 'k0', 1_000)
  assert.ok(answers.get('k999', 1_000), 'a new answer replaces an old one')
})

test('a kept body takes only the memory that is counted for it', () => {
  const answers = new StaleAnswers({ totalBytes: 10_000, answerBytes: 2_000 })
  const { response: given, observer } = passing()
  answers.keep('k', given)
  observer().onChunk('\xe9t\xe9 ')
  observer().onChunk(Buffer.from('et hiver'))
  observer().onEnd(true)
  const { body } = answers.get('k', 1_000)!.answer
  assert.equal(body.toString('latin1'), '\xe9t\xe9 et hiver')
  assert.equal(body.buffer.byteLength, 12)
})

test('an answer that is too long is not kept, and the earlier one stays', () => {
  const answers = new StaleAnswers({ totalBytes: 10_000, answerBytes: 2_000 })
  keep(answers, 'k', 2_000)
  keep(answers, 'k', 2_001)
  assert.equal(answers.get('k', 1_000)!.answer.body.length, 2_000)
})

test('an answer that is too old is not given', () => {
  let now = 0
  const answers = new StaleAnswers({ totalBytes: 10_000, answerBytes: 2_000, now: () => now })
  keep(answers, 'k', 1)
  now = 500
  assert.equal(answers.get('k', 500)!.ageMs, 500)
  now = 501
  assert.equal(answers.get('k', 500), undefined)
})

test('answers that are still passing count as memory, and are let go when there are too many', () => {
  const answers = new StaleAnswers({ totalBytes: 10_000, answerBytes: 2_000 })
  const observers = Array.from({ length: 20 }, (_, i) => {
    const { response: given, observer } = passing()
    answers.keep(`k${i}`, given)
    observer().onChunk(Buffer.alloc(1_000))
    assert.ok(answers.bytes <= 10_000)
    return observer()
  })
  for (const observer of observers) observer.onEnd(false)
  assert.equal(answers.bytes, 0)
  assert.equal(answers.get('k0', 1_000), undefined, 'an answer that may be truncated is not kept')
})

test('an answer whose content-length is too long is not observed', () => {
  const answers = new StaleAnswers({ totalBytes: 10_000, answerBytes: 2_000 })
  const observed: unknown[] = []
  const observe = (observer: BodyObserver) => void observed.push(observer)
  answers.keep('k', { ...response(['Content-Length', '2001']), observe })
  assert.deepEqual(observed, [])
})

test('a header that may identify the client prevents an answer from being kept, whatever its name', () => {
  for (const name of ['X-Api-Key', 'x-auth-request-user', 'Cookie', 'Authorization', 'Range', 'x-user-id']) {
    assert.equal(keyOf({ headers: [name, 'ann'] }), undefined, name)
  }
  const neutral = ['User-Agent', 'x', 'Sec-Fetch-Mode', 'cors', 'traceparent', '00-1-2-01']
  assert.equal(keyOf({ headers: neutral }), keyOf({}))
  assert.notEqual(keyOf({ service: 'another' }), keyOf({}))
})
