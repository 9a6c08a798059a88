import { connect } from 'node:http2'
import type { Load } from '../load.ts'
import { framed } from './echo-service.ts'

const TIMEOUT_MS = 10_000

/**
 * Makes one request of a load with node:http2, a client that is not ours.
 *
 * @returns the status, which is 500 for a gRPC call that failed
 */
export async function askHttp2(
  url: string,
  { method = 'GET', tokens: [token] = [], body, http2 }: Load,
  ca?: Buffer,
): Promise<{ status: number; body: Buffer }> {
  const { origin, pathname } = new URL(url)
  const isGrpc = http2?.isGrpc ?? false
  const session = connect(origin, ca && { ca })
  try {
    return await new Promise((resolve, reject) => {
      const stream = session.request(
        {
          ...{ ':method': method, ':path': pathname },
          ...(isGrpc && { te: 'trailers' }),
          ...(body && { 'content-type': body.type }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        { endStream: body === undefined },
      )
      let status = 0
      const chunks: Buffer[] = []
      stream.setTimeout(TIMEOUT_MS, () => reject(new Error('it does not answer')))
      stream
        .on('response', headers => {
          status = isGrpc && headers['grpc-status'] !== undefined ? 500 : headers[':status']!
        })
        .on('trailers', trailers => {
          if (isGrpc && trailers['grpc-status'] !== '0') status = 500
        })
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('error', reject)
        .on('close', () => resolve({ status, body: Buffer.concat(chunks) }))
      session.on('error', reject)
      if (body === undefined) return
      const bytes = Buffer.from(body.text, 'latin1')
      stream.end(isGrpc ? framed(bytes) : bytes)
    })
  } finally {
    session.destroy()
  }
}
