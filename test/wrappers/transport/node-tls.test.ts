import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, type TestContext, test } from 'node:test'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { NodeTls, type TlsSettings } from '../../../wrappers/transport/node-tls.ts'
import { openSocket, type SocketOptions } from '../../../wrappers/transport/open-socket.ts'
import { isHandshakeRefusal, tlsProblemIn } from '../../../wrappers/transport/tls-failures.ts'
import { LOOPBACK, makeAuthority, pemOf } from '../../support/certificates.ts'
import { testTls } from '../../support/node-tls.ts'
import { until } from '../../support/until.ts'

const authority = makeAuthority({ after })
const server = pemOf(authority.issue('server', { names: LOOPBACK }))
const named = pemOf(authority.issue('named', { names: 'DNS:orders.example' }))
const expired = pemOf(authority.issue('expired', { names: LOOPBACK, days: -1 }))
const client = pemOf(authority.issue('client', { names: 'DNS:gateway.example' }))

/** Starts a TLS server that answers each piece with the same piece. Closed after the test. */
async function startTlsNode(
  t: TestContext,
  options: TlsOptions,
): Promise<{ port: number; seen: TLSSocket[] }> {
  const seen: TLSSocket[] = []
  const sockets = new Set<Socket>()
  const node = createTlsServer(options, socket => {
    seen.push(socket)
    socket.on('error', () => {}).on('data', bytes => socket.write(bytes))
  })
  node.on('connection', socket => void sockets.add(socket)).on('tlsClientError', () => {})
  node.listen(0, '127.0.0.1')
  await once(node, 'listening')
  t.after(() => {
    node.close()
    for (const socket of sockets) socket.destroy()
  })
  return { port: (node.address() as AddressInfo).port, seen }
}

interface Opened {
  readonly socket: TLSSocket
  readonly error: Error | undefined
}

/** Opens a TLS connection, which is destroyed after the test. */
function open(
  t: TestContext,
  tls: NodeTls,
  port: number,
  options: Partial<SocketOptions> = {},
): Promise<Opened> {
  return new Promise(resolve => {
    const socket = openSocket({ host: '127.0.0.1', port, timeoutMs: 5_000, ...options, tls }, error =>
      resolve({ socket: socket as TLSSocket, error }),
    )
    socket.on('error', () => {})
    t.after(() => socket.destroy())
  })
}

function nodeTls(settings: TlsSettings, protocol = 'https', host = '127.0.0.1'): NodeTls {
  return new NodeTls({ host, protocol }, () => settings)
}

async function failureOf(t: TestContext, tls: NodeTls, port: number): Promise<Error> {
  const { error } = await open(t, tls, port)
  assert.ok(error, 'the connection was made')
  return error
}

test('a connection is made when the certificate is from the authority and for the address', async t => {
  const { port, seen } = await startTlsNode(t, server)
  const { socket, error } = await open(t, nodeTls(testTls({ ca: authority.pem })), port)
  assert.equal(error, undefined)
  assert.equal(socket.authorized, true)
  // An address must not be sent as a name.
  assert.equal((await until('a connection', () => seen[0])).servername, false)
})

test('what is read arrives below the stream, in the buffer of the caller', async t => {
  const { port } = await startTlsNode(t, server)
  const buffer = Buffer.alloc(65_536)
  let text = ''
  const { socket } = await open(t, nodeTls(testTls({ ca: authority.pem })), port, {
    onread: {
      buffer,
      callback: (size, given) => {
        assert.equal(given.buffer, buffer.buffer)
        text += Buffer.from(given).toString('latin1', 0, size)
        return true
      },
    },
  })
  socket.write('there and back')
  await until('the text', () => text === 'there and back')
})

