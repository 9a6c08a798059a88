import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERROR, SETTING } from '../../../internal/http2/frames.ts'
import { Endpoint, type EndpointOptions, exchange, type NotingStream } from '../../support/http2-pair.ts'
import {
  dataFrame,
  describeFrames,
  headersFrame,
  PREFACE,
  requestLines,
  rstStreamFrame,
  settingsFrame,
  windowUpdateFrame,
} from '../../support/raw-http2.ts'

/** A server with some requests whose answers have begun. */
function serve(requests: number, settings: readonly number[] = [], options: EndpointOptions = {}) {
  const server = new Endpoint('server', options)
  server.connection.receive(Buffer.concat([PREFACE, settingsFrame(settings)]))
  const streams: NotingStream[] = []
  for (let i = 0; i < requests; i++) {
    server.connection.receive(headersFrame(2 * i + 1, requestLines()))
    const stream = server.accepted.at(-1)!
    stream.sendHead([':status', '200'], false)
    streams.push(stream)
  }
  server.takeWritten()
  return { server, streams, said: () => describeFrames(server.takeWritten()) }
}

/** A server that receives the body of request 1. */
function receive(options: EndpointOptions = {}, consumes = false) {
  const server = new Endpoint('server', options)
  server.onStream = stream => {
    stream.consumes = consumes
  }
  const head = headersFrame(1, requestLines([], 'POST'), { isEnd: false })
  server.connection.receive(Buffer.concat([PREFACE, settingsFrame(), head]))
  server.takeWritten()
  const [stream] = server.accepted
  assert.ok(stream)
  return { server, stream, said: () => describeFrames(server.takeWritten()) }
}

test('a body waits for the window of its stream, and goes on with each WINDOW_UPDATE', () => {
  const { server, streams, said } = serve(1, [SETTING.initialWindowSize, 10])
  const [stream] = streams
  assert.equal(stream!.sendData('0123456789abc', false), false)
  assert.equal(stream!.queuedBytes, 3)
  assert.deepEqual(said(), ['DATA 1 10 bytes'])
  server.connection.receive(windowUpdateFrame(1, 2))
  assert.deepEqual(said(), ['DATA 1 2 bytes'])
  assert.equal(stream!.drains, 0)
  server.connection.receive(windowUpdateFrame(1, 2))
  assert.deepEqual(said(), ['DATA 1 1 bytes'])
  assert.equal(stream!.drains, 1)
  assert.equal(stream!.queuedBytes, 0)
  assert.equal(stream!.sendData('x', true), true)
  assert.deepEqual(said(), ['DATA 1 1 bytes END_STREAM'])
  assert.equal(server.connection.streamCount, 0)
})

test('with a zero window, heads, trailers and ends without bytes are sent, and bodies are not', () => {
  const { server, streams, said } = serve(3, [SETTING.initialWindowSize, 0])
  const [one, two, three] = streams
  one!.sendTrailers(['grpc-status', '0'])
  assert.equal(two!.sendData('', true), true)
  assert.equal(three!.sendData('x', false), false)
  three!.sendTrailers(['grpc-status', '0'])
  assert.deepEqual(said(), ['HEADERS 1 END_STREAM', 'DATA 3 0 bytes END_STREAM'])
  server.connection.receive(settingsFrame([SETTING.initialWindowSize, 1]))
  assert.deepEqual(said(), ['SETTINGS ACK', 'DATA 5 1 bytes', 'HEADERS 5 END_STREAM'])
  assert.equal(three!.drains, 1)
  assert.equal(server.connection.streamCount, 0)
})

test('SETTINGS move the windows of streams under way, below zero, too', () => {
  const { server, streams, said } = serve(1, [SETTING.initialWindowSize, 100])
  const [stream] = streams
  assert.equal(stream!.sendData(Buffer.alloc(80), false), true)
  server.connection.receive(settingsFrame([SETTING.initialWindowSize, 50]))
  assert.equal(stream!.sendWindow, -30)
  assert.equal(stream!.sendData(Buffer.alloc(20), false), false)
  assert.deepEqual(said(), ['DATA 1 80 bytes', 'SETTINGS ACK'])
  server.connection.receive(windowUpdateFrame(1, 30))
  assert.deepEqual(said(), [])
  server.connection.receive(windowUpdateFrame(1, 5))
  assert.deepEqual(said(), ['DATA 1 5 bytes'])
  server.connection.receive(settingsFrame([SETTING.initialWindowSize, 200]))
  assert.deepEqual(said(), ['SETTINGS ACK', 'DATA 1 15 bytes'])
})

