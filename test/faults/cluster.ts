import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClusterFault, describeSeen, faultMembersUnderLoad } from '../support/cluster-faults.ts'
import { requireEtcd } from '../support/etcd.ts'
import { startEtcdCluster } from '../support/etcd-cluster.ts'
import { startGateway } from '../support/waygate.ts'

// The long version of test/e2e/etcd-cluster.test.ts.
const TTL_SECONDS = 6
/** Longer than a lease lives without being renewed. */
const PAST_TTL_MS = 9_000
const SEEN_WITHIN_MS = 4_000
/** Once a cluster without quorum accepts writes again. */
const SEEN_AFTER_QUORUM_MS = 2_000

const faults: readonly ClusterFault[] = [
  { member: 'watched', fate: 'killed' },
  { member: 'watched', fate: 'stopped' },
  { member: 'leading', fate: 'killed', holdMs: PAST_TTL_MS },
  { member: 'leading', fate: 'stopped' },
  { member: 'leading', fate: 'stopped', holdMs: PAST_TTL_MS, mayLose: true },
  { member: 'beating', fate: 'killed', holdMs: PAST_TTL_MS },
  { member: 'beating', fate: 'stopped', holdMs: PAST_TTL_MS },
  { member: 'watched', fate: 'cut off' },
  { member: 'watched', fate: 'cut off', holdMs: PAST_TTL_MS, mayLose: true },
]

test(`each of ${faults.length} faults of a member, three times: a change is seen within 4 s, no key is ever missing, no GET fails`, async t => {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
  await using cluster = await startEtcdCluster()
  await using gateway = await startGateway({ etcd: cluster.urls })
  const report = await faultMembersUnderLoad({
    cluster,
    gateway,
    faults: [...faults, ...faults, ...faults],
    getsPerSecond: 200,
    ttlSeconds: TTL_SECONDS,
    onSeen: seen => t.diagnostic(describeSeen(seen)),
  })
  t.diagnostic(`${report.gets} GETs, 0 failed; no key absent`)
  for (const { fault, afterMs } of report.seen) {
    const limitMs = fault.fate === 'cut off' ? SEEN_AFTER_QUORUM_MS : SEEN_WITHIN_MS
    assert.ok(afterMs <= limitMs, `${fault.member} ${fault.fate}: seen after ${afterMs} ms`)
  }
})
