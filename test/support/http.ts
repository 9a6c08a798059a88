import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'

export interface ClientAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  readonly text: string
  /** The body as JSON. */
  json(): Record<string, unknown>
}

export interface ClientRequest {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Buffer
}

/** One request on a connection of its own. Rejects when the answer is not whole. */
export function send(
  port: number,
  { method = 'GET', path = '/', headers = {}, body }: ClientRequest = {},
): Promise<ClientAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: headers as Record<string, string | string[]>,
      agent: false,
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

/** A connection on which the test writes what it wants. Whoever opens it destroys it. */
export interface RawClient {
  readonly socket: Socket
  /** Everything that came, as latin1. */
  text(): string
  /** Resolves with everything that came as soon as it has `piece`; rejects when the connection ends before. */
  until(piece: string | RegExp): Promise<string>
  /** Resolves with everything that came when the other side has closed. */
  readonly closed: Promise<string>
}

export async function openRaw(port: number, write?: string | Buffer): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  let text = ''
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
  })
  const closed = new Promise<string>(resolve => {
    socket.on('close', () => resolve(text))
  })
  await once(socket, 'connect')
  socket.setNoDelay(true)
  if (write !== undefined) socket.write(write)
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

/** Writes `bytes` on a connection of its own and resolves with everything that came until it was closed. */
export async function sendRaw(port: number, bytes: string | Buffer): Promise<string> {
  const client = await openRaw(port, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  return client.closed
}
