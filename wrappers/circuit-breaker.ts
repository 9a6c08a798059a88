import type { Wrapper } from '../internal/upstream.ts'
import { chosenPeer } from './upstream-peer.ts'

/** Sends each try through the breaker of the node it goes to. */
export function createCircuitBreaker(): Wrapper {
  return next => (request, call) => chosenPeer(call).circuit.fire(next, request, call)
}
