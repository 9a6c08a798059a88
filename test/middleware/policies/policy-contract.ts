import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { LivePolicies } from '../../../cmd/gateway/live-policies.ts'
import {
  isAnswering,
  isOfDocuments,
  POLICY_RULES,
  type PolicyName,
} from '../../../config/policies/policies.ts'
import { Call } from '../../../internal/call.ts'
import { createRequestHeadReader } from '../../../internal/http/request-head.ts'
import { type Exchange, runSteps } from '../../../internal/policy.ts'
import { PolicyCounts } from '../../../routes/admin/metrics/policy-metrics.ts'
import { startTestGateway, token } from '../../support/gateway.ts'
import { type ClientAnswer, openRaw, send } from '../../support/http.ts'
import { testLimits } from '../../support/limits.ts'
import { NO_MIRRORS } from '../../support/no-mirrors.ts'
import { answer, type ScriptedNode, startNode, type WireRequest } from '../../support/node-server.ts'
import { testRoute } from '../../support/route.ts'
import { until } from '../../support/until.ts'
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
  /** Whether it shows where no node can answer. Default: as on refusals. */
  readonly withoutNode?: boolean
  /** Whether another request must be under way for it to show. Default: false. */
  readonly whenBusy?: boolean
  /** How a handshake with these headers is answered. */
  readonly handshake: number
  /** Further fields of the document or the defaults with the rule, without which it does not show. Default: none. */
  readonly beside?: object
  /** Content of the configuration file, besides `routes`. */
  readonly document?: object
}

