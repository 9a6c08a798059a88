import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { canTakeOver, takeOver } from '../../../../routes/public/http2/preface.ts'
import { startTestGateway } from '../../../support/gateway.ts'
import { openRaw, send, sendRaw } from '../../../support/http.ts'
import { askHttp2, openHttp2 } from '../../../support/http2-client.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import {
  headersFrame,
  openRawHttp2,
  PREFACE,
  requestLines,
  settingsFrame,
} from '../../../support/raw-http2.ts'
import { until } from '../../../support/until.ts'

const HELLO = Buffer.concat([PREFACE, settingsFrame(), headersFrame(1, requestLines([], 'GET', '/user/x'))])
const GET = 'GET /user/x HTTP/1.1\r\nHost: h\r\n\r\n'

test('a client that begins with the preface gets HTTP/2, in whatever pieces it comes', async t => {
  const node = await startNode(t, socket => socket.write(answer('yes')))
  const { port, adminPort, gateway } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  for (const size of [HELLO.length, 1, 2, 3, 7, 23, 24, 25, 33]) {
    using client = await openRawHttp2(port, { hello: Buffer.alloc(0) })
    for (let at = 0; at < HELLO.length; at += size) {
      client.write(HELLO.subarray(at, at + size))
      // A turn of the event loop for each piece, so that they arrive one by one.
      if (size < HELLO.length) await new Promise(resolve => setImmediate(resolve))
    }
    const { payload } = await client.receives('DATA 1')
    assert.equal(payload.toString(), 'yes', `in pieces of ${size}`)
  }
  assert.equal(node.requests.length, 9)
  await t.test('beside HTTP/1 on the same port, and both are counted', async () => {
    const session = openHttp2(t, port)
    assert.equal((await askHttp2(session, { ':path': '/user/x' })).text, 'yes')
    assert.equal((await send(port, { path: '/user/x' })).text, 'yes')
    const kept = await openRaw(port, GET)
    await kept.until('yes')
    await until('both are counted', async () => {
      const { text } = await send(adminPort, { path: '/metrics' })
      return (
        text.includes('waygate_client_connections{protocol="h1"} 1\n') &&
        text.includes('waygate_client_connections{protocol="h2"} 1\n') &&
        text.includes('waygate_http2_streams 0\n')
      )
    })
    kept.socket.destroy()
  })
  await t.test(
    'and not behind a request, where it could be a part of the request to another server',
    async () => {
      const preface = PREFACE.toString('latin1')
      assert.match(await sendRaw(port, `\r\n${preface}`), /^HTTP\/1\.1 400 /)
      assert.match(await sendRaw(port, GET + preface), /^HTTP\/1\.1 200 .+yesHTTP\/1\.1 400 /s)
      const client = await openRaw(port, GET)
      await client.until('yes')
      client.socket.write(HELLO)
      assert.match(await client.closed, /yesHTTP\/1\.1 400 /)
    },
  )
  await t.test('and not by Upgrade, which is ignored', async () => {
    const upgrade = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'
    assert.match(await sendRaw(port, GET.replace('\r\n\r\n', `\r\n${upgrade}\r\n`)), /^HTTP\/1\.1 200 /)
  })
  await t.test('and curl', async t => {
    const args = [
      '-s',
      '--http2-prior-knowledge',
      '-w',
      ' %{http_version}',
      `http://127.0.0.1:${port}/user/x`,
    ]
    const run = promisify(execFile)('curl', args)
    const { stdout } = await run.catch(error => {
      if (error.code !== 'ENOENT') throw error
      t.skip('there is no curl')
      return { stdout: 'yes 2' }
    })
    assert.equal(stdout, 'yes 2')
  })
  assert.equal(gateway.hasServed(), true)
})

test('a preface that never becomes whole, and SETTINGS that never come, end with their connection', async t => {
  const { port, adminPort } = await startTestGateway(t, {
    // Connections are looked at four times in sendIdleTimeoutMs.
    config: { clientLimits: { headersTimeoutMs: 100, sendIdleTimeoutMs: 400 } },
  })
  assert.equal(await sendRaw(port, PREFACE.subarray(0, 20)), '')
  const clients = await Promise.all([
    openRawHttp2(port, { hello: PREFACE }),
    // A head that has begun, and one whose CONTINUATION does not come.
    openRawHttp2(port, { hello: HELLO.subarray(0, HELLO.length - 1) }),
    openRawHttp2(port, {
      hello: Buffer.concat([PREFACE, settingsFrame(), headersFrame(1, requestLines(), { isWhole: false })]),
    }),
  ])
  for (const client of clients) await client.closed
  const { text } = await send(adminPort, { path: '/metrics' })
  assert.match(text, /^waygate_client_connections_ended_total\{reason="head-late"\} 4$/m)
  assert.match(text, /^waygate_http2_ended_total\{reason="head-late"\} 3$/m)
})

test('without http2.enabled or http2.cleartext, a preface is refused like anything else that is not HTTP/1', async t => {
  for (const field of ['enabled', 'cleartext']) {
    const { port } = await startTestGateway(t, { document: { http2: { [field]: false } } })
    assert.match(await sendRaw(port, PREFACE), /^HTTP\/1\.1 400 .*WG_BAD_REQUEST/s)
  }
})

test('connections are limited alike, whatever they speak', async t => {
  const { port, adminPort } = await startTestGateway(t, {
    config: { clientLimits: { connectionsPerAddress: 3 } },
  })
  const [one, two] = [await openRawHttp2(port), await openRawHttp2(port)]
  for (const client of [one, two]) await client.receives('SETTINGS ACK')
  const http1 = await openRaw(port, GET)
  await http1.until('404')
  const refused = await openRawHttp2(port)
  await refused.closed
  assert.deepEqual(refused.frames, [])
  const { text } = await send(adminPort, { path: '/metrics' })
  assert.match(text, /^waygate_client_connections_refused_total\{limit="address"\} 1$/m)
  two.socket.destroy()
  await until('there is room', async () => {
    using client = await openRawHttp2(port)
    return await client.receives('SETTINGS').catch(() => false)
  })
  for (const { socket } of [one, http1]) socket.destroy()
})

test('a connection that is not Node’s as it is known here is left alone', () => {
  const told = { code: 'HPE_PAUSED_H2_UPGRADE', rawPacket: PREFACE, bytesParsed: PREFACE.length }
  const error = Object.assign(new Error('not HTTP/1'), told)
  const socket = Object.assign(new PassThrough(), { bytesRead: PREFACE.length }) as unknown as Socket
  assert.equal(
    takeOver(error, socket, () => {}),
    undefined,
  )
  assert.equal(socket.listenerCount('data'), 0)
  assert.equal(canTakeOver(), true)
})
