import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { createRequestHeadReader } from '../../../internal/http/request-head.ts'
import type { Exchange } from '../../../internal/policy.ts'
import { compileRequestKey, type KeyRule } from '../../../middleware/request/request-key.ts'
import { testRoute } from '../../support/route.ts'

interface Asked {
  readonly headers?: readonly string[]
  readonly target?: string
  readonly address?: string
  readonly claims?: Readonly<Record<string, unknown>>
  readonly variant?: string
}

function exchangeOf({ headers = [], target = '/items/7', address = '10.1.2.3', claims, variant }: Asked) {
  const call = new Call('id', 'GET', target, 0)
  call.route = testRoute({ id: 'r1', path: '/items/:id', service: 'items' })
  call.clientAddress = address
  call.variant = variant
  if (claims) call.identity = { subject: 'alice', headers: [], scopes: [], roles: [], claims }
  const head = createRequestHeadReader(['x-user-id'])(['Host', 'h', ...headers])
  return { call, head } as unknown as Exchange
}

const keyOf = (rule: KeyRule, asked: Asked) => compileRequestKey(rule)(exchangeOf(asked))

const pair: KeyRule = [{ header: 'x-a' }, { header: 'x-b' }]
const both = (a: string, b: string): Asked => ({ headers: ['x-a', a, 'x-b', b] })

test('key: ("a","bc") is not ("ab","c")', () => {
  assert.notEqual(keyOf(pair, both('a', 'bc')), keyOf(pair, both('ab', 'c')))
  assert.equal(keyOf(pair, both('a', 'bc')), keyOf(pair, both('a', 'bc')))
})

test('key: a client that writes the separators itself gets no key of others', () => {
  const parts = [
    'a',
    '1:a',
    '1:a1:b',
    '2:ab',
    'b',
    '11:1:a1:b',
    '#',
    '@',
    '@8:10.1.2.3',
    '8:10.1.2.3',
    '10.1.2.3',
  ]
  const keys = new Set<string>()
  const read = compileRequestKey(pair, { whenMissing: 'address' })
  for (const a of ['', ...parts]) for (const b of ['', ...parts]) keys.add(read(exchangeOf(both(a, b)))!)
  assert.equal(keys.size, (parts.length + 1) ** 2)
})

const cases: [rule: KeyRule, asked: Asked, other: Asked][] = [
  ['address', { address: '10.1.2.3' }, { address: '10.1.2.4' }],
  ['address', { address: '2001:db8:0:1::1' }, { address: '2001:db8:0:2::1' }],
  ['subject', { claims: {} }, {}],
  [{ header: 'X-Tenant' }, { headers: ['x-tenant', 'a'] }, { headers: ['x-tenant', 'b'] }],
  [{ cookie: 'c' }, { headers: ['cookie', 'b=1; c=2'] }, { headers: ['cookie', 'b=1; c=3'] }],
  [{ query: 'q' }, { target: '/items/7?p=1&q=%61' }, { target: '/items/7?p=1&q=b' }],
  [{ claim: 'tenant.id' }, { claims: { tenant: { id: 7 } } }, { claims: { tenant: { id: 8 } } }],
  [{ pathParameter: 'id' }, { target: '/items/7' }, { target: '/items/8' }],
  ['variant', { variant: 'canary' }, {}],
]
for (const [rule, asked, other] of cases) {
  test(`key: ${JSON.stringify(rule)} tells ${JSON.stringify(asked)} from ${JSON.stringify(other)}`, () => {
    const key = keyOf(rule, asked)
    assert.ok(key)
    assert.notEqual(key, keyOf(rule, other))
    assert.equal(key, keyOf(rule, { ...asked }))
  })
}

test('key: a parameter of the query counts decoded, and the spelling of a header does not matter', () => {
  assert.equal(
    keyOf({ query: 'q' }, { target: '/x?q=%61+b' }),
    keyOf({ query: 'q' }, { target: '/x?%71=a%20b' }),
  )
  const tenant = { header: 'x-tenant' }
  assert.equal(keyOf(tenant, { headers: ['X-TENANT', 'a'] }), keyOf(tenant, { headers: ['x-tenant', 'a'] }))
})

test('key: the route and the service are the same for all requests of a route', () => {
  for (const rule of ['route', 'service'] as const) {
    assert.equal(
      keyOf(rule, { address: '10.1.2.3' }),
      keyOf(rule, { address: '10.1.2.4', target: '/items/8' }),
    )
  }
  assert.notEqual(keyOf('route', {}), keyOf('service', {}))
})

test('key: all addresses of an IPv6 network are one client', () => {
  const of = (address: string, ipv6Prefix?: number) =>
    compileRequestKey('address', { ipv6Prefix })(exchangeOf({ address }))
  assert.equal(of('2001:db8:0:1::1'), of('2001:db8:0:1:ffff:ffff:ffff:ffff'))
  assert.notEqual(of('2001:db8:0:1::1', 128), of('2001:db8:0:1::2', 128))
  assert.equal(of('2001:db8:1::1', 32), of('2001:db8:ffff::1', 32))
  assert.equal(of('2001:db8:0:ff0f::', 56), of('2001:db8:0:ffff::', 56))
  assert.notEqual(of('2001:db8:0:fe00::', 56), of('2001:db8:0:ff00::', 56))
})

test('key: a request without a value has no key, or that of its address, or that of all such requests', () => {
  const rule: KeyRule = ['route', { header: 'x-key' }]
  const of = (whenMissing: 'address' | 'shared' | undefined, asked: Asked) =>
    compileRequestKey(rule, { whenMissing })(exchangeOf(asked))
  for (const headers of [[], ['x-key', '']]) {
    assert.equal(of(undefined, { headers }), undefined)
    assert.equal(of('address', { headers }), of('address', {}))
    assert.notEqual(of('address', { headers }), of('address', { headers, address: '10.9.9.9' }))
    assert.equal(of('shared', { headers }), of('shared', { headers, address: '10.9.9.9' }))
    // Nobody can send what stands for a missing value.
    for (const text of ['10.1.2.3', '@', '@8:10.1.2.3', '']) {
      const sent = of('address', { headers: ['x-key', text] })
      assert.equal(sent === of('address', { headers }), text === '')
    }
  }
})

test('key: an identity header of a client is none', () => {
  assert.equal(keyOf({ header: 'x-user-id' }, { headers: ['x-user-id', 'forged'] }), undefined)
})

test('key: a part of more than 256 bytes is hashed, and still tells clients apart', () => {
  const of = (text: string) => keyOf({ query: 'q' }, { target: `/x?q=${encodeURIComponent(text)}` })!
  assert.equal(of('a'.repeat(256)), `256:${'a'.repeat(256)}`)
  for (const long of ['a'.repeat(257), 'ü'.repeat(129), '€'.repeat(86), 'a'.repeat(8_000)]) {
    const key = of(long)
    assert.equal(key.length, 45)
    assert.notEqual(key, of(`${long}b`))
    // The hash itself is another value.
    assert.notEqual(key, of(key))
    assert.notEqual(key, of(key.slice(1)))
  }
})
