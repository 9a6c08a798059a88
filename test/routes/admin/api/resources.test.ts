import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { RESOURCES } from '../../../../routes/admin/api/resources.ts'
import { API_ERRORS } from '../../../../routes/admin/api-errors.ts'
import type { Items, RequestDetail, RequestEntry, ServiceNode } from '../../../../routes/admin/api-types.ts'
import { requestEntry, routeList, serviceOf, startAdmin } from '../../../support/api-pages.ts'
import { send } from '../../../support/http.ts'
import { type ApiDocument, answerChecker } from '../../../support/openapi.ts'
import { until } from '../../../support/until.ts'

const QUESTIONS: Readonly<Record<string, object>> = {
  '/explain': { url: '/user/1' },
  '/check': { id: 'a', document: {} },
}
const VALUES: Readonly<Record<string, string>> = {
  '/routes/{id}': '/routes/user',
  '/services/{name}': '/services/user',
  '/nodes/{service}/{id}': '/nodes/user/u1',
  '/requests/{id}': '/requests/r1',
}

test('every answer is as the OpenAPI document says, and every path of it has an answer', async t => {
  const tokens = { ci: { sha256: hash('sha256', 'operate'), role: 'operate' } } as const
  const headers = { authorization: 'Bearer operate' }
  const { port, ask: askAs } = await startAdmin(t, { tokens })
  const ask = (path: string) => askAs(path, headers)
  const document = (await ask('/api/v1/openapi.json')).json() as unknown as ApiDocument
  const check = answerChecker(document)
  for (const { method, path } of RESOURCES) {
    const question = QUESTIONS[path]
    const body = question && JSON.stringify(question)
    const got = await send(port, {
      method,
      path: `/api/v1${VALUES[path] ?? path}`,
      ...(body && { body }),
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
    })
    assert.equal(got.status, 200, `${path}: ${got.text}`)
    assert.equal(got.headers['content-type'], 'application/json; charset=utf-8')
    check.answer(method.toLowerCase(), `/api/v1${path}`, 200, got.json())
  }
  const lost = await ask('/api/v1/routes/none')
  check.answer('get', '/api/v1/routes/{id}', lost.status, lost.json())
  assert.deepEqual(
    Object.keys(document.paths).sort(),
    // A path may have several methods.
    [...new Set(RESOURCES.map(({ path }) => `/api/v1${path}`)), '/api/v1/live'].sort(),
  )
})

test('a field that the document does not name is noticed', async t => {
  const { ask } = await startAdmin(t)
  const document = (await ask('/api/v1/openapi.json')).json() as unknown as ApiDocument
  const check = answerChecker(document)
  const page = (await ask('/api/v1/status')).json()
  check.answer('get', '/api/v1/status', 200, page)
  assert.throws(() => check.answer('get', '/api/v1/status', 200, { ...page, other: 1 }))
  assert.throws(() => check.answer('get', '/api/v1/status', 200, { ...page, pid: 'one' }))
})

test('what there is not is 404 with its name, another method 405 with those that there are', async t => {
  const { port, ask } = await startAdmin(t)
  for (const [path, detail] of [
    ['/routes/a%2Fb', 'there is no route a/b'],
    ['/services/none', 'there is no service none'],
    ['/nodes/user/none', 'there is no node user/none'],
    ['/requests/none', 'there was no request none, or it is no longer remembered'],
    ['/nothing', 'the API has no such resource'],
    ['/', 'the API has no such resource'],
    ['/routes/', 'there is no route '],
    [`/routes/${'%41'.repeat(1_000)}`, `there is no route ${'A'.repeat(1_000)}`],
  ]) {
    const got = await ask(`/api/v1${path}`)
    assert.deepEqual([got.status, got.json().code, got.json().detail], [404, 'WA_NOT_FOUND', detail])
  }
  for (const path of ['/routes/%zz', '/routes/%ff']) {
    const got = await ask(`/api/v1${path}`)
    assert.deepEqual([got.status, got.json().code], [400, 'WA_REQUEST'], path)
  }
  assert.equal((await send(port, { method: 'HEAD', path: '/api/v1/live' })).status, 200)
  assert.deepEqual((await send(port, { method: 'HEAD', path: '/api/v1/routes' })).text, '')
  for (const [method, path, allow] of [
    ['DELETE', '/routes/user', 'GET, HEAD'],
    ['POST', '/status', 'GET, HEAD'],
    ['GET', '/explain', 'POST'],
    ['POST', '/live', 'GET, HEAD'],
    ['PUT', '/openapi.json', 'GET, HEAD'],
  ] as const) {
    const got = await send(port, { method, path: `/api/v1${path}` })
    assert.deepEqual([got.status, got.headers.allow, got.json().code], [405, allow, 'WA_METHOD'], path)
  }
})

