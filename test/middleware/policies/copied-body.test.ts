import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BodySink } from '../../../internal/upstream.ts'
import { CopiedBody, type CopyResult } from '../../../middleware/policies/copied-body.ts'
import { FakeBody } from '../../support/bodies.ts'

/** A body that is copied on its way to a sink, which notes what it gets. */
function open(maxBytes = 100, totalBytes = 100) {
  const memory = { bytes: 0, maxBytes: totalBytes }
  const source = new FakeBody()
  const copied = new CopiedBody(source, maxBytes, memory)
  const results: CopyResult[] = []
  copied.whenOver(result => results.push(result))
  let got = ''
  const sink: BodySink = {
    onData: chunk => {
      got += chunk
    },
    onEnd: () => {
      got += '.'
    },
    onError: () => {
      got += '!'
    },
  }
  return { memory, source, copied, results, sink, got: () => got }
}

test('a body is copied while it passes, and its memory is free when it is let go', () => {
  const { memory, source, copied, results, sink, got } = open()
  const flow = copied.open(sink)
  flow.resume()
  source.send('ab')
  source.send('c')
  assert.deepEqual([memory.bytes, results], [3, []])
  source.end()
  assert.deepEqual([results, got()], [['whole'], 'abc.'])
  assert.equal(copied.take().toString(), 'abc')
  assert.equal(memory.bytes, 3)
  copied.letGo()
  copied.letGo()
  assert.equal(memory.bytes, 0)
})

test('a body that is too long, or finds no memory, passes all the same', () => {
  for (const [maxBytes, totalBytes, expected] of [
    [3, 100, 'too-large'],
    [100, 3, 'no-memory'],
  ] as const) {
    const { memory, source, copied, results, sink, got } = open(maxBytes, totalBytes)
    copied.open(sink).resume()
    for (const text of ['ab', 'cd', 'ef']) source.send(text)
    assert.deepEqual([results, memory.bytes], [[expected], 0])
    source.end()
    assert.deepEqual([results, got()], [[expected], 'abcdef.'])
  }
})

test('a try that is given up keeps nothing, and the next one begins anew', () => {
  const { memory, source, copied, results, sink } = open()
  const first = copied.open(sink)
  first.resume()
  source.send('ab')
  first.stop()
  assert.equal(memory.bytes, 0)
  copied.open(sink).resume()
  source.send('abc')
  source.end()
  assert.deepEqual([results, copied.take().toString()], [['whole'], 'abc'])
})

test('a client that leaves in its body leaves no copy', () => {
  const { memory, source, copied, results, sink, got } = open()
  copied.open(sink).resume()
  source.send('ab')
  source.fail(new Error('gone'))
  assert.deepEqual([results, memory.bytes, got()], [[], 0, 'ab!'])
})
