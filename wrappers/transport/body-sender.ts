import { GatewayError } from '../../internal/http/errors.ts'
import type { BodyFlow, BodySink, RequestBody } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'

/**
 * Sends the body of one request, no faster than the node accepts it. When the client waits to be asked for its body, the
 * node is asked first (RFC 9110 section 10.1.1), and nothing is read from the client until it wants the body, or has not
 * answered for a time. A subclass writes what is to be sent.
 */
export abstract class BodySender implements BodySink {
  readonly #body: RequestBody
  /** Bytes that the head declares; -1 = it declares none. */
  protected readonly length: number
  /** Whether the node is asked whether it wants the body. */
  protected readonly awaitsContinue: boolean
  readonly #continueTimeoutMs: number | undefined
  #flow: BodyFlow | undefined = undefined
  #sent = 0
  #isDone = false
  /** Runs while the node is asked whether it wants the body. */
  #continueTimer: NodeJS.Timeout | undefined = undefined
  #onFailure: (failure: UpstreamFailure) => void = () => {}

  /**
   * @param length bytes that the head declares; -1 when it declares none
   * @param continueTimeoutMs how long the node may leave open whether it wants the body; undefined = it is never asked
   */
  constructor(body: RequestBody, length: number, continueTimeoutMs: number | undefined) {
    this.#body = body
    this.length = length
    this.awaitsContinue = body.awaitsContinue === true && continueTimeoutMs !== undefined
    this.#continueTimeoutMs = continueTimeoutMs
  }

  /** Whether all of the body was handed to the connection. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Whether the node has taken all that the client has sent so far, and the client has yet to send the rest. */
  get waitsForClient(): boolean {
    return this.#flow !== undefined && !this.#isDone && !this.#flow.isPaused
  }

  /** Writes a piece. @returns false when no more should come until `goOn` */
  protected abstract write(chunk: Buffer): boolean
  /** Writes the end of the body. @param trailers flat */
  protected abstract writeEnd(trailers: readonly string[] | undefined): void

  /** Begins to send the body, or to wait until the node wants it. The head was written before. */
  protected begin(onFailure: (failure: UpstreamFailure) => void): void {
    this.#onFailure = onFailure
    if (this.awaitsContinue) this.#continueTimer = setTimeout(() => this.proceed(), this.#continueTimeoutMs)
    else this.#open()
  }

  /** Sends the body, if the node was asked whether it wants it. */
  proceed(): void {
    if (this.#continueTimer === undefined) return
    this.stopAsking()
    this.#open()
  }

  /** Never sends the body if the node is still asked whether it wants it: it has given its answer without. */
  stopAsking(): void {
    clearTimeout(this.#continueTimer)
    this.#continueTimer = undefined
  }

  /** Goes on after `write` returned false. */
  protected goOn(): void {
    if (!this.#isDone) this.#flow?.resume()
  }

  /** Stops reading from the client. */
  stop(): void {
    this.stopAsking()
    if (!this.#isDone) this.#flow?.stop()
  }

  onData(chunk: Buffer): void {
    this.#sent += chunk.length
    if (this.length !== -1 && this.#sent > this.length) this.#onFailure(unsendable('longer'))
    else if (!this.write(chunk)) this.#flow!.pause()
  }

  onEnd(): void {
    if (this.length !== -1 && this.#sent < this.length) {
      this.#onFailure(unsendable('shorter'))
      return
    }
    this.writeEnd(this.#body.trailers)
    this.#isDone = true
    this.stop()
  }

  onError(error: Error): void {
    this.#onFailure(failureOf(error))
  }

  #open(): void {
    this.#flow = this.#body.open(this)
    this.#flow.resume()
  }
}

function unsendable(how: 'longer' | 'shorter'): UpstreamFailure {
  return new UpstreamFailure('unsendable', new Error(`the body is ${how} than its content-length`))
}

/** Turns an error of the client's body into the failure of the try. */
function failureOf(error: Error): UpstreamFailure {
  if (error instanceof UpstreamFailure) return error
  return new UpstreamFailure(error instanceof GatewayError ? 'unsendable' : 'aborted', error)
}
