import { once } from 'node:events'
import {
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface Http2Node {
  readonly port: number
  /** All sessions, in order. */
  readonly sessions: readonly ServerHttp2Session[]
  /** All requests, in order. */
  readonly requests: readonly Http2NodeRequest[]
  /** Codes of the GOAWAY frames that ended sessions because of an error. */
  readonly errors: readonly string[]
}

export interface Http2NodeRequest {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  /** Its session's place among `sessions`. */
  readonly session: number
}

/**
 * Starts a node that is built on node:http2, in cleartext, or over TLS when it is given a certificate. Without `answer`, it
 * says nothing. It ends after the test.
 */
export async function startHttp2Node(
  t: TestContext,
  answer: (request: Http2NodeRequest) => void = () => {},
  options: ServerOptions | SecureServerOptions = {},
): Promise<Http2Node> {
  const sessions: ServerHttp2Session[] = []
  const requests: Http2NodeRequest[] = []
  const errors: string[] = []
  const server = 'cert' in options ? createSecureServer(options) : createServer(options)
  server.on('session', session => {
    sessions.push(session)
    session.on('error', error => errors.push(error.message))
  })
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const request = { stream, headers, session: sessions.indexOf(stream.session as ServerHttp2Session) }
    requests.push(request)
    stream.on('error', () => {})
    answer(request)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(async () => {
    for (const session of sessions) session.destroy()
    server.close()
    await once(server, 'close')
  })
  return { port: (server.address() as AddressInfo).port, sessions, requests, errors }
}

/** Answers a request with status 200 and a text. */
export function respondWith(text: string): (request: Http2NodeRequest) => void {
  return ({ stream }) => {
    stream.respond({ ':status': 200 })
    stream.end(text)
  }
}
