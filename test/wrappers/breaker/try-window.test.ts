import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TryWindow } from '../../../wrappers/breaker/try-window.ts'

function setUp() {
  const window = new TryWindow(10_000_000)
  window.close()
  const counts = () => [window.passed, window.failed]
  const turn = (times = 1) => {
    for (let i = 0; i < times; i++) window.rotate()
  }
  return { window, counts, turn }
}

test('a count stays for nine rotations and is dropped with the tenth', () => {
  const { window, counts, turn } = setUp()
  window.passed += 5
  window.failed += 2
  turn(9)
  assert.deepEqual(counts(), [5, 2])
  turn()
  assert.deepEqual(counts(), [0, 0])
})

test('each rotation drops the counts of the oldest bucket', () => {
  const { window, counts, turn } = setUp()
  for (let i = 1; i <= 30; i++) {
    window.passed += i
    window.failed++
    const turns = Array.from({ length: Math.min(i, 10) }, (_, back) => i - back)
    assert.deepEqual(counts(), [turns.reduce((sum, each) => sum + each), turns.length])
    turn()
  }
})

test('a cleared window is empty, and old counts do not come back', () => {
  const { window, counts, turn } = setUp()
  window.failed = 3
  turn(4)
  window.clear()
  window.passed = 1
  turn(9)
  assert.deepEqual(counts(), [1, 0])
  turn()
  assert.deepEqual(counts(), [0, 0])
})
