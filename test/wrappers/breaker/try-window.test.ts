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

test('what was counted is there for nine turns after its own, and gone with the tenth', () => {
  const { window, counts, turn } = setUp()
  window.passed += 5
  window.failed += 2
  turn(9)
  assert.deepEqual(counts(), [5, 2])
  turn()
  assert.deepEqual(counts(), [0, 0])
})

test('each turn goes with what came in it', () => {
  const { window, counts, turn } = setUp()
  for (let i = 1; i <= 30; i++) {
    window.passed += i
    window.failed++
    const turns = Array.from({ length: Math.min(i, 10) }, (_, back) => i - back)
    assert.deepEqual(counts(), [turns.reduce((sum, each) => sum + each), turns.length])
    turn()
  }
})

test('cleared, it holds nothing, and nothing comes back', () => {
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
