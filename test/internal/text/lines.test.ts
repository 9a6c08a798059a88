import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitLines } from '../../../internal/text/lines.ts'

const bytes = Buffer.from('one\n\ntwo \u{1f600}\r\nlast')

async function* chunksOf(size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const taken: string[] = []
  for await (const line of lines) taken.push(line)
  return taken
}

test('lines are the same however the bytes come', async () => {
  for (let size = 1; size <= bytes.length; size++) {
    assert.deepEqual(await all(splitLines(chunksOf(size), 100)), ['one', '', 'two \u{1f600}\r', 'last'])
  }
  assert.deepEqual(await all(splitLines(chunksOf(4), 9)), ['one', '', 'two \u{1f600}\r', 'last'])
})

test('a line that is too long is refused by its number, before all of it is read', async () => {
  let read = 0
  async function* endless() {
    yield Buffer.from('short\n')
    for (;;) {
      read++
      yield Buffer.alloc(10, 'x')
    }
  }
  await assert.rejects(all(splitLines(endless(), 100)), /^RangeError: line 2 is longer than 100 bytes$/)
  assert.equal(read, 11)
})

test('no more is read than the lines that are taken need', async () => {
  let read = 0
  async function* chunks() {
    for (;;) {
      read++
      yield Buffer.from(`${read}\n`)
    }
  }
  const lines = splitLines(chunks(), 100)
  for (const line of ['1', '2', '3']) assert.equal((await lines.next()).value, line)
  assert.equal(read, 3)
  await lines.return(undefined)
})
