import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LateWriter, LateWrites } from '../../internal/late-writes.ts'

/** Writes its name into `written`. */
const writer = (name: number, written: number[]): LateWriter => ({ writeDue: () => void written.push(name) })

test('the writes of one turn are made at its end, in order, and those of the next one at its own', () => {
  const turns: (() => void)[] = []
  const writes = new LateWrites(write => turns.push(write))
  const written: number[] = []
  for (const name of [1, 2]) writes.add(writer(name, written))
  assert.deepEqual(written, [])
  assert.equal(turns.length, 1)
  turns.shift()!()
  assert.deepEqual(written, [1, 2])
  writes.add(writer(3, written))
  assert.deepEqual(written, [1, 2])
  turns.shift()!()
  assert.deepEqual(written, [1, 2, 3])
})

test('a turn with many writes makes them thirty-two at a time', () => {
  const turns: (() => void)[] = []
  const writes = new LateWrites(write => turns.push(write))
  const written: number[] = []
  for (let i = 0; i < 70; i++) writes.add(writer(i, written))
  assert.equal(written.length, 64)
  for (const turn of turns) turn()
  assert.deepEqual(
    written,
    Array.from({ length: 70 }, (_, i) => i),
  )
})

test('what is added while the writes are made is written at the end of the next turn', () => {
  const turns: (() => void)[] = []
  const writes = new LateWrites(write => turns.push(write))
  const written: number[] = []
  writes.add({ writeDue: () => writes.add(writer(1, written)) })
  turns.shift()!()
  assert.deepEqual(written, [])
  turns.shift()!()
  assert.deepEqual(written, [1])
})
