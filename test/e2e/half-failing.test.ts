import { after, test } from 'node:test'
import { failHalf } from '../support/failing-nodes.ts'
import { startGateway } from '../support/waygate.ts'

const gateway = await startGateway({ config: { breaker: { openMs: 1_000, maxOpenMs: 2_000 } } })
after(() => gateway.stop())

for (const nodes of [4, 2] as const) {
  test(`with half of ${nodes} nodes answering 500, at least 99% of requests succeed and there is always a node`, async t => {
    const service = `half-of-${nodes}`
    const report = await failHalf({ gateway, service, nodes, getsPerSecond: 300, failMs: 3_000 })
    t.diagnostic(`${report.succeeded} of ${report.requests} succeeded; ${report.probes} probes`)
  })
}
