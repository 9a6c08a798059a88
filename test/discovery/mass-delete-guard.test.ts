import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MassDeleteGuard, type Removal } from '../../discovery/mass-delete-guard.ts'

/** A guard for groups of a given size, with a clock that the test moves. */
function setUp(sizes: Record<string, number>) {
  let now = 0
  const left = new Map(Object.entries(sizes))
  const guard = new MassDeleteGuard<string>({ windowMs: 60_000, burstMs: 5_000, now: () => now })
  const sizeOf = (group: string | undefined) =>
    group === undefined ? [...left.values()].reduce((sum, n) => sum + n, 0) : (left.get(group) ?? 0)
  return {
    guard,
    wait: (ms: number) => {
      now += ms
    },
    add: (group: string, count = 1) => left.set(group, (left.get(group) ?? 0) + count),
    /** Removes `items` (`group/name`) and returns those that are doubted, including earlier ones. */
    remove: (items: readonly string[], whole = false): readonly string[] => {
      const removals: Removal<string>[] = items.map(item => ({ group: item.split('/')[0]!, item }))
      const doubted = guard.doubt(removals, sizeOf, whole).map(({ item }) => item)
      for (const { group, item } of removals)
        if (!doubted.includes(item)) left.set(group, left.get(group)! - 1)
      return doubted.toSorted()
    },
  }
}

test('without an outage every removal is believed, however many there are', () => {
  const { remove } = setUp({ a: 4, b: 4 })
  assert.deepEqual(remove(['a/1', 'a/2', 'a/3', 'a/4']), [])
})

test('all nodes of a service of 200,000 are doubted when they are gone after an outage', () => {
  const guard = new MassDeleteGuard<number>({ windowMs: 60_000, burstMs: 5_000, now: () => 0 })
  guard.reconnected()
  const removals = Array.from({ length: 200_000 }, (_, item) => ({ group: 'a', item }))
  assert.equal(guard.doubt(removals, () => 200_000, true).length, 200_000)
})

test('a single removal is believed, even of the only node and right after a reconnect', () => {
  const { guard, remove } = setUp({ a: 1, b: 8 })
  guard.reconnected()
  assert.deepEqual(remove(['a/1']), [])
  assert.deepEqual(remove(['b/1'], true), [])
})

test('a listing that lacks more than half of a group is doubted, one that lacks half is not', () => {
  assert.deepEqual(setUp({ a: 4, b: 20 }).remove(['a/1', 'a/2', 'a/3'], true), ['a/1', 'a/2', 'a/3'])
  assert.deepEqual(setUp({ a: 4, b: 20 }).remove(['a/1', 'a/2'], true), [])
})

test('a listing that lacks most of everything is doubted, though each group lost only one', () => {
  const { remove } = setUp({ a: 1, b: 1, c: 1, d: 1 })
  assert.deepEqual(remove(['a/1', 'b/1', 'c/1'], true), ['a/1', 'b/1', 'c/1'])
})

test('a burst of single events after a reconnect is counted together and doubted together', () => {
  const { guard, remove, wait } = setUp({ a: 4, b: 20 })
  guard.reconnected()
  assert.deepEqual(remove(['a/1']), [])
  wait(500)
  assert.deepEqual(remove(['a/2']), [])
  wait(500)
  assert.deepEqual(remove(['a/3']), ['a/1', 'a/2', 'a/3'])
  wait(500)
  assert.deepEqual(remove(['a/4']), ['a/1', 'a/2', 'a/3', 'a/4'])
})

test('a connection that is lost again between the removals of a burst hides none of them', () => {
  const { guard, remove, wait } = setUp({ a: 4, b: 20 })
  guard.reconnected()
  assert.deepEqual(remove(['a/1']), [])
  wait(500)
  guard.reconnected()
  assert.deepEqual(remove(['a/2']), [])
  wait(500)
  guard.reconnected()
  assert.deepEqual(remove(['a/3']), ['a/1', 'a/2', 'a/3'])
})

test('what was lost in an earlier window counts no more after the next reconnect', () => {
  const { guard, remove, wait } = setUp({ a: 4, b: 20 })
  guard.reconnected()
  assert.deepEqual(remove(['a/1', 'a/2']), [])
  wait(61_000)
  guard.reconnected()
  assert.deepEqual(remove(['a/3']), [])
})

test('removals long before the burst stay', () => {
  const { guard, remove, wait } = setUp({ a: 4, b: 20 })
  guard.reconnected()
  assert.deepEqual(remove(['a/1']), [])
  wait(10_000)
  assert.deepEqual(remove(['a/2', 'a/3']), ['a/2', 'a/3'])
})

test('a rolling replacement after a reconnect is believed: the group never shrinks', () => {
  const { guard, remove, add, wait } = setUp({ a: 3, b: 20 })
  guard.reconnected()
  for (const item of ['a/1', 'a/2', 'a/3']) {
    add('a')
    assert.deepEqual(remove([item]), [])
    wait(1_000)
  }
})

test('the window after a reconnect closes', () => {
  const { guard, remove, wait } = setUp({ a: 4 })
  guard.reconnected()
  wait(60_000)
  assert.deepEqual(remove(['a/1', 'a/2', 'a/3', 'a/4']), [])
})
