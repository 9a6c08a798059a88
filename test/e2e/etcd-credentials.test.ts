import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import {
  type CredentialFault,
  endsByThemselves,
  loseCredentials,
  takenAway,
} from '../support/lost-credentials.ts'
import { describeTimes } from '../support/times.ts'

const RECOVERED_WITHIN_MS = 5_000

async function run(t: TestContext, faults: readonly CredentialFault[]): Promise<void> {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
  const { requests, recoveredMs } = await loseCredentials({ faults })
  t.diagnostic(`${requests} requests, 0 failed`)
  for (const [fault, times] of recoveredMs) {
    t.diagnostic(`${fault}: ${describeTimes(times)}`)
    assert.ok(Math.max(...times) <= RECOVERED_WITHIN_MS, fault)
  }
}

// Concurrent, because they mostly wait.
describe('credentials for etcd', { concurrency: 2 }, () => {
  test('that expire are renewed: no request fails, nothing is lost', t => run(t, endsByThemselves))

  test('that are taken away and given back fail no request and cost no registration', t => run(t, takenAway))
})
