import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameWriter } from '../../../internal/http2/frame-writer.ts'
import { ERROR, FLAG, FRAME, FrameReader, Http2Error } from '../../../internal/http2/frames.ts'

type Frame = [type: number, flags: number, streamId: number, payload: string]

function createReader(frames: Frame[], maxFrameBytes = 16_384): FrameReader {
  return new FrameReader(maxFrameBytes, (type, flags, streamId, bytes, start, end) => {
    frames.push([type, flags, streamId, bytes.toString('latin1', start, end)])
  })
}

function read(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  const reader = createReader(frames)
  reader.push(bytes)
  assert.ok(reader.isBetweenFrames)
  return frames
}

/** A stream with every kind of length, and what it says. */
function sample(): { bytes: Buffer; frames: Frame[] } {
  const writer = new FrameWriter()
  writer.settings([1, 0, 4, 0xffff_ffff])
  writer.settingsAck()
  writer.ping(Buffer.from('12345678'), 0, true)
  writer.windowUpdate(3, 0x7fff_ffff)
  writer.rstStream(0x7fff_ffff, ERROR.cancel)
  writer.data(5, '', 0, 0, true)
  writer.data(5, 'xabcx', 1, 4, false)
  writer.goaway(7, ERROR.enhanceYourCalm, 'calm')
  return {
    bytes: writer.take(),
    frames: [
      [FRAME.settings, 0, 0, '\0\x01\0\0\0\0\0\x04\xff\xff\xff\xff'],
      [FRAME.settings, FLAG.ack, 0, ''],
      [FRAME.ping, FLAG.ack, 0, '12345678'],
      [FRAME.windowUpdate, 0, 3, '\x7f\xff\xff\xff'],
      [FRAME.rstStream, 0, 0x7fff_ffff, '\0\0\0\x08'],
      [FRAME.data, FLAG.endStream, 5, ''],
      [FRAME.data, 0, 5, 'abc'],
      [FRAME.goaway, 0, 0, '\0\0\0\x07\0\0\0\x0bcalm'],
    ],
  }
}

test('frames are read as they were written', () => {
  const { bytes, frames } = sample()
  assert.deepEqual(read(bytes), frames)
})

test('frames are read alike however they are cut into pieces', () => {
  const { bytes, frames } = sample()
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      const seen: Frame[] = []
      const reader = createReader(seen)
      // Each piece is overwritten once it was read, as the buffer of a socket is.
      for (const piece of [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]) {
        const copy = Buffer.from(piece)
        reader.push(copy)
        copy.fill(0xaa)
      }
      assert.deepEqual(seen, frames)
    }
  }
  for (let size = 1; size <= 20; size++) {
    const seen: Frame[] = []
    const reader = createReader(seen)
    for (let at = 0; at < bytes.length; at += size) reader.push(Buffer.from(bytes.subarray(at, at + size)))
    assert.deepEqual(seen, frames)
    assert.ok(reader.isBetweenFrames)
  }
})

test('the reserved bit of a stream id means nothing', () => {
  assert.deepEqual(read(Buffer.from('000000000180000003', 'hex')), [[FRAME.data, FLAG.endStream, 3, '']])
})

test('types and flags that nobody knows are handed on', () => {
  assert.deepEqual(read(Buffer.from('000001fffe0000000161', 'hex')), [[0xff, 0xfe, 1, 'a']])
})

test('a frame that is too long is refused at its header, however it arrives', () => {
  for (const hex of ['004001000000000001', 'ffffff000000000001', '800000000000000000']) {
    const bytes = Buffer.from(hex, 'hex')
    for (let cut = 0; cut < bytes.length; cut++) {
      const frames: Frame[] = []
      const reader = createReader(frames)
      assert.throws(
        () => {
          reader.push(bytes.subarray(0, cut))
          reader.push(bytes.subarray(cut))
        },
        (error: unknown) =>
          error instanceof Http2Error && error.code === ERROR.frameSizeError && error.streamId === 0,
      )
      assert.deepEqual(frames, [])
    }
  }
  assert.equal(
    read(Buffer.concat([Buffer.from('004000000000000001', 'hex'), Buffer.alloc(16_384)])).length,
    1,
  )
})

test('DATA is cut into frames that every peer accepts', () => {
  const text = `${'x'.repeat(16_384)}${'y'.repeat(16_384)}z`
  for (const chunk of [text, Buffer.from(text)]) {
    const writer = new FrameWriter()
    writer.data(1, chunk, 0, text.length, true)
    assert.deepEqual(
      read(writer.take()).map(([type, flags, id, payload]) => [type, flags, id, payload.length, payload[0]]),
      [
        [FRAME.data, 0, 1, 16_384, 'x'],
        [FRAME.data, 0, 1, 16_384, 'y'],
        [FRAME.data, FLAG.endStream, 1, 1, 'z'],
      ],
    )
    writer.data(1, chunk, 0, 16_384, true)
    assert.deepEqual(
      read(writer.take()).map(frame => frame[1]),
      [FLAG.endStream],
    )
  }
})

