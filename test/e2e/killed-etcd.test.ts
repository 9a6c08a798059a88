import { test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { killEtcd } from '../support/kill-etcd.ts'
import { describeTimes } from '../support/times.ts'

test('etcd is killed and comes back, and keys change before it is reached again: no request fails, tables match', async t => {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
  const { requests, convergedMs } = await killEtcd({ downMs: 500, changes: 'unseen' })
  t.diagnostic(`${requests} requests, 0 failed; converged: ${describeTimes(convergedMs)}`)
})