test('a path that cannot be decoded, and one that no thing can have, are refused as others', async t => {
  const { ask } = await startAdmin(t)
  for (const [path, status, code] of [
    ['/api/v1/routes/%', 400, 'WA_REQUEST'],
    ['/ui/%E0.js', 400, 'WA_REQUEST'],
    [`/api/v1/routes/${'a'.repeat(2_000)}`, 404, 'WA_NOT_FOUND'],
  ] as const) {
    const got = await ask(path)
    assert.deepEqual(
      [got.status, got.headers['content-type'], got.json().code],
      [status, 'application/problem+json; charset=utf-8', code],
      path,
    )
  }
})

test('a target may be a whole URL, and what follows a # is no part of it', async t => {
  const { ask, errors } = await startAdmin(t)
  for (const path of ['http://127.0.0.1/api/v1/status', '/api/v1/status#%', '/api/v1/routes/user#/%']) {
    assert.equal((await ask(path)).status, 200, path)
  }
  assert.deepEqual(errors, [])
})

test('leases of a registry that does not answer are an error of their own, and no bug', async t => {
  const { fake, ask, errors } = await startAdmin(t)
  fake.api.leases = async () => undefined
  const got = await ask('/api/v1/leases')
  assert.deepEqual([got.status, got.json().code], [503, 'WA_REGISTRY'])
  assert.deepEqual(errors, [])
})

test('a parameter that cannot be read is refused with its name and what it may be', async t => {
  const { ask } = await startAdmin(t)
  for (const [path, detail] of [
    ['/requests?limit=-1', /^limit must be a number from 0 to 1024$/],
    ['/requests?limit=1025', /^limit must be/],
    ['/requests?limit=', /^limit must be/],
    ['/requests?problems=yes', /^problems must be 0 or 1$/],
    ['/requests?filtre=a', /^unknown parameter "filtre": the parameters are filter, problems, limit$/],
    ['/requests?limit=1&limit=2', /^limit is given twice$/],
    ['/requests?filter=colour:red', /^filter: "colour:red": there is no field "colour"/],
    ['/routes?filter=ms:5', /^filter: "ms:5": /],
    ['/status?x=1', /^unknown parameter "x": there are none here$/],
    ['/live?tail=colour:red', /^filter: /],
    ['/live?figures=2', /^figures must be 0 or 1$/],
  ] as const) {
    const got = await ask(`/api/v1${path}`)
    assert.deepEqual([got.status, got.json().code], [400, 'WA_QUERY'], path)
    assert.match(String(got.json().detail), detail)
  }
})

test('questions that cannot be read are refused with the cure', async t => {
  const { port } = await startAdmin(t)
  const post = async (path: string, body: string, type = 'application/json') => {
    const got = await send(port, { method: 'POST', path, body, headers: { 'content-type': type } })
    return [got.status, got.json().code]
  }
  assert.deepEqual(await post('/api/v1/explain', '{'), [400, 'WA_BODY'])
  assert.deepEqual(await post('/api/v1/explain', '{"uri": "/"}'), [400, 'WA_BODY'])
  assert.deepEqual(await post('/api/v1/explain', '{"url": "/"}', 'text/plain'), [415, 'WA_CONTENT_TYPE'])
  assert.deepEqual(await post('/api/v1/check', ' '.repeat(400_000)), [413, 'WA_TOO_LARGE'])
})

test('a filter chooses routes by what they are, and the services that they lead to', async t => {
  const { fake, ask } = await startAdmin(t)
  const [user] = fake.list.routes
  fake.list = routeList({
    routes: [
      user!,
      { ...user!, id: 'tasks', path: '/task/*', service: 'task', methods: ['GET'], labels: { team: 'a' } },
    ],
    services: [serviceOf('task', ['t1']), serviceOf('user', ['u1'])],
  })
  const idsOf = async (filter: string) => {
    const { routes, services } = (
      await ask(`/api/v1/routes?filter=${encodeURIComponent(filter)}`)
    ).json() as never as typeof fake.list
    return [routes.map(({ id }) => id).join(), services.map(({ name }) => name).join()]
  }
  assert.deepEqual(await idsOf(''), ['user,tasks', 'task,user'])
  assert.deepEqual(await idsOf('service:task'), ['tasks', 'task'])
  assert.deepEqual(await idsOf('path:/u*'), ['user', 'user'])
  assert.deepEqual(await idsOf('-route:tasks'), ['user', 'user'])
  assert.deepEqual(await idsOf('method:get label:team=a'), ['tasks', 'task'])
  assert.deepEqual(await idsOf('nothing'), ['', ''])
})

