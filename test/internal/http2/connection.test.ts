import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERROR, Http2Error, SETTING } from '../../../internal/http2/frames.ts'
import { MAX_STREAM_ID } from '../../../internal/http2/stream-table.ts'
import { Endpoint, exchange, fieldsOf, type NotingStream } from '../../support/http2-pair.ts'
import { seededRandom } from '../../support/random.ts'
import {
  dataFrame,
  describeFrames,
  goawayFrame,
  headersFrame,
  PREFACE,
  pingFrame,
  requestLines,
  rstStreamFrame,
  SETTINGS_ACK,
  settingsFrame,
  splitFrames,
} from '../../support/raw-http2.ts'

function openServer(): Endpoint {
  const server = new Endpoint('server')
  server.connection.receive(Buffer.concat([PREFACE, settingsFrame(), SETTINGS_ACK]))
  server.takeWritten()
  return server
}

function openClient(settings: readonly number[] = []): Endpoint {
  const client = new Endpoint('client')
  client.connection.receive(Buffer.concat([settingsFrame(settings), SETTINGS_ACK]))
  client.takeWritten()
  return client
}

test('a client begins with the preface, its settings and the window of the connection, in one write', () => {
  const client = new Endpoint('client', { streamWindowBytes: 262_144, connectionWindowBytes: 1_048_576 })
  const hello = client.takeWritten()
  assert.equal(client.writes, 1)
  assert.ok(hello.subarray(0, 24).equals(PREFACE))
  assert.deepEqual(describeFrames(hello), ['SETTINGS', 'WINDOW_UPDATE 0 by 983041'])
  const [settings] = splitFrames(hello.subarray(24)).frames
  assert.deepEqual(settings?.payload, settingsFrame([2, 0, 4, 262_144, 6, 16_384]).subarray(9))
})

test('a server begins with its settings, before it has received anything', () => {
  const server = new Endpoint('server', { maxConcurrentStreams: 250, streamWindowBytes: 65_536 })
  const [settings] = splitFrames(server.takeWritten()).frames
  assert.deepEqual(settings?.payload, settingsFrame([3, 250, 4, 65_536, 6, 16_384]).subarray(9))
  assert.equal(server.connection.isPrefaceDone, false)
  assert.equal(server.connection.settingsReceived, false)
  server.connection.receive(PREFACE)
  assert.equal(server.connection.isPrefaceDone, true)
  server.connection.receive(settingsFrame().subarray(0, 4))
  assert.equal(server.connection.isMidFrame, true)
  server.connection.receive(settingsFrame().subarray(4))
  assert.equal(server.connection.isMidFrame, false)
  assert.equal(server.connection.settingsReceived, true)
  assert.deepEqual(describeFrames(server.takeWritten()), ['SETTINGS ACK'])
})

test('an answer of a head, a body and trailers is three frames in one write', () => {
  const server = openServer()
  server.connection.receive(headersFrame(1, requestLines()))
  const [stream] = server.accepted
  const before = server.writes
  stream!.sendHead([':status', '200', 'content-type', 'application/grpc'], false)
  assert.equal(stream!.sendData(Buffer.from('\0\0\0\0\0'), false), true)
  stream!.sendTrailers(['grpc-status', '0'])
  assert.equal(stream!.isOver, true)
  assert.deepEqual(describeFrames(server.takeWritten()), [
    'HEADERS 1',
    'DATA 1 5 bytes',
    'HEADERS 1 END_STREAM',
  ])
  assert.equal(server.writes, before + 1)
  assert.deepEqual(server.counts, [1, 0])
})

