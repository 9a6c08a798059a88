import { test } from 'node:test'
import { startEmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import { describeFlapping, flapUnderLoad } from '../support/flapping.ts'

test('nodes that come and go under load fail no request, get none when they are gone, and leave nothing behind', async t => {
  await using etcd = await startEmbeddedEtcd({ port: 0 })
  const report = await flapUnderLoad({ etcd: etcd.url, flaps: 300, perSecond: 200, isThorough: false })
  for (const line of describeFlapping(report)) t.diagnostic(line)
})
