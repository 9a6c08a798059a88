import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway } from '../../../support/gateway.ts'
import { send } from '../../../support/http.ts'
import { notingListener } from '../../../support/live-listener.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import { until } from '../../../support/until.ts'

async function setUp(t: TestContext, options: GatewaySetUp = {}) {
  const node = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer('ok', [], request.target.includes('fail') ? '500 Internal Server Error' : '200 OK'))
  })
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port, 'user/idle': { port: node.port, weight: 0 } },
    routes: { users: { path: '/user/*', service: 'user', auth: 'none' } },
    ...options,
  })
  const get = (path: string) => send(gateway.port, { path })
  return { ...gateway, api: gateway.gateway.api, node, get }
}

test('figures have the rows that changed, and the next ones tell that they are back to nothing', async t => {
  const { api, get } = await setUp(t)
  await get('/user/before')
  const seen = notingListener()
  const stop = api.watch(seen)
  t.after(stop)
  await until('the baseline is known', () => seen.figures.length > 0)
  assert.deepEqual(seen.figures[0]!.routes, {}, 'what was before is not counted')
  for (const path of ['/user/1', '/user/2', '/user/fail', '/nowhere']) await get(path)
  const sumOf = (read: (each: (typeof seen.figures)[number]) => readonly unknown[] | undefined, at: number) =>
    seen.figures.reduce((sum, each) => sum + Number(read(each)?.[at] ?? 0), 0)
  await until('all are counted', () => sumOf(each => each.total, 0) === 4)
  assert.equal(
    sumOf(each => each.routes.users, 0),
    3,
  )
  assert.equal(
    sumOf(each => each.services.user, 0),
    3,
  )
  assert.deepEqual([sumOf(each => each.total, 1), sumOf(each => each.total, 2)], [1, 1])
  assert.equal(
    sumOf(each => each.nodes['user/u1'], 1),
    3,
  )
  const busy = seen.figures.findLast(each => each.routes.users && each.routes.users[0] > 0)!
  assert.ok(busy.routes.users![3]! > 0 && busy.routes.users![4]! >= busy.routes.users![3]!)
  assert.deepEqual(busy.nodes['user/u1']!.slice(5), ['closed', 'unchecked', 'up'])
  const rest = await until('they come to rest', () => {
    const last = seen.figures.at(-1)!
    return seen.figures.indexOf(busy) < seen.figures.length - 1 && last.routes.users === undefined && last
  })
  assert.deepEqual(rest.nodes, {})
  assert.ok(
    seen.figures.some(({ routes }) => routes.users?.[0] === 0),
    'a row said that there are no more',
  )
  assert.ok(!seen.figures.some(({ nodes }) => 'user/idle' in nodes && nodes['user/idle']![0] > 0))
})

test('somebody who comes later first gets all rows that are at work', async t => {
  const held: (() => void)[] = []
  const node = await startNode(t, socket => void held.push(() => socket.write(answer('late'))))
  const { api, get } = await setUp(t, { nodes: { 'user/u1': node.port } })
  const first = notingListener(null)
  t.after(api.watch(first))
  const asked = get('/user/1')
  await until('the node has it', () => held.length === 1)
  await until('it is told', () => first.figures.some(({ nodes }) => nodes['user/u1']?.[0] === 1))
  await until('it is told no more', () => first.figures.at(-1)!.nodes['user/u1'] === undefined)
  const second = notingListener(null)
  t.after(api.watch(second))
  await until('it has figures', () => second.figures.length > 0)
  assert.equal(second.figures[0]!.nodes['user/u1']?.[0], 1)
  assert.equal(second.figures[0]!.inFlight, 1)
  held[0]!()
  await asked
  await until('both learn the end', () =>
    [first, second].every(each => each.figures.some(({ nodes }) => nodes['user/u1']?.[0] === 0)),
  )
})

