import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { makeAuthority } from '../../support/certificates.ts'
import { type GatewaySetUp, startTestGateway } from '../../support/gateway.ts'
import { openRaw, send, sendRaw } from '../../support/http.ts'
import { askHttp2 } from '../../support/http2-client.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { binaryHeader, LINE, TCP6_BLOCK } from '../../support/proxy-headers.ts'
import { until } from '../../support/until.ts'
import { accepted, handshake, KEY } from '../../support/websocket.ts'

const FROM = { proxyProtocol: { from: ['127.0.0.0/8'] } }

/** Starts a gateway behind load balancers on loopback, with a node that answers with what it was told of the client. */
async function setUp(t: TestContext, { config, ...options }: Omit<GatewaySetUp, 'nodes'> = {}) {
  const node = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    const told = `[${request.header('x-forwarded-for')} ${request.header('x-real-ip')}]`
    const key = request.header('sec-websocket-key')
    socket.write(key === undefined ? answer(told) : accepted(key) + told)
  })
  const gateway = await startTestGateway(t, {
    ...options,
    nodes: { 'user/u1': node.port },
    config: { ...FROM, ...config },
  })
  return {
    ...gateway,
    async metrics() {
      return (await send(gateway.adminPort, { path: '/metrics' })).text
    },
  }
}

const get = (lines: readonly string[] = []) =>
  ['GET /user HTTP/1.1', 'Host: h', ...lines, '', ''].join('\r\n')
const last = (...lines: readonly string[]) => get(['Connection: close', ...lines])

test('the client that a header tells of is the client: for nodes, for the log, and for refusals', async t => {
  const { port, logged, log } = await setUp(t)
  const line = await sendRaw(port, LINE + last('X-Request-Id: v1', 'X-Forwarded-For: 6.6.6.6'))
  assert.match(line, /^HTTP\/1\.1 200 .*\[192\.0\.2\.7 192\.0\.2\.7\]$/s)
  assert.equal((await logged('v1')).client, '192.0.2.7')
  const binary = Buffer.concat([binaryHeader(0x21, 0x21, TCP6_BLOCK), Buffer.from(last('X-Request-Id: v2'))])
  assert.match(String(await sendRaw(port, binary)), /\[2001:db8::7 2001:db8::7\]$/)
  assert.equal((await logged('v2')).client, '2001:db8::7')
  // What never becomes a request.
  assert.match(await sendRaw(port, `${LINE}nonsense\r\n\r\n`), /^HTTP\/1\.1 400 /)
  assert.match(await sendRaw(port, `${LINE}CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n`), /^HTTP\/1\.1 400 /)
  const refused = await until('both refusals are logged', () => {
    const lines = log.filter(each => each.msg === 'request' && each.status === 400)
    return lines.length === 2 && lines
  })
  assert.deepEqual(
    refused.map(({ client }) => client),
    ['192.0.2.7', '192.0.2.7'],
  )
})

test('the header comes before the handshake of TLS, for HTTP/1 and HTTP/2, in whatever pieces', async t => {
  const authority = makeAuthority(t)
  const tls = { ...authority.issue('h'), port: 0 }
  const { gateway, logged } = await setUp(t, { document: { tls } })
  for (const [protocol, pieces] of [
    ['http/1.1', [LINE]],
    ['h2', [LINE.slice(0, 5), LINE.slice(5)]],
  ] as const) {
    const socket = connect(gateway.addresses.tls!.port, '127.0.0.1').setNoDelay(true)
    await once(socket, 'connect')
    for (const piece of pieces) {
      socket.write(piece)
      await delay(20)
    }
    const secure = connectTls({ socket, servername: 'h', ca: authority.pem, ALPNProtocols: [protocol] })
    await once(secure, 'secureConnect')
    const id = protocol.replace('/', '-')
    if (protocol === 'h2') {
      const session = connectHttp2('https://h', { createConnection: () => secure })
      const answered = await askHttp2(session, { ':path': '/user', 'x-request-id': id })
      assert.equal(answered.text, '[192.0.2.7 192.0.2.7]')
      session.close()
    } else {
      secure.write(last(`X-Request-Id: ${id}`))
      assert.match(await text(secure), /\[192\.0\.2\.7 192\.0\.2\.7\]$/)
    }
    assert.equal((await logged(id)).client, '192.0.2.7')
  }
})

test('a policy and a limit by address are about the client, not about the load balancer', async t => {
  const { port, metrics } = await setUp(t, {
    config: { clientLimits: { connectionsPerAddress: 1 } },
    routes: { r: { path: '/user', service: 'user', clients: { deny: ['192.0.2.8', '127.0.0.0/8'] } } },
  })
  const other = LINE.replace('192.0.2.7', '192.0.2.8')
  const first = await openRaw(port, LINE + get())
  await first.until('[192.0.2.7')
  assert.equal(await sendRaw(port, LINE + last()), '')
  assert.match(await sendRaw(port, other + last()), /WG_ADDRESS_DENIED/)
  assert.match(await metrics(), /^waygate_client_connections_refused_total\{limit="address"\} 1$/m)
  first.socket.destroy()
})