test('streams that wait for the window of the connection take turns, one frame each', () => {
  const { server, streams, said } = serve(3, [SETTING.initialWindowSize, 1_000_000])
  for (const stream of streams) assert.equal(stream.sendData(Buffer.alloc(40_000), true), stream.id === 1)
  // The window of 65,535 bytes goes to who came first; the others share what follows.
  assert.deepEqual(said(), [
    'DATA 1 16384 bytes',
    'DATA 1 16384 bytes',
    'DATA 1 7232 bytes END_STREAM',
    'DATA 3 16384 bytes',
    'DATA 3 9151 bytes',
  ])
  server.connection.receive(windowUpdateFrame(0, 40_000))
  assert.deepEqual(said(), ['DATA 3 14465 bytes END_STREAM', 'DATA 5 16384 bytes', 'DATA 5 9151 bytes'])
  server.connection.receive(windowUpdateFrame(0, 1_000_000))
  assert.deepEqual(said(), ['DATA 5 14465 bytes END_STREAM'])
})

test('while the socket is full bodies wait, and streams take turns afterwards', () => {
  const { server, streams, said } = serve(2, [SETTING.initialWindowSize, 1_000_000])
  server.connection.receive(windowUpdateFrame(0, 1_000_000))
  server.isWritable = false
  streams[0]!.sendData('x', false)
  assert.deepEqual(said(), ['DATA 1 1 bytes'])
  for (const stream of streams) assert.equal(stream.sendData(Buffer.alloc(40_000, 1), true), false)
  assert.deepEqual(said(), [])
  server.isWritable = true
  server.connection.drained()
  assert.deepEqual(said(), [
    'DATA 1 16384 bytes',
    'DATA 3 16384 bytes',
    'DATA 1 16384 bytes',
    'DATA 3 16384 bytes',
    'DATA 1 7232 bytes END_STREAM',
    'DATA 3 7232 bytes END_STREAM',
  ])
  assert.deepEqual(
    streams.map(({ drains }) => drains),
    [1, 1],
  )
})

test('while the socket is full heads wait in order, and those of new streams overtake none', () => {
  const client = new Endpoint('client')
  client.connection.receive(settingsFrame())
  client.takeWritten()
  client.isWritable = false
  const first = client.request([], false, 'POST')
  first.sendData('one', true)
  assert.deepEqual(describeFrames(client.takeWritten()), ['HEADERS 1', 'DATA 1 3 bytes END_STREAM'])
  const waiting = [client.request([], false, 'POST'), client.request(), client.request()]
  waiting[0]!.sendData('two', true)
  assert.deepEqual(
    waiting.map(stream => client.connection.hasWritten(stream)),
    [false, false, false],
  )
  assert.equal(client.connection.hasWritten(first), true)
  // A stream that is given up before its head has left is never seen by the other side.
  waiting[1]!.reset(ERROR.cancel)
  client.isWritable = true
  client.connection.drained()
  assert.deepEqual(describeFrames(client.takeWritten()), [
    'HEADERS 3',
    'DATA 3 3 bytes END_STREAM',
    'HEADERS 7 END_STREAM',
  ])
  assert.equal(client.connection.hasWritten(waiting[2]!), true)
})

test('a head that has left within a turn, before a long body, counts as written', () => {
  const client = new Endpoint('client')
  client.connection.receive(Buffer.concat([settingsFrame([SETTING.initialWindowSize, 1_000_000])]))
  client.connection.receive(windowUpdateFrame(0, 1_000_000))
  client.takeWritten()
  const stream = client.request([], false, 'POST')
  assert.equal(client.connection.hasWritten(stream), false)
  stream.sendData(Buffer.alloc(100_000), false)
  const next = client.request()
  assert.equal(client.connection.hasWritten(stream), true)
  assert.equal(client.connection.hasWritten(next), false)
})

