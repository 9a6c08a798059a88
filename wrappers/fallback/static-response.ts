import type { UpstreamResponse } from '../../internal/upstream.ts'

/** An answer made here instead of by a node. */
export function createStaticResponse(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): UpstreamResponse {
  return createWholeResponse(status, Object.entries(headers).flat(), Buffer.from(body))
}

/**
 * An answer all of which is here.
 *
 * @param lines headers, flat
 */
export function createWholeResponse(
  status: number,
  lines: readonly string[],
  body: Buffer,
): UpstreamResponse {
  // How the body is framed follows from the body; a document that says otherwise must not break the answer.
  const headers: string[] = []
  for (let i = 0; i < lines.length; i += 2) {
    if (!FRAMING.has(lines[i]!.toLowerCase())) headers.push(lines[i]!, lines[i + 1]!)
  }
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

const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'trailer'])
const BODILESS = new Set([204, 304])
