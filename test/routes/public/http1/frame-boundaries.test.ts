import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameBoundaries } from '../../../../routes/public/http1/frame-boundaries.ts'
import { clientFrame, frameHead, OPCODE } from '../../../support/websocket.ts'

const SIZES = [0, 1, 125, 126, 127, 128, 65_535, 65_536, 70_000]
const FRAMES = SIZES.flatMap(size => [
  clientFrame(OPCODE.binary, Buffer.alloc(size, 0x88)),
  Buffer.concat([frameHead(OPCODE.text, size), Buffer.alloc(size, 0x88)]),
])
const ALL = Buffer.concat(FRAMES)

test('the end of each frame is found, whatever its length, masked or not', () => {
  const frames = new FrameBoundaries()
  let at = 0
  for (const frame of FRAMES) {
    assert.ok(frames.isBetween)
    assert.equal(frames.readToBoundary(ALL.subarray(at)), 0)
    frames.read(ALL.subarray(at, at + 1))
    assert.ok(!frames.isBetween)
    assert.equal(frames.readToBoundary(ALL.subarray(at + 1)), frame.length - 1)
    at += frame.length
  }
  assert.equal(at, ALL.length)
  assert.ok(frames.isBetween && !frames.hasClosed)
})

test('it does not matter how frames are cut', () => {
  const ends = new Set<number>()
  let end = 0
  for (const frame of FRAMES) {
    end += frame.length
    ends.add(end)
  }
  for (const size of [1, 2, 3, 7, 1_000]) {
    const frames = new FrameBoundaries()
    for (let at = 0; at < ALL.length; at += size) {
      frames.read(ALL.subarray(at, at + size))
      assert.equal(frames.isBetween, ends.has(Math.min(at + size, ALL.length)), `${size} at ${at}`)
    }
  }
})

test('a close frame counts once it has passed whole', () => {
  for (const close of [
    clientFrame(OPCODE.close),
    clientFrame(OPCODE.close, Buffer.from([3, 232])),
    Buffer.from('88020fa3', 'hex'),
    Buffer.from('8800', 'hex'),
  ]) {
    const frames = new FrameBoundaries()
    frames.read(clientFrame(OPCODE.text, '\x08'))
    for (const byte of close) {
      assert.equal(frames.hasClosed, false)
      frames.read(Buffer.from([byte]))
    }
    assert.equal(frames.hasClosed, true)
    frames.read(clientFrame(OPCODE.text, 'late'))
    assert.equal(frames.hasClosed, true)
  }
})
