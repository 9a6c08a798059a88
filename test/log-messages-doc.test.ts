import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')
const page = readFileSync(join(root, 'docs/observability.md'), 'utf8')
const sources = globSync('{cmd,discovery}/**/*.ts', { cwd: root }).map(file =>
  readFileSync(join(root, file), 'utf8'),
)

test('docs/observability.md names log messages that the code writes', () => {
  const [table = ''] = /^\| message \| meaning \|\n.*?\n\n/ms.exec(page) ?? []
  const messages = [...table.matchAll(/^\| (.+?) \|/gm)]
    .flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, message]) => message!))
    .map(message => message.replace(/\.\.\.$/, ''))
  assert.ok(messages.length > 15)
  // A message of which the beginning is named may go on in several ways.
  const isWritten = (message: string) => sources.some(source => source.includes(`'${message}`))
  assert.deepEqual(
    messages.filter(message => !isWritten(message)),
    [],
  )
})
