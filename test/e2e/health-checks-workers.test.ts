import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/until.ts'
import { startWithWorkers } from '../support/workers.ts'

test('one worker checks for all, another takes over when it dies, and new workers get the known verdicts', async () => {
  let status = 500
  let checks = 0
  await using scene = await startWithWorkers(
    {
      routes: { defaults: { healthCheck: { path: '/healthz', intervalMs: 200 } } },
    },
    {
      handler: (request, response) => {
        const isCheck = request.url === '/healthz'
        if (isCheck) checks++
        response.writeHead(isCheck ? status : 200).end()
      },
    },
  )
  const { gateway, workers, metric } = scene
  const health = async () => (await gateway.nodes('echo'))[0]?.health
  await until(
    'both know',
    async () => (await metric('waygate_node_healthy')) === 0 && (await health()) === 'unhealthy',
  )
  assert.equal(await metric('waygate_health_checked_nodes'), 1)
  const changes = () => gateway.log().filter(({ msg }) => msg === 'health changed')
  await gateway.logged('health changed')

  const checker = changes()[0]!.pid as number
  process.kill(checker, 'SIGKILL')
  await until('another has taken its place', async () => {
    const now = await workers()
    return now.length === 2 && !now.includes(checker)
  })
  const before = checks
  await until('checks go on', () => checks > before + 2)
  assert.equal(await metric('waygate_health_checked_nodes'), 1)
  assert.equal(await health(), 'unhealthy')
  // The verdict was already known, so nothing has changed.
  assert.equal(changes().length, 1)

  status = 200
  await until(
    'all know',
    async () => (await metric('waygate_node_healthy')) === 1 && (await health()) === 'healthy',
  )
  await until('it is logged', () => changes().length === 2)
})

test('while workers drain, nodes are checked on, since requests still come', async () => {
  let status = 200
  let checks = 0
  await using scene = await startWithWorkers(
    { drainMs: 60_000, routes: { defaults: { healthCheck: { path: '/healthz', intervalMs: 100 } } } },
    {
      handler: (request, response) => {
        const isCheck = request.url === '/healthz'
        if (isCheck) checks++
        response.writeHead(isCheck ? status : 200).end()
      },
    },
  )
  const { gateway, metric } = scene
  await until('the node passes', async () => (await metric('waygate_node_healthy')) === 1)
  gateway.child.kill('SIGTERM')
  await gateway.logged('shutting down; a second signal exits at once')
  const before = checks
  await until('checks go on', () => checks > before + 10)
  status = 500
  await until('it is found', () =>
    gateway.log().some(({ msg, health }) => msg === 'health changed' && health === 'unhealthy'),
  )
  gateway.child.kill('SIGTERM')
  await gateway.exited
})
