/**
 * `npm run test:executable`: builds the executable, and runs what is different in it: its version, its files, and that each of
 * its processes is the same file. `EXECUTABLE` names one that was built before.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { askDemo } from '../support/asked-demo.ts'
import { send } from '../support/http.ts'
import { env, said } from '../support/packed.ts'
import { childrenOf } from '../support/processes.ts'
import { openRegistry } from '../support/registry.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { runProgram, startGateway, startProgram } from '../support/waygate.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
/** Without a Node.js: neither the executable nor its processes need one. */
const BARE = { PATH: '/nowhere' }

let folder: string
let file: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waygate-shipping-'))
  const { EXECUTABLE } = process.env
  file = EXECUTABLE ? resolve(EXECUTABLE) : join(folder, 'waygate')
  if (!EXECUTABLE) await run('npm', ['run', 'build:executable', '--', folder], { cwd: root, env }).catch(said)
})

after(() => rm(folder, { recursive: true, force: true }))

test('it knows its version, and checks files', async () => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const shown = await runProgram({ file, args: ['--version'], env: BARE })
  assert.deepEqual(shown, { code: 0, signal: null, stdout: `${version}\n`, stderr: '' })
  const config = join(folder, 'waygate.yaml')
  await writeFile(config, 'port: 8080\n')
  const checked = await runProgram({ file, args: ['check', config], env: BARE })
  assert.equal(checked.code, 0, checked.stderr)
})

test('its demo runs the example services, and serves the page', async () => {
  await askDemo(file, BARE)
})

test('its workers are the file that was started, also after an update, and a sidecar registers at its etcd', async () => {
  // Renamed over the old one, as package managers replace a program that runs.
  const own = join(folder, 'own')
  await copyFile(file, own)
  await using gateway = await startGateway({ file: own, env: BARE, args: ['--workers', '2'] })
  const before = childrenOf(gateway.pid)
  assert.equal(before.length, 2)
  const other = join(folder, 'other')
  await writeFile(other, '#!/bin/sh\nexit 7\n', { mode: 0o755 })
  await rename(other, own)
  gateway.child.kill('SIGHUP')
  await gateway.logged('new configuration is active')
  await until('all workers are new', () => {
    const now = childrenOf(gateway.pid)
    return now.length === 2 && !now.some(pid => before.includes(pid))
  })

  await using node = await startService('node')
  const args = ['register', '--name', 'echo', '--address', `127.0.0.1:${node.port}`, '--etcd', gateway.etcd]
  await using sidecar = await startProgram({ file, args, env: BARE })
  await until('it is registered', () => sidecar.stderr().includes('"registered"'))
  using registry = openRegistry(gateway.etcd)
  const match = { headers: { 'x-version': { regex: '[0-9]+' } } }
  await registry.putRoute('numbered', { path: '/numbered/*', service: 'echo', auth: 'none', match })
  const ask = () => send(gateway.port, { path: '/numbered/x', headers: { 'x-version': '7' } })
  await until('a worker serves', async () => (await ask()).status === 200)
  assert.match(await (await fetch(`${gateway.admin}/metrics`)).text(), /^waygate_requests_total\{/m)
})
