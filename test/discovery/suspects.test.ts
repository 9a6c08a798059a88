import assert from 'node:assert/strict'
import { createServer, type Server, Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Directory } from '../../discovery/directory.ts'
import { silentLogger } from '../../discovery/logger.ts'
import type { RegistryEntry, RegistryEvent } from '../../discovery/registry.ts'
import { SuspectWatch } from '../../discovery/suspect-watch.ts'
import { createNode, type Node } from '../../internal/nodes/node.ts'
import { Names } from '../../wrappers/names/names.ts'
import { nodeSockets } from '../../wrappers/transport/node-sockets.ts'
import { openSocket } from '../../wrappers/transport/open-socket.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/until.ts'
import { applyTo, problemsOf } from './follow.ts'

let revision = 0
const base = { source: '/s/', scope: 'nodes' } as const
const nodeAt = (service: string, id: string, port: number): Node =>
  createNode({ service, id, host: '127.0.0.1', port })
const entry = (node: Node): RegistryEntry => ({
  kind: 'nodes',
  key: `/s/${node.service}/${node.id}`,
  nodes: [node],
})
const snapshot = (nodes: readonly Node[], afterLoss = false): RegistryEvent => {
  const entries = nodes.map(entry)
  return { ...base, type: 'snapshot', revision: String(++revision), entries, from: 'store', afterLoss }
}
const change = (puts: readonly Node[], deletes: readonly string[] = []): RegistryEvent => ({
  ...base,
  type: 'change',
  revision: String(++revision),
  puts: puts.map(entry),
  deletes,
})
const status = (connected: boolean): RegistryEvent => ({
  ...base,
  type: 'status',
  connected,
  reason: connected ? undefined : 'gone',
})

function setUp(options: { doubtMs?: number; now?: () => number } = {}) {
  const directory = new Directory({ parseRoute: () => ({ reason: 'none here' }), ...options })
  const shown = (service = 'user') =>
    (directory.services().get(service) ?? []).map(({ id, suspect }) => (suspect ? `${id}?` : id))
  return { directory, shown }
}

test('after a loss everything missing is suspect, and is confirmed once it is registered again', () => {
  const { directory, shown } = setUp()
  applyTo(directory, snapshot([nodeAt('user', 'u1', 1), nodeAt('user', 'u2', 2), nodeAt('task', 't1', 3)]))
  applyTo(directory, snapshot([], true))
  assert.deepEqual([shown(), shown('task')], [['u1?', 'u2?'], ['t1?']])
  assert.deepEqual(
    directory.suspects().map(({ key }) => key),
    ['/s/user/u1', '/s/user/u2', '/s/task/t1'],
  )
  applyTo(directory, change([nodeAt('user', 'u1', 1)]))
  assert.deepEqual(shown(), ['u1', 'u2?'])
  applyTo(directory, snapshot([nodeAt('user', 'u1', 1)]))
  assert.deepEqual(shown(), ['u1', 'u2?'], 'another listing does not name it either')
})

test('explicit deletes without an outage take effect at once, however many there are', () => {
  const { directory, shown } = setUp()
  applyTo(directory, snapshot([nodeAt('user', 'u1', 1), nodeAt('user', 'u2', 2)]))
  applyTo(directory, status(true))
  applyTo(directory, change([], ['/s/user/u1', '/s/user/u2']))
  assert.deepEqual(shown(), [])
})

test('leases that expire one by one after an outage bring back those that expired first', () => {
  const { directory, shown } = setUp()
  applyTo(directory, snapshot([1, 2, 3, 4].map(n => nodeAt('user', `u${n}`, n))))
  applyTo(directory, status(false))
  applyTo(directory, status(true))
  applyTo(directory, change([], ['/s/user/u1']))
  assert.deepEqual(shown(), ['u2', 'u3', 'u4'])
  applyTo(directory, change([], ['/s/user/u2']))
  applyTo(directory, change([], ['/s/user/u3']))
  assert.deepEqual(shown(), ['u1?', 'u2?', 'u3?', 'u4'])
  applyTo(directory, change([], ['/s/user/u4']))
  assert.deepEqual(shown(), ['u1?', 'u2?', 'u3?', 'u4?'])
  applyTo(directory, change([nodeAt('user', 'u1', 1)]))
  assert.deepEqual(shown(), ['u1', 'u2?', 'u3?', 'u4?'])
})

test('a suspect gives way when its address comes back under another id', () => {
  const { directory, shown } = setUp()
  applyTo(directory, snapshot([nodeAt('user', 'old', 1), nodeAt('user', 'u2', 2)]))
  applyTo(directory, snapshot([], true))
  applyTo(directory, change([nodeAt('user', 'new', 1)]))
  assert.deepEqual(shown(), ['new', 'u2?'])
})

