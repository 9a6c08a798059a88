import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { LiveStream } from '../../../../routes/admin/live/live-stream.ts'
import { until } from '../../../support/until.ts'

/** A response whose reader takes a piece when `read` is called. */
function openStream() {
  const waiting: (() => void)[] = []
  const raw = new Writable({ write: (_piece, _encoding, done) => void waiting.push(done) })
  Object.assign(raw, { writeHead: () => raw, flushHeaders() {} })
  const viewer = { figures: false, tail: undefined, rows: undefined, isMasked: false }
  const stream = new LiveStream(
    raw as unknown as ConstructorParameters<typeof LiveStream>[0],
    viewer,
    () => {},
  )
  return { raw, stream, waiting, read: () => waiting.shift()?.() }
}

async function* pieces(count: number) {
  for (let i = 0; i < count; i++) yield 'x'.repeat(100_000)
}

test('a viewer that reads nothing of the table is disconnected after a minute, and one that reads is not', async () => {
  const { raw, stream, waiting, read } = openStream()
  stream.missed = { routes: new Set(), services: new Set(), changes: [], changesLength: 0 }
  const written = stream.sendPieces('table', pieces(3))
  await until('the table waits for its reader', () => waiting.length > 0)
  stream.beat(performance.now() + 59_000)
  assert.equal(raw.destroyed, false)
  read()
  read()
  await until('it waits again', () => waiting.length > 0)
  stream.beat(performance.now() + 59_000)
  assert.equal(raw.destroyed, false)
  stream.beat(performance.now() + 61_000)
  assert.equal(raw.destroyed, true)
  await written
})

test('a table of many pieces leaves no listeners behind', async () => {
  const { raw, stream, read } = openStream()
  const before = raw.listenerCount('close') + raw.listenerCount('error')
  let isWritten = false
  const written = stream.sendPieces('table', pieces(50)).then(() => {
    isWritten = true
  })
  let most = 0
  while (!isWritten) {
    read()
    await new Promise(resolve => setImmediate(resolve))
    most = Math.max(most, raw.listenerCount('close') + raw.listenerCount('error'))
  }
  await written
  assert.equal(most, before)
})
