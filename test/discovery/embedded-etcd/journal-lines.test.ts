import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DamagedError, encode, readLines, writeLine } from '../../../discovery/embedded-etcd/journal-lines.ts'

const START = { clusterId: 1n, memberId: 2n, revision: 1n, compactRevision: -1n }

/** A file of three lines. */
function createFile(): Buffer {
  const lines: Buffer[] = []
  let checksum = 0
  for (const entries of [
    [encode({ kind: 'start', start: START }), encode({ kind: 'whole' })],
    [encode({ kind: 'renew', id: 5n })],
    [encode({ kind: 'compact', revision: 7n }), encode({ kind: 'revoke', id: 8n })],
  ]) {
    const line = writeLine(entries, checksum)
    checksum = line.checksum
    lines.push(line.bytes)
  }
  return Buffer.concat(lines)
}

async function* inPieces(file: Buffer, bytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < file.length; at += bytes) yield file.subarray(at, at + bytes)
}

async function read(file: Buffer, bytes: number) {
  const kinds: string[] = []
  const lines = await readLines(inPieces(file, bytes), ({ kind }) => kinds.push(kind))
  return { kinds, ...lines }
}

test('a file is read in pieces of any size, with a last line that is whole, torn or never written', async () => {
  const file = createFile()
  const last = file.lastIndexOf('\n', -2) + 1
  const never = Buffer.from(file).fill(0, last + 3, file.length - 1)
  for (const content of [file, file.subarray(0, -1), file.subarray(0, last + 4), never]) {
    const atOnce = await read(content, content.length)
    assert.equal(atOnce.length, content === file ? file.length : last)
    assert.equal(atOnce.size, content.length)
    for (let bytes = 1; bytes < content.length; bytes++)
      assert.deepEqual(await read(content, bytes), atOnce, `pieces of ${bytes} bytes`)
  }
})

test('a line that was never written is damage when anything follows it, in whatever piece', async () => {
  const file = createFile()
  const second = file.indexOf('\n') + 1
  const damaged = Buffer.from(file).fill(0, second + 3, second + 6)
  for (let bytes = 1; bytes <= damaged.length; bytes++) {
    await assert.rejects(read(damaged, bytes), (error: unknown) => {
      assert.ok(error instanceof DamagedError)
      assert.equal(error.position, second)
      return true
    })
  }
})
