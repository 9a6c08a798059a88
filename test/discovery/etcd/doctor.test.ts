import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { createEtcdClient } from '../../../discovery/etcd/client.ts'
import { etcdAvailable, etcdctl, requireEtcd, startEtcd, type TestEtcd } from '../../support/etcd.ts'
import { askEtcd, putKey } from '../../support/etcd-json.ts'
import { freePort } from '../../support/free-port.ts'
import { Examination } from './examination.ts'

const PROGRAMS = ['etcd', 'etcdctl']

describe('of a healthy etcd', { concurrency: true }, () => {
  let etcd: TestEtcd
  before(async () => {
    if (etcdAvailable) etcd = await startEtcd()
  })
  after(() => etcd?.stop())
  const put = (key: string, value: unknown, lease?: string) =>
    putKey(etcd.url, key, typeof value === 'string' ? value : JSON.stringify(value), lease)
  const leased = async (ttl: string) => {
    return (await askEtcd<{ ID: string }>(etcd.url, 'lease/grant', { TTL: ttl })).ID
  }

  test('everything is ok', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    await put('/fine/user/u1', { ip: '10.0.0.7', port: 3001 }, await leased('60'))
    await put('/fine-routes/users', { path: '/users/*', service: 'user' })
    const found = await Examination.of(etcd.url, {
      sources: [{ prefix: '/fine/' }],
      servicesPrefix: '/fine/',
      routesPrefix: '/fine-routes/',
    })
    const checks = ['connection', 'version', 'cluster', 'members', 'space', 'authentication']
    assert.deepEqual(found.at('ok'), [...checks, 'leases', 'nodes', 'routes', 'watch'], `${found}`)
    assert.equal(found.findings.length, 10)
    assert.match(found.one('ok', /answers in/).message, new RegExp(`^${etcd.url} answers in [\\d.]+ ms$`))
    assert.equal(found.one('ok', /^etcd \d/).details?.version, '3.4.23')
    const { prefix, keys, nodes, services } = found.one('ok', /^\/fine\/ has/).details ?? {}
    assert.deepEqual({ prefix, keys, nodes, services }, { prefix: '/fine/', keys: 1, nodes: 1, services: 1 })
    assert.equal(found.one('ok', /alarms/).details?.quotaBytes, 2 * 2 ** 30)
  })

  test('it writes nothing, and leaves no lease behind', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    const own = await startEtcd()
    t.after(() => own.stop())
    const before = await etcdctl(own.url, 'get', 'x', '-w', 'json')
    await Examination.of(own.url)
    assert.equal(
      JSON.parse(await etcdctl(own.url, 'get', 'x', '-w', 'json')).header.revision,
      JSON.parse(before).header.revision,
    )
    assert.match(await etcdctl(own.url, 'lease', 'list'), /found 0 leases/)

    const found = await Examination.of(own.url, { writeCheck: true })
    assert.match(found.one('ok', /was written and deleted/).message, /below \/services\//)
    assert.match(await etcdctl(own.url, 'get', '', '--from-key', '--keys-only'), /^\s*$/)
    assert.match(await etcdctl(own.url, 'lease', 'list'), /found 0 leases/)
  })

  test('values that are not used are told by key, the first of many', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    for (let index = 10; index < 32; index++) await put(`/bad/user/b${index}`, '{no json')
    await put('/bad/user/good', { ip: '10.0.0.7', port: 3001 })
    await put('/bad/lost/x', { ip: '10.0.0.7' })
    const found = await Examination.of(etcd.url, { sources: [{ prefix: '/bad/' }] })
    const { level, details } = found.one('problem', /below \/bad\//)
    assert.equal(level, 'problem')
    assert.equal(details?.items?.length, 20)
    assert.equal(details?.more, 3)
    assert.match(details?.items?.[0] ?? '', /^\/bad\/lost\/x: \w/)
    assert.equal(details?.items?.[1], '/bad/user/b10: value is not valid JSON')
    assert.deepEqual(found.items('warning', /no node that gets requests/), ['lost: its values are not used'])
  })

  test('keys without a lease, and leases that last long, are warnings', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    await put('/lease/user/static', '10.0.0.7:1')
    await put('/lease/user/short', '10.0.0.7:2', await leased('300'))
    await put('/lease/user/long', '10.0.0.7:3', await leased('301'))
    const found = await Examination.of(etcd.url, { sources: [{ prefix: '/lease/' }] })
    assert.deepEqual(found.items('warning', /1 key of nodes has no lease/), ['/lease/user/static'])
    assert.deepEqual(found.items('warning', /longer than 5 minutes/), ['/lease/user/long: 301 s'])
    assert.deepEqual(found.at('problem'), [])
  })

  test('every source is read in its own format, and all of them are watched', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    await put('/plain/user/u1', '10.0.0.7:1', await leased('60'))
    await put('/object/task/u1', '10.0.0.7:1', await leased('60'))
    const found = await Examination.of(etcd.url, {
      sources: [
        { prefix: '/plain/', format: 'plain-address' },
        { prefix: '/object/', format: 'service-object' },
        { prefix: '/odd/', format: 'nothing like it' },
      ],
    })
    assert.match(found.one('ok', /^\/plain\/ has/).message, /1 key with 1 node of 1 service/)
    assert.equal(found.items('problem', /below \/object\//).length, 1)
    assert.match(found.one('problem', /^\/odd\/: unknown format/).message, /plain-address/)
    assert.match(
      found.one('ok', /can be followed/).message,
      /\/plain\/, \/object\/, \/odd\/, \/waygate\/routes\//,
    )
  })

  test('route documents that are refused, lead nowhere or stand behind another are told', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    await put('/r-nodes/user/u1', '10.0.0.7:1', await leased('60'))
    await put('/r/a', { path: '/x/:id', service: 'user' })
    await put('/r/b', { path: '/x/:name', service: 'user', methods: ['GET'] })
    await put('/r/broken', { path: 'x', service: 'user' })
    await put('/r/lost', { path: '/y', service: 'nobody' })
    const found = await Examination.of(etcd.url, { sources: [{ prefix: '/r-nodes/' }], routesPrefix: '/r/' })
    assert.deepEqual(found.items('problem', /route document below \/r\//), [
      '/r/broken: $.path: must start with "/"',
    ])
    assert.deepEqual(found.items('warning', /without a node/), ['lost: nobody'])
    assert.deepEqual(found.items('warning', /never used/), ['b (/x/:name): a takes all of its requests'])
  })

  test('a refused endpoint among good ones is a problem of its own', async t => {
    if (!requireEtcd(t, PROGRAMS)) return
    const port = await freePort()
    const found = await Examination.of(`http://127.0.0.1:${port},${etcd.url}`)
    assert.deepEqual(found.at('problem'), ['connection'])
    assert.equal(found.one('problem', /refuses/).details?.code, 'ECONNREFUSED')
    assert.ok(found.at('ok').includes('watch'))
  })
})

