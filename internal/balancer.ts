import { createWeightedRoundRobin } from './balancers/weighted-round-robin.ts'
import type { Peer } from './peer.ts'

/** What a balancer may know of the request it chooses for. */
export interface PickContext {
  /** Peers this request has failed on; they are not chosen again. */
  readonly tried: readonly Peer[]
}

/** Chooses a peer. One instance per service; it may keep state between picks. */
export interface Balancer {
  /** An available peer that was not tried yet; undefined when there is none. */
  pick(peers: readonly Peer[], context: PickContext): Peer | undefined
}

/** Every balancer by the name that routes choose it by. */
export const BALANCERS: Readonly<Record<string, () => Balancer>> = {
  'weighted-round-robin': createWeightedRoundRobin,
}

/** @throws RangeError for a name that is not in the list. */
export function createBalancer(name: string): Balancer {
  const create = Object.hasOwn(BALANCERS, name) ? BALANCERS[name] : undefined
  if (!create) throw new RangeError(`no balancer is called ${JSON.stringify(name)}`)
  return create()
}
