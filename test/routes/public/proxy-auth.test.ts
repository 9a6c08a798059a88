import assert from 'node:assert/strict'
import { generateKeyPairSync, hash, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import jwt from 'jsonwebtoken'
import type { RoutesPage } from '../../../routes/admin/page-types.ts'
import { startTestGateway, type TestGateway, token } from '../../support/gateway.ts'
import { type ClientRequest, openRaw, send } from '../../support/http.ts'
import { cheapHash } from '../../support/password.ts'
import { type Handler, type Service, startService } from '../../support/service.ts'
import { openWebSocket, startWebSocketNode } from '../../support/websocket.ts'

/** Answers with the target and the header lines that it received. */
const show: Handler = (request, response) => {
  request.resume()
  response.end(JSON.stringify({ target: request.url, headers: request.rawHeaders }))
}

const API_KEY = 'wg_a-key-of-tests-that-is-long-enough-for-them'
const SHA256 = hash('sha256', API_KEY, 'hex')
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

const ROUTES = {
  open: { path: '/open/*', service: 'echo', auth: 'none' },
  token: { path: '/token/*', service: 'echo', auth: 'jwt' },
  key: { path: '/key/*', service: 'echo', auth: { 'api-key': { scopes: ['read'] } } },
  user: { path: '/user/*', service: 'echo', auth: { basic: { roles: ['admin'] } } },
  any: { path: '/any/*', service: 'echo', auth: ['jwt', 'api-key', 'basic'] },
  pro: { path: '/pro/*', service: 'echo', auth: { jwt: { claims: { tier: ['pro', 'team'] } } } },
}

async function setUp(t: TestContext, document: object = {}): Promise<TestGateway> {
  const node = await startService('echo', show)
  t.after(() => node.close())
  return startTestGateway(t, { nodes: { 'echo/n1': node.port }, routes: ROUTES, withKey: true, document })
}

const AUTHENTICATORS = {
  apiKeys: { enabled: true },
  basic: {
    users: { anna: { password: cheapHash('right'), roles: ['admin'] } },
  },
}

function putKey(gateway: TestGateway, document: unknown, sha256 = SHA256): Promise<void> {
  const entry = { kind: 'api-key', key: `/waygate/api-keys/${sha256}`, hash: sha256, document } as const
  return gateway.change(registry => registry.putEntry('api-keys', entry))
}

/** Sends a request. Returns what the node saw, or the code of the refusal. */
async function ask({ port }: TestGateway, path: string, headers: ClientRequest['headers'] = {}) {
  const answer = await send(port, { path, headers })
  const body = answer.json() as { target: string; headers: string[]; code?: string }
  const seen = new Map<string, string>()
  for (let i = 0; i < (body.headers?.length ?? 0); i += 2)
    seen.set(body.headers[i]!.toLowerCase(), body.headers[i + 1]!)
  return {
    status: answer.status,
    code: body.code,
    target: body.target,
    seen,
    challenge: answer.headers['www-authenticate'],
  }
}

test('an API key admits its owner, is not forwarded, and stops working when it is deleted', async t => {
  const gateway = await setUp(t, AUTHENTICATORS)
  const headers = { 'X-Api-Key': API_KEY, Authorization: 'Bearer something of the service' }
  assert.equal((await ask(gateway, '/key/x')).code, 'WG_TOKEN_MISSING')
  assert.equal((await ask(gateway, '/key/x', headers)).code, 'WG_TOKEN_INVALID')
  await putKey(gateway, { owner: 'acme', scopes: ['read'] })
  const accepted = await ask(gateway, '/key/x', headers)
  assert.equal(accepted.status, 200)
  assert.equal(accepted.seen.get('x-user-id'), 'acme')
  assert.equal(accepted.seen.has('x-api-key'), false)
  assert.equal(accepted.seen.get('authorization'), 'Bearer something of the service')
  await putKey(gateway, { owner: 'acme', scopes: ['write'] })
  assert.equal((await ask(gateway, '/key/x', headers)).code, 'WG_FORBIDDEN')
  await putKey(gateway, { owner: 'acme', scopes: ['read'], expiresAt: '2020-01-01T00:00:00Z' })
  assert.equal((await ask(gateway, '/key/x', headers)).code, 'WG_TOKEN_EXPIRED')
  await gateway.change(registry => registry.deleteEntry('api-keys', `/waygate/api-keys/${SHA256}`))
  const gone = await ask(gateway, '/key/x', headers)
  assert.equal(gone.code, 'WG_TOKEN_INVALID')
  assert.equal(gone.challenge, 'ApiKey realm="waygate", header="x-api-key"')
  assert.ok(!JSON.stringify(gateway.log).includes(API_KEY), 'no key is logged')
})

test('an invalid value of an API key leaves the last good one in use, and is shown as a problem', async t => {
  const gateway = await setUp(t, AUTHENTICATORS)
  await putKey(gateway, { owner: 'acme', scopes: ['read'] })
  await putKey(gateway, { owner: 7, scope: ['read'] })
  assert.equal((await ask(gateway, '/key/x', { 'x-api-key': API_KEY })).status, 200)
  const { problems } = JSON.parse((await send(gateway.adminPort, { path: '/routes' })).text) as RoutesPage
  assert.equal(problems.length, 1)
  const { lastGood, ...problem } = problems[0]!
  assert.deepEqual(problem, {
    key: `/waygate/api-keys/${SHA256}`,
    reason: '$.scope: is not a known field (did you mean "scopes"?); $.owner: must be a string, not 7',
  })
  assert.ok(lastGood, 'it says which version is in use')
})

test('a user with a password is admitted, and the password is not forwarded', async t => {
  const gateway = await setUp(t, AUTHENTICATORS)
  for (let i = 0; i < 2; i++) {
    const { status, seen } = await ask(gateway, '/user/x', { authorization: basic('anna:right') })
    assert.equal(status, 200)
    assert.equal(seen.get('x-user-id'), 'anna')
    assert.equal(seen.has('authorization'), false)
  }
  const wrong = await ask(gateway, '/user/x', { authorization: basic('anna:wrong') })
  assert.equal(wrong.code, 'WG_TOKEN_INVALID')
  assert.equal(wrong.challenge, 'Basic realm="waygate", charset="UTF-8"')
})

test('a route with several authenticators accepts each of them, and a request without credentials gets all challenges', async t => {
  const gateway = await setUp(t, AUTHENTICATORS)
  await putKey(gateway, { owner: 'acme' })
  for (const [headers, user] of [
    [{ authorization: `Bearer ${token()}` }, 'u1'],
    [{ 'x-api-key': API_KEY }, 'acme'],
    [{ authorization: basic('anna:right') }, 'anna'],
    [{ authorization: 'Bearer a.b.c', 'x-api-key': API_KEY }, 'acme'],
  ] as const) {
    assert.equal((await ask(gateway, '/any/x', headers)).seen.get('x-user-id'), user)
  }
  const { status, challenge } = await ask(gateway, '/any/x')
  assert.equal(status, 401)
  assert.equal(
    challenge,
    'Bearer realm="waygate", ApiKey realm="waygate", header="x-api-key", Basic realm="waygate", charset="UTF-8"',
  )
})

test('a scheme and its password may be separated by several spaces', async t => {
  const gateway = await setUp(t, AUTHENTICATORS)
  const authorization = basic('anna:right').replace(' ', '   ')
  const { status, seen } = await ask(gateway, '/user/x', { authorization })
  assert.equal(status, 200)
  assert.equal(seen.has('authorization'), false)
})

/** Headers that may carry credentials. */
interface Sent {
  readonly authorization?: string
  readonly 'x-api-key'?: string
  readonly cookie?: string
}

test('of a list of authenticators, the node sees at most the credentials of the one that accepted', async t => {
  const lists = {
    jk: ['jwt', 'api-key'],
    kj: ['api-key', 'jwt'],
    kb: ['api-key', 'basic'],
    bk: ['basic', 'api-key'],
    jkb: ['jwt', 'api-key', 'basic'],
    proK: [{ jwt: { claims: { tier: 'pro' } } }, 'api-key'],
  }
  const node = await startService('echo', show)
  t.after(() => node.close())
  const gateway = await startTestGateway(t, {
    nodes: { 'echo/n1': node.port },
    routes: Object.fromEntries(
      Object.entries(lists).map(([id, auth]) => [id, { path: `/${id}/*`, service: 'echo', auth }]),
    ),
    withKey: true,
    document: { ...AUTHENTICATORS, jwt: { cookie: 'sid', queryParameter: 't' } },
  })
  await putKey(gateway, { owner: 'acme' })
  const good = token()
  const bearer = `Bearer ${good}`
  const forged = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good.split('.')[1]}.`
  const key = { 'x-api-key': API_KEY }
  const badKey = { 'x-api-key': 'wg_nobody' }
  const password = basic('anna:right')
  for (const [list, sent, query, user, left, leftQuery = ''] of [
    ['jk', { authorization: bearer, ...key }, '', 'u1', { authorization: bearer }],
    ['jk', { authorization: bearer, ...badKey }, '', 'u1', { authorization: bearer }],
    ['jk', { cookie: `a=1; sid=${good}`, ...key }, '?b=1', 'u1', { cookie: 'a=1' }, '?b=1'],
    ['jk', { authorization: `Bearer ${forged}`, ...key }, '', 'acme', {}],
    ['jk', { authorization: `Bearer\t${forged}`, ...key }, '', 'acme', {}],
    ['jk', { authorization: forged, ...key }, '', 'acme', {}],
    ['jk', { authorization: 'Digest x', ...key }, '', 'acme', {}],
    ['jk', { authorization: bearer, cookie: `sid=${good}`, ...key }, `?t=${good}`, 'acme', {}],
    ['kj', { authorization: bearer, ...key }, '', 'acme', {}],
    ['kj', { authorization: `Bearer ${forged}`, ...key }, '', 'acme', {}],
    ['kj', { cookie: `sid=${good}; a=1; sid=x`, ...key }, '', 'acme', { cookie: 'a=1' }],
    ['kj', key, `?t=${good}&b=1&t=x`, 'acme', {}, '?b=1'],
    ['kj', { authorization: bearer, ...badKey }, '', 'u1', { authorization: bearer }],
    ['kj', { authorization: bearer }, '?b=1', 'u1', { authorization: bearer }, '?b=1'],
    ['kb', { authorization: password, ...key }, '', 'acme', {}],
    ['kb', { authorization: 'basic  !', ...key }, '', 'acme', {}],
    ['kb', { authorization: 'Bearer x', ...key }, `?t=x`, 'acme', { authorization: 'Bearer x' }, '?t=x'],
    ['bk', { authorization: password, ...key }, '', 'anna', {}],
    ['bk', { authorization: basic('anna:wrong'), ...key }, '', 'acme', {}],
    ['bk', { authorization: `Basic ${'x'.repeat(2_000)}`, ...key }, '', 'acme', {}],
    ['jkb', { authorization: bearer, ...key }, '', 'u1', { authorization: bearer }],
    ['jkb', { authorization: password, ...key }, '', 'acme', {}],
    ['jkb', { authorization: password, cookie: `sid=${good}`, ...key }, '', 'u1', {}],
    ['jkb', { authorization: password, cookie: 'sid=x; a=1', ...badKey }, '', 'anna', { cookie: 'a=1' }],
    ['proK', { authorization: bearer, ...key }, '', 'acme', {}],
  ] as readonly (readonly [keyof typeof lists, Sent, string, string, Sent, string?])[]) {
    const what = `${lists[list]}: ${JSON.stringify(sent)} ${query}`
    const { status, seen, target } = await ask(gateway, `/${list}/x${query}`, { ...sent })
    assert.equal(status, 200, what)
    assert.equal(seen.get('x-user-id'), user, what)
    const names = ['authorization', 'x-api-key', 'cookie'].filter(name => seen.has(name))
    assert.deepEqual(Object.fromEntries(names.map(name => [name, seen.get(name)])), left, what)
    assert.equal(target, `/${list}/x${leftQuery}`, what)
  }
})

test('of a list with jwt but without a key for tokens, the node sees no token', async t => {
  const node = await startService('echo', show)
  t.after(() => node.close())
  const gateway = await startTestGateway(t, {
    nodes: { 'echo/n1': node.port },
    routes: { any: ROUTES.any },
    document: AUTHENTICATORS,
  })
  await putKey(gateway, { owner: 'acme' })
  const { seen } = await ask(gateway, '/any/x', { authorization: `Bearer ${token()}`, 'x-api-key': API_KEY })
  assert.equal(seen.get('x-user-id'), 'acme')
  assert.equal(seen.has('authorization'), false)
})

test('a body that arrives while a password is checked reaches the node whole', async t => {
  const sizes: number[] = []
  const node = await startService('echo', async (request, response) => {
    let size = 0
    for await (const piece of request) size += piece.length
    sizes.push(size)
    response.end('{}')
  })
  t.after(() => node.close())
  const gateway = await startTestGateway(t, {
    nodes: { 'echo/n1': node.port },
    routes: ROUTES,
    document: AUTHENTICATORS,
  })
  const body = Buffer.alloc(300_000, 'x')
  const headers = { authorization: basic('anna:right') }
  assert.equal((await send(gateway.port, { method: 'POST', path: '/user/x', headers, body })).status, 200)
  assert.deepEqual(sizes, [300_000])
})

test('identity headers of a client never reach a node, whichever authenticator accepts it', async t => {
  const gateway = await setUp(t, {
    ...AUTHENTICATORS,
    jwt: { claimHeaders: { sub: 'x-user-id', org: 'X-Org' } },
  })
  await putKey(gateway, {
    owner: 'acme',
    scopes: ['read'],
    claims: { org: 'o1', sub: 'forged', scope: 'admin' },
  })
  const forged = {
    'x-user-id': 'root',
    X_USER_ID: 'root',
    'x_user-id': 'root',
    'x-org': 'root',
    X_Org: 'root',
    connection: 'x-user-id',
  }
  for (const [path, headers, user, org] of [
    ['/open/x', {}, undefined, undefined],
    ['/token/x', { authorization: `Bearer ${token({ org: 'o2' })}` }, 'u1', 'o2'],
    ['/token/x', { authorization: `Bearer ${token()}` }, 'u1', undefined],
    ['/key/x', { 'x-api-key': API_KEY }, 'acme', 'o1'],
    ['/user/x', { authorization: basic('anna:right') }, 'anna', undefined],
  ] as const) {
    const { status, seen } = await ask(gateway, path, { ...forged, ...headers })
    assert.equal(status, 200, path)
    assert.equal(seen.get('x-user-id'), user, path)
    assert.equal(seen.get('x-org'), org, path)
    for (const [name, value] of seen) assert.ok(value !== 'root', `${path}: ${name}`)
  }
})

test('a token in a cookie or in the query is removed before the request reaches node and log', async t => {
  const gateway = await setUp(t, { jwt: { cookie: 'session', queryParameter: 'access_token' } })
  const [mine, other] = [token({ n: 1 }), token({ n: 2 })] as const
  const byCookie = await ask(gateway, '/token/x?a=1', { cookie: `theme=dark; session=${mine}` })
  assert.equal(byCookie.seen.get('x-user-id'), 'u1')
  assert.equal(byCookie.seen.get('cookie'), 'theme=dark')
  const byQuery = await ask(gateway, `/token/x?a=1&access_token=${other}&b=2`)
  assert.equal(byQuery.seen.get('x-user-id'), 'u1')
  assert.equal(byQuery.target, '/token/x?a=1&b=2')
  const spelled = await ask(gateway, `/token/x?%61ccess_token=${other}&b=2`)
  assert.deepEqual([spelled.seen.get('x-user-id'), spelled.target], ['u1', '/token/x?b=2'])
  const twice = await ask(gateway, `/token/x?access_token=${other}&access%5Ftoken=forged`)
  assert.equal(twice.code, 'WG_BAD_REQUEST')
  const both = await ask(gateway, `/token/x?access_token=${other}`, { authorization: `Bearer ${mine}` })
  assert.equal(both.code, 'WG_BAD_REQUEST')
  assert.equal(both.challenge, 'Bearer realm="waygate", error="invalid_request"')
  const bad = await ask(gateway, '/token/x?access_token=abc.def.ghi')
  assert.equal(bad.code, 'WG_TOKEN_INVALID')
  // A token that was accepted in another place is not accepted without its scheme.
  assert.equal((await ask(gateway, '/token/x', { authorization: mine })).code, 'WG_TOKEN_MISSING')
  const log = JSON.stringify(gateway.log)
  for (const secret of [mine, other, 'abc.def.ghi', 'access_token']) assert.ok(!log.includes(secret))
})

test('a cookie or a query parameter is not read as a token unless it is configured', async t => {
  const gateway = await setUp(t)
  const { code } = await ask(gateway, `/token/x?access_token=${token()}`, { cookie: `session=${token()}` })
  assert.equal(code, 'WG_TOKEN_MISSING')
})

test('a route may require claims', async t => {
  const gateway = await setUp(t)
  const tiers = { pro: 200, team: 200, free: 403 }
  for (const [tier, status] of Object.entries(tiers)) {
    assert.equal(
      (await ask(gateway, '/pro/x', { authorization: `Bearer ${token({ tier })}` })).status,
      status,
    )
  }
})

test('a revoked token is refused until its revocation ends', async t => {
  const gateway = await setUp(t, { jwt: { revocations: { enabled: true } } })
  const headers = { authorization: `Bearer ${token({ jti: 'a/b c' })}` }
  const key = '/waygate/revocations/a/b c'
  assert.equal((await ask(gateway, '/token/x', headers)).status, 200)
  await gateway.change(registry =>
    registry.putEntry('revocations', { kind: 'revocation', key, tokenId: 'a/b c' }),
  )
  assert.equal((await ask(gateway, '/token/x', headers)).code, 'WG_TOKEN_INVALID')
  await gateway.change(registry => registry.deleteEntry('revocations', key))
  assert.equal((await ask(gateway, '/token/x', headers)).status, 200)
})

test('a route whose authenticator is not configured is a problem, and its service stays closed', async t => {
  const node = await startService('echo', show)
  t.after(() => node.close())
  const gateway = await startTestGateway(t, { nodes: { 'echo/n1': node.port }, routes: { key: ROUTES.key } })
  const refused = await send(gateway.port, { path: '/key/x' })
  assert.deepEqual([refused.status, refused.json().code], [503, 'WG_ROUTE_BROKEN'])
  assert.equal((await send(gateway.port, { path: '/echo/x' })).status, 404)
  const { problems } = (await send(gateway.adminPort, { path: '/routes' })).json() as {
    problems: { reason: string }[]
  }
  assert.match(
    problems[0]!.reason,
    /^\$\.auth: requires "api-key", which is not configured: set apiKeys\.enabled$/,
  )
})

const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2_048 })

/** Starts an issuer that serves its keys. */
async function startIssuer(
  t: TestContext,
): Promise<Service & { keys: readonly (readonly [string, KeyObject])[] }> {
  const state = { keys: [] as readonly (readonly [string, KeyObject])[] }
  const service = await startService('issuer', (_, response) => {
    const keys = state.keys.map(([kid, key]) => ({
      ...key.export({ format: 'jwk' }),
      kid,
      use: 'sig',
      alg: 'RS256',
    }))
    response.end(JSON.stringify({ keys }))
  })
  t.after(() => service.close())
  return Object.defineProperty(service, 'keys', {
    get: () => state.keys,
    set: keys => {
      state.keys = keys
    },
  }) as Service & typeof state
}

const issued = (kid: string | undefined, key: KeyObject, claims: object = {}) =>
  jwt.sign({ sub: 'u7', iss: 'https://issuer', aud: 'api', ...claims }, key, {
    algorithm: 'RS256',
    expiresIn: 60,
    ...(kid !== undefined && { keyid: kid }),
  })

const issuerDocument = (port: number) => ({
  jwt: {
    issuers: [{ issuer: 'https://issuer', audience: 'api', jwksUrl: `http://127.0.0.1:${port}/keys` }],
    jwks: { cooldownSeconds: 1 },
  },
})

