import { createWholeResponse } from '../../internal/http/whole-response.ts'
import type { UpstreamResponse } from '../../internal/upstream.ts'

/** Makes an answer of the gateway's own. */
export function createStaticResponse(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): UpstreamResponse {
  return createWholeResponse(status, Object.entries(headers).flat(), Buffer.from(body))
}
