import { InvalidAnswer } from '../transport/answer-rules.ts'
import { isToken, readFieldLines } from './field-lines.ts'

/** Is called with a piece of the body: its first index in the buffer, and the index behind it. */
export type OnPiece = (from: number, to: number) => void

const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const TAB = 0x09
const SEMICOLON = 0x3b
/** 52 bits. A number with more bits might not be exact. */
const MAX_SIZE_DIGITS = 13
/** The limit for the extensions of one chunk, and the blanks before them. */
const MAX_EXTENSION_BYTES = 4_096
/** The limit for all trailers together. */
const MAX_TRAILER_BYTES = 16_384
/**
 * RFC 9112 section 7.1.1. Of the blanks that it requires readers to accept and forbids writers to send, those behind the size
 * are: some servers write each size with the same width.
 */
const EXTENSIONS =
  /^[\t ]*(?:;[!#$%&'*+\-.^_`|~\w]+(?:=(?:[!#$%&'*+\-.^_`|~\w]+|"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*$/
/** Fields about the framing or the routing of a message, which must not come after it. */
const NEVER_TRAILERS = new Set(['content-length', 'transfer-encoding', 'host'])

const STATE = {
  size: 0,
  extension: 1,
  sizeLf: 2,
  data: 3,
  dataCr: 4,
  dataLf: 5,
  trailer: 6,
  done: 7,
} as const
type State = (typeof STATE)[keyof typeof STATE]

/**
 * Finds the pieces of one chunked body (RFC 9112 section 7.1) in the buffers in which it arrives. Extensions are
 * checked and ignored. An instance reads one body.
 */
export class ChunkedBody {
  #state: State = STATE.size
  #digits = 0
  /** While the size of a chunk is read, the size so far; then the bytes of the chunk that are left. */
  #left = 0
  #text = ''
  #trailers: string[] | undefined = undefined

  /** Flat; undefined when there are none, and until the body has ended. */
  get trailers(): readonly string[] | undefined {
    return this.#trailers
  }

  /**
   * Reads the bytes that have arrived.
   *
   * @param onPiece is called for each piece in the buffer, in order
   * @returns the index behind the end of the body; -1 while the body goes on
   * @throws InvalidAnswer
   */
  read(buffer: Buffer, from: number, end: number, onPiece: OnPiece): number {
    let at = from
    while (at < end) {
      switch (this.#state) {
        case STATE.size:
          this.#readSize(buffer[at++]!)
          break
        case STATE.extension:
          this.#readExtension(buffer[at++]!)
          break
        case STATE.sizeLf:
          expect(buffer[at++]!, LF)
          this.#state = this.#left === 0 ? STATE.trailer : STATE.data
          break
        case STATE.data: {
          const to = Math.min(end, at + this.#left)
          onPiece(at, to)
          this.#left -= to - at
          at = to
          if (this.#left === 0) this.#state = STATE.dataCr
          break
        }
        case STATE.dataCr:
          expect(buffer[at++]!, CR)
          this.#state = STATE.dataLf
          break
        case STATE.dataLf:
          expect(buffer[at++]!, LF)
          this.#digits = 0
          this.#state = STATE.size
          break
        case STATE.trailer:
          at = this.#readTrailer(buffer, at, end)
          break
        case STATE.done:
          return at
      }
    }
    return this.#state === STATE.done ? at : -1
  }

  #readSize(byte: number): void {
    const digit = hexDigit(byte)
    if (digit !== -1) {
      if (++this.#digits > MAX_SIZE_DIGITS) throw new InvalidAnswer('a chunk is too large')
      this.#left = this.#left * 16 + digit
      return
    }
    if (this.#digits === 0) throw new InvalidAnswer('a chunk has no size')
    if (byte === CR) this.#state = STATE.sizeLf
    else if (byte === SEMICOLON || byte === SPACE || byte === TAB) {
      this.#state = STATE.extension
      this.#text = String.fromCharCode(byte)
    } else throw new InvalidAnswer('the size of a chunk is not a number')
  }

  #readExtension(byte: number): void {
    if (byte !== CR) {
      if (this.#text.length >= MAX_EXTENSION_BYTES)
        throw new InvalidAnswer('the extensions of a chunk are too long')
      this.#text += String.fromCharCode(byte)
      return
    }
    if (!EXTENSIONS.test(this.#text)) throw new InvalidAnswer('the extensions of a chunk are malformed')
    this.#text = ''
    this.#state = STATE.sizeLf
  }

  /** Reads the lines behind the last chunk, up to the empty one. @returns the index behind what was read */
  #readTrailer(buffer: Buffer, from: number, end: number): number {
    for (let at = from; at < end; at++) {
      if (this.#text.length >= MAX_TRAILER_BYTES) throw new InvalidAnswer('the trailers are too long')
      this.#text += String.fromCharCode(buffer[at]!)
      if (buffer[at] !== LF) continue
      const isEmpty = this.#text === '\r\n'
      if (!isEmpty && !this.#text.endsWith('\r\n\r\n')) continue
      if (!isEmpty) this.#trailers = readTrailers(this.#text)
      this.#state = STATE.done
      return at + 1
    }
    return end
  }
}

/** @param text the field lines and the empty line behind them */
function readTrailers(text: string): string[] {
  const trailers: string[] = []
  readFieldLines(text, 0, text.length - 2, (name, value) => {
    if (!isToken(name)) throw new InvalidAnswer('a trailer name is not a token')
    if (NEVER_TRAILERS.has(name.toLowerCase())) throw new InvalidAnswer(`${name} must not be a trailer`)
    trailers.push(name, value)
  })
  return trailers
}

function expect(byte: number, wanted: number): void {
  if (byte !== wanted) throw new InvalidAnswer('a chunk does not end where its size says')
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1
}
