import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type { ExplainPage } from '../../../routes/admin/explain.ts'
import { type GatewaySetUp, startTestGateway, token } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { putDescriptors, startJsonGateway } from '../../support/json-gateway.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { seededRandom } from '../../support/random.ts'
import { until } from '../../support/until.ts'

async function setUp(t: TestContext, options: GatewaySetUp) {
  const node = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer('ok'))
  })
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': { port: node.port, weight: 3 }, 'user/u2': { port: node.port, weight: 1 } },
    ...options,
  })
  const ask = (question: object) => askExplain(gateway.adminPort, question)
  return { ...gateway, node, ask }
}

async function askExplain(adminPort: number, question: object): Promise<ExplainPage> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/api/v1/explain`, {
    method: 'POST',
    body: JSON.stringify(question),
    headers: { 'content-type': 'application/json' },
  })
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as ExplainPage
}

const OPEN = { service: 'user', auth: 'none' }
const stopOf = ({ steps }: ExplainPage) => steps.find(({ ok }) => !ok)

test('a request that a node would answer: its steps, its route, and the share of each node', async t => {
  const { ask, node } = await setUp(t, {
    routes: { tasks: { ...OPEN, path: '/tasks/*', stripPrefix: '/tasks' } },
  })
  const page = await ask({
    method: 'POST',
    url: 'http://api.example.com/tasks/7?x=1',
    headers: { 'x-a': '1' },
  })
  assert.deepEqual(
    page.steps.map(({ step, ok, text }) => [step, ok, text]),
    [
      ['request', true, 'POST /tasks/7?x=1'],
      ['route', true, 'tasks (etcd): /tasks/*'],
      ['auth', true, 'asks for no credentials'],
      ['body', true, 'may have any length'],
      ['forward', true, 'to user as /7?x=1'],
      ['outgoing', true, 'POST /7?x=1'],
      ['node', true, '2 of 2 nodes'],
    ],
  )
  assert.equal(page.wouldAnswer, null)
  assert.deepEqual([page.route?.id, page.route?.path], ['tasks', '/tasks/*'])
  assert.deepEqual(page.nodes, [
    { id: 'u1', share: 75, eligible: true },
    { id: 'u2', share: 25, eligible: true },
  ])
  const { headers } = page.steps.at(-2)!.detail as { headers: Record<string, string> }
  assert.equal(headers['x-a'], '1')
  assert.equal(headers['x-forwarded-host'], 'api.example.com')
  assert.equal(node.requests.length, 0)
})

test('the variant of a split and its nodes are those that the request would get', async t => {
  const { ask, adminPort } = await setUp(t, {
    nodes: {
      'user/u1': { port: 9 },
      'user/u2': { port: 9, metadata: { version: '2', traffic: 'selected' } },
      'user/u3': { port: 9, metadata: { traffic: 'selected' } },
    },
    routes: {
      plain: { ...OPEN, path: '/plain' },
      split: {
        ...OPEN,
        path: '/split',
        split: {
          variants: [
            { name: 'canary', nodes: { version: '2' }, match: { headers: { 'x-canary': '1' } } },
            { name: 'gone', service: 'nowhere', match: { headers: { 'x-canary': '2' } } },
          ],
        },
      },
    },
  })
  const asked = async (url: string, headers: object = {}) => {
    const { steps, nodes } = await ask({ method: 'GET', url, headers })
    return [steps.find(({ step }) => step === 'split')?.text, nodes.map(({ id }) => id).join()]
  }
  assert.deepEqual(await asked('/plain'), [undefined, 'u1'])
  assert.deepEqual(await asked('/split'), ['the variant is stable', 'u1'])
  assert.deepEqual(await asked('/split', { 'x-canary': '1' }), ['the variant is canary', 'u2'])
  assert.deepEqual(await asked('/split', { 'x-canary': '2' }), [
    'the variant is stable, because no node of gone can be used',
    'u1',
  ])
  const { text } = await send(adminPort, { path: '/metrics' })
  assert.doesNotMatch(text, /^waygate_split_diverted_total\{/m, 'nothing is counted')
})

test('near misses: each document says why it does not get the request', async t => {
  const { ask } = await setUp(t, {
    routes: {
      path: { ...OPEN, path: '/tasks/list' },
      method: { ...OPEN, path: '/task/list', methods: ['POST'] },
      host: { ...OPEN, path: '/task/list', hosts: ['a.example'] },
      condition: { ...OPEN, path: '/task/list', match: { headers: { 'x-api': '2' } } },
      later: { ...OPEN, path: '/task/list', enabled: false },
      other: { ...OPEN, path: '/other' },
    },
  })
  const page = await ask({ method: 'GET', url: '/task/list', headers: { host: 'b.example' } })
  assert.deepEqual(page.wouldAnswer, { status: 404, code: 'WG_NO_ROUTE' })
  assert.equal(page.route, null)
  assert.deepEqual(Object.fromEntries(page.candidates.map(({ id, lost }) => [id, lost])), {
    later: 'it is disabled',
    condition: 'condition headers.x-api ("2") does not hold',
    method: 'method GET is not in POST',
    host: 'host b.example is not a.example',
    path: 'path has "task" in place of "tasks"',
  })
})

test('a path with a slip in it finds the route that was meant, an automatic one too, and no other', async t => {
  const { ask } = await setUp(t, { routes: { far: { path: '/orders/*', service: 'orders', auth: 'none' } } })
  const lostOf = async (url: string) => (await ask({ url })).candidates.map(({ id, lost }) => [id, lost])
  assert.deepEqual(await lostOf('/users/me'), [['auto:user', 'path has "users" in place of "user"']])
  assert.deepEqual(await lostOf('/order/7'), [['far', 'path has "order" in place of "orders"']])
  assert.deepEqual(await lostOf('/x/me'), [])
  assert.deepEqual(await lostOf(`/${'user'.repeat(2_000)}`), [])
})

test('of two documents that fit, the one that loses says what decided', async t => {
  const { ask } = await setUp(t, {
    routes: {
      a: { ...OPEN, path: '/x/*' },
      b: { ...OPEN, path: '/x/*', priority: 5 },
      c: { ...OPEN, path: '/x/y' },
      d: { ...OPEN, path: '/x/y', match: { query: { v: '1' } } },
    },
  })
  const why = async (url: string) =>
    Object.fromEntries((await ask({ url })).candidates.map(({ id, lost }) => [id, lost]))
  assert.deepEqual(await why('http://h/x/z'), {
    b: null,
    a: 'b has a higher priority',
    c: 'path has "z" in place of "y"',
    d: 'path has "z" in place of "y"',
  })
  assert.deepEqual(await why('http://h/x/y?v=1'), {
    d: null,
    c: 'd has more conditions',
    a: 'd has the more specific path /x/y',
    b: 'd has the more specific path /x/y',
  })
})

test('a request that a policy refuses stops there, and one that is not enforced goes on', async t => {
  const deny = { deny: ['10.6.6.6'] }
  const { ask, adminPort } = await setUp(t, {
    routes: {
      strict: { ...OPEN, path: '/strict', clients: deny },
      trial: { ...OPEN, path: '/trial', clients: { ...deny, enforce: false } },
    },
  })
  const strict = await ask({ url: 'http://h/strict', client: '10.6.6.6' })
  assert.deepEqual(strict.wouldAnswer, { status: 403, code: 'WG_ADDRESS_DENIED' })
  assert.equal(stopOf(strict)?.step, 'clients')
  const trial = await ask({ url: 'http://h/trial', client: '10.6.6.6' })
  assert.equal(trial.wouldAnswer, null)
  assert.equal(trial.steps.find(({ step }) => step === 'clients')?.text, 'would refuse, but is not enforced')
  const metrics = (await send(adminPort, { path: '/metrics' })).text
  assert.doesNotMatch(metrics, /waygate_policy_(?:would_refuse|refusals)_total\{/)
})

test('without claims the credentials are not judged, and with them they are', async t => {
  const { ask } = await setUp(t, {
    withKey: true,
    routes: { r: { service: 'user', path: '/r', auth: { jwt: { scopes: ['write'] } } } },
  })
  const auth = ({ steps }: ExplainPage) => steps.find(({ step }) => step === 'auth')!
  const unjudged = await ask({ url: 'http://h/r', headers: { authorization: `Bearer ${token()}` } })
  assert.equal(unjudged.wouldAnswer, null)
  assert.match(auth(unjudged).text, /not judged here/)
  assert.doesNotMatch(JSON.stringify(unjudged), new RegExp(token()))
  const refused = await ask({ url: 'http://h/r', claims: { sub: 'anna', scope: 'read' } })
  assert.deepEqual(refused.wouldAnswer, { status: 403, code: 'WG_FORBIDDEN' })
  const granted = await ask({ url: 'http://h/r', claims: { sub: 'anna', scope: 'read write' } })
  assert.equal(granted.wouldAnswer, null)
  const { headers } = granted.steps.find(({ step }) => step === 'outgoing')!.detail as {
    headers: Record<string, string>
  }
  assert.equal(headers['x-user-id'], 'anna')
})

test('the role operate has credentials verified, and is told in full why they are refused', async t => {
  const tokens = {
    anna: { sha256: hash('sha256', 'operate'), role: 'operate' },
    page: { sha256: hash('sha256', 'read'), role: 'read' },
  }
  const { adminPort, port, node } = await setUp(t, {
    withKey: true,
    document: { admin: { tokens } },
    routes: { user: { path: '/user/*', service: 'user', auth: { jwt: { scopes: ['write'] } } } },
  })
  const ask = async (credentials: string, rest: object = { verify: true }, as = 'operate') => {
    const body = JSON.stringify({ url: '/user/1', headers: { authorization: credentials }, ...rest })
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${as}` }
    const { status, text } = await send(adminPort, { method: 'POST', path: '/api/v1/explain', headers, body })
    assert.ok(!text.includes(credentials.slice(7)), 'no credential is shown')
    const page = JSON.parse(text)
    return status === 200
      ? [page.wouldAnswer?.code, page.steps.find(({ step }: { step: string }) => step === 'auth').text]
      : [status, page.code]
  }
  const asks = 'asks for {"jwt":{"scopes":["write"],"roles":[]}}'
  assert.deepEqual(await ask(`Bearer ${token({ scope: 'write' })}`), [
    undefined,
    `${asks}, which the credentials given meet; the user is u1`,
  ])
  assert.deepEqual(await ask('Bearer not.a.token'), [
    'WG_TOKEN_INVALID',
    '401 WG_TOKEN_INVALID: the token is not canonical base64url',
  ])
  assert.equal((await ask(`Bearer ${token({ scope: 'read' })}`))[0], 'WG_FORBIDDEN')
  assert.deepEqual(await ask('Bearer x.y.z', { verify: true }, 'read'), [403, 'WA_ROLE'])
  assert.match(String((await ask('Bearer x.y.z', {}, 'read'))[1]), /not judged here/)
  assert.deepEqual(await ask('Bearer x.y.z', { verify: true, claims: {} }), [400, 'WA_BODY'])
  const real = await send(port, {
    path: '/user/1',
    headers: { authorization: `Bearer ${token({ scope: 'write' })}` },
  })
  assert.deepEqual([real.status, node.requests.length], [200, 1])
})

