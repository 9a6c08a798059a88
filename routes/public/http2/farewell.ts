import type { Socket } from 'node:net'
import type { Http2Connection } from '../../../internal/http2/connection.ts'
import { ERROR } from '../../../internal/http2/frames.ts'
import { MAX_STREAM_ID } from '../../../internal/http2/stream-table.ts'

/** How long a client may take to answer the PING of a drain. */
const PING_TIMEOUT_MS = 3_000
/** How long a client may take to end its side of a connection that is over. */
const FAREWELL_MS = 1_000
/** How soon a client that has ended its side of a connection is sent a PING, which shows whether it is gone. */
const PROBE_MS = 50

/**
 * How the connection of a client ends without losing a request: at the wish of the gateway, or because its client has ended
 * its side. It closes the socket, and its timer ends with `closed()`.
 */
export class Farewell {
  readonly #socket: Socket
  readonly #connection: Http2Connection
  /** `announced`: the client was told to open no more streams. `closing`: those that it has opened were told, too. */
  #state: 'none' | 'announced' | 'closing' = 'none'
  #timer: NodeJS.Timeout | undefined = undefined

  constructor(socket: Socket, connection: Http2Connection) {
    this.#socket = socket
    this.#connection = connection
  }

  /**
   * Asks the client for another connection: GOAWAY with the highest id there is, and once the client has seen it, GOAWAY
   * with the last id that is served. No request is lost (RFC 9113 section 6.8).
   */
  announce(): void {
    if (this.#state !== 'none' || this.#connection.isOver) return
    this.#state = 'announced'
    this.#connection.goaway(MAX_STREAM_ID, ERROR.noError)
    this.#connection.ping()
    this.#timer = setTimeout(() => this.onPong(), PING_TIMEOUT_MS).unref()
  }

  /** The client has seen all that was sent before a PING. */
  onPong(): void {
    if (this.#state !== 'announced') return
    this.#connection.goaway(this.#connection.lastPeerStreamId, ERROR.noError)
    this.endWithStreams()
  }

  /**
   * The client has ended its side. What it has asked for is answered, and then the connection ends. A client that is gone
   * looks the same. Its system resets the connection when something is sent, and the next write fails. So something is sent
   * soon, and by `probe` again and again.
   *
   * @param cancelUnfinished ends the streams whose requests will never be whole
   */
  onClientEnd(cancelUnfinished: () => void): void {
    const connection = this.#connection
    if (this.#socket.writableEnded || connection.isOver) return
    clearTimeout(this.#timer)
    this.#state = 'closing'
    if (connection.streamCount > 0) {
      connection.goaway(connection.lastPeerStreamId, ERROR.noError)
      this.#timer = setTimeout(() => connection.ping(), PROBE_MS).unref()
    }
    cancelUnfinished()
    this.onStreamsOver()
  }

  /** Sends a PING to a client that has ended its side. Returns whether it has. To be called about once a second. */
  probe(): boolean {
    if (!this.#socket.readableEnded) return false
    this.#connection.ping()
    this.#connection.flush()
    return true
  }

  /** Ends the connection once its streams are over. The client was told that no more are accepted. */
  endWithStreams(): void {
    clearTimeout(this.#timer)
    this.#state = 'closing'
    this.onStreamsOver()
  }

  /** Ends the connection if no stream is left and the client knows that it ends. */
  onStreamsOver(): void {
    if (this.#state === 'closing' && this.#connection.streamCount === 0) this.#end()
  }

  /** Ends a connection that has failed. A client that floods us would go on doing so, and nothing more of it is read. */
  endFailed(): void {
    this.#socket.pause()
    this.#end()
    this.#destroySoon()
  }

  /** The socket has closed. */
  closed(): void {
    clearTimeout(this.#timer)
  }

  /**
   * Ends the socket behind what was written. Once that has left, which the rules for slow clients watch, the client has a
   * moment to end its own side.
   */
  #end(): void {
    this.#state = 'closing'
    clearTimeout(this.#timer)
    this.#connection.flush()
    this.#socket.end(() => this.#destroySoon())
  }

  #destroySoon(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#socket.destroy(), FAREWELL_MS).unref()
  }
}
