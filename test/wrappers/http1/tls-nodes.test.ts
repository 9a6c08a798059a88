import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { NodeTls } from '../../../wrappers/transport/node-tls.ts'
import { LOOPBACK, makeAuthority, pemOf } from '../../support/certificates.ts'
import { openRaw, send } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { testTls } from '../../support/node-tls.ts'
import { untilSteady } from '../../support/until.ts'
import { startDispatchFront } from './dispatch-front.ts'
import { startPool, TestExchange } from './pool-scene.ts'

const authority = makeAuthority({ after })
const server = pemOf(authority.issue('server', { names: LOOPBACK }))

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const
const UPLOAD_BYTES = 4_000_000

for (const maxVersion of VERSIONS) {
  const options = () => {
    const settings = testTls({ ca: authority.pem })
    return { protocol: 'https', tlsOf: () => settings, nodeTls: { ...server, maxVersion } }
  }

  test(`requests over TLS share connections, and bodies pass both ways (${maxVersion})`, async t => {
    const { front, node } = await startDispatchFront(
      t,
      async (socket, request) => {
        const body = await request.whole
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`)
        socket.write(body)
      },
      options(),
    )
    const body = Buffer.alloc(3_000_000, 'body of a request ')
    for (let i = 0; i < 3; i++) {
      const { status, text } = await send(front.port, { method: 'POST', body })
      assert.equal(status, 200)
      assert.equal(text, body.toString())
    }
    assert.equal(node.connections, 1)
    assert.equal((node.open.values().next().value as TLSSocket).getProtocol(), maxVersion)
  })

  test(`a client gets the early answer of a node that then closes the connection (${maxVersion})`, async t => {
    const { front, peer, node } = await startDispatchFront(
      t,
      (socket: Socket) => {
        socket.pause()
        const early = answer('too big', ['Connection: close'], '413 Too Large')
        return socket.write(early, () => socket.destroy())
      },
      options(),
    )
    for (let i = 0; i < 20; i++) {
      const head = `POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n`
      const client = await openRaw(front.port, head)
      client.socket.write(Buffer.alloc(UPLOAD_BYTES))
      assert.match(await client.until('too big'), /^HTTP\/1\.1 413 /)
      client.socket.destroy()
    }
    await node.idle()
    assert.deepEqual([front.failures, peer.failures, peer.inFlight], [[], 0, 0])
  })
}

test('a client that reads nothing stops a node with TLS', async t => {
  const settings = testTls({ ca: authority.pem })
  let written = 0
  const { front } = await startDispatchFront(
    t,
    socket => {
      socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n')
      const piece = Buffer.alloc(65_536)
      const push = () => {
        while (written < 200_000_000) {
          written += piece.length
          if (!socket.write(piece)) {
            socket.once('drain', push)
            return
          }
        }
      }
      push()
    },
    { protocol: 'https', tlsOf: () => settings, nodeTls: server },
  )
  const client = await openRaw(front.port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  await client.until('HTTP/1.1 200')
  client.socket.pause()
  await untilSteady(() => written)
  // The rest is in the buffers of the system, of which there are two.
  assert.ok(written < 30_000_000, `${written} bytes were taken`)
  client.socket.destroy()
})

test('a node that asks for a certificate and gets none fails as one that takes no connection, with the cure', async t => {
  for (const maxVersion of VERSIONS) {
    const settings = testTls({ ca: authority.pem })
    const { front, peer, get } = await startDispatchFront(t, socket => socket.write(answer('never')), {
      protocol: 'https',
      tlsOf: () => settings,
      nodeTls: { ...server, maxVersion, requestCert: true, rejectUnauthorized: true, ca: authority.pem },
    })
    assert.equal((await get()).status, 599)
    // Asking the same node again would bring nothing else.
    assert.equal(front.failures.length, 1)
    const [failure] = front.failures as { kind: string; cause: Error }[]
    // In TLS 1.3 the request has been sent, but nobody has read it.
    assert.equal(failure!.kind, 'connect')
    assert.match(failure!.cause.message, /requires a client certificate/)
    assert.equal(peer.problem?.kind, 'tls')
  }
})

test('a node with TLS that is registered without says so where it sends an alert, and is guessed where it does not', async t => {
  const { front, get, peer } = await startDispatchFront(t, socket => socket.write(answer('never')), {
    nodeTls: server,
  })
  assert.equal((await get()).status, 599)
  const [silent] = front.failures as { cause: Error }[]
  assert.match(silent!.cause.message, /without a byte; if it speaks TLS, register it with protocol https/)
  assert.deepEqual(peer.problem, { kind: 'silent', reason: silent!.cause.message })
  const alerting = await startDispatchFront(t, socket =>
    socket.end(Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x16])),
  )
  assert.equal((await alerting.get()).status, 599)
  const reason = 'speaks TLS: register it with protocol https, h2 or grpcs'
  assert.deepEqual(alerting.peer.problem, { kind: 'protocol', reason })
})

test('a node that has answered before and then ends a connection is not taken for one with TLS', async t => {
  let isWell = true
  const { get, peer } = await startDispatchFront(t, socket =>
    isWell ? socket.end(answer('ok', ['Connection: close'])) : socket.end(),
  )
  assert.equal((await get()).status, 200)
  isWell = false
  assert.equal((await get()).status, 599)
  assert.equal(peer.problem, undefined)
})

test('what a node sends behind a 101 waits until the connection is handed over, in however many records it came', async t => {
  const sent = Buffer.alloc(40_000, 'what the node sends at once ')
  const head = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n'
  const node = await startNode(
    t,
    socket => socket.write(Buffer.concat([Buffer.from(head), sent])),
    '127.0.0.1',
    server,
  )
  const settings = testTls({ ca: authority.pem })
  const tls = new NodeTls({ host: '127.0.0.1', protocol: 'https' }, () => settings)
  const { pool } = startPool(t, node.port, { tls })
  const exchange = new TestExchange('/', true)
  const accepted = new Promise<void>(resolve => {
    exchange.onCall = name => {
      if (name === 'head') setImmediate(resolve)
    }
  })
  pool.request(exchange)
  await accepted
  const { socket, read } = exchange.connection!.detach()
  let received = Buffer.alloc(0)
  await new Promise<void>(resolve => {
    read(bytes => {
      received = Buffer.concat([received, bytes])
      if (received.length === sent.length) resolve()
    })
  })
  socket.destroy()
  assert.ok(received.equals(sent))
})
