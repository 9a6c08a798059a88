import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { bash, FREE_PORTS, startDemo } from '../support/demo.ts'
import { onPath } from '../support/etcd.ts'
import { startBefore } from '../support/start-before.ts'
import { until } from '../support/until.ts'
import { startProgram } from '../support/waygate.ts'

/** Lists the ids of the running child processes of `pid`. */
async function childrenOf(pid: number): Promise<number[]> {
  const list = await new Promise<string>((resolve, reject) => {
    execFile('ps', ['-A', '-o', 'pid=,ppid='], (error, stdout) => (error ? reject(error) : resolve(stdout)))
  })
  const rows = list
    .trim()
    .split('\n')
    .map(line => line.trim().split(/\s+/).map(Number))
  return rows.filter(([, parent]) => parent === pid).map(([id]) => id!)
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('the printed commands do what they say when they are run as printed', async t => {
  if (!onPath('bash') || !onPath('curl')) return t.skip('needs bash and curl on PATH')
  await using demo = await startDemo(FREE_PORTS)
  const lines = demo.introduction.split('\n').map(line => line.trim())
  const commands = lines.filter(line => /^(export |TOKEN=|curl |npm run -s waygate (?!tail))/.test(line))
  assert.equal(commands.length, 10, demo.introduction)
  // A separator between the commands tells their answers apart.
  const outputs = (await bash(commands.map(line => `${line}\necho; echo ----`).join('\n'))).split('\n----\n')
  const [, , refused = '', created = '', listed = '', registered = '', , me = '', routes = '', top = ''] =
    outputs

  assert.match(refused, /^HTTP\/1\.1 401 /)
  assert.match(refused, /content-type: application\/problem\+json/i)
  assert.match(refused, /"code":"WG_TOKEN_MISSING"/)
  const task = JSON.parse(created)
  assert.equal(task.title, 'read the README')
  assert.ok(JSON.stringify(JSON.parse(listed)).includes(JSON.stringify(task.id)))
  assert.equal(JSON.parse(registered).name, 'ada')
  assert.equal(JSON.parse(me).name, 'ada', 'with the token of the login')
  assert.match(routes, /^user +\* +\/user\/\* +user +jwt +2\/2 up +/m)
  assert.match(routes, /^auto:task +\* +\/task\/\* +task +jwt +1\/1 up +/m)
  assert.match(top, /^user +2\/2 usable +/m)
})

test('killing a node as the introduction suggests fails no request, and its check finds it before its lease ends', async () => {
  await using demo = await startDemo(FREE_PORTS, 'program')
  const [, page = '', adminToken = ''] = /page {5}(\S+)#token=(\S+)/.exec(demo.introduction) ?? []
  const [, gateway = ''] = /gateway {2}(\S+)/.exec(demo.introduction) ?? []
  const [, token = ''] = /export TOKEN=(\S+)/.exec(demo.introduction) ?? []
  const [, pid = ''] = /kill -9 (\d+)/.exec(demo.introduction) ?? []
  // No user is called `demo`, so 404 is the answer of the service.
  const ask = async () =>
    (await fetch(`${gateway}/user/me`, { headers: { authorization: `Bearer ${token}` } })).status
  assert.equal(await ask(), 404)
  process.kill(Number(pid), 'SIGKILL')
  await until('it says so', () => demo.program.stdout().includes(`Process ${pid} has ended.`))
  for (let i = 0; i < 20; i++) assert.equal(await ask(), 404)
  await until('its check fails', async () => {
    const nodes = await fetch(`${page}api/v1/nodes`, { headers: { authorization: `Bearer ${adminToken}` } })
    return (await nodes.text()).includes('"health":"unhealthy"')
  })
})

test('if default ports are taken, the demo says so and uses free ones', async () => {
  // Another program may already use them, or another run of this test may release them in a moment.
  const held = await Promise.all(
    [
      { host: '0.0.0.0', port: 8_080 },
      { host: '127.0.0.1', port: 9_180 },
      { host: '127.0.0.1', port: 2_379 },
    ].map(async address => {
      const server = createServer()
      const held = () =>
        new Promise<boolean>(resolve => {
          server.once('error', () => resolve(false)).listen(address, () => resolve(true))
        })
      await until('it is held here', held, { withinMs: 10_000, everyMs: 100 }).catch(() => {})
      return server
    }),
  )
  try {
    await using demo = await startDemo([], 'program')
    assert.match(
      demo.introduction,
      /These ports are in use, so free ones were chosen instead: 8080, 9180, 2379\./,
    )
    const [, gateway] = /gateway +(http:\S+)/.exec(demo.introduction) ?? []
    assert.notEqual(new URL(gateway!).port, '8080')
    assert.equal((await fetch(`${gateway}/task/tasks`)).status, 401)
  } finally {
    await Promise.all(held.map(server => new Promise(resolve => server.close(resolve))))
  }
})

test('a demo that is told to end while it starts does not say what to try', async () => {
  await using program = await startProgram({ args: ['demo', ...FREE_PORTS] })
  const { child } = program
  await until('its first service starts', async () => (await childrenOf(child.pid!)).length > 0, {
    withinMs: 60_000,
  })
  child.kill('SIGTERM')
  assert.deepEqual(await program.exited, { code: 0, signal: null })
  assert.doesNotMatch(program.stdout(), /export TOKEN/)
})

test('a chosen port that is taken gives one clear line, and nothing is left running', async () => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const temp = await mkdtemp(join(tmpdir(), 'waygate-demo-test-'))
  try {
    const args = ['demo', '--port', '0', '--admin-port', '0', '--embedded-etcd', `127.0.0.1:${port}`]
    await using program = await startProgram({ args, env: { TMPDIR: temp } })
    assert.deepEqual(await program.exited, { code: 1, signal: null })
    assert.match(program.stderr(), new RegExp(`^waygate: .*127\\.0\\.0\\.1:${port}.*in use; .*\\n$`))
    assert.deepEqual(await readdir(temp), [])
  } finally {
    server.close()
    await rm(temp, { recursive: true, force: true })
  }
})

