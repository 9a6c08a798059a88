import { test } from 'node:test'
import { floodWithConnections } from '../support/connection-flood.ts'

test('workers serve again after more idle connections than there are descriptors', async t => {
  const { recoveredAfterMs } = await floodWithConnections({ workers: 2, connections: 700, holdMs: 3_000 })
  t.diagnostic(`served again ${Math.round(recoveredAfterMs)} ms after the end`)
})