test('a head that no listener would read is refused as there', async t => {
  const { ask } = await setUp(t, { routes: { tasks: { ...OPEN, path: '/tasks/*' } } })
  const page = await ask({ url: '/tasks/7', headers: { cookie: 'abcd '.repeat(10_000) } })
  assert.deepEqual(page.wouldAnswer, { status: 431, code: 'WG_HEADERS_TOO_LARGE' })
})

test('a malformed question is refused with what is wrong', async t => {
  const { adminPort } = await setUp(t, {})
  const ask = async (body: string, type = 'application/json') => {
    const response = await fetch(`http://127.0.0.1:${adminPort}/api/v1/explain`, {
      method: 'POST',
      body,
      headers: { 'content-type': type },
    })
    const { detail } = (await response.json()) as { detail?: string }
    return [response.status, detail]
  }
  assert.deepEqual(await ask('{}'), [400, 'url must begin with / or http://'])
  assert.deepEqual(await ask('{"url": "/", "client": "localhost"}'), [
    400,
    'client must be an IP address, not "localhost"',
  ])
  assert.deepEqual(await ask('{"url": "/", "methd": "GET"}'), [
    400,
    'unknown field "methd": the fields are method, url, headers, client, claims, verify',
  ])
  assert.deepEqual(await ask('{"url": "/", "headers": {"a": 1}}'), [
    400,
    'headers.a must be a text that a header can have, or a list of them',
  ])
  for (const [question, detail] of [
    [{ method: 'GE T' }, 'method must be a name in upper case, such as GET, not "GE T"'],
    [{ method: 'get' }, 'method must be a name in upper case, such as GET, not "get"'],
    [{ method: 'M--X' }, 'method must be a name in upper case, such as GET, not "M--X"'],
    [
      { headers: { 'content-length': '1', 'Transfer-Encoding': 'chunked' } },
      'headers must not have Content-Length beside Transfer-Encoding: such a request is refused as malformed',
    ],
    [
      { headers: { 'content-length': ['1', '2'] } },
      'headers.content-length must be one number: any other request is refused as malformed',
    ],
    [
      { headers: { 'content-length': '-1' } },
      'headers.content-length must be one number: any other request is refused as malformed',
    ],
    [
      { headers: { 'transfer-encoding': 'gzip' } },
      'headers.transfer-encoding must be "chunked": any other request is refused as malformed',
    ],
  ] as const) {
    assert.deepEqual(await ask(JSON.stringify({ url: '/', ...question })), [400, detail])
  }
  assert.equal((await ask('{', 'application/json'))[0], 400)
  assert.deepEqual(await ask('url=/', 'text/plain'), [
    415,
    'the content type of a body must be application/json',
  ])
})

