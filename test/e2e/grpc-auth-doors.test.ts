import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { startTestGateway, token } from '../support/gateway.ts'
import { startGrpcNode } from '../support/grpc-node.ts'
import { send } from '../support/http.ts'
import { registerNaming } from '../support/naming.ts'
import { DOORS, type Door, rawCall } from '../support/raw-call.ts'
import { until } from '../support/until.ts'

const ECHO = 'waygate.test.v1.Echo'
const METHOD = `/${ECHO}/Unary`

/** Every way in which a client could try to reach the method, whatever the routes are. */
const SPELLINGS = [
  METHOD,
  `/echo${METHOD}`,
  '/echo/Unary',
  '/Unary',
  '/v1/echo',
  // Other spellings of the same.
  METHOD.toUpperCase(),
  METHOD.toLowerCase(),
  `/Echo${METHOD}`,
  `/${ECHO}/%55nary`,
  `/%77aygate.test.v1.Echo/Unary`,
  `/waygate%2etest.v1.Echo/Unary`,
  `/${ECHO}/Unary%20`,
  `/${ECHO}%2fUnary`,
  `/${ECHO}//Unary`,
  `/${METHOD}`,
  `/echo/${METHOD}`,
  `${METHOD}/`,
  `${METHOD};a=b`,
  `/${ECHO};a=b/Unary`,
  `${METHOD}?x=1`,
  `${METHOD}.`,
  `/echo/..${METHOD}`,
  `/other/..${METHOD}`,
  `/open/..${METHOD}`,
  `/open/%2e%2e${METHOD}`,
  `/open/..;${METHOD}`,
]
/** An annotation that leads to the method, in tests whose routes have it. */
const RULES = [{ selector: `${ECHO}.Unary`, post: '/v1/echo', body: '*' }]
const REFUSED_HTTP = [400, 401, 403, 404, 405, 415, 501, 503]

interface Setting {
  readonly routes?: Readonly<Record<string, unknown>>
  readonly withKey?: boolean
  readonly document?: object
  /** Whether the gateway asks the nodes for their methods. Default: true. */
  readonly isDescribed?: boolean
}

