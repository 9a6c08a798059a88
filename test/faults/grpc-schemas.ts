import { test } from 'node:test'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { type SchemaReport, takeEtcdAway, upgradeHalf } from '../support/grpc-schema-faults.ts'

const describe = ({ calls, knownMs }: SchemaReport) =>
  `${calls} calls with JSON, 0 failed; the new field was known after ${(knownMs / 1_000).toFixed(1)} s`

test('when half of the nodes of a service know a new field, both kinds are called with and without it', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  t.diagnostic(describe(await upgradeHalf(etcd)))
})

test('while etcd is away, calls go on with the known descriptors; afterwards, those of a new node are taken', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  t.diagnostic(describe(await takeEtcdAway(etcd, 10_000)))
})
