import type { Etcd3 } from 'etcd3'
import { type DoctorFinding, listed, quantity } from './finding.ts'
import type { NodeKey } from './nodes.ts'

/** A node that dies stays in the table for as long as its lease lasts. */
const LONG_SECONDS = 5 * 60
/** The number of leases that are checked. A store may have very many. */
const MAX_LEASES = 200
const AT_ONCE = 20
const FEW = 5

/** Finds the keys of nodes that have no lease or a very long one. */
export async function checkKeyLeases(
  client: Pick<Etcd3, 'leaseClient'>,
  keys: readonly NodeKey[],
): Promise<DoctorFinding[]> {
  const findings: DoctorFinding[] = []
  const registered = keys.filter(({ nodes }) => nodes.length > 0)
  const servicesOf = ({ nodes }: NodeKey) => nodes.map(({ service }) => service)
  const leased = new Set(registered.filter(({ lease }) => lease !== undefined).flatMap(servicesOf))
  const unleased = registered.filter(({ lease }) => lease === undefined)
  const isLost = (key: NodeKey) => servicesOf(key).some(service => leased.has(service))
  const lost = unleased.filter(isLost).map(({ key }) => key)
  if (lost.length > 0) {
    findings.push({
      check: 'nodes',
      level: 'warning',
      message: `${quantity(lost.length, 'key')} of nodes ${lost.length === 1 ? 'has' : 'have'} no lease, although other keys of the same service have one, so these nodes stay when their process dies`,
      hint: 'a put without a lease (etcdctl put) has dropped it: delete the key, and a node that is alive registers itself again; use etcdctl put --ignore-lease for such changes',
      details: listed(lost, FEW),
    })
  }
  const fixed = unleased.filter(key => !isLost(key)).map(({ key }) => key)
  if (fixed.length > 0) {
    findings.push({
      check: 'nodes',
      level: 'warning',
      message: `${quantity(fixed.length, 'key')} of nodes ${fixed.length === 1 ? 'has' : 'have'} no lease, so these nodes stay when their process dies`,
      hint: 'correct for nodes that never move; otherwise register them with a lease (waygate register, or etcdctl put --lease)',
      details: listed(fixed, FEW),
    })
  }
  const keyOf = new Map(registered.flatMap(({ lease, key }) => (lease === undefined ? [] : [[lease, key]])))
  const leases = [...keyOf.keys()]
  const long: string[] = []
  for (let from = 0; from < Math.min(leases.length, MAX_LEASES); from += AT_ONCE) {
    await Promise.all(
      leases.slice(from, Math.min(from + AT_ONCE, MAX_LEASES)).map(async lease => {
        const { grantedTTL } = await client.leaseClient.leaseTimeToLive({ ID: lease })
        if (Number(grantedTTL) > LONG_SECONDS) long.push(`${keyOf.get(lease)}: ${grantedTTL} s`)
      }),
    )
  }
  if (long.length > 0) {
    const looked = leases.length > MAX_LEASES ? ` (of ${MAX_LEASES} of ${leases.length} leases)` : ''
    findings.push({
      check: 'nodes',
      level: 'warning',
      message: `${quantity(long.length, 'lease')} of nodes ${long.length === 1 ? 'lasts' : 'last'} longer than ${LONG_SECONDS / 60} minutes${looked}, so these nodes stay that long when their process dies`,
      hint: 'register with a lease of about 10 s, and renew it',
      details: listed(long.sort(), FEW),
    })
  }
  return findings
}