test('nodes are listed by service and id, in parts that a node which has gone does not move', async t => {
  const { fake, ask } = await startAdmin(t)
  // The ids of a part may contain slashes, and `user-2/` comes before `user/` as a text.
  const services = [
    serviceOf('user', ['n2', 'n1', 'a/b']),
    serviceOf('task', ['t1']),
    serviceOf('user-2', ['x']),
  ]
  fake.list = routeList({ services })
  const read = async (query: string) => {
    const { items, next } = (await ask(`/api/v1/nodes${query}`)).json() as unknown as Items<ServiceNode>
    return [items.map(({ service, id }) => `${service}/${id}`).join(), next]
  }
  assert.deepEqual(await read(''), ['task/t1,user/a/b,user/n1,user/n2,user-2/x', undefined])
  assert.deepEqual(await read('?filter=service:user+-node:n1'), ['user/a/b,user/n2', undefined])
  assert.deepEqual(await read('?limit=5'), ['task/t1,user/a/b,user/n1,user/n2,user-2/x', undefined])
  assert.deepEqual(await read('?limit=0'), ['', undefined])
  assert.deepEqual(await read('?limit=2'), ['task/t1,user/a/b', 'user/a/b'])
  fake.list = routeList({ services: [serviceOf('user', ['n1', 'n2']), serviceOf('user-2', ['x'])] })
  assert.deepEqual(await read('?limit=2&from=user/a/b'), ['user/n1,user/n2', 'user/n2'])
  assert.deepEqual(await read('?limit=2&from=user/n2'), ['user-2/x', undefined])
  assert.deepEqual(await read('?from=zzz'), ['', undefined])
  const bad = await ask('/api/v1/nodes?filter=up+stat:up')
  assert.match(
    String(bad.json().detail),
    /^filter: word 2, "stat:up": there is no field "stat"; the fields are node, /,
  )
})

test('a route has the revision of its document as its ETag', async t => {
  const { ask } = await startAdmin(t)
  assert.equal((await ask('/api/v1/routes/user')).headers.etag, '"5"')
  assert.equal((await ask('/api/v1/services/user')).headers.etag, undefined)
})

test('clients and users are hidden from the role read of a token, and no filter finds them', async t => {
  const { fake, ask } = await startAdmin(t, {
    tokens: {
      anna: { sha256: hash('sha256', 'operate'), role: 'operate' },
      page: { sha256: hash('sha256', 'read'), role: 'read' },
    },
  })
  fake.entries = [
    requestEntry({ requestId: 'r1', reason: 'the client 10.0.0.7 went away' }),
    requestEntry({ requestId: 'r2' }),
    requestEntry({ requestId: 'r3', client: '10.0.0.8', user: 'bob' }),
  ]
  const list = async (role: string, filter: string) => {
    const path = `/api/v1/requests?filter=${encodeURIComponent(filter)}`
    const got = await ask(path, { authorization: `Bearer ${role}` })
    return (got.json() as unknown as Items<RequestEntry>).items
  }
  const seen = await list('operate', '')
  assert.deepEqual([seen[0]!.client, seen[0]!.user], ['10.0.0.7', 'anna'])
  const masked = await list('read', '')
  assert.doesNotMatch(JSON.stringify(masked), /10\.0\.0\.|anna|bob/)
  for (const { client, user } of masked) assert.match(`${client} ${user}`, /^~[0-9a-f]{8} ~[0-9a-f]{8}$/)
  assert.equal(masked[0]!.client, masked[1]!.client)
  assert.notEqual(masked[0]!.client, masked[2]!.client)
  assert.deepEqual(await list('read', 'client:10.0.0.*'), [])
  assert.deepEqual(await list('read', 'user:anna'), [])
  assert.equal((await list('read', '-client:10.0.0.7')).length, 3)
  assert.equal((await list('read', `client:${masked[0]!.client}`)).length, 2)

  const one = await ask('/api/v1/requests/r1', { authorization: 'Bearer read' })
  assert.doesNotMatch(one.text, /10\.0\.0\.7|anna/)
  const { request, explain } = one.json() as unknown as RequestDetail
  assert.deepEqual(explain!.steps[0]!.detail, { 'x-forwarded-for': request.client })
  assert.match(
    (await ask('/api/v1/requests/r1', { authorization: 'Bearer operate' })).text,
    /10\.0\.0\.7.*anna/,
  )
})

