import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FRAME } from '../../../../internal/http2/frames.ts'
import { startTestGateway } from '../../../support/gateway.ts'
import { send } from '../../../support/http.ts'
import { askHttp2, openHttp2 } from '../../../support/http2-client.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import {
  continuationFrame,
  dataFrame,
  headersFrame,
  literalBlock,
  openRawHttp2,
  PREFACE,
  pingFrame,
  priorityFrame,
  type RawHttp2,
  rawFrame,
  requestLines,
  rstStreamFrame,
  settingsFrame,
  windowUpdateFrame,
} from '../../../support/raw-http2.ts'
import { until } from '../../../support/until.ts'

const STREAMS = 20
const HUNG = requestLines([], 'GET', '/user/hung')
const POST = requestLines([], 'POST', '/user/hung')

/** Returns what `make` returns for each odd id from 1 on. */
function forStreams(count: number, make: (id: number) => readonly Buffer[]): Buffer[] {
  return Array.from({ length: count }, (_, i) => make(i * 2 + 1)).flat()
}

function times(count: number, ...frames: readonly Buffer[]): Buffer[] {
  return Array.from({ length: count }, () => frames).flat()
}

interface Attack {
  /** The reason in metrics. */
  readonly reason: string
  readonly frames: readonly Buffer[]
  /** The error that the client gets before its connection ends. */
  readonly gets: string
}

/** A block that names a field of 4 KB twice and then 200 times by its index: 8 KB that decode to 800 KB. */
const BOMB = Buffer.concat([
  literalBlock(requestLines()),
  Buffer.from([0x40]),
  literalBlock(['x', 'y'.repeat(4_000)]).subarray(1),
  ...times(200, Buffer.from([0xbe])),
])

const ATTACKS: Record<string, Attack> = {
  'rapid reset, CVE-2023-44487': {
    reason: 'early-resets',
    frames: forStreams(300, id => [headersFrame(id, HUNG), rstStreamFrame(id)]),
    gets: 'ENHANCE_YOUR_CALM',
  },
  'MadeYouReset by windows of nothing, CVE-2025-8671': {
    reason: 'caused-resets',
    frames: forStreams(300, id => [headersFrame(id, HUNG), windowUpdateFrame(id, 0)]),
    gets: 'ENHANCE_YOUR_CALM',
  },
  'MadeYouReset by windows that overflow': {
    reason: 'caused-resets',
    frames: forStreams(300, id => [headersFrame(id, HUNG), windowUpdateFrame(id, 0x7fffffff)]),
    gets: 'ENHANCE_YOUR_CALM',
  },
  'MadeYouReset by malformed requests': {
    reason: 'caused-resets',
    frames: forStreams(300, id => [headersFrame(id, [':method', 'GET'])]),
    gets: 'ENHANCE_YOUR_CALM',
  },
  'more streams than allowed': {
    reason: 'refused-streams',
    frames: forStreams(STREAMS + 300, id => [headersFrame(id, HUNG)]),
    gets: 'ENHANCE_YOUR_CALM',
  },
  'a CONTINUATION flood, CVE-2024-28182': {
    reason: 'header-block',
    frames: [
      headersFrame(1, HUNG, { isWhole: false }),
      ...times(17, continuationFrame(1, Buffer.alloc(1), false)),
    ],
    gets: 'ENHANCE_YOUR_CALM',
  },
  'a header block of 32 KB and more': {
    reason: 'header-block',
    frames: [
      headersFrame(1, HUNG, { isWhole: false }),
      ...times(3, continuationFrame(1, Buffer.alloc(16_000), false)),
    ],
    gets: 'ENHANCE_YOUR_CALM',
  },
  'an HPACK bomb': {
    reason: 'large-heads',
    frames: forStreams(60, id => [headersFrame(id, BOMB)]),
    gets: 'ENHANCE_YOUR_CALM',
  },
  'updates of the size of the header table': {
    reason: 'compression-error',
    frames: [headersFrame(1, Buffer.concat([Buffer.from([0x20, 0x20, 0x20]), literalBlock(HUNG)]))],
    gets: 'COMPRESSION_ERROR',
  },
  'an index into nowhere': {
    reason: 'compression-error',
    frames: [headersFrame(1, Buffer.from([0xff, 0x80, 0x80, 0x80, 0x01]))],
    gets: 'COMPRESSION_ERROR',
  },
  'a PING flood': {
    reason: 'control-frames',
    frames: times(3_000, pingFrame()),
    gets: 'ENHANCE_YOUR_CALM',
  },
  'a SETTINGS flood': {
    reason: 'control-frames',
    frames: times(3_000, settingsFrame()),
    gets: 'ENHANCE_YOUR_CALM',
  },
  'a PRIORITY flood': {
    reason: 'control-frames',
    frames: times(3_000, priorityFrame(1, 3)),
    gets: 'ENHANCE_YOUR_CALM',
  },
  'a flood of unknown frames': {
    reason: 'control-frames',
    frames: times(3_000, rawFrame(0xbe, 0, 0)),
    gets: 'ENHANCE_YOUR_CALM',
  },
  'a flood of empty DATA': {
    reason: 'control-frames',
    frames: [headersFrame(1, POST, { isEnd: false }), ...times(3_000, dataFrame(1))],
    gets: 'ENHANCE_YOUR_CALM',
  },
  'a WINDOW_UPDATE flood': {
    reason: 'window-updates',
    frames: times(3_000, windowUpdateFrame(0, 1)),
    gets: 'ENHANCE_YOUR_CALM',
  },
  'a window that overflows': {
    reason: 'flow-control-error',
    frames: [windowUpdateFrame(0, 0x7fffffff)],
    gets: 'FLOW_CONTROL_ERROR',
  },
  'DATA beyond the window of the connection': {
    reason: 'flow-control-error',
    frames: forStreams(STREAMS, id => [
      // No node takes anything of it at first.
      headersFrame(id, [...POST, 'expect', '100-continue'], { isEnd: false }),
      ...times(4, dataFrame(id, Buffer.alloc(16_384))),
    ]),
    gets: 'FLOW_CONTROL_ERROR',
  },
  'a frame that is too long': {
    reason: 'frame-size-error',
    frames: [rawFrame(FRAME.data, 0, 1, Buffer.alloc(0), 0xffffff)],
    gets: 'FRAME_SIZE_ERROR',
  },
  'a pushed stream': {
    reason: 'protocol-error',
    frames: [rawFrame(FRAME.pushPromise, 4, 1, Buffer.alloc(8))],
    gets: 'PROTOCOL_ERROR',
  },
}

// Each attack is larger than its limit: while a busy machine reads it, the client earns more.
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
  for (const [what, { reason, frames, gets }] of Object.entries(ATTACKS)) {
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
