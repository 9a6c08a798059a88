import { test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { writeMalformed } from '../support/write-malformed.ts'

// The long version of test/e2e/malformed-values.test.ts.
test('malformed values and keys, written and deleted ten times', async t => {
  if (!requireEtcd(t)) return
  const { values, requests } = await writeMalformed({ rounds: 10, largestBytes: 10 * 1024 * 1024 })
  t.diagnostic(`${values} malformed; ${requests} requests, 0 failed`)
})
