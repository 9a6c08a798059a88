import { test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { describeWipe, wipeEtcd } from '../support/wipe-etcd.ts'

test('etcd comes back without its data: services register again, no request fails, dead nodes are removed', async t => {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
  t.diagnostic(describeWipe(await wipeEtcd({ ttlSeconds: 6, suspectGraceMs: 4_000 })))
})
