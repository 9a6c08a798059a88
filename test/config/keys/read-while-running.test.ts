import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readWhileRunning } from '../../../config/keys/file-contents.ts'
import { tempFolder } from '../temp-folder.ts'

test('what has taken the place of a file is read only if it is one, and holds up nobody', t => {
  const folder = tempFolder(t, { file: 'text' })
  const at = (name: string) => join(folder, name)
  mkdirSync(at('folder'))
  symlinkSync('file', at('link'))
  execFileSync('mkfifo', [at('pipe')])
  assert.equal(String(readWhileRunning(at('link'))), 'text')
  for (const name of ['folder', 'pipe']) {
    assert.throws(() => readWhileRunning(at(name)), /it is not a file/)
  }
  assert.throws(() => readWhileRunning(at('none')), { code: 'ENOENT' })
})
