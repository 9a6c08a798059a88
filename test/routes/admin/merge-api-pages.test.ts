import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChangeEntry, FiguresPage } from '../../../routes/admin/api-types.ts'
import { mergeChanges, mergeFigures } from '../../../routes/admin/merge-api-pages.ts'

const page = (samples: FiguresPage['total']): FiguresPage => ({
  stepMs: 5_000,
  total: samples,
  routes: { r: samples },
  services: {},
})

test('samples of one time add up, and their times are means by requests', () => {
  const merged = mergeFigures([
    page([
      { t: 5_000, figures: [3, 1, 0, 10, 20] },
      { t: 15_000, figures: [1, 0, 0, null, null] },
    ]),
    page([
      { t: 5_000, figures: [1, 0, 1, 30, 60] },
      { t: 10_000, figures: [2, 0, 0, 5, 5] },
      { t: 15_000, figures: [1, 0, 0, 7, 8] },
    ]),
  ])
  const expected = [
    { t: 5_000, figures: [4, 1, 1, 15, 30] },
    { t: 10_000, figures: [2, 0, 0, 5, 5] },
    { t: 15_000, figures: [2, 0, 0, 7, 8] },
  ]
  assert.deepEqual(merged, { stepMs: 5_000, total: expected, routes: { r: expected }, services: {} })
})

test('the process that has seen most changes is asked', () => {
  const change = { key: 'k', at: 1 } as ChangeEntry
  assert.equal(mergeChanges([[change], [change, change], []]).length, 2)
  assert.deepEqual(mergeChanges([]), [])
})

test('a process that no longer sees changes is not asked, however many it has seen', () => {
  const change = (at: number) => ({ key: 'k', at }) as ChangeEntry
  const [old, later] = [
    [change(2_000), change(1_000)],
    [change(60_000), change(2_001)],
  ]
  assert.deepEqual(mergeChanges([old, later]), later)
  const [first, slower] = [[change(60_000)], [change(59_000), change(1_000)]]
  assert.deepEqual(mergeChanges([first, slower]), slower, 'all see a change within a moment')
})

test('a route that only one process knows may have a name that every object has', () => {
  const samples = [{ t: 5_000, figures: [1, 0, 0, 1, 1] }] as const
  const merged = mergeFigures([{ ...page([]), routes: { toString: samples } }, page([])])
  assert.deepEqual(merged.routes, { toString: samples, r: [] })
})
