import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { describeReload } from '../../../cmd/commands/reload.ts'
import type { ReloadPage } from '../../../routes/admin/reload-types.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { startAdmin } from '../../support/api-pages.ts'
import { runProgram } from '../../support/waygate.ts'

const PAGE: ReloadPage = {
  applied: true,
  changes: [
    { path: 'drainMs', of: 'value', from: 1_000, to: 2_000 },
    { path: 'jwt.secret', of: 'secret', from: null, to: null },
    { path: 'basic.usersFile', of: 'file', from: '/u', to: '/u' },
    { path: 'routes.documents.a', of: 'value', from: null, to: { path: `/${'x'.repeat(90)}` } },
  ],
  needsRestart: [{ path: 'adminPort', kept: 9_180 }, { path: 'etcd.password' }],
  warnings: [],
  refusedDocuments: [{ id: 'user', reason: '$.auth: names "basic", which is not configured' }],
}

test('changes are told one a line: without secrets, with what is kept until a restart, and what is closed', () => {
  assert.deepEqual(describeReload(PAGE, false).split('\n'), [
    'drainMs: 1000 -> 2000',
    'jwt.secret: changed',
    'basic.usersFile: the content of the file has changed',
    `routes.documents.a: none -> {"path":"/${'x'.repeat(47)}...`,
    'adminPort: needs a restart; kept 9180',
    'etcd.password: needs a restart',
    'route user does not fit and is closed: $.auth: names "basic", which is not configured',
  ])
  const nothing = { ...PAGE, changes: [], needsRestart: [], refusedDocuments: [] }
  assert.equal(describeReload(nothing, true), 'nothing has changed')
})

test('the token of the environment may be one that the configuration knows by its hash', async t => {
  const tokens = { ci: { sha256: hash('sha256', 'operate'), role: 'operate' } } as const
  const { fake, port } = await startAdmin(t, { tokens })
  const cwd = tempFolder(t, { 'waygate.yaml': JSON.stringify({ admin: { tokens } }) })
  const env = { WAYGATE_ADMIN: `http://127.0.0.1:${port}`, WAYGATE_ADMIN_TOKEN: 'operate' }
  const { code, stdout, stderr } = await runProgram({ args: ['reload', '--dry-run'], cwd, env })
  assert.deepEqual([code, stderr], [3, 'warning: a warning\n'])
  assert.match(stdout, /^drainMs: 1000 -> none\n.*\nnothing was put in force\n$/s)
  assert.deepEqual(fake.asked, ['reload'])
})

test('a file with a mistake does not keep the gateway from being asked, if it is named', async t => {
  const tokens = { ci: { sha256: hash('sha256', 'operate'), role: 'operate' } } as const
  const { fake, port } = await startAdmin(t, { tokens })
  const cwd = tempFolder(t, { 'waygate.yaml': 'drainMs: -1' })
  const env = { WAYGATE_ADMIN: `http://127.0.0.1:${port}`, WAYGATE_ADMIN_TOKEN: 'operate' }
  await runProgram({ args: ['reload', '--dry-run'], cwd, env })
  assert.deepEqual(fake.asked, ['reload'])
})

test('a command that reads the configuration takes the token of the environment for that of its caller', async t => {
  const tokens = { ci: { sha256: hash('sha256', 'operate'), role: 'operate' } } as const
  const cwd = tempFolder(t, {
    'waygate.yaml': JSON.stringify({
      admin: { tokens },
      jwt: { secret: 'a secret of at least 32 characters' },
    }),
  })
  const { code, stderr } = await runProgram({
    args: ['token', '--sub', 'anna'],
    cwd,
    env: { WAYGATE_ADMIN_TOKEN: 'operate' },
  })
  assert.deepEqual([code, stderr], [0, ''])
})