test('text is written as latin1', () => {
  const writer = new FrameWriter()
  writer.data(1, 'a\xe9\xff\0', 0, 4, false)
  assert.equal(read(writer.take())[0]![3], 'a\xe9\xff\0')
})

test('bytes that were taken stay as they were', () => {
  const writer = new FrameWriter()
  const taken: { bytes: Buffer; copy: Buffer }[] = []
  for (let i = 0; i < 2_000; i++) {
    writer.data(
      i,
      String.fromCharCode(i & 0xff).repeat(i % 50 === 0 ? 30_000 : i % 300),
      0,
      i % 50 === 0 ? 30_000 : i % 300,
      false,
    )
    if (i % 3 === 0) continue
    const bytes = writer.take()
    taken.push({ bytes, copy: Buffer.from(bytes) })
    assert.equal(writer.length, 0)
  }
  for (const { bytes, copy } of taken) assert.ok(bytes.equals(copy))
})

test('a writer uses its buffer again once it is told that nobody refers to it', () => {
  for (const length of [100, 30_000, 200_000]) {
    const writer = new FrameWriter()
    const buffers = new Set<ArrayBufferLike>()
    for (let i = 0; i < 20; i++) {
      writer.data(1, String(i % 10).repeat(length), 0, length, true)
      const bytes = writer.take()
      buffers.add(bytes.buffer)
      const payload = read(bytes)
        .map(frame => frame[3])
        .join('')
      assert.equal(payload, String(i % 10).repeat(length))
      if (length < 65_536) writer.reuse()
      else assert.equal(writer.buffer.length, 0)
    }
    if (length < 65_536) assert.equal(buffers.size, 1)
  }
})

test('a large frame that comes in pieces does not change one that is put together at the same time', () => {
  const frames = ['x', 'y', 'z'].map(char => {
    const writer = new FrameWriter()
    writer.data(1, char.repeat(16_384), 0, 16_384, true)
    return writer.take()
  })
  for (let round = 0; round < 3; round++) {
    const seen: string[] = []
    const readers = frames.map(
      () =>
        new FrameReader(16_384, (_type, _flags, _id, bytes, start, end) => {
          seen.push(bytes.toString('latin1', start, end))
        }),
    )
    for (const at of [0, 5, 9, 5_000]) {
      const next = [5, 9, 5_000, 16_393][[0, 5, 9, 5_000].indexOf(at)]!
      for (const [i, reader] of readers.entries()) reader.push(frames[i]!.subarray(at, next))
    }
    assert.deepEqual(
      seen,
      ['x', 'y', 'z'].map(char => char.repeat(16_384)),
    )
  }
})

test('nothing taken is nothing, and a burst does not leave a large buffer', () => {
  const writer = new FrameWriter()
  assert.equal(writer.take().length, 0)
  const chunk = Buffer.alloc(1_000_000)
  writer.data(1, chunk, 0, chunk.length, false)
  assert.ok(writer.length > 1_000_000)
  assert.equal(writer.take().length, 1_000_000 + 62 * 9)
  assert.equal(writer.buffer.length, 0)
  for (let i = 0; i < 50; i++) {
    writer.windowUpdate(1, 1)
    writer.take()
  }
  assert.ok(writer.buffer.length <= 2_048, `${writer.buffer.length}`)
})

for (const length of [0, 16_384, 16_385, 32_768, 50_000]) {
  test(`a header block of ${length} bytes is cut into frames, and the last one says so`, () => {
    const writer = new FrameWriter()
    writer.windowUpdate(1, 1)
    writer.take()
    writer.windowUpdate(1, 1)
    const begin = writer.beginBlock()
    writer.reserve(length)
    for (let i = 0; i < length; i++) writer.buffer[writer.end++] = i % 251
    writer.endBlock(begin, 5, true)
    writer.windowUpdate(1, 1)
    const frames = read(writer.take())
    assert.deepEqual([frames.shift()![0], frames.pop()![0]], [FRAME.windowUpdate, FRAME.windowUpdate])
    const pieces = Math.max(1, Math.ceil(length / 16_384))
    assert.deepEqual(
      frames.map(([type, flags, id]) => [type, flags, id]),
      frames.map((_, i) => [
        i === 0 ? FRAME.headers : FRAME.continuation,
        (i === 0 ? FLAG.endStream : 0) | (i === pieces - 1 ? FLAG.endHeaders : 0),
        5,
      ]),
    )
    assert.equal(frames.length, pieces)
    const block = frames.map(frame => frame[3]).join('')
    assert.equal(block.length, length)
    for (let i = 0; i < length; i++) assert.equal(block.charCodeAt(i), i % 251)
  })
}

test('a block that is dropped leaves nothing', () => {
  const writer = new FrameWriter()
  writer.windowUpdate(1, 1)
  const begin = writer.beginBlock()
  writer.reserve(10_000)
  writer.end += 10_000
  writer.dropBlock(begin)
  assert.equal(read(writer.take()).length, 1)
})
