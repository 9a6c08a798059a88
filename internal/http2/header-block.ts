import { FloodError } from './flood-budget.ts'
import { paddingOf } from './frame-rules.ts'
import { ERROR, FLAG, FRAME, Http2Error, readUint31 } from './frames.ts'

/** The largest block, as it is encoded. */
const MAX_BLOCK_BYTES = 32_768
const MAX_CONTINUATIONS = 16
const PRIORITY_BYTES = 5
const NOTHING = Buffer.alloc(0)

/** Puts a header block together from HEADERS and CONTINUATION (RFC 9113, section 6.10). */
export class HeaderBlock {
  streamId = 0
  isEnd = false
  /** Whether the stream depends on itself, an error of the stream. All else about priorities is ignored. */
  isSelfDependent = false
  /** The whole block: `bytes` from `start` to before `end`. Valid until the next frame. */
  bytes: Buffer = NOTHING
  start = 0
  end = 0
  /** Whether CONTINUATION must follow, and nothing else. */
  isOpen = false
  #pieces: Buffer[] = []
  #size = 0

  /**
   * Checks that CONTINUATION comes where it must, and only there.
   *
   * @throws Http2Error for the connection
   */
  expect(type: number, streamId: number): void {
    if ((type === FRAME.continuation) !== this.isOpen || (this.isOpen && streamId !== this.streamId)) {
      throw new Http2Error(
        ERROR.protocolError,
        'a header block is interrupted, or goes on without its beginning',
      )
    }
  }

  /**
   * Reads a HEADERS frame.
   *
   * @returns whether the block is whole
   * @throws Http2Error for the connection
   */
  begin(flags: number, streamId: number, bytes: Buffer, frameStart: number, frameEnd: number): boolean {
    let start = frameStart
    let end = frameEnd
    if (flags & FLAG.padded) {
      end -= paddingOf(bytes, start, end)
      start++
    }
    this.isSelfDependent = false
    if (flags & FLAG.priority) {
      if (end - start < PRIORITY_BYTES)
        throw new Http2Error(ERROR.frameSizeError, 'HEADERS has no place for its priority')
      this.isSelfDependent = readUint31(bytes, start) === streamId
      start += PRIORITY_BYTES
    }
    this.streamId = streamId
    this.isEnd = (flags & FLAG.endStream) !== 0
    if (flags & FLAG.endHeaders) {
      this.bytes = bytes
      this.start = start
      this.end = end
      return true
    }
    this.isOpen = true
    this.#pieces = [Buffer.from(bytes.subarray(start, end))]
    this.#size = end - start
    return false
  }

  /**
   * Reads a CONTINUATION frame.
   *
   * @returns whether the block is whole
   * @throws FloodError for a block that is too large or in too many pieces: CVE-2024-28182
   */
  continue(flags: number, bytes: Buffer, start: number, end: number): boolean {
    const isLast = (flags & FLAG.endHeaders) !== 0
    this.#size += end - start
    if (
      this.#size > MAX_BLOCK_BYTES ||
      this.#pieces.length > MAX_CONTINUATIONS ||
      (start === end && !isLast)
    ) {
      throw new FloodError('header-block')
    }
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)))
    if (!isLast) return false
    this.bytes = Buffer.concat(this.#pieces)
    this.start = 0
    this.end = this.bytes.length
    this.#pieces = []
    this.isOpen = false
    return true
  }
}