/** Documents with every policy that refuses, answers or changes a request. */
const TABLE: Readonly<Record<string, object>> = {
  id: { ...OPEN, path: '/a/:id', methods: ['GET'], rewrite: { path: '/items/{path.id}' } },
  host: { ...OPEN, path: '/a/*', hosts: ['b.example'], stripPrefix: '/a' },
  denied: { ...OPEN, path: '/c/*', clients: { deny: ['127.0.0.1'] } },
  gone: { service: 'gone', auth: 'none', path: '/d' },
  strict: { ...OPEN, path: '/e', match: { headers: { 'x-v': { prefix: '2' } } }, whenUnmatched: 'refuse' },
  next: { ...OPEN, path: '/c/deep/*', match: { query: { v: '1' } }, stripPrefix: '/c' },
  moved: { path: '/old/*', auth: 'none', redirect: { to: '/new/{path.*}', status: 302 } },
  fixed: { path: '/fixed', auth: 'none', respond: { status: 418, body: 'tea' } },
  limited: { ...OPEN, path: '/limited/*', requestLimits: { queryParameters: 1, headerLines: 8 } },
  often: { ...OPEN, path: '/often', rateLimit: { limit: 1_000_000, windowSeconds: 1 } },
  template: { ...OPEN, path: '/t/*', rewrite: { path: '/x/{query.p|none}' } },
  off: { ...OPEN, path: '/off', enabled: false },
}
const PATHS = [
  '/a/1',
  '/a/1/2',
  '/a/%2e%2e/c',
  '/a/%2F',
  '/c',
  '/c/x',
  '/c/deep/x',
  '/d',
  '/e',
  '/none',
  '/old/x/y',
]
const MORE_PATHS = [
  '/fixed',
  '/limited/x',
  '/often',
  '/t/1',
  '/off',
  '/user/x',
  '/a//b',
  '/A/1',
  '/c/../a/1',
  '/old/%0a',
]
const QUERIES = ['', '?v=1', '?v=1&p=2', '?p=..%2f..', '?p=%25', '?p=a%20b', '?=&', '?%zz']
/** More header lines than one of the documents allows. */
const MANY = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`x-${i}`, '1']))
const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'OPTIONS']

