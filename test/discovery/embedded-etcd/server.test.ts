import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { until } from '../../support/until.ts'
import { type Answer, RawClient } from './raw-client.ts'

const b = (text: string) => Buffer.from(text)

test('port 0 is any free port, and the address contains it', async () => {
  await using one = await startEmbeddedEtcd({ port: 0 })
  await using other = await startEmbeddedEtcd({ host: 'localhost', port: 0 })
  assert.equal(one.url, `http://127.0.0.1:${one.address.port}`)
  assert.equal(other.address.host, '127.0.0.1')
  assert.notEqual(one.address.port, other.address.port)
})

test('a busy port is an error that names it, and what to do', async () => {
  await using one = await startEmbeddedEtcd({ port: 0 })
  await assert.rejects(startEmbeddedEtcd({ port: one.address.port }), (error: Error) => {
    assert.equal(
      error.message,
      `the embedded etcd cannot listen on 127.0.0.1:${one.address.port}: the address is already in use; if another gateway runs here, name its etcd with --etcd, or choose another address with --embedded-etcd`,
    )
    assert.equal((error.cause as NodeJS.ErrnoException).code, 'EADDRINUSE')
    return true
  })
})

for (const host of ['0.0.0.0', '::', '10.0.0.1', '192.168.1.7', 'example.com', '127.example.com', '']) {
  test(`it does not listen on ${JSON.stringify(host)}, which other machines can reach`, async () => {
    await assert.rejects(startEmbeddedEtcd({ host, port: 0 }), /loopback/)
  })
}

test('each start is a new cluster without data', async () => {
  const clusters = new Set<string>()
  const members = new Set<string>()
  for (let n = 0; n < 3; n++) {
    await using server = await startEmbeddedEtcd({ port: 0 })
    using client = new RawClient(server.url)
    const { header, count } = await client.call('KV', 'Range', { key: b('\0'), range_end: b('\0') })
    assert.equal(count, '0')
    assert.equal(header.revision, '1')
    clusters.add(header.cluster_id)
    members.add(header.member_id)
    await client.call('KV', 'Put', { key: b('a') })
  }
  assert.equal(clusters.size, 3)
  assert.equal(members.size, 3)
})

test('closing ends every stream, frees the port, and can be repeated', async () => {
  const server = await startEmbeddedEtcd({ port: 0 })
  using client = new RawClient(server.url)
  using watch = client.watch()
  watch.send({ create_request: { key: b('a') } })
  await watch.next()
  using keepAlive = client.stream('Lease', 'LeaseKeepAlive')
  keepAlive.send({ ID: 1 })
  await keepAlive.next()
  await Promise.all([server.close(), server.close()])
  await assert.rejects(watch.next(), /UNAVAILABLE: etcdserver: server stopped/)
  await assert.rejects(keepAlive.next(), /UNAVAILABLE: etcdserver: server stopped/)

  const next = createServer().listen(server.address.port, '127.0.0.1')
  await once(next, 'listening')
  next.close()
})

test('a connection that sends nothing, or nonsense, does not prevent closing', async () => {
  const server = await startEmbeddedEtcd({ port: 0 })
  const silent = connect(server.address.port, '127.0.0.1')
  const talkative = connect(server.address.port, '127.0.0.1')
  for (const socket of [silent, talkative]) socket.on('error', () => {})
  await Promise.all([once(silent, 'connect'), once(talkative, 'connect')])
  const ended = Promise.all([once(silent, 'close'), once(talkative, 'close')])
  for (const socket of [silent, talkative]) socket.resume()
  talkative.write('GET / HTTP/1.1\r\n\r\n')
  using client = new RawClient(server.url)
  await client.call('KV', 'Put', { key: b('a') })
  await server.close()
  await ended
})

/** Puts more than the buffers of a connection hold. */
async function putMuch(client: RawClient): Promise<void> {
  const value = Buffer.alloc(1_000_000)
  for (let n = 0; n < 30; n++) await client.call('KV', 'Put', { key: b(`k${n}`), value })
}