test('the keys of an issuer are fetched from its configured address, and not from one that a token names', async t => {
  const [good, forged] = [rsa(), rsa()]
  const issuer = await startIssuer(t)
  issuer.keys = [['k1', good.publicKey]]
  const elsewhere = await startService('elsewhere', (_, response) => {
    response.end(JSON.stringify({ keys: [{ ...forged.publicKey.export({ format: 'jwk' }), kid: 'k1' }] }))
  })
  t.after(() => elsewhere.close())
  const gateway = await setUp(t, issuerDocument(issuer.port))
  const present = (text: string) => ask(gateway, '/token/x', { authorization: `Bearer ${text}` })
  assert.equal((await present(issued('k1', good.privateKey))).seen.get('x-user-id'), 'u7')
  assert.equal((await present(issued(undefined, good.privateKey))).status, 200)
  const url = `http://127.0.0.1:${elsewhere.port}/`
  for (const header of [
    { jku: url },
    { x5u: url },
    { jwk: forged.publicKey.export({ format: 'jwk' }) },
    { kid: url },
    { kid: '../../keys' },
  ]) {
    const text = jwt.sign({ sub: 'u7', iss: 'https://issuer', aud: 'api' }, forged.privateKey, {
      algorithm: 'RS256',
      expiresIn: 60,
      header: { alg: 'RS256', kid: 'k1', ...header } as jwt.JwtHeader,
    })
    assert.equal((await present(text)).code, 'WG_TOKEN_INVALID', JSON.stringify(header).slice(0, 30))
  }
  assert.equal(elsewhere.count, 0)
})

