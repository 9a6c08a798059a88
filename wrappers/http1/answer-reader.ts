import { type AnswerHead, beginsAsHttp, readAnswerHead } from './answer-head.ts'
import { ChunkedBody } from './chunked-body.ts'
import { InvalidAnswer } from './invalid-answer.ts'

/** Who is told of an answer, in this order, while it is read. */
export interface AnswerSink {
  /** The head of the answer, interim ones (1xx) left out. */
  onHead(head: AnswerHead): void
  /** A piece of the body: where in the buffer it begins, and the index behind it. */
  onPiece(buffer: Buffer, from: number, to: number): void
}

const MAX_HEAD_BYTES = 16_384
/** Before one answer. */
const MAX_INTERIM_ANSWERS = 32
/** Line ends that are not CRLF, and controls. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const BROKEN_LINES = /(?:^|[^\r])\n|\r(?!\n|$)|[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/

/**
 * Reads the answers that come on one connection, one at a time, from the buffers they come in. Strict: whatever is
 * not plainly one HTTP/1 answer is refused.
 */
export class AnswerReader {
  readonly #sink: AnswerSink
  #method = ''
  #head: AnswerHead | undefined = undefined
  #chunked: ChunkedBody | undefined = undefined
  /** Of a body whose length is known. */
  #left = 0
  /** What has come of a head that is not whole. */
  #headText = ''
  #interim = 0

  constructor(sink: AnswerSink) {
    this.#sink = sink
  }

  /** @param method of the request whose answer comes next */
  start(method: string): void {
    this.#method = method
    this.#head = undefined
    this.#chunked = undefined
    this.#headText = ''
    this.#interim = 0
  }

  /** Undefined until it is whole. */
  get head(): AnswerHead | undefined {
    return this.#head
  }

  /**
   * @param size bytes in the buffer, which may be written over when this returns
   * @returns the index behind the end of the answer; -1 while it goes on
   * @throws InvalidAnswer; the connection is of no more use then
   */
  read(buffer: Buffer, size: number): number {
    let from = 0
    if (this.#head === undefined) {
      from = this.#readHead(buffer, size)
      if (this.#head === undefined) return -1
    }
    return this.#readBody(this.#head, buffer, from, size)
  }

  /** @returns where in the buffer the body begins; any number while the head is not whole */
  #readHead(buffer: Buffer, size: number): number {
    const before = this.#headText.length
    // Most heads are short, and what is behind them may be long.
    let looked = Math.min(size, MAX_HEAD_BYTES)
    let text = this.#headText + buffer.toString('latin1', 0, looked)
    for (let from = 0; ; ) {
      const end = text.indexOf('\r\n\r\n', Math.max(from, before - 3))
      if (end === -1 && looked < size) {
        text += buffer.toString('latin1', looked, size)
        looked = size
        continue
      }
      // All but its last byte of what ends the head may have come.
      if ((end === -1 ? text.length - 3 : end) - from > MAX_HEAD_BYTES)
        throw new InvalidAnswer('the head of the answer is too large')
      if (end === -1) {
        this.#keepHeadText(text.slice(from))
        return 0
      }
      const head = readAnswerHead(text, from, end + 2, this.#method)
      from = end + 4
      if (head.status >= 200) {
        this.#headText = ''
        this.#begin(head)
        return from - before
      }
      if (head.status === 101) throw new InvalidAnswer('the node switched protocols without being asked')
      if (!head.persistent) throw new InvalidAnswer('an interim answer ends the connection')
      if (++this.#interim > MAX_INTERIM_ANSWERS) throw new InvalidAnswer('too many interim answers')
    }
  }

  /** What cannot become a head is known at once: its end may never come. */
  #keepHeadText(text: string): void {
    if (!beginsAsHttp(text, 0)) throw new InvalidAnswer('what came is not HTTP/1')
    if (BROKEN_LINES.test(text)) throw new InvalidAnswer('the head of the answer has a control character')
    this.#headText = text
  }

  #begin(head: AnswerHead): void {
    this.#head = head
    this.#left = head.length
    if (head.framing === 'chunked') this.#chunked = new ChunkedBody()
    this.#sink.onHead(head)
  }

  #readBody({ framing }: AnswerHead, buffer: Buffer, from: number, end: number): number {
    switch (framing) {
      case 'none':
        return from
      case 'length': {
        const to = Math.min(end, from + this.#left)
        if (to > from) this.#sink.onPiece(buffer, from, to)
        this.#left -= to - from
        return this.#left === 0 ? to : -1
      }
      case 'chunked':
        return this.#chunked!.read(buffer, from, end, (pieceFrom, to) =>
          this.#sink.onPiece(buffer, pieceFrom, to),
        )
      case 'close':
        if (end > from) this.#sink.onPiece(buffer, from, end)
        return -1
    }
  }
}
