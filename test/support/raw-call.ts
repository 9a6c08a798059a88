import { once } from 'node:events'
import { connect } from 'node:http2'
import { writeMessage } from './grpc-message.ts'
import { send } from './http.ts'

/** How a client speaks to a gRPC method. */
export type Door =
  | 'grpc'
  | 'web over HTTP/1'
  | 'web over HTTP/2'
  | 'web-text'
  | 'json over HTTP/1'
  | 'json over HTTP/2'

export const DOORS: readonly Door[] = [
  'grpc',
  'web over HTTP/1',
  'web over HTTP/2',
  'web-text',
  'json over HTTP/1',
  'json over HTTP/2',
]

/** What a client was answered, whatever it speaks. */
export interface RawAnswer {
  readonly httpStatus: number
  readonly headers: Readonly<Record<string, unknown>>
  /** Undefined when the answer is not gRPC. */
  readonly grpcStatus: number | undefined
  readonly grpcMessage: string | undefined
  /** The trailers, or the fields that stand for them. */
  readonly trailers: Readonly<Record<string, unknown>>
  readonly messages: readonly Buffer[]
  readonly body: Buffer
}

const TYPES: Readonly<Record<Door, string>> = {
  grpc: 'application/grpc+proto',
  'web over HTTP/1': 'application/grpc-web+proto',
  'web over HTTP/2': 'application/grpc-web+proto',
  'web-text': 'application/grpc-web-text+proto',
  'json over HTTP/1': 'application/json',
  'json over HTTP/2': 'application/json',
}

export interface RawCall {
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** The encoded message; of JSON, the text. Default: an empty message. */
  readonly message?: Buffer
}

/** Calls a gRPC method once, with a client of Node.js alone. Never rejects because of a status. */
export async function rawCall(
  port: number,
  door: Door,
  { path, headers = {}, message }: RawCall,
): Promise<RawAnswer> {
  const isJson = door.startsWith('json')
  const framed = isJson ? (message ?? Buffer.from('{}')) : writeMessage(message ?? Buffer.alloc(0))
  const body = door === 'web-text' ? Buffer.from(framed.toString('base64'), 'latin1') : framed
  const sent = { 'content-type': TYPES[door], ...headers }
  if (door === 'grpc' || door.endsWith('HTTP/2')) return overHttp2(port, path, sent, body)
  const answer = await send(port, { method: 'POST', path, headers: sent, body })
  return read(answer.status, answer.headers, {}, answer.body)
}

async function overHttp2(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Promise<RawAnswer> {
  const session = connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  try {
    const stream = session.request({ ':method': 'POST', ':path': path, te: 'trailers', ...headers })
    let trailers: Record<string, unknown> = {}
    stream.on('trailers', fields => {
      trailers = fields
    })
    const pieces: Buffer[] = []
    stream.on('data', (piece: Buffer) => pieces.push(piece))
    const ended = once(stream, 'close')
    const failed = new Promise<never>((_, reject) => {
      stream.on('error', reject)
    })
    stream.end(body)
    const [head] = await Promise.race([once(stream, 'response'), failed])
    await Promise.race([ended, failed])
    return read(Number(head[':status']), head, trailers, Buffer.concat(pieces))
  } finally {
    session.destroy()
  }
}

function read(
  httpStatus: number,
  headers: Readonly<Record<string, unknown>>,
  sentTrailers: Readonly<Record<string, unknown>>,
  body: Buffer,
): RawAnswer {
  const type = String(headers['content-type'])
  const messages: Buffer[] = []
  let trailers: Record<string, unknown> = { ...sentTrailers }
  if (type.startsWith('application/grpc')) {
    if (headers['grpc-status'] !== undefined) trailers = { ...headers, ...trailers }
    const bytes = type.startsWith('application/grpc-web-text') ? fromBase64(body) : body
    for (let at = 0; at < bytes.length; ) {
      const length = bytes.readUInt32BE(at + 1)
      const part = bytes.subarray(at + 5, at + 5 + length)
      if (bytes[at] === 0x80) Object.assign(trailers, fieldsOf(part.toString('latin1')))
      else messages.push(part)
      at += 5 + length
    }
  }
  const status = trailers['grpc-status']
  const message = trailers['grpc-message']
  return {
    httpStatus,
    headers,
    grpcStatus: status === undefined ? undefined : Number(status),
    grpcMessage: message === undefined ? undefined : decodeURIComponent(String(message)),
    trailers,
    messages,
    body,
  }
}

function fromBase64(body: Buffer): Buffer {
  const parts = body.toString('latin1').match(/(?:[^=]{4})*[^=]{0,4}={0,2}/g) ?? []
  return Buffer.concat(parts.map(part => Buffer.from(part, 'base64')))
}

function fieldsOf(text: string): Record<string, string> {
  const lines = text.split('\r\n').filter(line => line !== '')
  return Object.fromEntries(lines.map(line => line.split(/: (.*)/s).slice(0, 2)))
}