test('a turn writes no more than 64 KiB at once, and goes on as the socket takes it', () => {
  const { server, streams } = serve(2, [SETTING.initialWindowSize, 10_000_000])
  server.connection.receive(windowUpdateFrame(0, 10_000_000))
  server.takeWritten()
  const sizes: number[] = []
  server.onWrite = bytes => {
    sizes.push(bytes.length)
    return sizes.length !== 3
  }
  for (let i = 0; i < 16; i++) streams[i % 2]!.sendData(Buffer.alloc(65_536), false)
  server.takeWritten()
  assert.equal(sizes.length, 3)
  for (const size of sizes) assert.ok(size <= 65_536, String(size))
  server.connection.drained()
  assert.equal(
    streams.reduce((sum, { queuedBytes }) => sum + queuedBytes, 0),
    0,
  )
})

test('windows come back as bytes are consumed, once they are half of it, for stream and connection', () => {
  const { server, stream, said } = receive({ connectionWindowBytes: 262_140 })
  server.connection.receive(dataFrame(1, Buffer.alloc(16_384)))
  server.connection.receive(dataFrame(1, Buffer.alloc(16_384)))
  server.connection.receive(dataFrame(1, Buffer.alloc(16_384)))
  assert.equal(server.connection.heldBytes, 49_152)
  assert.equal(stream.heldBytes, 49_152)
  assert.deepEqual(said(), [])
  stream.consume(32_000)
  assert.deepEqual(said(), [])
  stream.consume(1_000)
  assert.deepEqual(said(), ['WINDOW_UPDATE 1 by 33000'])
  assert.equal(server.connection.heldBytes, 16_152)
  stream.consume(1_000_000)
  assert.equal(server.connection.heldBytes, 0, 'no more is given back than was received')
})

test('a stalled reader holds no more than its window, and costs the others nothing but that', () => {
  const { server, stream } = receive({ connectionWindowBytes: 200_000 })
  for (let i = 0; i < 4; i++) server.connection.receive(dataFrame(1, Buffer.alloc(16_000)))
  assert.equal(server.connection.heldBytes, 64_000)
  assert.equal(stream.body.length, 64_000)
  server.onStream = undefined
  server.connection.receive(headersFrame(3, requestLines([], 'POST'), { isEnd: false }))
  for (let i = 0; i < 50; i++) {
    server.connection.receive(dataFrame(3, Buffer.alloc(16_000)))
    server.takeWritten()
  }
  assert.equal(server.accepted[1]!.body.length, 800_000)
  assert.equal(server.fatal, undefined)
  assert.equal(server.connection.heldBytes, 64_000)
})

test('padding comes back at once', () => {
  const { server, said } = receive()
  for (let i = 0; i < 130; i++) server.connection.receive(dataFrame(1, 'x', { padding: 255 }))
  assert.equal(server.connection.heldBytes, 130)
  assert.deepEqual(said(), ['WINDOW_UPDATE 0 by 32768', 'WINDOW_UPDATE 1 by 32768'])
})

test('what was held for a stream comes back to the connection when the stream is reset, whoever does it', () => {
  for (const end of ['peer', 'us', 'broken']) {
    const { server, stream, said } = receive()
    server.connection.receive(dataFrame(1, Buffer.alloc(16_000)))
    server.connection.receive(dataFrame(1, Buffer.alloc(16_000)))
    server.connection.receive(dataFrame(1, Buffer.alloc(2_000)))
    if (end === 'peer') server.connection.receive(rstStreamFrame(1))
    else if (end === 'us') stream.reset(ERROR.cancel)
    else server.connection.receive(windowUpdateFrame(1, 0))
    assert.equal(server.connection.heldBytes, 0, end)
    assert.equal(said().at(-1), 'WINDOW_UPDATE 0 by 34000', end)
    stream.consume(34_000)
    assert.deepEqual(said(), [], end)
  }
})

