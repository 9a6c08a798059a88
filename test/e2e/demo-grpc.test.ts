import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createExampleClient } from '../examples/grpc-client.ts'
import { bash, FREE_PORTS, startDemo } from '../support/demo.ts'
import { onPath } from '../support/etcd.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)

test('the commands that demo --grpc prints do what they say when they are run as printed', async t => {
  if (!onPath('bash') || !onPath('curl')) return t.skip('needs bash and curl on PATH')
  await using demo = await startDemo([...FREE_PORTS, '--grpc'])
  const lines = demo.introduction.split('\n').map(line => line.trim())
  const [, token = ''] = /export TOKEN=(\S+)/.exec(demo.introduction) ?? []

  // `buf curl` comes from npm, which a test must not ask. A call of the same method stands in for it.
  const [, target = ''] = /^npx .*buf.* (http\S+)$/m.exec(lines.join('\n')) ?? []
  const { port, pathname } = new URL(target)
  assert.equal(pathname, '/task.v1.Tasks/CreateTask')
  using client = createExampleClient('task/v1/task.proto', 'task.v1.Tasks', Number(port))
  const call = { title: 'read the README' }
  assert.equal((await client.call('CreateTask', call)).status, 'UNAUTHENTICATED')
  const byGrpc = await client.call('CreateTask', call, { authorization: `Bearer ${token}` })
  assert.equal(byGrpc.status, 'OK', byGrpc.message)

  // The watch goes on, so it runs beside the others.
  const watching = lines.find(line => line.includes('tasks:watch'))!
  const watch = spawn('bash', ['-c', `export TOKEN=${token}; exec ${watching}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let watched = ''
  watch.stdout.setEncoding('utf8').on('data', text => {
    watched += text
  })
  await until('the watch has the first task', () => watched.includes('\n'))

  const commands = lines.filter(line => /^(export TOKEN=|TOKEN=|ID=|curl )/.test(line) && line !== watching)
  assert.equal(commands.length, 10, demo.introduction)
  const outputs = (await bash(commands.map(line => `${line}\necho; echo ----`).join('\n'))).split('\n----\n')
  const [, refused = '', created = '', listed = '', , read = '', missing = '', registered = '', , me = ''] =
    outputs
  assert.match(refused, /^HTTP\/1\.1 401 /)
  const task = JSON.parse(created)
  assert.equal(task.title, 'read the README')
  const { tasks } = JSON.parse(listed)
  assert.deepEqual(
    tasks.map(({ id }: { id: string }) => id),
    [byGrpc.replies[0]!.id, task.id],
  )
  assert.deepEqual(JSON.parse(read), task)
  assert.match(missing, /^HTTP\/1\.1 404 /)
  assert.match(missing, /content-type: application\/problem\+json/i)
  assert.equal(JSON.parse(missing.slice(missing.indexOf('{'))).detail, 'there is no task 7')
  assert.equal(JSON.parse(registered).name, 'ada')
  assert.deepEqual(JSON.parse(me), JSON.parse(registered), 'with the token of the login')

  await until('the watch has both tasks', () => watched.trim().split('\n').length === 2)
  assert.deepEqual(
    watched
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
      .map(({ kind, task }) => [kind, task.id]),
    [
      ['PRESENT', byGrpc.replies[0]!.id],
      ['CREATED', task.id],
    ],
  )
  watch.kill()
  await once(watch, 'exit')

  // Nothing but the value of etcd's naming tells the gateway of the services.
  if (!onPath('etcdctl')) return
  const [, etcd = ''] = /etcd +(http\S+)/.exec(demo.introduction) ?? []
  const { stdout } = await run(
    'etcdctl',
    ['--endpoints', etcd, 'get', '--prefix', '/services/', '--print-value-only'],
    {
      env: { ...process.env, ETCDCTL_API: '3' },
    },
  )
  const values = stdout.trim().split('\n')
  assert.equal(values.length, 3)
  for (const value of values) assert.match(value, /^\{"Op":0,"Addr":"127\.0\.0\.1:\d+","Metadata":null\}$/)
})