test('a gateway whose issuer is unreachable starts, logs it, and accepts tokens as soon as it has the keys', async t => {
  const good = rsa()
  const issuer = await startIssuer(t)
  let isDown = true
  const answerKeys = issuer.handler
  issuer.handler = (request, response) => {
    if (isDown) response.writeHead(503).end()
    else answerKeys(request, response)
  }
  issuer.keys = [['k1', good.publicKey]]
  const gateway = await setUp(t, issuerDocument(issuer.port))
  const present = () => ask(gateway, '/token/x', { authorization: `Bearer ${issued('k1', good.privateKey)}` })
  const early = await present()
  assert.equal(early.status, 503)
  assert.equal(early.code, 'WG_AUTH_UNAVAILABLE')
  isDown = false
  let status: number = early.status
  while (status === 503) ({ status } = await present())
  assert.equal(status, 200)
})

test('a request whose client leaves while keys are fetched is not sent to a node', async t => {
  const issuer = await startIssuer(t)
  const asked = once(issuer.server, 'request')
  const answer = Promise.withResolvers<void>()
  const answerKeys = issuer.handler
  issuer.handler = (request, response) => void answer.promise.then(() => answerKeys(request, response))
  const { publicKey, privateKey } = rsa()
  issuer.keys = [['k1', publicKey]]
  const node = await startService('echo', show)
  t.after(() => node.close())
  const gateway = await startTestGateway(t, {
    nodes: { 'echo/n1': node.port },
    routes: ROUTES,
    document: issuerDocument(issuer.port),
  })
  await asked
  const head = [
    'GET /token/x HTTP/1.1',
    'Host: a',
    'X-Request-Id: leaver',
    `Authorization: Bearer ${issued('k1', privateKey)}`,
  ]
  const client = await openRaw(gateway.port, `${head.join('\r\n')}\r\n\r\n`)
  client.socket.end()
  client.socket.destroy()
  await gateway.logged('leaver')
  // It waits for the same keys, and its answer comes after the other request was handled.
  const stayer = ask(gateway, '/token/x', { authorization: `Bearer ${issued('k1', privateKey)}` })
  answer.resolve()
  assert.equal((await stayer).status, 200)
  assert.equal(node.count, 1)
})

