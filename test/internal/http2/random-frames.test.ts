import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FLAG, FRAME, SETTING } from '../../../internal/http2/frames.ts'
import { Endpoint, type NotingStream } from '../../support/http2-pair.ts'
import { seededRandom } from '../../support/random.ts'
import {
  dataFrame,
  describeFrame,
  describeFrames,
  goawayFrame,
  headersFrame,
  PREFACE,
  pingFrame,
  priorityFrame,
  type RawFrame,
  rawFrame,
  requestLines,
  rstStreamFrame,
  SETTINGS_ACK,
  settingsFrame,
  splitFrames,
  windowUpdateFrame,
} from '../../support/raw-http2.ts'

const WINDOW = 65_535
const STREAMS = 20
/** Budgets have tests of their own. */
const NO_LIMIT = { burst: 0, perSecond: 0 }
const BUDGETS = {
  'early-resets': NO_LIMIT,
  'caused-resets': NO_LIMIT,
  'refused-streams': NO_LIMIT,
  'large-heads': NO_LIMIT,
  'control-frames': NO_LIMIT,
  'window-updates': NO_LIMIT,
}

/** A stream as a client sees it. */
interface ModelStream {
  /** What the server may send. */
  sendWindow: number
  /** What the client may send. */
  receiveWindow: number
  hasHead: boolean
  hasServerEnded: boolean
  hasClientEnded: boolean
  /** By the server. */
  isReset: boolean
  /** By the client, while frames of the server may be on their way. */
  isGivenUp: boolean
}

/** A client that keeps account of all windows and states, and checks that what the server sends is allowed. */
class ModelClient {
  readonly streams = new Map<number, ModelStream>()
  readonly server: Endpoint
  initialWindow = WINDOW
  sendWindow = WINDOW
  receiveWindow = WINDOW
  nextId = 1
  /** Bytes of DATA that were sent and received. */
  sent = 0
  received = 0

  constructor() {
    this.server = new Endpoint('server', { maxConcurrentStreams: STREAMS, budgets: BUDGETS })
    this.server.connection.receive(Buffer.concat([PREFACE, settingsFrame(), SETTINGS_ACK]))
  }

  open(): number {
    const id = this.nextId
    this.nextId += 2
    this.streams.set(id, {
      sendWindow: this.initialWindow,
      receiveWindow: WINDOW,
      hasHead: false,
      hasServerEnded: false,
      hasClientEnded: false,
      isReset: false,
      isGivenUp: false,
    })
    return id
  }

  setInitialWindow(bytes: number): void {
    for (const stream of this.streams.values()) stream.sendWindow += bytes - this.initialWindow
    this.initialWindow = bytes
  }

  /** Reads all that the server has written. */
  read(): void {
    for (const frame of splitFrames(this.server.takeWritten()).frames) this.#check(frame)
  }

  #check(frame: RawFrame): void {
    const said = describeFrame(frame)
    const { type, flags, streamId, payload } = frame
    assert.ok(payload.length <= 16_384, said)
    if (streamId === 0) {
      if (type === FRAME.windowUpdate) this.receiveWindow += payload.readUInt32BE(0)
      assert.ok(this.receiveWindow <= WINDOW, 'no more comes back than was sent')
      return
    }
    const stream = this.streams.get(streamId)
    assert.ok(stream, `${said}: a stream that was opened`)
    if (type === FRAME.rstStream) {
      assert.ok(!stream.isReset, `${said}: reset once`)
      stream.isReset = true
      return
    }
    assert.ok(!stream.isReset, `${said}: nothing behind RST_STREAM`)
    if (type === FRAME.windowUpdate) {
      stream.receiveWindow += payload.readUInt32BE(0)
      assert.ok(stream.receiveWindow <= WINDOW, said)
      return
    }
    assert.ok(!stream.hasServerEnded, `${said}: nothing behind the end`)
    if (type === FRAME.headers) stream.hasHead = true
    else {
      assert.equal(type, FRAME.data, said)
      assert.ok(stream.hasHead, `${said}: behind a head`)
      this.received += payload.length
      stream.sendWindow -= payload.length
      this.sendWindow -= payload.length
      if (payload.length > 0)
        assert.ok(stream.sendWindow >= 0 && this.sendWindow >= 0, `${said}: within windows`)
    }
    if (flags & FLAG.endStream) stream.hasServerEnded = true
  }
}

