import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDatabase } from '../../examples/shared/database.ts'

const SCHEMA = 'CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL) STRICT'
const FILES = 40

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'waygate-database-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

test('processes that open the same new file at the same time all succeed', async () => {
  await using folder = await temporaryFolder()
  const module = new URL('../../examples/shared/database.ts', import.meta.url).href
  // Each process reports that it is ready, gets a start time, and then opens a file every 10 ms, on the
  // millisecond. Started one after the other, they would hardly ever collide.
  const program = `
    import { once } from 'node:events'
    import { openDatabase } from ${JSON.stringify(module)}
    console.log('ready')
    const begin = Number(await once(process.stdin, 'data'))
    for (let i = 0; i < ${FILES}; i++) {
      while (Date.now() < begin + i * 10);
      const database = await openDatabase(${JSON.stringify(folder.path)} + '/' + i, ${JSON.stringify(SCHEMA)})
      database.prepare('INSERT INTO notes VALUES (?)').run(String(process.pid))
      database.close()
    }
    process.exit(0)`
  const children = Array.from({ length: 2 }, () =>
    spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  )
  const exits = children.map(child => once(child, 'exit'))
  await Promise.all(children.map(child => once(child.stdout, 'data')))
  const begin = Date.now() + 20
  for (const child of children) child.stdin.write(String(begin))
  for (const exit of exits) assert.deepEqual(await exit, [0, null])
  for (let i = 0; i < FILES; i++) {
    using database = await openDatabase(join(folder.path, String(i)), SCHEMA)
    assert.deepEqual({ ...database.prepare('SELECT count(*) AS notes FROM notes').get() }, { notes: 2 })
    assert.deepEqual({ ...database.prepare('PRAGMA journal_mode').get() }, { journal_mode: 'wal' })
  }
})

test('a file that is not a database is an error at once', async () => {
  await using folder = await temporaryFolder()
  await assert.rejects(openDatabase(folder.path, SCHEMA), /unable to open database file/)
  await assert.rejects(openDatabase(':memory:', 'CREATE GARBAGE'), /syntax error/)
})
