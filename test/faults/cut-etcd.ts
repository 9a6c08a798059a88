import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  type CutReport,
  cutAndCompact,
  cutAtRandom,
  cutInBacklog,
  goDead,
  slowDown,
} from '../support/cut-etcd.ts'
import { requireEtcd } from '../support/etcd.ts'
import { describeTimes } from '../support/times.ts'

const WITHIN_MS = 1_000
const NOTICED_WITHIN_MS = 8_000
/** A connection made while the proxy was dead stays dead, and is closed after 2 s without a server preface. */
const REPLACED_WITHIN_MS = 2_000 + WITHIN_MS

async function run<T extends CutReport>(t: TestContext, scenario: () => Promise<T>): Promise<T | undefined> {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return undefined
  const report = await scenario()
  const { requests, convergedMs, note } = report
  t.diagnostic(`${note}; ${requests} requests, 0 failed; converged: ${describeTimes(convergedMs)}`)
  return report
}

// The long version of test/e2e/cut-etcd.test.ts.
for (const how of ['fin', 'rst'] as const) {
  test(`compacted while cut off (${how}): tables match within 1 s of the repair`, async t => {
    const report = await run(t, () => cutAndCompact({ gateways: 4, how }))
    if (report) assert.ok(Math.max(...report.convergedMs) <= WITHIN_MS, describeTimes(report.convergedMs))
  })
}

for (const drops of [1, 5]) {
  test(`cut ${drops} times in the middle of a backlog of 5,000: tables match, events in order, none twice`, async t => {
    await run(t, () => cutInBacklog({ gateways: 2, puts: 5_000, drops }))
  })
}

for (const seed of [1, 2, 3]) {
  test(`20 random cuts during 5,000 puts (seed ${seed}): tables match, events in order, none twice`, async t => {
    await run(t, () => cutAtRandom({ gateways: 2, puts: 5_000, cuts: 20, seed }))
  })
}

test('a dead connection is noticed within 8 s, and tables match within 3 s of the repair', async t => {
  const report = await run(t, () => goDead({ gateways: 4, deadMs: 15_000 }))
  if (!report) return
  t.diagnostic(`noticed: ${describeTimes(report.noticedMs)}`)
  assert.ok(Math.max(...report.noticedMs) <= NOTICED_WITHIN_MS, describeTimes(report.noticedMs))
  assert.ok(Math.max(...report.convergedMs) <= REPLACED_WITHIN_MS, describeTimes(report.convergedMs))
})

test('a delay of 400 ms each way is not taken for an outage', async t => {
  await run(t, () => slowDown({ delayMs: 400 }))
})
