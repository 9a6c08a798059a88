import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestGateway } from '../../../support/gateway.ts'
import { send } from '../../../support/http.ts'
import { askHttp2, openHttp2 } from '../../../support/http2-client.ts'
import { forStreams, http2Floods, times } from '../../../support/http2-floods.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import {
  headersFrame,
  openRawHttp2,
  PREFACE,
  pingFrame,
  type RawHttp2,
  requestLines,
  rstStreamFrame,
  settingsFrame,
} from '../../../support/raw-http2.ts'
import { until } from '../../../support/until.ts'

const STREAMS = 20
const HUNG = requestLines([], 'GET', '/user/hung')
const POST = requestLines([], 'POST', '/user/hung')

const FLOODS = http2Floods({ hung: HUNG, post: POST, streams: STREAMS, resets: 300 })

test('each attack costs its own connection alone, and is counted by its name', async t => {
  const node = await startNode(t, (socket, { target }) => {
    if (target !== '/hung') socket.write(answer('honest'))
  })
  const { port, adminPort } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { http2: { concurrentStreams: STREAMS, earlyResets: { burst: 100, perSecond: 10 } } },
  })
  const honest = openHttp2(t, port)
  const count = async (reason: string) => {
    const { text } = await send(adminPort, { path: '/metrics' })
    return Number(
      new RegExp(`^waygate_http2_ended_total\\{reason="${reason}"\\} (\\d+)$`, 'm').exec(text)?.[1],
    )
  }
  for (const [what, { reason, frames, gets }] of Object.entries(FLOODS)) {
    await t.test(what, async () => {
      const before = await count(reason)
      const beside = Array.from({ length: 10 }, () => askHttp2(honest, { ':path': '/user/x' }))
      using client = await openRawHttp2(port)
      client.write(...frames)
      await client.until(({ described }) =>
        described.some(line => line.startsWith('GOAWAY') && line.endsWith(gets)),
      )
      await client.closed
      for (const { text } of await Promise.all(beside)) assert.equal(text, 'honest')
      assert.equal(await count(reason), before + 1)
    })
  }
  await t.test('and leaves nothing behind', async () => {
    await until('the node is free of it', () => node.open.size < STREAMS)
    await until('only the honest connection is left', async () => {
      const { text } = await send(adminPort, { path: '/metrics' })
      const value = (name: string) =>
        Number(
          text
            .split('\n')
            .find(line => line.startsWith(`${name} `))
            ?.split(' ')[1],
        )
      return (
        value('waygate_http2_streams') === 0 &&
        value('waygate_client_connections{protocol="h2"}') === 1 &&
        value('waygate_http2_stream_resets_total{side="client"}') >= 100
      )
    })
  })
})

test('after a rapid reset, the requests of the connection that are under way finish', async t => {
  let finish = () => {}
  const node = await startNode(t, (socket, { target }) => {
    if (target === '/slow') finish = () => socket.write(answer('at last'))
  })
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { http2: { earlyResets: { burst: 10, perSecond: 1 } } },
  })
  using client = await openRawHttp2(port)
  client.write(headersFrame(1, requestLines([], 'GET', '/user/slow')))
  await node.received(1)
  client.write(...forStreams(12, id => [headersFrame(id + 2, HUNG), rstStreamFrame(id + 2)]))
  await client.receives('GOAWAY last')
  finish()
  assert.equal((await client.receives('DATA 1')).payload.toString(), 'at last')
  await client.closed
})

test('resets of requests that are being answered are nothing unusual', async t => {
  const node = await startNode(t, socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart'))
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { http2: { earlyResets: { burst: 10, perSecond: 1 } } },
  })
  using client = await openRawHttp2(port)
  for (let i = 0; i < 50; i++) {
    const id = i * 2 + 1
    client.write(headersFrame(id, requestLines([], 'GET', '/user')))
    await client.receives(`DATA ${id} `)
    client.write(rstStreamFrame(id))
  }
  client.write(pingFrame())
  await client.receives('PING ACK')
  assert.ok(!client.described.some(line => line.startsWith('GOAWAY')))
})

test('answers to frames that are not read end the connection', async t => {
  const { port } = await startTestGateway(t, {})
  const client: RawHttp2 = await openRawHttp2(port, { hello: Buffer.concat([PREFACE, settingsFrame()]) })
  client.socket.pause()
  const flood = Buffer.concat(times(10_000, pingFrame()))
  // The budget for control frames ends it long before its answers fill a socket.
  client.socket.write(flood)
  client.socket.resume()
  await client.closed
})
