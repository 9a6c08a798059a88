import { withoutHeaders } from './http/header-lines.ts'
import type { UpstreamResponse } from './upstream.ts'

/** Fields that follow from the body; a document that states them otherwise must not break the answer. */
const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'trailer'])
const BODILESS = new Set([204, 304])

/**
 * Makes an answer whose body is here already. It can be sent any number of times.
 *
 * @param lines header lines, flat; those that frame the body are replaced
 */
export function createWholeResponse(
  status: number,
  lines: readonly string[],
  body: Buffer,
): UpstreamResponse {
  const headers = withoutHeaders(lines, FRAMING)
  if (!BODILESS.has(status)) headers.push('content-length', String(body.length))
  return {
    status,
    headers,
    sendBody: target => {
      if (body.length > 0 && !BODILESS.has(status)) target.end(body)
      else target.end()
    },
    discard: () => {},
  }
}
