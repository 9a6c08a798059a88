import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Health, HealthStreak } from '../../../internal/nodes/health.ts'

const CHECK = {
  path: '/',
  host: undefined,
  statuses: undefined,
  intervalMs: 1_000,
  timeoutMs: 1_000,
  healthyAfter: 2,
  unhealthyAfter: 3,
}

/** What is believed after each check: `+` passed, `-` failed. */
function believed(checks: string, health?: Health): string {
  const streak = new HealthStreak(CHECK, health)
  return [...checks]
    .map(check => {
      const before = streak.health
      assert.equal(streak.note(check === '+'), streak.health !== before)
      return streak.health === 'healthy' ? 'h' : 'u'
    })
    .join('')
}

test('the first check decides alone, either way', () => {
  assert.equal(believed('+'), 'h')
  assert.equal(believed('-'), 'u')
})

test('a healthy node is unhealthy after three failures in a row, and well again after two passes in a row', () => {
  assert.equal(believed('+--+---'), 'hhhhhhu')
  assert.equal(believed('-+-++'), 'uuuuh')
})

test('what was known before is where the count begins', () => {
  assert.equal(believed('--', 'healthy'), 'hh')
  assert.equal(believed('+', 'unhealthy'), 'u')
})

test('it is in doubt while checks speak against what is believed', () => {
  const streak = new HealthStreak(CHECK)
  streak.note(true)
  assert.equal(streak.isInDoubt, false)
  streak.note(false)
  assert.equal(streak.isInDoubt, true)
  streak.note(true)
  assert.equal(streak.isInDoubt, false)
})