test('interim answers, the final one, its body and its trailers reach the stream in order', () => {
  const client = openClient()
  const stream = client.request()
  client.connection.receive(
    Buffer.concat([
      headersFrame(1, [':status', '103', 'link', '</a.css>'], { isEnd: false }),
      headersFrame(1, [':status', '100'], { isEnd: false }),
      headersFrame(1, [':status', '200'], { isEnd: false, padding: 3 }),
      dataFrame(1, 'hello'),
      headersFrame(1, ['grpc-status', '0']),
    ]),
  )
  assert.deepEqual(stream.heads, [
    [':status', '103', 'link', '</a.css>'],
    [':status', '100'],
    [':status', '200'],
  ])
  assert.equal(stream.body.toString(), 'hello')
  assert.deepEqual(stream.trailers, ['grpc-status', '0'])
  assert.deepEqual(stream.resets, [])
  assert.equal(stream.isOver, true)
})

test('an error that a stream throws at its fields resets it with the code, and no other', () => {
  const server = openServer()
  server.onStream = stream => {
    stream.onEvent = ({ resets }) => {
      if (resets.length === 0 && stream.id === 1) throw new Http2Error(ERROR.protocolError, 'no :path')
    }
  }
  server.connection.receive(Buffer.concat([headersFrame(1, requestLines()), headersFrame(3, requestLines())]))
  assert.deepEqual(describeFrames(server.takeWritten()), ['RST_STREAM 1 PROTOCOL_ERROR'])
  assert.deepEqual(server.accepted[0]!.resets, [{ code: ERROR.protocolError, by: 'us', reason: 'no :path' }])
  assert.equal(server.connection.streamCount, 1)
})

test('an error that is none of HTTP/2 ends the connection and reaches the caller', () => {
  const server = openServer()
  server.onStream = () => {
    throw new RangeError('a bug')
  }
  assert.throws(() => server.connection.receive(headersFrame(1, requestLines())), /a bug/)
  assert.deepEqual(describeFrames(server.takeWritten()), ['GOAWAY last 1 INTERNAL_ERROR'])
})

test('a head that is too large is told, and the next one is understood', () => {
  const server = new Endpoint('server', { maxListBytes: 500 })
  server.connection.receive(Buffer.concat([PREFACE, settingsFrame()]))
  server.connection.receive(headersFrame(1, requestLines(['x-large', 'x'.repeat(400)]), { isEnd: false }))
  server.connection.receive(headersFrame(3, requestLines()))
  const [large, small] = server.accepted
  assert.equal(large!.isTooLarge, true)
  assert.deepEqual(large!.heads, [])
  assert.deepEqual(small!.heads, [requestLines()])
  large!.sendHead([':status', '431'], true)
  large!.reset(ERROR.noError)
  assert.deepEqual(describeFrames(server.takeWritten()).slice(2), [
    'HEADERS 1 END_STREAM',
    'RST_STREAM 1 NO_ERROR',
  ])
})

test('trailers that are too large reset the stream', () => {
  const client = new Endpoint('client', { maxListBytes: 500 })
  const stream = client.request()
  client.connection.receive(
    Buffer.concat([settingsFrame(), headersFrame(1, [':status', '200'], { isEnd: false })]),
  )
  client.connection.receive(headersFrame(1, ['x-large', 'x'.repeat(500)]))
  assert.equal(stream.isTooLarge, false)
  assert.deepEqual(stream.resets, [
    { code: ERROR.protocolError, by: 'us', reason: 'the trailers are too large' },
  ])
})

test('a field that HTTP does not allow is refused before anything is sent, and resets the stream where it had to wait', () => {
  const client = openClient()
  assert.throws(() => client.request(['x', 'a\nb']), TypeError)
  assert.equal(client.connection.streamCount, 0)
  const stream = client.request([], false)
  client.takeWritten()
  client.isWritable = false
  stream.sendData('x', false)
  client.takeWritten()
  stream.sendTrailers(['x', 'a\nb'])
  client.isWritable = true
  client.connection.drained()
  assert.deepEqual(describeFrames(client.takeWritten()), ['RST_STREAM 3 INTERNAL_ERROR'])
  assert.equal(stream.resets[0]?.by, 'us')
})

