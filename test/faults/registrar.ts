import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { type RegisteredProcess, startRegisteredProcess } from '../support/registrar-faults.ts'
import { describeTimes } from '../support/times.ts'

// The long versions of tests in test/discovery/etcd/registrar.test.ts.

const PROCESSES = 3

/** Applies the same fault to several processes at a time, each with its own etcd. */
async function harm(
  t: TestContext,
  ttlSeconds: number,
  how: (process: RegisteredProcess) => Promise<number>,
  withinMs: number,
): Promise<void> {
  if (!requireEtcd(t, ['etcd', 'etcdctl'])) return
  const times = await Promise.all(
    Array.from({ length: PROCESSES }, async () => {
      await using etcd = await startEtcd()
      await using process = await startRegisteredProcess(etcd, ttlSeconds)
      return await how(process)
    }),
  )
  t.diagnostic(`registered again: ${describeTimes(times)}`)
  assert.ok(Math.max(...times) <= withinMs, describeTimes(times))
}

for (const ttlSeconds of [6, 10]) {
  test(`a process that was stopped for longer than its TTL of ${ttlSeconds} s is registered again within 1 s`, t =>
    harm(t, ttlSeconds, process => process.standStill(), 1_000))

  test(`a revoked lease of ${ttlSeconds} s is replaced within a third of its TTL plus 1 s`, t =>
    harm(t, ttlSeconds, process => process.revokeLease(), (ttlSeconds * 1_000) / 3 + 1_000))
}

test('a key that is deleted by hand is back within 1 s', t =>
  harm(t, 10, process => process.deleteKey(), 1_000))
