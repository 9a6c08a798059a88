import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChangeLog } from '../../../internal/telemetry/change-log.ts'

const change = (n: number, after: string | null = 'x') => ({ n, before: null, after })

test('the last 500 changes are kept, the latest first', () => {
  const log = new ChangeLog<ReturnType<typeof change>>()
  for (let n = 0; n < 1_234; n++) log.add(change(n))
  const all = log.latest(1_000)
  assert.deepEqual([all.length, all[0]!.n, all.at(-1)!.n], [500, 1_233, 734])
  assert.deepEqual(
    log.latest(2).map(({ n }) => n),
    [1_233, 1_232],
  )
  assert.deepEqual(log.latest(0), [])
})

test('the texts of all changes together have at most a mebibyte of characters', () => {
  const log = new ChangeLog<ReturnType<typeof change>>()
  for (let n = 0; n < 400; n++) log.add(change(n, 'x'.repeat(8_192)))
  assert.equal(log.latest(500).length, 128)
  for (let n = 0; n < 600; n++) log.add(change(n, null))
  assert.equal(log.latest(500).length, 500, 'those without texts take their places')
})
