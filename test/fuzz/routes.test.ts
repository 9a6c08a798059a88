import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzzPatterns } from './fuzz-patterns.ts'
import { fuzzRoutes } from './fuzz-routes.ts'

// Short and with one seed. The long version is `npm run fuzz -- --target routes` and `--target patterns`.
test('match: the route of a request in a random table is the one that the slow way finds', () => {
  const result = fuzzRoutes(1, count => count >= 6_000)
  assert.deepEqual([...result.findings], [])
  // Makes sure that the test has exercised every outcome.
  assert.ok(result.conditional > 500, `${result.conditional}`)
  assert.ok(result.passedOver > 500, `${result.passedOver}`)
  assert.ok(result.unrouted > 500, `${result.unrouted}`)
})

test('condition: whatever a pattern is, it is read and judges in bounded time, as its engine does', () => {
  const result = fuzzPatterns(1, count => count >= 600)
  assert.deepEqual([...result.findings], [])
  assert.ok(result.accepted > 100, `${result.accepted}`)
  assert.ok(result.tooComplex > 100, `${result.tooComplex}`)
})
