import type { Outcome, Wrapper } from '../internal/upstream.ts'
import { chosenPeer } from './node/upstream-peer.ts'

/** Sends each try through the breaker of the node it goes to. */
export function createCircuitBreaker<T extends Outcome>(): Wrapper<T> {
  return next => (request, call) => chosenPeer(call).circuit.fire(next, request, call)
}
