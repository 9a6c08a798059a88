import type { ServerResponse } from 'node:http'
import type { UpstreamResponse } from '../../internal/upstream.ts'

/** Makes an answer of the gateway's own. */
export function createStaticResponse(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): UpstreamResponse {
  return createWholeResponse(status, Object.entries(headers).flat(), Buffer.from(body))
}

/**
 * Makes an answer whose whole body is in memory.
 *
 * @param lines headers, flat; those about the framing of the body are replaced
 */
export function createWholeResponse(
  status: number,
  lines: readonly string[],
  body: Buffer,
): UpstreamResponse {
  // The framing follows from the body. A route document with other framing headers must not break the answer.
  const headers: string[] = []
  for (let i = 0; i < lines.length; i += 2) {
    if (!FRAMING.has(lines[i]!.toLowerCase())) headers.push(lines[i]!, lines[i + 1]!)
  }
  if (!BODILESS.has(status)) headers.push('content-length', String(body.length))
  return {
    status,
    headers,
    sendBody: (target: ServerResponse) => {
      if (body.length > 0 && !BODILESS.has(status)) target.end(body)
      else target.end()
    },
    discard: () => {},
  }
}

const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'trailer'])
const BODILESS = new Set([204, 304])
