import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from '../../../internal/http2/token-bucket.ts'

test('a bucket allows a burst, regains as many each second, and never more than the burst', () => {
  const bucket = new TokenBucket({ burst: 2, perSecond: 10 }, 1_000)
  const at = (now: number, times: number) => Array.from({ length: times }, () => bucket.take(now))
  assert.deepEqual(at(1_000, 3), [true, true, false])
  assert.deepEqual(at(1_050, 1), [false])
  assert.deepEqual(at(1_100, 2), [true, false])
  assert.deepEqual(at(60_000, 3), [true, true, false])
})

test('a burst of 0 is no limit', () => {
  const bucket = new TokenBucket({ burst: 0, perSecond: 0 }, 0)
  for (let i = 0; i < 1_000; i++) assert.ok(bucket.take(0))
})
