import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzzCodec } from './fuzz-codec.ts'
import { fuzzFrames } from './fuzz-frames.ts'

// Short and with one seed. The long version is `npm run fuzz`.
test('header blocks say to us what they say to nghttp2 and to Python', async () => {
  const result = await fuzzCodec(1, count => count >= 1_000)
  assert.deepEqual([...result.findings], [])
  // Makes sure that the test has exercised all outcomes.
  assert.ok(result.accepted > 200, `${result.accepted}`)
  assert.ok(result.refused > 100, `${result.refused}`)
  assert.ok(result.undecodable > 100, `${result.undecodable}`)
  assert.ok(result.refusedByUs.size > 4, `${result.refusedByUs.size}`)
})

test('frames do to our streams and connections what they do to those of nghttp2', async () => {
  const result = await fuzzFrames(1, count => count >= 1_200)
  assert.deepEqual([...result.findings], [])
  assert.ok(result.whole > 15, `${result.whole}`)
  assert.ok(result.reset > 15, `${result.reset}`)
  assert.ok(result.ended > 50, `${result.ended}`)
  assert.ok(result.refusedByUs.size > 2, `${result.refusedByUs.size}`)
  assert.ok(result.refusedByNghttp2.size > 2, `${result.refusedByNghttp2.size}`)
})