test('bytes that are consumed after the end of a stream come back to the connection alone', () => {
  const { server, stream, said } = receive()
  server.connection.receive(dataFrame(1, Buffer.alloc(16_000)))
  server.connection.receive(dataFrame(1, Buffer.alloc(16_000)))
  server.connection.receive(dataFrame(1, Buffer.alloc(8_000), { isEnd: true }))
  stream.sendHead([':status', '200'], true)
  assert.equal(stream.isOver, true)
  assert.deepEqual(said(), ['HEADERS 1 END_STREAM'])
  stream.consume(35_000)
  assert.deepEqual(said(), ['WINDOW_UPDATE 0 by 35000'])
  assert.equal(server.connection.heldBytes, 5_000)
  // A reset of a stream that is over lets go of the rest.
  stream.reset(ERROR.noError)
  assert.equal(server.connection.heldBytes, 0)
  assert.deepEqual(said(), [])
})

test('DATA for a stream that we have reset comes back to the connection, as far as its window allowed it', () => {
  const { server, stream, said } = receive()
  stream.reset(ERROR.cancel)
  for (let i = 0; i < 4; i++) server.connection.receive(dataFrame(1, Buffer.alloc(16_000)))
  assert.deepEqual(said(), ['RST_STREAM 1 CANCEL', 'WINDOW_UPDATE 0 by 48000'])
  // Trailers are decoded, and end what is tolerated.
  server.connection.receive(headersFrame(1, ['x-sum', '1']))
  assert.equal(server.fatal, undefined)
  server.connection.receive(dataFrame(1, 'x'))
  assert.deepEqual(said(), ['GOAWAY last 1 STREAM_CLOSED'])

  const beyond = receive({ connectionWindowBytes: 1_000_000 })
  beyond.stream.reset(ERROR.cancel)
  for (let i = 0; i < 5; i++) beyond.server.connection.receive(dataFrame(1, Buffer.alloc(16_000)))
  assert.deepEqual(beyond.said(), ['RST_STREAM 1 CANCEL', 'GOAWAY last 1 STREAM_CLOSED'])
})

test("a stream's window grows while its body is taken as fast as it comes, and no further than allowed", () => {
  const options = { maxStreamWindowBytes: 300_000, connectionWindowBytes: 1_000_000 }
  const fast = receive(options, true)
  for (let i = 0; i < 60; i++) fast.server.connection.receive(dataFrame(1, Buffer.alloc(16_384)))
  assert.equal(fast.server.fatal, undefined)
  assert.equal(fast.stream.receiveTarget, 300_000)
  assert.ok(fast.stream.receiveWindow <= 300_000)
  const slow = receive(options)
  for (let i = 0; i < 60; i++) {
    slow.server.connection.receive(dataFrame(1, Buffer.alloc(16_384)))
    slow.stream.consume(slow.stream.heldBytes - 1)
  }
  assert.equal(slow.stream.receiveTarget, 65_535)
})

test('DATA beyond the window of its stream resets it, and beyond that of the connection ends that', () => {
  const { server, stream, said } = receive({ connectionWindowBytes: 1_000_000 })
  for (let i = 0; i < 5; i++) server.connection.receive(dataFrame(1, Buffer.alloc(16_000)))
  assert.deepEqual(said(), ['RST_STREAM 1 FLOW_CONTROL_ERROR'])
  assert.equal(stream.resets[0]?.code, ERROR.flowControlError)
  assert.equal(stream.body.length, 64_000)
  assert.equal(server.connection.heldBytes, 0)
})

test('a body is checked against its length before the last piece is passed on', () => {
  const bodies: readonly [pieces: Buffer[], passed: string, isWhole: boolean][] = [
    [[dataFrame(1, 'abc'), dataFrame(1, 'de', { isEnd: true })], 'abcde', true],
    [[dataFrame(1, 'abcde'), dataFrame(1, '', { isEnd: true })], 'abcde', true],
    [[dataFrame(1, 'abcde'), headersFrame(1, ['x', 'y'])], 'abcde', true],
    [[dataFrame(1, 'abc', { padding: 2 }), dataFrame(1, 'de', { isEnd: true })], 'abcde', true],
    [[dataFrame(1, 'abc'), dataFrame(1, 'd', { isEnd: true })], 'abc', false],
    [[dataFrame(1, 'abc'), dataFrame(1, 'def', { isEnd: true })], 'abc', false],
    [[dataFrame(1, 'abcdef')], '', false],
    [[dataFrame(1, 'abc'), dataFrame(1, '', { isEnd: true })], 'abc', false],
    [[dataFrame(1, 'abcd'), headersFrame(1, ['x', 'y'])], 'abcd', false],
  ]
  for (const [frames, passed, isWhole] of bodies) {
    const { server, stream, said } = receive()
    stream.expectBytes(5)
    server.connection.receive(Buffer.concat(frames))
    assert.equal(stream.body.toString(), passed)
    assert.equal(stream.isEnded, isWhole, passed)
    assert.deepEqual(said(), isWhole ? [] : ['RST_STREAM 1 PROTOCOL_ERROR'])
  }
})

