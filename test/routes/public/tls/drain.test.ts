import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { connect } from 'node:tls'
import { makeAuthority } from '../../../support/certificates.ts'
import { startTestGateway } from '../../../support/gateway.ts'
import { readRaw } from '../../../support/http.ts'
import { askHttp2 } from '../../../support/http2-client.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import { clientHello, openHttp2Tls, openRawTls, openSilent } from '../../../support/tls-connections.ts'

const authority = makeAuthority({ after })
const server = authority.issue('shop.example')
const TLS = { ca: authority.pem, servername: 'shop.example' }

async function start(t: TestContext, config: object = {}) {
  const waiting: (() => void)[] = []
  const node = await startNode(t, (socket, { target }) => {
    if (target === '/slow') waiting.push(() => socket.write(answer('slow')))
    else socket.write(answer('fast'))
  })
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { tls: { port: 0, ...server } },
    config: { drainMs: 0, shutdownTimeoutMs: 20_000, ...config },
  })
  const answerSlow = () => {
    for (const each of waiting.splice(0)) each()
  }
  return { ...gateway, node, answerSlow }
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`

test('requests in flight over TLS are answered while a gateway stops, and idle connections are closed', async t => {
  const { tlsPort, gateway, node, answerSlow } = await start(t)
  const idle = await openRawTls(t, tlsPort, TLS)
  idle.socket.write(get('/user/x'))
  await idle.until('fast')
  const busy = await openRawTls(t, tlsPort, TLS)
  busy.socket.write(get('/user/slow'))
  const http2 = askHttp2(openHttp2Tls(t, tlsPort, TLS), {
    ':path': '/user/slow',
    ':authority': 'shop.example',
  })
  await node.received(3)
  const stopped = gateway.stop()
  await idle.closed
  answerSlow()
  assert.match(await busy.closed, /^HTTP\/1\.1 200 .*connection: close.*slow$/is)
  assert.equal((await http2).text, 'slow')
  assert.equal(await stopped, 0)
})

test('a handshake that is under way when a gateway stops gets its answer', async t => {
  const { tlsPort, gateway } = await start(t, { drainMs: 300 })
  const stopped = gateway.stop()
  const socket = connect({ host: '127.0.0.1', port: tlsPort, ...TLS })
  const client = readRaw(socket)
  socket.write(get('/user/x'))
  assert.match(await client.closed, /^HTTP\/1\.1 200 .*fast$/s)
  assert.equal(await stopped, 0)
})

test('a client that does not go on with its handshake does not hold up a gateway that stops', async t => {
  const { tlsPort, gateway } = await start(t, { shutdownTimeoutMs: 500 })
  const silent = await openSilent(t, tlsPort)
  const half = await openSilent(t, tlsPort)
  half.socket.write(await clientHello(TLS))
  await half.until(/./s)
  const startedAt = performance.now()
  assert.equal(await gateway.stop(), 0)
  await Promise.all([silent.closed, half.closed])
  // The handshake may take 10 seconds.
  assert.ok(performance.now() - startedAt < 8_000)
})

test('a gateway that has stopped takes no more connections', async t => {
  const { tlsPort, gateway } = await start(t)
  await gateway.stop()
  await assert.rejects(openRawTls(t, tlsPort, TLS))
})
