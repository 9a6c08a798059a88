import assert from 'node:assert/strict'
import { Agent, request as httpRequest } from 'node:http'
import { after, test } from 'node:test'
import jwt from 'jsonwebtoken'
import { tempFolder } from '../config/temp-folder.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { seededRandom } from '../support/random.ts'
import { openRegistry } from '../support/registry.ts'
import { answerName, type Handler, type Service, startService } from '../support/service.ts'
import type { ServingGateway } from '../support/serving-gateway.ts'
import { until } from '../support/until.ts'
import { runProgram } from '../support/waygate.ts'

const COOKIE_SECRET = 'cookies of tests are signed with this'
const JWT_SECRET = 'a secret of at least thirty-two bytes'
const env = { WAYGATE_COOKIE_SECRET: COOKIE_SECRET, WAYGATE_JWT_SECRET: JWT_SECRET }

const config = {
  trustedProxies: ['127.0.0.1'],
  breaker: { openMs: 50, minimumRequests: 5, windowMs: 1_000 },
}
const gateway = await startGatewayHere({ env, config })
const registry = openRegistry(gateway.etcd)
const agent = new Agent({ keepAlive: true })
after(async () => {
  agent.destroy()
  registry[Symbol.dispose]()
  await gateway.stop()
})

/** Starts nodes, puts them and a route `/<service>/*` into etcd, and resolves when the gateway has both. */
async function serve(
  service: string,
  handlers: Readonly<Record<string, Handler>>,
  route: object,
): Promise<{ readonly nodes: readonly Service[] } & AsyncDisposable> {
  const nodes = await Promise.all(
    Object.entries(handlers).map(([name, handler]) => startService(name, handler)),
  )
  for (const { name, port } of nodes) await registry.putNode(service, name, { port })
  await registry.putRoute(service, { path: `/${service}/*`, service, auth: 'none', ...route })
  await until('the route applies', async () =>
    (await gateway.routes()).routes.some(({ id, nodes: known }) => {
      return id === service && known.length === nodes.length
    }),
  )
  return {
    nodes,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(nodes.map(node => node.close()))
    },
  }
}

const names = (...list: string[]) => Object.fromEntries(list.map(name => [name, answerName(name)]))

interface Answer {
  readonly status: number
  readonly body: string
  readonly setCookie: string | undefined
}

function ask(
  path: string,
  headers: Readonly<Record<string, string>> = {},
  at: ServingGateway = gateway,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: at.port, path, headers, agent }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      response.on('error', reject)
      response.on('end', () => {
        resolve({ status: response.statusCode!, body, setCookie: response.headers['set-cookie']?.[0] })
      })
    })
    request.on('error', reject).end()
  })
}

/** Counts answers by body. Each request is sent when an earlier one has been answered. */
async function closedLoop(
  path: string,
  requests: number,
  concurrency: number,
  at = gateway,
  onWorkerEnd = () => {},
): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  let left = requests
  const worker = async () => {
    while (left-- > 0) {
      const { body } = await ask(path, {}, at)
      counts.set(body, (counts.get(body) ?? 0) + 1)
    }
    onWorkerEnd()
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return counts
}

/**
 * Nodes with a simulated clock, so that one is ten times slower than another even on a busy machine. Time advances to
 * the next due answer when all requests in flight are held by nodes.
 */
function heldAnswers(underWay: number) {
  const random = seededRandom(1)
  const held: { readonly due: number; readonly answer: () => void }[] = []
  let expected = underWay
  let now = 0
  const goOn = () => {
    if (held.length === 0 || held.length < expected) return
    held.sort((a, b) => b.due - a.due)
    const { due, answer } = held.pop()!
    now = due
    answer()
  }
  return {
    after: (name: string, time: number): Handler => {
      return (request, response) => {
        const due = now + time * (0.9 + 0.2 * random())
        held.push({ due, answer: () => answerName(name)(request, response) })
        goOn()
      }
    },
    /** Says that one request fewer is in flight from now on. */
    oneLess: () => {
      expected--
      goOn()
    },
  }
}

