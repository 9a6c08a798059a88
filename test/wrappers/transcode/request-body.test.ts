import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BodyMemory } from '../../../internal/body-memory.ts'
import { Call } from '../../../internal/call.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import type { BodySink, RequestBody } from '../../../internal/upstream.ts'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { LinesBody, readWholeBody } from '../../../wrappers/transcode/request-body.ts'

/** A body whose pieces the test sends. */
function openBody(): { body: RequestBody; sink(): BodySink } {
  let sink: BodySink | undefined
  const body: RequestBody = {
    begun: false,
    open(to) {
      sink = to
      return { isPaused: false, resume() {}, pause() {}, stop() {} }
    },
  }
  return { body, sink: () => sink! }
}

const piece = (bytes: number) => Buffer.alloc(bytes, 'x')

test('bodies that are read whole share memory, which is given back when they end, fail, or their call ends', async () => {
  const memory: BodyMemory = { bytes: 0, maxBytes: 100 }
  const read = (call = new Call('id', 'POST', '/', 0)) => {
    const { body, sink } = openBody()
    const whole = readWholeBody(body, { maxBytes: 1_000, memory, call }).catch(error => error)
    return { whole, sink }
  }
  const first = read()
  first.sink().onData(piece(60))
  const second = read()
  second.sink().onData(piece(60))
  const refused = await second.whole
  assert.equal((refused as GatewayError).code, 'WG_OVERLOADED')
  assert.deepEqual((refused as GatewayError).headers, { 'retry-after': '1' })
  assert.equal(memory.bytes, 60)
  first.sink().onEnd()
  assert.equal((await first.whole).length, 60)
  assert.equal(memory.bytes, 0)

  const left = read()
  left.sink().onData(piece(100))
  left.sink().onError(new UpstreamFailure('aborted'))
  assert.equal((await left.whole).kind, 'aborted')
  assert.equal(memory.bytes, 0)

  const call = new Call('id', 'POST', '/', 0)
  const late = read(call)
  late.sink().onData(piece(100))
  call.end(new UpstreamFailure('timeout'))
  assert.equal((await late.whole).code, 'WG_REQUEST_TIMEOUT')
  assert.equal(memory.bytes, 0)
})

test('lines share it as long as their ends have not come', () => {
  const memory: BodyMemory = { bytes: 0, maxBytes: 100 }
  const open = () => {
    const { body, sink } = openBody()
    const got: (string | Error)[] = []
    const lines = new LinesBody(body, { maxLineBytes: 1_000, memory, encode: line => line })
    const flow = lines.open({
      onData: chunk => void got.push(chunk.toString()),
      onEnd() {},
      onError: error => void got.push(error),
    })
    return { flow, got, sink: sink() }
  }
  const first = open()
  first.sink.onData(Buffer.from('one\ntw'))
  assert.equal(memory.bytes, 2)
  first.sink.onData(Buffer.from('o\n'))
  assert.deepEqual(first.got, ['one', 'two'])
  assert.equal(memory.bytes, 0)

  first.sink.onData(piece(90))
  const second = open()
  second.sink.onData(piece(11))
  const [refused] = second.got
  assert.ok(refused instanceof GatewayError && refused.code === 'WG_OVERLOADED')
  assert.equal(memory.bytes, 90)
  first.flow.stop()
  assert.equal(memory.bytes, 0)

  const third = open()
  third.sink.onData(piece(100))
  third.sink.onError(new UpstreamFailure('aborted'))
  assert.equal(memory.bytes, 0)
})
