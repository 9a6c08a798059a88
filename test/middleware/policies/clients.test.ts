import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway, token } from '../../support/gateway.ts'
import { openRaw, send } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'
import { handshake } from '../../support/websocket.ts'
import { policyContract } from './policy-contract.ts'

policyContract('clients', {
  rule: { deny: ['127.0.0.0/8'] },
  bad: { rule: { allow: ['10.0.0.1/8'] }, path: '$.clients.allow[0]' },
  shows: ({ answer }) => answer.status === 403 && answer.json().code === 'WG_ADDRESS_DENIED',
  onRefusals: true,
  handshake: 403,
})

interface SetUp extends Omit<GatewaySetUp, 'nodes' | 'routes'> {
  /** The field `clients` of the route `r`, which takes every path. */
  readonly clients?: unknown
  /** `routes.defaults.clients`. */
  readonly defaults?: object
  /** Further routes. */
  readonly routes?: Readonly<Record<string, unknown>>
}

/** Starts a gateway that trusts the test to be a proxy, so that a test may have any address. */
async function setUp(t: TestContext, { clients, defaults, routes = {}, config, ...rest }: SetUp) {
  const node = await startNode(t, (socket, { target }, index) =>
    socket.write(target === '/flaky' && index % 2 === 0 ? answer('', [], '503 Odd') : answer()),
  )
  const gateway = await startTestGateway(t, {
    ...rest,
    nodes: { 'user/u1': node.port, 'user/u2': node.port, 'auto/a1': node.port },
    routes: { r: { path: '/*', service: 'user', auth: 'none', clients }, ...routes },
    config: { trustedProxies: ['127.0.0.0/8', '::1'], ...config },
    ...(defaults && { document: { routes: { defaults: { clients: defaults } } } }),
  })
  const from = (address: string, path = '/', headers: Readonly<Record<string, string>> = {}) =>
    send(gateway.port, { path, headers: { 'X-Forwarded-For': address, ...headers } })
  return {
    ...gateway,
    node,
    from,
    /** Sends a request from this address, and resolves with the status. */
    statusFor: async (address: string, path?: string) => (await from(address, path)).status,
    /** Returns the samples of a metric. */
    async samples(name: string): Promise<string[]> {
      const { text } = await send(gateway.adminPort, { path: '/metrics' })
      return text.split('\n').filter(line => line.startsWith(`${name}{`))
    },
  }
}

test('clients: an address that is denied, or not allowed, gets 403 without a reason, and no node hears of it', async t => {
  const { from, node, logged, samples } = await setUp(t, {
    clients: { allow: ['10.0.0.0/8'], deny: ['10.6.6.6'] },
  })
  for (const address of ['10.6.6.6', '11.0.0.1']) {
    const got = await from(address)
    assert.equal(got.status, 403)
    const { code, detail, requestId, ...rest } = got.json()
    assert.equal(code, 'WG_ADDRESS_DENIED')
    assert.equal(requestId, got.headers['x-request-id'])
    assert.ok(!got.text.includes('10.'), got.text)
    assert.deepEqual(Object.keys(rest).sort(), ['status', 'title', 'type'])
    const line = await logged(String(requestId))
    assert.deepEqual(
      [line.route, line.policy, line.code, line.status, line.client, line.observed],
      ['r', 'clients', 'WG_ADDRESS_DENIED', 403, address, undefined],
    )
  }
  assert.equal(node.requests.length, 0)
  const passed = await from('10.1.2.3')
  assert.equal(passed.status, 200)
  const line = await logged(String(passed.headers['x-request-id']))
  assert.deepEqual([line.policy, line.observed], [undefined, undefined])
  assert.deepEqual(await samples('waygate_policy_refusals_total'), [
    'waygate_policy_refusals_total{route="r",policy="clients",rule=""} 2',
  ])
  assert.deepEqual(await samples('waygate_policy_would_refuse_total'), [])
})