/** What every policy must do. To be called once by the test file of each policy. */
export function policyContract(name: PolicyName, policy: PolicyCase): void {
  const { rule, bad, headers = {}, shows, onRefusals, withoutNode = onRefusals } = policy
  const { beside = {}, document, whenBusy = false } = policy

  async function setUp(t: TestContext, routes: Readonly<Record<string, object>>, defaults: object = {}) {
    const node = await startNode(t, async (socket, request) => {
      await request.whole.catch(() => {})
      socket.write(answer('ok'))
    })
    const gateway = await startTestGateway(t, {
      withKey: true,
      nodes: { 'user/u1': node.port, 'plain/p1': node.port },
      routes,
      document: { ...document, routes: { defaults } },
    })
    const ask = async (path: string, authorization?: string): Promise<Seen> => {
      const all = { ...headers, ...(authorization && { authorization }) }
      const release = whenBusy ? await keepBusy(gateway.port, path, all, node) : async () => {}
      const before = node.requests.length
      const got = await send(gateway.port, { path, headers: all })
      await release()
      const line = await gateway.logged(String(got.headers['x-request-id']))
      return { answer: got, atNode: node.requests[before], line }
    }
    const page = async () => (await send(gateway.adminPort, { path: '/routes' })).json()
    return { ...gateway, ask, page }
  }

  const open = { service: 'user', auth: 'none' }
  const answers = isAnswering(name)
  /** The fields of a route with a rule, which may be what answers in place of a service. */
  const withRule = (value: unknown, service = 'user') => ({
    ...(!answers && { service }),
    ...beside,
    [name]: value,
  })
  const openWith = (value: unknown) => ({ auth: 'none', ...withRule(value) })

  test(`${name}: acts on the routes that have it, and on no other`, async t => {
    const { ask } = await setUp(t, {
      with: { ...openWith(rule), path: '/with' },
      without: { ...open, path: '/without' },
    })
    assert.equal(shows(await ask('/with')), true)
    assert.equal(shows(await ask('/without')), false)
  })

  test(`${name}: acts ${onRefusals ? 'on refusals too' : 'on no refusal'}`, async t => {
    const { ask } = await setUp(t, {
      closed: { path: '/closed', auth: 'jwt', ...withRule(rule) },
      gone: { path: '/gone', auth: 'none', ...withRule(rule, 'gone') },
    })
    assert.equal(shows(await ask('/closed')), onRefusals, 'a request without a token')
    assert.equal(shows(await ask('/closed', `Bearer ${token()}`)), true, 'a request with a token')
    assert.equal(shows(await ask('/gone')), withoutNode, 'a service without a node')
  })

  if (isOfDocuments(name)) {
    test(`${name}: routes.defaults cannot have it, and false in a document is none`, async t => {
      await assert.rejects(setUp(t, {}, { [name]: rule }), /is not a known field/)
      const { ask } = await setUp(t, { without: { ...open, path: '/without', [name]: false } })
      assert.equal(shows(await ask('/without')), false)
    })
  } else {
    test(`${name}: routes.defaults reach automatic routes and documents, and false takes none of them`, async t => {
      const { ask } = await setUp(
        t,
        { with: { ...open, path: '/with' }, without: { ...open, path: '/without', [name]: false } },
        { ...beside, [name]: rule },
      )
      assert.equal(shows(await ask('/with')), true)
      assert.equal(shows(await ask('/without')), false)
      assert.equal(shows(await ask('/plain/x', `Bearer ${token()}`)), true)
    })
  }

  test(`${name}: a bad rule is a problem with its JSON path, and the last good document stays`, async t => {
    const { ask, page, registry } = await setUp(t, { r: { ...openWith(rule), path: '/r' } })
    registry.putRoute('r', { ...openWith(bad.rule), path: '/r' })
    const problemsOf = async () => (await page()).problems as { key: string; reason: string }[]
    await until('the problem is listed', async () => (await problemsOf()).length > 0)
    assert.equal(shows(await ask('/r')), true)
    const [problem, ...others] = await problemsOf()
    assert.deepEqual(others, [])
    assert.equal(problem?.key, '/waygate/routes/r')
    assert.ok(problem.reason.startsWith(`${bad.path}: `), problem.reason)
    registry.putRoute('r', { ...open, path: '/r' })
    await until('the new document counts', async () => !shows(await ask('/r')))
    assert.deepEqual(await problemsOf(), [])
  })

  test(`${name}: a document that never was good is a closed route, not an open door`, async t => {
    const { ask, page, registry } = await setUp(t, {
      strict: { path: '/a/strict', auth: 'jwt', ...withRule(bad.rule) },
      lax: { ...open, path: '/*' },
    })
    const refused = (await ask('/a/strict')).answer
    assert.equal(refused.status, 503)
    assert.equal(refused.json().code, 'WG_ROUTE_BROKEN')
    assert.equal(refused.headers['retry-after'], '5')
    assert.equal((await ask('/a/other')).answer.status, 200)
    assert.ok(((await page()).problems as unknown[]).length === 1)
    registry.putRoute('strict', { service: 'user', path: '/a/strict', auth: 'jwt' })
    await until('the route is open', async () => (await ask('/a/strict')).answer.status === 401)
  })

  test(`${name}: an unknown member of the rule is named, with its path`, async t => {
    const { page } = await setUp(t, { r: { ...openWith({ ...rule, nonsense: 1 }), path: '/r' } })
    const [problem] = (await page()).problems as { reason: string }[]
    assert.match(problem!.reason, new RegExp(`^\\$\\.${name}\\.nonsense: `))
  })

  test(`${name}: /routes shows the rule as it was written`, async t => {
    const { page } = await setUp(t, { r: { ...openWith(rule), path: '/r' } })
    const route = ((await page()).routes as Record<string, unknown>[]).find(each => each.id === 'r')
    assert.deepEqual(route![name], rule)
  })

  test(`${name}: a handshake for a WebSocket is answered ${policy.handshake}`, async t => {
    const node = await startWebSocketNode(t)
    const { port } = await startTestGateway(t, {
      ...(document && { document }),
      nodes: { 'chat/c1': node.port },
      routes: { chat: { path: '/chat', auth: 'none', ...withRule(rule, 'chat') } },
    })
    const lines = Object.entries(headers).map(([field, value]) => `${field}: ${value}`)
    const got = await firstLine(port, handshake('/chat', lines))
    assert.match(got, new RegExp(`^HTTP/1\\.1 ${policy.handshake} `))
  })

  test(`${name}: takes no time of its own: its steps return no promise`, () => {
    const counts = new PolicyCounts()
    const policies = new LivePolicies({
      upstream: () => assert.fail(),
      counts,
      limits: testLimits(),
      nodes: { hasAvailable: () => true },
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
  const outgoing = { route, target: '/', headers: head.headers }
  const response = { destroyed: false, once: () => {} }
  return {
    request: { rawHeaders, url: '/' },
    response,
    call,
    head,
    outgoing,
    isWebSocket: false,
  } as unknown as Exchange
}

/**
 * Sends a request whose body does not end, and resolves once a node has it or it was refused, with what ends it and waits for
 * its answer.
 */
async function keepBusy(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  node: ScriptedNode,
): Promise<() => Promise<void>> {
  const before = node.requests.length
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n${lines.join('')}\r\n`
  const client = await openRaw(port, head)
  await until('the request is under way', () => node.requests.length > before || client.text() !== '')
  return async () => {
    client.socket.write('x')
    await client.until('\r\n\r\n')
    client.socket.destroy()
  }
}

/** Sends bytes on a connection of their own, resolves with the first line that comes back, and leaves. */
async function firstLine(port: number, bytes: string): Promise<string> {
  const client = await openRaw(port, bytes)
  const text = await client.until('\r\n')
  client.socket.destroy()
  return text
}
