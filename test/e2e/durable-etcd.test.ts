import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killDurableEtcd, maySetUpDisks } from '../support/durable-kills.ts'

// 1,000 kills: test/faults/durable-etcd.ts.
test('a durable embedded etcd is killed 20 times while it is changed: nothing acknowledged is lost, and who follows it misses nothing', async t => {
  const { model, requests } = await killDurableEtcd({ kills: 20, seed: 1, disk: 'ample', withGateway: true })
  t.diagnostic(`${model.acknowledged} calls acknowledged, ${model.cutOff} cut off, ${requests} requests`)
  assert.equal(model.refused, 0)
})

test('on a full disk, changes are refused and leave nothing behind, kills and starts lose nothing, and with space it goes on', async t => {
  if (!maySetUpDisks()) return t.skip('file systems cannot be mounted here')
  const { model } = await killDurableEtcd({ kills: 10, seed: 2, disk: 'small', withGateway: false })
  t.diagnostic(`${model.acknowledged} calls acknowledged, ${model.refused} refused, ${model.cutOff} cut off`)
  assert.ok(model.refused > 0, 'the disk was full')
})
