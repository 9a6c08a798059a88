import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HealthRelay } from '../../../cmd/workers/health-relay.ts'
import type { WorkerProcess } from '../../../cmd/workers/worker-process.ts'

test('the checks move to another worker when the one that runs them stops serving, or answers no longer', () => {
  const checks: string[] = []
  const [a, b, c] = ['a', 'b', 'c'].map(name => ({
    isLoaded: true,
    onHealth: () => {},
    sendHealth: () => {},
    check: () => checks.push(name),
  })) as unknown as WorkerProcess[]
  const relay = new HealthRelay()
  relay.update([a!, b!, c!])
  relay.update([a!, b!, c!], [a!, b!, c!])
  assert.deepEqual(checks, ['a'])
  relay.update([a!, b!, c!], [b!, c!])
  assert.deepEqual(checks, ['a', 'b'], 'a does not answer')
  relay.update([a!, b!, c!], [])
  assert.deepEqual(checks, ['a', 'b'], 'no other does')
  relay.update([a!, c!], [a!, c!])
  assert.deepEqual(checks, ['a', 'b', 'a'], 'b has ended')
})
