import { test } from 'node:test'
import { floodWithConnections } from '../support/connection-flood.ts'

// The long version of the test in test/e2e/workers-flood.test.ts.
test('a gateway with --workers 2 serves again within 5 s of a flood of 700 idle connections beyond its descriptors', async t => {
  const { recoveredAfterMs } = await floodWithConnections({
    workers: 2,
    connections: 700,
    holdMs: 20_000,
  })
  t.diagnostic(`served again ${Math.round(recoveredAfterMs)} ms after the end`)
})
