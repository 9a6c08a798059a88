import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server, ServerCredentials, status } from '@grpc/grpc-js'
import { loadEtcdServices } from '../../../discovery/embedded-etcd/grpc.ts'
import { AT_ONCE } from '../../../discovery/embedded-etcd/journal.ts'
import { createKvService } from '../../../discovery/embedded-etcd/kv-service.ts'
import { Store } from '../../../discovery/embedded-etcd/store.ts'
import { toLong } from '../../../discovery/embedded-etcd/wire.ts'
import { changeStored } from '../../../discovery/etcd/stored-values.ts'

test('a change whose answer is lost counts as made', async t => {
  const store = new Store({ historyEvents: 100, historyBytes: 10_000, quotaBytes: 2 ** 31 })
  const key = Buffer.from('/r/orders')
  store.write(writer => writer.put(key, Buffer.from('before'), 0n))
  const kv = createKvService({
    ...{ store, leases: { has: () => false }, turns: AT_ONCE, maxRequestBytes: 10_000 },
    header: revision => ({ revision: toLong(revision) }),
  })
  let lost = 0
  const Txn: typeof kv.Txn = (call, callback) =>
    kv.Txn(call, (error, answer) => {
      if (lost++ > 0) callback(error, answer)
      else callback({ code: status.UNAVAILABLE, details: 'the connection is lost' })
    })
  const server = new Server()
  t.after(() => server.forceShutdown())
  server.addService(loadEtcdServices().KV, { ...kv, Txn })
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  )
  const endpoints = [`127.0.0.1:${port}`]
  assert.equal(await changeStored({ endpoints }, '/r/', 'orders', value => `${value}, after`), 'changed')
  assert.equal(store.latest(key)!.value.toString(), 'before, after')
  assert.equal(lost, 2)
})
