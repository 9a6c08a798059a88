import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { readRequests, type SentRequest } from './read-requests.ts'

/** A request as it came to the node. */
export interface SeenRequest extends SentRequest {
  /** Flat, in order, names in lower case. */
  readonly lines: readonly string[]
}

/** Bytes as latin1, and whether the connection ends behind them. */
export interface CanaryAnswer {
  readonly bytes: string
  readonly ends: boolean
}

export interface CanaryNodeOptions {
  /** Told of each request that came whole; what it returns is written, and then the connection ended if it says so. */
  readonly onRequest: (request: SeenRequest) => CanaryAnswer
  /** Told of what no gateway may send. */
  readonly onFinding: (what: string, bytes: string) => void
}

/** How a gateway writes a head: no blanks but one, no lines but with CRLF. */
const HEAD =
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ \/[\x21-\x7e]* HTTP\/1\.1\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e\x80-\xff]*\r\n)+\r\n/

/**
 * A node that keeps every byte that comes, and takes nothing but one request after the other: bytes behind a request
 * that was not answered yet are a second one that nobody has sent. Closed by `t`.
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
      onFinding('bytes behind a request that is not answered yet', bytes)
      return
    }
    const headEnd = bytes.indexOf('\r\n\r\n')
    if (headEnd === -1) return
    if (!HEAD.test(bytes)) {
      onFinding('a head that is not plainly one', bytes)
      socket.destroy()
      return
    }
    const [request, ...more] = readRequests(bytes)
    if (!request) return
    if (more.length > 0) onFinding('two requests out of one', bytes)
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
    // What came in the same breath is there by then.
    setImmediate(() => {
      isAnswering = false
      socket.write(answer.bytes, 'latin1')
      if (answer.ends) socket.end()
    })
  })
}
