import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { ClientConnections } from '../../../middleware/connection/client-connections.ts'
import { ProxyProtocol, proxyHeaderBytes } from '../../../middleware/connection/proxy-protocol.ts'
import { OPENSSL } from '../../support/certificates.ts'
import { onPath } from '../../support/etcd.ts'
import { makeCertificates } from '../../support/etcd-tls.ts'
import { openRaw, sendRaw } from '../../support/http.ts'
import { binaryHeader, LINE, TCP6_BLOCK } from '../../support/proxy-headers.ts'
import { until } from '../../support/until.ts'

interface ListenOptions {
  readonly from?: readonly string[]
  readonly timeoutMs?: number
  readonly maxConnections?: number
  readonly maxConnectionsPerAddress?: number
  readonly now?: () => number
}

/** Starts a listener that hands each connection to `proceed` when its client is known. */
async function listen(t: TestContext, proceed: (socket: Socket) => void, options: ListenOptions = {}) {
  const { from = ['127.0.0.0/8'], timeoutMs = 30_000 } = options
  const connections = new ClientConnections({
    maxConnections: 0,
    maxConnectionsPerAddress: 0,
    idleTimeoutMs: 0,
    bodyIdleTimeoutMs: 0,
    sendIdleTimeoutMs: 0,
    minBytesPerSecond: 0,
    minRateGraceMs: 0,
    isTrustedProxy: () => false,
    onRefused: () => {},
    ...options,
  })
  const reports: string[] = []
  const proxyProtocol = new ProxyProtocol({
    ...{ from, timeoutMs, connections },
    onRefused: (reason, address) => reports.push(`${reason} ${address}`),
  })
  const sockets = new Set<Socket>()
  // Like a server of node:http, whose clients may end their side first.
  const server = createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    proxyProtocol.accept(socket, () => proceed(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { proxyProtocol, connections, reports, sockets, port: (server.address() as AddressInfo).port }
}

/** Starts a server of node:http that answers with the client's address and what it has received. */
function describing(): Server {
  return createHttpServer(async (request, response) => {
    const { remoteAddress, remotePort, remoteFamily } = request.socket
    let bytes = 0
    for await (const piece of request) bytes += piece.length
    response.end(`[${remoteFamily} ${remoteAddress} ${remotePort} ${request.url} ${bytes}]`)
  })
}

const LAST = 'GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'
const FAMILIES = {
  'version 1': [Buffer.from(LINE), 'IPv4 192.0.2.7 56324'],
  'version 2': [binaryHeader(0x21, 0x21, TCP6_BLOCK), 'IPv6 2001:db8::7 56324'],
  'IPv4 in IPv6': [Buffer.from('PROXY TCP6 ::FFFF:C000:207 ::1 56324 443\r\n'), 'IPv4 192.0.2.7 56324'],
} as const

for (const [name, [header, client]] of Object.entries(FAMILIES)) {
  test(`a server of HTTP gets every byte behind the header once, in whatever pieces they come: ${name}`, async t => {
    const http = describing()
    const { port } = await listen(t, socket => http.emit('connection', socket))
    const body = Buffer.alloc(300_000, 'x')
    const requests = Buffer.concat([
      Buffer.from(`POST /first HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n`),
      body,
      Buffer.from(LAST),
    ])
    const expected = [`[${client} /first 300000]`, `[${client} /last 0]`]
    const answersOf = (text: string) => text.match(/\[.*?\]/g)
    assert.deepEqual(answersOf(await sendRaw(port, Buffer.concat([header, requests]))), expected)

    // A client that ends its side at once is answered, too.
    const ended = await openRaw(port)
    ended.socket.end(Buffer.concat([header, Buffer.from(LAST)]))
    assert.deepEqual(answersOf(await ended.closed), expected.slice(1))

    for (const cut of [1, header.length - 1, header.length, header.length + 1, header.length + 40]) {
      const client = await openRaw(port, Buffer.concat([header, requests]).subarray(0, cut))
      await until('the first piece has left', () => client.socket.writableLength === 0)
      client.socket.write(Buffer.concat([header, requests]).subarray(cut))
      assert.deepEqual(answersOf(await client.closed), expected, `cut at ${cut}`)
    }
  })
}

test('a header that comes one byte at a time is read, and so is the request behind it', async t => {
  const http = describing()
  const { port, sockets } = await listen(t, socket => http.emit('connection', socket))
  const client = await openRaw(port)
  const bytes = Buffer.from(LINE + LAST)
  for (const [index, byte] of bytes.entries()) {
    client.socket.write(Buffer.from([byte]))
    // Each is read before the next one is sent.
    if (index < LINE.length + 10)
      await until('the byte is read', () => [...sockets][0]?.bytesRead === index + 1, { everyMs: 1 })
  }
  assert.match(await client.closed, /\[IPv4 192\.0\.2\.7 56324 \/last 0\]/)
  assert.equal(proxyHeaderBytes([...sockets][0]!), LINE.length)
})

test('a TLS server gets every byte behind the header, and its sockets have the client’s address', async t => {
  if (!onPath(OPENSSL)) return t.skip('needs openssl on PATH')
  using certificates = makeCertificates()
  const http = describing()
  const tls = createTlsServer(
    { cert: certificates.pem('server'), key: certificates.pem('server.key') },
    socket => void http.emit('connection', socket),
  )
  const { port } = await listen(t, socket => tls.emit('connection', socket))
  /** Speaks TLS through a connection whose first bytes `join` puts together from the header and the handshake's. */
  const ask = async (join: (write: (bytes: Buffer) => void, handshake: Buffer) => unknown) => {
    const raw = await openRaw(port)
    // A relay, so that the first flight of the client is known as bytes.
    const relay = createServer(client => {
      client.once('data', async (handshake: Buffer) => {
        await join(bytes => void raw.socket.write(bytes), handshake)
        client.on('data', piece => void raw.socket.write(piece))
        raw.socket.on('data', piece => void client.write(piece)).on('close', () => client.destroy())
      })
      client.on('error', () => {})
    })
    relay.listen(0, '127.0.0.1')
    await once(relay, 'listening')
    const client = connectTls({
      host: '127.0.0.1',
      port: (relay.address() as AddressInfo).port,
      ca: certificates.pem('ca'),
    })
    client.write(LAST)
    let text = ''
    client.setEncoding('utf8').on('data', piece => {
      text += piece
    })
    client.on('error', () => {})
    await until('the answer is there', () => text.endsWith(']'))
    client.destroy()
    relay.close()
    await once(relay, 'close')
    return text
  }
  const header = Buffer.from(LINE)
  const asOne = await ask((write, handshake) => write(Buffer.concat([header, handshake])))
  assert.match(asOne, /\[IPv4 192\.0\.2\.7 56324 \/last 0\]$/)
  const cut = await ask(async (write, handshake) => {
    write(Buffer.concat([header, handshake.subarray(0, 100)]))
    await new Promise(resolve => setImmediate(resolve))
    write(handshake.subarray(100))
  })
  assert.match(cut, /\[IPv4 192\.0\.2\.7 56324 \/last 0\]$/)
})

test('a connection without a valid header in time is ended without an answer, and reported once', async t => {
  const http = describing()
  const { port, proxyProtocol, reports } = await listen(t, socket => http.emit('connection', socket), {
    timeoutMs: 50,
  })
  for (const _ of [1, 2]) {
    assert.equal(await sendRaw(port, LAST), '')
    assert.equal(await sendRaw(port, `PROXY TCP4 a b 1 2\r\n${LAST}`), '')
    assert.equal(await sendRaw(port, `PROXY UNKNOWN ${'x'.repeat(100)}\r\n${LAST}`), '')
    // The rest never comes, although the connection is not silent.
    const slow = await openRaw(port, 'PROXY TCP4 ')
    const drip = setInterval(() => slow.socket.write('1'), 10)
    assert.equal(await slow.closed, '')
    clearInterval(drip)
  }
  assert.deepEqual(proxyProtocol.refused, { missing: 2, invalid: 2, 'too-long': 2, late: 2 })
  assert.deepEqual(reports, [
    'missing 127.0.0.1',
    'invalid 127.0.0.1',
    'too-long 127.0.0.1',
    'late 127.0.0.1',
  ])
})

test('a header that came in time is read, even if the process stood still past the time', async t => {
  const http = describing()
  const { port, sockets } = await listen(t, socket => http.emit('connection', socket), { timeoutMs: 500 })
  const client = await openRaw(port)
  await until('the connection is accepted', () => sockets.size === 1)
  client.socket.write(LINE + LAST)
  // Everything is in one thread, so the gateway has not read it yet.
  const end = performance.now() + 600
  while (performance.now() < end);
  assert.match(await client.closed, /\[IPv4 192\.0\.2\.7 56324 \/last 0\]$/)
})

test('a client that leaves within the header is refused, and one that sends nothing has only looked', async t => {
  const { port, proxyProtocol, connections } = await listen(t, () => assert.fail('nobody is known'))
  for (const bytes of ['', LINE.slice(0, 20)]) {
    const client = await openRaw(port)
    client.socket.end(bytes)
    await client.closed
  }
  const reset = await openRaw(port)
  reset.socket.resetAndDestroy()
  await until('none is left', () => connections.open === 0)
  assert.deepEqual(proxyProtocol.refused, { missing: 0, invalid: 1, 'too-long': 0, late: 0 })
})

test('an address that is not named sends no header, and keeps its own address', async t => {
  const http = describing()
  const { port } = await listen(t, socket => http.emit('connection', socket), { from: ['192.0.2.0/24'] })
  assert.match(await sendRaw(port, LAST), /\[IPv4 127\.0\.0\.1 \d+ \/last 0\]$/)
  assert.match(await sendRaw(port, LINE + LAST), /^HTTP\/1\.1 400 /)
})

test('a header that tells of no client leaves the connection its own address', async t => {
  const http = describing()
  const { port } = await listen(t, socket => http.emit('connection', socket))
  for (const header of [binaryHeader(0x20, 0), binaryHeader(0x21, 0), Buffer.from('PROXY UNKNOWN\r\n')])
    assert.match(
      await sendRaw(port, Buffer.concat([header, Buffer.from(LAST)])),
      /\[IPv4 127\.0\.0\.1 \d+ \/last 0\]$/,
    )
})

test('connections count from the moment they are accepted, and for their client once it is known', async t => {
  const http = describing()
  const { port, connections } = await listen(t, socket => http.emit('connection', socket), {
    maxConnectionsPerAddress: 1,
  })
  const silent = await Promise.all([openRaw(port), openRaw(port), openRaw(port)])
  await until('all three count', () => connections.open === 3)
  const others = ['192.0.2.8', '192.0.2.9'].map(address => LINE.replace('192.0.2.7', address))
  const get = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'
  const first = await openRaw(port, LINE + get)
  await first.until('192.0.2.7')
  assert.equal(await sendRaw(port, LINE + LAST), '')
  assert.deepEqual(connections.refused, { total: 0, address: 1 })
  for (const [index, line] of others.entries()) {
    silent[index]!.socket.write(line + get)
    await silent[index]!.until(index === 0 ? '192.0.2.8' : '192.0.2.9')
  }
  assert.equal(await sendRaw(port, others[0]! + LAST), '')
  first.socket.destroy()
  await until('the address has room again', async () =>
    (await sendRaw(port, LINE + LAST)).includes('192.0.2.7'),
  )
  for (const { socket } of silent) socket.destroy()
  await until('none is left', () => connections.open === 0)
})

test('connections without a header make room for others when there are too many', async t => {
  const http = describing()
  let now = 1_000
  const { port, connections, proxyProtocol } = await listen(t, socket => http.emit('connection', socket), {
    maxConnections: 2,
    now: () => now,
  })
  const silent = [await openRaw(port), await openRaw(port)]
  await until('both count', () => connections.open === 2)
  assert.equal(await sendRaw(port, LINE + LAST), '')
  assert.deepEqual(connections.refused, { total: 1, address: 0 })
  now += 2_000
  connections.sweep()
  assert.match(await sendRaw(port, LINE + LAST), /192\.0\.2\.7/)
  assert.equal(connections.ended.displaced, 1)
  proxyProtocol.endPending()
  for (const { closed } of silent) await closed
  await until('none is left', () => connections.open === 0)
})
