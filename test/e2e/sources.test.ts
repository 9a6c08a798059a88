import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startGatewayHere } from '../support/gateway-here.ts'
import { openRegistry } from '../support/registry.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { runProgram } from '../support/waygate.ts'

test('services that register themselves in different formats are found under several prefixes', async t => {
  const node = await startService('legacy')
  t.after(() => node.close())
  const gateway = await startGatewayHere({
    config: {
      discovery: {
        sources: [
          { prefix: '/microservices/', format: 'kratos' },
          { prefix: '/micro/registry/', format: 'go-micro' },
          { prefix: 'server/', format: 'plain-address', service: 'server' },
          { prefix: '/mixed/' },
        ],
      },
    },
  })
  t.after(() => gateway.stop())
  using registry = openRegistry(gateway.etcd)
  const address = `127.0.0.1:${node.port}`

  const { put, putNode } = registry
  await putNode('own', 'n1', node)
  await put(
    '/microservices/helloworld/7f1b',
    JSON.stringify({ id: '7f1b', name: 'helloworld', endpoints: [`http://${address}?isSecure=false`] }),
  )
  await put(
    '/microservices/greeter/9c2d',
    JSON.stringify({ id: '9c2d', name: 'greeter', endpoints: [`grpc://${address}?isSecure=false`] }),
  )
  await put(
    '/micro/registry/go.micro.web/w-1',
    JSON.stringify({ name: 'go.micro.web', nodes: [{ id: 'w-1', address, metadata: { protocol: 'http' } }] }),
  )
  await put('server/001', address)
  await put('/mixed/plain/001', address)
  await put(
    '/mixed/object/x',
    JSON.stringify({ name: 'object', nodes: [{ ip: '127.0.0.1', port: node.port }] }),
  )
  await put('/microservices/broken/1', '{')

  for (const service of ['own', 'helloworld', 'go.micro.web', 'server', 'plain', 'object']) {
    const text = await until(`${service} answers`, async () => {
      const response = await fetch(`${gateway.url}/${service}/x`)
      return response.status === 200 && response.text()
    })
    assert.equal(text, 'legacy')
  }

  const [greeter] = await gateway.nodes('greeter')
  assert.equal(greeter?.protocol, 'grpc')
  assert.equal(greeter?.state, 'up')
  const refused = await fetch(`${gateway.url}/greeter/x`)
  assert.deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [503, 'WG_NO_SCHEMA'])

  await until('the node that speaks no gRPC is listed', async () =>
    (await gateway.routes()).problems.some(({ key }) => key === 'reflection:greeter'),
  )
  const { problems, source } = await gateway.routes()
  assert.deepEqual(
    problems.map(({ key }) => key),
    ['/microservices/broken/1', 'reflection:greeter'],
  )
  assert.deepEqual(
    source.sources.map(({ name }) => name),
    [
      '/services/',
      '/microservices/',
      '/micro/registry/',
      'server/',
      '/mixed/',
      '/waygate/routes/',
      '/waygate/descriptors/',
      '/waygate/policies/',
    ],
  )
})

test('an unknown format is reported with its place and the known formats', async t => {
  const cwd = await mkdtemp(join(tmpdir(), 'waygate-sources-'))
  t.after(() => rm(cwd, { recursive: true, force: true }))
  const config = 'discovery: { sources: [{ prefix: /a/ }, { prefix: /b/, format: consul }] }'
  await writeFile(join(cwd, 'waygate.yaml'), config)
  const { code, stderr } = await runProgram({ args: ['start', '--port', '0', '--admin-port', '0'], cwd })
  assert.equal(code, 1)
  assert.match(
    stderr,
    /\$\.discovery\.sources\[1\]\.format.*unknown format "consul"; the formats are auto, waygate/,
  )
})
