import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retryAfterMs } from '../../../wrappers/retry/attempt-loop.ts'
import { backoffMs } from '../../../wrappers/retry/backoff.ts'
import { RetryBudget } from '../../../wrappers/retry/retry-budget.ts'

function begin(budget: RetryBudget, requests: number, now = 0): void {
  for (let i = 0; i < requests; i++) budget.begin(now)
}

function takeAll(budget: RetryBudget, now = 0, isBroken = false): number {
  let taken = 0
  while (budget.take(now, isBroken)) taken++
  return taken
}

test('a fifth of the requests in flight may be retries, and three in any case', () => {
  for (const [active, retries] of [
    [0, 3],
    [15, 3],
    [19, 3],
    [20, 4],
    [100, 20],
  ] as const) {
    const budget = new RetryBudget()
    begin(budget, active)
    assert.equal(takeAll(budget), retries, `${active}`)
  }
})

test('requests that have ended no longer count as in flight', () => {
  const budget = new RetryBudget()
  begin(budget, 100)
  for (let i = 0; i < 90; i++) budget.end()
  assert.equal(takeAll(budget), 3)
})

test('after broken connections a hundred retries are allowed, or a fifth of the recent requests', () => {
  for (const [requests, retries] of [
    [1, 100],
    [1_000, 200],
  ] as const) {
    const budget = new RetryBudget()
    begin(budget, requests)
    for (let i = 0; i < requests; i++) budget.end()
    assert.equal(takeAll(budget, 0, true), retries)
  }
})

test('retries in vain use up the budget; retries that help do not', () => {
  const budget = new RetryBudget()
  begin(budget, 100)
  for (let i = 0; i < 1_000; i++) {
    assert.ok(budget.take(0))
    budget.giveBack(false)
  }
  for (let i = 0; i < 20; i++) {
    assert.ok(budget.take(0))
    budget.giveBack(true)
  }
  assert.equal(budget.take(0), false)
  assert.equal(budget.retrying, 0)
})

test('retries in vain are forgotten after ten seconds', () => {
  const budget = new RetryBudget()
  for (let i = 0; i < 3; i++) {
    budget.take(0)
    budget.giveBack(true)
  }
  assert.equal(budget.take(4_999), false)
  assert.equal(budget.take(9_999), false)
  assert.equal(budget.take(10_000), true)
})

test('the first retry follows at once; later ones wait for a random time whose bound doubles', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6, 100].map(retries => backoffMs(retries, 1)),
    [0, 25, 50, 100, 200, 250, 250, 250],
  )
  assert.equal(backoffMs(3, 0.5), 50)
  assert.equal(backoffMs(3, 0), 0)
})

test('Retry-After is seconds or a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  const parsed = (value: string) => retryAfterMs(['a', 'b', 'Retry-After', value], now)
  assert.equal(parsed('0'), 0)
  assert.equal(parsed('120'), 120_000)
  assert.equal(parsed('Thu, 01 Jan 2026 00:00:30 GMT'), 30_000)
  assert.equal(parsed('Thu, 01 Jan 2015 00:00:30 GMT'), 0)
  assert.equal(parsed('soon'), undefined)
  assert.equal(retryAfterMs([], now), undefined)
})

test('exhaustion is reported once, and its end once, when nothing was refused for a while', () => {
  const changes: boolean[] = []
  const budget = new RetryBudget(isExhausted => changes.push(isExhausted))
  begin(budget, 10)
  for (let i = 0; i < 10; i++) takeAll(budget)
  assert.deepEqual([changes, budget.isExhausted], [[true], true])
  // A refusal is still recent.
  budget.begin(6_000)
  assert.deepEqual(changes, [true])
  budget.begin(11_000)
  assert.deepEqual([changes, budget.isExhausted], [[true, false], false])
  takeAll(budget, 11_000)
  assert.deepEqual(changes, [true, false, true])
})
