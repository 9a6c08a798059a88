import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startTestGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { answer, type Script, type ScriptedNode, startNode } from '../../support/node-server.ts'
import { seededRandom } from '../../support/random.ts'
import { until } from '../../support/until.ts'

// What one request does must not count against a node for everybody, and a node that fails must still be left out.

const FINE: Script = socket => socket.write(answer('fine'))
const FAILS: Script = socket => socket.write(answer('failed', [], '500 Odd'))
/** What nodes do with the requests that an attacker has found, and what the attacker gets. */
const FAULTS: Readonly<
  Record<string, { readonly script: Script; readonly status: number; readonly text: RegExp }>
> = {
  'is answered 500': { script: FAILS, status: 500, text: /^failed$/ },
  'breaks the connection': {
    script: socket => socket.resetAndDestroy(),
    status: 502,
    text: /WG_UPSTREAM_UNREACHABLE/,
  },
  'gets an invalid answer': {
    script: socket => socket.write('nonsense\r\n\r\n'),
    status: 502,
    text: /WG_UPSTREAM_INVALID/,
  },
  'gets an answer with a head that is too large': {
    script: socket => socket.write(answer('large', [`Link: ${'x'.repeat(20_000)}`])),
    status: 502,
    text: /WG_UPSTREAM_INVALID/,
  },
}

interface SceneOptions {
  /** The scripts of the nodes, which are called n0, n1 and so on. */
  readonly scripts: readonly Script[]
  readonly breaker?: object
}

async function startScene(t: TestContext, { scripts, breaker = {} }: SceneOptions) {
  const nodes: ScriptedNode[] = []
  for (const script of scripts) nodes.push(await startNode(t, script))
  const gateway = await startTestGateway(t, {
    nodes: Object.fromEntries(nodes.map(({ port }, i) => [`user/n${i}`, port])),
    document: { breaker },
  })
  const { port, adminPort, log } = gateway
  return {
    ...gateway,
    nodes,
    ask: (target: string, method = 'GET') => send(port, { method, path: `/user${target}` }),
    breakers: async () => {
      const { services } = (await send(adminPort, { path: '/services' })).json() as {
        services: { nodes: { breaker: string }[] }[]
      }
      return services[0]!.nodes.map(({ breaker }) => breaker)
    },
    changes: () =>
      log
        .filter(({ msg }) => /^breaker (opened|half-opened|closed)$/.test(String(msg)))
        .map(({ node, breaker, reason }) => [node, breaker, reason]),
  }
}

/** Answers /fine well, and everything else as `script` does. */
const onlyFine =
  (script: Script): Script =>
  (socket, request, index) =>
    (request.target.startsWith('/fine') ? FINE : script)(socket, request, index)

const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)

for (const [what, { script, status, text }] of Object.entries(FAULTS)) {
  for (const count of [1, 2, 10]) {
    test(`with ${count} nodes, a client that repeats a request that ${what} takes no node from others`, async t => {
      const { ask, breakers, changes } = await startScene(t, { scripts: times(count, onlyFine(script)) })
      let queries = 0
      const attack = async (target: string) => {
        const bad = await ask(target, 'POST')
        assert.equal(bad.status, status)
        assert.match(bad.text, text)
      }
      const askFine = async () => assert.equal((await ask('/fine')).text, 'fine')
      // Two nodes that are picked in turn would each see one kind of request only.
      const rounds = count === 2 ? [attack, attack, askFine] : [attack, askFine]
      for (let i = 0; i < 11 * count; i++) for (const each of rounds) await each('/broken')
      for (let i = 0; i < 11 * count; i++) await attack('/broken')
      for (let i = 0; i < 11 * count; i++) for (const each of rounds) await each(`/broken?n=${queries++}`)
      for (let i = 0; i < 2 * count; i++) await askFine()
      assert.deepEqual([await breakers(), changes()], [times(count, 'closed'), []])
    })
  }
}

test('a third of the requests failing on paths that an attacker makes up takes no node from others', async t => {
  const { ask, changes } = await startScene(t, { scripts: times(10, onlyFine(FAILS)) })
  const random = seededRandom(7)
  for (let i = 0; i < 1_000; i++) {
    const isAttack = random() < 0.33
    const { status } = await ask(isAttack ? `/broken/${i}` : '/fine')
    assert.equal(status, isAttack ? 500 : 200)
  }
  assert.deepEqual(changes(), [])
})

test('an attacker alone, on nodes that nobody else uses, ejects none', async t => {
  const { ask, breakers } = await startScene(t, { scripts: times(5, onlyFine(FAILS)) })
  for (let i = 0; i < 200; i++) assert.equal((await ask(`/broken/${i}`)).text, 'failed')
  assert.deepEqual(await breakers(), times(5, 'closed'))
})

for (const [what, { script }] of Object.entries(FAULTS)) {
  test(`of three nodes, one on which every request ${what} is ejected within minimumRequests`, async t => {
    const { ask, breakers, nodes } = await startScene(t, { scripts: [script, FINE, FINE] })
    for (let i = 0; i < 60; i++) await ask('/', 'POST')
    assert.deepEqual(await breakers(), ['open', 'closed', 'closed'])
    assert.equal(nodes[0]!.requests.length, 10)
  })
}

test('one node that fails is ejected also when no path is asked twice', async t => {
  const { ask, breakers, nodes } = await startScene(t, { scripts: [FAILS, FINE, FINE] })
  for (let i = 0; i < 60; i++) await ask(`/items/${i}`)
  assert.deepEqual(await breakers(), ['open', 'closed', 'closed'])
  assert.equal(nodes[0]!.requests.length, 10)
})

