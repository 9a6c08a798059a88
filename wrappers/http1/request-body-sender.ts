import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { GatewayError } from '../../internal/http/errors.ts'
import type { RequestBody } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { isFieldValue, isToken } from './field-lines.ts'

/**
 * Sends the body of one request, no faster than the node accepts it. When the client waits to be asked for its body, the
 * node is asked first (RFC 9110 section 10.1.1), and nothing is read from the client until it wants the body, or has not
 * answered for a time.
 */
export class RequestBodySender {
  readonly #body: RequestBody
  /** Bytes; -1 = sent in chunks. */
  readonly #length: number
  #source: Readable | undefined = undefined
  #socket: Socket | undefined = undefined
  #sent = 0
  #isCorked = false
  #isDone = false
  readonly #awaitsContinue: boolean
  readonly #continueTimeoutMs: number
  /** Runs while the node is asked whether it wants the body. */
  #continueTimer: NodeJS.Timeout | undefined = undefined
  #onFailure: (failure: UpstreamFailure) => void = () => {}

  /**
   * @param length bytes that the head declares; -1 when it declares chunks
   * @param continueTimeoutMs how long the node may leave open whether it wants the body
   */
  constructor(body: RequestBody, length: number, continueTimeoutMs: number) {
    this.#body = body
    this.#length = length
    this.#awaitsContinue = body.awaitsContinue === true
    this.#continueTimeoutMs = continueTimeoutMs
  }

  /** Whether all of the body was handed to the socket. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Whether the node has taken all that the client has sent so far, and the client has yet to send the rest. */
  get waitsForClient(): boolean {
    return this.#source !== undefined && !this.#isDone && !this.#source.isPaused()
  }

  /** Sends head and body. The first byte of the body is read from the client only now, or after `proceed`. */
  start(socket: Socket, head: string, onFailure: (failure: UpstreamFailure) => void): void {
    this.#socket = socket
    this.#onFailure = onFailure
    if (this.#awaitsContinue) {
      socket.write(head, 'latin1')
      this.#continueTimer = setTimeout(() => this.proceed(), this.#continueTimeoutMs)
      return
    }
    // The part of the body that is already there leaves together with the head. The head does not wait for the rest.
    this.#isCorked = true
    socket.cork()
    socket.write(head, 'latin1')
    setImmediate(() => this.#uncork())
    this.#sendBody(socket)
  }

  /** Sends the body, if the node was asked whether it wants it. */
  proceed(): void {
    if (this.#continueTimer === undefined) return
    this.stopAsking()
    this.#sendBody(this.#socket!)
  }

  /** Never sends the body if the node is still asked whether it wants it: it has given its answer without. */
  stopAsking(): void {
    clearTimeout(this.#continueTimer)
    this.#continueTimer = undefined
  }

  #sendBody(socket: Socket): void {
    const onFailure = this.#onFailure
    socket.on('drain', this.#onDrain)
    this.#source = this.#body
      .open()
      .on('data', (chunk: Buffer) => {
        this.#sent += chunk.length
        if (this.#length !== -1 && this.#sent > this.#length) {
          onFailure(
            new UpstreamFailure('unsendable', new Error('the body is longer than its content-length')),
          )
        } else if (!this.#write(chunk)) this.#source!.pause()
      })
      .on('end', () => {
        if (this.#length === -1) socket.write(lastChunk(this.#body.trailers), 'latin1')
        else if (this.#sent < this.#length) {
          onFailure(
            new UpstreamFailure('unsendable', new Error('the body is shorter than its content-length')),
          )
          return
        }
        this.#isDone = true
        this.stop()
      })
      .on('error', error => onFailure(failureOf(error)))
  }

  /** Stops reading from the client. */
  stop(): void {
    this.stopAsking()
    if (!this.#isDone) this.#source?.destroy()
    this.#uncork()
    this.#socket?.off('drain', this.#onDrain)
  }

  #write(chunk: Buffer): boolean {
    const socket = this.#socket!
    if (this.#length !== -1) return socket.write(chunk)
    socket.cork()
    socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
    socket.write(chunk)
    const isTaken = socket.write('\r\n', 'latin1')
    socket.uncork()
    return isTaken
  }

  readonly #onDrain = (): void => {
    this.#source?.resume()
  }

  #uncork(): void {
    if (!this.#isCorked) return
    this.#isCorked = false
    this.#socket!.uncork()
  }
}

/** @param trailers flat */
function lastChunk(trailers: readonly string[] | undefined): string {
  if (trailers === undefined) return '0\r\n\r\n'
  let text = '0\r\n'
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i]!
    const value = trailers[i + 1]!
    // As with heads, what would end a line is looked for at the last place before the wire.
    if (isToken(name) && isFieldValue(value)) text += `${name}: ${value}\r\n`
  }
  return `${text}\r\n`
}

/** Turns an error of the client's body into the failure of the try. */
function failureOf(error: Error): UpstreamFailure {
  if (error instanceof UpstreamFailure) return error
  return new UpstreamFailure(error instanceof GatewayError ? 'unsendable' : 'aborted', error)
}