test('explain: agrees with what then happens', async t => {
  const { ask, node, port } = await setUp(t, { routes: TABLE })
  const random = seededRandom(19)
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)]!
  let answered = 0
  for (let i = 0; i < 400; i++) {
    const path = pick([...PATHS, ...MORE_PATHS]) + pick(QUERIES)
    const method = pick(METHODS)
    const headers = { host: pick(['b.example', 'other:80']), 'x-v': pick(['1', '21']), ...pick([{}, MANY]) }
    const page = await ask({ method, url: path, headers })
    const before = node.requests.length
    const really = await send(port, { method, path, headers })
    const what = `${method} ${path} ${JSON.stringify(headers)}`
    assert.equal(page.wouldAnswer?.status ?? 200, really.status, what)
    if (method !== 'HEAD' && page.wouldAnswer?.code) {
      assert.equal(page.wouldAnswer.code, really.json().code, what)
    }
    const seen = node.requests[before]
    assert.equal(seen === undefined, page.wouldAnswer !== null, what)
    if (seen === undefined) continue
    answered++
    const outgoing = page.steps.find(({ step }) => step === 'outgoing')!
    assert.equal(outgoing.text, `${method} ${seen.target}`, what)
  }
  assert.ok(answered > 50)
})

test('explain: charges and moves nothing', async t => {
  const { ask, node, port } = await setUp(t, {
    routes: {
      once: {
        ...OPEN,
        path: '/once',
        rateLimit: { limit: 1, windowSeconds: 3_600 },
        concurrency: { limit: 1 },
      },
      turns: { ...OPEN, path: '/turns' },
    },
  })
  for (let i = 0; i < 5; i++) assert.equal((await ask({ url: '/once' })).wouldAnswer, null)
  assert.equal((await send(port, { path: '/once' })).status, 200)
  assert.deepEqual((await ask({ url: '/once' })).wouldAnswer, { status: 429, code: 'WG_RATE_LIMITED' })
  // With weights of 3 and 1, four requests are one turn of the balancer.
  const addresses = async (asks: boolean) => {
    const from = node.requests.length
    for (let i = 0; i < 8; i++) {
      if (asks) await ask({ url: '/turns' })
      await send(port, { path: '/turns' })
    }
    return node.requests.slice(from).map(request => request.header('host'))
  }
  assert.deepEqual(await addresses(true), await addresses(false))
})

