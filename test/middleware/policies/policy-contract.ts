import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { LivePolicies } from '../../../cmd/gateway/policies.ts'
import { POLICY_RULES, type PolicyName } from '../../../config/policies/policies.ts'
import { Call } from '../../../internal/call.ts'
import { createRequestHeadReader } from '../../../internal/http/request-head.ts'
import { type Exchange, runSteps } from '../../../internal/policy.ts'
import { PolicyCounts } from '../../../routes/admin/policy-metrics.ts'
import { startTestGateway, token } from '../../support/gateway.ts'
import { type ClientAnswer, openRaw, send } from '../../support/http.ts'
import { NO_MIRRORS } from '../../support/no-mirrors.ts'
import { answer, startNode, type WireRequest } from '../../support/node-server.ts'
import { testRoute } from '../../support/route.ts'
import { handshake, startWebSocketNode } from '../../support/websocket.ts'

/** What a client got, what the node saw of its request, and what the access log says. */
export interface Seen {
  readonly answer: ClientAnswer
  readonly atNode: WireRequest | undefined
  readonly line: Readonly<Record<string, unknown>>
}

/** How one policy shows that it acts. */
export interface PolicyCase {
  readonly rule: object
  /** A rule that is refused, and where in it, such as `$.cors.origins[0]`. */
  readonly bad: { readonly rule: unknown; readonly path: string }
  /** Header lines of the request that the policy acts on. */
  readonly headers?: Readonly<Record<string, string>>
  /** Whether what was seen shows the policy. */
  readonly shows: (seen: Seen) => boolean
  /** Whether it shows on requests that authentication refuses, and on those that no node can answer. */
  readonly onRefusals: boolean
  /** How a handshake with these headers is answered. */
  readonly handshake: 101 | 403
}