test('a node that leaves the table is told to be at rest, also to somebody who comes later', async t => {
  const held: (() => void)[] = []
  const node = await startNode(t, socket => void held.push(() => socket.write(answer('late'))))
  const { api, get, change } = await setUp(t, { nodes: {} })
  const u9 = { service: 'user', id: 'u9', host: '127.0.0.1', port: node.port }
  const registration = await change(registry => registry.register(u9))
  const first = notingListener(null)
  t.after(api.watch(first))
  const asked = get('/user/1')
  await until('it is told', () => first.figures.some(({ nodes }) => nodes['user/u9']?.[0] === 1))
  await registration.unregister()
  await until('it is told no more', () => first.figures.at(-1)!.nodes['user/u9']?.[0] === 0)
  const second = notingListener(null)
  t.after(api.watch(second))
  await until('it has figures', () => second.figures.length > 0)
  assert.deepEqual(second.figures[0]!.nodes, {})
  for (const answerIt of held) answerIt()
  await asked
})

test('requests that fit the filter of a listener are told, and none to one that wants none', async t => {
  const { api, get } = await setUp(t)
  const [all, failed, none] = [notingListener(), notingListener('status:5xx'), notingListener(null)]
  for (const each of [all, failed, none]) t.after(api.watch(each))
  await get('/user/1')
  await get('/user/fail?secret')
  await until('both are told', () => all.requests.length === 2)
  assert.deepEqual(
    failed.requests.map(({ path, status }) => [path, status]),
    [['/user/fail', 500]],
  )
  assert.deepEqual(none.requests, [])
  assert.throws(() => api.watch(notingListener('no:field')), /no field "no"/)
})

test('changes are told at once, and which routes and services they change, each second', async t => {
  const { api, registry } = await setUp(t)
  const seen = notingListener()
  t.after(api.watch(seen))
  registry.putRoute('other', { path: '/other', service: 'user', auth: 'none' })
  await registry.register({ service: 'fresh', id: 'f1', host: '127.0.0.1', port: 4_001 })
  await until('the changes are told', () => seen.changes.length === 2)
  assert.deepEqual(
    seen.changes.map(({ kind, id }) => [kind, id]),
    [
      ['route', 'other'],
      ['node', 'f1'],
    ],
  )
  const table = await until('the table is told', () => seen.tables[0] ?? false)
  assert.deepEqual([table.routes, table.services], [['other'], ['fresh']])
  assert.match(table.revision!, /^\d+$/)
  assert.equal(table.revision, (await api.status()).revision)
  registry.putEntry('policies', { kind: 'policy-set', key: '/waygate/policies/p', name: 'p', document: {} })
  const whole = await until('all of it is told', () => seen.tables[1] ?? false)
  assert.deepEqual([whole.routes, whole.services], [[], []])
})

test('problems and the source are told after the first second, and then when they change', async t => {
  const { api, registry } = await setUp(t)
  const seen = notingListener(null)
  t.after(api.watch(seen))
  // The listener may have been told before that there are none.
  registry.putRoute('bad', { path: 7 })
  const [problem] = await until('the problem is told', () => seen.problems[0] ?? false)
  assert.match(problem!.reason, /path/)
  await until('two seconds have passed', () => seen.figures.length >= 2)
  assert.deepEqual([seen.problems.length, seen.sources.length], [1, 1])
  registry.setConnected(false)
  await until('the source is told', () => seen.sources.some(({ connected }) => !connected))
  registry.setConnected(true)
  registry.deleteRoute('bad')
  await until('that it is well again is told', () => seen.sources.at(-1)?.connected === true)
  await until('there is no problem left', () => seen.problems.at(-1)?.length === 0)
})

test('after the last has gone, nothing is told and nothing measured', async t => {
  const { api, get } = await setUp(t)
  const seen = notingListener()
  const stop = api.watch(seen)
  await until('it has figures', () => seen.figures.length > 0)
  stop()
  stop()
  const told = seen.figures.length
  await get('/user/1')
  const again = notingListener()
  t.after(api.watch(again))
  await until('another has figures', () => again.figures.length > 1)
  assert.deepEqual([seen.figures.length, seen.requests.length], [told, 0])
  assert.ok(!again.figures.some(({ total }) => total[0] > 0), 'what nobody watched is not counted')
})

test('at shutdown all are told, and nobody can watch any longer', async t => {
  const { api, gateway } = await setUp(t)
  const seen = notingListener()
  api.watch(seen)
  await gateway.stop()
  assert.deepEqual(seen.byes, ['shutdown'])
  const late = notingListener()
  api.watch(late)()
  assert.deepEqual([late.byes, seen.byes.length], [[], 1])
})