/** What the server does with a stream: something, whenever it is asked. */
function act(stream: NotingStream, random: () => number): void {
  if (stream.isOver) return
  const dice = random()
  const size = Math.floor(random() ** 4 * 60_000)
  if (!stream.hasSentHead) stream.sendHead([':status', '200', 'x-field', 'v'.repeat(size % 100)], dice < 0.05)
  else if (dice < 0.5 && stream.queuedBytes === 0) stream.sendData(Buffer.alloc(size), dice < 0.1)
  else if (dice < 0.55) stream.sendTrailers(['grpc-status', '0'])
  else if (dice < 0.6) stream.reset(8)
  else stream.consume(Math.floor(random() * 20_000))
}

for (let seed = 1; seed <= 30; seed++) {
  test(`what a server sends keeps to all windows and states, and all it held comes back: seed ${seed}`, () => {
    const random = seededRandom(seed)
    const upTo = (most: number) => Math.floor(random() * (most + 1))
    const client = new ModelClient()
    const { server } = client
    server.onStream = stream => {
      stream.consumes = random() < 0.5
    }
    client.read()
    for (let step = 0; step < 1_500; step++) {
      const frames: Buffer[] = []
      for (let i = upTo(4); i > 0; i--) {
        const ids = [...client.streams.keys()]
        const id = ids[upTo(ids.length - 1)]
        const stream = id === undefined ? undefined : client.streams.get(id)
        const dice = random()
        if (dice < 0.15 || id === undefined || stream === undefined) {
          const isEnd = random() < 0.5
          const opened = client.open()
          client.streams.get(opened)!.hasClientEnded = isEnd
          frames.push(headersFrame(opened, requestLines([], 'POST'), { isEnd }))
        } else if (dice < 0.45) {
          if (stream.hasClientEnded || stream.isReset) continue
          const size = Math.max(0, Math.min(upTo(16_000), stream.receiveWindow, client.receiveWindow))
          const isEnd = random() < 0.1
          stream.receiveWindow -= size
          client.receiveWindow -= size
          client.sent += size
          stream.hasClientEnded = isEnd
          frames.push(dataFrame(id, Buffer.alloc(size), { isEnd }))
        } else if (dice < 0.65) {
          const increment = 1 + upTo(30_000)
          stream.sendWindow += increment
          frames.push(windowUpdateFrame(id, increment))
        } else if (dice < 0.85) {
          const increment = 1 + upTo(30_000)
          client.sendWindow += increment
          frames.push(windowUpdateFrame(0, increment))
        } else if (dice < 0.88) {
          const size = upTo(100_000)
          client.setInitialWindow(size)
          frames.push(settingsFrame([SETTING.initialWindowSize, size]))
        } else if (dice < 0.9 && !stream.isReset && !stream.isGivenUp) {
          stream.hasClientEnded = stream.isGivenUp = true
          frames.push(rstStreamFrame(id))
        } else frames.push(random() < 0.5 ? pingFrame() : priorityFrame(id, 0))
      }
      let bytes = Buffer.concat(frames)
      while (bytes.length > 0) {
        const size = 1 + upTo(bytes.length)
        server.connection.receive(bytes.subarray(0, size))
        bytes = bytes.subarray(size)
      }
      for (const stream of server.accepted) if (random() < 0.3) act(stream, random)
      if (random() < 0.05) server.isWritable = !server.isWritable
      if (server.isWritable && server.connection.isBlocked) server.connection.drained()
      client.read()
      assert.equal(server.fatal, undefined)
      assert.ok(server.connection.streamCount <= STREAMS)
      assert.ok(server.connection.heldBytes <= WINDOW)
    }
    server.isWritable = true
    server.connection.drained()
    for (const stream of server.accepted) stream.reset(8)
    client.read()
    assert.equal(server.connection.streamCount, 0)
    assert.equal(server.connection.heldBytes, 0)
    assert.ok(client.receiveWindow * 2 > WINDOW, 'the window of the connection has come back')
    assert.ok(client.received > 100_000 && client.sent > 100_000)
  })
}

