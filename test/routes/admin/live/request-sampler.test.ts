import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RequestSampler } from '../../../../routes/admin/live/request-sampler.ts'
import { requestEntry } from '../../../support/api-pages.ts'

const numbered = (i: number) => requestEntry({ requestId: String(i) })

test('up to 50 requests a second are all there, in their order', () => {
  const sampler = new RequestSampler(0)
  for (let i = 0; i < 50; i++) sampler.add(numbered(i))
  const { items, lost, perSecond } = sampler.take(100)
  assert.deepEqual(
    items.map(({ requestId }) => Number(requestId)),
    Array.from({ length: 50 }, (_, i) => i),
  )
  assert.deepEqual([lost, perSecond], [0, undefined])
})

test('of more, 50 a second are chosen evenly, the others are counted, and the rate is said', () => {
  const sampler = new RequestSampler(0)
  let sent = 0
  let lost = 0
  for (let batch = 1; batch <= 50; batch++) {
    for (let i = 0; i < 1_000; i++) sampler.add(numbered(i))
    const got = sampler.take(batch * 100)
    sent += got.items.length
    lost += got.lost
    assert.equal(got.perSecond, 10_000)
    if (batch === 1) continue
    const places = got.items.map(({ requestId }) => Number(requestId))
    assert.ok(places.length === 5, `${places.length} lines in 100 ms`)
    for (const [i, place] of places.entries())
      assert.ok(Math.abs(place - (i * 200 + 100)) <= 100, `${places}`)
  }
  assert.equal(sent + lost, 50_000)
  assert.ok(sent <= 50 + 250, `${sent} lines in 5 s`)
})

test('what was lost before counts for the rate and as lost, and lines of a slow viewer are lost once', () => {
  const sampler = new RequestSampler(0)
  sampler.add(numbered(1))
  sampler.addLost(99)
  assert.deepEqual(sampler.take(1_000), { items: [numbered(1)], lost: 99, perSecond: 100 })
  sampler.add(numbered(2))
  sampler.lose(1_100)
  sampler.add(numbered(3))
  assert.deepEqual(sampler.take(1_200), { items: [numbered(3)], lost: 1 })
  assert.deepEqual(sampler.take(1_300), { items: [], lost: 0 })
})
