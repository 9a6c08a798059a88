import type { Socket } from 'node:net'
import type { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { BodySender } from '../transport/body-sender.ts'
import { isFieldValue, isToken } from './field-lines.ts'

/** Sends the body of one request on the connection, in chunks when its length is not known. */
export class RequestBodySender extends BodySender {
  #socket: Socket | undefined = undefined
  #isCorked = false

  /** Sends head and body. The first byte of the body is read from the client only now, or after `proceed`. */
  start(socket: Socket, head: string, onFailure: (failure: UpstreamFailure) => void): void {
    this.#socket = socket
    if (!this.awaitsContinue) {
      // The part of the body that is already there leaves together with the head. The head does not wait for the rest.
      this.#isCorked = true
      socket.cork()
      setImmediate(() => this.#uncork())
    }
    socket.write(head, 'latin1')
    this.begin(onFailure)
  }

  override stop(): void {
    super.stop()
    this.#uncork()
    this.#socket?.off('drain', this.#onDrain)
  }

  protected override write(chunk: Buffer): boolean {
    const socket = this.#socket!
    let isTaken: boolean
    if (this.length !== -1) isTaken = socket.write(chunk)
    else {
      socket.cork()
      socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
      socket.write(chunk)
      isTaken = socket.write('\r\n', 'latin1')
      socket.uncork()
    }
    if (!isTaken) socket.once('drain', this.#onDrain)
    return isTaken
  }

  protected override writeEnd(trailers: readonly string[] | undefined): void {
    if (this.length === -1) this.#socket!.write(lastChunk(trailers), 'latin1')
  }

  readonly #onDrain = (): void => {
    this.goOn()
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
