import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { makeAuthority } from '../../../support/certificates.ts'
import { type GatewaySetUp, startTestGateway } from '../../../support/gateway.ts'
import { send } from '../../../support/http.ts'
import { answer, type Script, startNode } from '../../../support/node-server.ts'
import { openRawTls, openTls } from '../../../support/tls-connections.ts'

const authority = makeAuthority({ after })
const server = authority.issue('shop.example')

/** Both versions are encrypted in another way, and what is written is counted by Node before it is. */
for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const TLS = { ca: authority.pem, servername: 'shop.example', minVersion: version, maxVersion: version }

  async function start(
    t: TestContext,
    clientLimits: NonNullable<GatewaySetUp['config']>['clientLimits'] & object,
    script: Script,
  ) {
    const node = await startNode(t, script)
    const gateway = await startTestGateway(t, {
      nodes: { 'user/u1': node.port },
      document: { tls: { port: 0, ...server } },
      config: { clientLimits: { headersTimeoutMs: 60_000, ...clientLimits } },
    })
    const ended = async (reason: string) => {
      const { text } = await send(gateway.adminPort, { path: '/metrics' })
      return Number(
        new RegExp(`^waygate_client_connections_ended_total{.*reason="${reason}".*} (\\d+)$`, 'm').exec(
          text,
        )?.[1],
      )
    }
    return { ...gateway, node, ended }
  }

  const fill: Script = socket => {
    const piece = Buffer.alloc(65_536)
    const more = () => {
      while (!socket.destroyed && socket.write(piece));
    }
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n')
    socket.on('drain', more)
    more()
  }
  const answerWhole: Script = async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer('ok'))
  }
  const HEAD = 'GET /user HTTP/1.1\r\nHost: shop.example\r\n\r\n'
  const PUT = 'PUT /user HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 100000\r\n\r\n'

  test(`a client that reads nothing of its answer is let go, and the node too (${version})`, async t => {
    const { tlsPort, node, ended } = await start(t, { sendIdleTimeoutMs: 300 }, fill)
    const socket = await openTls(t, tlsPort, TLS)
    socket.pause()
    socket.write(HEAD)
    await node.received(1)
    await node.idle()
    assert.equal(await ended('send-idle'), 1)
  })

  test(`a client that reads slowly, but reads, is not (${version})`, async t => {
    const { tlsPort, node, ended } = await start(t, { sendIdleTimeoutMs: 1_000, minBytesPerSecond: 0 }, fill)
    const socket = await openTls(t, tlsPort, TLS)
    socket.write(HEAD)
    await node.received(1)
    let taken = 0
    const startedAt = performance.now()
    while (performance.now() - startedAt < 2_500) {
      socket.pause()
      await delay(20)
      socket.resume()
      // The system lets the gateway go on only once much of its buffer has been read.
      for (const before = taken; taken - before < 500_000; ) {
        const [piece] = (await once(socket, 'data')) as [Buffer]
        taken += piece.length
      }
    }
    assert.ok(taken > 0)
    assert.equal(await ended('send-idle'), 0)
    socket.destroy()
  })

  test(`a client that reads below the minimum rate is let go (${version})`, async t => {
    const limits = { sendIdleTimeoutMs: 0, minBytesPerSecond: 1_000_000_000, minRateGraceMs: 300 }
    const { tlsPort, node, ended } = await start(t, limits, fill)
    const socket = await openTls(t, tlsPort, TLS)
    socket.pause()
    socket.write(HEAD)
    await node.received(1)
    await node.idle()
    assert.equal(await ended('send-slow'), 1)
  })

  test(`a client that stops sending its body is let go (${version})`, async t => {
    const { tlsPort, node, ended } = await start(t, { bodyIdleTimeoutMs: 300 }, answerWhole)
    const client = await openRawTls(t, tlsPort, TLS)
    client.socket.write(`${PUT}half`)
    assert.equal(await client.closed, '')
    await node.idle()
    assert.equal(await ended('body-idle'), 1)
  })

  test(`a client that drips its body is let go (${version})`, async t => {
    const limits = { bodyIdleTimeoutMs: 0, minBytesPerSecond: 10_000, minRateGraceMs: 300 }
    const { tlsPort, ended } = await start(t, limits, answerWhole)
    const client = await openRawTls(t, tlsPort, TLS)
    client.socket.write(PUT)
    const timer = setInterval(() => client.socket.write('x'), 20)
    await client.closed
    clearInterval(timer)
    assert.equal(await ended('body-slow'), 1)
  })

  test(`an idle connection is let go (${version})`, async t => {
    const { tlsPort } = await start(t, { keepAliveTimeoutMs: 300 }, answerWhole)
    const client = await openRawTls(t, tlsPort, TLS)
    client.socket.write(HEAD)
    await client.until('ok')
    await client.closed
  })
}
