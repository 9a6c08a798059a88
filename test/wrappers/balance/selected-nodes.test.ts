import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { createNodeSelection } from '../../../internal/nodes/node-selection.ts'
import { NodeTable } from '../../../internal/nodes/node-table.ts'
import { createBalance } from '../../../wrappers/balance/balance.ts'
import { UpstreamPeer } from '../../../wrappers/node/upstream-peer.ts'
import { startTestGateway } from '../../support/gateway.ts'
import { openRaw, send } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { testNode } from '../../support/peer.ts'
import { testRequest } from '../../support/route.ts'
import { until } from '../../support/until.ts'
import { handshake, startWebSocketNode } from '../../support/websocket.ts'

/** Starts a gateway with two nodes of version 1 and one of version 2, which answer with their ids. */
async function setUp(t: TestContext, document: object, more: object = {}) {
  const node = (id: string) =>
    startNode(t, async (socket, request) => {
      await request.whole.catch(() => {})
      if (request.target === '/fails') socket.destroy()
      else socket.write(answer(id))
    })
  const nodes = { a: await node('a'), b: await node('b'), c: await node('c') }
  const gateway = await startTestGateway(t, {
    nodes: {
      'user/a': { port: nodes.a.port, metadata: { version: '1' } },
      'user/b': { port: nodes.b.port, metadata: { version: '1' } },
      'user/c': { port: nodes.c.port, metadata: { version: '2', zone: 'x' } },
      'other/o': { port: (await node('o')).port, metadata: { version: '1' } },
    },
    routes: { r: { path: '/*', service: 'user', auth: 'none', ...document }, ...more },
  })
  const askedBy = async (count: number, path = '/') => {
    const ids: string[] = []
    for (let i = 0; i < count; i++) ids.push((await send(gateway.port, { path })).text)
    return ids.sort().join('')
  }
  return {
    ...gateway,
    nodes,
    askedBy,
    page: async () => (await send(gateway.adminPort, { path: '/routes' })).json(),
  }
}

test('a document that selects nodes uses no others, and shares them evenly', async t => {
  const { askedBy } = await setUp(t, { nodes: { version: '1' } })
  assert.equal(await askedBy(8), 'aaaabbbb')
})

test('documents of one service select nodes without changing each other', async t => {
  const { askedBy } = await setUp(
    t,
    { nodes: { meta: { zone: 'x' } } },
    { all: { path: '/all', service: 'user', auth: 'none' } },
  )
  assert.equal(await askedBy(3), 'ccc')
  assert.equal(await askedBy(6, '/all'), 'aabbcc')
})

test('new metadata changes what is selected from the next request on', async t => {
  const { askedBy, registry, nodes } = await setUp(t, { nodes: { version: '1' } })
  assert.equal(await askedBy(4), 'aabb')
  await registry.register({
    service: 'user',
    id: 'b',
    host: '127.0.0.1',
    port: nodes.b.port,
    metadata: { version: '2' },
  })
  await until('the change', async () => (await askedBy(4)) === 'aaaa')
  assert.equal(nodes.b.connections, 1)
})

test('a retry stays among the selected nodes', async t => {
  const { port, nodes } = await setUp(t, { nodes: { version: '1' }, retries: 2 })
  assert.equal((await send(port, { path: '/fails' })).status, 502)
  assert.equal(nodes.a.requests.length, 1)
  assert.equal(nodes.b.requests.length, 1)
  assert.equal(nodes.c.requests.length, 0)
})

test('no selected node is WG_NO_NODE and a warning; the service of a fallback is not selected from', async t => {
  const { port, page, askedBy } = await setUp(
    t,
    { nodes: { version: '3' } },
    {
      f: {
        path: '/f',
        service: 'user',
        auth: 'none',
        nodes: { version: '3' },
        fallback: { service: 'other' },
      },
    },
  )
  const got = await send(port)
  assert.equal(got.json().code, 'WG_NO_NODE')
  assert.equal(await askedBy(1, '/f'), 'o')
  const { problems } = await page()
  assert.deepEqual(problems, [
    { key: 'f', reason: '$.nodes: no node of "user" has {"version":"3"}' },
    { key: 'r', reason: '$.nodes: no node of "user" has {"version":"3"}' },
  ])
})

