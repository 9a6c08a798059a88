import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createEtcdClient } from '../../../discovery/etcd/client.ts'
import { etcdFromEnvironment } from '../../../discovery/etcd/environment.ts'
import { EtcdRegistry } from '../../../discovery/etcd/etcd-registry.ts'
import { checkPrefix } from '../../../discovery/etcd/prefixes.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import { etcdctl, requireEtcd, startEtcd } from '../../support/etcd.ts'
import { setUpUsers } from '../../support/etcd-json.ts'
import { Follower } from '../follow.ts'
import { storeAt } from '../store.ts'

test('invalid endpoints are refused, without showing a password that they may contain', () => {
  for (const endpoint of [
    '',
    'http://',
    'ftp://10.0.0.5:2379',
    'http://user:secret@10.0.0.5:2379',
    'http://10.0.0.5:2379/path',
    'http://10.0.0.5:2379?secret',
    'http://::1:2379',
  ]) {
    assert.throws(
      () => createEtcdClient({ endpoints: [endpoint] }),
      (error: Error) => error instanceof TypeError && !error.message.includes('secret'),
      endpoint,
    )
  }
})

test('valid endpoints are accepted', () => {
  for (const endpoints of [
    ['http://10.0.0.5:2379', '10.0.0.6:2379', 'etcd.internal'],
    ['http://[::1]:2379/'],
    ['https://etcd.internal:2379', 'https://10.0.0.5'],
  ]) {
    createEtcdClient({ endpoints }).close()
  }
})

test('half a client certificate is refused', () => {
  const endpoints = ['https://10.0.0.5:2379']
  assert.throws(() => createEtcdClient({ endpoints, tls: { cert: 'x' } }), /must be given together/)
  assert.throws(() => createEtcdClient({ endpoints, tls: { key: 'x' } }), /must be given together/)
})

test('an endpoint may end in a slash', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  const client = createEtcdClient({ endpoints: [`http://127.0.0.1:${etcd.port}/`] })
  await client.put('a').value('b')
  assert.equal(await client.get('a').string(), 'b')
  client.close()
})

test('one endpoint of several that is down makes no difference', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  const client = createEtcdClient({ endpoints: ['http://127.0.0.1:1', etcd.url, 'http://127.0.0.1:2'] })
  for (let i = 0; i < 10; i++) await client.put('a').value(String(i))
  assert.equal(await client.get('a').string(), '9')
  client.close()
  const registry = new EtcdRegistry({ endpoints: ['http://127.0.0.1:1', etcd.url] })
  t.after(() => registry.close())
  const follower = new Follower(registry)
  await registry.register({ service: 'user', id: 'u1', host: '10.0.0.7', port: 1 })
  await follower.until('u1 is there', () => follower.nodes().length === 1)
  await follower.stop()
})

test('only a stream waits longer than 2 s for a store that hangs', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  const registry = new EtcdRegistry({ endpoints: [etcd.url] })
  t.after(() => registry.close())
  assert.equal(await registry.getService('user'), undefined)
  await etcd.kill('SIGSTOP')
  // On a busy machine it may answer once more before it stops.
  let took = 0
  for (let isHanging = false; !isHanging; ) {
    const begin = performance.now()
    await registry.getService('user').catch(error => {
      assert.match(String(error), /deadline/i)
      isHanging = true
    })
    took = performance.now() - begin
  }
  assert.ok(took > 1_500 && took < 4_000, `took ${took} ms`)
})

