import type { IncomingMessage } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { GatewayError } from '../../internal/http/errors.ts'

/**
 * Checks that Node's parser reads the body of a request that asks for an upgrade and says `Transfer-Encoding: chunked`.
 * llhttp does not recognise `chunked` with a tab after it, and we cannot see the tab. It refuses such a request, except
 * when the request asks for an upgrade: then it takes the request for one without a body.
 *
 * @throws GatewayError WG_BAD_REQUEST when the parser saw no body; also when the body is empty and arrived with the head
 */
export async function checkChunkedBody(request: IncomingMessage): Promise<void> {
  // In the next turn, the parser has finished with everything that arrived together with the head.
  await nextTurn()
  if (request.complete && request.readableLength === 0)
    throw new GatewayError('WG_BAD_REQUEST', {
      detail: 'A request that asks for an upgrade cannot have an empty chunked body; send Content-Length: 0.',
    })
}
