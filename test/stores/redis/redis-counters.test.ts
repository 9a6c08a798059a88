import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Charge, CountedRule, Verdict } from '../../../internal/limits/counters.ts'
import { LocalCounters } from '../../../internal/limits/local-counters.ts'
import { seededRandom } from '../../support/random.ts'
import { requireRedis, startRedis } from '../../support/redis.ts'
import { until } from '../../support/until.ts'
import { chargeOf, openUp, ruleOf, standingAt, type TestCounters } from './counters.ts'

const TAKER = join(import.meta.dirname, 'taker-process.ts')
const HOUR_MICROS = 3_600_000_000
const NOON_MICROS = Date.UTC(2026, 10, 29, 12) * 1_000

/** Takes the same charges `count` times, one after the other, and returns how many were admitted. */
async function admittedOf(
  store: TestCounters,
  count: number,
  ...charges: readonly Charge[]
): Promise<number> {
  let admitted = 0
  for (let i = 0; i < count; i++) {
    if ((await store.take(...charges)).every(({ allowed }) => allowed)) admitted++
  }
  return admitted
}

/** The options for counters with a clock that the test sets, which also returns. */
function setClock(micros: number) {
  const clock = { micros }
  const clocks = { wallMicros: () => clock.micros, monotonicMs: () => clock.micros / 1_000 }
  return { clock, options: { clock: 'gateway', clocks } as const }
}

test('limit: the store charges nothing when one of two rules refuses', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using store = await openUp(redis.url)
  const wide = chargeOf(ruleOf({ id: 'wide', limit: 10, windowMicros: HOUR_MICROS }))
  const narrow = chargeOf(ruleOf({ id: 'narrow', limit: 2, windowMicros: HOUR_MICROS }), 'other')
  assert.equal(await admittedOf(store, 6, wide, narrow), 2)
  const [verdict] = await store.take({ ...wide, isTest: true })
  assert.equal(verdict!.remaining, 8)
  assert.equal(await admittedOf(store, 20, wide), 8)
})

test('limit: the store decides as the local counters do, over 10,000 random arrivals', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  const clock = { micros: NOON_MICROS, ms: 0 }
  const now = () => clock.micros
  // Each look at the other clock is long after the last one, so no refusal is remembered.
  const clocks = { wallMicros: now, monotonicMs: () => (clock.ms += 1_000_000) }
  const local = new LocalCounters({ maxKeys: 1_000, now, wallNow: now })
  await using store = await openUp(redis.url, { clock: 'gateway', clocks })
  const rules: CountedRule[] = [
    ruleOf({ id: 'even', limit: 7, windowMicros: HOUR_MICROS }),
    ruleOf({ id: 'burst', limit: 30, burst: 3, windowMicros: 7 * HOUR_MICROS }),
    ruleOf({ id: 'exact', algorithm: 'exact', limit: 9, windowMicros: 2 * HOUR_MICROS }),
    ruleOf({ id: 'fixed', algorithm: 'fixed', limit: 12, windowMicros: 1.5 * HOUR_MICROS }),
  ]
  const random = seededRandom(11)
  const below = (end: number) => Math.floor(random() * end)
  const whole = (verdicts: readonly Verdict[]) =>
    verdicts.map(({ nextMs, retryMs, ...rest }) => ({
      ...rest,
      nextMs: Math.ceil(nextMs),
      retryMs: Math.ceil(retryMs),
    }))
  let refusals = 0
  for (let i = 0; i < 10_000; i++) {
    // Hours, because the store forgets counts by its own clock, and must not while this one stands.
    clock.micros += below(4) === 0 ? 0 : below(HOUR_MICROS / 5)
    const charges = rules
      .filter(() => below(2) === 0)
      .map(rule =>
        chargeOf(rule, `k${below(2)}`, {
          cost: below(8) === 0 ? below(12) : 1,
          isTest: below(10) === 0,
        }),
      )
    if (below(20) === 0) {
      local.add(charges)
      store.counters.add(charges)
    }
    const expected = whole(local.take(charges))
    const found = await store.take(...charges)
    if (found.some(({ allowed }) => !allowed)) refusals++
    assert.deepEqual(found, expected, `arrival ${i}`)
  }
  assert.ok(refusals > 1_000 && refusals < 9_000, `${refusals} refusals`)
  assert.equal(store.results.remembered, undefined)
})

