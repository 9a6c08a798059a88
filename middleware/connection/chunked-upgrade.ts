import type { IncomingMessage } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { GatewayError } from '../../internal/http/errors.ts'

/**
 * Resolves when it is certain that the chunked body of a request that asks for another protocol is read as one. llhttp
 * does not know an encoding with a tab behind it, which we cannot see; it refuses such a request, but not where an upgrade
 * is asked for: that one it takes for a request without a body.
 *
 * @throws GatewayError WG_BAD_REQUEST where the parser saw no body, also for one that is empty and came with its head
 */
export async function readsItsChunks(request: IncomingMessage): Promise<void> {
  // By then the parser is through with what came together with the head.
  await nextTurn()
  if (request.complete && request.readableLength === 0)
    throw new GatewayError('WG_BAD_REQUEST', {
      detail: 'A request that asks for an upgrade cannot have an empty chunked body; send Content-Length: 0.',
    })
}
