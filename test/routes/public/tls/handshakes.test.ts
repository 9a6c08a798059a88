import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type ConnectionOptions, connect } from 'node:tls'
import { makeAuthority } from '../../../support/certificates.ts'
import { type GatewaySetUp, startTestGateway } from '../../../support/gateway.ts'
import { openRaw, readRaw, send, sendRaw } from '../../../support/http.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import { clientHello, openRawTls, openSilent, openTls, statusOver } from '../../../support/tls-connections.ts'
import { until } from '../../../support/until.ts'

const authority = makeAuthority({ after })
const server = authority.issue('shop.example')
const TLS: ConnectionOptions = { ca: authority.pem, servername: 'shop.example' }

async function start(
  t: TestContext,
  tls: object = {},
  clientLimits: NonNullable<GatewaySetUp['config']>['clientLimits'] = {},
) {
  const node = await startNode(t, socket => socket.write(answer('ok')))
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { tls: { port: 0, ...server, ...tls } },
    config: { clientLimits: { headersTimeoutMs: 60_000, ...clientLimits } },
  })
  /** Returns the value of a metric whose labels include these. */
  const metric = async (name: string, labels = '') => {
    const { text } = await send(gateway.adminPort, { path: '/metrics' })
    return Number(new RegExp(`^${name}(?:{[^}]*${labels}[^}]*})? (\\d+)$`, 'm').exec(text)?.[1])
  }
  const failures = (reason: string) => metric('waygate_tls_handshake_failures_total', `reason="${reason}"`)
  return { ...gateway, node, metric, failures }
}

test('a client that says nothing is let go when its time is over, and so is one that stops half-way', async t => {
  const { tlsPort, failures } = await start(t, { handshakeTimeoutMs: 300 })
  const silent = await openSilent(t, tlsPort)
  const half = await openSilent(t, tlsPort)
  half.socket.write((await clientHello(TLS)).subarray(0, 100))
  assert.deepEqual(await Promise.all([silent.closed, half.closed]), ['', ''])
  await until('both are counted', async () => (await failures('timeout')) === 2)
  assert.equal(await statusOver(tlsPort, TLS), 200)
})

test('a connection whose handshake is over in time is not ended by that time', async t => {
  const { tlsPort } = await start(t, { handshakeTimeoutMs: 300 })
  const client = await openRawTls(t, tlsPort, TLS)
  const silent = await openSilent(t, tlsPort)
  await silent.closed
  client.socket.write('GET /user HTTP/1.1\r\nHost: shop.example\r\n\r\n')
  await client.until('ok')
})

test('a first message that comes byte by byte is understood', async t => {
  const { tlsPort, metric } = await start(t)
  const hello = await clientHello({ ...TLS, maxVersion: 'TLSv1.2' })
  const client = await openSilent(t, tlsPort)
  client.socket.setNoDelay(true)
  for (const byte of hello) {
    client.socket.write(Buffer.from([byte]))
    await delay(0)
  }
  // A record of a handshake, and not the alert that follows a mistake.
  assert.equal((await client.until(/^.{5}/s)).charCodeAt(0), 22)
  client.socket.destroy()
  assert.equal(await metric('waygate_tls_handshakes_total', 'resumed="false"'), 0)
})

