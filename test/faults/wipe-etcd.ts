import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { describeWipe, wipeEtcd } from '../support/wipe-etcd.ts'

const TTL_MS = 6_000
const GRACE_MS = 60_000

// The long version of test/e2e/wiped-etcd.test.ts, with the default grace.
for (const run of [1, 2, 3]) {
  test(`etcd without its data (${run}): services register again within a TTL, dead nodes go, no request fails`, async t => {
    if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
    const suspectGraceMs = run === 1 ? GRACE_MS : 10_000
    const report = await wipeEtcd({ ttlSeconds: TTL_MS / 1_000, suspectGraceMs })
    t.diagnostic(describeWipe(report))
    assert.ok(report.registeredMs <= TTL_MS, describeWipe(report))
    assert.ok(report.forgottenGoneMs <= suspectGraceMs + 3_000, describeWipe(report))
  })
}
