import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  FLOOD_LIMITS,
  type Flood,
  FloodBudget,
  FloodError,
  type FloodLimits,
} from '../../../internal/http2/flood-budget.ts'
import { ERROR } from '../../../internal/http2/frames.ts'

function budgetOf(budgets: FloodLimits = {}, role: 'client' | 'server' = 'server') {
  const clock = { now: 0 }
  const sent = { framesSent: 0 }
  const retired: Flood[] = []
  const budget = new FloodBudget({ role, budgets, now: () => clock.now }, sent, reason =>
    retired.push(reason),
  )
  /** Returns how often something may happen now. */
  const count = (flood: Flood, most = 1_000_000) => {
    for (let i = 0; i < most; i++) {
      try {
        budget.spend(flood)
      } catch (error) {
        assert.ok(error instanceof FloodError)
        assert.equal(error.reason, flood)
        assert.equal(error.code, ERROR.enhanceYourCalm)
        return i
      }
      if (retired.length > 0) return i
    }
    return most
  }
  return { clock, sent, retired, count }
}

test('a burst comes back with time, and not beyond its size', () => {
  const { clock, count } = budgetOf({ 'caused-resets': { burst: 100, perSecond: 10 } })
  assert.equal(count('caused-resets'), 100)
  clock.now = 1_000
  assert.equal(count('caused-resets'), 10)
  clock.now = 1_050
  assert.equal(count('caused-resets'), 0, 'half of one')
  clock.now = 1_100
  assert.equal(count('caused-resets'), 1)
  clock.now = 1e9
  assert.equal(count('caused-resets'), 100)
})

test('frames that we send earn WINDOW_UPDATE, up to 100,000 of them', () => {
  const { sent, count } = budgetOf()
  assert.equal(count('window-updates'), 1_000)
  sent.framesSent = 7
  assert.equal(count('window-updates'), 70)
  sent.framesSent = 1_000_000
  assert.equal(count('window-updates'), 100_000)
})

test('each budget is counted by itself', () => {
  const { count } = budgetOf()
  for (const [flood, { burst }] of Object.entries(FLOOD_LIMITS)) {
    if (flood !== 'early-resets') assert.equal(count(flood as Flood), burst, flood)
  }
})

test('the streams under way may finish in the role that the table names', () => {
  for (const [flood, role] of [
    ['early-resets', 'server'],
    ['caused-resets', 'client'],
    ['large-heads', 'client'],
  ] as const) {
    const { retired, count } = budgetOf({}, role)
    assert.equal(count(flood), FLOOD_LIMITS[flood].burst)
    assert.deepEqual(retired, [flood])
  }
})

test('a limit that is replaced by another keeps the role in which streams may finish', () => {
  const { retired, count } = budgetOf({ 'early-resets': { burst: 3, perSecond: 0 } })
  assert.equal(count('early-resets'), 3)
  assert.deepEqual(retired, ['early-resets'])
})

test('a burst of 0 is no limit', () => {
  const { count } = budgetOf({ 'early-resets': { burst: 0, perSecond: 0 } })
  assert.equal(count('early-resets', 10_000), 10_000)
})
