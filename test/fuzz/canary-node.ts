import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { readRequests, type SentRequest } from './read-requests.ts'

/** A request as the node received it. */
export interface SeenRequest extends SentRequest {
  /** Flat, in order, names in lower case. */
  readonly lines: readonly string[]
}

/** Bytes as latin1, and whether the node ends the connection after them. */
export interface CanaryAnswer {
  readonly bytes: string
  readonly ends: boolean
}

export interface CanaryNodeOptions {
  /** Is called with each whole request. The node writes the answer that it returns. */
  readonly onRequest: (request: SeenRequest) => CanaryAnswer
  /** Is called for input that no gateway may send. */
  readonly onFinding: (what: string, bytes: string) => void
}

/** How a gateway writes a head: single blanks, and lines that end in CRLF. */
const HEAD =
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ \/[\x21-\x7e]* HTTP\/1\.1\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e\x80-\xff]*\r\n)+\r\n/

/**
 * Starts a node that examines every byte it receives and accepts one request at a time. Bytes behind a request that was
 * not answered yet are a smuggled second request. The node is closed by `t`.
 *
 * @returns its port
 */
export async function startCanaryNode(
  t: Pick<TestContext, 'after'>,
  options: CanaryNodeOptions,
): Promise<number> {
  const open = new Set<Socket>()
  const server = createServer({ noDelay: true }, socket => {
    open.add(socket)
    socket.on('error', () => {}).on('close', () => open.delete(socket))
    serve(socket, options)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    for (const socket of open) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return (server.address() as AddressInfo).port
}

function serve(socket: Socket, { onRequest, onFinding }: CanaryNodeOptions): void {
  let bytes = ''
  let isAnswering = false
  socket.on('data', piece => {
    bytes += piece.toString('latin1')
    if (isAnswering) {
      onFinding('bytes behind a request that was not answered yet', bytes)
      return
    }
    const headEnd = bytes.indexOf('\r\n\r\n')
    if (headEnd === -1) return
    if (!HEAD.test(bytes)) {
      onFinding('a malformed head', bytes)
      socket.destroy()
      return
    }
    const [request, ...more] = readRequests(bytes)
    if (!request) return
    if (more.length > 0) onFinding('two requests made from one', bytes)
    const lines = bytes
      .slice(0, headEnd)
      .split('\r\n')
      .slice(1)
      .flatMap(line => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)]
      })
    bytes = ''
    isAnswering = true
    const answer = onRequest({ ...request, lines })
    // By then, bytes that were sent together with the request have arrived.
    setImmediate(() => {
      isAnswering = false
      socket.write(answer.bytes, 'latin1')
      if (answer.ends) socket.end()
    })
  })
}
