import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killDurableEtcd, maySetUpDisks } from '../support/durable-kills.ts'
import { describeTimes } from '../support/times.ts'

const KILLS = Number(process.env.KILLS ?? 1_000)
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)

// The long version of test/e2e/durable-etcd.test.ts.
for (const disk of ['ample', 'small'] as const) {
  test(`a durable embedded etcd is killed ${KILLS} times, on a disk that is ${disk}: nothing acknowledged is lost`, async t => {
    if (disk === 'small' && !maySetUpDisks()) return t.skip('file systems cannot be mounted here')
    t.diagnostic(`seed ${SEED}`)
    const report = await killDurableEtcd({ kills: KILLS, seed: SEED, disk, withGateway: disk === 'ample' })
    const { acknowledged, refused, cutOff, cutOffAndKept, watchedEvents } = report.model
    t.diagnostic(
      `${acknowledged} calls acknowledged, ${refused} refused, ${cutOff} cut off (${cutOffAndKept} of them kept)`,
    )
    t.diagnostic(`${watchedEvents} events watched, ${report.requests} requests without a failure`)
    t.diagnostic(`starts: ${describeTimes(report.startMs)}`)
    assert.equal(refused > 0, disk === 'small')
  })
}
