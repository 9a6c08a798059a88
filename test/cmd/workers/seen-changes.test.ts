import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeenChanges } from '../../../cmd/workers/seen-changes.ts'
import type { WorkerProcess } from '../../../cmd/workers/worker-process.ts'
import type { ChangeEntry } from '../../../routes/admin/api-types.ts'

const [a, b] = [{}, {}] as unknown as readonly [WorkerProcess, WorkerProcess]

function change(of: Partial<ChangeEntry> = {}): ChangeEntry {
  return {
    ...{ revision: '1', at: 1_000, source: '/services/', kind: 'node', key: 'k', id: 'n' },
    ...{ before: null, after: '{}', ...of },
  }
}

test('each of thousands of changes at once is told once, although one worker tells all of them before another does', () => {
  const seen = new SeenChanges()
  const all = Array.from({ length: 5_000 }, (_, i) => change({ key: `k${i}` }))
  assert.ok(all.every(each => seen.isNew(each, a)))
  assert.ok(!all.some(each => seen.isNew({ ...each, at: each.at + 100, revision: '2' }, b)))
})

test('a key that comes and goes has as many changes as a worker has seen', () => {
  const seen = new SeenChanges()
  const [came, left] = [change(), change({ before: '{}', after: null })]
  const told = [came, left, came, left]
  assert.deepEqual(
    told.map(each => seen.isNew(each, a)),
    [true, true, true, true],
  )
  assert.deepEqual(
    told.map(each => seen.isNew(each, b)),
    [false, false, false, false],
  )
  assert.ok(seen.isNew({ ...came, at: 20_000 }, b))
})