test('without a token, a caller on this machine sees clients, and has credentials verified by none', async t => {
  const { port, ask } = await startAdmin(t)
  assert.match((await ask('/api/v1/requests')).text, /10\.0\.0\.7/)
  const body = JSON.stringify({ url: '/', verify: true })
  const got = await send(port, {
    ...{ method: 'POST', path: '/api/v1/explain', body },
    headers: { 'content-type': 'application/json' },
  })
  assert.deepEqual([got.status, got.json().code], [403, 'WA_ROLE'])
})

test('where requests are not kept, they are 404 with the reason, and everything else is there', async t => {
  const { ask } = await startAdmin(t, { features: { tail: false, dashboard: false, traceUrl: null } })
  for (const path of ['/requests', '/requests/r1', '/in-flight', '/live?tail=']) {
    const got = await ask(`/api/v1${path}`)
    assert.deepEqual([got.status, got.json().code], [404, 'WA_TAIL_OFF'], path)
    assert.match(String(got.json().detail), /admin\.tail/)
  }
  assert.equal((await ask('/api/v1/services')).status, 200)
})

test('figures of many routes are written in turns of the event loop', async t => {
  const { fake, port } = await startAdmin(t)
  let turn = 0
  let next: NodeJS.Immediate
  const count = () => {
    turn++
    next = setImmediate(count)
  }
  count()
  t.after(() => clearImmediate(next))
  const turns = new Set<number>()
  const sample = { t: 1, figures: [3, 1, 0, 2.5, 9] }
  const noted = {
    toJSON() {
      turns.add(turn)
      return Array.from({ length: 120 }, () => sample)
    },
  }
  const names = Array.from({ length: 1_000 }, (_, i) => `r"${i}`)
  const routes = Object.fromEntries(names.map(name => [name, noted]))
  const page = { ...(await fake.api.figures()), routes } as never
  fake.api.figures = async () => page
  const expected = JSON.parse(JSON.stringify(page))
  turns.clear()
  assert.deepEqual((await send(port, { path: '/api/v1/figures' })).json(), expected)
  assert.ok(turns.size > 10, `${turns.size} turns`)
})

test('figures of one route or one service are those alone', async t => {
  const { ask } = await startAdmin(t)
  const of = async (query: string) => {
    const { routes, services } = (await ask(`/api/v1/figures${query}`)).json()
    return [routes, services].map(rows =>
      Object.entries(rows as object).map(([id, { length }]) => `${id} ${length}`),
    )
  }
  assert.deepEqual(await of(''), [['user 1'], ['user 1']])
  assert.deepEqual(await of('?route=user'), [['user 1'], []])
  assert.deepEqual(await of('?service=none'), [[], ['none 0']])
  assert.deepEqual(await of('?route=__proto__'), [['__proto__ 0'], []])
})

test('docs/admin-api.md lists every error with its status, and every resource', () => {
  const page = readFileSync(new URL('../../../../docs/admin-api.md', import.meta.url), 'utf8')
  const documented = [...page.matchAll(/^\| `(WA_\w+)` \| (\d{3}) \|/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ])
  const known = Object.entries(API_ERRORS).map(([code, { status }]) => [code, status])
  assert.deepEqual(documented.sort(), known.sort())
  for (const { method, path } of RESOURCES)
    assert.ok(page.includes(`\`${method} ${path}`), `${method} ${path}`)
})

test('many callers at once who ask for leases cost the registry as much as two', async t => {
  const { fake, admin, ask } = await startAdmin(t)
  const held = Promise.withResolvers<readonly []>()
  let reads = 0
  let arrived = 0
  fake.api.leases = () => {
    reads++
    return held.promise
  }
  admin.server.on('request', () => arrived++)
  const answers = Array.from({ length: 20 }, () => ask('/api/v1/leases'))
  await until('all have come', () => arrived === 20)
  await ask('/api/v1/status')
  held.resolve([])
  for (const answer of answers) assert.equal((await answer).status, 200)
  assert.ok(reads <= 2, `leases were read ${reads} times`)
})