test('limit: 2^53 microseconds survive Lua', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  for (const algorithm of ['gcra', 'exact', 'fixed'] as const) {
    const { clock, options } = setClock(2 ** 53 - 1 - 3 * HOUR_MICROS)
    if (algorithm === 'fixed') clock.micros -= clock.micros % HOUR_MICROS
    await using store = await openUp(redis.url, options)
    // One request an hour: a digit that is lost would admit it a microsecond early, or refuse it when it is due.
    const charge = chargeOf(ruleOf({ id: algorithm, algorithm, limit: 1, windowMicros: HOUR_MICROS }))
    assert.ok((await store.take(charge))[0]!.allowed, algorithm)
    clock.micros += HOUR_MICROS - 1
    const early = (await store.take(charge))[0]!
    assert.deepEqual(early, { allowed: false, remaining: 0, nextMs: 1, retryMs: 1 }, algorithm)
    clock.micros++
    // Other counters, since these remember the refusal for a millisecond.
    await using other = await openUp(redis.url, options)
    assert.ok((await other.take(charge))[0]!.allowed, algorithm)
  }
})

test('limit: a clock of the store that is set back by an hour locks nobody out', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  for (const algorithm of ['gcra', 'exact', 'fixed'] as const) {
    const { clock, options } = setClock(NOON_MICROS)
    await using store = await openUp(redis.url, options)
    const charge = chargeOf(ruleOf({ id: algorithm, algorithm, limit: 3 }))
    assert.equal(await admittedOf(store, 5, charge), 3)
    clock.micros -= HOUR_MICROS
    // A gateway that has not refused anybody, since a refusal is remembered by a clock that is never set.
    await using other = await openUp(redis.url, options)
    await until(algorithm, async () => {
      clock.micros += 100_000
      return (await other.take(charge))[0]!.allowed
    })
    assert.ok(clock.micros < NOON_MICROS - HOUR_MICROS + 2_000_000, algorithm)
  }
})

test('limit: a refusal that this process reads late is not repeated for longer than it holds', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  const { clock, options } = setClock(NOON_MICROS)
  await using store = await openUp(redis.url, options)
  const charge = chargeOf(ruleOf({ limit: 1, windowMicros: 5_000_000 }))
  assert.ok((await store.take(charge))[0]!.allowed)
  const refused = store.take(charge)
  clock.micros += 6_000_000
  assert.equal((await refused)[0]!.allowed, false)
  assert.ok((await store.take(charge))[0]!.allowed)
})

test('limit: 3 gateways, 100/s shared, total 100 ± 1', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  // The clock stands, so that the total does not depend on how long the machine takes.
  const args = [redis.url, '100', '5', String(NOON_MICROS)]
  const takers = [1, 2, 3].map(() => fork(TAKER, args, { execArgv: ['--conditions=waygate-source'] }))
  const nextMessages = () => Promise.all(takers.map(async taker => (await once(taker, 'message'))[0]))
  assert.deepEqual(await nextMessages(), ['up', 'up', 'up'])
  const admitted = [0, 0, 0]
  for (let round = 0; round < 40; round++) {
    const counts = nextMessages()
    for (const taker of takers) taker.send('round')
    for (const [index, count] of (await counts).entries()) admitted[index]! += count
  }
  for (const taker of takers) taker.disconnect()
  assert.equal(
    admitted.reduce((sum, each) => sum + each),
    100,
  )
  assert.ok(
    admitted.every(each => each > 0),
    `each of them admitted requests: ${admitted}`,
  )
})

test('limit: a refused key is refused again without asking the store, for 10 s at most', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  const { clock, options } = setClock(NOON_MICROS)
  await using store = await openUp(redis.url, options)
  const rule = ruleOf({ limit: 1, windowMicros: 24 * HOUR_MICROS })
  const other = chargeOf(ruleOf({ id: 'other', limit: 50 }))
  assert.equal(await admittedOf(store, 100, chargeOf(rule), other), 1)
  assert.equal(store.results.answered, 2)
  assert.equal(store.results.remembered, 98)

  clock.micros += 4_000_000
  const [refused, beside] = await store.take(chargeOf(rule), other)
  assert.deepEqual(refused, {
    allowed: false,
    remaining: 0,
    nextMs: 24 * 3_600_000 - 4_000,
    retryMs: 24 * 3_600_000 - 4_000,
  })
  assert.equal(beside!.remaining, 49, 'what it said of the other rule')
  assert.equal(store.results.answered, 2)

  // What has changed is asked again: the burst, a cheaper request, the time.
  assert.ok((await store.take(chargeOf(ruleOf({ ...rule, burst: 2 }))))[0]!.allowed)
  assert.equal(store.results.answered, 3)
  await redis.cli('flushall')
  assert.equal((await store.take(chargeOf(rule)))[0]!.allowed, false)
  clock.micros += 6_000_001
  assert.ok((await store.take(chargeOf(rule)))[0]!.allowed, 'a count that was reset takes effect')
})