for (const balancer of ['least-request', 'peak-ewma']) {
  test(`${balancer}: a node that is ten times slower has less than a fifth of its fair share`, async () => {
    const { after, oneLess } = heldAnswers(50)
    const fast = ['a', 'b', 'c', 'd']
    const handlers = {
      slow: after('slow', 10),
      ...Object.fromEntries(fast.map(name => [name, after(name, 1)])),
    }
    await using _ = await serve(`slow-${balancer}`, handlers, { balancer, timeoutMs: 60_000 })
    const counts = await closedLoop(`/slow-${balancer}/`, 4_000, 50, gateway, oneLess)
    const part = ((counts.get('slow') ?? 0) / 4_000) * 5
    assert.ok(part < 0.2, `${part} of its share`)
    for (const name of fast) assert.ok(counts.get(name)! > 500, `${name}: ${counts.get(name)}`)
  })
}

test('requests with the same key go to the same node, whatever the key is taken from', async () => {
  const token = (tenant: string) => {
    return `Bearer ${jwt.sign({ sub: 'u', org: { tenant } }, JWT_SECRET, { expiresIn: 60 })}`
  }
  const kinds: Readonly<
    Record<string, [rule: object | string, headers: (key: string) => Record<string, string>]>
  > = {
    header: [{ header: 'X-Tenant' }, key => ({ 'x-tenant': key })],
    cookie: [{ cookie: 'sid' }, key => ({ cookie: `a=b; sid=${key}` })],
    address: [{ address: true }, key => ({ 'x-forwarded-for': `192.0.2.${key.slice(1)}` })],
    claim: [{ claim: 'org.tenant' }, key => ({ authorization: token(key) })],
    parameter: [{ pathParameter: 'id' }, () => ({})],
  }
  for (const [kind, [rule, headers]] of Object.entries(kinds)) {
    const service = `by-${kind}`
    await using _ = await serve(service, names('a', 'b', 'c', 'd'), {
      balancer: { 'consistent-hash': rule },
      ...(kind === 'parameter' && { path: `/${service}/:id/*` }),
      ...(kind === 'claim' && { auth: 'jwt' }),
    })
    const shown = (await gateway.routes()).routes.find(({ id }) => id === service)?.balancer
    assert.deepEqual(shown, { 'consistent-hash': kind === 'header' ? { header: 'x-tenant' } : rule })
    const used = new Set<string>()
    for (let i = 0; i < 20; i++) {
      const key = `k${i}`
      const bodies = new Set<string>()
      for (let n = 0; n < 4; n++) bodies.add((await ask(`/${service}/${key}/${n}`, headers(key))).body)
      assert.equal(bodies.size, 1, `${kind} ${key}: ${[...bodies]}`)
      for (const body of bodies) used.add(body)
    }
    assert.deepEqual([...used].sort(), ['a', 'b', 'c', 'd'], kind)
  }
})

