import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClientRequest } from '../../../../internal/http/client-exchange.ts'
import { GatewayError } from '../../../../internal/http/errors.ts'
import type { RequestBodyOptions } from '../../../../internal/policy.ts'
import type { BodyFlow, BodySink } from '../../../../internal/upstream.ts'
import { UpstreamFailure } from '../../../../internal/upstream-failure.ts'
import { IncomingBody } from '../../../../routes/public/http2/incoming-body.ts'
import { http2Bodies } from '../../../../routes/public/http2/stream-body.ts'

/** A body of a client, what its stream is told, and what a try gets of it. */
function setUp(length = -1, options: Partial<RequestBodyOptions> = {}) {
  const stream = { held: 0, givenBack: 0 }
  const incoming = new IncomingBody(length, {
    hold(bytes) {
      stream.held += bytes
    },
    giveBack(bytes) {
      stream.givenBack += bytes
    },
  })
  const body = http2Bodies.open({ incoming } as unknown as ClientRequest, {
    maxBytes: 0,
    onPiece: () => {},
    ...options,
  })
  const got = { pieces: [] as string[], ends: 0, errors: [] as Error[] }
  const sink: BodySink = {
    onData: chunk => got.pieces.push(chunk.toString('latin1')),
    onEnd: () => got.ends++,
    onError: error => got.errors.push(error),
  }
  const arrive = (text: string, isEnd = false) => {
    // Bytes are valid only while they are added.
    const bytes = Buffer.from(`<${text}>`, 'latin1')
    incoming.add(bytes, 1, bytes.length - 1)
    bytes.fill('!')
    if (isEnd) incoming.isWhole = true
  }
  return { stream, incoming, body, got, sink, arrive }
}

test('nothing is read before a try takes the first byte, and then all that is there', () => {
  let asked = 0
  const { stream, incoming, body, got, sink, arrive } = setUp(-1, { sendContinue: () => asked++ })
  arrive('early ')
  arrive('bird')
  incoming.pass()
  body.open(sink).stop()
  assert.deepEqual(
    [body.begun, body.awaitsContinue, asked, stream.held, got.pieces],
    [false, true, 0, 10, []],
  )
  body.open(sink).resume()
  assert.deepEqual([body.begun, body.awaitsContinue, asked, stream.held], [true, false, 1, 0])
  assert.equal(got.pieces.join(''), 'early bird')
  assert.equal(stream.givenBack, 10)
  incoming.isWhole = true
  incoming.pass()
  assert.equal(got.ends, 1)
})

test('pieces of one byte are joined, in order, beside large ones', () => {
  const { body, incoming, got, sink, arrive, stream } = setUp()
  body.open(sink).resume()
  let sent = ''
  for (let i = 0; i < 20_000; i++) {
    const piece = i % 5_000 === 0 ? String(i % 7).repeat(2_000) : String(i % 10)
    sent += piece
    arrive(piece)
  }
  incoming.isWhole = true
  incoming.pass()
  assert.equal(got.pieces.join(''), sent)
  assert.ok(got.pieces.length < 20, `${got.pieces.length}`)
  assert.deepEqual([stream.held, stream.givenBack, got.ends], [0, sent.length, 1])
})

test('the client gets its window back when the try goes on, not when it asks for a pause', () => {
  const { body, incoming, got, stream, arrive } = setUp()
  let flow: BodyFlow | undefined
  const sink: BodySink = {
    onData(chunk) {
      got.pieces.push(String(chunk))
      flow!.pause()
    },
    onEnd: () => got.ends++,
    onError: () => {},
  }
  flow = body.open(sink)
  flow.resume()
  arrive('a'.repeat(2_000))
  arrive('b'.repeat(2_000))
  incoming.pass()
  assert.deepEqual([got.pieces.length, stream.givenBack, stream.held], [1, 0, 2_000])
  flow.resume()
  assert.deepEqual([got.pieces.length, stream.givenBack, stream.held], [2, 2_000, 0])
  incoming.isWhole = true
  incoming.pass()
  assert.deepEqual([got.ends, stream.givenBack], [1, 4_000])
})

