import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireRedis } from '../support/redis.ts'
import { countTogether, describeFaults, disturbStore } from '../support/shared-limit.ts'

// The long version of test/e2e/shared-limit.test.ts, with the default deadline of 25 ms.

for (const run of [1, 2, 3]) {
  test(`limit (${run}): of 10,000 requests to two gateways with two workers each, 5,000 are admitted, and those that become due meanwhile`, async t => {
    if (!requireRedis(t)) return
    const { admitted, due } = await countTogether(5_000)
    t.diagnostic(`${admitted} admitted, ${due} due`)
    // One becomes due each 17 s.
    assert.ok(admitted >= 5_000 && admitted <= 5_000 + due, `${admitted} admitted, ${due} due`)
  })

  test(`limit (${run}): the store fails in five ways, and each time it is used again within 2 s`, async t => {
    if (!requireRedis(t)) return
    const reports = await disturbStore(25, 2_000)
    t.diagnostic(describeFaults(reports))
    for (const { fault, recoveredMs, lines } of reports) {
      assert.ok(recoveredMs <= 2_000, `${fault}: ${recoveredMs} ms`)
      assert.ok(lines <= 24, `${fault}: ${lines} lines`)
    }
  })
}
