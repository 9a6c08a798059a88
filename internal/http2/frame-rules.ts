import { ERROR, FRAME, Http2Error } from './frames.ts'

/**
 * Checks what the header of a frame alone tells: frames of streams and of the connection, and fixed lengths (RFC 9113,
 * section 6). Frames of unknown types pass.
 *
 * @throws Http2Error for the connection
 */
export function checkFrame(type: number, flags: number, streamId: number, length: number): void {
  switch (type) {
    case FRAME.data:
    case FRAME.headers:
    case FRAME.continuation:
      if (streamId === 0) throw wrongStream()
      return
    case FRAME.windowUpdate:
      if (length !== 4) throw wrongLength()
      return
    case FRAME.rstStream:
      if (streamId === 0) throw wrongStream()
      if (length !== 4) throw wrongLength()
      return
    case FRAME.priority:
      if (streamId === 0) throw wrongStream()
      if (length !== 5) throw wrongLength()
      return
    case FRAME.settings:
      if (streamId !== 0) throw wrongStream()
      if (length % 6 !== 0 || ((flags & 1) === 1 && length > 0)) throw wrongLength()
      return
    case FRAME.ping:
      if (streamId !== 0) throw wrongStream()
      if (length !== 8) throw wrongLength()
      return
    case FRAME.goaway:
      if (streamId !== 0) throw wrongStream()
      if (length < 8) throw wrongLength()
      return
    case FRAME.pushPromise:
      // Clients cannot push, and servers were told not to.
      throw new Http2Error(ERROR.protocolError, 'a PUSH_PROMISE that was not allowed')
  }
}

/** Returns the bytes of padding behind a payload whose first byte says how many (RFC 9113, section 6.1). */
export function paddingOf(bytes: Buffer, start: number, end: number): number {
  const padding = start < end ? bytes[start]! : end
  if (padding >= end - start) throw new Http2Error(ERROR.protocolError, 'a frame has more padding than bytes')
  return padding
}

function wrongStream(): Http2Error {
  return new Http2Error(ERROR.protocolError, 'a frame has a stream that its type does not allow')
}

function wrongLength(): Http2Error {
  return new Http2Error(ERROR.frameSizeError, 'a frame has a length that its type does not allow')
}
