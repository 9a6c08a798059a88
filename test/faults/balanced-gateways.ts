import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { rollBalancedGateways } from '../support/balanced-gateways.ts'
import { requireEtcd } from '../support/etcd.ts'

test('rolling restarts of the two gateways of docker-compose.yml fail none of 10,000 requests', async t => {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
  if (spawnSync('haproxy', ['-v']).status !== 0) return t.skip('haproxy is not on PATH')
  t.diagnostic(await rollBalancedGateways({ perSecond: 200, rounds: 3, between: 1_500 }))
})
