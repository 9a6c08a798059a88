import assert from 'node:assert/strict'
import { FrameWriter } from '../../../internal/http2/frame-writer.ts'
import { FRAME, FrameReader } from '../../../internal/http2/frames.ts'
import { HpackDecoder } from '../../../internal/http2/hpack-decoder.ts'
import type { HpackEncoder } from '../../../internal/http2/hpack-encoder.ts'

/** Returns the header block that an encoder makes of the lines, without the frames around it. */
export function blockOf(encoder: HpackEncoder, lines: readonly string[]): Buffer {
  const writer = new FrameWriter()
  encoder.encode(lines, writer, 1, false)
  const pieces: Buffer[] = []
  const reader = new FrameReader(16_384, (type, _flags, _streamId, bytes, start, end) => {
    assert.ok(type === FRAME.headers || type === FRAME.continuation)
    pieces.push(Buffer.from(bytes.subarray(start, end)))
  })
  reader.push(writer.take())
  return Buffer.concat(pieces)
}

export const createDecoder = (
  options: { maxTableBytes?: number; maxListBytes?: number; maxFields?: number } = {},
): HpackDecoder =>
  new HpackDecoder({ maxTableBytes: 4096, maxListBytes: 1 << 20, maxFields: 256, ...options })

export function decodeBlock(decoder: HpackDecoder, block: Buffer): string[] | undefined {
  return decoder.decode(block, 0, block.length)
}
