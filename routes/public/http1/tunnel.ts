import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { TunnelEnd } from '../../../internal/http/client-exchange.ts'
import { linger } from '../../../middleware/connection/linger.ts'
import { FrameBoundaries } from './frame-boundaries.ts'

/** How long one side may take to end its connection once the other side has ended its own. */
const CLOSE_TIMEOUT_MS = 30_000

export interface TunnelOptions {
  readonly client: Socket
  readonly node: TunnelEnd
  /** What the client has sent behind its handshake. */
  readonly early: readonly Buffer[]
  /** Called with the size of each piece that passes. */
  readonly onPiece: (bytes: number) => void
  /** Called when both connections are closed. */
  readonly onClosed: () => void
}

/**
 * Passes the bytes of an open WebSocket between a client and a node, unchanged and in order. It holds one or two reads of
 * each side at most: a side that reads nothing stops the other.
 *
 * When one side ends its connection, the other gets what is left and then the same end, and has 30 seconds to end its
 * own. When one side closes its connection or resets it, what the other still sends is dropped, and it has 5 seconds. The
 * tunnel closes both connections. They are closed at once by `destroy()`.
 */
export class Tunnel {
  readonly #client: Socket
  readonly #node: Socket
  readonly #toClient: Direction
  readonly #toNode: Direction
  readonly #onPiece: (bytes: number) => void
  #isLeaving = false
  #timer: NodeJS.Timeout | undefined = undefined

  /** Begins to read both sides. The client must have been sent its 101. */
  constructor({ client, node, early, onPiece, onClosed }: TunnelOptions) {
    this.#client = client
    this.#node = node.socket
    this.#toClient = new Direction(client)
    this.#toNode = new Direction(node.socket)
    this.#onPiece = onPiece
    let open = 2
    const onClose = () => {
      if (--open > 0) return
      clearTimeout(this.#timer)
      onClosed()
    }
    this.#passEnds(client, node.socket, onClose)
    this.#passEnds(node.socket, client, onClose)
    client.resume()
    for (const bytes of early) this.#pass(client, this.#toNode, bytes)
    client.on('data', (bytes: Buffer) => this.#pass(client, this.#toNode, bytes))
    node.read(bytes => this.#pass(node.socket, this.#toClient, bytes))
  }

  /** Sends both sides a close frame with 1001, each at the end of the frame that is being passed to it. */
  leave(): void {
    if (this.#isLeaving) return
    this.#isLeaving = true
    this.#toClient.finish(goingAway(false))
    this.#toNode.finish(goingAway(true))
    this.#endClosed()
  }

  /** Closes both connections at once. */
  destroy(): void {
    this.#client.destroy()
    this.#node.destroy()
  }

  #pass(from: Socket, direction: Direction, bytes: Buffer): void {
    this.#onPiece(bytes.length)
    if (!direction.pass(bytes)) from.pause()
    if (this.#isLeaving) this.#endClosed()
  }

  #passEnds(from: Socket, to: Socket, onClose: () => void): void {
    to.on('drain', () => from.resume())
    from
      .on('end', () => {
        to.end()
        this.#timer ??= setTimeout(() => this.destroy(), CLOSE_TIMEOUT_MS).unref()
      })
      .once('close', () => {
        linger(to)
        onClose()
      })
  }

  /** While the gateway leaves, ends the connection of each side that has been sent a close frame and has sent one. */
  #endClosed(): void {
    if (this.#toClient.isClosed && this.#toNode.hasSourceClosed) this.#client.end()
    if (this.#toNode.isClosed && this.#toClient.hasSourceClosed) this.#node.end()
  }
}

/** One direction of a tunnel. */
class Direction {
  readonly #to: Socket
  readonly #frames = new FrameBoundaries()
  /** A close frame that is due at the end of the present frame. */
  #due: Buffer | undefined = undefined
  #isFinished = false

  constructor(to: Socket) {
    this.#to = to
  }

  /** Whether the side that this direction comes from has sent a close frame. */
  get hasSourceClosed(): boolean {
    return this.#frames.hasClosed
  }

  /** Whether the side that this direction leads to has been sent a close frame. */
  get isClosed(): boolean {
    return this.#isFinished || this.#frames.hasClosed
  }

  /** Passes bytes on; drops them when nothing may follow. @returns false when the side takes no more for now */
  pass(bytes: Buffer): boolean {
    if (this.#isFinished || !this.#to.writable) {
      this.#frames.read(bytes)
      return true
    }
    if (this.#due === undefined) {
      this.#frames.read(bytes)
      return this.#to.write(bytes)
    }
    const end = this.#frames.readToBoundary(bytes)
    const isTaken = this.#to.write(bytes.subarray(0, end))
    if (!this.#frames.isBetween) return isTaken
    this.#sendDue()
    return this.pass(bytes.subarray(end))
  }

  /** Sends a close frame at the end of the present frame and nothing after it, unless the other side sends one first. */
  finish(closeFrame: Buffer): void {
    this.#due = closeFrame
    if (this.#frames.isBetween) this.#sendDue()
  }

  #sendDue(): void {
    if (!this.#frames.hasClosed && this.#to.writable) {
      this.#to.write(this.#due!)
      this.#isFinished = true
    }
    this.#due = undefined
  }
}

const REASON = 'going away'

/** Builds a close frame (RFC 6455 section 5.5.1) with 1001. Only the frames of clients are masked. */
function goingAway(isMasked: boolean): Buffer {
  const payload = Buffer.from([0x03, 0xe9, ...Buffer.from(REASON)])
  if (!isMasked) return Buffer.from([0x88, payload.length, ...payload])
  const mask = randomBytes(4)
  return Buffer.from([0x88, 0x80 | payload.length, ...mask, ...payload.map((byte, i) => byte ^ mask[i % 4]!)])
}
