import type { TestContext } from 'node:test'
import type { TlsOptions } from 'node:tls'
import type { Upstream } from '../../../internal/upstream.ts'
import { createDispatch } from '../../../wrappers/node/upstream-peer.ts'
import { realPeer, startFront } from '../../support/front.ts'
import { send } from '../../support/http.ts'
import { type Script, startNode } from '../../support/node-server.ts'

export const dispatch = createDispatch()

/** Starts a node that runs `script`, and a front that dispatches every request to it without any wrapper. */
export async function startDispatchFront(
  t: TestContext,
  script: Script,
  options: Parameters<typeof realPeer>[2] & { readonly nodeTls?: TlsOptions } = {},
) {
  const node = await startNode(t, script, '127.0.0.1', options.nodeTls)
  const peer = realPeer(t, node.port, options)
  const upstream: Upstream = (request, call) => {
    call.peer = peer
    return dispatch(request, call)
  }
  const front = await startFront(t, upstream)
  return { node, peer, front, get: (path = '/') => send(front.port, { path }) }
}
