import assert from 'node:assert/strict'
import { createSecretKey, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { Call, type Identity } from '../../../internal/call.ts'
import type { SameSite } from '../../../internal/http/header-lines.ts'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import type { HashKey, Route } from '../../../internal/routing/route.ts'
import type { UpstreamRequest, UpstreamResponse } from '../../../internal/upstream.ts'
import { createBalance } from '../../../wrappers/balance/balance.ts'
import { requestKey } from '../../../wrappers/balance/request-key.ts'
import { FakePeer, testNode } from '../../support/peer.ts'
import { testRoute } from '../../support/route.ts'

function makeRequest(headers: readonly string[] = [], route: Partial<Route> = {}): UpstreamRequest {
  return {
    route: testRoute(route),
    service: 'user',
    method: 'GET',
    target: '/',
    headers: [...headers],
    body: null,
  }
}

const IDENTITY: Identity = {
  subject: 'anna',
  headers: [],
  scopes: [],
  roles: [],
  claims: { sub: 'anna', org: { id: 7, name: '' }, 'a.b': 'flat', none: null },
}

interface Case {
  readonly hashKey: HashKey
  readonly headers?: readonly string[]
  readonly path?: string
  readonly target?: string
  readonly identity?: Identity
  readonly client?: string
  readonly key: string | undefined
}

const header = (name: string): HashKey => ({ from: 'header', name })
const cookie = (name: string): HashKey => ({ from: 'cookie', name })
const claim = (name: string): HashKey => ({ from: 'claim', name })
const parameter = (name: string): HashKey => ({ from: 'pathParameter', name })
const ADDRESS: HashKey = { from: 'address' }

const cases: readonly Case[] = [
  { hashKey: header('x-tenant'), headers: ['X-Tenant', 'blue', 'x-tenant', 'red'], key: 'blue' },
  { hashKey: header('x-tenant'), headers: ['x-tenant', ''], key: undefined },
  { hashKey: header('x-tenant'), headers: ['x-other1', 'x-tenant'], key: undefined },
  { hashKey: cookie('sid'), headers: ['Cookie', 'a=1; sid=x=y; sid=2'], key: 'x=y' },
  { hashKey: cookie('sid'), headers: ['cookie', 'a=1', 'cookie', 'sid=3'], key: '3' },
  { hashKey: cookie('sid'), headers: ['cookie', 'xsid=1; SID=2; sid'], key: undefined },
  { hashKey: ADDRESS, headers: ['x-forwarded-for', '6.6.6.6'], client: '192.0.2.7', key: '192.0.2.7' },
  { hashKey: claim('sub'), identity: IDENTITY, key: 'anna' },
  { hashKey: claim('org.id'), identity: IDENTITY, key: '7' },
  { hashKey: claim('a.b'), identity: IDENTITY, key: 'flat' },
  { hashKey: claim('org.name'), identity: IDENTITY, key: undefined },
  { hashKey: claim('none'), identity: IDENTITY, key: undefined },
  { hashKey: claim('toString'), identity: IDENTITY, key: undefined },
  { hashKey: claim('sub'), key: undefined },
  { hashKey: parameter('id'), path: '/users/:id/*', target: '/users/42/posts?id=7', key: '42' },
  { hashKey: parameter('id'), path: '/users/:id', target: '/users/%34%32?x', key: '42' },
  { hashKey: parameter('id'), path: '/users/*', target: '/users/42', key: undefined },
]

for (const { hashKey, headers, path = '/*', target = '/', identity, client, key } of cases) {
  const of = headers ?? (identity ? ['a token'] : [target])
  test(`${JSON.stringify(hashKey)} of ${of.join(' ')} is ${key}`, () => {
    const call = new Call('id', 'GET', target, 0)
    call.identity = identity
    call.clientAddress = client
    assert.equal(requestKey(hashKey, makeRequest(headers, { path }), call), key)
  })
}

const KEY = createSecretKey(Buffer.from('a secret of thirty-two bytes or more'))
const STICKY: Partial<Route> = { balancer: 'sticky-cookie', stickyCookie: {} }

function setUp(
  ids: readonly string[],
  { key = KEY, service = 'user', sameSite }: { key?: KeyObject; service?: string; sameSite?: SameSite } = {},
) {
  const table = new NodeTable(node => new FakePeer(node))
  const set = (nodes: readonly string[]) => {
    table.set(
      service,
      nodes.map(id => testNode({ id, service })),
    )
  }
  set(ids)
  const balance = createBalance(table, { cookieKey: key, sameSite })
  const response: UpstreamResponse = {
    status: 200,
    headers: ['x-a', '1'],
    sendBody: () => {},
    discard: () => {},
  }
  const upstream = balance(async () => response)
  /** The node that answered, and the Set-Cookie header, if any. */
  const ask = async (headers: readonly string[] = [], route: Partial<Route> = {}) => {
    const call = new Call('id', 'GET', '/', 0)
    const request = { ...makeRequest(headers, { ...STICKY, ...route }), service }
    const { headers: answered } = await upstream(request, call)
    const at = answered.indexOf('set-cookie')
    assert.deepEqual(answered.slice(0, 2), ['x-a', '1'])
    return { id: call.peer!.node.id, setCookie: at === -1 ? undefined : answered[at + 1] }
  }
  return { table, set, ask, peers: () => table.get(service)!.peers as readonly FakePeer[] }
}

const sent = (setCookie: string | undefined) => ['cookie', `other=1; ${setCookie?.split(';')[0]}`]

test('a client without a cookie gets one, returns to its node by it, and gets no other', async () => {
  const { ask } = setUp(['a', 'b', 'c'])
  const first = await ask()
  assert.match(first.setCookie!, /^waygate-user=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
  for (let i = 0; i < 20; i++) {
    assert.deepEqual(await ask(sent(first.setCookie)), { id: first.id, setCookie: undefined })
  }
  assert.notEqual((await ask()).id, first.id, 'others are spread')
})

test('over https the cookie is Secure, and a route may name it', async () => {
  const { ask } = setUp(['a'])
  const { setCookie } = await ask(['x-forwarded-proto', 'https'], { stickyCookie: { name: 'sid' } })
  assert.match(setCookie!, /^sid=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/)
})

test('with sameSite none, the cookie comes back from pages of other sites too, over https', async () => {
  const { ask } = setUp(['a'], { sameSite: 'none' })
  assert.match((await ask(['x-forwarded-proto', 'https'])).setCookie!, /; SameSite=None; Secure$/)
  // Browsers drop a cookie with None that is not Secure.
  assert.match((await ask()).setCookie!, /; SameSite=Lax$/)
})

test('each service has its own cookie, whose name is a valid cookie name', async () => {
  const { setCookie } = await setUp(['a'], { service: 'user@v2:x' }).ask()
  assert.match(setCookie!, /^waygate-user!v2\|x=/)
})

test('a node that is removed, draining or unavailable is replaced, and the cookie renewed', async () => {
  for (const change of ['gone', 'drained', 'away']) {
    const { ask, set, peers } = setUp(['a', 'b', 'c'])
    const first = await ask()
    const own = peers().find(peer => peer.node.id === first.id)!
    if (change === 'gone') set(['a', 'b', 'c'].filter(id => id !== first.id))
    if (change === 'drained') own.node = testNode({ id: first.id, weight: 0 })
    if (change === 'away') own.up = false
    const second = await ask(sent(first.setCookie))
    assert.notEqual(second.id, first.id, change)
    assert.ok(second.setCookie && second.setCookie !== first.setCookie, change)
    own.up = true
    assert.deepEqual(await ask(sent(second.setCookie)), { id: second.id, setCookie: undefined }, change)
  }
})

test('a client cannot choose a node: ids, changed cookies and those of other keys and services are ignored', async () => {
  const { ask, set } = setUp(['a', 'b'])
  const { id, setCookie = '' } = await ask()
  const [name, value = ''] = setCookie.split(';')[0]!.split('=')
  const other = setUp(['a', 'b'], { key: createSecretKey(Buffer.from('another secret of thirty-two bytes')) })
  const foreign = [(await other.ask()).setCookie, (await other.ask()).setCookie].map(
    line => line!.split(';')[0]!.split('=')[1]!,
  )
  const last = value.at(-1)!
  const forged = [
    'a',
    'b',
    '',
    'undefined',
    value.slice(0, -1),
    `${value}=`,
    value.toUpperCase(),
    value.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) + 1),
    ...foreign,
  ]
  for (const each of forged) {
    const answers = [await ask(['cookie', `${name}=${each}`]), await ask(['cookie', `${name}=${each}`])]
    assert.ok(
      answers.every(answer => answer.setCookie !== undefined),
      each,
    )
    assert.notEqual(answers[0]!.id, answers[1]!.id, 'chosen as for anybody')
  }
  set(['a', 'b', 'c'])
  assert.equal((await ask(['cookie', `${name}=${value}`])).id, id)
})

test('gateways with the same secret accept each other’s cookies', async () => {
  const [one, two] = [setUp(['a', 'b', 'c']), setUp(['c', 'd', 'a', 'b'])]
  for (let i = 0; i < 3; i++) {
    const { id, setCookie } = await one.ask()
    assert.deepEqual(await two.ask(sent(setCookie)), { id, setCookie: undefined })
  }
})