/** What every policy must do. To be called once by the test file of each policy. */
export function policyContract(name: PolicyName, policy: PolicyCase): void {
  const { rule, bad, headers = {}, shows, onRefusals } = policy

  async function setUp(t: TestContext, routes: Readonly<Record<string, object>>, defaults: object = {}) {
    const node = await startNode(t, async (socket, request) => {
      await request.whole.catch(() => {})
      socket.write(answer('ok'))
    })
    const gateway = await startTestGateway(t, {
      withKey: true,
      nodes: { 'user/u1': node.port, 'plain/p1': node.port },
      routes,
      document: { routes: { defaults } },
    })
    const ask = async (path: string, authorization?: string): Promise<Seen> => {
      const before = node.requests.length
      const got = await send(gateway.port, {
        path,
        headers: { ...headers, ...(authorization && { authorization }) },
      })
      const line = await gateway.logged(String(got.headers['x-request-id']))
      return { answer: got, atNode: node.requests[before], line }
    }
    const page = async () => (await send(gateway.adminPort, { path: '/routes' })).json()
    return { ...gateway, ask, page }
  }

  const open = { service: 'user', auth: 'none' }

  test(`${name}: acts on the routes that have it, and on no other`, async t => {
    const { ask } = await setUp(t, {
      with: { ...open, path: '/with', [name]: rule },
      without: { ...open, path: '/without' },
    })
    assert.equal(shows(await ask('/with')), true)
    assert.equal(shows(await ask('/without')), false)
  })

  test(`${name}: acts ${onRefusals ? 'on refusals too' : 'on no refusal'}`, async t => {
    const { ask } = await setUp(t, {
      closed: { service: 'user', path: '/closed', auth: 'jwt', [name]: rule },
      gone: { service: 'gone', path: '/gone', auth: 'none', [name]: rule },
    })
    assert.equal(shows(await ask('/closed')), onRefusals, 'a request without a token')
    assert.equal(shows(await ask('/closed', `Bearer ${token()}`)), true, 'a request with a token')
    assert.equal(shows(await ask('/gone')), onRefusals, 'a service without a node')
  })

  test(`${name}: routes.defaults reach automatic routes and documents, and false takes none of them`, async t => {
    const { ask } = await setUp(
      t,
      { with: { ...open, path: '/with' }, without: { ...open, path: '/without', [name]: false } },
      { [name]: rule },
    )
    assert.equal(shows(await ask('/with')), true)
    assert.equal(shows(await ask('/without')), false)
    assert.equal(shows(await ask('/plain/x', `Bearer ${token()}`)), true)
  })

  test(`${name}: a bad rule is a problem with its JSON path, and the last good document stays`, async t => {
    const { ask, page, registry } = await setUp(t, { r: { ...open, path: '/r', [name]: rule } })
    registry.putRoute('r', { ...open, path: '/r', [name]: bad.rule })
    assert.equal(shows(await ask('/r')), true)
    const { problems } = await page()
    const [problem, ...others] = problems as { key: string; reason: string }[]
    assert.deepEqual(others, [])
    assert.equal(problem?.key, '/waygate/routes/r')
    assert.ok(problem.reason.startsWith(`${bad.path}: `), problem.reason)
    registry.putRoute('r', { ...open, path: '/r' })
    assert.equal(shows(await ask('/r')), false)
    assert.deepEqual((await page()).problems, [])
  })

  test(`${name}: a document that never was good is a closed route, not an open door`, async t => {
    const { ask, page, registry } = await setUp(t, {
      strict: { service: 'user', path: '/a/strict', auth: 'jwt', [name]: bad.rule },
      lax: { ...open, path: '/*' },
    })
    const refused = (await ask('/a/strict')).answer
    assert.equal(refused.status, 503)
    assert.equal(refused.json().code, 'WG_ROUTE_BROKEN')
    assert.equal(refused.headers['retry-after'], '5')
    assert.equal((await ask('/a/other')).answer.status, 200)
    assert.ok(((await page()).problems as unknown[]).length === 1)
    registry.putRoute('strict', { service: 'user', path: '/a/strict', auth: 'jwt' })
    assert.equal((await ask('/a/strict')).answer.status, 401)
  })

  test(`${name}: an unknown member of the rule is named, with its path`, async t => {
    const { page } = await setUp(t, { r: { ...open, path: '/r', [name]: { ...rule, nonsense: 1 } } })
    const [problem] = (await page()).problems as { reason: string }[]
    assert.match(problem!.reason, new RegExp(`^\\$\\.${name}\\.nonsense: `))
  })

  test(`${name}: /routes shows the rule as it was written`, async t => {
    const { page } = await setUp(t, { r: { ...open, path: '/r', [name]: rule } })
    const route = ((await page()).routes as Record<string, unknown>[]).find(each => each.id === 'r')
    assert.deepEqual(route![name], rule)
  })

  test(`${name}: a handshake for a WebSocket is answered ${policy.handshake}`, async t => {
    const node = await startWebSocketNode(t)
    const { port } = await startTestGateway(t, {
      nodes: { 'chat/c1': node.port },
      routes: { chat: { service: 'chat', path: '/chat', auth: 'none', [name]: rule } },
    })
    const lines = Object.entries(headers).map(([field, value]) => `${field}: ${value}`)
    const got = await firstLine(port, handshake('/chat', lines))
    assert.match(got, new RegExp(`^HTTP/1\\.1 ${policy.handshake} `))
  })

  test(`${name}: takes no time of its own: its steps return no promise`, () => {
    const policies = new LivePolicies({
      upstream: () => assert.fail(),
      counts: new PolicyCounts(),
      mirrors: NO_MIRRORS,
    })
    const written = POLICY_RULES[name].adds ? [{ level: 'route', rule }] : rule
    const route = testRoute({ policies: { [name]: written } })
    const plan = policies.planOf(route)
    for (const steps of [plan.onRequest, plan.onAuthorized]) {
      let result: unknown
      try {
        result = runSteps(steps, exchangeOf(headers, route))
      } catch {
        // Refused at once, which is no promise either.
      }
      assert.equal(result instanceof Promise, false)
    }
  })
}

function exchangeOf(
  headers: Readonly<Record<string, string>>,
  route: ReturnType<typeof testRoute>,
): Exchange {
  const rawHeaders = ['Host', 'a', ...Object.entries(headers).flat()]
  const call = new Call('id', 'GET', '/', 0)
  call.route = route
  call.clientAddress = '127.0.0.1'
  const head = createRequestHeadReader([])(rawHeaders)
  const outgoing = { headers: head.headers }
  return { request: { rawHeaders }, call, head, outgoing, isWebSocket: false } as unknown as Exchange
}

/** Sends bytes on a connection of their own, resolves with the first line that comes back, and leaves. */
async function firstLine(port: number, bytes: string): Promise<string> {
  const client = await openRaw(port, bytes)
  const text = await client.until('\r\n')
  client.socket.destroy()
  return text
}
