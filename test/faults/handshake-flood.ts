import assert from 'node:assert/strict'
import { test } from 'node:test'
import { floodWithHandshakes } from '../support/handshake-flood.ts'

// The short version, which measures no times, is in test/e2e/tls-handshake-flood.test.ts.
test('2,000 handshakes/s fail none of 200 requests/s on open connections, and 99% of these are answered within 50 ms', async t => {
  const report = await floodWithHandshakes({
    handshakesPerSecond: 2_000,
    requestsPerSecond: 200,
    seconds: 20,
  })
  const { begun, answered, requests, failures, p50Ms, p99Ms } = report
  t.diagnostic(
    `${answered} of ${begun} handshakes were answered; ${requests} requests: p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
  )
  assert.deepEqual([...failures], [])
  assert.ok(p99Ms < 50)
})
