import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { createEtcdClient } from '../../../discovery/etcd/client.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { until } from '../../support/until.ts'

test('connections on which nobody speaks are given up: the store is found when it is behind new ones', async t => {
  await using etcd = await startEmbeddedEtcd({ port: 0 })
  await using proxy = await startTcpProxy(Number(new URL(etcd.url).port))
  const client = createEtcdClient({ endpoints: [proxy.url] })
  t.after(() => client.close())
  proxy.hold()
  await assert.rejects(client.put('/a').value('1').exec())
  proxy.mend()
  await until('the store answers', () => client.put('/a').value('1').exec(), { withinMs: 10_000 })
})
