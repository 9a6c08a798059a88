import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { RESOURCES } from '../../routes/admin/api/resources.ts'
import type {
  ChangeEntry,
  Items,
  LiveFigures,
  LiveRequests,
  LiveTablePart,
  RequestEntry,
  RouteDetail,
} from '../../routes/admin/api-types.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { openEvents } from '../support/event-stream.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { send } from '../support/http.ts'
import { type ApiDocument, answerChecker } from '../support/openapi.ts'
import { openRegistry } from '../support/registry.ts'
import { startService } from '../support/service.ts'
import type { ServingGateway } from '../support/serving-gateway.ts'
import { until } from '../support/until.ts'
import { startGateway } from '../support/waygate.ts'

const WHICH: Readonly<Record<string, string>> = {
  '/routes/{id}': '/routes/user',
  '/services/{name}': '/services/user',
  '/nodes/{service}/{id}': '/nodes/user/u1',
}
const QUESTIONS: Readonly<Record<string, object>> = {
  '/explain': { url: '/user/1?token=secret', headers: { authorization: 'Bearer x' } },
  '/check': { id: 'a', document: { path: '/a', service: 'nowhere' } },
}
/** Asks everything that the API has while requests flow, and holds it to the document that describes it. */
async function holdAnswers(t: TestContext, gateway: ServingGateway): Promise<void> {
  using registry = openRegistry(gateway.etcd)
  await using node = await startService('user')
  await registry.putNode('user', 'u1', node)
  await registry.putRoute('user', { path: '/user/*', service: 'user', auth: 'none' })
  await gateway.untilNodes('user', ['u1'])
  const adminPort = Number(new URL(gateway.admin).port)
  const ask = (path: string) => send(adminPort, { path: `/api/v1${path}` })
  const check = answerChecker((await ask('/openapi.json')).json() as unknown as ApiDocument)

  const stream = await openEvents(t, adminPort, '/api/v1/live?figures=1&tail=')
  const first = await stream.next<LiveTablePart>('table')
  assert.ok(first.services.some(({ name }) => name === 'user'))
  const lost = await send(gateway.port, { path: '/nowhere?password=hunter2' })
  assert.equal(lost.status, 404)
  const requestId = String(
    (await send(gateway.port, { path: '/user/1?password=hunter2' })).headers['x-request-id'],
  )
  const seen = new Map<string, RequestEntry>()
  await until('both requests are in the stream', async () => {
    for (const entry of (await stream.next<LiveRequests>('requests')).items) seen.set(entry.path, entry)
    return seen.has('/nowhere') && seen.has('/user/1')
  })
  assert.deepEqual([seen.get('/nowhere')!.code, seen.get('/user/1')!.node], ['WG_NO_ROUTE', 'u1'])
  await until('figures of the route are in the stream', async () => {
    const { routes } = await stream.next<LiveFigures>('figures')
    return routes.user !== undefined && routes.user[0] > 0
  })
  await registry.putRoute('user', { path: '/user/*', service: 'user', auth: 'none', timeoutMs: 1_234 })
  const change = await stream.next<ChangeEntry>('change')
  assert.deepEqual([change.kind, change.id], ['route', 'user'])
  const changed = await stream.next<LiveTablePart>('table')
  assert.deepEqual(
    [changed.whole, changed.routes.map(({ id, timeoutMs }) => `${id} ${timeoutMs}`)],
    [false, ['user 1234']],
  )

  let texts = ''
  for (const { method, path } of RESOURCES) {
    // What writes has tests of its own.
    if (method === 'PUT' || method === 'DELETE' || path === '/reload') continue
    const which = path === '/requests/{id}' ? `/requests/${requestId}` : (WHICH[path] ?? path)
    const question = QUESTIONS[path]
    const got = await send(adminPort, {
      ...{ method, path: `/api/v1${which}` },
      ...(question && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(question) }),
    })
    assert.equal(got.status, 200, `${path}: ${got.text}`)
    check.answer(method.toLowerCase(), `/api/v1${path}`, 200, got.json())
    if (question === undefined) texts += got.text
  }
  assert.doesNotMatch(texts, /hunter2/, 'no query is kept')

  const detail = await ask('/routes/user')
  const { document } = detail.json() as unknown as RouteDetail
  assert.equal(JSON.parse(document!.text).timeoutMs, 1_234)
  assert.equal(detail.headers.etag, `"${document!.revision}"`)
  const problems = (await ask('/requests?problems=1')).json() as unknown as Items<RequestEntry>
  assert.deepEqual(
    problems.items.map(({ path }) => path),
    ['/nowhere'],
  )
  for (const { event, data } of stream.events) check.event(event, data)
}

test('what a gateway answers and streams is what its OpenAPI document says', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd()
  await using gateway = await startGatewayHere({ etcd: etcd.url })
  await holdAnswers(t, gateway)
})

test('so is what several processes answer and stream together, and they say goodbye', async t => {
  await using gateway = await startGateway({ args: ['--workers', '2'] })
  await holdAnswers(t, gateway)
  const stream = await openEvents(t, Number(new URL(gateway.admin).port), '/api/v1/live')
  await stream.next('problem')
  const ended = stream.rest()
  gateway.child.kill('SIGTERM')
  assert.equal((await ended).at(-1)?.event, 'bye')
})
