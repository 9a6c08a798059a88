import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { hangEtcd } from '../support/hang-etcd.ts'
import { describeTimes } from '../support/times.ts'

// Side by side, because they mostly wait.
describe('etcd hangs and goes on', { concurrency: 2 }, () => {
  test('long enough to be noticed: no request fails, and what changes is served again', async t => {
    if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
    const { requests, noticedMs, convergedMs } = await hangEtcd({ hangMs: 'noticed' })
    t.diagnostic(
      `noticed: ${describeTimes(noticedMs)}; ${requests} requests, 0 failed; converged: ${describeTimes(convergedMs)}`,
    )
  })

  test('for a moment: nobody is cut off, no request fails, and what changes is served', async t => {
    if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
    const { noticedMs, requests } = await hangEtcd({ hangMs: 1_000 })
    assert.deepEqual(noticedMs, [])
    t.diagnostic(`${requests} requests, 0 failed`)
  })
})
