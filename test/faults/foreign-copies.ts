import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { openRegistry } from '../support/registry.ts'
import { startService } from '../support/service.ts'
import { snapshotIn } from '../support/start-from-disk.ts'
import { until } from '../support/until.ts'
import { startGateway } from '../support/waygate.ts'

// The short version is in test/discovery/remembered.test.ts.
test('gateways of two clusters share a data directory: neither serves or spoils the copy of the other', async t => {
  if (!requireEtcd(t)) return
  await using stack = new AsyncDisposableStack()
  const cwd = await mkdtemp(join(tmpdir(), 'waygate-shared-'))
  stack.defer(() => rm(cwd, { recursive: true, force: true, maxRetries: 5 }))
  await writeFile(join(cwd, 'waygate.yaml'), 'accessLog: false')
  const clusters = await Promise.all(
    ['staging', 'production'].map(async name => {
      const etcd = stack.use(await startEtcd())
      const service = stack.use(await startService(name))
      using store = openRegistry(etcd.url)
      await store.putNode('pay', 'n1', service)
      return { name, etcd }
    }),
  )
  const [staging, production] = clusters as [(typeof clusters)[0], (typeof clusters)[0]]
  const answer = async (url: string) => {
    const response = await fetch(`${url}/pay/x`)
    return response.ok ? response.text() : String(response.status)
  }
  {
    await using gateway = await startGateway({ etcd: staging.etcd.url, cwd })
    assert.equal(await answer(gateway.url), 'staging')
    await until('the copy is written', () => snapshotIn(join(cwd, '.waygate'), 'routes') !== '')
    gateway.child.kill('SIGTERM')
    await gateway.exited
  }
  await production.etcd.kill('SIGSTOP')
  {
    await using gateway = await startGateway({ etcd: production.etcd.url, cwd, ready: false })
    const warning = await gateway.logged('ignoring the snapshot on disk')
    assert.match(String(warning.reason), /another etcd/)
    assert.equal(await answer(gateway.url), '503', 'it has no table yet')
    await production.etcd.kill('SIGCONT')
    await until('production answers', async () => (await answer(gateway.url)) === 'production')
    gateway.child.kill('SIGTERM')
    await gateway.exited
  }
  for (const { etcd } of clusters) await etcd.kill('SIGKILL')
  const gateways = await Promise.all(
    clusters.map(({ etcd }) => startGateway({ etcd: etcd.url, cwd, ready: false })),
  )
  for (const gateway of gateways) stack.use(gateway)
  for (const [index, { name }] of clusters.entries()) {
    await until(
      `${name} is served from its own copy`,
      async () => (await answer(gateways[index]!.url)) === name,
    )
  }
  t.diagnostic('each of two clusters is served from its own copy, and none from the other')
})
