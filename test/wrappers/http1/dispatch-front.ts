import type { TestContext } from 'node:test'
import type { Upstream } from '../../../internal/upstream.ts'
import { createDispatch } from '../../../wrappers/node/dispatch.ts'
import { realPeer, startFront } from '../../support/front.ts'
import { send } from '../../support/http.ts'
import { type Script, startNode } from '../../support/node-server.ts'

export const dispatch = createDispatch()

/** A node that does what `script` says, and a front whose every request is dispatched to it, with no wrapper. */
export async function startDispatchFront(
  t: TestContext,
  script: Script,
  options: Parameters<typeof realPeer>[2] = {},
) {
  const node = await startNode(t, script)
  const peer = realPeer(t, node.port, options)
  const upstream: Upstream = (request, call) => {
    call.peer = peer
    return dispatch(request, call)
  }
  const front = await startFront(t, upstream)
  return { node, peer, front, get: (path = '/') => send(front.port, { path }) }
}
