import type { Balancer, BalancerOptions } from './balancer.ts'
import { createConsistentHash } from './consistent-hash.ts'
import { createLeastRequest } from './least-request.ts'
import { createPeakEwma } from './peak-ewma.ts'
import { createStickyCookie } from './sticky-cookie.ts'
import { createWeightedRandom } from './weighted-random.ts'
import { createWeightedRoundRobin } from './weighted-round-robin.ts'

/** All balancers, by the name that a route gives. A new balancer is one file and one line here. */
export const BALANCERS = {
  'weighted-round-robin': createWeightedRoundRobin,
  'weighted-random': createWeightedRandom,
  'least-request': createLeastRequest,
  'peak-ewma': createPeakEwma,
  'consistent-hash': createConsistentHash,
  'sticky-cookie': createStickyCookie,
} as const satisfies Readonly<Record<string, (options?: BalancerOptions) => Balancer>>

export type BalancerName = keyof typeof BALANCERS

/** @throws RangeError when no balancer has this name */
export function createBalancer(name: string, options?: BalancerOptions): Balancer {
  if (!Object.hasOwn(BALANCERS, name)) throw new RangeError(`unknown balancer ${JSON.stringify(name)}`)
  return BALANCERS[name as BalancerName](options)
}
