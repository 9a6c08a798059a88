import { test } from 'node:test'
import { restartWithSockets } from '../support/socket-restarts.ts'

// The long version of test/e2e/inherited-sockets.test.ts.
for (const workers of [1, 2]) {
  test(`five restarts of a gateway with inherited sockets fail none of 10,000 requests, with ${workers} process(es) behind them`, async t => {
    t.diagnostic(await restartWithSockets({ workers, perSecond: 300, restarts: 5, between: 1_700 }))
  })
}
