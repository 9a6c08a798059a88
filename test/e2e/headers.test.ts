import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import jwt from 'jsonwebtoken'
import { startGatewayHere } from '../support/gateway-here.ts'
import { exchangeRaw } from '../support/raw-http.ts'
import { openRegistry } from '../support/registry.ts'
import { type Handler, startService } from '../support/service.ts'
import type { ServingGateway } from '../support/serving-gateway.ts'

const SECRET = 'a secret of at least thirty-two bytes'
const TOKEN = jwt.sign({ sub: 'anna', tenant: 'blue' }, SECRET, { expiresIn: '1h' })

/** Answers with the header lines that it received. */
const showHeaders: Handler = (request, response) => {
  request.resume()
  response.setHeader('x-request-id', 'the-node-has-its-own')
  response.end(JSON.stringify(request.rawHeaders))
}

const env = { WAYGATE_JWT_SECRET: SECRET }
const [gateway, behindProxy, node] = await Promise.all([
  startGatewayHere({ env, config: { jwt: { claimHeaders: { sub: 'x-user-id', tenant: 'x-tenant' } } } }),
  startGatewayHere({ config: { trustedProxies: ['127.0.0.0/8'] } }),
  startService('echo', showHeaders),
])
for (const each of [gateway, behindProxy]) {
  using registry = openRegistry(each.etcd)
  await registry.putNode('echo', 'n1', node)
  await registry.putRoute('open', { path: '/open/*', service: 'echo', auth: 'none' })
  await registry.putRoute('echo', {
    path: '/echo/*',
    service: 'echo',
    auth: each === gateway ? 'jwt' : 'none',
  })
  await registry.putRoute('keeps-host', {
    path: '/host/*',
    service: 'echo',
    auth: 'none',
    preserveHost: true,
  })
  await each.untilNodes('echo', ['n1'])
}
after(async () => {
  await Promise.all([gateway.stop(), behindProxy.stop(), node.close()])
})

interface Seen {
  readonly status: number
  /** Headers of the answer, names in lower case. */
  readonly head: ReadonlyMap<string, string>
  /** Header values that the node received, by name in lower case. */
  readonly node: ReadonlyMap<string, readonly string[]>
  /** Header names as the node received them. */
  readonly names: readonly string[]
}

/** Sends exactly these header lines. */
async function send(
  lines: readonly string[],
  { path = '/echo/x', at = gateway as ServingGateway } = {},
): Promise<Seen> {
  const all = [`GET ${path} HTTP/1.1`, 'Host: shop.example:8080', ...lines, 'Connection: close', '', '']
  const text = await exchangeRaw(at.port, all.join('\r\n'))
  const [head = '', body = ''] = text.split(/\r\n\r\n(.*)/s)
  const [statusLine = '', ...headerLines] = head.split('\r\n')
  const status = Number(statusLine.split(' ')[1])
  const raw: string[] = status === 200 ? JSON.parse(body) : []
  const seen = new Map<string, string[]>()
  const names: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    names.push(raw[i]!)
    const name = raw[i]!.toLowerCase()
    seen.set(name, [...(seen.get(name) ?? []), raw[i + 1]!])
  }
  const answer = new Map(
    headerLines.map(line => line.split(/: ?(.*)/s)).map(([n, v]) => [n!.toLowerCase(), v!]),
  )
  return { status, head: answer, node: seen, names }
}

const authorized = `Authorization: Bearer ${TOKEN}`

test('the node sees the caller that the token names', async () => {
  const { node } = await send([authorized])
  assert.deepEqual(node.get('x-user-id'), ['anna'])
  assert.deepEqual(node.get('x-tenant'), ['blue'])
})

const FORGED = [
  ['X-User-Id: mallory'],
  ['x-user-id: mallory', 'x-user-id: mallory'],
  ['X_User_Id: mallory'],
  ['x_user-id: mallory'],
  ['x-user_id: mallory'],
  ['Connection: x-user-id'],
  ['Connection: X-User-Id, x-tenant', 'x-user-id: mallory'],
  ['X-Tenant: red', 'X_TENANT: red'],
]
for (const lines of FORGED) {
  test(`a client cannot forge the caller with ${lines.join(' and ')}`, async () => {
    const { node, names } = await send([authorized, ...lines])
    assert.deepEqual(node.get('x-user-id'), ['anna'])
    assert.deepEqual(node.get('x-tenant'), ['blue'])
    assert.ok(!names.some(name => name.includes('_')))

    const open = await send(lines, { path: '/open/x' })
    assert.equal(open.status, 200)
    assert.deepEqual(
      open.names.filter(name => /^x.(user.id|tenant)$/i.test(name)),
      [],
      'nobody is named where nobody is asked',
    )
  })
}

test('a well-formed request id is kept, and sent to both sides', async () => {
  for (const id of ['a', 'A-b_c.9', 'x'.repeat(128)]) {
    const { head, node } = await send([authorized, `X-Request-Id: ${id}`])
    assert.deepEqual([head.get('x-request-id'), node.get('x-request-id')], [id, [id]])
  }
})

