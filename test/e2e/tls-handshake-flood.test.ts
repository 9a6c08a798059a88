import assert from 'node:assert/strict'
import { test } from 'node:test'
import { floodWithHandshakes } from '../support/handshake-flood.ts'
import { SHARED_MACHINE } from '../support/serving-gateway.ts'

// The long version, which measures times too, is in test/faults/handshake-flood.ts.
test('requests on open connections are answered while many clients begin handshakes and give them up', async t => {
  const { begun, answered, failures } = await floodWithHandshakes({
    ...{ handshakesPerSecond: 500, requestsPerSecond: 50, seconds: 3 },
    config: SHARED_MACHINE,
  })
  t.diagnostic(`${answered} of ${begun} handshakes were answered`)
  assert.deepEqual([...failures], [])
  assert.ok(answered > 0)
})
