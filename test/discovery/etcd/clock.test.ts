import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../discovery/etcd/clock.ts'

test('a moment that has passed comes next, and Node.js warns of nothing', async t => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => warnings.push(warning)
  process.on('warning', onWarning)
  t.after(() => process.off('warning', onWarning))
  await new Promise<void>(resolve => void systemClock.after(-1_000, resolve))
  // A warning is emitted in the turn after the one that has caused it.
  await new Promise(setImmediate)
  assert.deepEqual(warnings, [])
})
