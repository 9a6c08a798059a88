import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import { EtcdRegistry } from '../../discovery/etcd/etcd-registry.ts'
import { waygate } from '../../discovery/fastify-plugin.ts'
import { etcdAvailable, requireEtcd, startEtcd, type TestEtcd } from '../support/etcd.ts'
import { Follower } from './follow.ts'

let etcd: TestEtcd
let registry: EtcdRegistry
before(async () => {
  if (!etcdAvailable) return
  etcd = await startEtcd()
  registry = new EtcdRegistry({ endpoints: [etcd.url] })
})
after(async () => {
  await registry?.close()
  await etcd?.stop()
})

function serve(name: string, options: object = {}): FastifyInstance {
  const app = Fastify()
  app.register(waygate, { name, etcd: etcd.url, ...options })
  app.get('/', async () => 'hello')
  return app
}

test('a server registers at the address that it is bound to, once it listens', async t => {
  if (!requireEtcd(t)) return
  const app = serve('shop', { weight: 3, metadata: { zone: 'a' }, drainMs: 0 })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { node } = await app.waygate.registration
  const { port } = app.addresses()[0] as { port: number }
  assert.deepEqual(
    { ...node },
    {
      service: 'shop',
      id: `shop-127.0.0.1-${port}`,
      host: '127.0.0.1',
      port,
      weight: 3,
      metadata: { zone: 'a' },
    },
  )
  assert.deepEqual((await registry.getService('shop'))?.nodes, [node])
  await app.close()
  assert.equal(await registry.getService('shop'), undefined)
})

test('a server registers as what it speaks, or as what it is told', async t => {
  if (!requireEtcd(t)) return
  const registered = async (app: FastifyInstance, options: object = {}) => {
    app.register(waygate, { name: 'speaking', etcd: etcd.url, drainMs: 0, ...options })
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { node } = await app.waygate.registration
    assert.deepEqual((await registry.getService('speaking'))?.nodes, [node])
    await app.close()
    return node.protocol
  }
  assert.equal(await registered(Fastify({ http2: true }) as unknown as FastifyInstance), 'h2c')
  assert.equal(await registered(Fastify(), { protocol: 'grpc' }), 'grpc')
  assert.equal(await registered(Fastify(), { metadata: { protocol: 'grpc' } }), undefined)
})

test('a closing server first leaves etcd, and serves old and new requests until it is drained', async t => {
  if (!requireEtcd(t)) return
  const app = serve('slow', { drainMs: 1_000 })
  const release = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  app.get('/slow', async () => {
    arrived.resolve()
    await release.promise
    return 'late'
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  await app.waygate.registration
  const follower = new Follower(registry)
  await follower.until('it is registered', () => follower.directory.services().has('slow'))

  const slow = fetch(`${url}/slow`)
  await arrived.promise
  let closed = false
  const closing = app.close().then(() => {
    closed = true
  })
  await follower.until('it has left', () => !follower.directory.services().has('slow'))
  assert.equal(app.server.listening, true, 'it still listens when gateways know')
  const during = await fetch(url)
  assert.equal(during.status, 200)
  assert.equal(await during.text(), 'hello')
  assert.equal(during.headers.get('connection'), 'close')

  let served = 0
  while ((await fetch(url).catch(() => undefined))?.status === 200) served++
  assert.ok(served > 0, 'then the drain ends and nobody new is served')
  assert.equal(closed, false, 'but the request that is open is')
  release.resolve()
  const late = await slow
  assert.equal(late.status, 200)
  assert.equal(await late.text(), 'late')
  await closing
  await follower.stop()
})

test('a server that is registered by an encapsulated plugin also leaves etcd first', async t => {
  if (!requireEtcd(t)) return
  const app = Fastify()
  app.register(async inner => {
    await inner.register(waygate, { name: 'inner', etcd: etcd.url, drainMs: 0 })
    inner.get('/', async () => 'hello')
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const follower = new Follower(registry)
  await follower.until('it is registered', () => follower.directory.services().has('inner'))
  await app.close()
  assert.equal(await registry.getService('inner'), undefined)
  await follower.stop()
})

test('a server that closes during its registration does not stay in etcd', async t => {
  if (!requireEtcd(t)) return
  for (let i = 0; i < 10; i++) {
    const app = serve('hasty', { drainMs: 0 })
    await app.listen({ host: '127.0.0.1', port: 0 })
    for (let turn = 0; turn < i; turn++) await new Promise(setImmediate)
    await app.close()
    assert.equal(await registry.getService('hasty'), undefined)
  }
})

test('a server bound to every address registers at the advertised one', async t => {
  if (!requireEtcd(t)) return
  const app = serve('wide', { advertise: 'wide.internal', drainMs: 0 })
  await app.listen({ host: '0.0.0.0', port: 0 })
  const { node } = await app.waygate.registration
  assert.equal(node.host, 'wide.internal')
  assert.equal(node.port, (app.addresses()[0] as { port: number }).port)
  await app.close()
})

test('a server starts, serves and closes while etcd is unreachable', async () => {
  const app = Fastify()
  app.register(waygate, { name: 'alone', etcd: 'http://127.0.0.1:1', drainMs: 60_000 })
  app.get('/', async () => 'hello')
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  assert.equal((await fetch(url)).status, 200)
  const begin = performance.now()
  await app.close()
  assert.ok(performance.now() - begin < 5_000, 'nobody knew of it, so there is nothing to drain')
  await assert.rejects(app.waygate.registration)
})

test('a service that cannot be registered logs why, and serves anyway', async () => {
  const logged: string[] = []
  const app = Fastify({ logger: { stream: { write: (line: string) => void logged.push(line) } } })
  app.register(waygate, { name: 'not a name', etcd: 'http://127.0.0.1:1' })
  app.get('/', async () => 'hello')
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  await assert.rejects(app.waygate.registration, /service must be/)
  assert.equal((await fetch(url)).status, 200)
  assert.ok(
    logged.some(line => line.includes('registering the service failed') && line.includes('service must be')),
  )
  await app.close()
})

test('a server that never listens closes without registering, and its promise rejects', {
  timeout: 5_000,
}, async () => {
  const app = Fastify()
  app.register(waygate, { name: 'quiet', etcd: 'http://127.0.0.1:1' })
  await app.ready()
  await app.close()
  await assert.rejects(app.waygate.registration, /closed before it listened/)
})
