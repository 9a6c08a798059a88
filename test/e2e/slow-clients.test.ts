import { test } from 'node:test'
import { describeReport, runSlowClients } from '../support/slow-clients.ts'

test('slow clients of all kinds are disconnected, and others are not affected', async t => {
  const report = await runSlowClients({
    heads: 60,
    bodies: 20,
    idle: 80,
    limits: { headersTimeoutMs: 500, bodyIdleTimeoutMs: 1_000, keepAliveTimeoutMs: 1_500 },
  })
  t.diagnostic(describeReport(report))
})
