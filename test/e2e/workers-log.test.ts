import assert from 'node:assert/strict'
import { test } from 'node:test'
import { send } from '../support/http.ts'
import { childrenOf } from '../support/processes.ts'
import { until } from '../support/until.ts'
import { startWithWorkers } from '../support/workers.ts'

test('a reader of the log that reads no more blocks neither requests, nor a reload, nor the exit', async () => {
  await using scene = await startWithWorkers()
  const { gateway } = scene
  const before = childrenOf(gateway.pid)
  // The pipe of a child of Node is a socket, like journald's.
  gateway.child.stdout!.pause()
  const path = `/echo/${'x'.repeat(4_000)}`
  const ask = async (count: number) => {
    for (let i = 0; i < count; i++) assert.equal((await send(gateway.port, { path })).status, 200)
  }
  await ask(400)
  gateway.child.kill('SIGHUP')
  await until('old workers are replaced', () => {
    const now = childrenOf(gateway.pid)
    return now.length === 2 && !now.some(pid => before.includes(pid))
  })
  await ask(400)
  gateway.child.kill('SIGTERM')
  await until('it has exited', () => gateway.child.exitCode !== null, { withinMs: 20_000 })
  assert.equal(gateway.child.exitCode, 0)
  gateway.child.stdout!.resume()
})
