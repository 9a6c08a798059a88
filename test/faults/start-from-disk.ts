import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import {
  damages,
  killGatewayAndEtcd,
  type ServedFromDisk,
  serveFromDisk,
  waitOnDamage,
} from '../support/start-from-disk.ts'
import { describeTimes } from '../support/times.ts'

const WITHIN_MS = 2_000
const STARTS = 10

// The long version of test/e2e/start-from-disk.test.ts.
test('a gateway started while etcd is down serves from disk within 2 s of the start of its process', async t => {
  if (!requireEtcd(t)) return
  await using killed = await killGatewayAndEtcd()
  const starts: ServedFromDisk[] = []
  for (let i = 0; i < STARTS; i++) starts.push(await serveFromDisk(killed))
  const servedMs = starts.map(start => start.servedMs)
  const listening = describeTimes(starts.map(start => start.listeningMs))
  t.diagnostic(`served: ${describeTimes(servedMs)}; listening, as any start: ${listening}`)
  assert.ok(Math.max(...servedMs) <= WITHIN_MS, describeTimes(servedMs))
})

for (const damage of damages) {
  test(`a snapshot that is ${damage.name}: the gateway warns, does not use it, and serves once etcd is back`, async t => {
    if (!requireEtcd(t)) return
    await using killed = await killGatewayAndEtcd()
    await using waiting = await waitOnDamage(killed, damage)
    await killed.etcd.restart()
    await waiting.untilServes()
  })
}
