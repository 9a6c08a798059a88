import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oneAtATime } from '../../../routes/admin/turns.ts'

test('calls during a run share the next one, which begins when the run is over', async () => {
  const runs: PromiseWithResolvers<number>[] = []
  const get = oneAtATime(() => {
    const run = Promise.withResolvers<number>()
    runs.push(run)
    return run.promise
  })
  const first = get()
  await Promise.resolve()
  assert.equal(runs.length, 1)
  const [second, third] = [get(), get()]
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(runs.length, 1)
  runs[0]!.resolve(1)
  assert.equal(await first, 1)
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(runs.length, 2)
  runs[1]!.resolve(2)
  assert.deepEqual(await Promise.all([second, third]), [2, 2])
})

test('a run that fails does not keep the next one from being made', async () => {
  let runs = 0
  const get = oneAtATime(async () => {
    if (++runs === 1) throw new Error('first')
    return runs
  })
  await assert.rejects(get(), { message: 'first' })
  assert.equal(await get(), 2)
})