const cases: [clients: object, passed: readonly string[], refused: readonly string[]][] = [
  [
    { allow: ['10.0.0.0/8', '192.168.1.7', 'fd00::/8', '2001:db8::1'] },
    ['10.0.0.0', '10.255.255.255', '192.168.1.7', 'fd12::1', 'FDFF::1', '2001:db8::1', '2001:DB8:0::0:1'],
    ['9.255.255.255', '11.0.0.0', '192.168.1.8', 'fe00::1', '2001:db8::2', '::1', '8.8.8.8'],
  ],
  [
    { deny: ['10.0.0.0/9', '2001:db8::/33'] },
    ['10.128.0.0', '9.9.9.9', '2001:db8:8000::', '::1'],
    ['10.0.0.0', '10.127.255.255', '2001:db8::1', '2001:db8:7fff:ffff:ffff:ffff:ffff:ffff'],
  ],
  [
    // A deny wins, however narrow the allow beside it.
    { allow: ['10.1.2.3', '10.1.2.4'], deny: ['10.1.2.0/24', '10.1.0.0/16'] },
    [],
    ['10.1.2.3', '10.1.2.4', '10.1.2.5', '10.1.3.3'],
  ],
  [{ allow: ['0.0.0.0/0'] }, ['8.8.8.8', '::ffff:8.8.8.8'], ['2001:db8::1', '::1']],
  [{ allow: ['::/0'] }, ['2001:db8::1', '::1'], ['8.8.8.8', '::ffff:8.8.8.8']],
  [{ allow: ['0.0.0.0/0', '::/0'] }, ['8.8.8.8', '::ffff:8.8.8.8', '2001:db8::1', '::1'], []],
  [{ deny: ['::/0'] }, ['8.8.8.8', '::ffff:8.8.8.8'], ['2001:db8::1', 'fe80::1%eth0']],
  [{ deny: ['0.0.0.0/0'] }, ['2001:db8::1'], ['8.8.8.8', '::ffff:8.8.8.8']],
  [{ allow: ['::ffff:10.0.0.0/104'] }, ['10.1.2.3', '::ffff:10.1.2.3'], ['11.0.0.1', '::1', '::10.1.2.3']],
  [{ deny: ['::ffff:a01:203'] }, ['10.1.2.4'], ['10.1.2.3', '::ffff:10.1.2.3']],
  [{ deny: ['fe80::/10'] }, ['fec0::1'], ['fe80::1', 'fe80::1%eth0', 'fe80::1%25']],
  [{ allow: ['fe80::/10'] }, ['fe80::1', 'fe80::1%eth0'], ['fec0::1%eth0']],
]

for (const [clients, passed, refused] of cases) {
  test(`clients: the addresses that pass ${JSON.stringify(clients)}`, async t => {
    const { statusFor } = await setUp(t, { clients })
    for (const address of passed) assert.equal(await statusFor(address), 200, address)
    for (const address of refused) assert.equal(await statusFor(address), 403, address)
  })
}

test('clients: ::ffff:10.1.2.3 is 10.1.2.3', async t => {
  const spellings = [
    '10.1.2.3',
    '::ffff:10.1.2.3',
    '::FFFF:10.1.2.3',
    '::ffff:a01:203',
    '0:0:0:0:0:ffff:0a01:0203',
    '[::ffff:10.1.2.3]:4711',
    '10.1.2.3:4711',
  ]
  const denying = await setUp(t, { clients: { deny: ['10.1.2.3'] } })
  const allowing = await setUp(t, { clients: { allow: ['10.0.0.0/8'] } })
  for (const address of spellings) {
    assert.equal(await denying.statusFor(address), 403, address)
    const got = await allowing.from(address)
    assert.equal(got.status, 200, address)
    const { client } = await allowing.logged(String(got.headers['x-request-id']))
    assert.equal(client, '10.1.2.3', address)
  }
})

const hasIPv6 = Object.values(networkInterfaces()).some(list => list?.some(({ family }) => family === 'IPv6'))

test('clients: an IPv4 client of a listener for both families is IPv4', {
  skip: !hasIPv6 && 'there is no IPv6 here',
}, async t => {
  const { port } = await setUp(t, { clients: { allow: ['127.0.0.1'] }, config: { host: '::' } })
  assert.equal((await send(port)).status, 200)
  const denying = await setUp(t, { clients: { deny: ['127.0.0.0/8'] }, config: { host: '::' } })
  assert.equal((await send(denying.port)).status, 403)
})

test('clients: spoofed X-Forwarded-For from an untrusted peer', async t => {
  const config = { trustedProxies: [] }
  const allowing = await setUp(t, { clients: { allow: ['10.0.0.0/8'] }, config })
  assert.equal(await allowing.statusFor('10.1.2.3'), 403)
  assert.equal((await allowing.from('10.1.2.3', '/', { Forwarded: 'for=10.1.2.3' })).status, 403)
  const denying = await setUp(t, { clients: { deny: ['127.0.0.0/8'] }, config })
  assert.equal(await denying.statusFor('10.1.2.3'), 403)
})

test('clients: behind trusted proxies, the last address that is none of them counts', async t => {
  const { statusFor, port } = await setUp(t, {
    clients: { allow: ['10.0.0.0/8'] },
    config: { trustedProxies: ['127.0.0.0/8', '172.16.0.0/12'] },
  })
  assert.equal(await statusFor('10.1.2.3, 172.16.0.1'), 200)
  assert.equal(await statusFor('6.6.6.6, 10.1.2.3, 172.16.0.1'), 200)
  // A client wrote the first address itself.
  assert.equal(await statusFor('10.1.2.3, 6.6.6.6'), 403)
  assert.equal(await statusFor('10.1.2.3, 6.6.6.6, 172.16.0.1'), 403)
  // Nobody but the proxies is known, and they are not allowed.
  for (const address of ['172.16.0.1', 'unknown', '', '10.1.2.3,', '10.1.2.3, unknown']) {
    assert.equal(await statusFor(address), 403, address)
  }
  assert.equal((await send(port)).status, 403)
  const forwarded = await send(port, { headers: { Forwarded: 'for=6.6.6.6, for="[::ffff:10.1.2.3]:80"' } })
  assert.equal(forwarded.status, 200)
})

