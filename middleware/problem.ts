import type { ServerResponse } from 'node:http'
import { breakOff } from '../internal/http/break-off.ts'
import { type GatewayError, PROBLEM_CONTENT_TYPE, problemBody } from '../internal/http/errors.ts'

/**
 * Answers with an error's problem document. Where an answer has already begun, the connection ends instead:
 * an error must not pass for the rest of a body.
 */
export function sendProblem(
  response: ServerResponse,
  error: GatewayError,
  requestId: string | undefined,
  closeConnection = false,
): void {
  if (response.headersSent) {
    breakOff(response, false)
    return
  }
  const body = Buffer.from(problemBody(error, requestId))
  const headers = ['content-type', PROBLEM_CONTENT_TYPE, 'content-length', String(body.length)]
  if (requestId !== undefined) headers.push('x-request-id', requestId)
  for (const [name, value] of Object.entries(error.headers ?? {})) headers.push(name, value)
  if (closeConnection) headers.push('connection', 'close')
  response.writeHead(error.status, headers)
  response.end(body)
}
