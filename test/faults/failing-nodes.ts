import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failHalf, type StormReport, stormUnavailable } from '../support/failing-nodes.ts'
import { startGateway } from '../support/waygate.ts'

// The long versions of test/e2e/half-failing.test.ts, and of the test in test/e2e/resilience.test.ts in which every
// node answers 503.
const FAIL_MS = 30_000

for (const nodes of [4, 2] as const) {
  test(`with half of ${nodes} nodes answering 500 for 30 s, at least 99% of requests succeed and there is always a node`, async t => {
    await using gateway = await startGateway()
    const report = await failHalf({ gateway, service: 'half', nodes, getsPerSecond: 300, failMs: FAIL_MS })
    t.diagnostic(`${report.succeeded} of ${report.requests} succeeded; ${report.probes} probes`)
  })
}

const describe = ({ sent, reached, answers }: StormReport) =>
  `${sent} sent, ${reached} reached nodes (${(reached / sent).toFixed(3)}); answers: ${JSON.stringify(Object.fromEntries(answers))}`

test('with all three nodes answering 503 for 30 s to 50 clients, and ejectLastNode, open breakers keep nearly all requests from them', async t => {
  await using gateway = await startGateway({ config: { breaker: { ejectLastNode: true } } })
  const report = await stormUnavailable({ gateway, service: 'storm', concurrency: 50, durationMs: FAIL_MS })
  t.diagnostic(describe(report))
  assert.ok((report.answers.get('WG_CIRCUIT_OPEN') ?? 0) > report.sent / 2)
})

test('with all three nodes answering 503 for 30 s to 50 clients, clients get the answers of the nodes', async t => {
  await using gateway = await startGateway()
  const report = await stormUnavailable({ gateway, service: 'storm', concurrency: 50, durationMs: FAIL_MS })
  t.diagnostic(describe(report))
  assert.deepEqual([...report.answers.keys()], ['node'])
})

test('with breakers that never open, at most 1.2 times the requests of clients reach nodes that all answer 503', async t => {
  await using gateway = await startGateway({ config: { breaker: { minimumRequests: 1_000_000 } } })
  const report = await stormUnavailable({ gateway, service: 'storm', concurrency: 50, durationMs: FAIL_MS })
  t.diagnostic(describe(report))
  assert.ok(report.reached > report.sent, 'there were retries')
})
