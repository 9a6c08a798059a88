import type { ServerResponse } from 'node:http'
import type { UpstreamResponse } from '../internal/upstream.ts'

/** An answer made here instead of by a node. */
export function createStaticResponse(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): UpstreamResponse {
  const bytes = Buffer.from(body)
  // How the body is framed follows from the body; a document that says otherwise must not break the answer.
  const lines = Object.entries(headers)
    .filter(([name]) => !FRAMING.has(name.toLowerCase()))
    .flat()
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

const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'trailer'])
const BODILESS = new Set([204, 304])
