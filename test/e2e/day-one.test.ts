import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { register } from '../../discovery/register.ts'
import type { Registration } from '../../discovery/registry.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { openRegistry, type RegistryWriter } from '../support/registry.ts'
import { type Service, startService } from '../support/service.ts'
import type { ServingGateway } from '../support/serving-gateway.ts'
import { until } from '../support/until.ts'
import { runProgram, startGateway, startProgram } from '../support/waygate.ts'

/** The questions of docs/day-one.md that an operator asks a gateway, each answered by one command. */
describe('each question of an operator takes one command', { concurrency: 3 }, () => {
  let gateway: ServingGateway
  let registry: RegistryWriter
  const services: Service[] = []
  const registrations: Registration[] = []

  const run = (...args: string[]) => runProgram({ args, env: { WAYGATE_ADMIN: gateway.admin } })
  /** Runs a command that must succeed, and returns its data. */
  async function ask(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run(...args)
    assert.equal(code, 0, stderr)
    return stdout
  }
  const get = async (path: string, id?: string) =>
    (await fetch(`${gateway.url}${path}`, { headers: id === undefined ? {} : { 'x-request-id': id } })).status

  before(async () => {
    gateway = await startGatewayHere()
    registry = openRegistry(gateway.etcd)
    for (const id of ['n1', 'n2']) {
      const service = await startService(id, (request, response) => {
        response.statusCode = request.url?.startsWith('/broken') ? 500 : 200
        response.end(id)
      })
      services.push(service)
      const { etcd } = gateway
      const address = `127.0.0.1:${service.port}`
      registrations.push(await register({ etcd, name: 'user', id, address, metadata: { zone: id } }))
    }
    const { port } = services[0]!
    await registry.putNode('hand', 'made', { port })
    await registry.putRoute('users', { path: '/user/*', service: 'user', stripPrefix: '/user', auth: 'none' })
    await registry.putRoute('tasks', { path: '/tasks/*', methods: ['GET'], service: 'user', auth: 'none' })
    await registry.putRoute('spare', { path: '/spare/*', service: 'user', auth: 'none' })
    await gateway.untilNodes('user', ['n1', 'n2'])
    await until('the routes are there', async () => (await gateway.routes()).routes.length === 4)
    for (let i = 0; i < 3; i++) assert.equal(await get('/user/broken'), 500)
    assert.equal(await get('/user/x', 'answered-by-a-node'), 200)
    assert.equal(await get('/task/x', 'not-found'), 404)
  })

  after(async () => {
    for (const registration of registrations) await registration.unregister()
    for (const service of services) await service.close()
    registry[Symbol.dispose]()
    await gateway.stop()
  })

  test('what is the error rate of a service?', async () => {
    const row = await until('the last seconds are kept', async () => {
      assert.equal(await get('/user/broken'), 500)
      const { items } = JSON.parse(await ask('top', '-o', 'json')) as {
        items: { service: string; requests: number; c5: number; p99: number | null }[]
      }
      return items.find(({ service, requests }) => service === 'user' && requests > 0)
    })
    assert.ok(row.requests >= row.c5 && row.c5 > 0 && row.p99! > 0, JSON.stringify(row))
    const table = await ask('top', '--once')
    assert.match(table, /^SERVICE +NODES +REQ\/S +4XX +5XX +P50 +P99\n/)
    assert.match(table, /^user +2\/2 usable +\d+(\.\d)? +0 % +\d+(\.\d)? % /m)
  })

  test('why was it 404?', async () => {
    const told = await ask('why', 'not-found')
    assert.match(told, /^answered +404 WG_NO_ROUTE$/m)
    assert.match(told, /^by +the gateway$/m)
    assert.match(told, /^ {2}tasks: path has "task" in place of "tasks"/m)
    const none = await run('why', 'never-sent')
    assert.deepEqual([none.code, none.stdout], [5, ''])
    assert.match(none.stderr, /^waygate: .*never-sent.*\n$/)
  })

  test('which node answered?', async () => {
    const told = await ask('why', 'answered-by-a-node')
    assert.match(told, /^by +the node$/m)
    assert.match(told, /^node +n[12] \(127\.0\.0\.1:\d+\)$/m)
    assert.match(await ask('tail', '--once', 'answered-by-a-node'), / GET \S+\/user\/x -> user\/n[12]\n$/)
  })

  test('what is asked for right now?', async () => {
    const args = ['tail', '-n', '0', 'path:/user/live*']
    await using program = await startProgram({ args, env: { WAYGATE_ADMIN: gateway.admin } })
    // Requests that end before the tail listens are not shown, so they are sent until one is.
    await until('one is shown', async () => {
      await get('/user/live', 'seen')
      return program.stdout().includes('\n')
    })
    for (const line of program.stdout().trim().split('\n')) {
      assert.match(
        line,
        /^\d\d:\d\d:\d\d\.\d{3} {2}200 +\d+ ms {2}seen {2}GET \S+\/user\/live -> user\/n[12]$/,
      )
    }
  })

  test('what went wrong last?', async () => {
    const statuses = (await ask('tail', '--once', '--problems', '-o', 'json', '-n', '1000'))
      .trim()
      .split('\n')
      .map(line => (JSON.parse(line) as { status: number }).status)
    assert.ok(statuses.includes(404) && statuses.includes(500))
    assert.deepEqual(
      statuses.filter(status => status < 400),
      [],
    )
  })

  test('who holds a lease, and which node has none?', async () => {
    const leases = await ask('leases')
    for (const id of ['n1', 'n2']) {
      assert.match(leases, new RegExp(`^/services/user/${id} +\\d+ s +10 s +[0-9a-f]+$`, 'm'))
    }
    assert.doesNotMatch(leases, /hand/)
    assert.match(await ask('nodes', 'user/n1'), /^lease +[0-9a-f]+, \d+ s left of 10 s$/m)
    assert.match(
      await ask('nodes', 'hand/made'),
      /^lease +none: the node stays until somebody deletes its key$/m,
    )
  })

  test('which nodes are there, and are they used?', async () => {
    const nodes = await ask('nodes', 'user')
    for (const id of ['n1', 'n2']) assert.match(nodes, new RegExp(`^user/${id} +up +1 +closed +`, 'm'))
    assert.deepEqual((await ask('nodes', '-o', 'name')).trim().split('\n').sort(), [
      'hand/made',
      'user/n1',
      'user/n2',
    ])
    assert.match(await ask('services'), /^user +2\/2 usable +/m)
    assert.match(await ask('services', 'user'), /^routes +.*tasks/m)
    const { code, stderr } = await run('services', 'usr')
    assert.deepEqual([code, stderr], [5, 'waygate: there is no service usr\n'])
  })

  test('what would happen to a request?', async () => {
    const { code, stdout } = await run('explain', 'POST', '/tasks/1')
    assert.equal(code, 5)
    assert.match(stdout, /^ {2}tasks: method POST is not in GET/m)
    assert.equal((await run('explain', '/tasks/1', '-o', 'yaml')).code, 0)
  })

  test('is it ready, and is anything wrong with what is in etcd?', async () => {
    assert.match(await ask('status', '--wait', '10s'), /^ready +yes$/m)
    await registry.put('/waygate/routes/spare', '{"path": "/spare/*", "servis": "user"}')
    const told = await until('the mistake is told', async () => {
      const { stdout, stderr } = await run('routes', 'spare')
      return /Problems:/.test(stderr) && { stdout, stderr }
    })
    assert.match(
      told.stderr,
      /^ {2}\/waygate\/routes\/spare: .*servis.*\(last good of revision \d+ in use, since /m,
    )
    assert.match(told.stdout, /^spare +\* +\/spare\/\* +user +none +2\/2 up +/m)
    assert.match(await ask('status'), /^problems +1; waygate routes names them$/m)
  })

  test('where is the page?', async () => {
    assert.equal(await ask('dashboard'), `${gateway.admin}/\n`)
  })
})

test('figures and requests of several workers are those of all of them', async () => {
  await using gateway = await startGateway({ args: ['--workers', '2'] })
  using registry = openRegistry(gateway.etcd)
  await using service = await startService('plain')
  await registry.putNode('plain', 'one', service)
  await gateway.untilNodes('plain', ['one'])
  const ids = Array.from({ length: 12 }, (_, i) => `request-${i}`)
  for (const id of ids) {
    const headers = { 'x-request-id': id, connection: 'close' }
    assert.equal((await fetch(`${gateway.url}/plain/x`, { headers })).status, 200)
  }
  const env = { WAYGATE_ADMIN: gateway.admin }
  const { stdout } = await runProgram({ args: ['tail', '--once', 'path:/plain/x', '-o', 'name'], env })
  assert.deepEqual(stdout.trim().split('\n').sort(), ids.toSorted())
  const why = await runProgram({ args: ['why', 'request-0'], env })
  assert.match(why.stdout, /^node +one \(/m)
  const status = await runProgram({ args: ['status'], env })
  assert.match(status.stdout, /^workers +\d+, \d+$/m)
})