test('a certificate of an unknown authority is refused, and the reason names the setting', async t => {
  const { port } = await startTlsNode(t, server)
  const error = await failureOf(t, nodeTls(testTls({})), port)
  assert.match(error.message, /not from a trusted authority \(UNABLE_.*upstream\.tls\.ca.*upstreamTls\.ca/)
  assert.equal(tlsProblemIn(error)?.kind, 'tls')
})

test('a certificate for another name is refused, and serverName makes it right', async t => {
  const { port, seen } = await startTlsNode(t, named)
  const error = await failureOf(t, nodeTls(testTls({ ca: authority.pem })), port)
  assert.match(error.message, /is for DNS:orders\.example, not for 127\.0\.0\.1: set upstreamTls\.serverName/)
  const right = await open(t, nodeTls(testTls({ ca: authority.pem, serverName: 'orders.example' })), port)
  assert.equal(right.error, undefined)
  await until('the name', () => seen.some(socket => socket.servername === 'orders.example'))
})

test('the host of a node counts without the dot that ends it', async t => {
  const { port, seen } = await startTlsNode(t, server)
  const tls = nodeTls(testTls({ ca: authority.pem }), 'https', 'localhost.')
  assert.equal((await open(t, tls, port)).error, undefined)
  assert.equal((await until('a connection', () => seen[0])).servername, 'localhost')
})

test('a serverName that is an address is checked and not sent', async t => {
  const { port, seen } = await startTlsNode(t, server)
  const good = testTls({ ca: authority.pem, serverName: '127.0.0.1' })
  assert.equal((await open(t, nodeTls(good, 'https', 'localhost'), port)).error, undefined)
  assert.equal((await until('a connection', () => seen[0])).servername, false)
  const bad = testTls({ ca: authority.pem, serverName: '127.0.0.2' })
  assert.match((await failureOf(t, nodeTls(bad), port)).message, /not for 127\.0\.0\.2/)
})

test('an expired certificate is refused', async t => {
  const { port } = await startTlsNode(t, expired)
  const error = await failureOf(t, nodeTls(testTls({ ca: authority.pem })), port)
  assert.match(error.message, /has expired: renew it/)
})

test('a certificate of an expired authority is refused, and not called expired itself', async t => {
  const { port } = await startTlsNode(t, server)
  const error = await failureOf(t, nodeTls(testTls({ ca: authority.reissued(-1) })), port)
  assert.equal(error.message, 'the certificate of the node, or that of its authority, has expired: renew it')
})

test('without verification, any certificate will do', async t => {
  const { port } = await startTlsNode(t, expired)
  assert.equal((await open(t, nodeTls(testTls({ verify: false })), port)).error, undefined)
})

test('a node that speaks no TLS is told from one whose certificate is wrong', async t => {
  const plain = createServer(socket => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  plain.listen(0, '127.0.0.1')
  await once(plain, 'listening')
  t.after(() => plain.close())
  const { port } = plain.address() as AddressInfo
  for (const [protocol, cure] of [
    ['https', 'http'],
    ['h2', 'h2c'],
    ['grpcs', 'grpc'],
  ]) {
    const error = await failureOf(t, nodeTls(testTls({}), protocol), port)
    const reason = `speaks no TLS: register it with protocol ${cure}`
    assert.deepEqual(tlsProblemIn(error), { kind: 'protocol', reason })
  }
})

test('h2 and grpcs insist on ALPN h2, whether the node refuses it or ignores it', async t => {
  const refuses = await startTlsNode(t, { ...server, ALPNProtocols: ['http/1.1'] })
  const ignores = await startTlsNode(t, server)
  const offers = await startTlsNode(t, { ...server, ALPNProtocols: ['h2'] })
  const settings = testTls({ ca: authority.pem })
  for (const protocol of ['h2', 'grpcs']) {
    for (const { port } of [refuses, ignores]) {
      const error = await failureOf(t, nodeTls(settings, protocol), port)
      assert.match(error.message, /does not offer HTTP\/2 .*ALPN h2.*protocol https/)
    }
    assert.equal((await open(t, nodeTls(settings, protocol), offers.port)).error, undefined)
  }
  assert.match(
    (await failureOf(t, nodeTls(settings), offers.port)).message,
    /register it with protocol h2 or grpcs/,
  )
})

test('a node that asks for a certificate gets the configured one', async t => {
  const asks = { requestCert: true, rejectUnauthorized: true, ca: authority.pem, ...server }
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { port, seen } = await startTlsNode(t, { ...asks, maxVersion })
    const { cert, key } = client
    const { error } = await open(t, nodeTls(testTls({ ca: authority.pem, cert, key })), port)
    assert.equal(error, undefined)
    const { subject } = (await until('a connection', () => seen[0])).getPeerCertificate()
    assert.equal(subject.CN, 'client')
  }
})

test('a node that gets no certificate says so, in TLS 1.3 after the handshake', async t => {
  const asks = { requestCert: true, rejectUnauthorized: true, ca: authority.pem, ...server }
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { port } = await startTlsNode(t, { ...asks, maxVersion })
    const opened = await open(t, nodeTls(testTls({ ca: authority.pem })), port)
    const error = opened.error ?? (await once(opened.socket, 'error'))[0]
    assert.equal(opened.error === undefined, maxVersion === 'TLSv1.3')
    assert.match(error.message, /requires a client certificate .*upstreamTls\.identity/)
    assert.ok(isHandshakeRefusal(error))
  }
})