test('a client opens as many streams as the server allows: 100 before its settings, any number if they do not say', () => {
  const client = new Endpoint('client')
  for (let i = 0; i < 100; i++) client.request()
  assert.equal(client.connection.canOpen, false)
  assert.throws(() => client.request(), /no stream can be opened/)
  client.connection.receive(settingsFrame([SETTING.maxConcurrentStreams, 101]))
  assert.equal(client.connection.peerMaxConcurrentStreams, 101)
  client.request()
  assert.equal(client.connection.canOpen, false)
  client.connection.receive(headersFrame(1, [':status', '204']))
  assert.equal(client.connection.canOpen, true)
  client.connection.receive(settingsFrame([SETTING.maxConcurrentStreams, 1]))
  assert.equal(client.connection.canOpen, false)
  assert.equal(client.settings, 2)
  const unlimited = openClient()
  assert.equal(unlimited.connection.peerMaxConcurrentStreams, Number.POSITIVE_INFINITY)
})

test('a stream beyond the limit is refused without being seen, and its body and trailers are ignored', () => {
  const server = new Endpoint('server', { maxConcurrentStreams: 1 })
  server.connection.receive(Buffer.concat([PREFACE, settingsFrame(), headersFrame(1, requestLines())]))
  server.takeWritten()
  server.connection.receive(
    Buffer.concat([
      headersFrame(3, requestLines([], 'POST'), { isEnd: false }),
      dataFrame(3, 'x'),
      headersFrame(3, ['x', 'y']),
      headersFrame(5, requestLines()),
    ]),
  )
  assert.deepEqual(describeFrames(server.takeWritten()), [
    'RST_STREAM 3 REFUSED_STREAM',
    'RST_STREAM 5 REFUSED_STREAM',
  ])
  assert.equal(server.accepted.length, 1)
  assert.equal(server.fatal, undefined)
})

test('GOAWAY of a server: streams above its id were not acted on, the others go on, and a second one lowers the id', () => {
  const client = openClient()
  const streams = [client.request(), client.request(), client.request()]
  client.takeWritten()
  client.connection.receive(goawayFrame(MAX_STREAM_ID, ERROR.noError, 'soon'))
  assert.deepEqual(
    streams.map(({ resets }) => resets.length),
    [0, 0, 0],
  )
  assert.equal(client.connection.canOpen, false)
  client.connection.receive(goawayFrame(3))
  client.connection.receive(goawayFrame(1, ERROR.internalError))
  assert.deepEqual(
    streams.map(({ resets }) => resets),
    [
      [],
      [{ code: ERROR.refusedStream, by: 'goaway', reason: '' }],
      [{ code: ERROR.refusedStream, by: 'goaway', reason: '' }],
    ],
  )
  // What the server may have begun to send for them is ignored.
  client.connection.receive(headersFrame(5, [':status', '200']))
  client.connection.receive(headersFrame(1, [':status', '200']))
  assert.equal(streams[0]!.isEnded, true)
  assert.equal(streams[2]!.isEnded, false)
  assert.deepEqual(client.goaways, [
    { lastStreamId: MAX_STREAM_ID, code: 0, text: 'soon' },
    { lastStreamId: 3, code: 0, text: '' },
    { lastStreamId: 1, code: ERROR.internalError, text: '' },
  ])
  assert.deepEqual(describeFrames(client.takeWritten()), [])
})

test('a request that waits for the socket is not sent once GOAWAY has come', () => {
  const client = openClient()
  client.isWritable = false
  const sent = client.request()
  client.takeWritten()
  const waiting = client.request()
  client.connection.receive(goawayFrame(MAX_STREAM_ID))
  assert.deepEqual(waiting.resets, [{ code: ERROR.refusedStream, by: 'goaway', reason: '' }])
  assert.deepEqual(sent.resets, [])
  client.isWritable = true
  client.connection.drained()
  assert.deepEqual(describeFrames(client.takeWritten()), [])
})

test('GOAWAY of a client ends nothing', () => {
  const server = openServer()
  server.connection.receive(Buffer.concat([headersFrame(1, requestLines()), goawayFrame(0)]))
  assert.equal(server.connection.streamCount, 1)
  assert.equal(server.goaways.length, 1)
  assert.equal(server.connection.isGoingAway, true)
})