test('a node that waits to be selected gets the requests of documents that select it', async t => {
  const { askedBy, registry, nodes } = await setUp(
    t,
    { nodes: { version: '2' } },
    { all: { path: '/all', service: 'user', auth: 'none' } },
  )
  const node = { service: 'user', id: 'c', host: '127.0.0.1', port: nodes.c.port }
  await registry.register({ ...node, metadata: { version: '2', traffic: 'selected' } })
  await until('the change', async () => (await askedBy(3, '/all')).includes('c') === false)
  assert.equal(await askedBy(6, '/all'), 'aaabbb')
  assert.equal(await askedBy(2), 'cc')
})

test('sticky cookies work among selected nodes, and a cookie of another node is replaced', async t => {
  const rules = { balancer: 'sticky-cookie', service: 'user', auth: 'none' }
  const { gateway: _, ...rest } = await startTestGateway(t, {
    nodes: {
      'user/a': { port: (await echoNode(t, 'a')).port, metadata: { version: '1' } },
      'user/c': { port: (await echoNode(t, 'c')).port, metadata: { version: '2' } },
    },
    routes: {
      one: { ...rules, path: '/1', nodes: { version: '1' } },
      two: { ...rules, path: '/2', nodes: { version: '2' } },
    },
    document: { routes: { stickyCookie: { secret: 'a secret of tests that is long enough' } } },
  })
  const ask = (path: string, cookie?: string) =>
    send(rest.port, { path, headers: cookie === undefined ? {} : { cookie } })
  const first = await ask('/1')
  const cookie = first.headers['set-cookie']![0]!.split(';', 1)[0]!
  const again = await ask('/1', cookie)
  assert.deepEqual([again.text, again.headers['set-cookie']], ['a', undefined])
  const other = await ask('/2', cookie)
  assert.equal(other.text, 'c')
  assert.notEqual(other.headers['set-cookie']![0]!.split(';', 1)[0], cookie)
})

function echoNode(t: TestContext, id: string) {
  return startNode(t, socket => socket.write(answer(id)))
}

test('the handshake of a WebSocket goes to a selected node', async t => {
  const nodes = { a: await startWebSocketNode(t), c: await startWebSocketNode(t) }
  const { port } = await startTestGateway(t, {
    nodes: {
      'chat/a': { port: nodes.a.port, metadata: { version: '1' } },
      'chat/c': { port: nodes.c.port, metadata: { version: '2' } },
    },
    routes: { chat: { path: '/chat', service: 'chat', auth: 'none', nodes: { version: '2' } } },
  })
  for (let i = 0; i < 2; i++) {
    const client = await openRaw(port, handshake('/chat'))
    t.after(() => client.socket.destroy())
    await nodes.c.next()
    await client.until('101 ')
  }
})

test('when all selected nodes fail their checks they are used all the same, and avoided elsewhere', async () => {
  const table = new NodeTable(
    node =>
      new UpstreamPeer(node, {
        circuit: () => assert.fail('nothing is sent'),
        onBreaker: () => {},
      } as unknown as ConstructorParameters<typeof UpstreamPeer>[1]),
  )
  table.set('user', [testNode({ id: 'a', metadata: { version: '1' } }), testNode({ id: 'c' })])
  const [a, c] = table.get('user')!.peers
  const balance = createBalance(table)(async () => ({
    status: 200,
    headers: [],
    sendBody() {},
    discard() {},
  }))
  const chosen = async (nodes: ReturnType<typeof createNodeSelection> | undefined) => {
    const call = new Call('id', 'GET', '/', 0)
    await balance(testRequest({ nodes }), call)
    return call.peer
  }
  table.judge(a!, 'unhealthy')
  assert.equal(await chosen(createNodeSelection({ version: '1' })), a)
  for (let i = 0; i < 4; i++) assert.equal(await chosen(undefined), c)
  assert.equal(a!.isAvoided, true)
})