test('trustedProxies are about the address that was told, so a TCP load balancer need not be among them', async t => {
  const config = { trustedProxies: ['10.0.0.0/8', '127.0.0.0/8'] }
  const { port } = await setUp(t, { config: { ...config, ...FROM } })
  const forwarded = 'X-Forwarded-For: 203.0.113.5'
  assert.match(await sendRaw(port, LINE + last(forwarded)), /\[192\.0\.2\.7 192\.0\.2\.7\]$/)
  const proxy = LINE.replace('192.0.2.7', '10.0.0.9')
  assert.match(
    await sendRaw(port, proxy + last(forwarded)),
    /\[203\.0\.113\.5, 10\.0\.0\.9 203\.0\.113\.5\]$/,
  )
})

test('HTTP/2 by prior knowledge begins behind the header, and only right behind it', async t => {
  const { port, log } = await setUp(t)
  for (const header of [Buffer.from(LINE), binaryHeader(0x21, 0x21, TCP6_BLOCK)]) {
    const socket = connect(port, '127.0.0.1')
    socket.write(header)
    const session = connectHttp2(`http://127.0.0.1:${port}`, { createConnection: () => socket })
    t.after(() => session.destroy())
    const { status, text } = await askHttp2(session, { ':path': '/user' })
    assert.equal(status, 200)
    assert.match(text, header.length === LINE.length ? /^\[192\.0\.2\.7 / : /^\[2001:db8::7 /)
    session.close()
  }
  assert.deepEqual(
    log.filter(({ msg }) => msg === 'request').map(({ http, client }) => [http, client]),
    [
      ['2', '192.0.2.7'],
      ['2', '2001:db8::7'],
    ],
  )
  const late = await openRaw(port, LINE + get())
  await late.until('[192.0.2.7')
  late.socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  assert.match(await late.closed, /^HTTP\/1\.1 200 .*HTTP\/1\.1 400 /s)
})

test('a WebSocket is opened behind the header', async t => {
  const { port } = await setUp(t)
  const client = await openRaw(port, LINE + handshake('/user'))
  const text = await client.until('[192.0.2.7 192.0.2.7]')
  assert.ok(text.startsWith(accepted(KEY).split('\r\n')[0]!))
  client.socket.destroy()
})

test('a client that stops sending its head or its body is disconnected, behind a header as well', async t => {
  const { port, metrics } = await setUp(t, {
    config: { clientLimits: { headersTimeoutMs: 200, bodyIdleTimeoutMs: 200 } },
  })
  const put = 'PUT /user HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\nConnection: close\r\n\r\nhalf'
  const body = await openRaw(port, LINE + put)
  await body.closed
  const head = await openRaw(port, LINE)
  head.socket.write('GET /user HTTP/1.1\r\n')
  assert.equal(await head.closed, '')
  const text = await metrics()
  for (const reason of ['head-late', 'body-idle'])
    assert.match(text, new RegExp(`^waygate_client_connections_ended_total\\{reason="${reason}"\\} 1$`, 'm'))
  assert.match(text, /^waygate_proxy_protocol_refused_total\{reason="late"\} 0$/m)
})

test('connections without a valid header are ended without an answer, counted, and logged once a minute', async t => {
  const { port, log, metrics } = await setUp(t, { config: { clientLimits: { headersTimeoutMs: 100 } } })
  for (let i = 0; i < 2; i++) {
    assert.equal(await sendRaw(port, get()), '')
    assert.equal(await sendRaw(port, 'PROXY TCP4 192.0.2.7\r\n'), '')
    assert.equal(await sendRaw(port, `PROXY UNKNOWN${' '.repeat(100)}`), '')
    assert.equal(await sendRaw(port, 'PROXY'), '')
  }
  const text = await metrics()
  for (const reason of ['missing', 'invalid', 'too-long', 'late'])
    assert.match(text, new RegExp(`^waygate_proxy_protocol_refused_total\\{reason="${reason}"\\} 2$`, 'm'))
  assert.deepEqual(
    log.filter(({ level }) => (level as number) >= 40).map(({ reason, peer }) => [reason, peer]),
    [
      ['missing', '127.0.0.1'],
      ['invalid', '127.0.0.1'],
      ['too-long', '127.0.0.1'],
      ['late', '127.0.0.1'],
    ],
  )
  assert.ok(!log.some(({ msg }) => msg === 'request'))
})

test('without proxyProtocol.from, a header is not HTTP, and no address can be made up', async t => {
  const { port, log, metrics } = await setUp(t, { config: { proxyProtocol: { from: [] } } })
  assert.match(await sendRaw(port, LINE + last()), /^HTTP\/1\.1 400 /)
  assert.equal(log.find(({ msg }) => msg === 'request')?.client, '127.0.0.1')
  assert.doesNotMatch(await metrics(), /^waygate_proxy_protocol_refused_total\{/m)
})

test('a shutdown waits for the request behind a header that has just arrived, and for no header longer than that', async t => {
  const { port, gateway } = await setUp(t)
  const silent = await openRaw(port)
  await openRaw(port, LINE.slice(0, 10)).then(({ socket }) => t.after(() => socket.destroy()))
  const asking = await openRaw(port, LINE + last())
  const stopped = gateway.stop()
  assert.match(await asking.closed, /\[192\.0\.2\.7 /)
  assert.equal(await silent.closed, '')
  assert.equal(await stopped, 0)
})
