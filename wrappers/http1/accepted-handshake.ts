import { createHash } from 'node:crypto'
import { getHeader, withoutHeaders } from '../../internal/http/header-lines.ts'
import type { UpstreamRequest } from '../../internal/upstream.ts'
import { InvalidAnswer } from '../transport/answer-rules.ts'

/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
/** Must not be sent with a 1xx (RFC 9110 section 8.6). */
const CONTENT_LENGTH: ReadonlySet<string> = new Set(['content-length'])

/**
 * Makes the headers that the client gets with a 101 from those of the node.
 *
 * The node must have answered the key of this very handshake. Clients check that as well, but a client may be an attacker
 * that makes the node repeat the status of another server. If the gateway took such a 101 for an open WebSocket, the
 * attacker could send any request to the node through the tunnel, past routes and authentication.
 *
 * @param headers of the answer, without hop-by-hop fields
 * @throws InvalidAnswer when Sec-WebSocket-Accept does not match the key of the request (RFC 6455 section 4.2.2)
 */
export function acceptedHeaders(headers: readonly string[], request: UpstreamRequest): string[] {
  const key = getHeader(request.headers, 'sec-websocket-key')
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64')
  if (key === undefined || getHeader(headers, 'sec-websocket-accept') !== accept)
    throw new InvalidAnswer('the 101 of the node does not accept the WebSocket handshake')
  return [...withoutHeaders(headers, CONTENT_LENGTH), 'connection', 'Upgrade', 'upgrade', 'websocket']
}
