import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRouteDocument } from '../../../config/route/read-route-document.ts'
import { startTestGateway, token } from '../../support/gateway.ts'
import { openRaw, send } from '../../support/http.ts'
import { askHttp2, openHttp2 } from '../../support/http2-client.ts'
import { startJsonGateway } from '../../support/json-gateway.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { rawCall } from '../../support/raw-call.ts'
import { until } from '../../support/until.ts'
import { policyContract } from './policy-contract.ts'
import { defaultsProblem, reasonOf } from './rule-problems.ts'

policyContract('errors', {
  rule: { WG_ADDRESS_DENIED: { headers: { 'x-help': 'office' }, body: 'not from here' } },
  bad: { rule: { WG_RATE_LIMITTED: { body: 'x' } }, path: '$.errors.WG_RATE_LIMITTED' },
  beside: { clients: { deny: ['127.0.0.1'] } },
  shows: ({ answer: { status, headers, text } }) =>
    status === 403 && headers['x-help'] === 'office' && text === 'not from here',
  onRefusals: true,
  handshake: 403,
})

const PATH = '/task.v1.Tasks/GetTask'
const JSON_BODY = { error: { message: 'slow down, {client.address}', id: '{request.id}' } }

test('errors: a refusal has the status of its code, what clients rely on, and the body of the document', async t => {
  const node = await startNode(t, socket => socket.write(answer('ok')))
  const { port } = await startTestGateway(t, {
    withKey: true,
    nodes: { 'user/u1': node.port },
    routes: {
      limited: {
        ...{ path: '/limited', service: 'user', auth: 'none', rateLimit: { limit: 1, windowSeconds: 3_600 } },
        errors: { WG_RATE_LIMITED: { body: JSON_BODY, template: true } },
      },
      closed: {
        ...{ path: '/closed', service: 'user', auth: 'jwt', cors: { origins: ['https://a.example'] } },
        errors: {
          WG_TOKEN_MISSING: { body: '<p>Sign in</p>', headers: { 'Content-Type': 'text/html' } },
          WG_NO_NODE: { body: 'later' },
        },
      },
    },
  })
  assert.equal((await send(port, { path: '/limited' })).text, 'ok')
  const limited = await send(port, { path: '/limited' })
  assert.equal(limited.status, 429)
  assert.equal(limited.headers['content-type'], 'application/json')
  const id = limited.headers['x-request-id']
  assert.deepEqual(limited.json(), { error: { message: 'slow down, 127.0.0.1', id } })
  for (const name of ['retry-after', 'ratelimit', 'ratelimit-policy']) {
    assert.equal(typeof limited.headers[name], 'string', name)
  }
  const headers = { origin: 'https://a.example' }
  const closed = await send(port, { path: '/closed', headers })
  assert.deepEqual([closed.status, closed.text], [401, '<p>Sign in</p>'])
  assert.equal(closed.headers['content-type'], 'text/html')
  assert.match(String(closed.headers['www-authenticate']), /^Bearer /)
  assert.equal(closed.headers['access-control-allow-origin'], 'https://a.example')
  const other = await send(port, { path: '/closed', headers: { authorization: 'Bearer x' } })
  assert.deepEqual([other.status, other.json().code], [401, 'WG_TOKEN_INVALID'])
  const good = await send(port, { path: '/closed', headers: { authorization: `Bearer ${token()}` } })
  assert.deepEqual([good.status, good.text], [200, 'ok'])
})

test('errors: HEAD has the length of the body and no body, and HTTP/2 has both', async t => {
  const { port } = await startTestGateway(t, {
    routes: { r: { path: '/r', service: 'gone', auth: 'none', errors: { WG_NO_NODE: { body: 'later é' } } } },
  })
  const head = await send(port, { path: '/r', method: 'HEAD' })
  assert.deepEqual([head.status, head.headers['content-length'], head.text], [503, '8', ''])
  const session = openHttp2(t, port)
  const got = await askHttp2(session, { ':path': '/r' })
  assert.deepEqual([got.status, got.headers['content-length'], got.text], [503, '8', 'later é'])
  const ofHead = await askHttp2(session, { ':path': '/r', ':method': 'HEAD' })
  assert.deepEqual([ofHead.status, ofHead.headers['content-length'], ofHead.text], [503, '8', ''])
})