test('explain: shows no Authorization value', async t => {
  const { ask } = await setUp(t, {
    routes: {
      r: {
        ...{ ...OPEN, path: '/r', rewrite: { path: '/{cookie.a|none}' } },
        requestHeaders: { set: { 'x-copy': '{header.authorization|none}' } },
      },
    },
  })
  const secrets = { authorization: 'Bearer s3cret-1', cookie: 'a=s3cret-2', 'x-api-key': 's3cret-3' }
  const page = await ask({ url: '/r', headers: secrets })
  assert.equal(page.wouldAnswer, null)
  assert.doesNotMatch(JSON.stringify(page), /s3cret/)
})

test('explain: a token in the query goes no further than in a real request, however it is spelled', async t => {
  const { ask, node, port } = await setUp(t, {
    withKey: true,
    document: { jwt: { queryParameter: 'access_token', cookie: 'session' } },
    routes: {
      r: { service: 'user', auth: 'jwt', path: '/r', match: { query: { access_token: { present: true } } } },
      open: { ...OPEN, path: '/open' },
      either: { service: 'user', auth: ['api-key', 'jwt'], path: '/either' },
    },
    config: { apiKeys: { enabled: true, prefix: '/k/', header: 'X-Key' } },
  })
  const secret = token()
  const outgoing = ({ steps }: ExplainPage) => steps.find(({ step }) => step === 'outgoing')
  for (const name of ['access_token', '%61ccess_token']) {
    const target = `/r?a=1&${name}=${secret}&b=2`
    assert.equal((await send(port, { path: target })).status, 200)
    assert.equal(node.requests.at(-1)!.target, '/r?a=1&b=2')
    for (const claims of [undefined, { sub: 'u1' }]) {
      const page = await ask({ url: target, ...(claims && { claims }) })
      assert.equal(outgoing(page)?.text, 'GET /r?a=1&b=2')
      assert.equal(JSON.stringify(page).includes(secret), false)
      assert.deepEqual(page.candidates[0], { id: 'r', fits: true, lost: null })
    }
  }
  const either = await ask({
    url: `/either?access_token=${secret}`,
    headers: { cookie: `session=${secret}; a=b` },
  })
  assert.equal(outgoing(either)?.text, 'GET /either')
  // A route that reads no tokens passes what looks like one on.
  const open = await ask({ url: `/open?access_token=${secret}` })
  assert.equal(outgoing(open)?.text, 'GET /open?access_token=(not shown)')
  assert.equal((await send(port, { path: `/open?access_token=${secret}` })).status, 200)
  assert.match(node.requests.at(-1)!.target, /access_token/)
})

test('explain: httpsOnly refuses a token in a cookie, as it does for real requests', async t => {
  const { ask, port } = await setUp(t, {
    withKey: true,
    config: { trustedProxies: ['10.0.0.1'] },
    document: { jwt: { cookie: 'session' } },
    routes: { r: { service: 'user', auth: 'jwt', path: '/r', httpsOnly: true } },
  })
  const headers = { cookie: 'session=abc' }
  assert.deepEqual((await ask({ url: 'http://a/r', headers })).wouldAnswer, {
    ...{ status: 403, code: 'WG_HTTPS_REQUIRED' },
  })
  assert.equal((await send(port, { path: '/r', headers })).json().code, 'WG_HTTPS_REQUIRED')
  assert.deepEqual((await ask({ url: 'http://a/r' })).wouldAnswer, { status: 308 })
})

