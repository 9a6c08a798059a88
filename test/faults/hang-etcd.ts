import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { hangEtcd } from '../support/hang-etcd.ts'
import { describeTimes } from '../support/times.ts'

const NOTICED_WITHIN_MS = 8_000
const WITHIN_MS = 1_000
const GATEWAYS = 4

// The long version of test/e2e/hung-etcd.test.ts.
for (const hangMs of [5_000, 20_000, 60_000]) {
  test(`etcd stopped for ${hangMs / 1_000} s: noticed within 8 s, tables match within 1 s of its return`, async t => {
    if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
    const { requests, noticedMs, convergedMs, changedMs } = await hangEtcd({ hangMs, gateways: GATEWAYS })
    t.diagnostic(
      `noticed: ${describeTimes(noticedMs)}; ${requests} requests, 0 failed; converged: ${describeTimes(convergedMs)}, of which etcd took ${Math.round(changedMs)} ms`,
    )
    assert.ok(Math.max(...convergedMs) <= WITHIN_MS, describeTimes(convergedMs))
    // Too short for the limit to apply.
    if (hangMs < NOTICED_WITHIN_MS) return
    assert.equal(noticedMs.length, GATEWAYS)
    assert.ok(Math.max(...noticedMs) <= NOTICED_WITHIN_MS, describeTimes(noticedMs))
  })
}

test('etcd stopped for 2 s: a pause that is not taken for an outage', async t => {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
  const { noticedMs, requests } = await hangEtcd({ hangMs: 2_000, gateways: GATEWAYS })
  assert.deepEqual(noticedMs, [])
  t.diagnostic(`${requests} requests, 0 failed`)
})
