import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { createEtcdClient } from '../../../discovery/etcd/client.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { LOOPBACK, makeAuthority, pemOf } from '../../support/certificates.ts'
import { freePort } from '../../support/free-port.ts'
import { runProgram } from '../../support/waygate.ts'

test('the doctor looks at the certificates of nodes as a gateway does', async t => {
  const authority = makeAuthority(t)
  await using etcd = await startEmbeddedEtcd({ port: 0 })
  const servers: Server[] = []
  t.after(() => {
    for (const server of servers) server.close()
  })
  const start = async (certificate: { cert: string; key: string }): Promise<number> => {
    const server = createServer(certificate)
    servers.push(server)
    server.on('tlsClientError', () => {}).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const orders = pemOf(authority.issue('orders', { names: 'DNS:orders.example' }))
  const ports = {
    good: await start(pemOf(authority.issue('good', { names: LOOPBACK }))),
    soon: await start(pemOf(authority.issue('soon', { names: LOOPBACK, days: 20 }))),
    named: await start(orders),
    orders: await start(orders),
    gone: await freePort(),
  }
  const client = createEtcdClient({ endpoints: [etcd.url] })
  for (const [name, port] of Object.entries(ports)) {
    const value = JSON.stringify({ name, addr: `127.0.0.1:${port}`, protocol: 'https' })
    await client.put(`/services/${name}/127.0.0.1:${port}`).value(value)
  }
  const route = { path: '/orders', service: 'orders', upstreamTls: { serverName: 'orders.example' } }
  await client.put('/waygate/routes/orders').value(JSON.stringify(route))
  client.close()
  const config = { etcd: { endpoints: [etcd.url] }, upstream: { tls: { ca: authority.ca } } }
  const cwd = tempFolder(t, { 'waygate.yaml': JSON.stringify(config) })
  const { code, stdout } = await runProgram({ args: ['doctor', '--json'], cwd })
  const findings = (
    JSON.parse(stdout) as { check: string; level: string; message: string; details?: { items: string[] } }[]
  )
    .filter(({ check }) => check === 'certificates')
    .map(({ level, message, details }) => [level, message, ...(details?.items ?? [])])
  assert.equal(code, 1)
  assert.equal(findings.length, 4)
  const [ok, problem, soon, gone] = findings
  assert.deepEqual(ok, ['ok', '2 nodes with TLS have a certificate that is accepted, for 21 days at least'])
  assert.deepEqual(problem!.slice(0, 2), ['problem', 'TLS with 1 node fails'])
  assert.match(problem![2]!, /^named\/.* at 127\.0\.0\.1:\d+: .*set upstreamTls\.serverName/)
  assert.deepEqual(soon!.slice(0, 2), ['warning', '1 certificate of a node expires within 21 days'])
  assert.match(soon![2]!, /^soon\/.*: until 20/)
  assert.deepEqual(gone!.slice(0, 2), ['warning', '1 node with TLS cannot be connected to from this machine'])
  assert.match(gone![2]!, /^gone\/.*ECONNREFUSED/)
})
