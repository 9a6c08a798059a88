import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freeze } from '../support/processes.ts'
import { openRaw, type RawConnection } from '../support/raw-http.ts'
import { startBefore } from '../support/start-before.ts'
import { startTraffic } from '../support/steady-traffic.ts'
import { until } from '../support/until.ts'
import { startWithWorkers } from '../support/workers.ts'

const GET = 'GET /echo/x HTTP/1.1\r\nHost: x\r\n\r\n'

// One gateway for all tests, which leave it with two workers that serve.
const scene = startBefore(() => startWithWorkers())

test('new connections are served while a worker is replaced', async () => {
  const { gateway, workers } = scene()
  const [victim] = await workers()
  // The requests of the worker would be lost with it, so it has none. New requests must not be lost.
  process.kill(victim!, 'SIGKILL')
  await gateway.logged(line => line.msg === 'worker crashed' && line.worker === victim)
  await using traffic = startTraffic({ ports: [gateway.port], paths: ['/echo/x'], perSecond: 200 })
  await until('another has taken its place', async () => {
    const now = await workers()
    return now.length === 2 && !now.includes(victim!)
  })
  assert.ok((await traffic.finish()) > 0)
})

test('a killed worker is replaced; its connections end, and those of the other worker do not', async () => {
  const { gateway, workers, metric } = scene()
  const before = await workers()
  const restarts = await metric('waygate_worker_restarts_total')
  const connections: RawConnection[] = []
  const servedBy = new Map<RawConnection, string>()
  // Workers accept as they have time, so each of them has one only after a while.
  while (new Set(servedBy.values()).size < 2) {
    const connection = await openRaw(gateway.port)
    connection.write(GET)
    const text = await connection.receives(each => each.endsWith('node'))
    servedBy.set(connection, /^x-request-id: (\w+)-/im.exec(text)![1]!)
    connections.push(connection)
  }
  process.kill(before[0]!, 'SIGKILL')
  const after = await until('another has taken its place', async () => {
    const now = await workers()
    return now.length === 2 && !now.includes(before[0]!) && now
  })
  assert.ok(after.includes(before[1]!))
  const lost = connections.filter(({ socket }) => socket.closed)
  assert.equal(new Set(lost.map(each => servedBy.get(each))).size, 1)
  const others = connections.filter(each => !lost.includes(each))
  assert.equal(new Set(others.map(each => servedBy.get(each))).size, 1)
  for (const connection of others) {
    connection.write(GET)
    await connection.receives(text => text.split('HTTP/1.1 200').length === 3)
    connection[Symbol.dispose]()
  }
  const crash = await gateway.logged(({ msg, worker }) => msg === 'worker crashed' && worker === before[0])
  assert.deepEqual([crash.level, crash.signal], [50, 'SIGKILL'])
  assert.equal(await metric('waygate_worker_restarts_total'), restarts + 1)
})

test('a hung worker is left out of the admin pages, and counted', async () => {
  const { workers, metric } = scene()
  const [victim, other] = await workers()
  const before = await metric('waygate_worker_silent_total')
  await freeze(victim!)
  try {
    assert.deepEqual(await workers(), [other])
    assert.equal(await metric('waygate_worker_silent_total'), before + 2)
  } finally {
    process.kill(victim!, 'SIGCONT')
  }
  await until('it is back', async () => (await workers()).length === 2)
})

test('new connections do not wait for a worker that hangs, whether it lives or dies', async () => {
  const { gateway, workers } = scene()
  const [victim] = await workers()
  await freeze(victim!)
  const connections = await Promise.all(Array.from({ length: 8 }, () => openRaw(gateway.port)))
  for (const connection of connections) connection.write(GET)
  const answered = () => connections.filter(each => each.received().endsWith('node')).length
  await until('all are answered by the other', () => answered() === 8)
  process.kill(victim!, 'SIGKILL')
  for (const connection of connections) connection[Symbol.dispose]()
})