/** Any frame, mostly with a meaning. */
function randomFrame(random: () => number): Buffer {
  const upTo = (most: number) => Math.floor(random() * (most + 1))
  const id = 2 * upTo(12) + (random() < 0.95 ? 1 : 0)
  const bytes = Buffer.from(Array.from({ length: upTo(30) }, () => upTo(255)))
  switch (upTo(11)) {
    case 0:
      return rawFrame(upTo(12), upTo(255), random() < 0.3 ? 0 : id, bytes)
    case 1:
      return rawFrame(FRAME.headers, upTo(255), id, bytes)
    case 2:
      return rawFrame(FRAME.continuation, upTo(255), id, bytes)
    case 3:
      return settingsFrame([upTo(7), random() < 0.5 ? upTo(100_000) : upTo(2 ** 32 - 1)])
    case 4:
      return windowUpdateFrame(random() < 0.3 ? 0 : id, random() < 0.9 ? upTo(100_000) : upTo(2 ** 32 - 1))
    case 5:
      return rstStreamFrame(id, upTo(14))
    case 6:
      return goawayFrame(upTo(20), upTo(14), 'text')
    case 7:
      return dataFrame(id, bytes, { isEnd: random() < 0.3, ...(random() < 0.3 && { padding: upTo(255) }) })
    case 8:
      return dataFrame(id, Buffer.alloc(upTo(16_384)))
    default:
      return headersFrame(id, random() < 0.5 ? requestLines() : [':status', '200'], { isEnd: random() < 0.3 })
  }
}

for (const role of ['server', 'client'] as const) {
  test(`no frames make a ${role} throw, hold more than its windows, or tell a stream anything behind its end`, () => {
    const reasons = new Map<string, number>()
    for (let seed = 1; seed <= 3_000; seed++) {
      const random = seededRandom(seed)
      const endpoint = new Endpoint(role)
      const streams = endpoint.accepted
      if (role === 'client') for (let i = 0; i < 8; i++) streams.push(endpoint.request([], random() < 0.5))
      const over = new Set<NotingStream>()
      const watch = (stream: NotingStream) => {
        stream.consumes = random() < 0.5
        stream.onEvent = () => {
          assert.ok(!over.has(stream), 'nothing is told behind the end')
          if (stream.resets.length > 0) over.add(stream)
          if (stream.resets.length === 0 && random() < 0.3 && role === 'server') act(stream, random)
        }
      }
      for (const stream of streams) watch(stream)
      endpoint.onStream = watch
      endpoint.connection.receive(
        role === 'server' ? Buffer.concat([PREFACE, settingsFrame()]) : settingsFrame(),
      )
      for (let i = 0; i < 40 && !endpoint.fatal; i++) {
        endpoint.connection.receive(randomFrame(random))
        assert.ok(endpoint.connection.heldBytes <= WINDOW)
        endpoint.takeWritten()
      }
      if (!endpoint.fatal) continue
      const rule = endpoint.fatal.error.message
      reasons.set(rule, (reasons.get(rule) ?? 0) + 1)
      assert.equal(endpoint.connection.isOver, true)
      endpoint.connection.closed()
      assert.equal(endpoint.connection.streamCount, 0)
      assert.equal(endpoint.connection.heldBytes, 0)
      for (const stream of streams) assert.ok(stream.resets.length <= 1)
    }
    assert.ok(reasons.size > 8, [...reasons.keys()].join('; '))
  })
}

test('the model notices what it is there for', () => {
  assert.deepEqual(describeFrames(dataFrame(1, 'x', { isEnd: true })), ['DATA 1 1 bytes END_STREAM'])
})
