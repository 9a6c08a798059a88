import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { endsByThemselves, loseCredentials, takenAway } from '../support/lost-credentials.ts'
import { describeTimes } from '../support/times.ts'

const ROUNDS = 5
const GATEWAYS = 4
const RECOVERED_WITHIN_MS = 5_000

// The long version of test/e2e/etcd-credentials.test.ts.
for (const fault of [...endsByThemselves, ...takenAway]) {
  test(`${fault.name}, ${ROUNDS} times under load: no request fails, tables match within 5 s`, async t => {
    if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
    const faults = Array.from({ length: ROUNDS }, (_, round) => ({ ...fault, name: `round ${round + 1}` }))
    const { requests, recoveredMs } = await loseCredentials({ faults, gateways: GATEWAYS })
    const times = [...recoveredMs.values()].flat()
    t.diagnostic(`${requests} requests, 0 failed; recovered: ${describeTimes(times)}`)
    assert.ok(Math.max(...times) <= RECOVERED_WITHIN_MS, describeTimes(times))
  })
}
