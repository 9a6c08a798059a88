import assert from 'node:assert/strict'
import cluster from 'node:cluster'
import { EventEmitter } from 'node:events'
import { type TestContext, test } from 'node:test'
import type { ToWorker, WorkerSettings } from '../../../cmd/workers/messages.ts'
import { WorkerPool } from '../../../cmd/workers/pool.ts'
import { silentLogger } from '../../../discovery/logger.ts'

/** A worker that listens at once, and goes on for as long as its clients do, which is until the whole gateway ends. */
class FakeFork extends EventEmitter {
  readonly process = { pid: 1, kill: () => this.emit('exit', null, 'SIGKILL') }

  isConnected(): boolean {
    return true
  }

  send({ type }: ToWorker): void {
    if (type === 'start') queueMicrotask(() => this.emit('message', { type: 'listening', addresses: {} }))
    if (type === 'drain') this.emit('exit', 0, null)
  }
}

/** Lets pools fork what `fork` returns, and leaves the process as it was. */
function fakeCluster(t: TestContext, fork: () => FakeFork): void {
  const { schedulingPolicy } = cluster
  const atExit = process.listeners('exit')
  t.after(() => {
    cluster.schedulingPolicy = schedulingPolicy
    for (const listener of process.listeners('exit'))
      if (!atExit.includes(listener)) process.off('exit', listener)
  })
  t.mock.method(cluster, 'fork', fork)
  t.mock.method(cluster, 'setupPrimary', () => {})
}

const config = { drainMs: 0, shutdownTimeoutMs: 0, workerTimeoutMs: 0 }
const settings = { config, sockets: {} } as WorkerSettings

test('a reload that fails after its first worker serves says so before it fails', async t => {
  let forks = 0
  // The one for the second place never listens.
  const mute = Promise.withResolvers<void>()
  fakeCluster(t, () => {
    const fork = new FakeFork()
    if (++forks === 4) {
      fork.send = ({ type }) => type === 'start' && mute.resolve()
    }
    return fork
  })
  const pool = new WorkerPool(settings, { logger: silentLogger, onLast() {}, onServing() {} })
  await pool.start(2)
  let isInForce = false
  const replacing = pool.replace(settings, 2, () => {
    isInForce = true
  })
  await Promise.race([mute.promise, replacing])
  assert.equal(isInForce, true)
  await Promise.all([assert.rejects(replacing), pool.stop()])
})

test('a reload to fewer workers says at once that the others no longer serve, although they go on', async t => {
  fakeCluster(t, () => new FakeFork())
  const serving: number[] = []
  const pool = new WorkerPool(settings, {
    ...{ logger: silentLogger, onLast() {} },
    onServing: () => serving.push(pool.serving.length),
  })
  t.after(() => pool.stop())
  await pool.start(3)
  await pool.replace(settings, 1, () => {})
  assert.deepEqual([pool.all.length, serving.at(-1)], [4, 1])
})
