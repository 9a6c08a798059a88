import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import type { BodyFlow, UpstreamRequest, UpstreamResponse } from '../../../internal/upstream.ts'
import { KeptBody } from '../../../wrappers/retry/kept-body.ts'
import { createRetry } from '../../../wrappers/retry/retry.ts'
import { FakeBody } from '../../support/bodies.ts'
import { testRequest, testRoute } from '../../support/route.ts'

function keep(maxBytes = 10, memory = { bytes: 0, maxBytes: 1_000 }) {
  const source = new FakeBody()
  return { source, memory, kept: new KeptBody(source, maxBytes, memory) }
}

/** Opens a flow of a body, and notes what it delivers. */
function take(kept: KeptBody) {
  const got: string[] = []
  const flow: BodyFlow = kept.open({
    onData: chunk => void got.push(chunk.toString()),
    onEnd: () => void got.push('end'),
    onError: error => void got.push(error.message),
  })
  return { got, flow }
}

test('a try that would begin behind the beginning of a body that was let go fails, and the other gets all of it', () => {
  const { source, kept } = keep(3)
  const other = take(kept)
  other.flow.resume()
  source.send('ab')
  source.send('cd')
  const late = take(kept)
  late.flow.resume()
  source.send('ef')
  source.end()
  assert.deepEqual(other.got, ['ab', 'cd', 'ef', 'end'])
  assert.deepEqual(late.got, ['the beginning of the body is no longer kept'])
})

test('a body that comes in many short chunks keeps no memory that they share with others', () => {
  const { source, kept } = keep(100)
  const chunks: Buffer[] = []
  const flow = kept.open({ onData: chunk => void chunks.push(chunk), onEnd() {}, onError() {} })
  flow.resume()
  for (const text of ['a', 'b', 'c']) source.send(text)
  assert.equal(String(Buffer.concat(chunks)), 'abc')
  assert.deepEqual(
    chunks.map(({ buffer }) => buffer.byteLength),
    [1, 1, 1],
  )
})

test('every try gets the body from its beginning, and nothing is read before one wants it', () => {
  const { source, kept } = keep()
  const first = take(kept)
  assert.equal(source.begun, false)
  first.flow.resume()
  source.send('ab')
  first.flow.stop()
  assert.deepEqual([source.isPaused, source.isStopped, kept.begun], [true, false, false])
  const second = take(kept)
  assert.deepEqual(second.got, [])
  second.flow.resume()
  assert.equal(source.isPaused, false)
  source.send('cd')
  source.end()
  const third = take(kept)
  third.flow.resume()
  assert.deepEqual([first.got, second.got, third.got], [['ab'], ['ab', 'cd', 'end'], ['ab', 'cd', 'end']])
})

test('a body that grows too long is let go, and the try that has it gets the rest', () => {
  const { source, kept, memory } = keep()
  const { got, flow } = take(kept)
  flow.resume()
  source.send('12345')
  assert.deepEqual([memory.bytes, kept.begun], [5, false])
  source.send('123456')
  assert.deepEqual([memory.bytes, kept.begun, kept.chunk(0), kept.chunk(1)], [0, true, undefined, undefined])
  flow.pause()
  assert.equal(source.isPaused, true)
  flow.resume()
  source.send('more')
  source.end()
  assert.deepEqual(got, ['12345', '123456', 'more', 'end'])
})

test('a body in many small chunks is let go, because chunks take memory too', () => {
  const { source, kept, memory } = keep(10_000, { bytes: 0, maxBytes: 10_000 })
  const { got, flow } = take(kept)
  flow.resume()
  for (let i = 0; i < 512; i++) source.send('x')
  assert.deepEqual([memory.bytes, kept.begun], [512, false])
  source.send('x')
  assert.deepEqual([memory.bytes, kept.begun, got.length], [0, true, 513])
})

test('a paused try gets nothing, holds the client back, and keeps what it has yet to send', () => {
  const { source, kept } = keep(3)
  const { got, flow } = take(kept)
  flow.resume()
  flow.pause()
  source.send('late')
  assert.deepEqual([got, source.isPaused, kept.begun, kept.chunk(0)?.toString()], [[], true, true, 'late'])
  flow.resume()
  assert.deepEqual([got, source.isPaused, kept.chunk(0)], [['late'], false, undefined])
})

test('two tries at once both get all of it, at the pace of the slower one', () => {
  const { source, kept } = keep(3)
  const [a, b] = [take(kept), take(kept)]
  a.flow.resume()
  assert.equal(source.begun, false)
  b.flow.resume()
  source.send('ab')
  b.flow.pause()
  assert.equal(source.isPaused, true)
  source.send('cd')
  assert.deepEqual([kept.begun, a.got, b.got], [true, ['ab', 'cd'], ['ab']])
  b.flow.stop()
  assert.equal(source.isPaused, false)
  source.send('ef')
  source.end()
  assert.deepEqual([a.got, b.got], [['ab', 'cd', 'ef', 'end'], ['ab']])
})

test('the rest is discarded when nobody will send it any more', () => {
  const given = keep()
  const { flow } = take(given.kept)
  flow.resume()
  given.source.send('ab')
  flow.stop()
  assert.equal(given.source.isStopped, false)
  given.kept.letGo()
  assert.deepEqual([given.source.isStopped, given.memory.bytes], [true, 0])

  const long = keep(1)
  const only = take(long.kept)
  only.flow.resume()
  long.source.send('ab')
  only.flow.stop()
  assert.equal(long.source.isStopped, true)
})

test('a client that breaks off ends every try, also one that begins afterwards', () => {
  const { source, kept } = keep()
  const first = take(kept)
  first.flow.resume()
  source.send('ab')
  source.fail(new Error('left'))
  const second = take(kept)
  second.flow.resume()
  assert.deepEqual(
    [first.got, second.got],
    [
      ['ab', 'left'],
      ['ab', 'left'],
    ],
  )
})

const ANSWER: UpstreamResponse = { status: 200, headers: [], sendBody: () => {}, discard: () => {} }

test('no more than 32 MiB of bodies are kept at a time, and what counts is what has come', async () => {
  const piece = Buffer.alloc(1_048_576)
  const route = testRoute({ retryBufferBytes: piece.length })
  const requests: UpstreamRequest[] = []
  const answer = Promise.withResolvers<UpstreamResponse>()
  const upstream = createRetry()(request => {
    requests.push(request)
    const { body } = request
    const flow = body!.open({ onData: () => flow.pause(), onEnd: () => {}, onError: () => {} })
    flow.resume()
    return answer.promise
  })
  const ask = (body: FakeBody) =>
    upstream(testRequest({ method: 'PUT', route, body }), new Call('id', 'PUT', '/', 0))
  const bodies = Array.from({ length: 40 }, (_, i) => new FakeBody(i % 2 === 0 ? piece.length : undefined))
  const answers = bodies.map(ask)
  // None of it has come, so all of them may be kept.
  assert.ok(requests.every(({ body }) => body instanceof KeptBody))
  for (const body of bodies) body.send(piece)
  assert.equal(requests.filter(({ body }) => !body!.begun).length, 32)
  const refused = new FakeBody()
  answers.push(ask(refused))
  assert.equal(requests.at(-1)!.body, refused)
  answer.resolve(ANSWER)
  await Promise.all(answers)
  await ask(new FakeBody())
  assert.ok(requests.at(-1)!.body instanceof KeptBody)
})
