import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { killEtcd } from '../support/kill-etcd.ts'
import { describeTimes } from '../support/times.ts'

const WITHIN_MS = 1_000

// The long version of test/e2e/killed-etcd.test.ts.
for (const downMs of [1_000, 10_000, 40_000]) {
  for (const changes of ['at-once', 'unseen'] as const) {
    test(`etcd killed and back after ${downMs / 1_000} s, keys changed ${changes}: tables match within 1 s`, async t => {
      if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
      const { requests, convergedMs } = await killEtcd({ downMs, changes, gateways: 4 })
      t.diagnostic(`${requests} requests, 0 failed; converged: ${describeTimes(convergedMs)}`)
      assert.ok(Math.max(...convergedMs) <= WITHIN_MS, describeTimes(convergedMs))
    })
  }
}