test('a value that no longer decodes is a problem, and its last good node is not suspect', () => {
  const { directory, shown } = setUp()
  applyTo(directory, snapshot([nodeAt('user', 'u1', 1)]))
  applyTo(directory, snapshot([], true))
  const bad: RegistryEntry = { kind: 'problem', key: '/s/user/u1', reason: 'not JSON' }
  applyTo(directory, { ...change([]), puts: [bad] } as RegistryEvent)
  assert.deepEqual(shown(), ['u1'])
  assert.equal(directory.suspects().length, 0)
  assert.deepEqual(problemsOf(directory), [{ key: '/s/user/u1', reason: 'not JSON', isLastGoodInUse: true }])
})

test('with a grace of 0 the registry is always believed', () => {
  const { directory, shown } = setUp({ doubtMs: 0 })
  applyTo(directory, snapshot([nodeAt('user', 'u1', 1), nodeAt('user', 'u2', 2)]))
  applyTo(directory, snapshot([], true))
  assert.deepEqual(shown(), [])
})

test('routes that a wiped store no longer has stay, are reported as problems, and go when dismissed', () => {
  const directory = new Directory({
    parseRoute: id => ({
      route: {
        id,
        origin: 'etcd',
        path: `/${id}`,
        service: 'user',
        stripPrefix: '',
        auth: { type: 'none' },
        timeoutMs: 1,
        balancer: 'x',
        priority: 0,
        preserveHost: false,
        rewriteLocation: true,
      },
    }),
  })
  const routes = { source: '/r/', scope: 'routes', type: 'snapshot', from: 'store' } as const
  const entries: RegistryEntry[] = [{ kind: 'route', key: '/r/a', id: 'a', document: {} }]
  applyTo(directory, { ...routes, revision: '1', entries, afterLoss: false })
  applyTo(directory, { ...routes, revision: '2', entries: [], afterLoss: true })
  assert.equal(directory.routes().length, 1)
  assert.match(
    directory.problems()[0]?.reason ?? '',
    /^the registry no longer has this route and may have lost it/,
  )
  directory.dismiss('/r/a')
  assert.equal(directory.routes().length, 0)
  assert.deepEqual(directory.problems(), [])
})

test('policy sets that a wiped store no longer has stay as suspects, and go when dismissed', () => {
  const sets: (string | undefined)[] = []
  const directory = new Directory({
    parseRoute: () => ({ reason: 'none here' }),
    onPolicySet: (_, after) => sets.push(after?.name),
  })
  const policies = { source: '/p/', scope: 'policies', type: 'snapshot', from: 'store' } as const
  const entries: RegistryEntry[] = [{ kind: 'policy-set', key: '/p/a', name: 'a', document: {} }]
  applyTo(directory, { ...policies, revision: '1', entries, afterLoss: false })
  applyTo(directory, { ...policies, revision: '2', entries: [], afterLoss: true })
  assert.deepEqual(sets, ['a'])
  assert.deepEqual(
    directory.suspects().map(({ key }) => key),
    ['/p/a'],
  )
  directory.dismiss('/p/a')
  assert.deepEqual(sets, ['a', undefined])
})

