import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import pino from 'pino'
import { DelayedFile } from '../../../discovery/etcd/delayed-file.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { until } from '../../support/until.ts'

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

test('content that cannot be made causes a warning, and is made again later', async t => {
  const path = join(tempFolder(t), 'copy.json')
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: line => void lines.push(JSON.parse(line).reason) })
  let characters = 2 ** 30
  const file = new DelayedFile({
    render: () => ({ path, content: 'x'.repeat(characters) }),
    logger,
    delayMs: 1,
  })
  file.schedule()
  await until('a warning', () => lines.length > 0)
  assert.deepEqual(lines, ['Invalid string length'])
  characters = 1
  await file.flush()
  assert.equal(readFileSync(path, 'utf8'), 'x')
})
