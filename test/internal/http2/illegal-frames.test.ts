import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERROR, FLAG, FRAME, SETTING } from '../../../internal/http2/frames.ts'
import { Endpoint } from '../../support/http2-pair.ts'
import {
  continuationFrame,
  dataFrame,
  describeFrames,
  goawayFrame,
  headersFrame,
  literalBlock,
  PREFACE,
  pingFrame,
  priorityFrame,
  rawFrame,
  requestLines,
  rstStreamFrame,
  SETTINGS_ACK,
  settingsFrame,
  windowUpdateFrame,
} from '../../support/raw-http2.ts'

/** A server that has seen the preface and SETTINGS, and whose own SETTINGS were taken. It consumes no bodies. */
function openServer(): Endpoint {
  const server = new Endpoint('server')
  server.onStream = stream => {
    stream.consumes = false
  }
  server.connection.receive(Buffer.concat([PREFACE, settingsFrame(), SETTINGS_ACK]))
  server.takeWritten()
  return server
}

/** A client that has seen SETTINGS, and has requests 1 and 3 under way, the first with a body that has not ended. */
function openClient(): { client: Endpoint; streams: ReturnType<Endpoint['request']>[] } {
  const client = new Endpoint('client')
  client.connection.receive(Buffer.concat([settingsFrame(), SETTINGS_ACK]))
  const streams = [client.request([], false, 'POST'), client.request()]
  client.takeWritten()
  return { client, streams }
}

const request = headersFrame(1, requestLines())
const upload = headersFrame(1, requestLines([], 'POST'), { isEnd: false })
const block = literalBlock(requestLines())
const answer = [':status', '200']
const openAnswer = headersFrame(1, answer, { isEnd: false })

