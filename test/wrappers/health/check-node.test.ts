import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import type { HealthCheck } from '../../../internal/nodes/health.ts'
import { type CheckResult, checkNode } from '../../../wrappers/health/check-node.ts'
import { testNode } from '../../support/peer.ts'
import { startService } from '../../support/service.ts'

const HTTP: HealthCheck = {
  path: '/healthz?deep=1',
  host: undefined,
  statuses: undefined,
  intervalMs: 1_000,
  timeoutMs: 30_000,
  healthyAfter: 1,
  unhealthyAfter: 1,
}
const TCP: HealthCheck = { ...HTTP, path: undefined }

const check = (port: number, rule: HealthCheck) =>
  new Promise<CheckResult>(resolve => checkNode({ node: testNode({ port }), check: rule }, resolve))

test('it sends a GET for the path, on a connection of its own that it closes', async () => {
  let seen: unknown
  await using node = await startService('n', (request, response) => {
    const { method, url, headers } = request
    seen = { method, url, host: headers.host, agent: headers['user-agent'] }
    response.end('ok')
  })
  const closed = once(node.server, 'connection').then(([socket]) => once(socket, 'close'))
  assert.deepEqual(await check(node.port, HTTP), { passed: true, reason: 'status 200', isHung: false })
  const host = `127.0.0.1:${node.port}`
  assert.deepEqual(seen, { method: 'GET', url: '/healthz?deep=1', host, agent: 'waygate-health-check' })
  await closed
})

test('a configured Host is sent', async () => {
  let host: string | undefined
  await using node = await startService('n', (request, response) => {
    host = request.headers.host
    response.end()
  })
  await check(node.port, { ...HTTP, host: 'health.local' })
  assert.equal(host, 'health.local')
})

test('200 to 399 passes, unless the check lists its statuses', async () => {
  let status = 0
  await using node = await startService('n', (_, response) => void response.writeHead(status).end())
  for (const [answered, statuses, expected] of [
    [204, undefined, true],
    [302, undefined, true],
    [404, undefined, false],
    [503, undefined, false],
    [404, [404], true],
    [200, [404], false],
  ] as const) {
    status = answered
    const result = await check(node.port, { ...HTTP, statuses })
    assert.deepEqual([result.passed, result.reason], [expected, `status ${answered}`])
  }
})

test('an endless answer passes as soon as its head has come', async () => {
  await using node = await startService('n', (_, response) => {
    response.writeHead(200)
    response.write('endless')
  })
  assert.equal((await check(node.port, HTTP)).passed, true)
})

test('a node that accepts connections and does not answer hangs', async () => {
  await using node = await startService('n', () => {})
  const result = await check(node.port, { ...HTTP, timeoutMs: 100 })
  assert.deepEqual(result, { passed: false, reason: 'no answer within 100 ms', isHung: true })
})

test('a node that refuses, hangs up, or speaks something else fails without hanging', async () => {
  const closed = await startService('n')
  await closed.close()
  assert.match((await check(closed.port, HTTP)).reason, /^no connection: .*ECONNREFUSED/)
  assert.match((await check(closed.port, TCP)).reason, /^no connection: .*ECONNREFUSED/)
  let greeting = ''
  const server = createServer(socket => void socket.end(greeting).on('error', () => {}))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as { port: number }
  for (greeting of ['', '220 mail ready\r\n']) {
    const result = await check(port, HTTP)
    assert.deepEqual([result.passed, result.isHung], [false, false])
    assert.match(result.reason, /^no (answer|connection): /)
  }
  server.close()
})

test('a connection is enough for a TCP check', async () => {
  await using node = await startService('n', () => assert.fail('nothing is asked'))
  assert.deepEqual(await check(node.port, TCP), { passed: true, reason: 'connected', isHung: false })
})

test('a cancelled check reports nothing, and its connection is closed', async () => {
  await using node = await startService('n', () => {})
  for (const rule of [HTTP, TCP]) {
    checkNode({ node: testNode({ port: node.port }), check: rule }, () => assert.fail('it was ended'))()
  }
  const end = checkNode({ node: testNode({ port: node.port }), check: HTTP }, () =>
    assert.fail('it was ended'),
  )
  const [socket] = await once(node.server, 'connection')
  end()
  await once(socket, 'close')
})

test('no check goes to an address that is not allowed', async () => {
  await using node = await startService('n', () => assert.fail('nothing is asked'))
  const allows = (address: string, port: number) => !(address === '127.0.0.1' && port === node.port)
  for (const host of ['127.0.0.1', 'localhost']) {
    for (const rule of [HTTP, TCP]) {
      const result = await new Promise<CheckResult>(resolve =>
        checkNode({ node: testNode({ host, port: node.port }), check: rule, allows }, resolve),
      )
      assert.equal(result.passed, false)
      assert.match(result.reason, /^no connection: /)
    }
  }
  assert.equal(node.connections, 0)
})
