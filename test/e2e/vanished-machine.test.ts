import { test } from 'node:test'
import { mayMakeMachines } from '../support/machine.ts'
import { describeVanishing, vanishUnderLoad } from '../support/vanished-machine.ts'
import { startGateway } from '../support/waygate.ts'

// test/faults/vanished-machine.ts is the long version.
test('no GET fails when the machine of one node of three vanishes, not even those under way at it', async t => {
  if (!mayMakeMachines(t)) return
  await using gateway = await startGateway()
  const options = { gateway, perSecond: 50, durationMs: 40_000, afterMs: 500 }
  t.diagnostic(
    describeVanishing(await vanishUnderLoad({ ...options, untilEjected: true, timeoutMs: 60_000 })),
  )
})
