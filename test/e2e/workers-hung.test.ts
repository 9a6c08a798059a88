import assert from 'node:assert/strict'
import { test } from 'node:test'
import { send } from '../support/http.ts'
import { freeze } from '../support/processes.ts'
import { until } from '../support/until.ts'
import { startWithWorkers } from '../support/workers.ts'

test('workers that hang are noticed: /readyz says so, the log too, and they are replaced', async () => {
  await using scene = await startWithWorkers({ workerTimeoutMs: 5_000 })
  const { gateway, workers, metric } = scene
  const before = await workers()
  const readyz = async () => (await fetch(`${gateway.admin}/readyz`)).status
  for (const pid of before) await freeze(pid)
  await until('the gateway is not ready', async () => (await readyz()) === 503, { withinMs: 30_000 })
  for (const pid of before) {
    const silent = await gateway.logged(line => line.msg === 'worker does not answer' && line.worker === pid)
    assert.deepEqual([silent.level, silent.silentMs], [50, 3_000])
  }
  // A connection from that time waits for a worker, and is not refused.
  const waiting = send(gateway.port, { path: '/echo/x' })
  for (const pid of before)
    await gateway.logged(line => line.msg === 'worker killed; it did not answer' && line.worker === pid)
  assert.equal((await waiting).status, 200)
  await until('the gateway is ready again', async () => (await readyz()) === 200, { withinMs: 60_000 })
  assert.equal((await send(gateway.port, { path: '/echo/x' })).status, 200)
  assert.equal(await metric('waygate_worker_hung_total'), 2)
  const after = await until('both are replaced', async () => {
    const now = await workers()
    return now.length === 2 && now
  })
  assert.ok(!after.some(pid => before.includes(pid)), `${before} became ${after}`)
})

test('a worker that answers again before its time is over is kept', async () => {
  await using scene = await startWithWorkers({ workerTimeoutMs: 60_000 })
  const { gateway, workers } = scene
  const before = await workers()
  await freeze(before[0]!)
  await gateway.logged('worker does not answer')
  assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 200, 'the other one serves')
  process.kill(before[0]!, 'SIGCONT')
  await gateway.logged('worker answers again')
  assert.deepEqual([...(await workers())].sort(), [...before].sort())
})
