import { test } from 'node:test'
import { startGatewayHere } from '../support/gateway-here.ts'
import { describeRestart, restartUnderLoad } from '../support/rolling-restart.ts'

for (const registeredBy of ['sidecar', 'plugin'] as const) {
  test(`a rolling restart of all nodes of a service, registered by the ${registeredBy}, fails no request`, async t => {
    await using gateway = await startGatewayHere()
    const report = await restartUnderLoad({ gateway, registeredBy, perSecond: 300, rounds: 1, between: 100 })
    t.diagnostic(describeRestart(report))
  })
}