test('with a user and a password it follows and registers; a refused put leaves no lease behind', async t => {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
  await using etcd = await startEtcd()
  const asRoot = (...args: string[]) => etcdctl(etcd.url, '--user', 'root:toor', ...args)
  await setUpUsers(etcd.url, {
    rootPassword: 'toor',
    roles: {
      reader: [
        ['read', '/services/'],
        ['read', '/waygate/routes/'],
      ],
    },
    users: { gateway: ['s3cret', 'reader'] },
  })

  const logged: string[] = []
  const log = (details: object, message: string) => void logged.push(`${message} ${JSON.stringify(details)}`)
  const logger = { ...silentLogger, debug: log, info: log, warn: log, error: log }
  const root = new EtcdRegistry({ endpoints: [etcd.url], user: 'root', password: 'toor' })
  const gateway = new EtcdRegistry({ endpoints: [etcd.url], user: 'gateway', password: 's3cret', logger })
  t.after(() => Promise.all([root.close(), gateway.close()]))
  const follower = new Follower(gateway)
  const registration = await root.register({ service: 'user', id: 'u1', host: '10.0.0.7', port: 1 })
  await follower.until('u1 is there', () => follower.connected() && follower.nodes().length === 1)

  const stop = new AbortController()
  const refused = gateway.register(
    { service: 'user', id: 'u2', host: '10.0.0.7', port: 1 },
    { signal: stop.signal },
  )
  const leases = async () => (await asRoot('lease', 'list')).match(/^[0-9a-f]{6,}$/gm)?.length ?? 0
  while (!logged.some(line => line.includes('registration failed'))) await new Promise(setImmediate)
  stop.abort()
  await assert.rejects(refused, { name: 'AbortError' })
  await follower.stop()
  await gateway.close()
  assert.equal(await leases(), 1, 'only that of u1')
  await registration.unregister()
  assert.ok(!logged.join().includes('s3cret'), logged.join())
})

test('an unknown user is reported and tried until it is known', async t => {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
  await using etcd = await startEtcd()
  const asRoot = (...args: string[]) => etcdctl(etcd.url, '--user', 'root:toor', ...args)
  await setUpUsers(etcd.url, { rootPassword: 'toor', roles: {}, users: {} })
  const registry = new EtcdRegistry({ endpoints: [etcd.url], user: 'gateway', password: 's3cret' })
  t.after(() => registry.close())
  const follower = new Follower(registry)
  await follower.until('told', () => follower.events.length > 0)
  const [event] = follower.events
  assert.match(event?.type === 'status' ? String(event.reason) : '', /authentication failed/)
  await asRoot('user', 'add', 'gateway:s3cret')
  await asRoot('user', 'grant-role', 'gateway', 'root')
  await follower.until('following', () => follower.connected())
  await follower.stop()
})

test('the environment configures etcd, and empty variables do not count', () => {
  assert.deepEqual(etcdFromEnvironment({}), {})
  assert.deepEqual(etcdFromEnvironment({ WAYGATE_ETCD: '', WAYGATE_ETCD_USER: '' }), {})
  const env = {
    WAYGATE_ETCD: 'http://a:1, http://b:2,',
    WAYGATE_ETCD_USER: 'u',
    WAYGATE_ETCD_PASSWORD: 'p',
    WAYGATE_ETCD_CA: import.meta.filename,
    WAYGATE_SERVICES_PREFIX: '/x/',
  }
  const { tls, ...rest } = etcdFromEnvironment(env)
  assert.deepEqual(rest, {
    etcd: ['http://a:1', 'http://b:2'],
    user: 'u',
    password: 'p',
    servicesPrefix: '/x/',
  })
  assert.match(String(tls?.ca), /the environment says/)
  assert.throws(() => etcdFromEnvironment({ WAYGATE_ETCD_KEY: '/does/not/exist' }), { code: 'ENOENT' })
})

