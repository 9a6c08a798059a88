import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { damages, killGatewayAndEtcd, serveFromDisk, waitOnDamage } from '../support/start-from-disk.ts'
import { until } from '../support/until.ts'
import { startGateway } from '../support/waygate.ts'

// Concurrent, because they mostly wait.
describe('a gateway that starts while etcd is down', { concurrency: 2 }, () => {
  test('after it was killed, serves from disk, but not from a damaged snapshot', async t => {
    if (!requireEtcd(t)) return
    await using killed = await killGatewayAndEtcd()
    const { servedMs } = await serveFromDisk(killed)
    t.diagnostic(`served from disk ${Math.round(servedMs)} ms after the start of the process`)
    // All kinds of damage are covered by the tests of the snapshot file and by test/faults/start-from-disk.ts.
    const some = damages.filter(({ name }) => name.includes('flipped') || name.includes('routes'))
    assert.equal(some.length, 2)
    await using stack = new AsyncDisposableStack()
    const waiting = await Promise.all(some.map(async each => stack.use(await waitOnDamage(killed, each))))
    await killed.etcd.restart()
    await Promise.all(waiting.map(each => each.untilServes()))
  })

  test('does not serve a snapshot without nodes: it waits, and serves once etcd is available', async t => {
    if (!requireEtcd(t)) return
    await using killed = await killGatewayAndEtcd()
    await killed.etcd.restart({ wipe: true })
    const cwd = await killed.folder()
    {
      await using gateway = await startGateway({ etcd: killed.etcd.url, cwd })
      gateway.child.kill('SIGTERM')
      assert.deepEqual(await gateway.exited, { code: 0, signal: null })
    }
    await killed.etcd.kill('SIGKILL')
    await using gateway = await startGateway({ etcd: killed.etcd.url, cwd, ready: false })
    await gateway.logged('table on disk has no nodes; waiting for the registry')
    assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 503)
    await killed.etcd.restart()
    await until('it is ready', async () => (await fetch(`${gateway.admin}/readyz`)).ok)
  })
})
