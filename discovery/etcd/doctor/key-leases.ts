import type { Etcd3 } from 'etcd3'
import { type DoctorFinding, listed, quantity } from './finding.ts'
import type { NodeKey } from './nodes.ts'

/** A node that dies stays in the table for as long as its lease. */
const LONG_SECONDS = 5 * 60
/** As many leases are looked at; a store may have very many. */
const MAX_LEASES = 200
const AT_ONCE = 20
const FEW = 5

/** Which keys of nodes never end, or end late. */
export async function checkKeyLeases(
  client: Pick<Etcd3, 'leaseClient'>,
  keys: readonly NodeKey[],
): Promise<DoctorFinding[]> {
  const findings: DoctorFinding[] = []
  const registered = keys.filter(({ nodes }) => nodes.length > 0)
  const fixed = registered.filter(({ lease }) => lease === undefined).map(({ key }) => key)
  if (fixed.length > 0) {
    findings.push({
      check: 'nodes',
      level: 'warning',
      message: `${quantity(fixed.length, 'key')} of nodes ${fixed.length === 1 ? 'has' : 'have'} no lease: these nodes stay when their process dies`,
      hint: 'right for nodes that never move; else register them with a lease (waygate register, or etcdctl put --lease)',
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
      message: `${quantity(long.length, 'lease')} of nodes ${long.length === 1 ? 'lasts' : 'last'} longer than ${LONG_SECONDS / 60} minutes${looked}: these nodes stay that long when their process dies`,
      hint: 'register with a lease of some 10 s, and renew it',
      details: listed(long.sort(), FEW),
    })
  }
  return findings
}
