import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { waygateCodec } from '../../discovery/codecs/waygate.ts'
import { silentLogger } from '../../discovery/logger.ts'
import { register } from '../../index.ts'
import { etcdAvailable, requireEtcd, startEtcd, type TestEtcd } from '../support/etcd.ts'
import { type Store, storeAt } from './store.ts'

let etcd: TestEtcd
let store: Store
before(async () => {
  if (!etcdAvailable) return
  etcd = await startEtcd()
  store = storeAt(etcd.url)
})
after(async () => {
  store?.close()
  await etcd?.stop()
})

test('writes the documented value, under an id that is the same after a restart', async t => {
  if (!requireEtcd(t)) return
  const registration = await register({
    name: 'shop',
    address: '10.0.0.7:3001',
    weight: 3,
    metadata: { version: '1.2.0' },
    etcd: etcd.url,
  })
  const key = '/services/shop/shop-10.0.0.7-3001'
  const [[found, value]] = [...(await store.list('/services/shop/'))] as [[string, string]]
  assert.equal(found, key)
  assert.deepEqual(JSON.parse(value), {
    id: 'shop-10.0.0.7-3001',
    ip: '10.0.0.7',
    port: 3001,
    weight: 3,
    metadata: { version: '1.2.0' },
  })
  await registration.update({ weight: 0 })
  assert.equal(JSON.parse((await store.list(key)).get(key) ?? '{}').weight, 0)
  await registration.unregister()
  assert.equal((await store.list('/services/shop/')).size, 0)
})

test('the protocol is written, and a node that gateways do not speak to is warned about', async t => {
  if (!requireEtcd(t)) return
  const warnings: unknown[] = []
  const logger = { ...silentLogger, warn: (...line: unknown[]) => void warnings.push(line) }
  const written = async (options: object) => {
    const registration = await register({
      name: 'spoken',
      address: '10.0.0.7:3001',
      etcd: etcd.url,
      logger,
      ...options,
    })
    const [value = ''] = (await store.list('/services/spoken/')).values()
    const { protocol } = JSON.parse(value)
    const [node] = waygateCodec.decode('spoken/spoken-10.0.0.7-3001', value)
    assert.deepEqual(node, registration.node)
    await registration.update({ weight: 7 })
    assert.equal(JSON.parse([...(await store.list('/services/spoken/')).values()][0]!).protocol, protocol)
    await registration.unregister()
    return protocol
  }
  assert.equal(await written({}), undefined)
  assert.equal(await written({ protocol: 'gRPC' }), 'grpc')
  assert.equal(await written({ protocol: 'h2c' }), 'h2c')
  assert.equal(await written({ metadata: { protocol: 'grpc' } }), 'grpc')
  assert.equal(await written({ protocol: 'http', metadata: { protocol: 'grpc' } }), 'http')
  for (const protocol of ['https', 'h2', 'grpcs']) assert.equal(await written({ protocol }), protocol)
  assert.deepEqual(warnings, [])
  assert.equal(await written({ protocol: 'thrift' }), 'thrift')
  assert.deepEqual(warnings, [
    [{ protocol: 'thrift' }, 'gateways do not speak the protocol of this node, so it gets no requests'],
  ])
})

test('takes the store and the prefix from the environment, and options take precedence', async t => {
  if (!requireEtcd(t)) return
  process.env.WAYGATE_ETCD = etcd.url
  process.env.WAYGATE_SERVICES_PREFIX = '/elsewhere/'
  t.after(() => {
    delete process.env.WAYGATE_ETCD
    delete process.env.WAYGATE_SERVICES_PREFIX
  })
  const one = await register({ name: 'shop', host: '::1', port: 3001 })
  const two = await register({ name: 'shop', host: '::1', port: 3001, id: 'x', servicesPrefix: '/here' })
  assert.deepEqual([...(await store.list('/elsewhere/')).keys()], ['/elsewhere/shop/shop-::1-3001'])
  assert.deepEqual([...(await store.list('/here/')).keys()], ['/here/shop/x'])
  await Promise.all([one.unregister(), two.unregister()])
})

test('gives up when its signal aborts while etcd is unreachable', async () => {
  const stop = new AbortController()
  const registering = register({
    name: 'shop',
    address: '10.0.0.7:3001',
    etcd: 'http://127.0.0.1:1',
    signal: stop.signal,
  })
  setImmediate(() => stop.abort(new Error('changed my mind')))
  await assert.rejects(registering, /changed my mind/)
})

test('invalid options are refused at once, not only when etcd is up', async () => {
  const good = { name: 'shop', address: '10.0.0.7:3001', etcd: 'http://127.0.0.1:1' }
  for (const [bad, reason] of [
    [{ address: '10.0.0.7' }, /host:port/],
    [{ address: 'user:secret@10.0.0.7:80' }, /host:port/],
    [{ name: '' }, /service/],
    [{ weight: -1 }, /weight/],
    [{ protocol: 'a b' }, /protocol must be one word/],
    [{ metadata: { tags: ['a'] } as object as Record<string, string> }, /metadata/],
    [{ ttlSeconds: 5 }, /seconds from 6 to 86400/],
    [{ ttlSeconds: 6.5 }, /whole/],
    [{ ttlSeconds: 86_401 }, /seconds from 6 to 86400/],
    [{ etcd: [] }, /at least one/],
    [{ etcd: 'http://user:secret@10.0.0.7:2379' }, /user info/],
    [{ etcd: ['http://a:1', 'https://b:1'] }, /all http or all https/],
    [{ tls: { ca: 'x' } }, /https/],
    [{ servicesPrefix: '/' }, /prefix/],
  ] as const) {
    await assert.rejects(register({ ...good, ...bad }), reason)
  }
})
