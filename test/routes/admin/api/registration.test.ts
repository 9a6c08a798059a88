import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { CallRate } from '../../../../routes/admin/api/call-rate.ts'
import { NodeCounts } from '../../../../routes/admin/api/node-counts.ts'
import type { HeartbeatPage } from '../../../../routes/admin/heartbeat-types.ts'
import { startAdmin } from '../../../support/api-pages.ts'
import { send } from '../../../support/http.ts'

const NODE = '/api/v1/services/hello/nodes/h1'
const entry = <const Role>(token: string, role: Role) => ({ sha256: hash('sha256', token), role })
const tokens = {
  ...{ metrics: entry('m', 'metrics'), read: entry('r', 'read'), operate: entry('o', 'operate') },
  ...{ register: entry('all', 'register') },
  bound: { ...entry('bound', 'register'), services: ['hello', 'world'] },
} as const

function caller(port: number, token?: string) {
  return (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
    send(port, {
      ...{ method, path, ...(body !== undefined && { body }) },
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
    })
}

test('the roles register and operate register nodes, and no other does', async t => {
  const { port, fake } = await startAdmin(t, { tokens })
  for (const [token, status] of [
    ['all', 200],
    ['bound', 200],
    ['o', 200],
    ['r', 403],
    ['m', 403],
    ['x', 401],
    [undefined, 401],
  ] as const) {
    for (const method of ['PUT', 'DELETE']) {
      const got = await caller(port, token)(method, NODE)
      assert.equal(got.status, status, `${method} by ${token}: ${got.text}`)
    }
  }
  assert.equal(fake.asked.length, 6)
})

test('without a token nobody registers, on this machine or not', async t => {
  const { port, fake } = await startAdmin(t)
  const got = await caller(port)('PUT', NODE, '{}')
  assert.equal(got.status, 403)
  assert.match(String(got.json().detail), /waygate admin-token --name NAME --role register/)
  for (const headers of [{ origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }] as Record<
    string,
    string
  >[])
    assert.equal((await caller(port)('PUT', NODE, '{}', headers)).json().code, 'WA_FOREIGN')
  assert.deepEqual(fake.asked, [])
})

test('the role register reads nothing', async t => {
  const { port } = await startAdmin(t, { tokens })
  const call = caller(port, 'all')
  for (const path of [
    ...[
      '/routes',
      '/services',
      '/metrics',
      '/services/hello/methods',
      '/api/v1/status',
      '/api/v1/openapi.json',
    ],
    ...['/api/v1/services/hello', '/api/v1/nodes/hello/h1', '/api/v1/live', '/api/v1/services/hello/nodes'],
    ...[`/api/v1/status?x=${NODE}`, `${NODE}/x`, '/api/v1/leases'],
  ]) {
    const got = await call('GET', path)
    assert.equal(got.status, 403, `${path}: ${got.text}`)
    assert.equal(got.json().code, 'WA_ROLE')
  }
  assert.equal((await call('POST', '/api/v1/explain', '{"url":"/"}')).status, 403)
  for (const method of ['GET', 'HEAD', 'POST', 'PATCH'])
    assert.equal((await call(method, NODE)).status, 405, method)
  assert.equal((await call('GET', '/api/v1/services/../nodes/h1')).status, 405)
  assert.equal((await call('GET', NODE)).headers.allow, 'PUT, DELETE')
})

test('a token that is bound to services registers nodes of these alone', async t => {
  const { port, fake } = await startAdmin(t, { tokens })
  const call = caller(port, 'bound')
  assert.equal((await call('PUT', '/api/v1/services/world/nodes/w1', '{"port":1}')).status, 200)
  for (const service of ['other', 'hell', 'Hello', 'hello%2F..', '%68ello2']) {
    const got = await call('PUT', `/api/v1/services/${service}/nodes/h1`)
    assert.equal(got.status, 403, service)
    assert.match(String(got.json().detail), /registers nodes of hello, world alone/)
  }
  assert.deepEqual(fake.asked, ['heartbeat world w1 {"port":1}'])
})

test('each refusal has its code', async t => {
  const { port, fake } = await startAdmin(t, { tokens })
  const call = caller(port, 'all')
  for (const [outcome, status, code] of [
    ['invalid', 400, 'WA_BODY'],
    ['expired', 404, 'WA_NOT_REGISTERED'],
    ['taken', 409, 'WA_TAKEN'],
    ['read-only', 501, 'WA_READ_ONLY'],
    ['unreachable', 503, 'WA_REGISTRY'],
  ] as const) {
    fake.heartbeat = { outcome, detail: 'the reason' }
    for (const method of ['PUT', 'DELETE']) {
      const got = await call(method, NODE)
      assert.deepEqual([got.status, got.json().code, got.json().detail], [status, code, 'the reason'])
    }
  }
})

test('an answer says what became of the node', async t => {
  const { port, fake } = await startAdmin(t, { tokens })
  for (const heartbeat of [
    { outcome: 'renewed', leftSeconds: 9 },
    { outcome: 'removed' },
  ] as HeartbeatPage[]) {
    fake.heartbeat = heartbeat
    assert.deepEqual((await caller(port, 'all')('PUT', NODE)).json(), {
      service: 'hello',
      id: 'h1',
      ...heartbeat,
    })
  }
})

test('a body may be missing, even where its type is named, and must be JSON otherwise', async t => {
  const { port, fake } = await startAdmin(t, { tokens })
  const call = caller(port, 'all')
  assert.equal((await call('PUT', NODE)).status, 200)
  assert.equal((await call('PUT', NODE, '')).status, 200)
  assert.equal((await call('PUT', NODE, '{"port":1}')).status, 200)
  assert.deepEqual(fake.asked, [
    'heartbeat hello h1 undefined',
    'heartbeat hello h1 undefined',
    'heartbeat hello h1 {"port":1}',
  ])
  for (const [body, type, status] of [
    ['{', 'application/json', 400],
    ['a=b', 'application/x-www-form-urlencoded', 415],
    ['{}', 'text/plain', 415],
    [JSON.stringify({ x: 'y'.repeat(400_000) }), 'application/json', 413],
  ] as const) {
    assert.equal((await call('PUT', NODE, body, { 'content-type': type })).status, status, type)
  }
  assert.equal(fake.asked.length, 3)
})

test('a token that has as many nodes as it may adds no further one, and those that are there are renewed', async t => {
  const limited = { ...entry('all', 'register'), maxNodes: 2 }
  const { port, fake } = await startAdmin(t, { tokens: { limited, other: entry('o', 'operate') } })
  const call = (id: string, method = 'PUT') =>
    caller(port, 'all')(method, `/api/v1/services/hello/nodes/${id}`, '{}')
  fake.heartbeat = { outcome: 'registered', leftSeconds: 10 }
  for (const id of ['a', 'b', 'a']) assert.equal((await call(id)).status, 200)
  assert.deepEqual(
    fake.asked.splice(0),
    ['a', 'b', 'a'].map(id => `heartbeat hello ${id} {}`),
  )

  fake.heartbeat = { outcome: 'renewed', leftSeconds: 10 }
  assert.equal((await call('c')).status, 200, 'it was registered at another gateway')
  fake.heartbeat = { outcome: 'full', detail: 'not there' }
  const refused = await call('d')
  assert.deepEqual([refused.status, refused.json().code], [403, 'WA_NODE_LIMIT'])
  assert.match(String(refused.json().detail), /"limited" has 2 nodes .* raise admin.tokens.limited.maxNodes/)
  assert.deepEqual(
    fake.asked.splice(0),
    ['c', 'd'].map(id => `heartbeat hello ${id} {} must exist`),
  )

  fake.heartbeat = { outcome: 'removed' }
  for (const id of ['a', 'b']) await call(id, 'DELETE')
  fake.heartbeat = { outcome: 'registered', leftSeconds: 10 }
  fake.asked.splice(0)
  assert.equal((await call('d')).status, 200)
  assert.deepEqual(fake.asked.splice(0), ['heartbeat hello d {}'])
})

test('a node keeps counting for its caller when another one is refused it', async t => {
  const limited = { ...entry('limited', 'register'), maxNodes: 1 }
  const { port, fake } = await startAdmin(t, { tokens: { limited, other: entry('other', 'register') } })
  const put = (token: string, id: string) =>
    caller(port, token)('PUT', `/api/v1/services/hello/nodes/${id}`, '{}')
  fake.heartbeat = { outcome: 'registered', leftSeconds: 10 }
  assert.equal((await put('limited', 'a')).status, 200)
  fake.heartbeat = { outcome: 'taken', detail: 'it belongs to limited' }
  assert.equal((await put('other', 'a')).status, 409)
  fake.asked.splice(0)
  await put('limited', 'b')
  assert.deepEqual(fake.asked, ['heartbeat hello b {} must exist'])
})

test('what is refused does not count as a node, nor does one whose time is over', () => {
  let now = 0
  const counts = new NodeCounts(() => now)
  assert.equal(counts.begin('one', 's/a', 1), 'new')
  assert.equal(counts.begin('one', 's/b', 1), 'full')
  assert.equal(counts.begin('other', 's/b', 1), 'new')
  counts.forget('s/a')
  assert.equal(counts.begin('one', 's/b', 1), 'new')
  counts.keep('one', 's/b', 10)
  now = 9_999
  assert.equal(counts.begin('one', 's/a', 1), 'full')
  now = 11_000
  assert.equal(counts.begin('one', 's/a', 1), 'new')
})

test('a caller with more than 500 calls in a second is told to wait, and others are not', () => {
  let now = 0
  const rate = new CallRate(() => now)
  const admitted = () => Array.from({ length: 2_000 }, () => rate.admits('one')).filter(Boolean).length
  assert.equal(admitted(), 500)
  assert.equal(admitted(), 0)
  assert.equal(rate.admits('other'), true)
  now += 100
  assert.equal(admitted(), 50)
  now += 60_000
  assert.equal(admitted(), 500)
})

test('a caller who is refused again and again does not keep the nodes of others from being forgotten', () => {
  let now = 0
  const counts = new NodeCounts(() => now)
  for (const caller of ['busy', 'calm']) {
    counts.begin(caller, 's/1', 1)
    counts.keep(caller, 's/1', 10)
  }
  now = 20_000
  counts.keep('busy', 's/1', 10)
  assert.equal(counts.begin('busy', 's/2', 1), 'full')
  assert.equal(counts.begin('calm', 's/2', 1), 'new')
})