test('errors: a document without a body for the code adds headers to the usual one', async t => {
  const { port } = await startTestGateway(t, {
    routes: {
      r: {
        ...{ path: '/r', service: 'gone', auth: 'none' },
        errors: { WG_NO_NODE: { headers: { link: '<https://status.example>; rel="help"' } } },
      },
    },
  })
  const got = await send(port, { path: '/r' })
  assert.equal(got.headers.link, '<https://status.example>; rel="help"')
  assert.equal(got.headers['content-type'], 'application/problem+json')
  assert.equal(got.json().code, 'WG_NO_NODE')
})

test('errors: values of a request stay in their line and in their text', async t => {
  const { port } = await startTestGateway(t, {
    routes: {
      r: {
        ...{ path: '/r', service: 'gone', auth: 'none' },
        errors: {
          WG_NO_NODE: {
            template: true,
            headers: { 'x-asked': '{query.q|}', 'x-absent': '{query.none}' },
            body: { asked: '{query.q|}' },
          },
        },
      },
    },
  })
  const hostile = '"}\r\nx-evil: 1\r\n\r\n'
  const got = await send(port, { path: `/r?q=${encodeURIComponent(hostile)}` })
  assert.deepEqual(got.json(), { asked: hostile })
  assert.deepEqual([got.headers['x-evil'], got.headers['x-absent']], [undefined, undefined])
  assert.equal(got.headers['x-asked'], '"}%0D%0Ax-evil: 1%0D%0A%0D%0A')
})

test('errors: a body that gets too long with the request in it gives way to the usual one', async t => {
  const { port } = await startTestGateway(t, {
    routes: {
      r: {
        ...{ path: '/r', service: 'gone', auth: 'none' },
        errors: { WG_NO_NODE: { template: true, body: '{query.q|}{query.q|}{query.q|}' } },
      },
    },
  })
  const got = await send(port, { path: `/r?q=${'x'.repeat(3_000)}` })
  assert.deepEqual([got.status, got.json().code], [503, 'WG_NO_NODE'])
})

test('errors: a body of the client that nobody reads leaves the connection usable', async t => {
  const { port } = await startTestGateway(t, {
    routes: { r: { path: '/r', service: 'gone', auth: 'none', errors: { WG_NO_NODE: { body: 'later' } } } },
  })
  const post = 'POST /r HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody'
  const client = await openRaw(port, post + post.replace('Host: h', 'Host: h\r\nConnection: close'))
  assert.equal((await client.closed).match(/\r\n\r\nlater/g)?.length, 2)
})

test('errors: a gRPC call is refused in gRPC, with the headers of the document and without its body', async t => {
  const { port } = await startTestGateway(t, {
    withKey: true,
    routes: {
      r: {
        ...{ path: '/a.B/*', service: 'gone', auth: 'jwt' },
        errors: {
          WG_TOKEN_MISSING: {
            headers: { 'x-help': 'ask ops', 'content-type': 'text/plain' },
            body: 'no token',
          },
        },
      },
    },
  })
  for (const [door, type] of [
    ['grpc', 'application/grpc+proto'],
    ['web over HTTP/1', 'application/grpc-web+proto'],
    ['web over HTTP/2', 'application/grpc-web+proto'],
    ['web-text', 'application/grpc-web-text+proto'],
  ] as const) {
    const got = await rawCall(port, door, { path: '/a.B/C' })
    assert.deepEqual([got.httpStatus, got.grpcStatus], [200, 16], door)
    assert.equal(got.headers['content-type'], type)
    assert.equal(got.headers['x-help'], 'ask ops', door)
    assert.match(String(got.headers['www-authenticate']), /^Bearer /)
    assert.deepEqual([got.messages.length, got.body.includes('no token')], [0, false])
  }
  const json = await rawCall(port, 'json over HTTP/2', { path: '/a.B/C' })
  assert.deepEqual([json.httpStatus, json.body.toString()], [401, 'no token'])
})

