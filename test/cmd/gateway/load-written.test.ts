import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadWritten } from '../../../cmd/gateway/load-written.ts'

/** Loads the next of these values each time, and the last one from then on. An error is thrown. */
function loadEach(...values: readonly (string | Error)[]) {
  let at = 0
  const load = () => {
    const value = values[Math.min(at++, values.length - 1)]!
    if (value instanceof Error) throw value
    return value
  }
  return loadWritten(load, (one, other) => one === other)
}

test('files are loaded until they stay as they are', async () => {
  assert.equal(await loadEach('whole'), 'whole')
  assert.equal(await loadEach('half', 'whole'), 'whole')
  assert.equal(await loadEach(new Error('line 3 is cut off'), 'half', 'whole'), 'whole')
})

test('what stays wrong is thrown', async () => {
  await assert.rejects(loadEach('whole', new Error('empty'), new Error('empty')), /^Error: empty$/)
})

test('files that never stay as they are are refused', async () => {
  let n = 0
  const loading = loadWritten(
    () => n++,
    (one, other) => one === other,
  )
  await assert.rejects(loading, error => {
    const { problems } = error as unknown as { problems: readonly { message: string }[] }
    assert.match(problems[0]!.message, /change while they are read; reload when they are written/)
    return true
  })
  assert.ok(n > 2)
})