test('a try that resumes while it gets a piece gets each piece once', () => {
  const { body, incoming, got, arrive } = setUp()
  let flow: BodyFlow | undefined
  flow = body.open({
    onData(chunk) {
      got.pieces.push(String(chunk).slice(0, 1))
      flow!.pause()
      flow!.resume()
    },
    onEnd: () => got.ends++,
    onError: () => {},
  })
  flow.resume()
  for (const letter of 'abcdef') arrive(letter.repeat(2_000))
  incoming.isWhole = true
  incoming.pass()
  assert.deepEqual([got.pieces.join(''), got.ends], ['abcdef', 1])
})

test('what looks like the last piece is held until the client says that it is', () => {
  const { body, incoming, got, sink, arrive } = setUp(4_000, { length: 4_000 })
  body.open(sink).resume()
  arrive('a'.repeat(2_000))
  arrive('b'.repeat(2_000))
  incoming.pass()
  assert.deepEqual([got.pieces.length, got.ends], [1, 0])
  incoming.isWhole = true
  incoming.pass()
  assert.deepEqual([got.pieces.length, got.ends], [2, 1])
})

test('a body that is too large ends with its error, and the rest of it is discarded', () => {
  const { body, incoming, got, sink, arrive, stream } = setUp(-1, { maxBytes: 5 })
  body.open(sink).resume()
  arrive('123456')
  incoming.pass()
  arrive('7'.repeat(2_000))
  incoming.pass()
  assert.deepEqual([got.pieces, got.ends, stream.held, stream.givenBack], [[], 0, 0, 2_006])
  assert.ok(got.errors[0] instanceof GatewayError)
})

test('a client that leaves ends the try, and one that begins later', () => {
  const { body, incoming, got, sink, arrive, stream } = setUp()
  const first = body.open(sink)
  first.resume()
  arrive('half')
  incoming.fail(new UpstreamFailure('aborted'))
  incoming.fail(new UpstreamFailure('aborted'))
  assert.deepEqual([got.errors.length, stream.held], [1, 0])
  first.stop()
  body.open(sink).resume()
  assert.equal((got.errors[1] as UpstreamFailure).kind, 'aborted')
})

test('a discarded body gives every byte back', () => {
  const { incoming, stream, arrive } = setUp()
  arrive('some')
  http2Bodies.discard({ incoming } as unknown as ClientRequest, () => {})
  arrive('more')
  assert.deepEqual([stream.held, stream.givenBack], [0, 8])
})

test('a short piece takes no more memory than its bytes', () => {
  const { incoming, body, arrive } = setUp()
  const pieces: Buffer[] = []
  body.open({ onData: piece => void pieces.push(piece), onEnd() {}, onError() {} }).resume()
  for (let i = 0; i < 100; i++) {
    arrive('a')
    arrive('b')
    incoming.pass()
  }
  const buffers = new Set(pieces.map(({ buffer }) => buffer))
  const bytes = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0)
  assert.ok(bytes <= 4 * Buffer.poolSize, `${bytes}`)
})

test('short pieces that wait keep no memory that they share with others', () => {
  const { incoming, body, arrive } = setUp(4)
  const kept: number[] = []
  const sink: BodySink = { onData: ({ buffer }) => kept.push(buffer.byteLength), onEnd() {}, onError() {} }
  arrive('ab')
  incoming.pass()
  body.open(sink).resume()
  arrive('cd')
  incoming.pass()
  incoming.isWhole = true
  incoming.pass()
  assert.deepEqual(kept, [2, 2])
})

test('a piece that waits is looked at once, however many come behind it', t => {
  const { incoming, arrive } = setUp()
  const ofArrays = Object.getPrototypeOf(Uint8Array.prototype)
  const { get } = Object.getOwnPropertyDescriptor(ofArrays, 'buffer')!
  const looks = t.mock.getter(ofArrays, 'buffer', function (this: Buffer) {
    return get!.call(this)
  })
  for (let i = 0; i < 100; i++) {
    arrive('x'.repeat(2_000))
    incoming.pass()
    arrive('y')
    incoming.pass()
  }
  looks.mock.restore()
  assert.ok(looks.mock.callCount() <= 1_000, `${looks.mock.callCount()}`)
})