test('the environment names a file with the password, and what is wrong with it is said', t => {
  const folder = mkdtempSync(join(tmpdir(), 'waygate-environment-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = (name: string, content: string | Buffer) => {
    writeFileSync(join(folder, name), content)
    return { WAYGATE_ETCD_PASSWORD_FILE: join(folder, name) }
  }
  const read = etcdFromEnvironment
  assert.deepEqual(read(file('password', ' s3cret \n')), { password: ' s3cret ' })
  assert.deepEqual(read({ WAYGATE_ETCD_PASSWORD: 'p', WAYGATE_ETCD_PASSWORD_FILE: '' }), { password: 'p' })
  assert.throws(() => read(file('empty', '\n')), /^Error: WAYGATE_ETCD_PASSWORD_FILE names an empty file, /)
  assert.throws(() => read(file('bytes', Buffer.of(0xff))), /cannot be read: .*bytes is not UTF-8 text/)
  assert.throws(() => read({ WAYGATE_ETCD_PASSWORD_FILE: folder }), /cannot be read: EISDIR/)
  assert.throws(() => read({ WAYGATE_ETCD_PASSWORD_FILE: '/none' }), /cannot be read: ENOENT.*none/)
  assert.throws(
    () => read({ ...file('password', 'p'), WAYGATE_ETCD_PASSWORD: 'p' }),
    /WAYGATE_ETCD_PASSWORD_FILE must not be set together with WAYGATE_ETCD_PASSWORD$/,
  )
})

test('a prefix matches whole segments, and never the whole store', async t => {
  assert.equal(checkPrefix('/services'), '/services/')
  assert.equal(checkPrefix('services/'), 'services/')
  for (const bad of ['', '/', '//']) assert.throws(() => checkPrefix(bad), TypeError)
  const endpoints = ['http://127.0.0.1:1']
  assert.throws(() => new EtcdRegistry({ endpoints, servicesPrefix: '/a', routesPrefix: '/a/b' }), /overlap/)

  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  const store = storeAt(etcd.url)
  for (const key of ['/services/user/u1', '/services2/user/u2', '/service/user/u3', '/services0']) {
    await store.put(key, '10.0.0.7:80')
  }
  store.close()
  const registry = new EtcdRegistry({ endpoints: [etcd.url], servicesPrefix: '/services' })
  t.after(() => registry.close())
  const follower = new Follower(registry)
  await follower.until('following', () => follower.connected())
  assert.deepEqual(follower.nodes(), ['user/u1:1'])
  assert.deepEqual(follower.directory.problems(), [])
  await follower.stop()
})

test('a node that is registered several times at once is never missing, and has the last registration', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  const store = storeAt(etcd.url)
  const registry = new EtcdRegistry({ endpoints: [etcd.url] })
  const watcher = await store.client.watch().prefix('/services/').create()
  const changes: string[] = []
  const seen = Promise.withResolvers<void>()
  watcher.on('put', ({ key, value }) => {
    if (key.toString().endsWith('/end')) seen.resolve()
    else changes.push(`weight ${(JSON.parse(value.toString()) as { weight: number }).weight}`)
  })
  watcher.on('delete', () => changes.push('deleted'))
  const weights = [1, 2, 3, 4, 5]
  const node = { service: 'user', id: 'u1', host: '127.0.0.1', port: 80 }
  await Promise.all(weights.map(weight => registry.register({ ...node, weight })))
  await store.put('/services/user/end', '{}')
  await seen.promise
  await watcher.cancel()
  await registry.close()
  store.close()
  assert.deepEqual(
    changes,
    weights.map(weight => `weight ${weight}`),
  )
})

test('a registration that waits for another one of its node ends when its signal aborts', async () => {
  const registry = new EtcdRegistry({ endpoints: ['127.0.0.1:1'] })
  const node = { service: 'user', id: 'u1', host: '127.0.0.1', port: 80 }
  const first = registry.register(node)
  const second = registry.register(node, { signal: AbortSignal.abort(new Error('enough')) })
  await assert.rejects(second, /enough/)
  const stop = new AbortController()
  const third = registry.register(node, { signal: stop.signal })
  stop.abort(new Error('enough'))
  await assert.rejects(third, /enough/)
  await Promise.all([assert.rejects(first, /unregistered/), registry.close()])
})
