import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { copyFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { send } from '../support/http.ts'
import { registerNaming } from '../support/naming.ts'
import { isRunning } from '../support/processes.ts'
import { openRaw } from '../support/raw-http.ts'
import { openRegistry } from '../support/registry.ts'
import { startTraffic } from '../support/steady-traffic.ts'
import { until } from '../support/until.ts'
import { runProgram, startGateway } from '../support/waygate.ts'
import { openWebSocket, startWebSocketNode } from '../support/websocket.ts'
import { startWithWorkers } from '../support/workers.ts'

const IN_FORCE = 'new configuration is active'
/** As gateways of tests have them at first. */
const PATIENT = { headersTimeoutMs: 60_000 }
const REJECTED = 'new configuration rejected; keeping the current one'

/** Returns how many reloads succeeded and failed. */
function reloads(metric: (name: string) => Promise<number>): Promise<number[]> {
  const name = 'waygate_config_reloads_total'
  return Promise.all(['succeeded', 'failed'].map(result => metric(`${name}{result="${result}"}`)))
}

/** Builds a configuration with a route at this path, and another one that stays. */
function withRoute(path: string) {
  const stays = { path: '/echo/*', service: 'echo' }
  return { accessLog: false, routes: { documents: { r: { path, service: 'echo' }, stays } } }
}

test('SIGHUP applies a new configuration without failing a request', async () => {
  await using scene = await startWithWorkers(withRoute('/old'))
  const { gateway, configure, workers, metric } = scene
  const before = await workers()
  await configure({ ...withRoute('/new'), clientLimits: { headerBytes: 20_000 } })
  await using kept = startTraffic({ ports: [gateway.port], paths: ['/echo/x', '/echo/y'], perSecond: 200 })
  const fresh = sendFresh(gateway.port, '/echo/z')
  gateway.child.kill('SIGHUP')
  await gateway.logged(IN_FORCE)
  assert.equal((await send(gateway.port, { path: '/new' })).status, 200)
  assert.equal((await send(gateway.port, { path: '/old' })).status, 404)
  const after = await workers()
  assert.equal(after.length, 2)
  assert.ok(!after.some(pid => before.includes(pid)), `${before} became ${after}`)
  await until('the old ones have ended', () => !before.some(isRunning))
  const { sent, failures } = await fresh.finish()
  assert.deepEqual(failures, [])
  const all = (await kept.finish()) + sent + 2
  assert.equal(await metric('waygate_requests_total'), all, 'nothing that old workers counted is lost')
  assert.deepEqual(await reloads(metric), [1, 0])
})

test('SIGHUP with a broken file keeps the current configuration, also for a worker that is replaced later', async () => {
  await using scene = await startWithWorkers(withRoute('/old'))
  const { gateway, configure, workers, metric } = scene
  const before = await workers()
  await configure('port: 1\ndrainMs: -1\nroutes: {documents: {r: {path: x}}}\n')
  gateway.child.kill('SIGHUP')
  await gateway.logged(line => line.path === '$.routes.documents.r.path')
  const problem = await gateway.logged(line => line.path === '$.drainMs')
  assert.deepEqual([problem.level, problem.source, problem.msg], [50, 'waygate.yaml:2', REJECTED])
  assert.deepEqual(await workers(), before)
  assert.deepEqual(await reloads(metric), [0, 1])
  process.kill(before[0]!, 'SIGKILL')
  await until('another has taken its place', async () => {
    const now = await workers()
    return now.length === 2 && !now.includes(before[0]!)
  })
  for (let i = 0; i < 4; i++) assert.equal((await send(gateway.port, { path: '/old' })).status, 200)
})

test('SIGHUP reads files with descriptors again, and keeps those in force when one is damaged', async () => {
  const fixtures = join(import.meta.dirname, '../fixtures/grpc')
  await using scene = await startWithWorkers()
  const { gateway, configure } = scene
  using registry = openRegistry(gateway.etcd)
  await registerNaming(registry, 'task', 9)
  const known = async () => (await gateway.routes()).services.find(({ name }) => name === 'task')?.descriptors
  const load = async (write: Promise<void>, said: string) => {
    await write
    const before = gateway.log().length
    gateway.child.kill('SIGHUP')
    await until(
      said,
      () =>
        gateway
          .log()
          .slice(before)
          .some(({ msg }) => msg === said),
      { withinMs: 60_000 },
    )
  }
  await configure({ grpc: { descriptors: { task: 'task.binpb' } } })
  await load(copyFile(join(fixtures, 'reflected-go.binpb'), join(gateway.cwd, 'task.binpb')), IN_FORCE)
  await until('the file is used', async () => (await known())?.source === 'file')
  await load(writeFile(join(gateway.cwd, 'task.binpb'), 'damaged'), REJECTED)
  const line = gateway.log().find(({ msg }) => msg === REJECTED)
  assert.equal(line?.path, '$.grpc.descriptors.task')
  assert.match(String(line?.reason), /task\.binpb cannot be used: it is not a FileDescriptorSet/)
  assert.deepEqual(await known(), { source: 'file', from: 'task', methods: 8, problems: [] })
})

test('an old worker answers on its kept connections, with Connection: close', async () => {
  await using scene = await startWithWorkers({ drainMs: 0, shutdownTimeoutMs: 60_000 })
  const { gateway, workers } = scene
  const before = await workers()
  const request = 'GET /echo/x HTTP/1.1\r\nHost: x\r\n\r\n'
  const connections = await Promise.all([openRaw(gateway.port), openRaw(gateway.port)])
  for (const connection of connections) {
    connection.write(request)
    await connection.receives(text => text.endsWith('node'))
  }
  gateway.child.kill('SIGHUP')
  await gateway.logged(IN_FORCE)
  for (const connection of connections) {
    assert.ok(!connection.socket.closed)
    connection.write(request)
    const text = await connection.ended
    assert.match(text.slice(text.lastIndexOf('HTTP/1.1')), /^HTTP\/1\.1 200 .*connection: close\r\n.*node$/is)
  }
  await until('the old ones have ended', () => !before.some(isRunning))
})

test('an old worker closes its WebSockets with 1001 when the time for its connections is over', async t => {
  await using scene = await startWithWorkers({ drainMs: 0, shutdownTimeoutMs: 1_000 })
  const { gateway, workers } = scene
  using registry = openRegistry(gateway.etcd)
  const node = await startWebSocketNode(t)
  await registry.putNode('chat', 'c1', node)
  await gateway.untilNodes('chat', ['c1'])
  const before = await workers()
  const client = await openWebSocket(t, gateway.port, { path: '/chat/x' })
  client.socket.send('hello')
  assert.equal(await client.next(), 'hello')
  gateway.child.kill('SIGHUP')
  assert.equal((await client.closed).code, 1001)
  await until('the old ones have ended', () => !before.some(isRunning))
})

test('a reload can change the number of workers, and warns about settings that need a restart', async () => {
  await using gateway = await startGateway({ config: { workers: 2 } })
  const count = async () => (await gateway.routes()).workers?.length
  assert.equal(await count(), 2)
  await writeFile(join(gateway.cwd, 'waygate.yaml'), JSON.stringify({ workers: 3, adminHost: '127.0.0.2' }))
  gateway.child.kill('SIGHUP')
  await gateway.logged(IN_FORCE)
  assert.equal(await count(), 3)
  const warning = await gateway.logged('changed settings need a restart; keeping the old values')
  assert.deepEqual([warning.level, warning.settings], [40, ['adminHost: needs a restart; kept "127.0.0.1"']])
  await writeFile(join(gateway.cwd, 'waygate.yaml'), JSON.stringify({ workers: 1 }))
  gateway.child.kill('SIGHUP')
  await until('two of them have gone', async () => (await count()) === 1)
})

test('waygate reload replaces the workers as SIGHUP does, says what has changed, and changes nothing in a dry run', async () => {
  const tokens = { ci: { sha256: hash('sha256', 'operate'), role: 'operate' } }
  const config = { workers: 2, adminToken: 'read', admin: { tokens } }
  await using gateway = await startGateway({ config, ready: false })
  const env = { WAYGATE_ADMIN: gateway.admin, WAYGATE_ADMIN_TOKEN: 'operate' }
  const run = (...args: string[]) => runProgram({ args: ['reload', ...args], env })
  const pids = async () => {
    const page = await fetch(`${gateway.admin}/routes`, { headers: { authorization: 'Bearer read' } })
    return (
      ((await page.json()) as { workers?: readonly { pid: number }[] }).workers?.map(({ pid }) => pid) ?? []
    )
  }
  await until('both answer', async () => (await pids()).length === 2)
  const before = await pids()
  const next = {
    ...config,
    adminToken: 'other',
    adminPort: 1,
    http2: { enabled: false },
    clientLimits: PATIENT,
  }
  await writeFile(join(gateway.cwd, 'waygate.yaml'), JSON.stringify(next))
  const tried = await run('--dry-run')
  assert.deepEqual([tried.code, tried.stderr], [3, ''])
  assert.equal(tried.stdout, 'adminToken: changed\nhttp2.enabled: true -> false\nnothing was put in force\n')
  assert.deepEqual(await pids(), before)
  const done = await run()
  assert.deepEqual([done.code, done.stdout], [0, 'adminToken: changed\nhttp2.enabled: true -> false\n'])
  const old = await fetch(`${gateway.admin}/routes`, { headers: { authorization: 'Bearer read' } })
  assert.equal(old.status, 401)
  await until('the old ones have ended', () => !before.some(isRunning))
  await writeFile(join(gateway.cwd, 'waygate.yaml'), 'drainMs: -1')
  const refused = await run()
  assert.deepEqual([refused.code, refused.stdout], [1, ''])
  assert.match(refused.stderr, /waygate.yaml:1: \$\.drainMs: must be >= 0/)
})

test('SIGHUP lets a single process load its configuration again, and keeps its pid', async () => {
  await using scene = await startWithWorkers(withRoute('/old'), { args: ['--workers', '1'] })
  const { gateway, configure, metric } = scene
  await configure({ ...withRoute('/new'), clientLimits: PATIENT })
  gateway.child.kill('SIGHUP')
  const line = await gateway.logged(IN_FORCE)
  assert.deepEqual(line.changed, ['routes.documents.r.path'])
  assert.equal(line.pid, gateway.pid)
  assert.equal((await send(gateway.port, { path: '/new' })).status, 200)
  assert.equal((await send(gateway.port, { path: '/old' })).status, 404)
  await configure('drainMs: -1\n')
  gateway.child.kill('SIGHUP')
  assert.equal((await gateway.logged(REJECTED)).path, '$.drainMs')
  // Without the file, all that it closes would be open.
  await rm(join(gateway.cwd, 'waygate.yaml'))
  gateway.child.kill('SIGHUP')
  await gateway.logged(({ msg, reason }) => msg === REJECTED && /no such file/.test(String(reason)))
  assert.deepEqual(await reloads(metric), [1, 2])
})

/** Sends requests one after another, each on its own connection. */
function sendFresh(port: number, path: string) {
  const stopping = new AbortController()
  const failures: string[] = []
  let sent = 0
  const running = (async () => {
    while (!stopping.signal.aborted) {
      sent++
      const status = await send(port, { path }).then(
        answer => answer.status,
        (error: NodeJS.ErrnoException) => error.code,
      )
      if (status !== 200) failures.push(String(status))
      await delay(5)
    }
  })()
  return {
    async finish() {
      stopping.abort()
      await running
      return { sent, failures }
    },
  }
}
