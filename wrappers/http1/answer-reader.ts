import { MAX_INTERIM_ANSWERS } from '../../internal/http/header-lines.ts'
import { InvalidAnswer } from '../transport/answer-rules.ts'
import { type AnswerHead, beginsAsHttp, notHttp1, readAnswerHead } from './answer-head.ts'
import { ChunkedBody } from './chunked-body.ts'

/** Receives an answer while it is read. The methods are called in this order. */
export interface AnswerSink {
  /** Is called with each interim head: 1xx, but never 101. */
  onInterim(head: AnswerHead): void
  /** Is called with the head of the answer. */
  onHead(head: AnswerHead): void
  /** Is called with a piece of the body: its first index in the buffer, and the index behind it. */
  onPiece(buffer: Buffer, from: number, to: number): void
}

/** The most that all interim answers before one answer may have together. */
const MAX_INTERIM_BYTES = 65_536
/** Line ends other than CRLF, and control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it matches
const BROKEN_LINES = /(?:^|[^\r])\n|\r(?!\n|$)|[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/

/**
 * Reads the answers of one connection, one after the other, from the buffers in which they arrive. It is strict and
 * refuses everything that is not plainly an HTTP/1 answer.
 */
export class AnswerReader {
  readonly #sink: AnswerSink
  readonly #maxHeadBytes: number
  #method = ''
  #maySwitch = false
  #head: AnswerHead | undefined = undefined
  #chunked: ChunkedBody | undefined = undefined
  /** Bytes left of a body whose length is known. */
  #left = 0
  /** The part of an unfinished head that has arrived. */
  #headText = ''
  #interim = 0
  #interimBytes = 0

  /** @param maxHeadBytes the largest head of an answer, without the empty line that ends it */
  constructor(sink: AnswerSink, maxHeadBytes: number) {
    this.#sink = sink
    this.#maxHeadBytes = maxHeadBytes
  }

  /**
   * Prepares for the next answer.
   *
   * @param method of the request that it answers
   * @param maySwitch whether a 101 is an answer; what follows its head is then not read
   */
  start(method: string, maySwitch = false): void {
    this.#method = method
    this.#maySwitch = maySwitch
    this.#head = undefined
    this.#chunked = undefined
    this.#headText = ''
    this.#interim = 0
    this.#interimBytes = 0
  }

  /** The head of the current answer; undefined until it is whole. */
  get head(): AnswerHead | undefined {
    return this.#head
  }

  /** The trailers of the current answer, flat; undefined when it has none, or has not ended. */
  get trailers(): readonly string[] | undefined {
    return this.#chunked?.trailers
  }

  /**
   * Reads the bytes that have arrived.
   *
   * @param size bytes in the buffer, which may be overwritten once this returns
   * @returns the index behind the end of the answer; -1 while the answer goes on
   * @throws InvalidAnswer; the connection must then be closed
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
    // Most heads are short, while the body behind them may be long.
    let looked = Math.min(size, this.#maxHeadBytes)
    let text = this.#headText + buffer.toString('latin1', 0, looked)
    for (let from = 0; ; ) {
      const end = text.indexOf('\r\n\r\n', Math.max(from, before - 3))
      if (end === -1 && looked < size) {
        text += buffer.toString('latin1', looked, size)
        looked = size
        continue
      }
      // Up to three of the four bytes that end the head may already be there.
      if ((end === -1 ? text.length - 3 : end) - from > this.#maxHeadBytes)
        throw new InvalidAnswer('the head of the answer is too large for upstream.answerHeadBytes')
      if (end === -1) {
        this.#keepHeadText(text.slice(from), Math.max(0, before - from))
        return 0
      }
      const head = readAnswerHead(text, from, end + 2, this.#method)
      const length = end + 4 - from
      from = end + 4
      if (head.status >= 200 || (head.status === 101 && this.#maySwitch)) {
        this.#headText = ''
        this.#begin(head)
        return from - before
      }
      if (head.status === 101) throw new InvalidAnswer('the node switched protocols without being asked')
      if (!head.persistent) throw new InvalidAnswer('an interim answer ends the connection')
      this.#interimBytes += length
      if (++this.#interim > MAX_INTERIM_ANSWERS || this.#interimBytes > MAX_INTERIM_BYTES)
        throw new InvalidAnswer('too many interim answers')
      this.#sink.onInterim(head)
    }
  }

  /**
   * Keeps the text of an unfinished head. Refuses what cannot become a head at once, because its end may never come.
   *
   * @param checked characters that were kept before
   */
  #keepHeadText(text: string, checked: number): void {
    if (!beginsAsHttp(text, 0)) throw notHttp1(text, 0)
    // A line feed may follow the carriage return that came last.
    const from = checked > 0 && text.charCodeAt(checked - 1) === 0x0d ? checked - 1 : checked
    if (BROKEN_LINES.test(from === 0 ? text : text.slice(from)))
      throw new InvalidAnswer('the head of the answer has a control character')
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