test('clients: deny of routes.defaults holds where the route allows, and the other way around', async t => {
  const { statusFor, samples } = await setUp(t, {
    defaults: { allow: ['10.0.0.0/8', '172.16.0.0/12'], deny: ['10.6.6.6'] },
    clients: { allow: ['10.0.0.0/8', '192.168.0.0/16'], deny: ['10.7.7.7'] },
    routes: {
      plain: { path: '/plain', service: 'user', auth: 'none' },
      open: { path: '/open', service: 'user', auth: 'none', clients: false },
    },
  })
  const table: [address: string, own: number, plain: number][] = [
    ['10.1.2.3', 200, 200],
    ['10.6.6.6', 403, 403],
    ['10.7.7.7', 403, 200],
    ['172.16.0.1', 403, 200],
    ['192.168.0.1', 403, 403],
  ]
  for (const [address, own, plain] of table) {
    assert.equal(await statusFor(address), own, address)
    assert.equal(await statusFor(address, '/plain'), plain, address)
    assert.equal(await statusFor(address, '/open'), 200, address)
  }
  const refusals = await samples('waygate_policy_refusals_total')
  assert.deepEqual(refusals.sort(), [
    'waygate_policy_refusals_total{route="plain",policy="clients",rule=""} 2',
    'waygate_policy_refusals_total{route="r",policy="clients",rule=""} 4',
  ])
})

test('clients: deny of a set holds where the route allows', async t => {
  const { statusFor } = await setUp(t, {
    document: { routes: { policies: { office: { clients: { deny: ['10.6.6.6'] } } } } },
    routes: {
      r: {
        ...{ path: '/*', service: 'user', auth: 'none', policies: ['office'] },
        clients: { allow: ['10.0.0.0/8'] },
      },
    },
  })
  assert.equal(await statusFor('10.6.6.6'), 403)
  assert.equal(await statusFor('10.1.2.3'), 200)
  assert.equal(await statusFor('11.0.0.1'), 403)
})

test('clients: routes.defaults hold for automatic routes', async t => {
  const { statusFor, samples } = await setUp(t, {
    defaults: { deny: ['10.6.6.6'] },
    routes: { r: { path: '/r', service: 'user' } },
  })
  assert.equal(await statusFor('10.6.6.6', '/auto/x'), 403)
  assert.equal(await statusFor('10.1.2.3', '/auto/x'), 200)
  assert.deepEqual(await samples('waygate_policy_refusals_total'), [
    'waygate_policy_refusals_total{route="auto:auto",policy="clients",rule=""} 1',
  ])
})

test('clients: enforce: false lets pass, counts and logs', async t => {
  const { from, logged, samples } = await setUp(t, { clients: { allow: ['10.0.0.0/8'], enforce: false } })
  const got = await from('11.0.0.1')
  assert.equal(got.status, 200)
  const line = await logged(String(got.headers['x-request-id']))
  assert.deepEqual(
    [line.observed, line.policy, line.code, line.status],
    [['clients'], undefined, undefined, 200],
  )
  const within = await from('10.1.2.3')
  assert.equal((await logged(String(within.headers['x-request-id']))).observed, undefined)
  assert.deepEqual(await samples('waygate_policy_would_refuse_total'), [
    'waygate_policy_would_refuse_total{route="r",policy="clients",rule=""} 1',
  ])
  assert.deepEqual(await samples('waygate_policy_refusals_total'), [])
})

test('clients: each level is enforced or not by itself', async t => {
  const { from, logged, samples } = await setUp(t, {
    defaults: { deny: ['10.6.6.6'] },
    clients: { allow: ['10.0.0.0/8'], enforce: false },
  })
  assert.equal((await from('10.6.6.6')).status, 403)
  assert.equal((await from('11.0.0.1')).status, 200)
  assert.deepEqual(await samples('waygate_policy_refusals_total'), [
    'waygate_policy_refusals_total{route="r",policy="clients",rule=""} 1',
  ])
  assert.deepEqual(await samples('waygate_policy_would_refuse_total'), [
    'waygate_policy_would_refuse_total{route="r",policy="clients",rule=""} 1',
  ])
  // A request counts once, however many rules would have refused it.
  const both = await setUp(t, {
    defaults: { deny: ['11.0.0.1'], enforce: false },
    clients: { allow: ['10.0.0.0/8'], enforce: false },
  })
  const got = await both.from('11.0.0.1')
  assert.equal(got.status, 200)
  assert.deepEqual((await both.logged(String(got.headers['x-request-id']))).observed, ['clients'])
  assert.deepEqual(await both.samples('waygate_policy_would_refuse_total'), [
    'waygate_policy_would_refuse_total{route="r",policy="clients",rule=""} 1',
  ])
  assert.equal((await logged(String((await from('10.6.6.6')).headers['x-request-id']))).observed, undefined)
})

