import assert from 'node:assert/strict'
import { test } from 'node:test'
import { restartDelayMs } from '../../../cmd/workers/pool.ts'

test('the delay doubles from 100 ms to 10 s, and jitter takes up to half of it', () => {
  const waits = (random: number) =>
    [0, 1, 2, 6, 7, 50].map(failures => restartDelayMs(failures, () => random))
  assert.deepEqual(waits(1), [100, 200, 400, 6_400, 10_000, 10_000])
  assert.deepEqual(waits(0), [50, 100, 200, 3_200, 5_000, 5_000])
})