test('a server drains in two steps: what comes before the second GOAWAY is served, and later requests are ignored', () => {
  const server = openServer()
  server.connection.receive(headersFrame(1, requestLines()))
  server.connection.goaway(MAX_STREAM_ID, ERROR.noError)
  server.connection.ping()
  const said = splitFrames(server.takeWritten()).frames
  assert.equal(server.connection.isGoingAway, true)
  server.connection.receive(headersFrame(3, requestLines()))
  const ack = said.find(({ type }) => type === 6)!
  server.connection.receive(pingFrame(ack.payload.toString('latin1'), true))
  assert.equal(server.pongs, 1)
  server.connection.goaway(server.connection.lastPeerStreamId, ERROR.noError)
  server.connection.receive(headersFrame(5, requestLines([], 'POST'), { isEnd: false }))
  server.connection.receive(Buffer.concat([dataFrame(5, 'x'), rstStreamFrame(5)]))
  for (const stream of server.accepted) stream.sendHead([':status', '204'], true)
  assert.deepEqual(describeFrames(server.takeWritten()), [
    'GOAWAY last 3 NO_ERROR',
    'HEADERS 1 END_STREAM',
    'HEADERS 3 END_STREAM',
  ])
  assert.equal(server.accepted.length, 2)
  assert.equal(server.connection.streamCount, 0)
  assert.equal(server.connection.lastPeerStreamId, 3)
  assert.equal(server.fatal, undefined)
})

test('a ping is answered only by its own bytes, and once', () => {
  const client = openClient()
  client.connection.receive(pingFrame('12345678', true))
  client.connection.ping()
  const [ping] = splitFrames(client.takeWritten()).frames
  client.connection.receive(pingFrame('12345678', true))
  assert.equal(client.pongs, 0)
  const answer = pingFrame(ping!.payload.toString('latin1'), true)
  client.connection.receive(Buffer.concat([answer, answer]))
  assert.equal(client.pongs, 1)
})

test('RST_STREAM is told once, and what was queued is not sent', () => {
  const client = openClient([SETTING.initialWindowSize, 1])
  const stream = client.request([], false)
  stream.sendData('abc', true)
  client.takeWritten()
  client.connection.receive(Buffer.concat([rstStreamFrame(1, ERROR.refusedStream), rstStreamFrame(1)]))
  client.connection.receive(settingsFrame([SETTING.initialWindowSize, 100]))
  assert.deepEqual(stream.resets, [{ code: ERROR.refusedStream, by: 'peer', reason: '' }])
  assert.deepEqual(describeFrames(client.takeWritten()), ['SETTINGS ACK'])
  client.connection.closed()
  assert.equal(stream.resets.length, 1)
})

test('an answer before the end of its request leaves the stream open until we reset it', () => {
  const client = openClient()
  const stream = client.request([], false, 'POST')
  client.takeWritten()
  client.connection.receive(headersFrame(1, [':status', '413']))
  assert.equal(stream.isEnded, true)
  assert.equal(stream.isOver, false)
  assert.equal(client.connection.streamCount, 1)
  stream.reset(ERROR.noError)
  assert.equal(client.connection.streamCount, 0)
  assert.deepEqual(describeFrames(client.takeWritten()), ['RST_STREAM 1 NO_ERROR'])
  assert.deepEqual(stream.resets, [])
})

