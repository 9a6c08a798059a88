import type { IncomingMessage } from 'node:http'
import { TOKEN_LIST } from '../../internal/http/header-lines.ts'
import { canonicalTarget } from '../../internal/http/target.ts'

const KEY = /^[+/0-9A-Za-z]{22}==$/

/**
 * Returns whether a request is a valid opening handshake of a WebSocket (RFC 6455 section 4.2.1). Any other request for an
 * upgrade is served as plain HTTP, since a server may ignore Upgrade (RFC 9110 section 7.8).
 */
export function isWebSocketHandshake(request: IncomingMessage): boolean {
  const { headers } = request
  return (
    headers.upgrade?.toLowerCase() === 'websocket' &&
    request.method === 'GET' &&
    request.httpVersion === '1.1' &&
    headers['sec-websocket-version'] === '13' &&
    KEY.test(headers['sec-websocket-key'] ?? '') &&
    areProtocols(headers['sec-websocket-protocol']) &&
    // Some proxies say of every request without a body that its length is 0.
    (headers['content-length'] ?? '0') === '0' &&
    headers['transfer-encoding'] === undefined &&
    canonicalTarget(request.url!) !== undefined &&
    isNextInLine(request)
  )
}

function areProtocols(list: string | undefined): boolean {
  if (list === undefined) return true
  if (!TOKEN_LIST.test(list)) return false
  const protocols = list.split(',').map(protocol => protocol.trim())
  return new Set(protocols).size === protocols.length
}

/**
 * Returns whether no answer to an earlier request is outstanding on the connection, which an upgrade would cut off, and
 * the connection does not end behind that answer.
 */
function isNextInLine({ socket }: IncomingMessage): boolean {
  return socket.writable && !(socket as typeof socket & { _httpMessage?: unknown })._httpMessage
}