test('a WebSocket is admitted by a cookie, an API key or a password, and its node sees none of them', async t => {
  const node = await startWebSocketNode(t)
  const gateway = await startTestGateway(t, {
    nodes: { 'chat/c1': node.port },
    routes: { chat: { path: '/chat', service: 'chat', auth: ['jwt', 'api-key', 'basic'] } },
    withKey: true,
    document: { ...AUTHENTICATORS, jwt: { cookie: 'session' } },
  })
  await putKey(gateway, { owner: 'acme' })
  for (const [headers, user] of [
    [{ cookie: `session=${token()}` }, 'u1'],
    [{ 'x-api-key': API_KEY }, 'acme'],
    [{ authorization: basic('anna:right') }, 'anna'],
    [{ cookie: `session=${token()}`, 'x-api-key': API_KEY, authorization: basic('anna:right') }, 'u1'],
    [{ authorization: 'Bearer a.b.c', 'x-api-key': API_KEY }, 'acme'],
  ] as const) {
    await openWebSocket(t, gateway.port, { path: '/chat', headers })
    const seen = (await node.next()).request.headers
    assert.equal(seen['x-user-id'], user)
    for (const name of ['cookie', 'x-api-key', 'authorization']) assert.equal(seen[name], undefined, name)
  }
  await assert.rejects(
    openWebSocket(t, gateway.port, { path: '/chat', headers: { authorization: basic('anna:no') } }),
  )
})
