import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Logger } from '../../discovery/logger.ts'
import { MemoryRegistry } from '../../discovery/memory-registry.ts'
import { ServiceFollower, type ServiceFollowerOptions } from '../../discovery/service-follower.ts'
import { createNode, type Node, type NodeInput } from '../../internal/nodes/node.ts'
import { until } from '../support/until.ts'

interface Scene {
  readonly registry: MemoryRegistry
  readonly users: ServiceFollower
}

function setUp(t: TestContext, options: Partial<ServiceFollowerOptions> = {}): Scene {
  const registry = new MemoryRegistry()
  const users = new ServiceFollower({ name: 'user', registry, ...options })
  t.after(() => users.close())
  return { registry, users }
}

function put(registry: MemoryRegistry, input: Partial<NodeInput> & { id: string }): void {
  const node = createNode({ service: 'user', host: '127.0.0.1', port: 3001, ...input })
  registry.putEntry('nodes', { kind: 'nodes', key: `/services/${node.service}/${node.id}`, nodes: [node] })
}

const ids = (nodes: readonly Node[]) => nodes.map(({ id }) => id).join()
const picks = (users: ServiceFollower, count: number) =>
  Array.from({ length: count }, () => users.pick()?.id).join('')

test('it has only the nodes of its service, ordered by id, and is ready even with an empty list', async t => {
  const { registry, users } = setUp(t)
  await users.ready()
  assert.deepEqual([users.nodes, users.pick(), users.random()], [[], undefined, undefined])
  put(registry, { id: 'b' })
  put(registry, { id: 'a' })
  put(registry, { id: 'c', service: 'user2' })
  await until('both are there', () => ids(users.nodes) === 'a,b')
  assert.throws(() => (users.nodes as Node[]).push(users.nodes[0]!), TypeError, 'nobody else can change it')
})

test('picks are spread by weight, smoothly, and follow a new weight', async t => {
  const { registry, users } = setUp(t)
  put(registry, { id: 'a', weight: 5 })
  put(registry, { id: 'b' })
  put(registry, { id: 'c' })
  await until('all are there', () => users.nodes.length === 3)
  assert.equal(picks(users, 14), 'aabacaaaabacaa')
  put(registry, { id: 'a', weight: 1 })
  await until('the weight is there', () => users.nodes[0]?.weight === 1)
  assert.equal(picks(users, 6), 'abcabc')
})

test('nodes with weight 0 and nodes that do not speak HTTP are listed and never chosen', async t => {
  const { registry, users } = setUp(t)
  put(registry, { id: 'drained', weight: 0 })
  put(registry, { id: 'grpc', protocol: 'grpc' })
  await until('both are there', () => users.nodes.length === 2)
  assert.deepEqual([users.pick(), users.random()], [undefined, undefined])
  put(registry, { id: 'http' })
  await until('all are there', () => users.nodes.length === 3)
  assert.deepEqual([users.pick()?.id, users.pick()?.id, users.random()?.id], ['http', 'http', 'http'])
})

test('nodes that wait to be selected are listed and never chosen', async t => {
  const { registry, users } = setUp(t)
  put(registry, { id: 'a' })
  put(registry, { id: 'canary', metadata: { traffic: 'selected' } })
  await until('both are there', () => users.nodes.length === 2)
  assert.equal(picks(users, 4), 'aaaa')
  for (let i = 0; i < 20; i++) assert.equal(users.random()?.id, 'a')
})

test('random is uniform over usable nodes, regardless of their weights', async t => {
  let next = 0
  const { registry, users } = setUp(t, { random: () => next })
  put(registry, { id: 'a', weight: 100 })
  put(registry, { id: 'b', weight: 0 })
  put(registry, { id: 'c', weight: 1 })
  await until('all are there', () => users.nodes.length === 3)
  const chosen = [0, 0.49, 0.5, 0.999].map(value => {
    next = value
    return users.random()?.id
  })
  assert.deepEqual(chosen, ['a', 'a', 'c', 'c'])
})