test('limit: what 20,000 keys were refused is forgotten, the oldest first', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using store = await openUp(redis.url, standingAt(NOON_MICROS))
  const rule = ruleOf({ limit: 1, windowMicros: HOUR_MICROS })
  // A cost above the burst is refused at once, and never admitted.
  const costly = (i: number) => chargeOf(rule, `k${i}`, { cost: 2 })
  for (let from = 0; from < 20_000; from += 500) {
    const verdicts = await Promise.all(Array.from({ length: 500 }, (_, i) => store.take(costly(from + i))))
    assert.ok(verdicts.every(([verdict]) => verdict!.retryMs === Number.POSITIVE_INFINITY))
  }
  await store.take(costly(19_999))
  assert.equal(store.results.remembered, 1)
  await store.take(costly(9_999))
  assert.equal(store.results.remembered, 1)
})

test('limit: no address and no API key lies in the store, and counts end there by themselves', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using store = await openUp(redis.url)
  const address = '203.0.113.7'
  for (const algorithm of ['gcra', 'exact', 'fixed'] as const) {
    const rule = ruleOf({ id: `route ${algorithm}`, algorithm, windowMicros: 60_000_000 })
    await store.take(chargeOf(rule, address))
  }
  const keys = (await redis.cli('keys', '*')).split('\n').filter(key => !key.endsWith('probe'))
  assert.equal(keys.length, 3)
  for (const key of keys) {
    assert.match(key, /^test:\{[\w-]{22}\}[\w-]{22}$/)
    const ttl = Number(await redis.cli('pttl', key))
    assert.ok(ttl > 0 && ttl <= 60_000, `${ttl}`)
  }
})

test('quota: a window of the calendar is charged by its name, and kept until it has ended', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  const { clock, options } = setClock(NOON_MICROS)
  await using store = await openUp(redis.url, options)
  const rule = ruleOf({ algorithm: 'fixed', limit: 3, windowMicros: 0 })
  const windowEndsAt = NOON_MICROS / 1_000 + 60_000
  const november = chargeOf(rule, 'ann 2026-11', { windowEndsAt })
  assert.equal(await admittedOf(store, 5, november), 3)
  const [verdict] = await store.take(november)
  assert.equal(verdict!.retryMs, 60_000)
  const december = chargeOf(rule, 'ann 2026-12', { windowEndsAt: windowEndsAt + 31 * 24 * 3_600_000 })
  assert.equal(await admittedOf(store, 5, december), 3)
  clock.micros += 30_000_000
  assert.equal((await store.take({ ...november, isTest: true }))[0]!.allowed, false)
})

test('limit: what is charged without a test counts in full, and is forgiven like any other count', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  const { clock, options } = setClock(NOON_MICROS)
  await using store = await openUp(redis.url, options)
  for (const algorithm of ['gcra', 'exact', 'fixed'] as const) {
    const charge = chargeOf(ruleOf({ id: algorithm, algorithm, limit: 3, windowMicros: HOUR_MICROS }))
    store.counters.add([{ ...charge, cost: 50 }])
    const verdict = (await store.take(charge))[0]!
    assert.equal(verdict.allowed, false, algorithm)
    assert.ok(verdict.retryMs <= 3_600_000, `${verdict.retryMs}`)
  }
  clock.micros += HOUR_MICROS
  await using later = await openUp(redis.url, options)
  for (const algorithm of ['gcra', 'exact', 'fixed'] as const) {
    const charge = chargeOf(ruleOf({ id: algorithm, algorithm, limit: 3, windowMicros: HOUR_MICROS }))
    assert.ok((await later.take(charge))[0]!.allowed, algorithm)
  }
})
