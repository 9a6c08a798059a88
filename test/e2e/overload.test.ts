import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { describeOverload, overload } from '../support/overload.ts'
import { openRegistry } from '../support/registry.ts'
import { type Handler, startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { startGateway } from '../support/waygate.ts'

const gateway = await startGateway()
const registry = openRegistry(gateway.etcd)
after(async () => {
  registry[Symbol.dispose]()
  await gateway.stop()
})

test('three times the capacity of a service hardly reduces its throughput, and nothing is refused afterwards', async t => {
  const report = await overload({
    gateway,
    service: 'found',
    limit: { adaptive: true },
    // 120 requests a second, so that even a busy machine can send three times as many.
    workMs: 100,
    overloadMs: 6_000,
    recoveredWithinMs: 15_000,
  })
  t.diagnostic(describeOverload(report))
  assert.ok(report.refused > 0)
  // Without a limit, nearly every answer would be too late.
  assert.ok(report.goodput >= 0.5)
  assert.ok(report.grownBytes < 128 * 1_048_576)
})

/** A service that answers when the test releases it. */
function held() {
  const waiting: (() => void)[] = []
  const handler: Handler = (request, response) => {
    request.resume()
    waiting.push(() => response.end('done'))
  }
  return { waiting, handler }
}

interface Limit {
  readonly kind: string
  readonly limit: number
  readonly inFlight: number
  readonly queued: number
}

async function limitOn(page: string, service: string, at = gateway.admin): Promise<Limit | undefined> {
  const { services } = (await (await fetch(`${at}/${page}`)).json()) as {
    services: { name: string; limit?: Limit }[]
  }
  return services.find(({ name }) => name === service)?.limit
}

test('the limit of a route applies to its service, is shown everywhere, and can change while requests wait', async () => {
  const { waiting, handler } = held()
  await using node = await startService('n', handler)
  await registry.putNode('shown', 'n', node)
  const put = (limit: object) =>
    registry.putRoute('shown', { path: '/shown/*', service: 'shown', serviceLimit: limit })
  await put({ concurrent: 2, queue: 2, queueMs: 60_000 })
  await gateway.untilNodes('shown', ['n'])
  await until('the limit is in force', () => limitOn('routes', 'shown'))

  const ask = () => fetch(`${gateway.url}/shown/`)
  const first = [ask(), ask(), ask(), ask()]
  const full = { kind: 'static', limit: 2, inFlight: 2, queued: 2 }
  await until('all places are taken', async () => (await limitOn('services', 'shown'))?.queued === 2)
  assert.deepEqual(await limitOn('services', 'shown'), full)
  assert.deepEqual(await limitOn('routes', 'shown'), full)
  await until('the node has two', () => node.count === 2)

  const refused = await ask()
  const problem = (await refused.json()) as Record<string, unknown>
  assert.deepEqual(
    [refused.status, problem.code, refused.headers.get('retry-after'), problem.requestId],
    [503, 'WG_OVERLOADED', '1', refused.headers.get('x-request-id')],
  )
  const line = await gateway.logged(each => each.requestId === problem.requestId)
  assert.deepEqual(
    [line.code, line.reason],
    ['WG_OVERLOADED', 'the service is at its concurrency limit, and the queue is full'],
  )
  const metrics = await (await fetch(`${gateway.admin}/metrics`)).text()
  for (const expected of [
    'waygate_limit{service="shown"} 2',
    'waygate_limit_in_flight{service="shown"} 2',
    'waygate_limit_queued{service="shown"} 2',
    'waygate_overloaded_total{service="shown"} 1',
    'waygate_loop_overloaded_total 0',
  ]) {
    assert.ok(metrics.includes(`\n${expected}\n`), expected)
  }

  await put({ concurrent: 4 })
  await until('the waiters are let in', () => node.count === 4)
  for (const answer of waiting) answer()
  assert.deepEqual(
    (await Promise.all(first)).map(({ status }) => status),
    [200, 200, 200, 200],
  )
  await until('nothing is under way', async () => (await limitOn('services', 'shown'))?.inFlight === 0)

  const begun = await gateway.logged(
    ({ msg, service }) => msg === 'service overloaded' && service === 'shown',
  )
  assert.deepEqual([begun.level, begun.limit, begun.reason], [30, 2, 'the queue is full'])
  const over = ({ msg, service }: { msg: string; service?: unknown }) =>
    msg === 'service no longer overloaded' && service === 'shown'
  assert.equal((await gateway.logged(over)).refused, 1)
})

test('a client that leaves frees its place, whether it waited or was being served', async () => {
  const { handler } = held()
  await using node = await startService('n', handler)
  await registry.putNode('left', 'n', node)
  const limit = { concurrent: 1, queue: 1, queueMs: 60_000 }
  await registry.putRoute('left', { path: '/left/*', service: 'left', serviceLimit: limit })
  await gateway.untilNodes('left', ['n'])
  await until('the limit is in force', () => limitOn('routes', 'left'))
  const clients = [new AbortController(), new AbortController()] as const
  const counts = async (inFlight: number, queued: number) => {
    const now = await limitOn('services', 'left')
    return now?.inFlight === inFlight && now.queued === queued
  }
  const asked: Promise<unknown>[] = []
  for (const [index, { signal }] of clients.entries()) {
    asked.push(fetch(`${gateway.url}/left/`, { signal }).catch(() => {}))
    await until('it is served, or waits', () => counts(1, index))
  }
  clients[1].abort()
  await until('who waited has gone', () => counts(1, 0))
  clients[0].abort()
  await until('both have gone', () => counts(0, 0))
  await Promise.all(asked)
  assert.equal(node.count, 1)
})

test('a fallback answers requests that the limit refuses', async () => {
  const { waiting, handler } = held()
  await using node = await startService('n', handler)
  await registry.putNode('helped', 'n', node)
  await registry.putRoute('helped', {
    path: '/helped/*',
    service: 'helped',
    serviceLimit: { concurrent: 1, queue: 0 },
    fallback: { status: 200, body: 'later' },
  })
  await gateway.untilNodes('helped', ['n'])
  await until('the limit is in force', () => limitOn('routes', 'helped'))
  const first = fetch(`${gateway.url}/helped/`)
  await until('it is under way', () => node.count === 1)
  const second = await fetch(`${gateway.url}/helped/`)
  assert.deepEqual([second.headers.get('x-waygate-fallback'), await second.text()], ['1', 'later'])
  for (const answer of waiting) answer()
  assert.equal(await (await first).text(), 'done')
})

test('requests that wait when shutdown begins are still served', async () => {
  const { waiting, handler } = held()
  await using node = await startService('n', handler)
  const config = { serviceLimit: { concurrent: 1, queueMs: 60_000 }, drainMs: 0 }
  await using own = await startGateway({ config })
  const ownRegistry = openRegistry(own.etcd)
  await ownRegistry.putNode('leaving', 'n', node)
  await own.untilNodes('leaving', ['n'])
  ownRegistry[Symbol.dispose]()
  const asked = [fetch(`${own.url}/leaving/`), fetch(`${own.url}/leaving/`)]
  await until(
    'one is served and one waits',
    async () => (await limitOn('services', 'leaving', own.admin))?.queued === 1,
  )
  await until('the node has one', () => node.count === 1)
  own.child.kill('SIGTERM')
  await own.logged(({ msg }) => /shutting down|draining/.test(msg))
  waiting[0]!()
  await until('the next is let in', () => node.count === 2)
  waiting[1]!()
  assert.deepEqual(
    (await Promise.all(asked)).map(({ status }) => status),
    [200, 200],
  )
  assert.equal((await own.exited).code, 0)
})

test('with several workers each applies the limit by itself, and the sums are shown', async () => {
  await using own = await startGateway({
    args: ['--workers', '2'],
    config: { serviceLimit: { concurrent: 3 } },
  })
  const ownRegistry = openRegistry(own.etcd)
  await using node = await startService('n')
  await ownRegistry.putNode('both', 'n', node)
  await own.untilNodes('both', ['n'])
  ownRegistry[Symbol.dispose]()
  await until('both workers know the service', async () => {
    return (await limitOn('services', 'both', own.admin))?.limit === 6
  })
  assert.deepEqual(await limitOn('routes', 'both', own.admin), {
    kind: 'static',
    limit: 6,
    inFlight: 0,
    queued: 0,
  })
  assert.equal(await (await fetch(`${own.url}/both/`)).text(), 'n')
})
