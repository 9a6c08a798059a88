import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempFolder } from '../config/temp-folder.ts'
import { askJson } from '../support/json-gateway.ts'
import { loadedPackages, noteModules } from '../support/loaded-modules.ts'
import { registerNaming } from '../support/naming.ts'
import { openRegistry } from '../support/registry.ts'
import { startService } from '../support/service.ts'
import { startTaskNode } from '../support/task-node.ts'
import { until } from '../support/until.ts'
import { runProgram, SOURCE_PROGRAM, startGateway } from '../support/waygate.ts'

/** From its sources, since the packages of the bundle are not loaded as such. */
const PROGRAM = { file: SOURCE_PROGRAM }

test('a gateway loads a package when something needs it, and not before', async t => {
  const file = join(tempFolder(t, { modules: '' }), 'modules')
  await using gateway = await startGateway({ ...PROGRAM, env: noteModules(file) })
  using registry = openRegistry(gateway.etcd)
  await using node = await startService('plain')
  await registry.putNode('plain', 'one', node)
  await gateway.untilNodes('plain', ['one'])
  assert.equal(await (await fetch(`${gateway.url}/plain/x`)).text(), 'plain')
  const loaded = (name: string) => loadedPackages(file).has(name)
  assert.ok(loaded('fastify') && loaded('etcd3'), 'the hook sees what is loaded')
  for (const name of [
    ...[
      '@bufbuild/protobuf',
      'prom-client',
      'jsonwebtoken',
      'yaml',
      'pino-pretty',
      '@fastify/http-proxy',
      're2js',
      '@redis/client',
    ],
    ...['ajv', '@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request'],
  ]) {
    assert.ok(!loaded(name), `${name} is not loaded`)
  }
  assert.doesNotMatch(readFileSync(file, 'utf8'), /\/cmd\/gateway\/(?:tracing|span-fields|otlp-sender)\.ts$/m)

  assert.match(await (await fetch(`${gateway.admin}/metrics`)).text(), /^waygate_requests_total\{.*\} 1$/m)
  assert.ok(loaded('prom-client'))

  const match = { headers: { 'x-version': { regex: '[0-9]+' } } }
  await registry.putRoute('numbered', { path: '/plain/*', service: 'plain', auth: 'none', match })
  await until('the document is there', async () => loaded('re2js'))

  await using tasks = await startTaskNode()
  await registerNaming(registry, 'task', tasks.port)
  await until('the service is there', async () => (await gateway.nodes('task')).length === 1)
  assert.ok(loaded('@bufbuild/protobuf'), 'it is loaded before the node is used')
  const port = gateway.port
  await until(
    'the node has described itself',
    async () => (await askJson(port, 'POST', '/task/GetTask', { id: 5 })).status === 200,
  )
})

test('a command loads what it needs', async t => {
  const cwd = tempFolder(t, { modules: '', 'waygate.yaml': '{"port": 8080}', 'broken.yaml': 'port: none' })
  const file = join(cwd, 'modules')
  const packagesOf = async (...args: string[]) => {
    await writeFile(file, '')
    const { code } = await runProgram({ ...PROGRAM, args, cwd, env: noteModules(file) })
    return { code, packages: [...loadedPackages(file)].sort() }
  }
  assert.deepEqual(await packagesOf('--version'), { code: 0, packages: [] })
  assert.deepEqual(await packagesOf('start', '--help'), { code: 0, packages: [] })
  assert.deepEqual(await packagesOf('check', 'waygate.yaml'), { code: 0, packages: [] })
  assert.deepEqual(await packagesOf('check', 'broken.yaml'), { code: 1, packages: ['yaml'] })
})