test('a request id that is malformed or missing is replaced by a new one', async () => {
  const seen = new Set<string>()
  const cases = [[], ['X-Request-Id: a b'], ['X-Request-Id: '], [`X-Request-Id: ${'x'.repeat(129)}`]]
  for (const lines of [
    ...cases,
    ['X-Request-Id: ä'],
    ['X-Request-Id: a', 'X-Request-Id: b'],
    ['x_request_id: a'],
  ]) {
    const { head, node, names } = await send([authorized, ...lines])
    const id = head.get('x-request-id')!
    assert.match(id, /^[0-9a-f]{16}-[0-9a-z]+$/)
    assert.deepEqual(node.get('x-request-id'), [id])
    assert.ok(!names.includes('x_request_id'))
    seen.add(id)
  }
  assert.equal(seen.size, 7)
})

test('a refusal has the request id as well, in head and body', async () => {
  const { status, head } = await send(['X-Request-Id: mine'])
  assert.equal(status, 401)
  assert.equal(head.get('x-request-id'), 'mine')
  assert.equal(head.get('content-type'), 'application/problem+json')
  assert.match(head.get('www-authenticate') ?? '', /^Bearer/)
})

const CLAIMS_OF_PROXIES = [
  'X-Forwarded-For: 6.6.6.6',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: bank.example',
  'X-Forwarded-Port: 1',
  'X-Forwarded-Prefix: /bank',
  'X-Forwarded-User: root',
  'X-Forwarded-Client-Cert: Hash=abc',
  'X_Forwarded_For: 6.6.6.6',
  'X_Forwarded_User: root',
  'X-Real-IP: 6.6.6.6',
  'Forwarded: for=6.6.6.6',
]

test('forwarding headers of an untrusted client are replaced by observed values', async () => {
  const { node, names } = await send([authorized, ...CLAIMS_OF_PROXIES])
  assert.deepEqual(node.get('x-forwarded-for'), ['127.0.0.1'])
  assert.deepEqual(node.get('x-forwarded-proto'), ['http'])
  assert.deepEqual(node.get('x-forwarded-host'), ['shop.example:8080'])
  assert.deepEqual(
    names.filter(name => /forwarded|real/i.test(name)),
    ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port', 'x-real-ip', 'x-forwarded-host'],
  )
  assert.deepEqual(node.get('x-forwarded-port'), ['8080'])
  assert.deepEqual(node.get('x-real-ip'), ['127.0.0.1'])
})

test('forwarding headers of a trusted proxy are kept, and its address is appended', async () => {
  const { node, names } = await send(CLAIMS_OF_PROXIES, { at: behindProxy })
  assert.deepEqual(node.get('x-forwarded-for'), ['6.6.6.6, 127.0.0.1'])
  assert.deepEqual(node.get('x-forwarded-proto'), ['https'])
  assert.deepEqual(node.get('x-forwarded-host'), ['bank.example'])
  assert.deepEqual(node.get('x-forwarded-port'), ['1'])
  assert.deepEqual(node.get('x-forwarded-prefix'), ['/bank'])
  assert.deepEqual(node.get('x-forwarded-user'), ['root'])
  assert.deepEqual(node.get('x-forwarded-client-cert'), ['Hash=abc'])
  assert.deepEqual(node.get('x-real-ip'), ['6.6.6.6'])
  assert.equal(node.get('forwarded'), undefined)
  assert.ok(!names.some(name => name.includes('_')))
})

test("the node gets its own address as Host, or the client's Host with preserveHost", async () => {
  assert.deepEqual((await send([authorized])).node.get('host'), [`127.0.0.1:${node.port}`])
  assert.deepEqual((await send([], { path: '/host/x' })).node.get('host'), ['shop.example:8080'])
})

test('hop-by-hop fields, and fields that Connection names, are not forwarded', async () => {
  const { node } = await send([
    authorized,
    ...[
      'Keep-Alive: timeout=5',
      'TE: trailers',
      'Upgrade: foo',
      'Proxy-Authorization: Basic eA==',
      'Trailer: x',
    ],
    ...['Connection: x-private', 'X-Private: 1', 'X-Public: 2', 'Proxy-Connection: close'],
  ])
  for (const name of ['upgrade', 'proxy-authorization', 'proxy-connection', 'trailer', 'x-private']) {
    assert.equal(node.get(name), undefined, name)
  }
  assert.notDeepEqual(node.get('keep-alive'), ['timeout=5'])
  // Not passed on, but said by the gateway, too.
  assert.deepEqual([node.get('te'), node.get('connection')], [['trailers'], ['keep-alive, te']])
  assert.deepEqual(node.get('x-public'), ['2'])
})

test('other fields are forwarded with their spelling, order and number', async () => {
  const { names, node } = await send([authorized, 'X-B: 2', 'x-A: 1', 'X-B: 3', 'Cookie: a=b', 'Accept: */*'])
  assert.deepEqual(
    names.filter(name => /^(x-[ab]|cookie|accept)$/i.test(name)),
    ['X-B', 'x-A', 'X-B', 'Cookie', 'Accept'],
  )
  assert.deepEqual(node.get('x-b'), ['2', '3'])
})

test("the node's own request id does not reach the client", async () => {
  const { head } = await send([authorized, 'X-Request-Id: mine'])
  assert.equal(head.get('x-request-id'), 'mine')
})
