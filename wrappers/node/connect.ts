import type { FreshConnection, Upstream } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { chosenPeer } from './upstream-peer.ts'

/**
 * The innermost upstream of what is no plain request: a connection of its own to the chosen node, on which the
 * node has seen nothing yet. It counts as in flight until it is closed.
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
        // Given up while it was being made.
        if (over) return
        if (error) {
          peer.failures++
          finish()
          reject(new UpstreamFailure('connect', error))
          return
        }
        // Whoever speaks on it hears of errors in a listener of its own.
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
