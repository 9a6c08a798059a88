import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startGatewayHere } from '../support/gateway-here.ts'
import { startService } from '../support/service.ts'
import { startTraffic } from '../support/steady-traffic.ts'
import { until } from '../support/until.ts'

const config = { discovery: { registry: 'file', file: './services.yaml' } }

test('a gateway follows a file through edits, renames, links, mistakes and deletion, and no request fails', async t => {
  const cwd = await mkdtemp(join(tmpdir(), 'waygate-file-'))
  t.after(() => rm(cwd, { recursive: true, force: true }))
  const file = join(cwd, 'services.yaml')
  await using a = await startService('a')
  await using b = await startService('b')
  const nodes = (...services: { name: string; port: number }[]) =>
    services.map(({ name, port }) => `    - { id: ${name}, ip: 127.0.0.1, port: ${port} }\n`).join('')
  const route = 'routes:\n  v1: { path: /v1/*, service: user, stripPrefix: /v1 }\n'
  await writeFile(file, `services:\n  user:\n${nodes(a)}${route}`)

  await using gateway = await startGatewayHere({ config, cwd })
  assert.equal(
    gateway.log().some(({ msg }) => msg.includes('embedded etcd')),
    false,
    'no etcd is started',
  )
  const page = await gateway.routes()
  assert.deepEqual(
    page.routes.map(({ id, origin }) => [id, origin]),
    [['v1', 'file']],
  )
  const problems = async () => (await gateway.routes()).problems
  await using traffic = startTraffic({ ports: [gateway.port], paths: ['/v1/x'] })

  await t.test('written in place', async () => {
    await writeFile(file, `services:\n  user:\n${nodes(a, b)}${route}`)
    await gateway.untilNodes('user', ['a', 'b'])
  })

  await t.test('replaced by a rename; a removed node gets no requests although it is alive', async () => {
    await writeFile(`${file}.new`, `services:\n  user:\n${nodes(b)}${route}`)
    await rename(`${file}.new`, file)
    await gateway.untilNodes('user', ['b'])
    const before = a.count
    assert.equal(await (await fetch(`${gateway.url}/v1/x`)).text(), 'b')
    assert.equal(a.count, before)
  })

  await t.test('an invalid node affects only itself', async () => {
    await writeFile(
      file,
      `services:\n  user:\n${nodes(a)}    - { ip: 127.0.0.1, port: x }\n${nodes(b)}${route}`,
    )
    await gateway.untilNodes('user', ['a', 'b'])
    assert.deepEqual(await problems(), [{ key: 'services.user[1]', reason: 'line 4: port must be a number' }])
  })

  await t.test('broken and repaired', async () => {
    await writeFile(file, 'services:\n  user: }\n')
    await until('the mistake is shown', async () =>
      (await problems())[0]?.reason.startsWith('line 2, column 9'),
    )
    assert.deepEqual((await gateway.nodes('user')).length, 2)
    await writeFile(file, `services:\n  user:\n${nodes(a)}${route}`)
    await gateway.untilNodes('user', ['a'])
    assert.deepEqual(await problems(), [])
  })

  await t.test('deleted, and recreated as a symbolic link like in a ConfigMap', async () => {
    await unlink(file)
    await until('it is stale', async () => (await gateway.routes()).source.stale)
    assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 200)
    await mkdir(join(cwd, '..1'))
    await writeFile(join(cwd, '..1', 'services.yaml'), `services:\n  user:\n${nodes(b)}${route}`)
    await symlink('..1', join(cwd, '..data'))
    await symlink(join('..data', 'services.yaml'), file)
    await gateway.untilNodes('user', ['b'])
    const { stale, ageMs } = (await gateway.routes()).source
    assert.equal(stale, false)
    assert.ok(Number.isInteger(ageMs), `the age is told as ${ageMs} ms`)
    await mkdir(join(cwd, '..2'))
    await writeFile(join(cwd, '..2', 'services.yaml'), `services:\n  user:\n${nodes(a, b)}${route}`)
    await symlink('..2', join(cwd, '..data_tmp'))
    await rename(join(cwd, '..data_tmp'), join(cwd, '..data'))
    await gateway.untilNodes('user', ['a', 'b'])
  })

  const sent = await traffic.finish()
  assert.ok(sent > 20, `${sent} requests`)
  t.diagnostic(`${sent} requests, 0 failed`)
})

test('a gateway whose file is missing is up but not ready, says why, and becomes ready when the file appears', async () => {
  await using a = await startService('a')
  await using gateway = await startGatewayHere({ config, ready: false })
  assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 503)
  const line = await gateway.logged('registry out of reach; there is no table to serve yet')
  assert.match(String(line.reason), /services\.yaml: no such file$/)
  assert.equal((await fetch(`${gateway.url}/user/`)).status, 503)
  await writeFile(join(gateway.cwd, 'services.yaml'), `services: { user: ['127.0.0.1:${a.port}'] }`)
  await until('it is ready', async () => (await fetch(`${gateway.admin}/readyz`)).ok)
  assert.equal(await (await fetch(`${gateway.url}/user/`)).text(), 'a')
})
