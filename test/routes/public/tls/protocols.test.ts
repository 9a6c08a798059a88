import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, type TestContext, test } from 'node:test'
import type { ConnectionOptions } from 'node:tls'
import { makeAuthority } from '../../../support/certificates.ts'
import { startTestGateway } from '../../../support/gateway.ts'
import { send } from '../../../support/http.ts'
import { askHttp2, openHttp2 } from '../../../support/http2-client.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import { PREFACE, settingsFrame } from '../../../support/raw-http2.ts'
import {
  openHttp2Tls,
  openRawHttp2Tls,
  openRawTls,
  openTls,
  sendRawTls,
} from '../../../support/tls-connections.ts'
import { until } from '../../../support/until.ts'

const authority = makeAuthority({ after })
const server = authority.issue('shop.example', { names: 'DNS:shop.example' })
const rsa = authority.issue('rsa.example', { kind: 'rsa' })
const TLS: ConnectionOptions = { ca: authority.pem, servername: 'shop.example' }

async function start(t: TestContext, document: object = {}, tls: object = {}) {
  const node = await startNode(t, socket => socket.write(answer('ok')))
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { tls: { port: 0, ...server, certificates: [rsa], ...tls }, ...document },
  })
  const failures = async (reason: string) => {
    const { text } = await send(gateway.adminPort, { path: '/metrics' })
    return Number(
      new RegExp(`^waygate_tls_handshake_failures_total{.*reason="${reason}".*} (\\d+)$`, 'm').exec(
        text,
      )?.[1],
    )
  }
  return { ...gateway, node, failures }
}

const REQUEST = 'GET /user HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n'
const ASKED = { ':path': '/user', ':authority': 'shop.example' }

test('nodes are told of the TLS that a connection has, whatever :scheme says of it', async t => {
  const { port, tlsPort, node } = await start(t)
  for (const scheme of ['http', 'https']) {
    for (const session of [openHttp2(t, port), openHttp2Tls(t, tlsPort, TLS)])
      assert.equal((await askHttp2(session, { ...ASKED, ':scheme': scheme })).status, 200)
  }
  const told = node.requests.map(({ header }) => header('x-forwarded-proto'))
  assert.deepEqual(told, ['http', 'https', 'http', 'https'])
})

test('clients agree on HTTP/2 or HTTP/1.1, the gateway prefers HTTP/2, and those that ask for neither speak HTTP/1.1', async t => {
  const { tlsPort, logged } = await start(t)
  for (const [offered, agreed] of [
    [['h2', 'http/1.1'], 'h2'],
    [['http/1.1', 'h2'], 'h2'],
    [['http/1.1'], 'http/1.1'],
    [['http/1.0', 'http/1.1'], 'http/1.1'],
    [undefined, false],
  ] as const) {
    const socket = await openTls(t, tlsPort, { ...TLS, ...(offered && { ALPNProtocols: [...offered] }) })
    assert.equal(socket.alpnProtocol, agreed)
  }
  const http2 = await askHttp2(openHttp2Tls(t, tlsPort, TLS), { ...ASKED, 'x-request-id': 'two' })
  assert.deepEqual([http2.status, (await logged('two')).http], [200, '2'])
  assert.match(
    await sendRawTls(t, tlsPort, REQUEST, { ...TLS, ALPNProtocols: ['http/1.1'] }),
    /^HTTP\/1\.1 200 .*ok$/s,
  )
  assert.match(await sendRawTls(t, tlsPort, REQUEST, TLS), /^HTTP\/1\.1 200 .*ok$/s)
})

test('clients that offer other protocols alone get no connection, and are counted', async t => {
  const { tlsPort, failures } = await start(t)
  for (const ALPNProtocols of [['h3'], ['acme-tls/1'], ['http/1.0']])
    await assert.rejects(openTls(t, tlsPort, { ...TLS, ALPNProtocols }), /no application protocol/i)
  await until('they are counted', async () => (await failures('no-common-protocol')) === 3)
})

test('a client that agreed on HTTP/1.1, or on nothing, and begins HTTP/2 is refused', async t => {
  const { tlsPort, node } = await start(t)
  const hello = Buffer.concat([PREFACE, settingsFrame()])
  for (const more of [{ ALPNProtocols: ['http/1.1'] }, {}])
    assert.match(await sendRawTls(t, tlsPort, hello, { ...TLS, ...more }), /^HTTP\/1\.1 400 /)
  assert.equal(node.requests.length, 0)
})

test('a client that agreed on HTTP/2 and sends HTTP/1 is refused', async t => {
  const { tlsPort, node } = await start(t)
  const text = await sendRawTls(t, tlsPort, REQUEST, { ...TLS, ALPNProtocols: ['h2'] })
  assert.match(text, /^HTTP\/1\.1 400 .*agreed on HTTP\/2 by ALPN/s)
  assert.equal(node.requests.length, 0)
})