test('nothing enters a header table of size 0', () => {
  const client = openClient([SETTING.headerTableSize, 0])
  const server = new Endpoint('server')
  server.connection.receive(Buffer.concat([PREFACE, settingsFrame()]))
  for (let i = 0; i < 3; i++) client.request(['x-same', 'value'])
  for (const { payload } of splitFrames(client.takeWritten()).frames) {
    assert.ok(payload.includes('value') || payload.length > 10)
  }
  // The table of the peer shrinks while fields are in it.
  const shrinking = openClient()
  for (let i = 0; i < 3; i++) shrinking.request(['x-same', 'value'])
  shrinking.connection.receive(settingsFrame([SETTING.headerTableSize, 0]))
  shrinking.request(['x-same', 'value'])
  const blocks = splitFrames(shrinking.takeWritten()).frames.filter(({ type }) => type === 1)
  for (const { streamId, payload } of blocks) {
    server.connection.receive(headersFrame(streamId, payload))
  }
  assert.deepEqual(
    server.accepted.map(stream => stream.fields['x-same']),
    ['value', 'value', 'value', 'value'],
  )
})

/** One call of the randomised test, as it must arrive at both sides. */
interface Call {
  readonly stream: NotingStream
  readonly fields: readonly string[]
  readonly body: Buffer
  readonly isReset: boolean
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`calls arrive whole, however they are interleaved and split: seed ${seed}`, () => {
    const random = seededRandom(seed)
    const upTo = (most: number) => Math.floor(random() * (most + 1))
    const client = new Endpoint('client', { streamWindowBytes: 65_535 + upTo(100_000) })
    const server = new Endpoint('server', { connectionWindowBytes: 65_535 + upTo(200_000) })
    server.onStream = stream => {
      stream.onEvent = () => {
        if (!stream.isEnded || stream.hasSentHead) return
        const { ':path': path, 'x-field': field } = stream.fields
        const head = [':status', '200', 'x-path', path ?? '', 'x-field', field ?? '']
        if (random() < 0.3) stream.sendHead([':status', '103', 'x-early', 'yes'], false)
        stream.sendHead(head, false)
        stream.sendData(stream.body, false)
        stream.sendTrailers(['x-length', String(stream.body.length)])
      }
    }
    const calls: Call[] = []
    for (let round = 0; round < 30; round++) {
      for (let i = upTo(10); i > 0 && client.connection.canOpen; i--) {
        const body = Buffer.alloc(random() < 0.2 ? upTo(200_000) : upTo(300), calls.length)
        const fields = ['x-field', 'v'.repeat(upTo(random() < 0.05 ? 9_000 : 30)), 'x-number', `${upTo(5)}`]
        const stream = client.request(fields, body.length === 0, 'POST')
        if (body.length > 0) {
          const cut = upTo(body.length)
          stream.sendData(body.subarray(0, cut), false)
          if (random() < 0.5) stream.sendData(body.subarray(cut), true)
          else {
            stream.sendData(body.toString('latin1', cut), false)
            stream.sendTrailers(['x-trailer', 'yes'])
          }
        }
        const isReset = random() < 0.1
        if (isReset && random() < 0.5) exchange(client, server, () => 1 + upTo(40_000))
        if (isReset) stream.reset(ERROR.cancel)
        calls.push({ stream, fields, body, isReset: isReset && !stream.isEnded })
      }
      if (random() < 0.1) server.connection.receive(settingsFrame([SETTING.initialWindowSize, upTo(100_000)]))
      if (random() < 0.1) client.connection.receive(settingsFrame([SETTING.headerTableSize, upTo(4_096)]))
      exchange(client, server, () => 1 + (random() < 0.5 ? upTo(20) : upTo(40_000)))
    }
    server.connection.receive(settingsFrame([SETTING.initialWindowSize, 1_000_000]))
    exchange(client, server)
    assert.equal(client.fatal ?? server.fatal, undefined)
    assert.ok(calls.length > 50)
    for (const { stream, fields, body, isReset } of calls) {
      if (isReset) continue
      assert.equal(stream.fields['x-field'], fieldsOf(fields)['x-field'])
      assert.ok(stream.body.equals(body), `${stream.body.length} of ${body.length} bytes`)
      assert.deepEqual(stream.trailers, ['x-length', String(body.length)])
    }
    assert.equal(client.connection.streamCount + server.connection.streamCount, 0)
    assert.equal(client.connection.heldBytes + server.connection.heldBytes, 0)
  })
}