async function start(t: TestContext, { routes = {}, withKey = true, document, isDescribed = true }: Setting) {
  const node = await startGrpcNode('n1', { reflection: true })
  t.after(() => node.close())
  const other = await startGrpcNode('o1', { reflection: true })
  t.after(() => other.close())
  const gateway = await startTestGateway(t, { routes, withKey, ...(document && { document }) })
  await registerNaming(gateway.registry, 'echo', node.port, { grpcServices: ECHO })
  // A service that is open to everyone, beside the guarded one, and says that it has the same method.
  await registerNaming(gateway.registry, 'other', other.port, { grpcServices: 'other.v1.Other' })
  await until('both services are known', async () => {
    if (!isDescribed) return gateway.gateway.nodeCount() === 2
    const { text } = await send(gateway.adminPort, { path: '/metrics' })
    return text.match(/^waygate_descriptors\{service="(?:echo|other)"/gm)?.length === 2
  })
  return { ...gateway, node }
}

interface Answer {
  readonly http: number
  readonly grpc: number | undefined
}

async function knock(
  port: number,
  door: Door,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const { httpStatus, grpcStatus } = await rawCall(port, door, { path, headers })
  return { http: httpStatus, grpc: grpcStatus }
}

/** Tries every spelling at every door, and fails when the node sees one of them. */
async function assertAllRefused(
  { port, node }: Awaited<ReturnType<typeof start>>,
  headers: Record<string, string> = {},
): Promise<void> {
  for (const door of DOORS) {
    for (const path of SPELLINGS) {
      const { http, grpc } = await knock(port, door, path, headers)
      const what = `${door} ${path}: ${http} ${grpc}`
      if (http === 200) assert.ok(grpc !== undefined && grpc !== 0, what)
      else assert.ok(REFUSED_HTTP.includes(http), what)
      assert.equal(node.calls.length, 0, what)
    }
  }
}

const bearer = (claims: object) => ({ authorization: `Bearer ${token(claims)}` })
const SCOPED = { jwt: { scopes: ['echo'] } }

suite('grpc-auth-doors', () => {
  test('a route that asks for a scope asks for it at every door', async t => {
    const gateway = await start(t, {
      routes: {
        echo: { path: `/${ECHO}/*`, service: 'echo', auth: SCOPED },
        open: { path: '/open/*', service: 'other', stripPrefix: '/open', auth: 'none' },
      },
    })
    await assertAllRefused(gateway)
    await assertAllRefused(gateway, bearer({}))
    await assertAllRefused(gateway, { authorization: 'Bearer nonsense', 'x-user-id': 'admin' })
    const { port, node } = gateway
    for (const door of DOORS) {
      const isGrpc = !door.startsWith('json')
      assert.deepEqual(
        await knock(port, door, METHOD),
        isGrpc ? { http: 200, grpc: 16 } : { http: 401, grpc: undefined },
      )
      const poor = await knock(port, door, METHOD, bearer({ scope: 'task' }))
      assert.deepEqual(poor, isGrpc ? { http: 200, grpc: 7 } : { http: 403, grpc: undefined })
    }
    assert.equal(node.calls.length, 0)
    for (const door of DOORS) {
      const good = await knock(port, door, METHOD, bearer({ scope: 'echo' }))
      assert.equal(good.http, 200, door)
      if (!door.startsWith('json')) assert.equal(good.grpc, 0, door)
    }
    assert.equal(node.calls.length, DOORS.length)
    assert.deepEqual(
      node.calls.map(({ method }) => method),
      DOORS.map(() => 'Unary'),
    )
    assert.deepEqual(
      node.calls.map(({ metadata }) => metadata.get('x-user-id')),
      DOORS.map(() => ['u1']),
    )
  })

  test('a route for everything asks at every door, and under every spelling', async t => {
    const gateway = await start(t, {
      routes: { all: { path: '/*', service: 'echo', auth: SCOPED, grpc: { rules: RULES } } },
    })
    await assertAllRefused(gateway)
    await assertAllRefused(gateway, bearer({}))
    const annotated = await knock(gateway.port, 'json over HTTP/1', '/v1/echo', bearer({ scope: 'echo' }))
    assert.equal(annotated.http, 200)
    assert.equal(gateway.node.calls.length, 1)
  })

  test('a service without a document asks for the default token at every door', async t => {
    const gateway = await start(t, {})
    await assertAllRefused(gateway)
    for (const door of DOORS) {
      const good = await knock(gateway.port, door, METHOD, bearer({}))
      assert.equal(good.http, 200, door)
    }
    assert.equal(gateway.node.calls.length, DOORS.length)
  })

  test('a document that cannot be used closes every door', async t => {
    const gateway = await start(t, {
      withKey: false,
      routes: { echo: { path: `/${ECHO}/*`, service: 'echo', auth: { jwt: { scopse: [] } } } },
    })
    await assertAllRefused(gateway)
    // Nor does it help if it names only the service.
    gateway.registry.putRoute('echo', { path: 7, service: 'echo' })
    await assertAllRefused(gateway)
  })

  test('a document at another path leaves no automatic route to the method', async t => {
    const gateway = await start(t, {
      withKey: false,
      routes: {
        echo: { path: '/api/*', service: 'echo', stripPrefix: '/api' },
        open: { path: '/open/*', service: 'other', stripPrefix: '/open' },
      },
    })
    await assertAllRefused(gateway)
    for (const door of DOORS) assert.equal((await knock(gateway.port, door, `/api${METHOD}`)).http, 200, door)
    assert.equal(gateway.node.calls.length, DOORS.length)
  })

  test('a list of methods holds at every door', async t => {
    const gateway = await start(t, {
      withKey: false,
      routes: {
        echo: {
          path: '/*',
          service: 'echo',
          grpc: { allow: [`${ECHO}/Get`, `${ECHO}/Server*`], rules: RULES },
        },
      },
    })
    await assertAllRefused(gateway)
    const { port, node } = gateway
    for (const door of DOORS) {
      const refused = await knock(port, door, METHOD)
      assert.deepEqual(
        refused,
        door.startsWith('json') ? { http: 404, grpc: undefined } : { http: 200, grpc: 12 },
      )
    }
    assert.equal(node.calls.length, 0)
    for (const door of DOORS) assert.equal((await knock(port, door, `/${ECHO}/Get`)).http, 200, door)
    assert.equal(node.calls.length, DOORS.length)
  })

  test('what a node offers about itself has no automatic door', async t => {
    const { port } = await start(t, { withKey: false })
    for (const name of [
      'grpc.health.v1.Health/Check',
      'grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    ]) {
      for (const path of [`/${name}`, `/echo/${name}`, `/other/${name}`]) {
        for (const door of DOORS) {
          const { http, grpc } = await knock(port, door, path)
          const isRefused = door.startsWith('json') ? [404, 503].includes(http) : grpc === 12
          assert.ok(isRefused, `${door} ${path}: ${http} ${grpc}`)
        }
      }
    }
  })

  test('without automatic gRPC routes, a service is called through its document alone', async t => {
    const gateway = await start(t, {
      withKey: false,
      isDescribed: false,
      document: { grpc: { auto: false } },
    })
    await assertAllRefused(gateway)
    gateway.registry.putRoute('echo', { path: `/${ECHO}/*`, service: 'echo' })
    assert.equal((await knock(gateway.port, 'grpc', METHOD)).grpc, 0)
  })
})