/** What a client sends to a server, and what the server says to that. */
const toServer: Readonly<Record<string, readonly [frames: Buffer[], said: string[]]>> = {
  // RFC 9113, section 4.1 and 4.2
  'a frame of an unknown type': [[rawFrame(0x42, 0xff, 7, Buffer.alloc(20))], []],
  PRIORITY_UPDATE: [[rawFrame(0x10, 0, 0, Buffer.from('\0\0\0\x01u=1', 'latin1'))], []],
  'a reserved bit before a stream id': [
    [rawFrame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 0x80000001, block)],
    [],
  ],
  'a frame that is too long': [
    [rawFrame(FRAME.data, 0, 1, Buffer.alloc(16_385))],
    ['GOAWAY last 0 FRAME_SIZE_ERROR'],
  ],
  'a frame that says it has 2^24-1 bytes': [
    [rawFrame(FRAME.headers, 0, 1, Buffer.alloc(1), 0xffffff)],
    ['GOAWAY last 0 FRAME_SIZE_ERROR'],
  ],
  // 5.1 and 5.1.1
  'HEADERS on an even stream': [[headersFrame(2, requestLines())], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'HEADERS on a lower stream than before': [
    [headersFrame(5, requestLines()), headersFrame(3, requestLines())],
    ['GOAWAY last 5 STREAM_CLOSED'],
  ],
  'DATA on an idle stream': [[dataFrame(1, 'x')], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'RST_STREAM on an idle stream': [[rstStreamFrame(1)], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'WINDOW_UPDATE on an idle stream': [[windowUpdateFrame(1, 1)], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'PRIORITY on an idle stream': [[priorityFrame(9, 0)], []],
  'DATA behind the end of a stream': [[request, dataFrame(1, 'x')], ['RST_STREAM 1 STREAM_CLOSED']],
  'HEADERS behind the end of a stream': [
    [request, headersFrame(1, ['x', 'y'])],
    ['RST_STREAM 1 STREAM_CLOSED'],
  ],
  'DATA on a stream that the client has reset': [
    [upload, rstStreamFrame(1), dataFrame(1, 'x')],
    ['GOAWAY last 1 STREAM_CLOSED'],
  ],
  'HEADERS on a stream that the client has reset': [
    [upload, rstStreamFrame(1), headersFrame(1, requestLines())],
    ['GOAWAY last 1 STREAM_CLOSED'],
  ],
  'RST_STREAM and WINDOW_UPDATE on a stream that is over': [
    [upload, rstStreamFrame(1), rstStreamFrame(1), windowUpdateFrame(1, 1)],
    [],
  ],
  // 6.1
  'DATA on stream 0': [[dataFrame(0, 'x')], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'DATA with as much padding as bytes': [
    [upload, rawFrame(FRAME.data, FLAG.padded, 1, Buffer.from([3, 0, 0]))],
    ['GOAWAY last 1 PROTOCOL_ERROR'],
  ],
  'padded DATA without the byte that says how much': [
    [upload, rawFrame(FRAME.data, FLAG.padded, 1)],
    ['GOAWAY last 1 PROTOCOL_ERROR'],
  ],
  'padded DATA': [[upload, dataFrame(1, 'x', { padding: 255, isEnd: true })], []],
  // 6.2
  'HEADERS on stream 0': [[headersFrame(0, requestLines())], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'HEADERS with more padding than bytes': [
    [rawFrame(FRAME.headers, FLAG.endHeaders | FLAG.padded, 1, Buffer.from([9, 1, 1]))],
    ['GOAWAY last 0 PROTOCOL_ERROR'],
  ],
  'HEADERS too short for its priority': [
    [rawFrame(FRAME.headers, FLAG.endHeaders | FLAG.priority, 1, Buffer.alloc(4))],
    ['GOAWAY last 0 FRAME_SIZE_ERROR'],
  ],
  'padded HEADERS with a priority': [[headersFrame(1, requestLines(), { padding: 7, dependsOn: 0 })], []],
  'HEADERS whose stream depends on itself': [
    [headersFrame(1, requestLines(), { dependsOn: 1 })],
    ['RST_STREAM 1 PROTOCOL_ERROR'],
  ],
  'trailers that do not end the stream': [
    [upload, headersFrame(1, ['x', 'y'], { isEnd: false })],
    ['RST_STREAM 1 PROTOCOL_ERROR'],
  ],
  'a header block that cannot be decoded': [
    [rawFrame(FRAME.headers, FLAG.endHeaders, 1, Buffer.from([0xff, 0xff, 0xff]))],
    ['GOAWAY last 0 COMPRESSION_ERROR'],
  ],
  // 6.3
  'PRIORITY on stream 0': [[priorityFrame(0, 1)], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'PRIORITY of four bytes': [
    [rawFrame(FRAME.priority, 0, 1, Buffer.alloc(4))],
    ['GOAWAY last 0 FRAME_SIZE_ERROR'],
  ],
  'PRIORITY of a stream on itself': [[priorityFrame(1, 1)], ['GOAWAY last 0 PROTOCOL_ERROR']],
  // 6.4
  'RST_STREAM on stream 0': [[rstStreamFrame(0)], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'RST_STREAM of three bytes': [
    [upload, rawFrame(FRAME.rstStream, 0, 1, Buffer.alloc(3))],
    ['GOAWAY last 1 FRAME_SIZE_ERROR'],
  ],
  // 6.5
  'SETTINGS on a stream': [[rawFrame(FRAME.settings, 0, 1)], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'SETTINGS of five bytes': [
    [rawFrame(FRAME.settings, 0, 0, Buffer.alloc(5))],
    ['GOAWAY last 0 FRAME_SIZE_ERROR'],
  ],
  'SETTINGS ACK with a payload': [
    [rawFrame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(6))],
    ['GOAWAY last 0 FRAME_SIZE_ERROR'],
  ],
  'SETTINGS with an unknown setting': [[settingsFrame([0x4242, 7])], ['SETTINGS ACK']],
  'SETTINGS_ENABLE_PUSH of 2': [[settingsFrame([SETTING.enablePush, 2])], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'SETTINGS_INITIAL_WINDOW_SIZE of 2^31': [
    [settingsFrame([SETTING.initialWindowSize, 2 ** 31])],
    ['GOAWAY last 0 FLOW_CONTROL_ERROR'],
  ],
  'SETTINGS_MAX_FRAME_SIZE of 16,383': [
    [settingsFrame([SETTING.maxFrameSize, 16_383])],
    ['GOAWAY last 0 PROTOCOL_ERROR'],
  ],
  'SETTINGS_MAX_FRAME_SIZE of 2^24': [
    [settingsFrame([SETTING.maxFrameSize, 2 ** 24])],
    ['GOAWAY last 0 PROTOCOL_ERROR'],
  ],
  'SETTINGS with 65 settings': [[settingsFrame(Array(130).fill(1))], ['GOAWAY last 0 ENHANCE_YOUR_CALM']],
  // 6.6
  PUSH_PROMISE: [
    [
      upload,
      rawFrame(FRAME.pushPromise, FLAG.endHeaders, 1, Buffer.concat([Buffer.from([0, 0, 0, 2]), block])),
    ],
    ['GOAWAY last 1 PROTOCOL_ERROR'],
  ],
  // 6.7
  PING: [[pingFrame()], ['PING ACK']],
  'PING ACK that was not asked for': [[pingFrame('12345678', true)], []],
  'PING on a stream': [[rawFrame(FRAME.ping, 0, 1, Buffer.alloc(8))], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'PING of seven bytes': [[rawFrame(FRAME.ping, 0, 0, Buffer.alloc(7))], ['GOAWAY last 0 FRAME_SIZE_ERROR']],
  // 6.8
  'GOAWAY on a stream': [[rawFrame(FRAME.goaway, 0, 1, Buffer.alloc(8))], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'GOAWAY of seven bytes': [
    [rawFrame(FRAME.goaway, 0, 0, Buffer.alloc(7))],
    ['GOAWAY last 0 FRAME_SIZE_ERROR'],
  ],
  // 6.9
  'WINDOW_UPDATE of three bytes': [
    [rawFrame(FRAME.windowUpdate, 0, 0, Buffer.alloc(3))],
    ['GOAWAY last 0 FRAME_SIZE_ERROR'],
  ],
  'WINDOW_UPDATE of the connection by 0': [[windowUpdateFrame(0, 0)], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'WINDOW_UPDATE of a stream by 0': [[request, windowUpdateFrame(1, 0)], ['RST_STREAM 1 PROTOCOL_ERROR']],
  'a window of the connection of 2^31': [
    [windowUpdateFrame(0, 2 ** 31 - 65_536), windowUpdateFrame(0, 1)],
    ['GOAWAY last 0 FLOW_CONTROL_ERROR'],
  ],
  'a window of a stream of 2^31': [
    [request, windowUpdateFrame(1, 2 ** 31 - 65_536), windowUpdateFrame(1, 1)],
    ['RST_STREAM 1 FLOW_CONTROL_ERROR'],
  ],
  'a window of a stream of 2^31 by SETTINGS': [
    [request, windowUpdateFrame(1, 2 ** 31 - 65_536), settingsFrame([SETTING.initialWindowSize, 65_536])],
    ['GOAWAY last 1 FLOW_CONTROL_ERROR'],
  ],
  'DATA beyond the windows': [
    [upload, ...Array(5).fill(dataFrame(1, Buffer.alloc(16_000)))],
    ['GOAWAY last 1 FLOW_CONTROL_ERROR'],
  ],
  // 6.10
  'CONTINUATION without HEADERS': [[continuationFrame(1, block)], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'CONTINUATION behind a block that is whole': [
    [upload, continuationFrame(1, block)],
    ['GOAWAY last 1 PROTOCOL_ERROR'],
  ],
  'CONTINUATION of another stream': [
    [headersFrame(1, block, { isWhole: false }), continuationFrame(3, block)],
    ['GOAWAY last 0 PROTOCOL_ERROR'],
  ],
  'PING within a header block': [
    [headersFrame(1, block, { isWhole: false }), pingFrame()],
    ['GOAWAY last 0 PROTOCOL_ERROR'],
  ],
  'an unknown frame within a header block': [
    [headersFrame(1, block, { isWhole: false }), rawFrame(0x42, 0, 1)],
    ['GOAWAY last 0 PROTOCOL_ERROR'],
  ],
  'a header block in 17 pieces': [
    [
      headersFrame(1, block.subarray(0, 1), { isWhole: false }),
      ...Array.from({ length: 15 }, (_, i) => continuationFrame(1, block.subarray(i + 1, i + 2), false)),
      continuationFrame(1, block.subarray(16)),
    ],
    [],
  ],
  'a header block in 18 pieces': [
    [
      headersFrame(1, block.subarray(0, 1), { isWhole: false }),
      ...Array.from({ length: 16 }, (_, i) => continuationFrame(1, block.subarray(i + 1, i + 2), false)),
      continuationFrame(1, block.subarray(17)),
    ],
    ['GOAWAY last 0 ENHANCE_YOUR_CALM'],
  ],
  'an empty CONTINUATION that ends a block': [
    [headersFrame(1, block, { isWhole: false }), continuationFrame(1, Buffer.alloc(0))],
    [],
  ],
  'an empty CONTINUATION that does not': [
    [headersFrame(1, block, { isWhole: false }), continuationFrame(1, Buffer.alloc(0), false)],
    ['GOAWAY last 0 ENHANCE_YOUR_CALM'],
  ],
  'a header block of more than 32 KiB': [
    [
      headersFrame(1, Buffer.alloc(16_384), { isWhole: false }),
      continuationFrame(1, Buffer.alloc(16_384), false),
      continuationFrame(1, Buffer.alloc(1)),
    ],
    ['GOAWAY last 0 ENHANCE_YOUR_CALM'],
  ],
}

for (const [name, [frames, said]] of Object.entries(toServer)) {
  test(`server: ${name}`, () => {
    const server = openServer()
    server.connection.receive(Buffer.concat(frames))
    assert.deepEqual(describeFrames(server.takeWritten()), said)
    assert.equal(
      server.fatal !== undefined,
      said.some(line => line.startsWith('GOAWAY')),
    )
    if (server.fatal) assert.equal(server.fatal.reason, expectedReason(name))
    // Whatever has come before, and wherever it was split.
    const bytewise = openServer()
    for (const byte of Buffer.concat(frames)) bytewise.connection.receive(Buffer.from([byte]))
    assert.deepEqual(describeFrames(bytewise.takeWritten()), said)
  })
}

function expectedReason(name: string): string {
  if (name.startsWith('SETTINGS with 65')) return 'control-frames'
  return /pieces|empty CONTINUATION|32 KiB/.test(name) ? 'header-block' : 'peer'
}

/** What a server sends to a client, and what the client says to that. */
const toClient: Readonly<Record<string, readonly [frames: Buffer[], said: string[]]>> = {
  'an answer on a stream that was never opened': [
    [headersFrame(5, answer)],
    ['GOAWAY last 0 PROTOCOL_ERROR'],
  ],
  'an answer on a stream of the server': [[headersFrame(2, answer)], ['GOAWAY last 0 PROTOCOL_ERROR']],
  PUSH_PROMISE: [
    [rawFrame(FRAME.pushPromise, FLAG.endHeaders, 1, Buffer.concat([Buffer.from([0, 0, 0, 2]), block]))],
    ['GOAWAY last 0 PROTOCOL_ERROR'],
  ],
  'SETTINGS_ENABLE_PUSH of 1': [[settingsFrame([SETTING.enablePush, 1])], ['GOAWAY last 0 PROTOCOL_ERROR']],
  'SETTINGS_ENABLE_PUSH of 0': [[settingsFrame([SETTING.enablePush, 0])], ['SETTINGS ACK']],
  'DATA before a head': [[dataFrame(1, 'x')], ['RST_STREAM 1 PROTOCOL_ERROR']],
  'DATA behind an interim answer': [
    [headersFrame(1, [':status', '103'], { isEnd: false }), dataFrame(1, 'x')],
    ['RST_STREAM 1 PROTOCOL_ERROR'],
  ],
  'an interim answer that ends the stream': [
    [headersFrame(1, [':status', '100'])],
    ['RST_STREAM 1 PROTOCOL_ERROR'],
  ],
  'trailers that do not end the stream': [
    [openAnswer, headersFrame(1, ['grpc-status', '0'], { isEnd: false })],
    ['RST_STREAM 1 PROTOCOL_ERROR'],
  ],
  'DATA behind the end of the answer': [
    [openAnswer, dataFrame(1, '', { isEnd: true }), dataFrame(1, 'x')],
    ['RST_STREAM 1 STREAM_CLOSED'],
  ],
  'DATA on a stream whose both sides have ended': [
    [headersFrame(3, answer), dataFrame(3, 'x')],
    ['GOAWAY last 0 STREAM_CLOSED'],
  ],
  'RST_STREAM behind the end of the answer': [
    [openAnswer, dataFrame(1, '', { isEnd: true }), rstStreamFrame(1, ERROR.noError)],
    [],
  ],
  'DATA beyond the window of the stream': [
    [openAnswer, ...Array(5).fill(dataFrame(1, Buffer.alloc(16_000)))],
    ['GOAWAY last 0 FLOW_CONTROL_ERROR'],
  ],
  'a GOAWAY and another with a higher id': [[goawayFrame(1), goawayFrame(2 ** 31 - 1)], []],
}

for (const [name, [frames, said]] of Object.entries(toClient)) {
  test(`client: ${name}`, () => {
    const { client, streams } = openClient()
    for (const stream of streams) stream.consumes = false
    client.connection.receive(Buffer.concat(frames))
    assert.deepEqual(describeFrames(client.takeWritten()), said)
    assert.equal(
      client.fatal !== undefined,
      said.some(line => line.startsWith('GOAWAY')),
    )
  })
}

test('a connection that does not begin with the preface is ended at its first wrong byte', () => {
  for (const hello of ['GET / HTTP/1.1\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\rX', '\0']) {
    const server = new Endpoint('server')
    server.connection.receive(Buffer.from(hello, 'latin1'))
    assert.deepEqual(describeFrames(server.takeWritten()), ['SETTINGS', 'GOAWAY last 0 PROTOCOL_ERROR'])
    assert.equal(server.connection.isPrefaceDone, false)
  }
})

test('the first frame must be SETTINGS, in both roles', () => {
  for (const first of [pingFrame(), SETTINGS_ACK, windowUpdateFrame(0, 1), rawFrame(0x42, 0, 0)]) {
    const server = new Endpoint('server')
    server.connection.receive(Buffer.concat([PREFACE, first]))
    assert.deepEqual(describeFrames(server.takeWritten()), ['SETTINGS', 'GOAWAY last 0 PROTOCOL_ERROR'])
    const client = new Endpoint('client')
    client.connection.receive(first)
    assert.deepEqual(describeFrames(client.takeWritten()), ['SETTINGS', 'GOAWAY last 0 PROTOCOL_ERROR'])
  }
})

test('nothing is read, sent or told once the connection has failed', () => {
  const server = openServer()
  server.connection.receive(Buffer.concat([upload, dataFrame(0, 'x'), headersFrame(3, requestLines())]))
  const [stream] = server.accepted
  assert.ok(stream)
  assert.equal(server.accepted.length, 1)
  assert.deepEqual(describeFrames(server.takeWritten()), ['GOAWAY last 1 PROTOCOL_ERROR'])
  stream.sendHead([':status', '200'], false)
  assert.equal(stream.sendData('x', true), false)
  server.connection.ping()
  server.connection.goaway(0, 0)
  server.connection.receive(pingFrame())
  server.connection.flush()
  assert.equal(server.takeWritten().length, 0)
  assert.deepEqual(stream.resets, [])
  server.connection.closed()
  server.connection.closed()
  assert.deepEqual(stream.resets, [{ code: -1, by: 'closed', reason: '' }])
  assert.equal(server.connection.streamCount, 0)
})
