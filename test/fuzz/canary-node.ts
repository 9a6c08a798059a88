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
  /**
   * Is called with the head of a request that asks before it sends its body. The body is asked for, or refused with the
   * answer, or the node says nothing.
   */
  readonly onExpect?: (
    head: Pick<SeenRequest, 'method' | 'target' | 'lines'>,
  ) => 'ask' | 'say nothing' | CanaryAnswer
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

function serve(socket: Socket, { onRequest, onExpect, onFinding }: CanaryNodeOptions): void {
  let bytes = ''
  let isAnswering = false
  let isAsked = false
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
    const head = bytes.slice(0, headEnd)
    const lines = linesOf(head)
    if (lines.some((text, i) => i % 2 === 0 && text === 'expect') && !isAsked) {
      isAsked = true
      if (bytes.length > headEnd + 4) onFinding('a body that the node was not asked about', bytes)
      const [method = '', target = ''] = head.split(' ')
      const wanted = onExpect?.({ method, target, lines }) ?? 'ask'
      if (typeof wanted === 'object') {
        // Nothing may follow on the connection.
        isAnswering = true
        setImmediate(() => socket.write(wanted.bytes, 'latin1'))
        return
      }
      if (wanted === 'ask') setImmediate(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'))
    }
    const [request, ...more] = readRequests(bytes)
    if (!request) return
    if (more.length > 0) onFinding('two requests made from one', bytes)
    bytes = ''
    isAsked = false
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

/** Returns the lines of a head without the first, flat, names in lower case. */
function linesOf(head: string): string[] {
  return head
    .split('\r\n')
    .slice(1)
    .flatMap(line => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)]
    })
}
