import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { EtcdRegistry } from '../../../discovery/etcd/etcd-registry.ts'
import type { RegistryEvent } from '../../../discovery/registry.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { requireEtcd, startEtcd } from '../../support/etcd.ts'
import { freePort } from '../../support/free-port.ts'
import { freeze } from '../../support/processes.ts'
import { until } from '../../support/until.ts'
import { storeAt } from '../store.ts'

// Silences and answers come ten times as fast as they do by default, and the proxy answers in a few milliseconds.
const timings = { silenceMs: 50, answerMs: 400, deliverMs: 400 }

/** Starts a proxy in front of an etcd, and resolves when it answers. It ends with the test. */
async function startProxy(t: TestContext, etcdPort: number) {
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const proxy = spawn(
    'etcd',
    [
      'grpc-proxy',
      'start',
      `--endpoints=127.0.0.1:${etcdPort}`,
      `--listen-addr=${address}`,
      `--data-dir=${tempFolder(t)}`,
    ],
    { stdio: 'ignore' },
  )
  const end = () => void proxy.kill('SIGKILL')
  process.once('exit', end)
  t.after(() => {
    end()
    proxy.kill('SIGCONT')
    process.off('exit', end)
  })
  const through = storeAt(`http://${address}`)
  await until('the proxy answers', () => through.put('/other/x', '1').then(() => true))
  through.close()
  return { proxy, address }
}

test('behind an etcd grpc-proxy the registry stays connected, sees every change, and notices a proxy that hangs', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  const { proxy, address } = await startProxy(t, etcd.port)
  const store = storeAt(etcd.url)
  t.after(() => store.close())
  await store.put('/services/user/u1', '10.0.0.1:80')

  const registry = new EtcdRegistry({ endpoints: [`http://${address}`], timings })
  t.after(() => registry.close())
  const stop = new AbortController()
  const status: RegistryEvent[] = []
  const keys = new Set<string>()
  const following = (async () => {
    for await (const event of registry.watch(stop.signal)) {
      if (event.type === 'status') status.push(event)
      else if (event.type === 'snapshot') for (const entry of event.entries) keys.add(entry.key)
      else {
        for (const { key } of event.puts) keys.add(key)
        for (const key of event.deletes) keys.delete(key)
      }
    }
  })()
  t.after(() => stop.abort())
  await until('both prefixes are followed', () => status.length === 2)

  // Twice as long as a stream that must answer is waited for.
  for (let i = 0; i < 10; i++) {
    await store.put('/other/y', String(i))
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  assert.deepEqual(
    status.map(event => event.type === 'status' && event.connected),
    [true, true],
    JSON.stringify(status),
  )
  await store.put('/services/user/u2', '10.0.0.2:80')
  await until('the new node is seen', () => keys.has('/services/user/u2'))
  await store.delete('/services/user/u1')
  await until('the deletion is seen', () => !keys.has('/services/user/u1'))

  await freeze(proxy.pid!)
  await until('the proxy that hangs is noticed', () => status.length === 4)
  proxy.kill('SIGCONT')
  await until('it is followed again', () => status.length === 6)
  stop.abort()
  await following
})

test('a registry that shares the watches of another one behind an etcd grpc-proxy reads each prefix once', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  const { address } = await startProxy(t, etcd.port)
  // The proxy confirms the watches of the second one by itself, and does not know the id of the cluster.
  for (const which of ['first', 'second']) {
    const registry = new EtcdRegistry({ endpoints: [`http://${address}`], timings })
    t.after(() => registry.close())
    const stop = new AbortController()
    let connected = 0
    void (async () => {
      for await (const event of registry.watch(stop.signal)) {
        if (event.type === 'status' && event.connected) connected++
      }
    })()
    t.after(() => stop.abort())
    await until(`the ${which} follows both prefixes`, () => connected === 2)
    const relists = registry.sources.flatMap(({ name }) => [...registry.status(name).relists])
    assert.deepEqual(relists, [
      ['start', 1],
      ['start', 1],
    ])
  }
})
