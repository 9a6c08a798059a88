import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LateWriter, LateWrites } from '../../internal/late-writes.ts'

/** Makes late writes whose turns end when `endTurn` is called. Writers add their name to `written`. */
function createWrites() {
  const turns: (() => void)[] = []
  const written: number[] = []
  const writes = new LateWrites(write => turns.push(write))
  const writer = (name: number): LateWriter => ({ writeDue: () => void written.push(name) })
  return {
    written,
    turns,
    add: (...names: number[]) => {
      for (const name of names) writes.add(writer(name))
    },
    addWriter: (each: LateWriter) => writes.add(each),
    writer,
    endTurn: () => turns.shift()!(),
  }
}

test('writes are made at once until a turn had two of them', () => {
  const { add, endTurn, written } = createWrites()
  for (const name of [1, 2]) {
    add(name)
    assert.equal(written.at(-1), name)
    endTurn()
  }
  add(3, 4)
  assert.deepEqual(written, [1, 2, 3, 4])
})

test('after a busy turn, the writes of a turn are made at its end, in order, until a turn had one alone', () => {
  const { add, endTurn, turns, written } = createWrites()
  add(1, 2)
  endTurn()
  add(3, 4)
  assert.deepEqual(written, [1, 2])
  assert.equal(turns.length, 1)
  endTurn()
  assert.deepEqual(written, [1, 2, 3, 4])
  add(5)
  assert.deepEqual(written, [1, 2, 3, 4])
  endTurn()
  add(6)
  assert.deepEqual(written, [1, 2, 3, 4, 5, 6])
})

test('a turn with many writes makes them thirty-two at a time', () => {
  const { add, endTurn, written } = createWrites()
  add(-2, -1)
  endTurn()
  const names = Array.from({ length: 70 }, (_, i) => i)
  add(...names)
  assert.equal(written.length, 2 + 64)
  endTurn()
  assert.deepEqual(written.slice(2), names)
})

test('what is added while the writes are made is written at the end of the next turn', () => {
  const { add, addWriter, endTurn, writer, written } = createWrites()
  add(1, 2)
  endTurn()
  addWriter({ writeDue: () => addWriter(writer(3)) })
  add(4)
  endTurn()
  assert.deepEqual(written, [1, 2, 4])
  endTurn()
  assert.deepEqual(written, [1, 2, 4, 3])
})
