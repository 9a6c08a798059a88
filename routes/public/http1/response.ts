import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ClientResponse } from '../../../internal/http/client-exchange.ts'
import { getHeader, takeHeader } from '../../../internal/http/header-lines.ts'
import { type LateWriter, LateWrites } from '../../../internal/late-writes.ts'
import { allowSlowClient } from '../../../middleware/connection/http1-watch.ts'

const http = process.getBuiltinModule('node:http')

/** With more unread bytes than that at a client, further interim answers to it are dropped: they are only hints. */
const MAX_UNREAD_BYTES = 65_536
/** Interim answers that came before it was the turn of their answer on a pipelined connection, as latin1. */
const early = new WeakMap<ServerResponse, string>()

const lateWrites = new LateWrites(setImmediate)

/** Node's response with what the gateway needs beyond it. */
export class Http1Response extends http.ServerResponse implements ClientResponse, LateWriter {
  /** The text that ends the answer; undefined until there is one. */
  private last: string | undefined = undefined

  /** Whether the answer is sent in chunks unless its head declares a length. HTTP/1.0 has no chunks. */
  get takesTrailers(): boolean {
    return this.useChunkedEncodingByDefault && this.req.method !== 'HEAD'
  }

  /** Node keeps a Buffer until the socket has taken it. */
  get copiesChunks(): boolean {
    return false
  }

  /** Ends the answer, at the end of the turn if text ends it: then it is short, or the last piece of a long one. */
  override end(chunk?: unknown, encoding?: unknown, callback?: unknown): this {
    // An answer whose end is due must not be ended without it.
    if (this.last !== undefined) return this
    if (typeof chunk !== 'string' || encoding !== 'latin1' || this.destroyed)
      return super.end(chunk, encoding as BufferEncoding, callback as () => void)
    this.last = chunk
    lateWrites.add(this)
    return this
  }

  writeDue(): void {
    if (!this.destroyed) super.end(this.last, 'latin1')
  }

  /** @throws TypeError when a name or a value is not allowed in HTTP; another head may be written then */
  override writeHead(status: number, headers?: unknown): this {
    // Node would keep the phrase of a head that it has refused.
    return super.writeHead(
      status,
      http.STATUS_CODES[status] ?? 'unknown',
      Array.isArray(headers) ? withLengthLast(headers) : undefined,
    )
  }

  endWithTrailers(trailers: readonly string[]): void {
    const pairs: [string, string][] = []
    for (let i = 0; i < trailers.length; i += 2) pairs.push([trailers[i]!, trailers[i + 1]!])
    // Node sends them behind chunks only.
    this.addTrailers(pairs)
    this.end()
  }

  /** HTTP/1.0 has no interim answers (RFC 9110 section 15.2). */
  writeInterim(status: number, headers: readonly string[]): void {
    if (this.headersSent || this.destroyed || this.req.httpVersionMinor === 0) return
    const { socket } = this
    if (socket) {
      if (socket.writableLength <= MAX_UNREAD_BYTES) socket.write(interimText(status, headers), 'latin1')
      return
    }
    const held = early.get(this)
    if (held === undefined) this.once('socket', assigned => writeEarly(this, assigned))
    else if (held.length > MAX_UNREAD_BYTES) return
    early.set(this, (held ?? '') + interimText(status, headers))
  }

  sendContinue(): void {
    if (this.headersSent || this.destroyed) return
    if (this.socket) this.writeContinue()
    // Behind earlier answers on the connection, Node would put the head in front of them.
    else this.once('socket', () => this.sendContinue())
  }

  allowSlowClient(): void {
    allowSlowClient(this.req)
  }

  closeAfter(): void {
    this.shouldKeepAlive = false
  }

  /**
   * Destroys the answer and, with it, the client's connection. An answer whose turn on a pipelined connection has not
   * come is destroyed when it has: destroyed at once, its turn would never come, and the connection would stay open.
   */
  abort(isDelimited: boolean): void {
    const { socket } = this
    if (socket) breakOff(this, socket, isDelimited)
    else if (!this.destroyed) this.once('socket', assigned => breakOff(this, assigned, isDelimited))
  }
}

/**
 * Moves `Content-Length` to the end of a head with a file name. Node takes the bytes of a `Content-Disposition` behind it for
 * UTF-8, and writes them as Latin-1 or refuses them.
 */
function withLengthLast(headers: string[]): string[] {
  if (getHeader(headers, 'content-disposition') === undefined) return headers
  const lines = [...headers]
  const length = takeHeader(lines, 'content-length')
  if (length !== undefined) lines.push('content-length', length)
  return lines
}

function interimText(status: number, headers: readonly string[]): string {
  let text = `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\n`
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`
  return `${text}\r\n`
}

function writeEarly(response: Http1Response, socket: Socket): void {
  const text = early.get(response)!
  early.delete(response)
  // Nothing of the answer itself was sent so far, even if it is whole: Node sends it after this event.
  if (!response.destroyed) socket.write(text, 'latin1')
}

function breakOff(response: ServerResponse, socket: Socket, isDelimited: boolean): void {
  // Without a length or chunks (HTTP/1.0 has none), a plain end of the connection would look like the end of the body. Some
  // clients of TLS ignore that its own end is missing then. Only the socket below it can be reset.
  if (!isDelimited && !response.chunkedEncoding)
    ((socket as Socket & { readonly _parent?: Socket })._parent ?? socket).resetAndDestroy()
  response.destroy()
}