test('a document is judged against the table: refused, without nodes, hidden, tied, or laxer than what it replaces', async t => {
  const { adminPort } = await setUp(t, {
    withKey: true,
    policySets: { edge: { timeoutMs: 5_000 } },
    routes: {
      all: { service: 'user', path: '/x/*', auth: 'jwt' },
      first: { service: 'user', path: '/y/:id', auth: 'none' },
      tie: { service: 'user', path: '/z', auth: 'none', match: { headers: { 'x-a': '1' } } },
    },
  })
  const judge = async (document: object, id = 'new') => {
    const response = await fetch(`http://127.0.0.1:${adminPort}/api/v1/check`, {
      method: 'POST',
      body: JSON.stringify({ id, document }),
      headers: { 'content-type': 'application/json' },
    })
    return (await response.json()) as { problems: string[]; warnings: string[] }
  }
  const fine = { problems: [], warnings: [] }
  // No route names the set, so the gateway is ready before it is read.
  await until('the set is there', async () => {
    assert.deepEqual(await judge({ ...OPEN, path: '/free', policies: ['edge'] }), fine)
    return true
  })
  assert.deepEqual((await judge({ ...OPEN, path: '/free', policies: ['none'] })).problems, [
    '$.policies: there is no policy set "none"',
  ])
  assert.deepEqual((await judge({ ...OPEN, path: '/free', nodes: { version: '2' } })).warnings, [
    '$.nodes: no node of "user" has {"version":"2"}',
  ])
  assert.match((await judge({ path: '/free', service: 'user', auth: 'basic' })).problems[0]!, /^\$\.auth/)
  assert.match(
    (await judge({ ...OPEN, path: '/free', service: 'usr' })).warnings[0]!,
    /no node of "usr".*user/,
  )
  assert.deepEqual((await judge({ ...OPEN, path: '/x/open' })).warnings, [
    'is laxer than all (/x/*), which its requests would get without it',
  ])
  assert.deepEqual(await judge({ path: '/x/open', service: 'user' }), fine)
  assert.match(
    (await judge({ ...OPEN, path: '/y/:name' })).warnings[0]!,
    /^is never used, because first takes all/,
  )
  assert.deepEqual(await judge({ ...OPEN, path: '/y/:name', priority: 1 }), fine)
  assert.deepEqual(await judge({ ...OPEN, path: '/y/:name' }, 'first'), fine)
  const tied = { ...OPEN, path: '/z', match: { query: { v: '1' } } }
  assert.match((await judge(tied, 'tie2')).warnings[0]!, /ties with tie/)
})

test('explain: keys of API keys are not shown, whatever header they are sent in', async t => {
  const { ask } = await setUp(t, {
    document: { apiKeys: { enabled: true, header: 'x-partner-key' } },
    routes: { r: { ...OPEN, path: '/r' } },
  })
  assert.doesNotMatch(
    JSON.stringify(await ask({ url: '/r', headers: { 'x-partner-key': 's3cret' } })),
    /s3cret/,
  )
})

test('a document is not judged by those that are disabled', async t => {
  const { adminPort } = await setUp(t, { routes: { a: { ...OPEN, path: '/x', enabled: false } } })
  const response = await fetch(`http://127.0.0.1:${adminPort}/api/v1/check`, {
    method: 'POST',
    body: JSON.stringify({ id: 'b', document: { ...OPEN, path: '/x' } }),
    headers: { 'content-type': 'application/json' },
  })
  assert.deepEqual(await response.json(), { problems: [], warnings: [] })
})

test('a service whose automatic route has ended says which documents ended it', async t => {
  const { ask } = await setUp(t, { routes: { next: { ...OPEN, path: '/next/*' } } })
  const page = await ask({ url: '/user/1' })
  assert.deepEqual(page.wouldAnswer, { status: 404, code: 'WG_NO_ROUTE' })
  assert.equal(page.steps.at(-1)?.text, 'service user has no automatic route, because it has documents: next')
})

