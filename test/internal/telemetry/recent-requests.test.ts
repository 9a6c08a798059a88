import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentRequests } from '../../../internal/telemetry/recent-requests.ts'

const entry = (n: number) => ({ requestId: `id-${n}`, n })

test('the last 1,024 requests are kept, the latest first', () => {
  const requests = new RecentRequests<ReturnType<typeof entry>>()
  assert.deepEqual([...requests.newestFirst(false)], [])
  for (let n = 1; n <= 3; n++) requests.add(entry(n), false)
  assert.deepEqual(
    [...requests.newestFirst(false)].map(({ n }) => n),
    [3, 2, 1],
  )
  for (let n = 4; n <= 5_000; n++) requests.add(entry(n), false)
  const kept = [...requests.newestFirst(false)].map(({ n }) => n)
  assert.deepEqual([kept.length, kept[0], kept.at(-1)], [1_024, 5_000, 3_977])
  assert.deepEqual([...requests.newestFirst(true)], [])
})

test('what went wrong stays when others have pushed it out', () => {
  const requests = new RecentRequests<ReturnType<typeof entry>>()
  for (let n = 0; n < 10_000; n++) requests.add(entry(n), n % 10 === 0)
  const problems = [...requests.newestFirst(true)].map(({ n }) => n)
  assert.deepEqual([problems.length, problems[0], problems.at(-1)], [512, 9_990, 4_880])
  assert.equal(requests.find('id-4880')?.n, 4_880)
  assert.equal(requests.find('id-4881'), undefined)
  assert.equal(requests.find('id-9999')?.n, 9_999)
})

test('of two requests with one id, the latest is found', () => {
  const requests = new RecentRequests<{ requestId: string; n: number }>()
  requests.add({ requestId: 'same', n: 1 }, false)
  requests.add({ requestId: 'same', n: 2 }, false)
  assert.equal(requests.find('same')?.n, 2)
})