test('an etcd that hangs is told from one that is not there', async t => {
  if (!requireEtcd(t, PROGRAMS)) return
  const etcd = await startEtcd()
  t.after(() => etcd.stop())
  await etcd.kill('SIGSTOP')
  const startedAt = performance.now()
  const found = await Examination.of(etcd.url, { patienceMs: undefined })
  assert.match(found.one('problem', /accepts connections but does not answer/).message, /HTTP\/2 handshake/)
  assert.equal(found.findings.length, 1)
  assert.ok(performance.now() - startedAt < 10_000)
})

test('an etcd that falls silent midway is given up in time, with what was seen before', async t => {
  await using embedded = await startEmbeddedEtcd({ port: 0 })
  let isFrozen = false
  const front = createServer(near => {
    const far = connect(embedded.address.port, '127.0.0.1')
    const pass = (from: Socket, to: Socket) =>
      from
        .on('data', (bytes: Buffer) => isFrozen || to.write(bytes))
        .on('error', () => to.destroy())
        .on('close', () => to.destroy())
    pass(near, far)
    pass(far, near)
  })
  await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve))
  t.after(() => front.close())
  // The lease is watched for two seconds, with a question every 50 ms.
  const parseRoute = () => {
    isFrozen = true
    return { reason: 'not looked at' }
  }
  const client = createEtcdClient({ endpoints: [embedded.url] })
  await client.put('/waygate/routes/x').value('{}')
  client.close()
  const startedAt = performance.now()
  const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
  const found = await Examination.of(url, { parseRoute, patienceMs: 12_000 })
  assert.ok(performance.now() - startedAt < 10_000)
  assert.match(found.one('problem', /^etcd grants no lease|^leases could not be checked/).message, /answer/)
  found.one('ok', /answers in/)
  found.one('ok', /^\/services\/ has/)
})

test('what takes a connection and closes it, or speaks something else, is not etcd', async t => {
  for (const talk of [
    (socket: Socket) => void socket.end(),
    (socket: Socket) => void socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'),
  ]) {
    const server = createServer(socket => talk(socket.on('error', () => {}).resume()))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const found = await Examination.of(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    assert.match(found.one('problem', /does not speak gRPC/).hint ?? '', /https:\/\/.*2379.*2380/)
    assert.equal(found.findings.length, 1)
  }
})

test('an etcd that is out of space says so, and what it keeps from working', async t => {
  if (!requireEtcd(t, PROGRAMS)) return
  const etcd = await startEtcd({ args: ['--quota-backend-bytes', '100000'] })
  t.after(() => etcd.stop())
  await assert.rejects(async () => {
    for (let index = 0; index < 100; index++) await putKey(etcd.url, `/x/${index}`, 'x'.repeat(20_000))
  }, /space exceeded/)
  const found = await Examination.of(etcd.url, { writeCheck: true })
  assert.match(found.one('problem', /alarm NOSPACE/).hint ?? '', /compact.*defrag.*disarm/)
  assert.equal(found.one('warning', /^the database of .* has .* of at most/).details?.quotaBytes, 100_000)
  assert.match(found.one('problem', /etcd grants no lease/).message, /space exceeded/)
  assert.match(found.one('problem', /no key below/).message, /space exceeded/)
  assert.ok(found.at('ok').includes('watch'))
})

test('the embedded etcd is looked at like any other', async () => {
  await using embedded = await startEmbeddedEtcd({ port: 0 })
  const found = await Examination.of(embedded.url, { writeCheck: true, user: 'gateway', password: 'x' })
  assert.deepEqual(found.at('problem'), [], `${found}`)
  found.one('ok', /this is the embedded etcd/)
  found.one('ok', /count down in step with our clock/)
  found.one('ok', /was written and deleted/)
  found.one('warning', /user "gateway" is configured, but etcd has no authentication/)
  assert.deepEqual(found.at('skipped'), [])
})
