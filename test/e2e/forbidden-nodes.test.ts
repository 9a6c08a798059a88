import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { test } from 'node:test'
import { freePort } from '../support/free-port.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { openRegistry } from '../support/registry.ts'
import { startService } from '../support/service.ts'
import type { ServingGateway } from '../support/serving-gateway.ts'
import { until } from '../support/until.ts'
import { startGateway } from '../support/waygate.ts'

const HOSTS = ['127.0.0.1', 'localhost', '::1', '127.0.0.2', '::ffff:127.0.0.1']

interface Answer {
  readonly status: number
  readonly text: string
}

/** Sends the path unchanged; `fetch` would normalize it. */
function get(port: number, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', piece => {
        text += piece
      })
      response.on('end', () => resolve({ status: response.statusCode!, text }))
    })
      .on('error', reject)
      .end()
  })
}

const keyOf = (index: number) => `/services/sneaky${index}/n1`

async function putNodes(gateway: ServingGateway, port: number): Promise<void> {
  using registry = openRegistry(gateway.etcd)
  for (const [index, ip] of HOSTS.entries())
    await registry.put(keyOf(index), JSON.stringify({ id: 'n1', ip, port, weight: 1 }))
  await registry.putRoute('sneaky', {
    path: '/by-document/*',
    service: 'sneaky0',
    stripPrefix: '/by-document',
  })
  await registry.putNode('last', 'n1', { port: 1 })
  await gateway.untilNodes('last', ['n1'])
  await until('the route is there', async () =>
    (await gateway.routes()).routes.some(({ id }) => id === 'sneaky'),
  )
}

async function assertUnreached(gateway: ServingGateway): Promise<void> {
  for (const path of ['/by-document/healthz', ...HOSTS.map((_, index) => `/sneaky${index}/healthz`)]) {
    const { status, text } = await get(gateway.port, path)
    // The service is unknown, has no node, or has only a node that no connection is made to.
    assert.ok([404, 502, 503].includes(status), `${path} ${status}`)
    assert.match(text, /"code":"WG_/)
  }
}

test('no node leads to the admin listener, and each that would is listed as a problem', async () => {
  const adminPort = await freePort()
  await using gateway = await startGatewayHere({ args: ['--admin-port', String(adminPort)] })
  await putNodes(gateway, adminPort)
  await assertUnreached(gateway)
  const { problems } = await gateway.routes()
  for (const index of HOSTS.keys()) {
    const found = problems.find(({ key }) => key === keyOf(index))
    assert.match(found?.reason ?? '', /node "n1" is not used: it is the gateway's own admin listener/)
  }
})

for (const workers of ['1', '2']) {
  test(`no node leads to an admin listener on a random free port, with --workers ${workers}`, async () => {
    await using gateway = await startGateway({ args: ['--workers', workers] })
    await putNodes(gateway, Number(new URL(gateway.admin).port))
    await assertUnreached(gateway)
  })
}

test('nodes outside the allowed addresses are listed as problems, and host names lead nowhere else', async () => {
  await using service = await startService('user')
  await using gateway = await startGatewayHere({
    config: { discovery: { allowedAddresses: ['127.0.0.1/32'] } },
  })
  using registry = openRegistry(gateway.etcd)
  const put = (id: string, ip: string) =>
    registry.put(`/services/${id}/n1`, JSON.stringify({ id: 'n1', ip, port: service.port }))
  await put('good', '127.0.0.1')
  await put('outside', '127.0.0.2')
  await put('named', 'localhost')
  await gateway.untilNodes('good', ['n1'])
  await gateway.untilNodes('named', ['n1'])
  assert.equal((await get(gateway.port, '/good/')).text, 'user')
  assert.equal((await get(gateway.port, '/named/')).text, 'user')
  assert.equal((await get(gateway.port, '/outside/')).status, 404)
  const { problems } = await gateway.routes()
  assert.deepEqual(
    problems.map(({ key }) => key),
    ['/services/outside/n1'],
  )
  await using strict = await startGatewayHere({
    config: { discovery: { allowedAddresses: ['10.0.0.0/8'] } },
    etcd: gateway.etcd,
  })
  await strict.untilNodes('named', ['n1'])
  const { status, text } = await get(strict.port, '/named/')
  assert.deepEqual([status, JSON.parse(text).code], [502, 'WG_UPSTREAM_UNREACHABLE'])
  assert.equal(service.count, 2)
})