test('a head that ends the stream and announces a body is reset, but not one that can have no body', () => {
  const { server } = receive()
  const lengths = [5, 0, -1]
  server.onStream = stream => {
    const bytes = lengths.shift()!
    stream.onEvent = () => {
      stream.onEvent = undefined
      stream.expectBytes(bytes)
    }
  }
  for (const id of [3, 5, 7]) server.connection.receive(headersFrame(id, requestLines()))
  assert.deepEqual(
    server.accepted.slice(1).map(({ resets }) => resets.map(({ code }) => code)),
    [[ERROR.protocolError], [], []],
  )
})

test('a queue is dropped with its stream, and a full socket keeps nothing of it', () => {
  const { server, streams, said } = serve(2, [SETTING.initialWindowSize, 100])
  for (const stream of streams) stream.sendData(Buffer.alloc(200_000), false)
  assert.equal(streams[0]!.queuedBytes, 199_900)
  streams[0]!.reset(ERROR.cancel)
  server.connection.receive(rstStreamFrame(3))
  for (const stream of streams) {
    assert.equal(stream.queuedBytes, 0)
    assert.equal(stream.waiting, undefined)
    assert.equal(stream.sendData('x', false), true, 'nothing waits on a stream that is over')
  }
  assert.deepEqual(said(), ['DATA 1 100 bytes', 'DATA 3 100 bytes', 'RST_STREAM 1 CANCEL'])
})

test('an owner that flushes when the last stream is over sends nothing behind its RST_STREAM', () => {
  const { server, streams, said } = serve(1, [SETTING.initialWindowSize, 1_000_000])
  server.onCount = () => server.connection.flush()
  const [stream] = streams
  stream!.sendData(Buffer.alloc(70_000), false)
  assert.equal(said().at(-1), 'DATA 1 16383 bytes')
  // The window opens in the turn in which the stream is reset.
  server.connection.receive(windowUpdateFrame(0, 100_000))
  stream!.reset(ERROR.cancel)
  assert.deepEqual(said(), ['RST_STREAM 1 CANCEL'])
  assert.equal(stream!.drains, 0)
})

test('two endpoints carry 1 MiB each way through the smallest windows', () => {
  const client = new Endpoint('client')
  const server = new Endpoint('server')
  const body = Buffer.alloc(1_048_576)
  for (let i = 0; i < body.length; i++) body[i] = i * 31
  let sent = 0
  const pump = (stream: NotingStream) => {
    while (sent < body.length) {
      const piece = body.subarray(sent, sent + 50_000)
      sent += piece.length
      if (!stream.sendData(piece, sent === body.length)) return
    }
  }
  server.onStream = stream => {
    stream.onEvent = () => {
      if (stream.heads.length === 1 && stream.pieces.length === 0 && !stream.hasSentHead)
        stream.sendHead([':status', '200'], false)
      if (stream.pieces.length > 0) {
        const ok = stream.sendData(stream.pieces.splice(0).at(-1)!, stream.isEnded)
        assert.ok(ok || stream.queuedBytes <= 131_072)
      }
    }
  }
  const stream = client.request([], false, 'POST')
  stream.onEvent = ({ drains }) => {
    if (drains > 0 && sent < body.length && stream.queuedBytes === 0) pump(stream)
  }
  pump(stream)
  exchange(client, server)
  assert.equal(stream.isEnded, true)
  assert.ok(stream.body.equals(body))
  assert.equal(client.connection.heldBytes + server.connection.heldBytes, 0)
})
