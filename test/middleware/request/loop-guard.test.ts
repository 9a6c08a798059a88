import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GatewayError } from '../../../internal/http/errors.ts'
import { type LoopChange, LoopGuard } from '../../../middleware/request/loop-guard.ts'
import { LoopLimit } from '../../../middleware/request/loop-limit.ts'
import { keepBusy } from '../../support/busy-loop.ts'
import { until } from '../../support/until.ts'

const TARGET_MS = 50

/** A limit and its clock. */
function scene() {
  const limit = new LoopLimit(TARGET_MS, 0)
  let now = 0
  return {
    limit,
    /** An interval of four turns that are timed. */
    turns(inFlight: number, ms: number, ...others: number[]) {
      for (const turnMs of [ms, others[0] ?? ms, others[1] ?? ms, others[2] ?? ms]) {
        now += 125
        limit.recordTurn(turnMs, inFlight, now)
      }
    },
    /** One turn as long as this, by itself. */
    pause(inFlight: number, ms: number) {
      now += 100 + ms
      limit.recordTurn(ms, inFlight, now)
    },
  }
}

test('while the loop is late the limit shrinks by a tenth of what is under way, and never below 100', () => {
  const { limit, turns } = scene()
  assert.equal(limit.refuses(1_000_000), false)
  turns(1_000, 60, 200, 51)
  assert.equal(limit.limit, 900)
  assert.deepEqual([limit.refuses(900), limit.refuses(901)], [false, true])
  turns(900, 60)
  assert.equal(limit.limit, 810)
  for (let i = 0; i < 50; i++) turns(500, 51)
  assert.equal(limit.limit, 100)
})

test('long turns with one short one among them within half a second are no overload', () => {
  const { limit, turns } = scene()
  for (let i = 0; i < 10; i++) turns(1_000, 400, 90, 50, 300)
  assert.equal(limit.limit, Number.POSITIVE_INFINITY)
})

test('a pause of seconds is no overload, whenever it comes', () => {
  const { limit, turns, pause } = scene()
  pause(1_000, 3_000)
  turns(1_000, 1)
  pause(1_000, 3_000)
  pause(1_000, 3_000)
  turns(1_000, 1)
  assert.equal(limit.limit, Number.POSITIVE_INFINITY)
})

test('when the loop is no longer late it comes back in even steps, and is gone within eight', () => {
  const { limit, turns } = scene()
  turns(1_000, 60)
  for (let i = 0; i < 50; i++) turns(500, 60)
  const limits: number[] = []
  while (limit.limit < Number.POSITIVE_INFINITY) {
    limit.refuses(limit.limit + 1)
    turns(limit.limit, 1)
    limits.push(limit.limit)
  }
  assert.deepEqual(limits.slice(0, 3), [225, 350, 475])
  assert.equal(limits.length, 8)
})

test('it is gone at once when nobody meets it', () => {
  const { limit, turns } = scene()
  turns(1_000, 60)
  turns(10, 1)
  turns(10, 1)
  assert.equal(limit.limit, Number.POSITIVE_INFINITY)
})

test('few requests are never refused, however late the loop is', () => {
  const { limit, turns } = scene()
  for (let i = 0; i < 10; i++) turns(100, 1_000)
  assert.equal(limit.limit, Number.POSITIVE_INFINITY)
})

test('turns that all take too long are an overload, which is over when they are short again', async () => {
  const changes: LoopChange[] = []
  let inFlight = 1_000
  const onChange = (change: LoopChange) => changes.push(change)
  const guard = new LoopGuard({ targetMs: 10, inFlight: () => inFlight, onChange })
  assert.equal(guard.isOverloaded, false)
  const stop = keepBusy(15)
  await until('it is noticed', () => guard.isOverloaded)
  assert.throws(
    () => guard.admit(),
    (error: GatewayError) =>
      error instanceof GatewayError &&
      error.code === 'WG_OVERLOADED' &&
      error.headers?.['retry-after'] === '1',
  )
  stop()
  inFlight = 10
  guard.admit()
  await until('it is over', () => !guard.isOverloaded)
  guard.close()
  assert.deepEqual(
    changes.map(change => (change.isOverloaded ? change.delayMs > 10 : change.refused)),
    [true, 1],
  )
})
