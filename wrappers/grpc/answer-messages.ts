import { readGrpcEnd } from '../../internal/grpc/grpc-end.ts'
import { MessageError, MessageReader } from '../../internal/grpc/message-reader.ts'
import { GRPC_STATUS } from '../../internal/grpc/status.ts'
import { StandInResponse } from '../stand-in-response.ts'

/** Receives what a node answers to a gRPC call. Exactly one of the last three comes last. */
export interface AnswerListener {
  /**
   * @param bytes valid during the call only
   * @returns false when no more should come until `resume` of the reader
   */
  onMessage(bytes: Buffer): boolean
  /** @param trailers flat */
  onEnd(trailers: readonly string[]): void
  /** The node broke off. */
  onBroken(): void
  /** The body is not a sequence of messages, or one is too large. Nothing more is read. */
  onInvalid(error: MessageError): void
}

/** Splits what a node sends into messages. Whatever is not a whole message is copied. */
export class AnswerMessages extends StandInResponse {
  readonly #listener: AnswerListener
  readonly #reader: MessageReader

  /** @param maxBytes the longest message that is accepted */
  constructor(maxBytes: number, listener: AnswerListener) {
    super()
    this.#reader = new MessageReader(maxBytes)
    this.#listener = listener
  }

  /** Lets more come after `onMessage` has returned false. */
  resume(): void {
    this.emit('drain')
  }

  /** Ends the answer from this side: nothing more is told to the listener. */
  stop(): void {
    this.isOver = true
    this.emit('close')
  }

  write(chunk: Buffer | string): boolean {
    if (this.isOver || chunk.length === 0) return true
    this.#reader.push(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk)
    let takesMore = true
    try {
      // All messages of the chunk are taken, even if the last ones are too many: the chunk may be used again.
      for (let message = this.#reader.read(); message !== undefined; message = this.#reader.read()) {
        if (message.isCompressed) throw new MessageError('malformed', 'a message is compressed')
        takesMore = this.#listener.onMessage(message.bytes)
        if (this.isOver) return true
      }
    } catch (error) {
      if (!(error instanceof MessageError)) throw error
      this.#invalid(error)
      return true
    }
    return takesMore
  }

  endWithTrailers(trailers: readonly string[]): void {
    if (this.isOver) return
    try {
      this.#reader.end()
    } catch (error) {
      if (!(error instanceof MessageError)) throw error
      // A call that has failed ends wherever it is, such as at its deadline.
      if (readGrpcEnd(trailers).status === GRPC_STATUS.OK) {
        this.#invalid(error)
        return
      }
    }
    this.isOver = true
    this.#listener.onEnd(trailers)
  }

  abort(): void {
    if (this.isOver) return
    this.isOver = true
    this.#listener.onBroken()
  }

  #invalid(error: MessageError): void {
    this.isOver = true
    this.#listener.onInvalid(error)
  }
}