test('a client that agreed on HTTP/2 and cuts its preface into bytes is served', async t => {
  const { tlsPort } = await start(t)
  const { socket } = await openRawTls(t, tlsPort, { ...TLS, ALPNProtocols: ['h2'] })
  for (const byte of PREFACE) socket.write(Buffer.from([byte]))
  socket.write(settingsFrame())
  const [first] = (await once(socket, 'data')) as [Buffer]
  assert.equal(first[3], settingsFrame()[3])
})

test('a client that agreed on HTTP/2 and says nothing is let go', async t => {
  const { tlsPort } = await start(t, { clientLimits: { headersTimeoutMs: 300 } })
  const { closed } = await openRawTls(t, tlsPort, { ...TLS, ALPNProtocols: ['h2'] })
  await closed
})

test('HTTP/2 is not offered when it is not enabled', async t => {
  const { tlsPort, failures } = await start(t, { http2: { enabled: false } })
  const socket = await openTls(t, tlsPort, { ...TLS, ALPNProtocols: ['h2', 'http/1.1'] })
  assert.equal(socket.alpnProtocol, 'http/1.1')
  await assert.rejects(openTls(t, tlsPort, { ...TLS, ALPNProtocols: ['h2'] }))
  await until('it is counted', async () => (await failures('no-common-protocol')) === 1)
})

test('HTTP/2 over TLS is spoken when it is not without TLS', async t => {
  const { tlsPort, port } = await start(t, { http2: { cleartext: false } })
  assert.equal((await askHttp2(openHttp2Tls(t, tlsPort, TLS), ASKED)).status, 200)
  const plain = await askHttp2(openHttp2(t, port), ASKED)
  assert.equal(plain.status, undefined)
})

test('versions before 1.2, and before 1.3 where that is asked for, are refused', async t => {
  const { tlsPort, failures } = await start(t)
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  await assert.rejects(openTls(t, tlsPort, { ...TLS, ...old }))
  const second = await openTls(t, tlsPort, { ...TLS, maxVersion: 'TLSv1.2' })
  assert.equal(second.getProtocol(), 'TLSv1.2')
  await until('it is counted', async () => (await failures('no-common-version')) === 1)
  const strict = await start(t, {}, { minVersion: 'TLSv1.3' })
  await assert.rejects(openTls(t, strict.tlsPort, { ...TLS, maxVersion: 'TLSv1.2' }))
  assert.equal((await openTls(t, strict.tlsPort, TLS)).getProtocol(), 'TLSv1.3')
})

test('suites without forward secrecy or authenticated encryption are refused', async t => {
  const { tlsPort, failures } = await start(t)
  const WEAK = [
    ...['AES128-GCM-SHA256', 'AES256-SHA', 'ECDHE-RSA-AES128-SHA', 'ECDHE-RSA-AES256-SHA384'],
    ...['ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES128-SHA256', 'DHE-RSA-AES128-GCM-SHA256'],
  ]
  for (const name of ['shop.example', 'rsa.example']) {
    for (const ciphers of WEAK) {
      const options = { ...TLS, servername: name, maxVersion: 'TLSv1.2', ciphers } as const
      await assert.rejects(openTls(t, tlsPort, options), Error, ciphers)
    }
  }
  await until('they are counted', async () => (await failures('no-common-cipher')) === WEAK.length * 2)
  for (const [name, ciphers] of [
    ['shop.example', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
    ['rsa.example', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ] as const) {
    const socket = await openTls(t, tlsPort, { ...TLS, servername: name, maxVersion: 'TLSv1.2', ciphers })
    assert.equal(socket.getCipher().name, ciphers)
    assert.ok('name' in socket.getEphemeralKeyInfo()!)
  }
})

test('a client cannot negotiate anew', async t => {
  const { tlsPort } = await start(t)
  const socket = await openTls(t, tlsPort, { ...TLS, maxVersion: 'TLSv1.2' })
  const error = await new Promise<Error | null>(resolve => {
    socket.on('error', resolve)
    socket.renegotiate({ rejectUnauthorized: false }, resolve)
  })
  assert.ok(error instanceof Error)
})

test('the fields of HTTP/2 over TLS are read as without TLS', async t => {
  const { tlsPort, node } = await start(t)
  const client = await openRawHttp2Tls(t, tlsPort, TLS)
  await client.receives('SETTINGS ACK')
  const answered = await askHttp2(openHttp2Tls(t, tlsPort, TLS), { ...ASKED, ':method': 'POST' }, 'body')
  assert.equal(answered.status, 200)
  assert.equal((await node.requests[0]!.whole).toString(), 'body')
  assert.equal(node.requests[0]!.header('x-forwarded-proto'), 'https')
})
