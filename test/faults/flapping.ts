import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { describeFlapping, flapUnderLoad } from '../support/flapping.ts'

// The long version of test/e2e/flapping.test.ts, against a real etcd.
const LATE_MS = 1_000

test('10,000 nodes that come and go fail no request, get none 1 s after they are gone, and leave nothing behind', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  const report = await flapUnderLoad({ etcd: etcd.url, flaps: 10_000, perSecond: 300, isThorough: true })
  for (const line of describeFlapping(report)) t.diagnostic(line)
  assert.ok(report.latestMs <= LATE_MS)
})
