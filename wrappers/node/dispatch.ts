import type { FreshConnection, Upstream } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { chosenPeer } from './upstream-peer.ts'

/** Creates the innermost upstream, which sends one request to the chosen node over the transport of that node. */
export function createDispatch(): Upstream {
  return (request, call) => chosenPeer(call).transport.send(request, call)
}

/**
 * Creates the innermost upstream of WebSockets, which opens a new connection to the chosen node and sends nothing on it.
 * The connection counts as in flight at the node until it is closed.
 */
export function createConnect(): Upstream<FreshConnection> {
  return (_request, call) =>
    new Promise((resolve, reject) => {
      const peer = chosenPeer(call)
      let over = false
      const finish = () => {
        if (over) return
        over = true
        peer.inFlight--
      }
      peer.inFlight++
      const connecting = peer.connect((error, socket) => {
        // The call was cancelled while the connection was being opened.
        if (over) return
        if (error) {
          peer.failures++
          finish()
          reject(new UpstreamFailure('connect', error))
          return
        }
        // The holder of the socket adds a listener of its own.
        socket.on('error', () => {}).once('close', finish)
        call.current = { cancel: reason => socket.destroy(reason) }
        resolve({ status: 101, socket, discard: () => void socket.destroy() })
      })
      call.current = {
        cancel: reason => {
          finish()
          connecting.destroy()
          reject(reason)
        },
      }
    })
}