test('a client of JSON that does not read its answer does not prevent closing', async () => {
  const server = await startEmbeddedEtcd({ port: 0 })
  using client = new RawClient(server.url)
  await putMuch(client)
  const socket = connect(server.address.port, '127.0.0.1').on('error', () => {})
  socket.write('POST /v3/kv/range HTTP/1.1\r\nhost: localhost\r\ncontent-length: 34\r\n\r\n')
  socket.write('{"key":"AA==", "range_end":"AA=="}')
  await until('its answer has begun', () => socket.bytesRead > 0)
  let isClosed = false
  void server.close().then(() => {
    isClosed = true
  })
  await until('it is closed', () => isClosed)
  socket.destroy()
})

test('a client of gRPC that does not read its answer does not prevent closing', async () => {
  const server = await startEmbeddedEtcd({ port: 0 })
  using client = new RawClient(server.url)
  await putMuch(client)
  const connections: Socket[] = []
  const proxy = createServer(socket => {
    // What comes from there is not read.
    const upstream = connect(server.address.port, '127.0.0.1')
    connections.push(socket, upstream)
    for (const each of [socket, upstream]) each.on('error', () => {})
    socket.pipe(upstream)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const session = connectHttp2(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, {
    settings: { initialWindowSize: 2 ** 31 - 1 },
  }).on('error', () => {})
  await once(session, 'connect')
  session.setLocalWindowSize(2 ** 31 - 1)
  const call = session.request({
    ':method': 'POST',
    ':path': '/etcdserverpb.KV/Range',
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  call.on('error', () => {}).end(Buffer.from('00000000060a0100120100', 'hex'))
  await until('its answer has begun', () => (connections[1]?.bytesRead ?? 0) > 0)
  let isClosed = false
  void server.close().then(() => {
    isClosed = true
  })
  await until('it is closed', () => isClosed)
  session.destroy()
  for (const socket of connections) socket.destroy()
  proxy.close()
})

test('clients that go away in the middle of a watch do not disturb the others', async () => {
  await using server = await startEmbeddedEtcd({ port: 0 })
  using client = new RawClient(server.url)
  for (let n = 0; n < 20; n++) {
    using leaving = new RawClient(server.url)
    const watch = leaving.watch()
    watch.send({ create_request: { key: b('\0'), range_end: b('\0') } })
    await watch.next()
    watch[Symbol.dispose]()
    await client.call('KV', 'Put', { key: b('a'), value: Buffer.alloc(10_000) })
  }
  assert.equal((await client.call('KV', 'Range', { key: b('a') })).kvs[0].version, '20')
})

test('a slow reader gets its events when it reads, however much was written meanwhile', async () => {
  await using server = await startEmbeddedEtcd({ port: 0 })
  using client = new RawClient(server.url)
  using reader = new RawClient(server.url)
  using watch = reader.watch()
  watch.send({ create_request: { key: b('a') } })
  await watch.next()
  watch.call.pause()
  // Far more than HTTP/2's window and the stream's buffer hold.
  const value = Buffer.alloc(100_000, 'v')
  for (let n = 0; n < 100; n++) await client.call('KV', 'Put', { key: b('a'), value })
  watch.call.resume()
  const events = await watch.events(100)
  const versions = events.map((event: Answer) => Number(event.kv.version))
  assert.deepEqual(
    versions,
    Array.from({ length: 100 }, (_, n) => n + 1),
  )
})

test('a reader that compaction has overtaken learns where to continue', async () => {
  await using server = await startEmbeddedEtcd({ port: 0, historyEvents: 20 })
  using client = new RawClient(server.url)
  using watch = client.watch()
  watch.send({ create_request: { key: b('a') } })
  await watch.next()
  watch.call.pause()
  const value = Buffer.alloc(100_000, 'v')
  for (let n = 0; n < 200; n++) await client.call('KV', 'Put', { key: b('a'), value })
  watch.call.resume()
  let answer = await watch.next()
  while (!answer.canceled) answer = await watch.next()
  assert.ok(BigInt(answer.compact_revision) > 1n)

  using again = client.watch()
  again.send({ create_request: { key: b('a'), start_revision: answer.compact_revision } })
  assert.equal((await again.next()).created, true)
  assert.equal((await again.events(1))[0].kv.mod_revision, answer.compact_revision)
})

test('users cannot be made, and a client with a user goes on without, as with an etcd that has no authentication', async () => {
  await using server = await startEmbeddedEtcd({ port: 0 })
  using client = new RawClient(server.url)
  for (const method of ['AuthEnable', 'UserAdd', 'RoleList']) {
    await assert.rejects(
      client.call('Auth', method),
      /^Error: 12 UNIMPLEMENTED: the embedded etcd has no auth/,
    )
  }
  // clientv3 of Go knows this text.
  await assert.rejects(client.call('Auth', 'Authenticate', { name: 'root', password: 'secret' }), {
    message: '9 FAILED_PRECONDITION: etcdserver: authentication is not enabled',
  })
})

test('unsupported calls are unimplemented too', async () => {
  await using server = await startEmbeddedEtcd({ port: 0 })
  using client = new RawClient(server.url)
  await assert.rejects(client.call('Maintenance', 'Defragment'), /UNIMPLEMENTED/)
  await assert.rejects(client.call('Cluster', 'MemberAdd'), /UNIMPLEMENTED/)
})

test('puts beyond the quota are refused as etcd refuses them, until keys were deleted and the history compacted', async () => {
  await using server = await startEmbeddedEtcd({ port: 0, quotaBytes: 100_000 })
  using client = new RawClient(server.url)
  const put = (key: string, length = 20_000) => ({ key: b(key), value: Buffer.alloc(length) })
  const refused = { code: 8, details: 'etcdserver: mvcc: database space exceeded' }
  for (const key of ['a', 'b', 'c', 'd']) await client.call('KV', 'Put', put(key))
  await assert.rejects(client.call('KV', 'Put', put('e')), refused)
  await assert.rejects(client.call('KV', 'Txn', { success: [{ request_put: put('e') }] }), refused)
  const alarms = async () =>
    (await client.call('Maintenance', 'Alarm')).alarms.map(({ alarm }: Answer) => alarm)
  assert.deepEqual(await alarms(), ['Nospace'])
  await client.call('KV', 'Put', put('small', 1))
  const { header } = await client.call('KV', 'Txn', { success: [{ request_delete_range: { key: b('a') } }] })
  await assert.rejects(client.call('KV', 'Put', put('e')), refused)
  assert.deepEqual(await alarms(), ['Nospace'])
  await client.call('KV', 'Compact', { revision: header.revision })
  assert.deepEqual(await alarms(), [], 'before the next put, of which there may be none for long')
  await client.call('KV', 'Put', put('e'))
})

test('a key that is put again and again takes no more than its history', async () => {
  await using server = await startEmbeddedEtcd({ port: 0, quotaBytes: 100_000, historyBytes: 30_000 })
  using client = new RawClient(server.url)
  for (let n = 0; n < 50; n++) await client.call('KV', 'Put', { key: b('a'), value: Buffer.alloc(4_000) })
})

test('no number of leases takes more memory than the quota', async () => {
  await using server = await startEmbeddedEtcd({ port: 0, quotaBytes: 20 * 1_024 })
  using client = new RawClient(server.url)
  const grants = Array.from({ length: 40 }, () => client.call('Lease', 'LeaseGrant', { TTL: 60 }))
  const results = await Promise.allSettled(grants)
  const granted = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  assert.equal(granted.length, 20)
  await assert.rejects(client.call('Lease', 'LeaseGrant', { TTL: 60 }), {
    details: 'etcdserver: mvcc: database space exceeded',
  })
  await client.call('Lease', 'LeaseRevoke', { ID: granted[0]!.ID })
  await client.call('Lease', 'LeaseGrant', { TTL: 60 })
})

test('no number of small keys takes more memory than the quota', async () => {
  await using server = await startEmbeddedEtcd({ port: 0, quotaBytes: 20 * 1_024 })
  using client = new RawClient(server.url)
  const puts = Array.from({ length: 40 }, (_, n) => client.call('KV', 'Put', { key: b(`key${n}`) }))
  const results = await Promise.allSettled(puts)
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 19)
})
