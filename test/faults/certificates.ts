import assert from 'node:assert/strict'
import { test } from 'node:test'
import { replaceCertificates } from '../support/replaced-certificates.ts'

// The short version is in test/e2e/tls-certificates.test.ts.
test('a certificate is replaced 20 times under 100 handshakes/s, with broken files in between: none fails, and the new one is served within a second', async t => {
  const report = await replaceCertificates({ workers: 2, times: 20, handshakesPerSecond: 100 })
  const times = report.servedAfterMs.map(Math.round)
  t.diagnostic(
    `${report.handshakes} handshakes; the old certificate was last served after ${times.join(', ')} ms`,
  )
  // The gateway looks every half a second; the rest is for a busy machine.
  assert.ok(Math.max(...times) < 2_000)
})
