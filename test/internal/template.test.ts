import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../internal/call.ts'
import { createRequestHeadReader } from '../../internal/http/request-head.ts'
import type { Exchange } from '../../internal/policy.ts'
import { compileTemplate, encodeForHeader, findTemplateProblem } from '../../internal/template.ts'
import { FakePeer, testNode } from '../support/peer.ts'
import { testRoute } from '../support/route.ts'

const LINES = [
  'Host',
  'api.example:8080',
  'X-Tag',
  'a',
  'x-tag',
  'b',
  'Cookie',
  'c=1; d=two',
  'X-User-Id',
  'forged',
]

/** An exchange as a policy sees it; of a request for `/items/a%20b/rest/of/it?q=1+2&n=%0d%0aX:%20y&bad=%zz`. */
function exchangeOf(target = '/items/a%20b/rest/of/it?q=1+2&n=%0d%0aX:%20y&bad=%zz'): Exchange {
  const call = new Call('id-1', 'GET', target, 0)
  call.route = testRoute({ id: 'r1', path: '/items/:id/*', service: 'items' })
  call.clientAddress = '10.1.2.3'
  call.identity = {
    subject: 'alice',
    headers: [],
    scopes: [],
    roles: [],
    claims: { tenant: { id: 7 }, tags: ['x'], 'a.b': 'dotted' },
  }
  call.peer = new FakePeer(testNode({ id: 'n1' }))
  const head = createRequestHeadReader(['x-user-id'])(LINES)
  return { call, head, isProxied: false } as unknown as Exchange
}

const rendered: [template: string, expected: string | undefined][] = [
  ['plain', 'plain'],
  ['', ''],
  ['a{{b}', 'a{b}'],
  ['}', '}'],
  ['{request.method} {request.host}{request.path}', 'GET api.example:8080/items/a%20b/rest/of/it'],
  ['{request.query}', 'q=1+2&n=%0d%0aX:%20y&bad=%zz'],
  ['{request.scheme} {request.id}', 'http id-1'],
  ['{path.id}', 'a b'],
  ['{path.*}', 'rest/of/it'],
  ['{path.other|none}', 'none'],
  ['{query.q}', '1 2'],
  ['{query.bad}', '%zz'],
  ['{query.none}', undefined],
  ['{query.none|}', ''],
  ['{query.none|a|b}', 'a|b'],
  ['{header.x-tag}', 'a, b'],
  ['{header.X-TAG}', 'a, b'],
  ['{header.x-user-id|nobody}', 'nobody'],
  ['{cookie.d}', 'two'],
  ['{cookie.e}', undefined],
  ['{claim.tenant.id}', '7'],
  ['{claim.tags}', '["x"]'],
  ['{claim.a.b}', 'dotted'],
  ['{claim.none}', undefined],
  ['{client.address} {identity.subject} {route.id} {service} {node.id}', '10.1.2.3 alice r1 items n1'],
]
for (const [template, expected] of rendered) {
  test(`${JSON.stringify(template)} becomes ${JSON.stringify(expected)}`, () => {
    assert.equal(compileTemplate(template).render(exchangeOf(), encodeForHeader), expected)
  })
}

test('template: a header value with CR LF from a decoded query stays one line', () => {
  assert.equal(compileTemplate('{query.n}').render(exchangeOf(), encodeForHeader), '%0D%0AX: y')
})

test('a header value in UTF-8 is encoded once, and other bytes as they are', () => {
  const exchange = exchangeOf()
  exchange.head.headers.push('x-utf8', '\xc3\xa9', 'x-latin1', '\xe9')
  const render = (text: string) => compileTemplate(text).render(exchange, encodeForHeader)
  assert.equal(render('{header.x-utf8}'), '%C3%A9')
  assert.equal(render('{header.x-latin1}'), '%C3%A9')
})

test('values beyond ASCII are percent-encoded in a header, byte by byte', () => {
  const exchange = exchangeOf('/items/%C3%A9/x')
  assert.equal(compileTemplate('{path.id}').render(exchange, encodeForHeader), '%C3%A9')
})

test('a result over 8 KiB is no result', () => {
  const target = (length: number) => `/items/1/x?long=${'a'.repeat(length)}`
  const template = compileTemplate('{query.long}')
  assert.equal(template.render(exchangeOf(target(8_192)), encodeForHeader)?.length, 8_192)
  assert.equal(template.render(exchangeOf(target(8_193)), encodeForHeader), undefined)
})

test('the time is that of the request', () => {
  const before = Math.floor(Date.now() / 1000)
  const unix = Number(compileTemplate('{time.unix}').render(exchangeOf(), encodeForHeader))
  assert.ok(unix >= before && unix <= before + 5)
  assert.match(
    compileTemplate('{time.iso}').render(exchangeOf(), encodeForHeader)!,
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  )
})

const problems: [template: string, message: RegExp][] = [
  ['{request.methd}', /unknown variable \{request\.methd\}/],
  ['{}', /unknown variable \{\}/],
  ['{header.}', /unknown variable/],
  ['{__proto__}', /unknown variable/],
  ['{constructor.name}', /unknown variable/],
  ['{request.id', /"\{" without its "\}"/],
  ['{claim.$[}', /\{claim\.\$\[\} must be a claim/],
]
for (const [template, message] of problems) {
  test(`${JSON.stringify(template)} is refused`, () => {
    assert.match(findTemplateProblem(template)!.message, message)
    assert.throws(() => compileTemplate(template), TypeError)
  })
}
