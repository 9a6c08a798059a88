import { test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { hangEtcd } from '../support/hang-etcd.ts'
import { describeTimes } from '../support/times.ts'

test('etcd hangs and continues: this is noticed, no request fails, and changes are served again', async t => {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
  const { requests, noticedMs, convergedMs } = await hangEtcd({ hangMs: 'noticed' })
  t.diagnostic(
    `noticed: ${describeTimes(noticedMs)}; ${requests} requests, 0 failed; converged: ${describeTimes(convergedMs)}`,
  )
})