test('HTTP without TLS is told to use it, and noise is let go at once; both are counted', async t => {
  const { tlsPort, failures, log, metric, node } = await start(t)
  for (const request of ['GET /user HTTP/1.1\r\nHost: shop.example', 'CONNECT shop.example:443 HTTP/1.1']) {
    const text = await sendRaw(tlsPort, `${request}\r\n\r\n`)
    assert.match(
      text,
      /^HTTP\/1\.1 400 Bad request\r\n.*\r\nConnection: close\r\n\r\n{.*"WG_BAD_REQUEST".*use https/s,
    )
  }
  const refused = log.filter(({ msg }) => msg === 'request')
  assert.deepEqual(
    refused.map(({ status, client }) => [status, client]),
    [
      [400, '127.0.0.1'],
      [400, '127.0.0.1'],
    ],
  )
  // A client that is still sending its body gets its answer too.
  const body = 'x'.repeat(1_000_000)
  const long = `POST /user HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  assert.match(await sendRaw(tlsPort, long), /^HTTP\/1\.1 400 /)
  await sendRaw(tlsPort, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  await sendRaw(tlsPort, Buffer.alloc(100, 0xff))
  await sendRaw(tlsPort, 'SSH-2.0-OpenSSH_9.2\r\n')
  await until('all are counted', async () => {
    const counts = await Promise.all(['not-tls', 'no-common-version', 'closed', 'other'].map(failures))
    assert.deepEqual(counts, [6, 0, 0, 0])
    return true
  })
  await until('no connection is left', async () => (await metric('waygate_client_connections')) === 0)
  assert.equal(node.requests.length, 0)
})

test('clients that leave before, during or right after a handshake leave nothing behind', async t => {
  const { tlsPort, metric, failures } = await start(t)
  const hello = await clientHello(TLS)
  for (let i = 0; i < 20; i++) {
    const silent = await openRaw(tlsPort)
    silent.socket.end()
    const half = await openRaw(tlsPort, hello)
    half.socket.destroy()
    const cut = await openRaw(tlsPort, hello.subarray(0, 20))
    cut.socket.end()
    const whole = await openTls(t, tlsPort, TLS)
    whole.destroy()
  }
  await until('no connection is left', async () => (await metric('waygate_client_connections')) === 0)
  assert.ok((await failures('closed')) >= 40)
  assert.equal(await failures('other'), 0)
})

test('a client that does not trust the certificate is told apart from one whose own is bad', async t => {
  const { tlsPort, failures } = await start(t)
  const { execFile } = await import('node:child_process')
  const { promise, resolve } = Promise.withResolvers<void>()
  const args = [
    's_client',
    '-connect',
    `127.0.0.1:${tlsPort}`,
    '-servername',
    'shop.example',
    '-verify_return_error',
  ]
  execFile('openssl', args, () => resolve()).stdin!.end()
  await promise
  await until('it is counted', async () => (await failures('untrusted')) === 1)
  assert.equal(await failures('client-certificate'), 0)
})

test('failed handshakes are told once a minute for each kind, and those who just leave are not', async t => {
  const { tlsPort, log, failures } = await start(t)
  for (let i = 0; i < 3; i++) await sendRaw(tlsPort, 'GET / HTTP/1.1\r\n\r\n')
  const gone = await openRaw(tlsPort)
  gone.socket.end()
  await until(
    'all are counted',
    async () => (await failures('not-tls')) === 3 && (await failures('closed')) === 1,
  )
  const lines = log.filter(({ msg }) => String(msg).startsWith('TLS handshake failed'))
  assert.deepEqual(
    lines.map(({ failure, client, level }) => [failure, client, level]),
    [['not-tls', '127.0.0.1', 30]],
  )
})

test('the limit on all connections counts those whose handshake is not over, which make room for others', async t => {
  const { tlsPort, metric } = await start(t, {}, { connections: 3 })
  const silent = await Promise.all([openSilent(t, tlsPort), openSilent(t, tlsPort), openSilent(t, tlsPort)])
  await until('they are counted', async () => (await metric('waygate_client_connections')) === 3)
  await until('one has made room', async () => (await statusOver(tlsPort, TLS)) === 200)
  await Promise.race(silent.map(({ closed }) => closed))
  assert.equal(await metric('waygate_client_connections_ended_total', 'reason="displaced"'), 1)
})

test('the limit on connections of one address counts both ports together, once for each connection', async t => {
  const { tlsPort, port, metric } = await start(t, {}, { connectionsPerAddress: 2 })
  const first = await openTls(t, tlsPort, TLS)
  await openSilent(t, tlsPort)
  await until('they are counted', async () => (await metric('waygate_client_connections')) === 2)
  assert.equal(await statusOver(tlsPort, TLS), 'none')
  await assert.rejects(send(port, { path: '/user' }))
  first.destroy()
  await until('there is room', async () => (await metric('waygate_client_connections')) === 1)
  assert.equal((await send(port, { path: '/user' })).status, 200)
})

test('500 handshakes at once succeed, and requests on open connections are answered meanwhile', async t => {
  const { tlsPort, metric } = await start(t, { handshakeTimeoutMs: 60_000 })
  const open = await openRawTls(t, tlsPort, TLS)
  let isOver = false
  let answered = 0
  const steady = (async () => {
    while (!isOver) {
      const id = `r${answered}-`
      open.socket.write(`GET /user HTTP/1.1\r\nHost: shop.example\r\nX-Request-Id: ${id}\r\n\r\n`)
      await open.until(id)
      answered++
    }
  })()
  const sockets = await Promise.all(
    Array.from({ length: 500 }, async () => {
      const socket = connect({ host: '127.0.0.1', port: tlsPort, ...TLS })
      const raw = readRaw(socket)
      t.after(() => socket.destroy())
      await new Promise((resolve, reject) => {
        socket.once('secureConnect', resolve)
        void raw.closed.then(() => reject(new Error('a handshake failed')))
      })
      return socket
    }),
  )
  isOver = true
  await steady
  t.diagnostic(`${answered} requests answered meanwhile`)
  assert.ok(answered > 0)
  assert.equal(await metric('waygate_tls_handshakes_total', 'resumed="false"'), 501)
  for (const socket of sockets) socket.destroy()
  await until('one connection is left', async () => (await metric('waygate_client_connections')) === 1)
})