test('errors: JSON in front of gRPC that is refused gets the body of the document', async t => {
  const gateway = await startJsonGateway(t, {
    routes: {
      tasks: {
        ...{ path: '/task.v1.Tasks/*', service: 'task', auth: 'none' },
        errors: { WG_BAD_REQUEST: { body: { wrong: 'JSON' } } },
      },
    },
  })
  await until('the schema is known', async () => (await gateway.ask('POST', PATH, {})).status !== 503)
  const got = await gateway.ask('POST', PATH, '{"id":')
  assert.deepEqual([got.status, got.json], [400, { wrong: 'JSON' }])
})

test('errors: policy sets and the defaults have them, and the nearest counts', async t => {
  const { port } = await startTestGateway(t, {
    document: { routes: { defaults: { errors: { WG_NO_NODE: { body: 'default' } } } } },
    policySets: { kind: { errors: { WG_NO_NODE: { body: 'set' } } } },
    routes: {
      plain: { path: '/plain', service: 'gone', auth: 'none' },
      named: { path: '/named', service: 'gone', auth: 'none', policies: ['kind'] },
      own: {
        path: '/own',
        service: 'gone',
        auth: 'none',
        policies: ['kind'],
        errors: { WG_NO_NODE: { body: 'own' } },
      },
      off: { path: '/off', service: 'gone', auth: 'none', policies: ['kind'], errors: false },
    },
  })
  const textOf = async (path: string) => (await send(port, { path })).text
  assert.deepEqual(
    [await textOf('/plain'), await textOf('/named'), await textOf('/own')],
    ['default', 'set', 'own'],
  )
  assert.match(await textOf('/off'), /WG_NO_NODE/)
})

test('errors: codes and headers that cannot be are refused with the reason', () => {
  const of = (errors: object) => reasonOf({ errors })
  assert.equal(
    of({ WG_RATE_LIMITTED: { body: 'x' } }),
    '$.errors.WG_RATE_LIMITTED: is not a code of an error (did you mean "WG_RATE_LIMITED"?)',
  )
  assert.match(
    of({ WG_NO_ROUTE: { body: 'x' } })!,
    /a route with the path "\/\*" and `respond` answers those/,
  )
  assert.match(of({ WG_ROUTE_BROKEN: { body: 'x' } })!, /is for closed routes/)
  assert.match(of({ WG_NO_NODE: { status: 200 } })!, /^\$\.errors\.WG_NO_NODE\.status: is not a known field/)
  for (const name of ['Retry-After', 'www-authenticate', 'RateLimit', 'x-ratelimit-limit', 'grpc-status']) {
    assert.match(
      of({ WG_NO_NODE: { headers: { [name]: '1' } } })!,
      /clients rely on what the gateway says/,
      name,
    )
  }
  assert.match(of({ WG_NO_NODE: { headers: { 'content-length': '1' } } })!, /the gateway sets it itself/)
  assert.match(of({ WG_NO_NODE: { headers: { 'Content-Type': 'a/b' } } })!, /needs a body/)
  assert.match(of({ WG_NO_NODE: { body: '{query.q}', template: true } })!, /a request may lack/)
  assert.match(of({ WG_NO_NODE: { body: '{nonsense}', template: true } })!, /unknown variable/)
  assert.match(of({ WG_NO_NODE: { body: 'x'.repeat(70_000) } })!, /must not have more than 65536 bytes/)
  assert.match(defaultsProblem({ errors: { WG_X: { body: 'x' } } })!, /^\$\.routes\.defaults\.errors\.WG_X: /)
})

test('errors, respond: a text with a variable that is not filled in is a warning', () => {
  const warningsOf = (fields: object) =>
    readRouteDocument({ path: '/a', ...fields }).warnings.map(({ path, message }) => [
      path.join('.'),
      message,
    ])
  const message = 'is sent as it is written, with {request.id}: "template": true fills it in'
  const written = { body: [{ id: '{request.id}' }], headers: { 'x-css': 'a { b: c }' } }
  assert.deepEqual(warningsOf({ service: 's', errors: { WG_NO_NODE: written } }), [
    ['errors.WG_NO_NODE.body.0.id', message],
  ])
  assert.deepEqual(warningsOf({ respond: written }), [['respond.body.0.id', message]])
  assert.deepEqual(warningsOf({ respond: { ...written, template: true } }), [])
})