test('a node that fails is ejected while an attacker repeats a request that fails on all nodes', async t => {
  const { ask, breakers } = await startScene(t, { scripts: [FAILS, ...times(3, onlyFine(FAILS))] })
  for (let i = 0; i < 60; i++) {
    await ask('/broken')
    await ask('/fine')
    await ask('/fine')
  }
  assert.deepEqual(await breakers(), ['open', 'closed', 'closed', 'closed'])
  for (let i = 0; i < 40; i++) assert.equal((await ask('/fine')).text, 'fine')
})

test('two of three nodes that fail everything are both ejected', async t => {
  const { ask, breakers, nodes } = await startScene(t, { scripts: [FAILS, FAILS, FINE] })
  for (let i = 0; i < 60; i++) await ask('/')
  assert.deepEqual(await breakers(), ['open', 'open', 'closed'])
  assert.ok(nodes[0]!.requests.length + nodes[1]!.requests.length <= 22)
  for (let i = 0; i < 20; i++) assert.equal((await ask('/')).text, 'fine')
})

test('when all nodes fail everything, clients get the answers of the nodes, and good ones as soon as there are any', async t => {
  let isWell = false
  const script: Script = (...args) => (isWell ? FINE : FAILS)(...args)
  const { ask, changes, log } = await startScene(t, { scripts: times(3, script) })
  for (let i = 0; i < 100; i++) assert.equal((await ask(i % 2 === 0 ? '/' : `/items/${i}`)).text, 'failed')
  isWell = true
  for (let i = 0; i < 20; i++) assert.equal((await ask('/')).text, 'fine')
  assert.deepEqual(changes(), [])
  const kept = log.filter(({ msg }) => msg === 'node not ejected')
  assert.deepEqual(
    kept.map(({ service, reason }) => [service, reason]),
    [['user', 'no other node does better']],
    'it is logged once in the window',
  )
})

test('a node that was ejected is used again when the better one begins to fail as well', async t => {
  let isWell = true
  const { ask, breakers, changes } = await startScene(t, {
    scripts: [FAILS, (...args) => (isWell ? FINE : FAILS)(...args)],
    breaker: { openMs: 50, windowMs: 500 },
  })
  for (let i = 0; i < 20; i++) await ask('/')
  assert.deepEqual(changes()[0], ['n0', 'open', 'too many failures'])
  isWell = false
  await until('no node does better', async () => {
    assert.equal((await ask('/')).text, 'failed')
    return (await breakers()).every(state => state === 'closed')
  })
  assert.deepEqual(changes().at(-1), ['n0', 'closed', 'no better node'])
})

test('a node that was ejected for its answers is used again at once when it is the last one', async t => {
  const { ask, registry, gateway, changes } = await startScene(t, {
    scripts: [FAILS, FINE],
    breaker: { openMs: 60_000, maxOpenMs: 60_000 },
  })
  for (let i = 0; i < 20; i++) await ask('/')
  for (let i = 0; i < 10; i++) assert.equal((await ask('/')).text, 'fine')
  await registry.unregister('user', 'n1')
  await until('it is the last one', () => gateway.nodeCount() === 1)
  for (let i = 0; i < 30; i++) assert.equal((await ask('/')).text, 'failed')
  assert.deepEqual(changes(), [
    ['n0', 'open', 'too many failures'],
    ['n0', 'closed', 'no better node'],
  ])
})

test('a node that was ejected for its answers is used again when the others accept no connections', async t => {
  const { ask, nodes, breakers } = await startScene(t, {
    scripts: [FAILS, FINE],
    breaker: { openMs: 60_000, maxOpenMs: 60_000 },
  })
  for (let i = 0; i < 20; i++) await ask('/')
  assert.deepEqual(await breakers(), ['open', 'closed'])
  await nodes[1]!.close()
  await until('the dead one is ejected', async () => {
    await ask('/')
    return (await breakers())[1] === 'open'
  })
  for (let i = 0; i < 10; i++) assert.equal((await ask('/')).text, 'failed')
})

test('a single node that accepts no connections is ejected', async t => {
  const { ask, nodes } = await startScene(t, { scripts: [FINE] })
  await nodes[0]!.close()
  for (let i = 0; i < 10; i++) assert.match((await ask('/')).text, /WG_UPSTREAM_UNREACHABLE/)
  assert.match((await ask('/')).text, /WG_CIRCUIT_OPEN/)
})

test('with ejectLastNode, a service whose only node keeps failing is refused', async t => {
  const { ask, nodes } = await startScene(t, { scripts: [FAILS], breaker: { ejectLastNode: true } })
  for (let i = 0; i < 10; i++) assert.equal((await ask('/')).text, 'failed')
  const refused = await ask('/')
  assert.equal(refused.status, 503)
  assert.match(refused.text, /WG_CIRCUIT_OPEN/)
  assert.equal(nodes[0]!.requests.length, 10)
})

test('an answer with a head that is too large is logged with the setting to change', async t => {
  const { port, logged } = await startScene(t, {
    scripts: times(1, FAULTS['gets an answer with a head that is too large']!.script),
  })
  const got = await send(port, { path: '/user/', headers: { 'X-Request-Id': 'large' } })
  assert.deepEqual([got.status, got.json().code], [502, 'WG_UPSTREAM_INVALID'])
  assert.match(String((await logged('large')).reason), /upstream\.answerHeadBytes/)
})
