import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import pino from 'pino'
import { DelayedFile } from '../../../discovery/etcd/delayed-file.ts'
import { tempFolder } from '../../config/temp-folder.ts'

test('what could not be written is written later, and at the latest with the flush at the end', async t => {
  const folder = join(tempFolder(t), 'data')
  // A file where the folder should be.
  writeFileSync(folder, '')
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: line => void lines.push(JSON.parse(line).msg) })
  const path = join(folder, 'copy.json')
  const file = new DelayedFile({ render: () => ({ path, content: 'all of it' }), logger, delayMs: 1 })
  file.schedule()
  await file.flush()
  await file.flush()
  assert.deepEqual(lines, ['writing the snapshot failed'])
  rmSync(folder)
  mkdirSync(folder)
  await file.flush()
  assert.equal(readFileSync(path, 'utf8'), 'all of it')
  rmSync(path)
  await file.flush()
  assert.throws(() => readFileSync(path), 'no file is written after it was closed')
})
