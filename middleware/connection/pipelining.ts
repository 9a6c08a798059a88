import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Exchange } from '../../internal/policy.ts'

/** Requests that a client may send ahead of the answer it waits for. Without a limit, one connection could have thousands. */
const MAX_AHEAD = 32

/** Those of RFC 9110 section 9.2.1 that the gateway serves. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** An undocumented field of a socket of Node's HTTP server: the answer that is the next to be sent. */
type ServerSocket = Socket & { readonly _httpMessage?: { readonly req: IncomingMessage } | null }

/** What waits for the answers to earlier requests on a connection. */
interface Queue {
  ahead: number
  /** Whether one of the requests is not safe, so that no other may be under way with it. */
  inOrder: boolean
  /** The answer until whose turn nothing is read. */
  stoppedFor: ServerResponse | undefined
}

/** Decides when a request is served, and which is the last on its connection, even if its client did not ask for that. */
export class PipelinedRequests {
  readonly #hasLast = new WeakSet<Socket>()
  readonly #queues = new WeakMap<Socket, Queue>()
  /** The answers to requests that wait. */
  readonly #waiting = new WeakSet<ServerResponse>()

  /**
   * Returns whether a request follows the last one of its connection. Such a request is not served: to another parser, its
   * bytes might be a part of the request before.
   */
  isAfterLast({ socket }: IncomingMessage): boolean {
    return this.#hasLast.has(socket)
  }

  /**
   * Returns whether a request must wait until the earlier ones of its connection are answered, because one of them or the
   * request itself is not safe (RFC 9112 section 9.3.2): a GET behind a PUT must see what that has changed. Call it once for
   * each request, and then {@link wait} if it must.
   */
  mustWait({ socket, method }: IncomingMessage, response: ServerResponse): boolean {
    // It is the next to be answered, as always when clients wait for each answer.
    if (response.socket) return false
    const queue = this.#enter(socket)
    if (queue.ahead >= MAX_AHEAD) this.#markLast(socket, response)
    const { req: next } = (socket as ServerSocket)._httpMessage!
    queue.inOrder ||= !SAFE.has(method!) || !SAFE.has(next.method!)
    if (!queue.inOrder) response.once('socket', () => leave(queue))
    return queue.inOrder
  }

  /**
   * Calls `serve` when it is the turn of a request that must wait, unless its answer is closed by then. Only then may others
   * be served: it may turn out to be the last one. Nothing is read behind a body that waits, since bodies are held until their
   * turn, and all of them together could have megabytes.
   */
  wait({ socket, headers }: IncomingMessage, response: ServerResponse, serve: () => void): void {
    const queue = this.#queues.get(socket)!
    this.#waiting.add(response)
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) {
      queue.stoppedFor = response
      socket.pause()
    }
    response.once('socket', () => {
      if (queue.stoppedFor === response) {
        queue.stoppedFor = undefined
        socket.resume()
      }
      inTwoTurns(() => {
        this.#waiting.delete(response)
        if (!response.destroyed) serve()
        leave(queue)
      })
    })
  }

  /** Whether the request of an answer waits, so that nothing is known of it yet. */
  waits(response: ServerResponse): boolean {
    return this.#waiting.has(response)
  }

  /** Makes a request the last one of its connection if what follows it cannot be trusted. */
  markIfLast({ socket }: IncomingMessage, response: ServerResponse, { refusal, head }: Exchange): void {
    // Node's parser stops after a request that asks for an upgrade. The rest of the same piece is lost, and the parser goes
    // on at the start of the next piece, which may be in the middle of a request.
    if (refusal || head.asksForUpgrade) this.#markLast(socket, response)
  }

  #markLast(socket: Socket, response: ServerResponse): void {
    this.#hasLast.add(socket)
    response.shouldKeepAlive = false
  }

  #enter(socket: Socket): Queue {
    const queue = this.#queues.get(socket) ?? { ahead: 0, inOrder: false, stoppedFor: undefined }
    this.#queues.set(socket, queue)
    queue.ahead++
    return queue
  }
}

function leave(queue: Queue): void {
  if (--queue.ahead === 0) queue.inOrder = false
}

/**
 * Calls `step` when what arrived together with the last answer was read. A node may close its connection behind an answer
 * without a word, and a request that is sent on it at once would be lost. The first turn may be the one of the answer.
 */
function inTwoTurns(step: () => void): void {
  setImmediate(() => setImmediate(step))
}
