import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { COMMANDS } from '../../../cmd/cli/option-table.ts'
import { AdminClient } from '../../../cmd/commands/admin-client.ts'
import { readIds } from '../../../cmd/commands/completion.ts'
import { bashScript, fishScript, zshScript } from '../../../cmd/commands/completion-scripts.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { onPath } from '../../support/etcd.ts'
import { startFakeAdmin } from '../../support/fake-admin.ts'
import { runProgram } from '../../support/waygate.ts'

/** Returns what bash offers when Tab is pressed at the end of the line. */
async function offered(folder: string, line: string): Promise<string[]> {
  const words = line.split(' ')
  const script = `source ./script
COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')})
COMP_CWORD=${words.length - 1}
_waygate
printf '%s\\n' "\${COMPREPLY[@]}"`
  return new Promise((resolve, reject) => {
    execFile(
      'bash',
      ['--norc', '-c', script],
      { cwd: folder, env: { PATH: `${folder}:${process.env.PATH}` } },
      (error, stdout) => (error ? reject(error) : resolve(stdout.split('\n').filter(Boolean))),
    )
  })
}

test('bash completes commands, options, values of options, words and ids', async t => {
  if (!onPath('bash')) return t.skip('needs bash on PATH')
  const folder = tempFolder(t, { script: bashScript() })
  const program = join(folder, 'waygate')
  // What a gateway says must never be run.
  await writeFile(
    program,
    `#!/bin/sh\n[ "$1 $2" = "completion ids" ] && printf 'user\\ntask\\n$(touch ran)\\n%s-x\\n' "$3"\n`,
  )
  await chmod(program, 0o755)
  assert.deepEqual(await offered(folder, 'waygate to'), ['top', 'token'])
  assert.deepEqual(await offered(folder, 'waygate '), [...Object.keys(COMMANDS), 'help'])
  assert.deepEqual(await offered(folder, 'waygate tail --p'), ['--problems'])
  assert.deepEqual(await offered(folder, 'waygate routes --output w'), ['wide'])
  assert.deepEqual(await offered(folder, 'waygate tail -o '), ['table', 'json', 'name'])
  assert.deepEqual(await offered(folder, 'waygate routes --config '), [], 'bash offers files')
  assert.deepEqual(await offered(folder, 'waygate certificate '), ['put', 'list'])
  assert.deepEqual(await offered(folder, 'waygate services us'), ['user'])
  assert.deepEqual(await offered(folder, 'waygate nodes '), ['user', 'task', '$(touch', 'ran)', 'nodes-x'])
  assert.ok(!existsSync(join(folder, 'ran')))
})

test('zsh and fish know every command and every option', async () => {
  const [zsh, fish] = [zshScript(), fishScript()]
  for (const [name, { options }] of Object.entries(COMMANDS)) {
    assert.ok(zsh.includes(`'${name}:`), name)
    assert.ok(fish.includes(`-a ${name} -d `), name)
    for (const option of options) {
      assert.match(zsh, new RegExp(`^    ${name}\\) .*'--${option.name}\\[`, 'm'))
      assert.match(fish, new RegExp(`^complete .*seen_subcommand_from ${name}' -l ${option.name} `, 'm'))
    }
  }
})

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  test(`the script for ${shell} has no mistake in it`, async t => {
    if (!onPath(shell)) return t.skip(`needs ${shell} on PATH`)
    const folder = tempFolder(t, { script: { bash: bashScript, zsh: zshScript, fish: fishScript }[shell]() })
    await new Promise<void>((resolve, reject) => {
      execFile(shell, ['-n', join(folder, 'script')], error => (error ? reject(error) : resolve()))
    })
  })
}

test('ids are those of a running gateway, without those that a shell would not take as they are', async t => {
  const services = [{ name: 'user' }, { name: 'task' }]
  const nodes = ['n1', 'a:1', '`x`'].map(id => ({ service: 'user', id }))
  const routes = [
    { id: 'tasks', origin: 'etcd' },
    { id: 'auto:user', origin: 'auto' },
    { id: '$(rm -r x)', origin: 'etcd' },
  ]
  const { url } = await startFakeAdmin(t, {
    '/api/v1/services': { items: services },
    '/api/v1/nodes': { items: nodes },
    '/api/v1/routes': { routes },
  })
  const client = new AdminClient({ admin: url, config: undefined, settings: [] })
  assert.deepEqual(await readIds(client, 'services', 60_000), ['user', 'task'])
  assert.deepEqual(await readIds(client, 'nodes', 60_000), ['user', 'task', 'user/n1', 'user/a:1'])
  assert.deepEqual(await readIds(client, 'routes', 60_000), ['tasks'])
  const slow = await startFakeAdmin(t, { '/api/v1/services': () => {} })
  for (const admin of [slow.url, 'http://127.0.0.1:3']) {
    const env = { WAYGATE_ADMIN: admin }
    const { code, stdout, stderr } = await runProgram({ args: ['completion', 'ids', 'services'], env })
    assert.deepEqual([code, stdout, stderr], [0, '', ''])
  }
})
