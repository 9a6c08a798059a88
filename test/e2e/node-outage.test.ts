import { test } from 'node:test'
import { describeOutage, endNodeUnderLoad } from '../support/node-outage.ts'
import { SHARED_MACHINE } from '../support/serving-gateway.ts'
import { startGateway } from '../support/waygate.ts'

// test/faults/node-outage.ts is the long version, which takes a minute.
for (const [what, stoppedMs] of [
  ['dies', undefined],
  ['hangs for 3 s', 3_000],
] as const) {
  test(`a node that ${what} under load without leaving etcd fails no GET`, async t => {
    await using gateway = await startGateway({ config: SHARED_MACHINE })
    // What waits at the hung node is less than what the retry budget always allows, even on a slow machine.
    const options = { gateway, getsPerSecond: 200, durationMs: 4_000, afterMs: 1_000 }
    const durationMs = options.durationMs + (stoppedMs === undefined ? 0 : stoppedMs + 3_000)
    t.diagnostic(describeOutage(await endNodeUnderLoad({ ...options, durationMs, stoppedMs })))
  })
}