describe('a demo with its own traffic', () => {
  const demo = startBefore(() => startDemo(FREE_PORTS, 'program'))

  test('it sends requests to itself, some of which fail, and leaves them out of its log', async () => {
    const startedAt = performance.now()
    const [, admin = '', adminToken = ''] = /page +(\S+)\/#token=(\S+)/.exec(demo().introduction) ?? []
    const headers = { authorization: `Bearer ${adminToken}` }
    const read = async () => {
      const answer = await fetch(`${admin}/api/v1/requests`, { headers })
      return ((await answer.json()) as { items: { requestId: string; status: number; client: string }[] })
        .items
    }
    await until('there are requests', async () => (await read()).length > 0)
    assert.ok(performance.now() - startedAt < 2_000, 'they begin at once')
    const wanted = [200, 401, 404]
    await until('some went well, some did not', async () => {
      const seen = new Set((await read()).map(({ status }) => status))
      return wanted.every(status => seen.has(status))
    })
    for (const { requestId, client } of await read()) {
      assert.match(requestId, /^traffic-/)
      assert.equal(client, '127.0.0.1', 'the token of the demo shows clients')
    }
    const [, gateway = ''] = /gateway {2}(\S+)/.exec(demo().introduction) ?? []
    await fetch(`${gateway}/nowhere`, { headers: { 'x-request-id': 'mine' } })
    await until('a request of somebody else is logged', () => demo().program.stdout().includes('mine'))
    assert.ok(!demo().program.stdout().includes('traffic-'))
  })

  test('Ctrl-C ends everything within 5 s and leaves no process and no folder behind', async t => {
    if (!onPath('ps')) return t.skip('needs ps on PATH')
    const { program, temp, introduction } = demo()
    const children = await childrenOf(program.pid)
    assert.equal(children.length, 3)
    assert.equal((await readdir(temp)).length, 1)

    const askedAt = performance.now()
    program.child.kill('SIGINT')
    assert.deepEqual(await program.exited, { code: 0, signal: null })
    const tookMs = performance.now() - askedAt
    assert.ok(
      tookMs < 5_000,
      `it took ${Math.round(tookMs)} ms: ${program.stdout().slice(introduction.length)}`,
    )
    assert.deepEqual(children.filter(runs), [])
    assert.deepEqual(await readdir(temp), [])
    assert.equal(program.stderr(), '')
  })
})

describe('a demo without traffic', () => {
  const demo = startBefore(() =>
    startDemo([...FREE_PORTS, '--traffic', '0'], 'program', { WAYGATE_ADMIN_TOKEN: 'a-token-of-a-test' }),
  )

  test('it sends nothing, and its page asks for the configured token', async () => {
    const [, admin = ''] = /page +(\S+)\/#token=a-token-of-a-test$/m.exec(demo().introduction) ?? []
    const headers = { authorization: 'Bearer a-token-of-a-test' }
    const answer = await fetch(`${admin}/api/v1/figures`, { headers })
    assert.deepEqual(((await answer.json()) as { total: unknown[] }).total, [])
    assert.doesNotMatch(demo().introduction, /sends .* requests a second/)
  })

  test('Ctrl-C in a terminal, which reaches every process, ends everything as well', async t => {
    if (!onPath('ps')) return t.skip('needs ps on PATH')
    const { program, temp } = demo()
    const children = await childrenOf(program.pid)
    for (const pid of [program.pid, ...children]) process.kill(pid, 'SIGINT')
    assert.deepEqual(await program.exited, { code: 0, signal: null })
    assert.deepEqual(children.filter(runs), [])
    assert.deepEqual(await readdir(temp), [])
    assert.equal(program.stderr(), '')
  })
})
