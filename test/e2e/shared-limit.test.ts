import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireRedis } from '../support/redis.ts'
import { countTogether, describeFaults, disturbStore } from '../support/shared-limit.ts'

// test/faults/shared-limit.ts has the long version.

test('limit: two gateways with two workers each and one store admit the limit exactly', async t => {
  if (!requireRedis(t)) return
  const { admitted, due } = await countTogether(1_000)
  assert.ok(admitted >= 1_000 && admitted <= 1_000 + due, `${admitted} admitted, ${due} due`)
})

test('limit: whatever happens to the store, requests go on as their rules say, and it is used again', async t => {
  if (!requireRedis(t)) return
  // A busy machine takes its time, too.
  const reports = await disturbStore(150, 60)
  t.diagnostic(describeFaults(reports))
  for (const { fault, lines } of reports) assert.ok(lines <= 24, `${fault}: ${lines} lines`)
})
