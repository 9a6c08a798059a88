import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireRedis, startRedis } from '../../support/redis.ts'
import { chargeOf, openCounters, ruleOf } from './counters.ts'

test('limit: refused requests are not charged in the store', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  await using store = openCounters(redis.url)
  const rule = ruleOf({ limit: 2, windowMicros: 3_600_000_000 })
  const answers = []
  for (let i = 0; i < 5; i++) answers.push((await store.take(chargeOf(rule)))[0]!)
  console.log(answers, store.results, store.changes, await redis.cli('keys', '*'))
})
