import assert from 'node:assert/strict'
import cluster from 'node:cluster'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
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

test('a reload to fewer workers says at once that the others no longer serve, although they go on', async t => {
  const { schedulingPolicy } = cluster
  const atExit = process.listeners('exit')
  t.after(() => {
    cluster.schedulingPolicy = schedulingPolicy
    for (const listener of process.listeners('exit'))
      if (!atExit.includes(listener)) process.off('exit', listener)
  })
  t.mock.method(cluster, 'fork', () => new FakeFork())
  t.mock.method(cluster, 'setupPrimary', () => {})
  const config = { drainMs: 0, shutdownTimeoutMs: 0, workerTimeoutMs: 0 }
  const settings = { config, sockets: {} } as WorkerSettings
  const serving: number[] = []
  const pool = new WorkerPool(settings, {
    ...{ logger: silentLogger, onLast() {} },
    onServing: () => serving.push(pool.serving.length),
  })
  t.after(() => pool.stop())
  await pool.start(3)
  await pool.replace(settings, 1)
  assert.deepEqual([pool.all.length, serving.at(-1)], [4, 1])
})
