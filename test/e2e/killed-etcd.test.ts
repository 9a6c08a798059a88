import { describe, test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { killEtcd } from '../support/kill-etcd.ts'
import { describeTimes } from '../support/times.ts'

// Side by side, because they mostly wait.
describe('etcd is killed and comes back with its data', { concurrency: 2 }, () => {
  for (const changes of ['at-once', 'unseen'] as const) {
    test(`no request fails, and what changes ${changes} is served`, async t => {
      if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
      const { requests, convergedMs } = await killEtcd({ downMs: 500, changes })
      t.diagnostic(`${requests} requests, 0 failed; converged: ${describeTimes(convergedMs)}`)
    })
  }
})
