import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startAttackedGateway } from '../support/attacked-gateway.ts'
import { HTTP2_ATTACKS } from '../support/http2-attacks.ts'

const MIB = 1_048_576

// The short version, in which each attack is made once, is test/routes/public/http2/attacks.test.ts.
test('each attack for 10 s beside 200 calls a second: no call fails, and it costs at most 20% of a core and no memory', async t => {
  const gateway = await startAttackedGateway(t, { perSecond: 200, baseMs: 10_000 })
  for (const name of Object.keys(HTTP2_ATTACKS)) {
    await t.test(name, async t => {
      const report = await gateway.attack(name, 10_000)
      const { calls, opened, ended, cpuShare, grownBytes, leftBytes } = report
      t.diagnostic(
        `${calls} calls, 0 failed; ${opened} hostile connections, ${ended} ended; ${(cpuShare * 100).toFixed(1)}% of a core; ` +
          `${(grownBytes / MIB).toFixed(1)} MiB more, ${(leftBytes / MIB).toFixed(1)} MiB afterwards`,
      )
      assert.ok(cpuShare <= 0.2, `${cpuShare} of a core`)
      assert.ok(leftBytes <= 16 * MIB, `${leftBytes} bytes`)
    })
  }
})
