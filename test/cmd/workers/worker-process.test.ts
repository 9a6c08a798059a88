import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WorkerSettings } from '../../../cmd/workers/messages.ts'
import { WorkerProcess } from '../../../cmd/workers/worker-process.ts'

test('a worker whose process the system refuses counts as ended, and does not take the primary with it', async t => {
  const { execPath } = process
  t.after(() => {
    process.execPath = execPath
  })
  // A file that is not executable is refused in the same way as one process too many.
  process.execPath = import.meta.filename
  const worker = new WorkerProcess({} as WorkerSettings, 'at-once', { program: Buffer.alloc(0) })
  await assert.rejects(worker.listening, /cannot be started .*EACCES/)
  assert.deepEqual(await worker.exited, { code: null, signal: null })
  assert.equal(worker.isServing, false)
  worker.kill()
})
