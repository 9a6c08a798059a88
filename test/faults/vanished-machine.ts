import { test } from 'node:test'
import { mayMakeMachines } from '../support/machine.ts'
import { describeVanishing, vanishUnderLoad } from '../support/vanished-machine.ts'
import { startGateway } from '../support/waygate.ts'

// The long version of test/e2e/vanished-machine.test.ts.
test('none of 50 GETs a second for 30 s fails when the machine of one node of three vanishes', async t => {
  if (!mayMakeMachines(t)) return
  await using gateway = await startGateway()
  const options = { gateway, perSecond: 50, durationMs: 30_000, afterMs: 5_000 }
  t.diagnostic(describeVanishing(await vanishUnderLoad(options)))
})
