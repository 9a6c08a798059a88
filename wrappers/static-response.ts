import type { ServerResponse } from 'node:http'
import type { UpstreamResponse } from '../internal/upstream.ts'

/** An answer made here instead of by a node. */
export function createStaticResponse(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): UpstreamResponse {
  const bytes = Buffer.from(body)
  const lines = Object.entries(headers).flat()
  return {
    status,
    headers: BODILESS.has(status) ? lines : [...lines, 'content-length', String(bytes.length)],
    sendBody: (target: ServerResponse) => {
      if (bytes.length > 0 && !BODILESS.has(status)) target.end(bytes)
      else target.end()
    },
    discard: () => {},
  }
}

const BODILESS = new Set([204, 304])
