import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../../config/load/load.ts'
import { createFindCaller } from '../../../routes/admin/callers.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { runProgram } from '../../support/waygate.ts'

test('the lines that are printed let the token in with its role, and hold its hash alone', async t => {
  for (const [args, name, role, services] of [
    [['--name', 'anna', '--role', 'operate'], 'anna', 'operate'],
    [['--name', 'the page: "1"'], 'the page: "1"', 'read'],
    [
      ['--name', 'ci', '--role', 'register', '--service', 'a', '--service', 'b'],
      'ci',
      'register',
      ['a', 'b'],
    ],
  ] as const) {
    const { code, stdout } = await runProgram({ args: ['admin-token', ...args] })
    assert.equal(code, 0)
    const token = /^token: (wga_[\w-]{43})$/m.exec(stdout)![1]!
    const lines = /^admin:\n(?: .*\n)+/m.exec(stdout)![0]
    assert.ok(!lines.includes(token))
    const { config } = loadConfig({ env: {}, cwd: tempFolder(t, { 'waygate.yaml': lines }) })
    const find = createFindCaller(undefined, config.admin.tokens)!
    assert.deepEqual(find(`Bearer ${token}`), {
      ...{ name, role, isMasked: role !== 'operate' },
      ...(services && { services }),
    })
    assert.equal(find(`Bearer ${token}x`), undefined)
  }
})

test('a role that there is not is refused with those that there are', async () => {
  const { code, stderr } = await runProgram({ args: ['admin-token', '--name', 'anna', '--role', 'write'] })
  assert.equal(code, 2)
  assert.match(stderr, /--role must be metrics, register, read or operate, not write/)
})

test('services bind the role register alone, on the command line and in the configuration', async t => {
  const { code, stderr } = await runProgram({ args: ['admin-token', '--name', 'anna', '--service', 'a'] })
  assert.equal(code, 2)
  assert.match(stderr, /--service is for --role register, not for read/)

  const entry = { sha256: 'a'.repeat(64), role: 'operate', services: ['a'] }
  const cwd = tempFolder(t, { 'waygate.yaml': JSON.stringify({ admin: { tokens: { anna: entry } } }) })
  assert.throws(
    () => loadConfig({ env: {}, cwd }),
    /admin\.tokens\.anna\.services: is for the role register alone, not for operate/,
  )
})