test('clients: preflight covered', async t => {
  const { port, node, samples } = await setUp(t, {
    clients: { allow: ['10.0.0.0/8'] },
    routes: {
      r: {
        path: '/*',
        service: 'user',
        clients: { allow: ['10.0.0.0/8'] },
        cors: { origins: ['https://app.example.com'] },
      },
    },
  })
  const preflight = (address: string) =>
    send(port, {
      method: 'OPTIONS',
      headers: {
        'X-Forwarded-For': address,
        Origin: 'https://app.example.com',
        'Access-Control-Request-Method': 'GET',
      },
    })
  const denied = await preflight('11.0.0.1')
  assert.deepEqual([denied.status, denied.json().code], [403, 'WG_ADDRESS_DENIED'])
  // As every refusal of a route with `cors`, so that the script learns why.
  assert.equal(denied.headers['access-control-allow-origin'], 'https://app.example.com')
  assert.equal(denied.headers.vary, 'Origin')
  assert.deepEqual(await samples('waygate_cors_preflights_total'), [])
  assert.equal((await preflight('10.1.2.3')).status, 204)
  assert.equal(node.requests.length, 0)
})

test('clients: WebSockets are covered', async t => {
  const { port, node, samples } = await setUp(t, { clients: { deny: ['10.6.6.6'] } })
  const client = await openRaw(port, handshake('/', ['X-Forwarded-For: 10.6.6.6']))
  const text = await client.closed
  assert.match(text, /^HTTP\/1\.1 403 /)
  assert.match(text, /"code":"WG_ADDRESS_DENIED"/)
  assert.equal(node.requests.length, 0)
  assert.deepEqual(await samples('waygate_policy_refusals_total'), [
    'waygate_policy_refusals_total{route="r",policy="clients",rule=""} 1',
  ])
})

test('order: an address is judged before credentials, and before a body is asked for', async t => {
  const { from, port, statusFor } = await setUp(t, {
    withKey: true,
    routes: {
      r: { path: '/*', service: 'user', auth: 'jwt', maxBodyBytes: 1, clients: { deny: ['10.6.6.6'] } },
    },
  })
  const bad = { Authorization: 'Bearer x' }
  assert.equal((await from('10.6.6.6', '/', bad)).status, 403)
  assert.equal((await from('10.1.2.3', '/', bad)).status, 401)
  assert.equal((await from('10.6.6.6', '/', { Authorization: `Bearer ${token()}` })).status, 403)
  assert.equal(await statusFor('10.1.2.3'), 401)
  const client = await openRaw(
    port,
    'POST / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 10.6.6.6\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n',
  )
  assert.match(await client.until('WG_ADDRESS_DENIED'), /^HTTP\/1\.1 403 /)
  client.socket.destroy()
})

test('order: a retry runs no policy twice', async t => {
  const { from, logged, samples, node } = await setUp(t, { clients: { deny: ['::1'], enforce: false } })
  const got = await from('::1', '/flaky')
  assert.equal(got.status, 200)
  assert.equal(node.requests.length, 2)
  const line = await logged(String(got.headers['x-request-id']))
  assert.deepEqual([line.attempts, line.observed], [2, ['clients']])
  assert.deepEqual(await samples('waygate_policy_would_refuse_total'), [
    'waygate_policy_would_refuse_total{route="r",policy="clients",rule=""} 1',
  ])
})

test('clients: a change of the rule counts from the next request on, on open connections too', async t => {
  const { port, registry, gateway } = await setUp(t, { clients: { allow: ['10.0.0.0/8'] } })
  const client = await openRaw(port)
  t.after(() => client.socket.destroy())
  const statuses = () => [...client.text().matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status)
  const ask = async (count: number) => {
    client.socket.write('GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 10.1.2.3\r\n\r\n')
    await until('an answer', () => statuses().length === count)
  }
  await ask(1)
  const put = async (clients: unknown) => {
    const before = gateway.table.routeTable()
    registry.putRoute('r', { path: '/*', service: 'user', auth: 'none', clients })
    await until('another table', () => gateway.table.routeTable() !== before)
  }
  await put({ allow: ['11.0.0.0/8'] })
  await ask(2)
  await put(undefined)
  await ask(3)
  assert.deepEqual(statuses(), ['200', '403', '200'])
})
