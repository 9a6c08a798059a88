import type { Call } from '../../internal/call.ts'
import { type GrpcEnd, readGrpcEnd } from '../../internal/grpc/grpc-end.ts'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'
import type { UpstreamResponse } from '../../internal/upstream.ts'
import { AnswerMessages } from '../grpc/answer-messages.ts'
import { WireFault } from '../protobuf/wire-reader.ts'
import {
  BROKEN_OFF,
  failedAnswer,
  fieldsOf,
  invalidEnd,
  isRaw,
  jsonOf,
  rawBodyOf,
  trailerFieldsOf,
} from './answer-json.ts'
import { problemOf } from './status-problem.ts'
import { STREAM_FORMATS, type StreamFormat, type StreamFormatName } from './stream-formats.ts'
import type { AnswerContext, OpenStream } from './unary-answer.ts'

/** After so long without a message, clients of server-sent events get a comment, so that proxies keep the connection. */
const SILENCE_MS = 15_000

/**
 * Reads the answer to a call with several messages up to its first message or its end, and returns it as a stream of
 * JSON. What fails before the first message is a plain problem; nothing that a client could take for success was sent then.
 *
 * @throws GatewayError when the request is refused; UpstreamFailure when the call was ended
 */
export function readStreamAnswer(
  answer: UpstreamResponse,
  formatName: StreamFormatName,
  context: AnswerContext,
): Promise<UpstreamResponse> {
  return new Promise((resolve, reject) => {
    new JsonStream(
      answer,
      STREAM_FORMATS[isRaw(context.format) ? 'raw' : formatName],
      context,
      resolve,
      reject,
    ).start()
  })
}

/** An answer of several messages on its way to a client of JSON. */
class JsonStream implements UpstreamResponse, OpenStream {
  readonly status = 200
  readonly headers: string[]
  readonly #answer: UpstreamResponse
  readonly #format: StreamFormat
  readonly #context: AnswerContext
  readonly #call: Call
  readonly #resolve: (answer: UpstreamResponse) => void
  readonly #reject: (error: Error) => void
  readonly #reader: AnswerMessages
  #target: ClientResponse | undefined = undefined
  /** What was read before there was a target. */
  #early: (string | Buffer)[] = []
  /** Whether the client gets this answer, and not a problem. */
  #hasBegun = false
  #hasMessages = false
  /** Whether the client took the last piece at once. */
  #takesMore = true
  #end: GrpcEnd | undefined = undefined
  #silence: NodeJS.Timeout | undefined = undefined

  constructor(
    answer: UpstreamResponse,
    format: StreamFormat,
    context: AnswerContext,
    resolve: (answer: UpstreamResponse) => void,
    reject: (error: Error) => void,
  ) {
    this.#answer = answer
    this.#format = format
    this.#context = context
    this.#call = context.call
    this.#resolve = resolve
    this.#reject = reject
    this.headers = fieldsOf(answer.headers)
    this.#reader = new AnswerMessages(context.maxMessageBytes, {
      onMessage: bytes => this.#message(bytes),
      onEnd: trailers => this.#finish(readGrpcEnd(trailers)),
      onBroken: () => this.#broken(),
      onInvalid: error => this.#invalid(error.message),
    })
  }

  start(): void {
    if (this.#answer.grpcStatus === undefined) this.#answer.sendBody(this.#reader)
    else {
      // It is over without a message, and its head, which has the trailers in it, was read.
      this.#answer.discard()
      this.#finish({ status: this.#answer.grpcStatus, lines: [] })
    }
  }

  sendBody(target: ClientResponse): void {
    this.#target = target
    for (const piece of this.#early) this.#send(piece)
    this.#early = []
    if (this.#end !== undefined) {
      this.#close(target, this.#end)
      return
    }
    target.on('drain', () => {
      this.#takesMore = true
      this.#reader.resume()
    })
    this.#context.streams.add(this)
    target.once('close', () => this.#over())
    const { comment } = this.#format
    if (comment !== undefined) {
      this.#silence = setInterval(() => target.write(comment, 'latin1'), SILENCE_MS).unref()
    }
    if (this.#takesMore) this.#reader.resume()
  }

  discard(): void {
    this.#over()
    this.#reader.stop()
    this.#answer.discard()
  }

  fail(end: GrpcEnd): void {
    this.discard()
    this.#finish(end)
  }

  #message(bytes: Buffer): boolean {
    this.#context.onMessage()
    try {
      return this.#pass(bytes)
    } catch (error) {
      if (!(error instanceof WireFault)) throw error
      this.#invalid(error.message)
      return true
    }
  }

  /** Passes a message on. @returns whether more may come */
  #pass(bytes: Buffer): boolean {
    const isFirst = !this.#hasMessages
    let piece: string | Buffer
    let { contentType } = this.#format
    if (isRaw(this.#context.format)) {
      const body = rawBodyOf(this.#context.format, bytes)
      piece = body.content
      contentType = body.contentType
    } else piece = this.#format.message(jsonOf(this.#context.format, bytes), isFirst)
    if (isFirst) this.headers.push('content-type', contentType!)
    this.#hasMessages = true
    return this.#send(piece)
  }

  #send(piece: string | Buffer): boolean {
    this.#silence?.refresh()
    if (this.#target === undefined) {
      this.#early.push(piece)
      this.#begin()
      return false
    }
    this.#takesMore = this.#target.write(typeof piece === 'string' ? Buffer.from(piece) : piece)
    return this.#takesMore
  }

  #begin(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    this.#resolve(this)
  }

  #broken(): void {
    const { ended } = this.#call
    if (ended === undefined || this.#hasBegun) this.#finish(BROKEN_OFF)
    else this.#reject(ended)
  }

  #invalid(reason: string): void {
    this.#context.onInvalid()
    this.fail(invalidEnd(reason))
  }

  #over(): void {
    clearInterval(this.#silence)
    this.#context.streams.delete(this)
  }

  #finish(end: GrpcEnd): void {
    this.#over()
    this.#end = end
    if (this.#hasBegun) {
      if (this.#target) this.#close(this.#target, end)
    } else if (end.status !== 0 && this.#context.refusal.error !== undefined) {
      this.#reject(this.#context.refusal.error)
    } else if (end.status !== 0) {
      this.#resolve(failedAnswer(end, this.#context.format, this.#call))
    } else {
      const { contentType } = this.#format
      if (contentType !== undefined) this.headers.push('content-type', contentType)
      this.headers.push(...trailerFieldsOf(end.lines))
      this.#begin()
    }
  }

  /** Ends the client's answer. One that has failed must not look whole. */
  #close(target: ClientResponse, end: GrpcEnd): void {
    const format = this.#format
    if (end.status === 0) {
      target.end(format.end(this.#hasMessages), 'latin1')
      return
    }
    if (format.failure !== undefined) {
      const { decoder, errors } = this.#context.format
      const { document } = problemOf(end, { decoder, format: errors, call: this.#call })
      this.#send(format.failure(JSON.stringify(document)))
    }
    if (format.endsAfterFailure) target.end()
    // What was written must leave first.
    else if (this.#takesMore) setImmediate(() => target.abort(false))
    else target.once('drain', () => target.abort(false))
  }
}
