import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endGrace } from '../support/ended-grace.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { startEtcdCluster } from '../support/etcd-cluster.ts'
import { freezeServiceUnderLoad } from '../support/frozen-service.ts'
import { keepLeasesUnderLoad } from '../support/kept-leases.ts'
import { loseLeasesUnderLoad } from '../support/lost-leases.ts'
import { loseQuorumUnderLoad } from '../support/lost-quorum.ts'
import { describeTimes } from '../support/times.ts'
import { startGateway } from '../support/waygate.ts'

// The long versions of test/e2e/lost-leases.test.ts.
process.setMaxListeners(50)
const TTL_SECONDS = 6
const LOAD = { getsPerSecond: 100, ttlSeconds: TTL_SECONDS }
const PAST_TTL_MS = 3 * TTL_SECONDS * 1_000
const RUNS = 5
const AT_ONCE_MS = 1_000

for (const downMs of [1_000, PAST_TTL_MS]) {
  test(`etcd is down for ${downMs} ms and every lease ends when it is back: live nodes stay in use and are confirmed, dead ones go, no GET fails`, async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await using gateway = await startGateway({ etcd: etcd.url })
    const report = await loseLeasesUnderLoad({ etcd, gateway, downMs, ...LOAD })
    t.diagnostic(`${report.gets} GETs, 0 failed`)
    t.diagnostic(`followed after ${Math.round(report.followedAfterMs)} ms`)
    t.diagnostic(`the dead node gone after ${Math.round(report.deadGoneAfterMs)} ms`)
    t.diagnostic(`all confirmed after ${Math.round(report.confirmedAfterMs)} ms`)
    assert.ok(report.followedAfterMs <= AT_ONCE_MS)
  })
}

test('etcd is down for three TTLs and back with its data: no key is ever missing, no GET fails', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  await using gateway = await startGateway({ etcd: etcd.url })
  const gets = await keepLeasesUnderLoad({ etcd, gateway, downMs: PAST_TTL_MS, ...LOAD })
  t.diagnostic(`${gets} GETs, 0 failed`)
})

test('a cluster has no quorum for three TTLs and then lets leases end: no GET fails, every node is registered again', async t => {
  if (!requireEtcd(t)) return
  await using cluster = await startEtcdCluster()
  await using gateway = await startGateway({ etcd: cluster.urls })
  const { gets, ended, followedAfterMs, confirmedAfterMs } = await loseQuorumUnderLoad({
    cluster,
    gateway,
    lostMs: PAST_TTL_MS,
    ...LOAD,
  })
  t.diagnostic(`${gets} GETs, 0 failed`)
  t.diagnostic(
    `followed after ${Math.round(followedAfterMs)} ms, confirmed after ${Math.round(confirmedAfterMs)} ms`,
  )
  t.diagnostic(`${ended} of 3 leases had ended`)
  assert.ok(followedAfterMs <= 4 * AT_ONCE_MS)
})

test('nodes whose leases are never renewed are removed when their grace ends; a deleted node is removed at once', async t => {
  if (!requireEtcd(t)) return
  const graceMs = 10_000
  await using etcd = await startEtcd()
  await using gateway = await startGateway({
    etcd: etcd.url,
    config: { discovery: { suspectGraceMs: graceMs } },
  })
  const report = await endGrace({ etcd, gateway, graceMs, ttlSeconds: 2 })
  const { calmDeleteMs, earlyDeleteMs, suspectForMs } = report
  t.diagnostic(
    `a delete took effect after ${Math.round(calmDeleteMs)} ms, early ${Math.round(earlyDeleteMs)} ms`,
  )
  t.diagnostic(`suspect for ${Math.round(suspectForMs)} ms`)
  assert.ok(Math.max(calmDeleteMs, earlyDeleteMs) <= AT_ONCE_MS)
  assert.ok(suspectForMs >= graceMs - AT_ONCE_MS && suspectForMs <= graceMs + 2 * AT_ONCE_MS)
})

test(`a service that was stopped for longer than its TTL is shown within 1 s of its key being back, ${RUNS} times`, async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  await using gateway = await startGateway({ etcd: etcd.url })
  const keyAfter: number[] = []
  const shownAfter: number[] = []
  for (let run = 0; run < RUNS; run++) {
    const report = await freezeServiceUnderLoad({
      gateway,
      getsPerSecond: 20,
      ttlSeconds: TTL_SECONDS,
      goneForMs: run * 500,
    })
    keyAfter.push(report.keyAfterMs)
    shownAfter.push(report.shownAfterMs)
  }
  t.diagnostic(`its key was back after ${describeTimes(keyAfter)}`)
  t.diagnostic(`it was shown after ${describeTimes(shownAfter)}`)
  assert.ok(Math.max(...shownAfter) <= AT_ONCE_MS)
})