async function listening(t: TestContext): Promise<{ server: Server; port: number; connections(): number }> {
  let count = 0
  const server = createServer(socket => {
    count++
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.after(() => server.close())
  return { server, port: (server.address() as { port: number }).port, connections: () => count }
}

test('a suspect that accepts no connection goes at once; one that does stays until its grace period ends', async t => {
  const { directory, shown } = setUp()
  const { port } = await listening(t)
  const watch = new SuspectWatch({ directory, graceMs: 1_500, intervalMs: 50 })
  t.after(() => watch.stop())
  applyTo(directory, snapshot([nodeAt('user', 'alive', port), nodeAt('user', 'dead', await freePort())]))
  applyTo(directory, snapshot([], true))
  const since = performance.now()
  watch.check()
  assert.deepEqual(shown(), ['alive?', 'dead?'])
  await until('the dead one is gone', () => shown().length === 1)
  assert.deepEqual(shown(), ['alive?'])
  await until('the grace ends', () => shown().length === 0)
  assert.ok(performance.now() - since >= 1_400, 'not before the end of its grace')
})

/** Stops this process, as a debugger or a busy event loop does. */
const standStill = (ms: number) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

test('a suspect outlives a stall of this process in which its grace period would have ended', async t => {
  const { directory, shown } = setUp()
  const { port, connections } = await listening(t)
  const watch = new SuspectWatch({ directory, graceMs: 1_000, intervalMs: 20 })
  t.after(() => watch.stop())
  applyTo(directory, snapshot([nodeAt('user', 'u1', port)]))
  applyTo(directory, snapshot([], true))
  watch.check()
  await until('it was looked at', () => connections() > 0)
  standStill(1_300)
  const before = connections()
  await until('it is looked at again, or gone', () => connections() > before + 1 || shown().length === 0)
  assert.deepEqual(shown(), ['u1?'])
  await until('its grace period ends', () => shown().length === 0)
})

test('a connection that takes too long in a stall of this process is tried again', async t => {
  const { directory, shown } = setUp()
  const { port, connections } = await listening(t)
  const watch = new SuspectWatch({ directory, graceMs: 60_000, intervalMs: 20 })
  t.after(() => watch.stop())
  applyTo(directory, snapshot([nodeAt('user', 'u1', port)]))
  applyTo(directory, snapshot([], true))
  // After that, timers come before sockets are read.
  setImmediate(() => {
    watch.check()
    standStill(1_300)
  })
  await until('it is looked at again, or gone', () => connections() > 1 || shown().length === 0)
  assert.deepEqual(shown(), ['u1?'])
})

test('a suspect counts as removed once it is, which waits until an event has been applied', async t => {
  const { directory, shown } = setUp()
  const lines: string[] = []
  const logger = { ...silentLogger, warn: (_: object, message: string) => void lines.push(message) }
  const watch = new SuspectWatch({ directory, graceMs: 1, intervalMs: 5, logger })
  t.after(() => watch.stop())
  applyTo(directory, snapshot([nodeAt('user', 'u1', 1)]))
  applyTo(directory, snapshot([], true))
  const steps = directory.steps(change([nodeAt('other', 'o1', 1)]))
  steps.next()
  await until('its grace period ends', () => performance.now() > directory.suspects()[0]!.since + 1)
  let looks = 0
  const { suspects } = directory
  directory.suspects = () => {
    looks++
    return suspects.call(directory)
  }
  watch.check()
  await until('it was looked at a few times', () => looks >= 3)
  assert.deepEqual([shown(), lines], [['u1?'], []])
  for (const _ of steps);
  await until('it is gone', () => shown().length === 0)
  assert.deepEqual(lines, ['suspect removed: its grace period ended'])
})

test('a connection that fails says nothing of the address at which the node was registered meanwhile', async t => {
  const { directory, shown } = setUp()
  const asked: { port: number; refuse(): void }[] = []
  const watch = new SuspectWatch({
    ...{ directory, graceMs: 60_000, intervalMs: 5 },
    openConnection: ({ port }, done) =>
      void asked.push({ port, refuse: () => done(new Error('refused'), new Socket()) }),
  })
  t.after(() => watch.stop())
  applyTo(directory, snapshot([nodeAt('user', 'u1', 1)]))
  applyTo(directory, snapshot([], true))
  watch.check()
  applyTo(directory, change([nodeAt('user', 'u1', 2)]))
  applyTo(directory, snapshot([], true))
  asked[0]!.refuse()
  await until('the new address is asked', () => asked.length === 2)
  assert.deepEqual([shown(), asked.map(({ port }) => port)], [['u1?'], [1, 2]])
  asked[1]!.refuse()
  await until('it is gone', () => shown().length === 0)
})

test('a suspect that dies later is removed then', async t => {
  const { directory, shown } = setUp()
  const { server, port, connections } = await listening(t)
  const watch = new SuspectWatch({ directory, graceMs: 60_000, intervalMs: 20 })
  t.after(() => watch.stop())
  applyTo(directory, snapshot([nodeAt('user', 'u1', port)]))
  applyTo(directory, snapshot([], true))
  watch.check()
  await until('it was looked at a few times', () => connections() >= 3)
  assert.deepEqual(shown(), ['u1?'])
  server.close()
  await until('it is gone', () => shown().length === 0)
})

test('a suspect is connected to as requests would be: by the names of the gateway, among the sockets to nodes', async t => {
  const { directory, shown } = setUp()
  const { port, connections } = await listening(t)
  const names = new Names({ query: async () => ({ addresses: ['127.0.0.1'], ttlMs: 60_000 }) })
  const watch = new SuspectWatch({
    ...{ directory, graceMs: 60_000, intervalMs: 20 },
    openConnection: (address, done) => void openSocket({ ...address, names }, done),
  })
  t.after(() => watch.stop())
  const named = createNode({ service: 'user', id: 'named', host: 'known-to-us.invalid', port })
  applyTo(directory, snapshot([named]))
  applyTo(directory, snapshot([], true))
  nodeSockets.max = 0
  t.after(() => {
    nodeSockets.max = Number.POSITIVE_INFINITY
  })
  const before = nodeSockets.outOfFiles
  watch.check()
  await until('it was looked at', () => nodeSockets.outOfFiles >= before + 2)
  assert.deepEqual(
    [shown(), connections()],
    [['named?'], 0],
    'without a file descriptor, nothing is known of it',
  )
  nodeSockets.max = Number.POSITIVE_INFINITY
  await until('it is connected to', () => connections() >= 2)
  assert.deepEqual(shown(), ['named?'])
})
