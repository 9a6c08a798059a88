import {
  type ClientHttp2Session,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import type { TestContext } from 'node:test'

export interface Http2Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders | undefined
  readonly interim: readonly number[]
  readonly body: Buffer
  readonly text: string
  /** The code of RST_STREAM; 0 = the stream ended well. */
  readonly code: number
  json(): Record<string, unknown>
}

/** Opens a connection of node:http2 without TLS. Closed after the test. */
export function openHttp2(t: Pick<TestContext, 'after'>, port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  t.after(() => session.destroy())
  return session
}

/** Leaves out the list of sensitive fields that node:http2 adds under a symbol. */
function plain(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers))
}

/** Sends one request, and resolves when its stream is closed, whatever came of it. */
export async function askHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: Buffer | string,
): Promise<Http2Answer> {
  const stream = session.request(headers, { endStream: body === undefined })
  if (body !== undefined) stream.end(body)
  const pieces: Buffer[] = []
  const interim: number[] = []
  let got: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders | undefined
  stream
    .on('headers', each => interim.push(Number(each[':status'])))
    .on('response', each => {
      got = plain(each)
    })
    .on('trailers', each => {
      trailers = plain(each)
    })
    .on('data', (piece: Buffer) => pieces.push(piece))
    .on('error', () => {})
  // An error comes before the close, and is a normal end here.
  await new Promise(resolve => stream.once('close', resolve))
  const bytes = Buffer.concat(pieces)
  const text = bytes.toString()
  return {
    status: got[':status'] === undefined ? undefined : Number(got[':status']),
    ...{ headers: got, trailers, interim, body: bytes, text },
    code: stream.rstCode,
    json: () => JSON.parse(text),
  }
}
