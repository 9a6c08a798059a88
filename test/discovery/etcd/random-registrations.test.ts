import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { requireEtcd } from '../../support/etcd.ts'
import { runHeartbeats } from '../../support/heartbeat-model.ts'
import { runSeeds } from '../../support/random-registrations.ts'
import { runRegistrations } from '../../support/registrar-model.ts'

// test/faults/registrar-random.ts runs for minutes, and with an etcd that is killed.
describe('after random faults', { concurrency: true }, () => {
  for (const [what, run] of [
    ['registrations', runRegistrations],
    ['heartbeats', runHeartbeats],
  ] as const) {
    test(`${what} are as they should`, async t => {
      if (!requireEtcd(t)) return
      const options = { run, seed: 1, atOnce: 8, rounds: 1, forMs: 0, withRestarts: false }
      const { failures } = await runSeeds(options)
      assert.deepEqual(failures, [])
    })
  }
})
