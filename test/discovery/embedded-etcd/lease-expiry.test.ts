import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { LeaseExpiry } from '../../../discovery/embedded-etcd/lease-expiry.ts'
import { LeaseTable } from '../../../discovery/embedded-etcd/lease-table.ts'

/** A lease table and its expiry, with a clock that the test moves. */
function createClock(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let nowMs = 0
  const now = () => nowMs
  const leases = new LeaseTable({ now, wallNow: now, randomId: () => 1n, minTtlSeconds: 1n })
  const ended: string[] = []
  const expiry = new LeaseExpiry({
    leases,
    now,
    expire(id) {
      leases.remove(id)
      ended.push(`${id} at ${nowMs}`)
    },
  })
  t.after(() => expiry.close())
  return {
    leases,
    ended,
    grant(id: bigint, ttlSeconds: bigint) {
      expiry.schedule(leases.grant(id, ttlSeconds).expiresAtMs)
    },
    pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 100) {
        nowMs += 100
        t.mock.timers.tick(100)
      }
    },
    /** Lets time pass in which this process does not run. */
    stall(ms: number) {
      nowMs += ms
      t.mock.timers.tick(ms)
    },
  }
}

test('each lease ends at its own time, regardless of the order of the grants', t => {
  const clock = createClock(t)
  clock.grant(30n, 30n)
  clock.grant(5n, 5n)
  clock.grant(10n, 10n)
  clock.pass(60_000)
  assert.deepEqual(clock.ended, ['5 at 5000', '10 at 10000', '30 at 30000'])
})

test('a renewed lease lives for a full TTL from then on', t => {
  const clock = createClock(t)
  clock.grant(1n, 5n)
  clock.pass(3_000)
  assert.equal(clock.leases.renew(1n), 5n)
  clock.pass(4_900)
  assert.deepEqual(clock.ended, [])
  clock.pass(200)
  assert.deepEqual(clock.ended, ['1 at 8000'])
})

test('a lease that was granted later but ends sooner ends first', t => {
  const clock = createClock(t)
  clock.grant(1n, 5n)
  clock.pass(1_000)
  clock.grant(2n, 1n)
  clock.pass(1_000)
  assert.deepEqual(clock.ended, ['2 at 2000'])
})

test('a lease longer than the longest timer does not end early', async t => {
  const warnings: string[] = []
  const note = ({ name }: Error) => void warnings.push(name)
  process.on('warning', note)
  t.after(() => process.off('warning', note))
  const leases = new LeaseTable({ now: () => 0, wallNow: () => 0, randomId: () => 1n, minTtlSeconds: 1n })
  const expiry = new LeaseExpiry({ leases, now: () => 0, expire: () => assert.fail('it ended') })
  t.after(() => expiry.close())
  expiry.schedule(leases.grant(1n, 9_000_000_000n).expiresAtMs)
  // A timer above the maximum fires after 1 ms, so before this one, and Node prints a warning.
  await setTimeout(1)
  assert.deepEqual(warnings, [])
})

test('leases restart after a stall of the process, because their renewals could not be read', t => {
  const clock = createClock(t)
  clock.grant(1n, 5n)
  clock.grant(2n, 20n)
  clock.stall(60_000)
  assert.deepEqual(clock.ended, [])
  clock.leases.renew(2n)
  clock.pass(30_000)
  assert.deepEqual(clock.ended, ['1 at 65000', '2 at 80000'])
})