test('a document that is nested too deeply is refused', async t => {
  const { adminPort } = await setUp(t, {})
  const body = `${'['.repeat(5_000)}${']'.repeat(5_000)}`
  const response = await fetch(`http://127.0.0.1:${adminPort}/api/v1/check`, {
    method: 'POST',
    body: `{"id": "z", "document": {"path": "/z", "respond": {"body": ${body}}}}`,
    headers: { 'content-type': 'application/json' },
  })
  const { detail } = (await response.json()) as { detail: string }
  assert.deepEqual([response.status, detail], [400, 'the document is nested more than 100 levels deep'])
})

test('headers with the names that all objects have are shown as they are', async t => {
  const { ask } = await setUp(t, { routes: { tasks: { ...OPEN, path: '/tasks/*' } } })
  const { steps } = await ask({ url: '/tasks/7', headers: { constructor: 'a', valueOf: 'b' } })
  const { headers } = steps.find(({ step }) => step === 'outgoing')!.detail as {
    headers: Record<string, unknown>
  }
  assert.deepEqual([headers.constructor, headers.valueof], ['a', 'b'])
})

test('JSON in front of gRPC is explained as the call that it becomes, and a gRPC call as one', async t => {
  const open = { service: 'task', auth: 'none' }
  const gateway = await startJsonGateway(t, {
    routes: {
      task: { ...open, path: '/task/*', stripPrefix: '/task' },
      some: { ...open, path: '/some/*', stripPrefix: '/some', grpc: { allow: ['task.v1.Tasks/Get*'] } },
      rpc: { ...open, path: '/task.v1.Tasks/*', grpc: { allow: ['task.v1.Tasks/Get*'] } },
    },
  })
  putDescriptors(gateway, 'task')
  await until('the schema is known', async () => (await gateway.ask('GET', '/task/v1/tasks')).status === 200)
  const explain = async (method: string, url: string, type?: string) => {
    const question = { method, url, headers: type === undefined ? {} : { 'content-type': type } }
    const { steps, nodes, wouldAnswer } = await askExplain(gateway.adminPort, question)
    return [steps.find(({ step }) => step === 'grpc')?.text, nodes.length, wouldAnswer?.code]
  }
  const refused = '404 WG_NO_METHOD: The service has no such gRPC method here.'
  const get = 'task.v1.Tasks/GetTask'
  for (const [method, path] of [
    ['GET', '/task/v1/tasks/7'],
    ['HEAD', '/task/v1/tasks/7'],
    ['GET', '/some/v1/tasks/7'],
  ] as const)
    assert.deepEqual(await explain(method, path), [`JSON becomes the call ${get}`, 1, undefined], path)
  for (const type of ['application/grpc', 'application/grpc-web+proto'])
    assert.deepEqual(await explain('POST', `/${get}`, type), [`the call ${get}`, 1, undefined])
  assert.deepEqual(await explain('GET', '/task/nothing'), [refused, 0, 'WG_NO_METHOD'])
  assert.deepEqual(await explain('DELETE', '/task/v1/tasks'), [
    '405 WG_METHOD_NOT_ALLOWED: This path does not support the request method.',
    ...[0, 'WG_METHOD_NOT_ALLOWED'],
  ])
  assert.deepEqual(await explain('POST', '/some/v1/tasks'), [refused, 0, 'WG_NO_METHOD'])
  assert.deepEqual(await explain('POST', '/task.v1.Tasks/CreateTask', 'application/grpc'), [
    ...[refused, 0, 'WG_NO_METHOD'],
  ])
})

test('a call that is remembered is explained as the client spoke it', async t => {
  const gateway = await startJsonGateway(t, {
    withKey: true,
    routes: {
      task: { path: '/task.v1.Tasks/*', service: 'task', auth: 'none' },
      keyed: { path: '/keyed.v1.Tasks/*', service: 'task', auth: 'jwt' },
    },
  })
  putDescriptors(gateway, 'task')
  const send = (service: string, id: string) =>
    gateway.ask('POST', `/${service}.v1.Tasks/GetTask`, Buffer.from([0, 0, 0, 0, 0]), {
      'content-type': 'application/grpc-web+proto',
      'x-request-id': id,
    })
  await send('task', 'served')
  await send('keyed', 'refused')
  const explained = async (id: string) => {
    const { api } = gateway.gateway
    const { explain } = await until(
      `request ${id} is remembered`,
      async () => (await api.request(id)) ?? false,
    )
    return [explain?.wouldAnswer, explain?.nodes.length]
  }
  assert.deepEqual(await explained('served'), [null, 1])
  assert.deepEqual(await explained('refused'), [null, 1])
})
