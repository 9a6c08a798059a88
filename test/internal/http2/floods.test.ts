import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FatalReason, FloodLimits } from '../../../internal/http2/flood-budget.ts'
import { ERROR, FRAME, SETTING } from '../../../internal/http2/frames.ts'
import { Endpoint, type EndpointOptions, type NotingStream } from '../../support/http2-pair.ts'
import {
  dataFrame,
  describeFrames,
  headersFrame,
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

function openServer(options: EndpointOptions = {}): Endpoint {
  const server = new Endpoint('server', options)
  server.connection.receive(Buffer.concat([PREFACE, settingsFrame(), SETTINGS_ACK]))
  server.takeWritten()
  return server
}

function openClient(): Endpoint {
  const client = new Endpoint('client')
  client.connection.receive(Buffer.concat([settingsFrame(), SETTINGS_ACK]))
  client.takeWritten()
  return client
}

/** Repeats frames until the connection has ended, and returns how often they were accepted. */
function countUntilEnd(endpoint: Endpoint, frames: (i: number) => Buffer, most = 5_000): number {
  for (let i = 0; i < most; i++) {
    endpoint.connection.receive(frames(i))
    endpoint.takeWrittenKeepingLast()
    if (endpoint.fatal || endpoint.retired.length > 0) return i
  }
  return most
}

const id = (i: number) => 2 * i + 1

interface Case {
  /** Frames to send before the flood. */
  readonly before?: Buffer
  readonly frames: (i: number) => Buffer
  readonly reason: FatalReason
  /** How many times the frames are accepted at once, and how many more after a minute. */
  readonly burst: number
  readonly perMinute: number
}

const upload = (i: number) => headersFrame(id(i), requestLines([], 'POST'), { isEnd: false })

const floods: Readonly<Record<string, Case>> = {
  'resets of requests that were not answered (CVE-2023-44487)': {
    frames: i => Buffer.concat([upload(i), rstStreamFrame(id(i))]),
    reason: 'early-resets',
    burst: 1_000,
    perMinute: 1_000,
  },
  'errors that make the server reset streams (CVE-2025-8671)': {
    frames: i => Buffer.concat([upload(i), windowUpdateFrame(id(i), 0)]),
    reason: 'caused-resets',
    burst: 100,
    perMinute: 100,
  },
  'DATA that makes the server reset streams': {
    frames: i => Buffer.concat([headersFrame(id(i), requestLines()), dataFrame(id(i), 'x')]),
    reason: 'caused-resets',
    burst: 100,
    perMinute: 100,
  },
  'requests beyond the number of streams': {
    before: Buffer.concat(Array.from({ length: 100 }, (_, i) => upload(i))),
    frames: i => upload(100 + i),
    reason: 'refused-streams',
    burst: 100,
    perMinute: 100,
  },
  'heads that are too large once they are decoded': {
    frames: i => headersFrame(id(i), requestLines(['x-large', 'x'.repeat(9_000)]), { isEnd: false }),
    reason: 'large-heads',
    burst: 20,
    perMinute: 20,
  },
  SETTINGS: {
    frames: () => settingsFrame([SETTING.initialWindowSize, 1_000]),
    reason: 'control-frames',
    // One is spent by the handshake.
    burst: 999,
    perMinute: 1_000,
  },
  PING: { frames: () => pingFrame(), reason: 'control-frames', burst: 999, perMinute: 1_000 },
  'answers to no PING': {
    frames: () => pingFrame('12345678', true),
    reason: 'control-frames',
    burst: 999,
    perMinute: 1_000,
  },
  'answers to no SETTINGS': {
    frames: () => SETTINGS_ACK,
    reason: 'control-frames',
    burst: 999,
    perMinute: 1_000,
  },
  PRIORITY: { frames: i => priorityFrame(id(i), 0), reason: 'control-frames', burst: 999, perMinute: 1_000 },
  'unknown frames': {
    frames: () => rawFrame(0xee, 0, 0),
    reason: 'control-frames',
    burst: 999,
    perMinute: 1_000,
  },
  'empty DATA': {
    before: upload(0),
    frames: () => dataFrame(1),
    reason: 'control-frames',
    burst: 999,
    perMinute: 1_000,
  },
  'DATA of nothing but padding': {
    before: upload(0),
    frames: () => dataFrame(1, '', { padding: 200 }),
    reason: 'control-frames',
    burst: 999,
    perMinute: 1_000,
  },
  'RST_STREAM for streams that are over': {
    before: Buffer.concat([upload(0), rstStreamFrame(1)]),
    // One is taken as sent before the client knew.
    frames: () => rstStreamFrame(1),
    reason: 'control-frames',
    burst: 1_000,
    perMinute: 1_000,
  },
  'WINDOW_UPDATE of the connection': {
    frames: () => windowUpdateFrame(0, 1),
    reason: 'window-updates',
    burst: 1_000,
    perMinute: 0,
  },
  'WINDOW_UPDATE of a stream': {
    before: upload(0),
    frames: () => windowUpdateFrame(1, 1),
    reason: 'window-updates',
    burst: 1_000,
    perMinute: 0,
  },
}

for (const [name, { before, frames, reason, burst, perMinute }] of Object.entries(floods)) {
  test(`a flood ends the connection: ${name}`, () => {
    const server = openServer({ maxListBytes: 8_192 })
    if (before) server.connection.receive(before)
    assert.equal(countUntilEnd(server, frames), burst)
    assert.match(describeFrames(server.takeLast()).at(-1) ?? '', /^GOAWAY last \d+ ENHANCE_YOUR_CALM$/)
    if (reason === 'early-resets') assert.deepEqual(server.retired, [reason])
    else assert.equal(server.fatal?.reason, reason)

    const patient = openServer({ maxListBytes: 8_192 })
    if (before) patient.connection.receive(before)
    for (let i = 0; i < burst; i++) patient.connection.receive(frames(i))
    patient.now = 60_000
    assert.equal(
      countUntilEnd(patient, i => frames(burst + i)),
      perMinute,
      'a minute later',
    )
  })
}

test('the streams under way finish after a flood of resets, and what is new is ignored', () => {
  const server = openServer({ budgets: { 'early-resets': { burst: 2, perSecond: 1 } } })
  server.connection.receive(upload(0))
  for (let i = 1; i < 4; i++) server.connection.receive(Buffer.concat([upload(i), rstStreamFrame(id(i))]))
  assert.deepEqual(server.retired, ['early-resets'])
  assert.deepEqual(describeFrames(server.takeWritten()), ['GOAWAY last 7 ENHANCE_YOUR_CALM'])
  server.connection.receive(Buffer.concat([upload(4), dataFrame(9, 'x'), upload(5), rstStreamFrame(11)]))
  assert.equal(server.accepted.length, 4)
  const [stream] = server.accepted
  assert.ok(stream)
  server.connection.receive(dataFrame(1, 'body', { isEnd: true }))
  stream.sendHead([':status', '200'], true)
  assert.deepEqual(describeFrames(server.takeWritten()), ['HEADERS 1 END_STREAM'])
  assert.equal(server.connection.streamCount, 0)
  assert.equal(server.fatal, undefined)
})

test('a client that goes on after GOAWAY is cut off', () => {
  const server = openServer({ budgets: { 'early-resets': { burst: 1, perSecond: 0 } } })
  const flood = (i: number) => Buffer.concat([upload(i), rstStreamFrame(id(i))])
  assert.equal(countUntilEnd(server, flood), 1)
  server.retired.length = 0
  const more = countUntilEnd(server, i => flood(2 + i))
  assert.ok(more > 400 && more < 1_100, String(more))
  assert.equal(server.fatal?.reason, 'control-frames')
})

test('resets of requests whose answer has begun do not count, but an interim answer is none', () => {
  const limits: FloodLimits = { 'early-resets': { burst: 10, perSecond: 0 } }
  const answered = openServer({ budgets: limits })
  answered.onStream = stream => {
    stream.onEvent = () => {
      if (stream.resets.length === 0) stream.sendHead([':status', '200'], false)
    }
  }
  const flood = (i: number) => Buffer.concat([upload(i), rstStreamFrame(id(i))])
  assert.equal(countUntilEnd(answered, flood, 100), 100)

  const expecting = openServer({ budgets: limits })
  expecting.onStream = stream => {
    stream.onEvent = () => {
      if (stream.resets.length === 0) stream.sendHead([':status', '100'], false)
    }
  }
  assert.equal(countUntilEnd(expecting, flood, 100), 10)
})

test('a limit of 0 is off', () => {
  const server = openServer({ budgets: { 'early-resets': { burst: 0, perSecond: 0 } } })
  assert.equal(
    countUntilEnd(server, i => Buffer.concat([upload(i), rstStreamFrame(id(i))]), 3_000),
    3_000,
  )
})

test('a client that is served may send a PING and ten WINDOW_UPDATE for each frame that it receives', () => {
  const server = openServer()
  server.onStream = stream => {
    stream.onEvent = () => {
      stream.sendHead([':status', '200'], false)
      stream.sendData('hello', false)
      stream.sendHead(['grpc-status', '0'], true)
    }
  }
  const updates = Array.from({ length: 20 }, () => windowUpdateFrame(0, 1))
  const call = (i: number) =>
    Buffer.concat([headersFrame(id(i), requestLines()), pingFrame(), pingFrame(), ...updates])
  assert.equal(countUntilEnd(server, call, 3_000), 3_000)
})

test('a client that sends RST_STREAM for each stream that has just ended is no flood', () => {
  const server = openServer()
  server.onStream = stream => {
    stream.onEvent = () => stream.sendHead([':status', '204'], true)
  }
  const call = (i: number) =>
    Buffer.concat([headersFrame(id(i), requestLines()), rstStreamFrame(id(i), ERROR.noError)])
  assert.equal(countUntilEnd(server, call, 3_000), 3_000)
})

const hostileNode: Readonly<Record<string, { frames: (i: number) => Buffer; reason: FatalReason }>> = {
  PING: { frames: () => pingFrame(), reason: 'control-frames' },
  SETTINGS: { frames: () => settingsFrame(), reason: 'control-frames' },
  'empty DATA': { frames: () => dataFrame(1), reason: 'control-frames' },
  WINDOW_UPDATE: { frames: () => windowUpdateFrame(0, 1), reason: 'window-updates' },
  GOAWAY: {
    frames: () => rawFrame(FRAME.goaway, 0, 0, Buffer.from([0, 0, 0, 9, 0, 0, 0, 0])),
    reason: 'control-frames',
  },
}

for (const [name, { frames, reason }] of Object.entries(hostileNode)) {
  test(`a flood of a node ends its connection: ${name}`, () => {
    const client = openClient()
    client.request([], false)
    client.request()
    client.connection.receive(headersFrame(1, [':status', '200'], { isEnd: false }))
    const accepted = countUntilEnd(client, frames)
    assert.ok(accepted >= 990 && accepted <= 1_020, String(accepted))
    assert.equal(client.fatal?.reason, reason)
  })
}

test('a node that breaks the protocol on one stream after another gets no more of them, and the others go on', () => {
  const client = openClient()
  const other = client.request()
  const streams: NotingStream[] = []
  const accepted = countUntilEnd(client, i => {
    streams.push(client.request())
    client.takeWritten()
    return dataFrame(id(i + 1), 'x')
  })
  assert.equal(accepted, 100)
  assert.equal(client.fatal, undefined)
  assert.deepEqual(client.retired, ['caused-resets'])
  assert.equal(client.connection.canOpen, false)
  client.connection.receive(headersFrame(1, [':status', '204']))
  assert.equal(other.isEnded, true)
  assert.equal(client.connection.streamCount, 0)
  assert.deepEqual(streams[0]!.resets, [
    { code: ERROR.protocolError, by: 'us', reason: 'DATA before a head' },
  ])
})

test('a request may have as many interim answers as over HTTP/1, and they do not count for the others', () => {
  const client = openClient()
  const streams = [client.request(), client.request()]
  client.takeWritten()
  const interim = (stream: number) => headersFrame(stream, [':status', '103'], { isEnd: false })
  for (let i = 0; i < 33; i++) client.connection.receive(interim(1))
  for (let i = 0; i < 32; i++) client.connection.receive(interim(3))
  assert.deepEqual(describeFrames(client.takeWritten()), ['RST_STREAM 1 ENHANCE_YOUR_CALM'])
  assert.deepEqual(
    streams.map(({ heads }) => heads.length),
    [32, 32],
  )
  client.connection.receive(headersFrame(3, [':status', '204']))
  assert.equal(streams[1]!.isEnded, true)
})

test('a node whose heads are too large again and again gets no more calls, and the others go on', () => {
  const client = openClient()
  const other = client.request()
  const head = [':status', '200', 'x-large', 'x'.repeat(16_000), 'x-larger', 'x'.repeat(300)]
  const accepted = countUntilEnd(client, i => {
    client.request()
    client.takeWritten()
    return headersFrame(id(i + 1), head)
  })
  assert.equal(accepted, 20)
  assert.deepEqual(client.retired, ['large-heads'])
  client.connection.receive(headersFrame(1, [':status', '204']))
  assert.equal(other.isEnded, true)
})

test('interim answers that a client does not read are dropped beyond a few', () => {
  const server = openServer()
  server.connection.receive(headersFrame(1, requestLines()))
  const [stream] = server.accepted
  server.isWritable = false
  server.connection.receive(pingFrame())
  server.takeWritten()
  for (let i = 0; i < 1_000; i++) stream!.sendHead([':status', '103', 'link', '</a>'], false)
  assert.equal(stream!.waiting?.length, 8)
  stream!.sendHead([':status', '200'], true)
  server.isWritable = true
  server.connection.drained()
  const said = describeFrames(server.takeWritten())
  assert.equal(said.length, 9)
  assert.equal(said.at(-1), 'HEADERS 1 END_STREAM')
})

test('a client that reads no answers to its PINGs is ended, and what waits is bounded', () => {
  const server = openServer({ budgets: { 'control-frames': { burst: 0, perSecond: 0 } } })
  server.isWritable = false
  server.connection.receive(pingFrame())
  server.takeWritten()
  const accepted = countUntilEnd(server, () => pingFrame())
  assert.equal(accepted, 1_000)
  assert.equal(server.fatal?.reason, 'unread-frames')
})

test('a client that reads nothing is refused more than its streams, whatever waits on them', () => {
  const server = openServer()
  server.isWritable = false
  server.connection.receive(pingFrame())
  server.takeWritten()
  server.onStream = stream => {
    stream.onEvent = () => {
      stream.onEvent = undefined
      stream.sendHead([':status', '200', 'x-large', 'x'.repeat(4_000)], true)
    }
  }
  const accepted = countUntilEnd(server, i => headersFrame(id(i), requestLines()))
  assert.equal(accepted, 200)
  assert.equal(server.fatal?.reason, 'refused-streams')
  assert.equal(server.accepted.length, 100)
  assert.equal(server.writes, 3, 'SETTINGS, the answer to the PING, and GOAWAY with what the client caused')
})

test('a slow client that gives back its window piece by piece is no flood, and neither is what it makes wait', () => {
  const server = openServer()
  server.connection.receive(windowUpdateFrame(0, 10_000_000))
  server.connection.receive(settingsFrame([SETTING.initialWindowSize, 10_000_000]))
  const streams = Array.from({ length: 100 }, (_, i) => {
    server.connection.receive(headersFrame(id(i), requestLines()))
    const stream = server.accepted.at(-1)!
    stream.sendHead([':status', '200'], false)
    stream.sendData(Buffer.alloc(20_000), false)
    return stream
  })
  server.takeWritten()
  server.isWritable = false
  server.connection.receive(pingFrame())
  server.takeWritten()
  for (let i = 0; i < 1_500; i++) server.connection.receive(windowUpdateFrame(id(i % 100), 10))
  for (let i = 0; i < 20; i++) for (const stream of streams) stream.sendData('x', false)
  server.takeWritten()
  assert.equal(server.fatal, undefined)
})

test('heads that make more than a megabyte in one turn are written', () => {
  const server = openServer()
  for (let i = 0; i < 100; i++) {
    server.connection.receive(headersFrame(id(i), requestLines()))
    server.accepted.at(-1)!.sendHead([':status', '200', 'x-large', 'x'.repeat(15_000)], true)
  }
  assert.ok(server.takeWritten().length > 1_048_576)
  assert.equal(server.fatal, undefined)
})
