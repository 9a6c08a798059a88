import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, test } from 'node:test'
import jwt from 'jsonwebtoken'
import { startGatewayHere } from '../support/gateway-here.ts'
import { openRegistry } from '../support/registry.ts'
import { startService } from '../support/service.ts'
import type { LogLine } from '../support/serving-gateway.ts'
import { until } from '../support/until.ts'

const SECRET = 'a secret of at least thirty-two bytes'
const TOKEN = jwt.sign({ sub: 'anna' }, SECRET, { expiresIn: '1h' })

const gateway = await startGatewayHere({ env: { WAYGATE_JWT_SECRET: SECRET } })
const node = await startService('node')
{
  using registry = openRegistry(gateway.etcd)
  await registry.putNode('echo', 'n1', node)
  await registry.putNode('half', 'a-dead', { port: 1 })
  await registry.putNode('half', 'b-alive', node)
  await registry.putNode('dead', 'd1', { port: 1 })
  await gateway.untilNodes('half', ['a-dead', 'b-alive'])
  await gateway.untilNodes('dead', ['d1'])
}
after(async () => {
  await gateway.stop()
  await node.close()
})

const authorization = `Bearer ${TOKEN}`

/** Returns the only access line with this request id. Lines are in order, so no other can follow a later request's. */
async function lineOf(requestId: string): Promise<LogLine> {
  const marker = `after-${requestId}`
  await (await fetch(`${gateway.url}/marker`, { headers: { 'x-request-id': marker } })).text()
  await until('the later line', () => gateway.log().some(line => line.requestId === marker))
  const lines = gateway.log().filter(line => line.requestId === requestId)
  assert.equal(lines.length, 1, 'exactly one line per request')
  return lines[0]!
}

async function ask(path: string, requestId: string, init: RequestInit = {}): Promise<LogLine> {
  const response = await fetch(`${gateway.url}${path}`, {
    ...init,
    headers: { authorization, 'x-request-id': requestId, ...init.headers },
  })
  await response.arrayBuffer()
  return lineOf(requestId)
}

test('a request is logged as one line with route, node, status, times and tries', async () => {
  const line = await ask('/echo/a/b', 'plain', { method: 'PUT', body: 'x' })
  const { method, path, status, route, service, node: id, address, attempts, client, user } = line
  assert.deepEqual(
    { method, path, status, route, service, id, address, attempts, client, user },
    {
      method: 'PUT',
      path: '/echo/a/b',
      status: 200,
      route: 'auto:echo',
      service: 'echo',
      id: 'n1',
      address: `127.0.0.1:${node.port}`,
      attempts: 1,
      client: '127.0.0.1',
      user: 'anna',
    },
  )
  assert.equal(typeof line.upstreamMs, 'number')
  assert.ok((line.totalMs as number) >= (line.upstreamMs as number))
  assert.equal(line.msg, 'request')
})

test('tokens, cookies and queries are never logged', async () => {
  const headers = { cookie: 'session=top-secret', 'proxy-authorization': 'Basic top-secret' }
  await ask('/echo/q?token=top-secret&name=anna', 'secrets', { headers })
  await ask('/unknown/q?token=top-secret', 'secrets-404', { headers })
  await ask('/echo/q?token=top-secret', 'secrets-401', { headers: { authorization: 'Bearer top-secret' } })
  assert.doesNotMatch(gateway.stdout(), /top-secret/)
  assert.ok(!gateway.stdout().includes(TOKEN))
  assert.ok(!gateway.stdout().includes(TOKEN.split('.')[1]!))
})

test('a request that was tried twice is logged as one line, with the node that answered', async () => {
  const lines = [await ask('/half/', 'tried-1'), await ask('/half/', 'tried-2')]
  for (const { node: id, status } of lines) assert.deepEqual([id, status], ['b-alive', 200])
  assert.deepEqual(
    lines.map(({ attempts }) => attempts),
    [2, 1],
  )
})

test('a refused request is logged as one line with its code, and without fields of steps that it did not reach', async () => {
  for (const [path, requestId, status, code] of [
    ['/unknown', 'no-route', 404, 'WG_NO_ROUTE'],
    ['/dead/', 'dead', 502, 'WG_UPSTREAM_UNREACHABLE'],
  ] as const) {
    const line = await ask(path, requestId)
    assert.deepEqual([line.status, line.code], [status, code])
  }
  const response = await fetch(`${gateway.url}/echo/`, { headers: { 'x-request-id': 'no-token' } })
  await response.arrayBuffer()
  const line = await lineOf('no-token')
  assert.deepEqual(
    [line.status, line.code, line.attempts, line.node],
    [401, 'WG_TOKEN_MISSING', 0, undefined],
  )
})

test('a client that leaves before its answer is logged as one line with 499, and not as an error', async () => {
  const arrived = Promise.withResolvers<void>()
  const left = Promise.withResolvers<void>()
  node.handler = (request, response) => {
    arrived.resolve()
    response.once('close', () => left.resolve())
    request.resume()
  }
  const socket = connect(gateway.port, '127.0.0.1')
  socket.write(
    `GET /echo/ HTTP/1.1\r\nHost: x\r\nX-Request-Id: left\r\nAuthorization: ${authorization}\r\n\r\n`,
  )
  await arrived.promise
  socket.destroy()
  await left.promise
  const line = await until('the line', () => gateway.log().find(({ requestId }) => requestId === 'left'))
  assert.equal(line.status, 499)
  assert.equal(line.level, 30)
  const [known] = await gateway.nodes('echo')
  assert.deepEqual([known!.failures, known!.inFlight, known!.breaker], [0, 0, 'closed'])
  assert.deepEqual(
    gateway.log().filter(({ level }) => level >= 50),
    [],
  )
})
