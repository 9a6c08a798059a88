import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SharedMemory } from '../../../cmd/workers/shared-memory.ts'
import { NameFilter } from '../../../discovery/name-filter.ts'

const reportOf = (store: string, ...documented: string[]) => ({
  ...{ source: '/routes/', store, documented, lastGood: [] },
})
const handedOf = (memory: SharedMemory) => memory.all().map(({ store, documented }) => [store, documented])

test('a service that one worker knows to have had a document stays, unless the store has begun anew', () => {
  const memory = new SharedMemory()
  memory.put(reportOf('1/0', 'a'))
  memory.put(reportOf('1/0', 'b'))
  memory.put(reportOf('1/1', 'c'))
  assert.deepEqual(handedOf(memory), [
    ['1/0', ['a', 'b']],
    ['1/1', ['c']],
  ])
})

test('of a store that begins anew again and again, the latest histories are kept', () => {
  const memory = new SharedMemory()
  for (let history = 0; history < 10; history++) memory.put(reportOf(`1/${history}`, 'a'))
  memory.put(reportOf('1/6', 'b'))
  memory.put(reportOf('1/10', 'a'))
  assert.deepEqual(
    memory.all().map(({ store }) => store),
    ['1/8', '1/9', '1/6', '1/10'],
  )
})

test('no name is lost, however many workers report', () => {
  const memory = new SharedMemory()
  const earlier = new NameFilter()
  earlier.add('early')
  memory.put({ ...reportOf('1/0'), unlisted: earlier.text })
  const names = Array.from({ length: 20_001 }, (_, i) => `preview-${i}`)
  memory.put(reportOf('1/0', ...names))
  const { documented, unlisted } = memory.all()[0]!
  const filter = new NameFilter([unlisted!])
  assert.deepEqual(documented, names.slice(1))
  assert.deepEqual(
    ['early', names[0]!, 'other'].map(name => filter.has(name)),
    [true, true, false],
  )
})
