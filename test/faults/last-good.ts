import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { keepLastGood } from '../support/last-good.ts'

// The short version is in test/discovery/remembered.test.ts.
test('a broken document changes nothing, whichever workers crash, and through reloads and restarts', async t => {
  if (!requireEtcd(t)) return
  const { requests } = await keepLastGood({ rounds: 6 })
  t.diagnostic(`${requests} requests, all with the answer of the good document`)
  assert.ok(requests > 0)
})