test('a sticky cookie brings clients back to their node, through any gateway and after a restart', async () => {
  await using cart = await serve('cart', names('a', 'b', 'c'), { balancer: 'sticky-cookie' })
  const first = await ask('/cart/')
  assert.match(first.setCookie!, /^waygate-cart=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
  const cookie = first.setCookie!.split(';')[0]!
  const back = { status: 200, body: first.body, setCookie: undefined }
  for (let i = 0; i < 10; i++) assert.deepEqual(await ask('/cart/', { cookie }), back)
  for (let start = 0; start < 2; start++) {
    await using other = await startGatewayHere({ env, config, etcd: gateway.etcd })
    await other.untilNodes('cart', ['a', 'b', 'c'])
    for (let i = 0; i < 5; i++) assert.deepEqual(await ask('/cart/', { cookie }, other), back)
  }
  const forged = await ask('/cart/', { cookie: `waygate-cart=${first.body}` })
  assert.ok(forged.setCookie)
  await cart.nodes.find(({ name }) => name === first.body)!.close()
  const moved = await ask('/cart/', { cookie })
  assert.equal(moved.status, 200)
  assert.ok(moved.body !== first.body && moved.setCookie && !moved.setCookie.startsWith(cookie))
})

test('without a secret, sticky cookies are refused in the configuration and in etcd', async t => {
  const cwd = tempFolder(t, { 'waygate.yaml': 'routes: { defaults: { balancer: sticky-cookie } }' })
  const args = [
    'start',
    '--port',
    '0',
    '--admin-port',
    '0',
    '--embedded-etcd',
    '127.0.0.1:0',
    '--embedded-etcd-memory',
  ]
  const finished = await runProgram({ args, cwd })
  assert.equal(finished.code, 1)
  assert.match(finished.stderr, /\$\.routes\.defaults\.balancer: sticky-cookie needs a secret/)
  await using plain = await startGatewayHere({ etcd: gateway.etcd })
  const reason = 'sticky-cookie needs a secret'
  await registry.putRoute('unsigned', { path: '/u', service: 'u', balancer: 'sticky-cookie' })
  await until('the problem is shown', async () =>
    (await plain.routes()).problems.some(problem => problem.reason.includes(reason)),
  )
  await until('where there is one, the route applies', async () =>
    (await gateway.routes()).routes.some(
      ({ id, balancer }) => id === 'unsigned' && balancer === 'sticky-cookie',
    ),
  )
})

test('with slow start, a new node and a recovered one begin with a tenth of their share', async () => {
  await using user = await serve('warm', names('a', 'b'), { slowStartMs: 600_000 })
  // The first table of this gateway has a and b.
  await using at = await startGatewayHere({ env, config, etcd: gateway.etcd })
  const countOf = async (name: string) => (await closedLoop('/warm/', 600, 1, at)).get(name) ?? 0
  assert.equal(await countOf('a'), 300, 'nodes of the first table are warm')
  await using fresh = await startService('fresh')
  await registry.putNode('warm', 'fresh', fresh)
  await at.untilNodes('warm', ['a', 'b', 'fresh'])
  const withNew = await countOf('fresh')
  assert.ok(withNew > 5 && withNew < 80, `${withNew} of 600, where 200 are its share`)

  const node = user.nodes[0]!
  const breaker = async () => (await at.nodes('warm')).find(({ id }) => id === 'a')?.breaker
  node.handler = (request, response) => {
    request.resume()
    response.writeHead(500).end()
  }
  await until('its breaker is open', async () => {
    await ask('/warm/', {}, at)
    return (await breaker()) === 'open'
  })
  node.handler = answerName('a')
  await until('its breaker is closed', async () => {
    await ask('/warm/', {}, at)
    return (await breaker()) === 'closed'
  })
  const recovered = await countOf('a')
  assert.ok(recovered > 5 && recovered < 120, `${recovered} of 600, where some 290 are its share`)
})

test('a service without a route document uses the balancer of the configuration', async () => {
  const defaults = { balancer: { 'consistent-hash': { header: 'x-key' } }, slowStartMs: 1_000 }
  await using at = await startGatewayHere({ etcd: gateway.etcd, config: { routes: { defaults } } })
  await using a = await startService('a')
  await using b = await startService('b')
  for (const node of [a, b]) await registry.putNode('plain', node.name, node)
  await at.untilNodes('plain', ['a', 'b'])
  const route = (await at.routes()).routes.find(({ id }) => id === 'auto:plain')
  assert.deepEqual(route?.balancer, defaults.balancer)
  const bodies = new Map<string, Set<string>>()
  for (let i = 0; i < 60; i++) {
    const key = `k${i % 10}`
    const { body } = await ask('/plain/', { 'x-key': key }, at)
    bodies.set(key, (bodies.get(key) ?? new Set()).add(body))
  }
  assert.equal(new Set([...bodies.values()].flatMap(set => [...set])).size, 2)
})
