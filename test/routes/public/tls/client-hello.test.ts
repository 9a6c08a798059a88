import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { awaitClientHello } from '../../../../routes/public/tls/client-hello.ts'
import { until } from '../../../support/until.ts'

/** Returns the first message of a client of TLS, in one record. */
async function clientHello(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connectTls({
    port: (server.address() as { port: number }).port,
    host: '127.0.0.1',
    servername: 'a',
  })
  client.on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [Socket]
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  server.close()
  return bytes
}

/** Connects, and waits for the first message with what is sent by then. */
async function listen(t: TestContext, timeoutMs = 60_000) {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as { port: number }).port, '127.0.0.1').setNoDelay(true)
  const [socket] = (await once(server, 'connection')) as [Socket]
  const seen: string[] = []
  socket.on('error', () => {})
  awaitClientHello(socket, {
    timeoutMs,
    onWhole: () => seen.push('whole'),
    onHttp: () => seen.push('HTTP'),
    onMissing: reason => seen.push(reason),
  })
  t.after(() => {
    client.destroy()
    server.close()
  })
  return { client, socket, seen }
}

test('a message is whole with its last byte, in whatever pieces, and is back in the socket', async t => {
  const hello = await clientHello()
  const { client, socket, seen } = await listen(t)
  for (const byte of hello.subarray(0, -1)) {
    client.write(Buffer.from([byte]))
  }
  await until('all but one byte has arrived', () => socket.bytesRead === hello.length - 1)
  assert.deepEqual(seen, [])
  client.write(hello.subarray(-1))
  await until('it is whole', () => seen.length > 0)
  assert.deepEqual(seen, ['whole'])
  assert.deepEqual(socket.read(), hello)
})

test('a message that is split over several records is whole with the last of them', async t => {
  const hello = await clientHello()
  const payload = hello.subarray(5)
  const records = [payload.subarray(0, 40), payload.subarray(40, 90), payload.subarray(90)].map(part => {
    const head = Buffer.from([22, 3, 1, 0, 0])
    head.writeUInt16BE(part.length, 3)
    return Buffer.concat([head, part])
  })
  const { client, socket, seen } = await listen(t)
  client.write(Buffer.concat(records.slice(0, 2)))
  await until('two records have arrived', () => socket.bytesRead === 40 + 50 + 10)
  assert.deepEqual(seen, [])
  client.write(records[2]!)
  await until('it is whole', () => seen.length > 0)
  assert.deepEqual(socket.read(), Buffer.concat(records))
})

test('what is no TLS is left to TLS at once, and so is a message that is longer than any real one', async t => {
  for (const bytes of [Buffer.from('G'), Buffer.from([22, 3, 1, 0, 0]), Buffer.alloc(33_000, 22)]) {
    const { client, seen } = await listen(t)
    client.write(bytes)
    await until('it is left to TLS', () => seen.length > 0)
    assert.deepEqual(seen, ['whole'])
  }
})

test('a request of HTTP/1 is told from other bytes, and is not put back', async t => {
  for (const [bytes, what] of [
    ['GET / HTTP/1.1\r\n', 'HTTP'],
    ['M-SEARCH * HTTP/1.1\r\n', 'HTTP'],
    ['SSH-2.0-OpenSSH_9.2\r\n', 'whole'],
    ['PRI * HTTP/2.0\r\n', 'whole'],
    ['get / HTTP/1.1\r\n', 'whole'],
  ] as const) {
    const { client, socket, seen } = await listen(t)
    client.write(bytes)
    await until('it is known', () => seen.length > 0)
    assert.deepEqual([seen, String(socket.read() ?? '')], [[what], what === 'HTTP' ? '' : bytes])
  }
})

test('a client that says nothing, or leaves before it has said all, is let go', async t => {
  const silent = await listen(t, 50)
  await until('it is let go', () => silent.socket.destroyed)
  assert.deepEqual(silent.seen, ['timeout'])
  const leaving = await listen(t)
  leaving.client.end((await clientHello()).subarray(0, 20))
  await until('it is let go', () => leaving.socket.destroyed)
  assert.deepEqual(leaving.seen, ['closed'])
})