test('an outage does not empty the list, and the status and the log report it', async t => {
  const lines: object[] = []
  const keep = (details: object, message: string) => lines.push({ ...details, message })
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep }
  const { registry, users } = setUp(t, { logger })
  put(registry, { id: 'a' })
  await users.ready()
  await until('a is there', () => users.nodes.length === 1)
  const { connected, stale, reason, revision, ageMs } = users.status
  assert.deepEqual([connected, stale, reason, revision, ageMs], [true, false, undefined, '2', 0])
  registry.setConnected(false)
  await until('the outage is told', () => !users.status.connected)
  assert.deepEqual([users.status.stale, users.status.reason], [true, 'set by setConnected(false)'])
  put(registry, { id: 'b' })
  assert.equal(ids(users.nodes), 'a')
  assert.equal(users.pick()?.id, 'a')
  registry.setConnected(true)
  await until('it is over', () => ids(users.nodes) === 'a,b')
  await until('it is connected', () => !users.status.stale)
  const why = 'set by setConnected(false)'
  assert.deepEqual(lines, [
    { service: 'user', message: 'following the service' },
    { service: 'user', reason: why, message: 'registry out of reach; keeping the last known nodes' },
    { service: 'user', message: 'following the service' },
  ])
})

test('nodes that disappear together in an outage stay in use while they accept connections', async t => {
  const server = createServer(socket => socket.destroy()).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const { registry, users } = setUp(t)
  put(registry, { id: 'a', port })
  put(registry, { id: 'b', port })
  await until('both are there', () => users.nodes.length === 2)
  registry.setConnected(false)
  registry.deleteEntry('nodes', '/services/user/a')
  registry.deleteEntry('nodes', '/services/user/b')
  registry.setConnected(true)
  await until('they are doubted', () => users.nodes.every(node => node.suspect))
  assert.equal(ids(users.nodes), 'a,b')
  assert.ok(users.pick())
  await new Promise(resolve => server.close(resolve))
  await until('they are let go', () => users.nodes.length === 0)
})

test('listeners are called for each change until they are removed, and their errors do no harm', async t => {
  const errors: string[] = []
  const say = () => {}
  const logger: Logger = { debug: say, info: say, warn: say, error: (_, message) => errors.push(message) }
  const { registry, users } = setUp(t, { logger })
  await users.ready()
  const heard: string[] = []
  users.onChange(() => {
    throw new Error('mine')
  })
  const listener = (nodes: readonly Node[]) => heard.push(ids(nodes))
  const off = users.onChange(listener)
  users.onChange(nodes => assert.equal(nodes, users.nodes))
  put(registry, { id: 'a' })
  put(registry, { id: 'x', service: 'other' })
  put(registry, { id: 'a' })
  put(registry, { id: 'b' })
  await until('b is there', () => users.nodes.length === 2)
  assert.deepEqual(heard, ['a', 'a,b'], 'no word of other services, nor of what is the same')
  assert.deepEqual(errors, Array(2).fill('an onChange listener threw an error'))
  off()
  off()
  registry.deleteEntry('nodes', '/services/user/a')
  await until('a is gone', () => users.nodes.length === 1)
  assert.equal(heard.length, 2)
})

test('waiting for the first list ends with the signal and its reason', async t => {
  const registry = new MemoryRegistry()
  registry.setConnected(false)
  const users = new ServiceFollower({ name: 'user', registry })
  t.after(() => users.close())
  const giveUp = new AbortController()
  const ready = users.ready(giveUp.signal)
  giveUp.abort(new Error('enough'))
  await assert.rejects(ready, { message: 'enough' })
  await assert.rejects(users.ready(AbortSignal.abort()), { name: 'AbortError' })
  registry.setConnected(true)
  await users.ready()
})

test('after it is closed, it keeps its list and reports it as stale; its registry is closed too', async () => {
  const registry = new MemoryRegistry()
  const users = new ServiceFollower({ name: 'user', registry })
  put(registry, { id: 'a' })
  await until('a is there', () => users.nodes.length === 1)
  await Promise.all([users.close(), users.close()])
  put(registry, { id: 'b' })
  assert.equal(ids(users.nodes), 'a')
  const { connected, stale, reason } = users.status
  assert.deepEqual([connected, stale, reason], [false, true, 'closed'])
})
