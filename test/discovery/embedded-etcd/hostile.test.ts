import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import * as grpc from '@grpc/grpc-js'
import { readPreface } from '../../../discovery/embedded-etcd/preface.ts'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'

/** A client that sends raw bytes. */
function createByteClient(url: string): grpc.Client {
  return new grpc.Client(url.replace('http://', ''), grpc.credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  })
}

const asItIs = (bytes: Buffer) => bytes

function call(client: grpc.Client, method: string, bytes: Buffer): Promise<string> {
  return new Promise(resolve => {
    const deadline = Date.now() + 10_000
    client.makeUnaryRequest(`/etcdserverpb.${method}`, asItIs, asItIs, bytes, { deadline }, error =>
      resolve(error ? grpc.status[error.code]! : 'OK'),
    )
  })
}

function stream(client: grpc.Client, method: string, bytes: Buffer): Promise<string> {
  return new Promise(resolve => {
    const open = client.makeBidiStreamRequest(`/etcdserverpb.${method}`, asItIs, asItIs)
    open.on('data', () => {})
    open.on('error', () => {})
    open.on('status', ({ code }) => resolve(grpc.status[code]!))
    open.write(bytes)
  })
}

/** A length-delimited protobuf field. */
function field(number: number, content: Buffer): Buffer {
  const length: number[] = []
  for (let rest = content.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest)
    if (rest <= 127) break
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), content])
}

/** Returns a transaction nested in a transaction, and so on. */
function nestedTxn(depth: number): Buffer {
  let txn: Buffer = Buffer.alloc(0)
  for (let level = 0; level < depth; level++) txn = field(2, field(4, txn))
  return txn
}

const NONSENSE = Buffer.from('ffffffffffffffffffff01', 'hex')
const TRUNCATED = Buffer.from([0x0a, 0x7f, 0x61])
const PUT = field(1, Buffer.from('a'))

test('no malformed request ends the server or other calls', async t => {
  await using server = await startEmbeddedEtcd({ port: 0 })
  const client = createByteClient(server.url)
  t.after(() => client.close())
  for (const method of ['KV/Range', 'KV/Put', 'KV/DeleteRange', 'KV/Txn', 'KV/Compact', 'Lease/LeaseGrant']) {
    for (const bytes of [NONSENSE, TRUNCATED]) {
      assert.notEqual(await call(client, method, bytes), 'OK', method)
      assert.equal(await call(client, 'KV/Put', PUT), 'OK', `after ${method}`)
    }
  }
  for (const method of ['Watch/Watch', 'Lease/LeaseKeepAlive']) {
    for (const bytes of [NONSENSE, TRUNCATED]) {
      assert.notEqual(await stream(client, method, bytes), 'OK', method)
      assert.equal(await call(client, 'KV/Put', PUT), 'OK', `after ${method}`)
    }
  }
})

test('transactions nested without end are refused', async t => {
  await using server = await startEmbeddedEtcd({ port: 0 })
  const client = createByteClient(server.url)
  t.after(() => client.close())
  assert.equal(await call(client, 'KV/Txn', nestedTxn(20)), 'OK')
  for (const depth of [200, 5_000]) {
    assert.notEqual(await call(client, 'KV/Txn', nestedTxn(depth)), 'OK')
    assert.equal(await call(client, 'KV/Put', PUT), 'OK')
  }
})

test('a message above all limits is refused', async t => {
  await using server = await startEmbeddedEtcd({ port: 0 })
  const client = createByteClient(server.url)
  t.after(() => client.close())
  const large = Buffer.concat([PUT, field(2, Buffer.alloc(9 << 20))])
  assert.equal(await call(client, 'KV/Put', large), 'RESOURCE_EXHAUSTED')
  assert.equal(await call(client, 'KV/Put', PUT), 'OK')
})

test('an unknown method or service is unimplemented', async t => {
  await using server = await startEmbeddedEtcd({ port: 0 })
  const client = createByteClient(server.url)
  t.after(() => client.close())
  assert.equal(await call(client, 'KV/Nothing', PUT), 'UNIMPLEMENTED')
  assert.equal(await call(client, 'Nothing/Put', PUT), 'UNIMPLEMENTED')
})

test('connections that send nonsense or are reset at any moment do no harm', async t => {
  await using server = await startEmbeddedEtcd({ port: 0 })
  const openings = [
    '',
    'GET / HTTP/1.1\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\0\0\x04\x04\0\0\0\0\0',
  ]
  for (let n = 0; n < 60; n++) {
    const socket = connect(server.address.port, server.address.host)
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(openings[n % openings.length]!)
    if (n % 3 > 0) await new Promise(resolve => setImmediate(resolve))
    socket.resetAndDestroy()
  }
  const client = createByteClient(server.url)
  t.after(() => client.close())
  assert.equal(await call(client, 'KV/Put', PUT), 'OK')
})

test('a connection that is reset while its reader is loaded only closes', async t => {
  const listener = createServer().listen(0, '127.0.0.1')
  t.after(() => listener.close())
  await once(listener, 'listening')
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [socket] = (await once(listener, 'connection')) as [Socket]
  const known = new Promise(resolve => readPreface(socket, resolve))
  client.write('GET /version HTTP/1.1\r\n')
  assert.equal(await known, 'http1')
  const closed = new Promise<boolean>(resolve => socket.once('close', resolve))
  client.resetAndDestroy()
  assert.equal(await closed, true, 'it has seen the reset')
})
