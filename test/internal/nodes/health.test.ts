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

/** Returns the health after each check: `+` passed, `-` failed. */
function healthAfter(checks: string, health?: Health): string {
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
  assert.equal(healthAfter('+'), 'h')
  assert.equal(healthAfter('-'), 'u')
})

test('a healthy node becomes unhealthy after three consecutive failures, and healthy again after two passes', () => {
  assert.equal(healthAfter('+--+---'), 'hhhhhhu')
  assert.equal(healthAfter('-+-++'), 'uuuuh')
})

test('counting starts from the health that is already known', () => {
  assert.equal(healthAfter('--', 'healthy'), 'hh')
  assert.equal(healthAfter('+', 'unhealthy'), 'u')
})

test('it is in doubt while checks contradict the current health', () => {
  const streak = new HealthStreak(CHECK)
  streak.note(true)
  assert.equal(streak.isInDoubt, false)
  streak.note(false)
  assert.equal(streak.isInDoubt, true)
  streak.note(true)
  assert.equal(streak.isInDoubt, false)
})
