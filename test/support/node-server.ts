import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { freePort } from './free-port.ts'

/** One request as received. */
export interface WireRequest {
  readonly method: string
  readonly target: string
  /** Header lines, flat, in the original order and spelling. */
  readonly lines: readonly string[]
  /** Returns the last value of a header; `name` is in lower case. */
  header(name: string): string | undefined
  /** Returns the body received so far; without the framing if chunked. */
  body(): Buffer
  /** Returns the trailers, flat; empty until the body is complete. */
  trailers(): readonly string[]
  /** Resolves when the body is complete; rejects if the connection ends before. */
  readonly whole: Promise<Buffer>
}

/** Writes the answer, valid or not. Called once per request, when its head has been received. */
export type Script = (socket: Socket, request: WireRequest, index: number) => unknown

export interface ScriptedNode {
  readonly port: number
  /** All requests received, in order. */
  readonly requests: readonly WireRequest[]
  /** Connections accepted so far. */
  readonly connections: number
  /** The open connections. */
  readonly open: ReadonlySet<Socket>
  /** Resolves when `count` requests have been received. */
  received(count: number): Promise<void>
  /** Resolves when no connection is open anymore. */
  idle(): Promise<void>
  close(): Promise<void>
}

/**
 * Starts a node on raw sockets whose answers the test writes byte by byte. Closed after the test.
 *
 * @param tls makes it a node that speaks TLS
 */
export async function startNode(
  t: Pick<TestContext, 'after'>,
  script: Script,
  host = '127.0.0.1',
  tls?: TlsOptions,
): Promise<ScriptedNode> {
  const requests: WireRequest[] = []
  const open = new Set<Socket>()
  let connections = 0
  let waiting: { readonly fact: () => boolean; readonly resolve: () => void }[] = []
  const check = () => {
    const ready = waiting.filter(each => each.fact())
    waiting = waiting.filter(each => !ready.includes(each))
    for (const each of ready) each.resolve()
  }
  const until = (fact: () => boolean): Promise<void> =>
    new Promise(resolve => {
      waiting.push({ fact, resolve })
      check()
    })

  const serve = (socket: Socket) => {
    connections++
    open.add(socket)
    socket.on('error', () => {})
    const reader = new RequestReader(request => {
      const index = requests.push(request) - 1
      void runScript(script, socket, request, index)
      check()
    })
    socket.on('data', (chunk: Buffer) => reader.push(chunk))
    socket.on('close', () => {
      open.delete(socket)
      reader.end()
      check()
    })
  }
  const server = tls
    ? createTlsServer({ noDelay: true, ...tls }, serve)
    : createServer({ noDelay: true }, serve)
  server.listen(0, host)
  await once(server, 'listening')
  const close = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of open) socket.destroy()
    await closed
  }
  t.after(close)
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    get connections() {
      return connections
    },
    open,
    received: count => until(() => requests.length >= count),
    idle: () => until(() => open.size === 0),
    close,
  }
}

/**
 * Returns a port that refuses connections. It is not one that port 0 has just given: another test may get that one, and
 * on loopback a connection to it can even connect to itself.
 */
export const deadPort = freePort

/** Builds a complete answer with a Content-Length. */
export function answer(body = 'ok', lines: readonly string[] = [], status = '200 OK'): string {
  return [`HTTP/1.1 ${status}`, `Content-Length: ${Buffer.byteLength(body)}`, ...lines, '', body].join('\r\n')
}

/** Reads requests from one connection. Supports the part of HTTP/1.1 that a gateway sends. */
class RequestReader {
  readonly #onRequest: (request: WireRequest) => void
  #buffer: Buffer = Buffer.alloc(0)
  #body: BodyReader | undefined = undefined

  constructor(onRequest: (request: WireRequest) => void) {
    this.#onRequest = onRequest
  }

  push(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk])
    for (;;) {
      if (this.#body) {
        this.#buffer = this.#body.take(this.#buffer)
        if (!this.#body.done) return
        this.#body = undefined
      }
      const end = this.#buffer.indexOf('\r\n\r\n')
      if (end === -1) return
      const [start = '', ...rows] = this.#buffer.subarray(0, end).toString('latin1').split('\r\n')
      this.#buffer = this.#buffer.subarray(end + 4)
      const [method = '', target = ''] = start.split(' ')
      const lines = linesOf(rows)
      const header = (name: string) => {
        const index = lines.findLastIndex((line, i) => i % 2 === 0 && line.toLowerCase() === name)
        return index === -1 ? undefined : lines[index + 1]
      }
      const body = new BodyReader(
        header('transfer-encoding') === 'chunked',
        Number(header('content-length') ?? 0),
      )
      this.#body = body
      this.#onRequest({
        ...{ method, target, lines, header },
        body: () => body.bytes(),
        trailers: () => body.trailers,
        whole: body.whole,
      })
    }
  }

  end(): void {
    this.#body?.fail()
  }
}

/** Returns header or trailer rows as flat lines. */
function linesOf(rows: readonly string[]): string[] {
  return rows.flatMap(row => {
    const colon = row.indexOf(':')
    return [row.slice(0, colon), row.slice(colon + 1).trim()]
  })
}

class BodyCutOff extends Error {}

/** A script that waits for a body which never becomes whole just ends. */
async function runScript(script: Script, ...given: Parameters<Script>): Promise<void> {
  try {
    await script(...given)
  } catch (error) {
    if (!(error instanceof BodyCutOff)) throw error
  }
}

class BodyReader {
  trailers: readonly string[] = []
  readonly whole: Promise<Buffer>
  done = false
  readonly #chunked: boolean
  #left: number
  #inChunk = false
  readonly #pieces: Buffer[] = []
  #resolve: (body: Buffer) => void = () => {}
  #reject: (error: Error) => void = () => {}

  constructor(chunked: boolean, length: number) {
    this.#chunked = chunked
    this.#left = length
    this.whole = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.whole.catch(() => {})
    if (!chunked && length === 0) this.#finish()
  }

  bytes(): Buffer {
    return Buffer.concat(this.#pieces)
  }

  /** Takes the bytes that belong to this body and returns the rest. */
  take(input: Buffer): Buffer {
    let buffer = input
    while (!this.done && buffer.length > 0) {
      if (this.#chunked && !this.#inChunk) {
        const end = buffer.indexOf('\r\n')
        if (end === -1) return buffer
        const size = Number.parseInt(buffer.subarray(0, end).toString('latin1'), 16)
        if (size === 0) {
          const last = buffer.indexOf('\r\n\r\n', end)
          if (last === -1) return buffer
          const rows = buffer
            .subarray(end + 2, Math.max(last, end + 2))
            .toString('latin1')
            .split('\r\n')
          this.trailers = linesOf(rows.filter(row => row !== ''))
          buffer = buffer.subarray(last + 4)
          this.#finish()
        } else {
          buffer = buffer.subarray(end + 2)
          this.#left = size
          this.#inChunk = true
        }
        continue
      }
      const piece = buffer.subarray(0, this.#left)
      if (piece.length > 0) this.#pieces.push(Buffer.from(piece))
      this.#left -= piece.length
      buffer = buffer.subarray(piece.length)
      if (this.#left > 0) break
      if (!this.#chunked) this.#finish()
      else {
        // The line end after a chunk.
        if (buffer.length < 2) return buffer
        buffer = buffer.subarray(2)
        this.#inChunk = false
      }
    }
    return buffer
  }

  fail(): void {
    if (!this.done) this.#reject(new BodyCutOff('the connection ended before the body did'))
  }

  #finish(): void {
    this.done = true
    this.#resolve(this.bytes())
  }
}
