import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { GoneRoutes } from '../../../../routes/admin/metrics/gone-routes.ts'
import { startTestGateway } from '../../../support/gateway.ts'
import { send } from '../../../support/http.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import { testRoute } from '../../../support/route.ts'
import { until } from '../../../support/until.ts'

test('a route is gone when it has been missing for ten minutes, and not when it came back meanwhile', () => {
  let now = 0
  const gone = new GoneRoutes(() => now)
  const look = (...ids: string[]) => {
    for (const _ of gone.look(
      ['a', 'b', 'none', 'other'],
      ids.map(id => testRoute({ id })),
    ));
    return ['a', 'b', 'none', 'other'].filter(id => gone.has(id))
  }
  assert.deepEqual(look('a', 'b'), [])
  assert.deepEqual(look('a'), [])
  now = 599_999
  assert.deepEqual(look('a'), [])
  assert.deepEqual(look('a', 'b'), [])
  assert.deepEqual(look('a'), [])
  now += 599_999
  assert.deepEqual(look('a'), [])
  now += 1
  assert.deepEqual(look('a'), ['b'])
  assert.deepEqual(look('a', 'b'), [])
})

test('all series of a route are dropped ten minutes after it is gone, and those of others stay', async t => {
  const { port } = await startNode(t, socket => socket.write(answer()))
  const document = (path: string) => ({
    ...{ path, service: 'user' },
    rateLimit: { limit: 1, windowSeconds: 3_600, key: 'route' },
    split: { variants: [{ name: 'canary', percent: 100 }] },
  })
  const gateway = await startTestGateway(t, {
    nodes: { 'user/a': port },
    routes: { going: document('/going'), staying: document('/staying') },
  })
  for (const path of ['/going', '/going', '/staying', '/staying']) await send(gateway.port, { path })
  const before = await seriesOf(gateway.adminPort)
  const going = before.filter(line => line.includes('route="going"'))
  for (const name of [
    'requests_total',
    'rate_limited_total',
    'policy_refusals_total',
    'variant_requests_total',
  ])
    assert.ok(
      going.some(line => line.startsWith(`waygate_${name}{`)),
      `${name} in\n${going.join('\n')}`,
    )
  for (const name of ['request', 'upstream', 'variant'])
    assert.ok(
      going.some(line => line.startsWith(`waygate_${name}_duration_seconds`)),
      name,
    )

  const table = gateway.gateway.table.routeTable()
  gateway.registry.deleteRoute('going')
  await until('the route is gone', () => gateway.gateway.table.routeTable() !== table)
  // The route is missed at this scrape. One that comes a little later still has its series.
  for (let scrape = 0; scrape < 2; scrape++)
    assert.ok((await seriesOf(gateway.adminPort)).some(line => line.includes('route="going"')))
  await tenMinutesLater(t, () => seriesOf(gateway.adminPort))
  const after = await seriesOf(gateway.adminPort)
  assert.deepEqual(
    after.filter(line => line.includes('route="going"')),
    [],
  )
  const ofOther = (lines: readonly string[]) =>
    lines.filter(line => line.includes('route="staying"')).map(line => line.replace(/ \S+$/, ''))
  assert.deepEqual(ofOther(after), ofOther(before))

  gateway.registry.putRoute('going', document('/going'))
  await until('the route is back', () => gateway.gateway.table.routes().some(({ id }) => id === 'going'))
  await send(gateway.port, { path: '/going' })
  const counts = (await seriesOf(gateway.adminPort)).filter(line =>
    /^waygate_request_duration_seconds_count\{.*route="going"/.test(line),
  )
  assert.deepEqual(
    counts.map(line => line.split(' ').at(-1)),
    ['1'],
  )
})

async function seriesOf(adminPort: number): Promise<string[]> {
  const { text } = await send(adminPort, { path: '/metrics' })
  return text.split('\n').filter(line => line.startsWith('waygate_'))
}

/** Runs something while the clock is ten minutes ahead. */
async function tenMinutesLater(t: TestContext, run: () => Promise<unknown>): Promise<void> {
  const now = performance.now.bind(performance)
  const { mock } = t.mock.method(performance, 'now', () => now() + 600_000)
  await run()
  mock.restore()
}
