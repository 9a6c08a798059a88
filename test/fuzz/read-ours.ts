import type { AnswerHead } from '../../wrappers/http1/answer-head.ts'
import { AnswerReader, type AnswerSink } from '../../wrappers/http1/answer-reader.ts'
import { InvalidAnswer } from '../../wrappers/transport/answer-rules.ts'
import type { Interim, Reading } from './reading.ts'

/** Reads with the gateway's own reader. The reader is reused for one answer after the other, as on a connection. */
export class OurReader {
  #head: AnswerHead | undefined
  #interims: Interim[] = []
  #body = ''
  #reader = this.#create()

  /**
   * @param bytes latin1; the connection ends behind them
   * @param cuts indices at which the bytes are cut into pieces, ascending
   */
  read(method: string, bytes: string, cuts: readonly number[]): Reading {
    this.#head = undefined
    this.#interims = []
    this.#body = ''
    this.#reader.start(method)
    let end = -1
    let reason = ''
    try {
      end = this.#readPieces(bytes, cuts)
    } catch (error) {
      if (!(error instanceof InvalidAnswer)) throw error
      reason = error.message.replace(/^\S+(?= must not be a trailer)/, 'a field')
      // A refused answer ends the connection, so the next one gets a new reader.
      this.#reader = this.#create()
    }
    const head = this.#head as AnswerHead | undefined
    return {
      outcome: reason !== '' ? 'refused' : end === -1 ? 'partial' : 'whole',
      reason,
      status: head?.status ?? 0,
      headers: head?.headers ?? [],
      interims: this.#interims,
      connectionOptions: [...(head?.connectionOptions ?? [])],
      trailers: end === -1 ? [] : (this.#reader.trailers ?? []),
      persistent: head?.persistent ?? false,
      body: this.#body,
      end,
    }
  }

  #readPieces(bytes: string, cuts: readonly number[]): number {
    let from = 0
    for (const to of [...cuts, bytes.length]) {
      if (to === from) continue
      const piece = Buffer.from(bytes.slice(from, to), 'latin1')
      const end = this.#reader.read(piece, piece.length)
      // Overwrites the piece, as the next read does with a shared buffer.
      piece.fill(0x21)
      if (end !== -1) return from + end
      from = to
    }
    return this.#head?.framing === 'close' ? bytes.length : -1
  }

  #create(): AnswerReader {
    const sink: AnswerSink = {
      onInterim: ({ status, headers }) => {
        this.#interims.push({ status, headers })
      },
      onHead: head => {
        this.#head = head
      },
      onPiece: (buffer, from, to) => {
        this.#body += buffer.toString('latin1', from, to)
      },
    }
    return new AnswerReader(sink, 16_384)
  }
}
