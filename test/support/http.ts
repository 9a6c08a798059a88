import { once } from 'node:events'
import { type Agent, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'

export interface ClientAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  readonly text: string
  /** Parses the body as JSON. */
  json(): Record<string, unknown>
}

export interface ClientRequest {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Buffer
  /** What TLS is spoken with. Default: none is spoken. */
  readonly tls?: ConnectionOptions
  /** Keeps connections. Default: each request has its own. */
  readonly agent?: Agent
}

/** Sends one request, on its own connection unless it has an agent. Rejects when the answer is incomplete. */
export function send(
  port: number,
  { method = 'GET', path = '/', headers = {}, body, tls, agent }: ClientRequest = {},
): Promise<ClientAnswer> {
  return new Promise((resolve, reject) => {
    const request = (tls ? httpsRequest : httpRequest)({
      ...tls,
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: headers as Record<string, string | string[]>,
      agent: agent ?? false,
    })
    request.on('error', reject)
    request.on('response', response => {
      const pieces: Buffer[] = []
      response.on('data', piece => pieces.push(piece))
      response.on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(pieces)
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          rawHeaders: response.rawHeaders,
          body: bytes,
          text: bytes.toString('utf8'),
          json: () => JSON.parse(bytes.toString('utf8')),
        })
      })
    })
    request.end(body)
  })
}

/** A connection on which the test can write anything. The caller destroys it. */
export interface RawClient {
  readonly socket: Socket
  /** Everything received so far, as latin1. */
  text(): string
  /** Resolves with everything received once it includes `piece`; rejects if the connection ends before. */
  until(piece: string | RegExp): Promise<string>
  /** Resolves with everything received when the other side has closed. */
  readonly closed: Promise<string>
}

export async function openRaw(port: number, write?: string | Buffer): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1')
  const client = readRaw(socket)
  await once(socket, 'connect')
  socket.setNoDelay(true)
  if (write !== undefined) socket.write(write)
  return client
}

/** Reads everything from a connection, whose errors are a normal end here. */
export function readRaw(socket: Socket): RawClient {
  socket.on('error', () => {})
  let text = ''
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
  })
  const closed = new Promise<string>(resolve => {
    socket.on('close', () => resolve(text))
  })
  return {
    socket,
    text: () => text,
    closed,
    until: piece =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (!(typeof piece === 'string' ? text.includes(piece) : piece.test(text))) return
          socket.off('data', check)
          resolve(text)
        }
        socket.on('data', check)
        void closed.then(() => reject(new Error(`closed before ${piece} came: ${JSON.stringify(text)}`)))
        check()
      }),
  }
}

/** Writes `bytes` on its own connection, and resolves with everything received until it is closed. */
export async function sendRaw(port: number, bytes: string | Buffer): Promise<string> {
  const client = await openRaw(port, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  return client.closed
}
