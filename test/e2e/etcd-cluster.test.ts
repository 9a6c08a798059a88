import { test } from 'node:test'
import { faultMembersUnderLoad } from '../support/cluster-faults.ts'
import { requireEtcd } from '../support/etcd.ts'
import { startEtcdCluster } from '../support/etcd-cluster.ts'
import { startGatewayHere } from '../support/gateway-here.ts'

test('killed or stopped cluster members cost no registration and no change, and fail no GET', async t => {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
  await using cluster = await startEtcdCluster()
  await using gateway = await startGatewayHere({ etcd: cluster.urls })
  await faultMembersUnderLoad({
    cluster,
    gateway,
    faults: [
      { member: 'beating', fate: 'stopped', holdMs: 6_500 },
      { member: 'watched', fate: 'killed' },
    ],
    getsPerSecond: 50,
    ttlSeconds: 6,
  })
})