test('a version of TLS below the oldest is refused', async t => {
  const { port } = await startTlsNode(t, { ...server, maxVersion: 'TLSv1.2' })
  const error = await failureOf(t, nodeTls(testTls({ ca: authority.pem, minVersion: 'TLSv1.3' })), port)
  assert.match(error.message, /no TLS version of ours .*upstream\.tls\.minVersion/)
})

test('sessions are resumed, but not with other settings', async t => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { port, seen } = await startTlsNode(t, { ...server, maxVersion })
    let settings = testTls({ ca: authority.pem })
    const tls = new NodeTls({ host: '127.0.0.1', protocol: 'https' }, () => settings)
    const connectAndTalk = async (): Promise<boolean> => {
      const { socket, error } = await open(t, tls, port)
      assert.equal(error, undefined)
      socket.write('x')
      await once(socket, 'data')
      return socket.isSessionReused()
    }
    assert.equal(await connectAndTalk(), false)
    assert.equal(await connectAndTalk(), true)
    settings = testTls({ ca: authority.pem, serverName: 'localhost' })
    assert.equal(await connectAndTalk(), false)
    assert.equal(await connectAndTalk(), true)
    assert.equal(seen.length, 4)
  }
})

test('a session that was resumed without verification is verified again once verification is on', async t => {
  const { port } = await startTlsNode(t, named)
  let settings = testTls({ verify: false })
  const tls = new NodeTls({ host: '127.0.0.1', protocol: 'https' }, () => settings)
  const { socket } = await open(t, tls, port)
  socket.write('x')
  await once(socket, 'data')
  settings = testTls({ ca: authority.pem })
  assert.match((await failureOf(t, tls, port)).message, /not for 127\.0\.0\.1/)
})

test('the handshake counts within the timeout', async t => {
  const silent = createServer(socket => socket.on('error', () => {}))
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const sockets: Socket[] = []
  silent.on('connection', socket => void sockets.push(socket))
  t.after(() => {
    silent.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = silent.address() as AddressInfo
  const { error } = await open(t, nodeTls(testTls({})), port, { timeoutMs: 200 })
  assert.equal(error?.message, `no TLS handshake with 127.0.0.1:${port} within 200 ms`)
  assert.equal((error as NodeJS.ErrnoException).code, 'ETIMEDOUT')
})

test('an attempt is cancelled during the handshake', async t => {
  const silent = createServer(socket => socket.on('error', () => {}))
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.after(() => silent.close())
  const { port } = silent.address() as AddressInfo
  const accepted = once(silent, 'connection')
  const errors: (Error | undefined)[] = []
  const tls = nodeTls(testTls({}))
  const socket = openSocket(
    { host: '127.0.0.1', port, timeoutMs: 60_000, tls },
    error => void errors.push(error),
  )
  await accepted
  socket.destroy()
  await once(socket, 'close')
  assert.equal(errors.length, 1)
  assert.match(errors[0]!.message, /cancelled/)
})

test('an address that is not allowed is not connected to, over TLS either', async t => {
  const { port, seen } = await startTlsNode(t, server)
  const { error } = await open(t, nodeTls(testTls({ ca: authority.pem })), port, { allows: () => false })
  assert.match(error!.message, /not allowed/)
  assert.equal(seen.length, 0)
})
