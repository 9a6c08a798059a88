import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { NO_JOURNAL } from '../../../discovery/embedded-etcd/journal.ts'
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
    /** Lets time pass in which this process does not run. What is read from sockets first is `read`. */
    stall(ms: number, read = () => {}) {
      nowMs += ms
      read()
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

test('the time of a stall does not count, because renewals could not be read meanwhile', t => {
  const clock = createClock(t)
  clock.grant(1n, 5n)
  clock.grant(2n, 20n)
  clock.stall(60_000)
  assert.deepEqual(clock.ended, [])
  clock.leases.renew(2n)
  clock.pass(30_000)
  // The stall is noticed by a look that was due after half a second.
  assert.deepEqual(clock.ended, ['1 at 64500', '2 at 80000'])
})

for (const stallMs of [1_600, 3_000, 60_000]) {
  test(`a lease that nobody renews ends by its TTL and a stall of ${stallMs} ms, whenever that comes`, t => {
    for (let beforeMs = 0; beforeMs < 10_000; beforeMs += 700) {
      const clock = createClock(t)
      clock.grant(1n, 10n)
      clock.pass(beforeMs)
      clock.stall(stallMs)
      clock.pass(20_000)
      t.mock.timers.reset()
      const [atMs] = clock.ended.map(text => Number(text.split(' ').at(-1)))
      assert.ok(atMs! <= 10_000 + stallMs + 500, `after ${beforeMs} ms: ended at ${atMs}`)
      assert.ok(atMs! >= Math.min(10_000 + stallMs - 1_000, 10_000), `after ${beforeMs} ms: ended at ${atMs}`)
    }
  })
}

test('a lease that is renewed before the stall is noticed gets no more than its TTL', t => {
  const clock = createClock(t)
  clock.grant(1n, 10n)
  clock.pass(1_000)
  clock.stall(30_000, () => void clock.leases.renew(1n))
  clock.pass(20_000)
  assert.deepEqual(clock.ended, ['1 at 41000'])
})

test('stalls that follow each other add up to no more than their time', t => {
  const clock = createClock(t)
  clock.grant(1n, 10n)
  for (let stall = 0; stall < 40; stall++) {
    clock.pass(500)
    clock.stall(2_000)
  }
  const [atMs] = clock.ended.map(text => Number(text.split(' ').at(-1)))
  // It ran for a fifth of the time.
  assert.ok(atMs! <= 5 * 10_000 + 2_500, `ended at ${atMs}`)
})

test('a lease whose end could not be kept ends later, also when the process stood still meanwhile', t => {
  const clock = createClock(t)
  clock.grant(1n, 10n)
  let takeBack = () => {}
  clock.leases.keepIn({
    ...NO_JOURNAL,
    add(_change, undo) {
      takeBack = undo
    },
  })
  clock.leases.remove(1n)
  clock.stall(2_000)
  takeBack()
  clock.pass(20_000)
  assert.deepEqual(
    clock.ended.map(text => text.split(' ')[0]),
    ['1'],
  )
})
