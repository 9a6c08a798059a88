import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { runHeartbeats } from '../support/heartbeat-model.ts'
import { runSeeds } from '../support/random-registrations.ts'
import { runRegistrations } from '../support/registrar-model.ts'

const MINUTES = Number(process.env.MINUTES ?? 5)
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)

// The long version of test/discovery/etcd/random-registrations.test.ts.
for (const [what, run, withRestarts] of [
  ['registrations', runRegistrations, true],
  ['heartbeats', runHeartbeats, false],
] as const) {
  test(`${what} are as they should after ${MINUTES} minutes of random faults`, async t => {
    if (!requireEtcd(t)) return
    t.diagnostic(`seed ${SEED}`)
    const forMs = MINUTES * 60_000
    const { seeds, failures } = await runSeeds({
      run,
      seed: SEED,
      atOnce: 20,
      rounds: 3,
      forMs,
      withRestarts,
    })
    t.diagnostic(`${seeds} seeds`)
    assert.deepEqual(failures, [])
  })
}
