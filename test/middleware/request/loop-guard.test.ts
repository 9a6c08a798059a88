import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GatewayError } from '../../../internal/http/errors.ts'
import { type LoopChange, LoopGuard } from '../../../middleware/request/loop-guard.ts'
import { LoopLimit } from '../../../middleware/request/loop-limit.ts'
import { keepBusy } from '../../support/busy-loop.ts'
import { until } from '../../support/until.ts'

const TARGET_MS = 50

/** Creates a limit and its clock. */
function scene() {
  const limit = new LoopLimit(TARGET_MS, 0)
  let now = 0
  return {
    limit,
    /** Records an interval of four turns. */
    turns(inFlight: number, ms: number, ...others: number[]) {
      for (const turnMs of [ms, others[0] ?? ms, others[1] ?? ms, others[2] ?? ms]) {
        now += 125
        limit.recordTurn(turnMs, inFlight, now)
      }
    },
    /** Records a single turn of this length. */
    pause(inFlight: number, ms: number) {
      now += 100 + ms
      limit.recordTurn(ms, inFlight, now)
    },
  }
}

test('while the loop is overloaded, the limit shrinks by a tenth of the requests in flight, and never below 100', () => {
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

test('long turns are no overload if there is one short turn within half a second', () => {
  const { limit, turns } = scene()
  for (let i = 0; i < 10; i++) turns(1_000, 400, 90, 50, 300)
  assert.equal(limit.limit, Number.POSITIVE_INFINITY)
})

test('a single pause of seconds is no overload', () => {
  const { limit, turns, pause } = scene()
  pause(1_000, 3_000)
  turns(1_000, 1)
  pause(1_000, 3_000)
  pause(1_000, 3_000)
  turns(1_000, 1)
  assert.equal(limit.limit, Number.POSITIVE_INFINITY)
})

test('after an overload the limit grows in even steps, and is lifted within eight', () => {
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

test('the limit is lifted at once when no request reaches it', () => {
  const { limit, turns } = scene()
  turns(1_000, 60)
  turns(10, 1)
  turns(10, 1)
  assert.equal(limit.limit, Number.POSITIVE_INFINITY)
})

test('a small number of requests is never refused, however slow the loop is', () => {
  const { limit, turns } = scene()
  for (let i = 0; i < 10; i++) turns(100, 1_000)
  assert.equal(limit.limit, Number.POSITIVE_INFINITY)
})

test('the loop is overloaded while every turn takes too long', async () => {
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
