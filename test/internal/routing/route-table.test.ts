import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import createRouter from 'find-my-way'
import { loadConfig } from '../../../config/load/load.ts'
import { NO_TOKEN } from '../../../config/route/route-auth.ts'
import { createAutoRoute } from '../../../config/route/route-document.ts'
import { foldCase, foldText } from '../../../internal/routing/lenient-readings.ts'
import type { Route } from '../../../internal/routing/route.ts'
import { RouteTable } from '../../../internal/routing/route-table.ts'
import { testRoute } from '../../support/route.ts'

type Document = Partial<Route> & { readonly id: string }

const { grpc, routes } = loadConfig({ env: {}, cwd: tmpdir() }).config
const AUTO = { defaults: routes.defaults, grpc, defaultAuth: NO_TOKEN }

function tableOf(documents: readonly Document[], services: readonly string[] = []): RouteTable {
  return new RouteTable(documents.map(testRoute), {
    autoRoute: service => (services.includes(service) ? createAutoRoute(service, AUTO) : undefined),
  })
}

function idOf(table: RouteTable, request: string): string {
  const [method = '', host = '', path = ''] = request.split(' ')
  return table.match(method, host === '-' ? undefined : host, path)?.id ?? 'none'
}

/** Requests are `METHOD host path`, `-` for no host. */
function check(table: RouteTable, expected: Readonly<Record<string, readonly string[]>>): void {
  for (const [id, requests] of Object.entries(expected)) {
    for (const request of requests) assert.equal(idOf(table, request), id, request)
  }
}

test('the most specific path wins: literal before parameter before wildcard, segment by segment', () => {
  const table = tableOf([
    { id: 'all', path: '/*' },
    { id: 'root', path: '/' },
    { id: 'users', path: '/users/*' },
    { id: 'user', path: '/users/:id' },
    { id: 'me', path: '/users/me' },
    { id: 'tasks', path: '/users/:id/tasks/*' },
    { id: 'open', path: '/users/:user/tasks/open' },
  ])
  check(table, {
    root: ['GET h /'],
    all: ['GET h /x', 'GET h /usersx', 'GET h /user', 'GET h /Users/me'],
    users: ['GET h /users', 'GET h /users/1/2', 'GET h /users/me/x', 'GET h /users/'],
    user: ['GET h /users/1', 'GET h /users/mee', 'GET h /users/m', 'GET h /users/%20'],
    me: ['GET h /users/me'],
    tasks: ['GET h /users/1/tasks', 'GET h /users/1/tasks/', 'GET h /users/me/tasks/openx'],
    open: ['GET h /users/1/tasks/open', 'GET h /users/me/tasks/open'],
  })
})

test('the order of documents does not matter', () => {
  const documents = [
    { id: 'a', path: '/x/*' },
    { id: 'b', path: '/x/:y' },
    { id: 'c', path: '/x/y' },
    { id: 'd', path: '/*' },
  ]
  for (const list of [documents, documents.toReversed()]) {
    const table = tableOf(list)
    check(table, { a: ['GET h /x/1/2'], b: ['GET h /x/1'], c: ['GET h /x/y'], d: ['GET h /z'] })
  }
})

test('of documents with the same path the highest priority wins, then the smallest id', () => {
  check(
    tableOf([
      { id: 'a', path: '/x' },
      { id: 'b', path: '/x', priority: 1 },
      { id: 'c', path: '/x', priority: -1 },
      { id: 'q', path: '/y/:one' },
      { id: 'p', path: '/y/:two' },
    ]),
    { b: ['GET h /x'], p: ['GET h /y/1'] },
  )
})

test('a higher priority does not win over a more specific path', () => {
  check(
    tableOf([
      { id: 'a', path: '/x/*', priority: 100 },
      { id: 'b', path: '/x/y' },
    ]),
    { b: ['GET h /x/y'] },
  )
})

test('a document for a path itself wins over one for everything below it', () => {
  check(
    tableOf([
      { id: 'below', path: '/x/*', priority: 9 },
      { id: 'exact', path: '/x' },
    ]),
    { exact: ['GET h /x'], below: ['GET h /x/', 'GET h /x/y'] },
  )
})

test('hosts are matched without port, case and trailing dot: names before wildcards before no host', () => {
  const table = tableOf([
    { id: 'any', path: '/*' },
    { id: 'exact', path: '/*', hosts: ['api.example.com'] },
    { id: 'wild', path: '/*', hosts: ['*.example.com'] },
    { id: 'deep', path: '/*', hosts: ['*.eu.example.com'] },
    { id: 'v6', path: '/*', hosts: ['[::1]'] },
  ])
  check(table, {
    exact: [
      'GET api.example.com /',
      'GET API.Example.COM:8080 /',
      'GET api.example.com. /',
      'GET api.example.com.:80 /',
    ],
    wild: ['GET www.example.com /', 'GET a.b.example.com /', 'GET eu.example.com /'],
    deep: ['GET a.eu.example.com /', 'GET a.b.eu.example.com:1 /'],
    any: ['GET example.com /', 'GET xexample.com /', 'GET .example.com /', 'GET - /', 'GET other.org /'],
    v6: ['GET [::1]:8080 /', 'GET [::1] /'],
  })
})

test('a document without hosts also matches hosts that other documents name', () => {
  const table = tableOf([
    { id: 'any', path: '/status' },
    { id: 'api', path: '/*', hosts: ['api.example.com'] },
  ])
  check(table, {
    any: ['GET api.example.com /status', 'GET h /status'],
    api: ['GET api.example.com /x'],
    none: ['GET h /x'],
  })
})

test('only the hosts that cover the request count for how specific a document is', () => {
  const table = tableOf([
    { id: 'a', path: '/*', hosts: ['other.com', '*.example.org'] },
    { id: 'b', path: '/*', hosts: ['*.eu.example.org'] },
  ])
  check(table, { a: ['GET x.example.org /', 'GET other.com /'], b: ['GET x.eu.example.org /'] })
})

test('a document for GET also matches HEAD, unless there is one for HEAD', () => {
  check(tableOf([{ id: 'get', path: '/x', methods: ['GET'] }]), {
    get: ['GET h /x', 'HEAD h /x'],
    none: ['POST h /x'],
  })
  check(
    tableOf([
      { id: 'get', path: '/x', methods: ['GET'] },
      { id: 'head', path: '/x', methods: ['HEAD'], priority: 1 },
    ]),
    { get: ['GET h /x'], head: ['HEAD h /x'] },
  )
})

test('a method that the most specific path lacks is matched by a less specific one', () => {
  check(
    tableOf([
      { id: 'read', path: '/x/:id', methods: ['GET'] },
      { id: 'rest', path: '/x/*' },
    ]),
    { read: ['GET h /x/1'], rest: ['POST h /x/1', 'PROPFIND h /x/1', 'QUERY h /x/1'] },
  )
})

test('the allowed methods of a path are listed, sorted, and none for an unknown path', () => {
  const table = tableOf([
    { id: 'a', path: '/x/:id', methods: ['PUT', 'GET'] },
    { id: 'b', path: '/x/*', methods: ['DELETE'] },
    { id: 'c', path: '/x/1', methods: ['PATCH'], hosts: ['h.example'] },
  ])
  assert.deepEqual(table.allowedMethods('h', '/x/1'), ['DELETE', 'GET', 'HEAD', 'PUT'])
  assert.deepEqual(table.allowedMethods('h.example', '/x/1'), ['DELETE', 'GET', 'HEAD', 'PATCH', 'PUT'])
  assert.deepEqual(table.allowedMethods('h', '/x'), ['DELETE'])
  assert.deepEqual(table.allowedMethods('h', '/y'), [])
})

test('no method that a document may name breaks others or matches all of them', () => {
  for (const method of ['FOO', 'BIND', 'QUERY', 'M-SEARCH', 'CONNECT', '*', '__PROTO__', 'CONSTRUCTOR']) {
    const table = tableOf([
      { id: 'odd', path: '/odd', methods: [method] },
      { id: 'fine', path: '/fine' },
    ])
    check(table, { fine: ['GET h /fine', 'PUT h /fine'], odd: [`${method} h /odd`], none: ['PUT h /odd'] })
    assert.deepEqual(table.allowedMethods('h', '/odd'), [method])
  }
})

test('an automatic route leads to the service that the first segment names', () => {
  check(tableOf([], ['user', 'user2']), {
    'auto:user': ['GET h /user', 'GET h /user/', 'POST h /user/x/y', 'GET h /us%65r/x', 'GET - /user'],
    'auto:user2': ['GET h /user2/x'],
    none: ['GET h /', 'GET h /use', 'GET h /users', 'GET h /x/user', 'GET h /%75ser%', 'GET h //user'],
  })
})

test('an automatic route competes by path like a document, and loses ties', () => {
  const table = tableOf(
    [
      { id: 'all', path: '/*' },
      { id: 'param', path: '/:tenant/list' },
      { id: 'mine', path: '/user/*', methods: ['GET'] },
      { id: 'host', path: '/*', hosts: ['h.example'] },
    ],
    ['user', 'task'],
  )
  check(table, {
    mine: ['GET h /user/1'],
    'auto:user': ['POST h /user/1'],
    'auto:task': ['GET h /task/1', 'GET h /task/list'],
    param: ['GET h /other/list'],
    all: ['GET h /other/1'],
    // A document that names the host wins, whatever its path.
    host: ['GET h.example /task/1'],
  })
})

test('an encoded letter equals the letter, and an encoded literal of a document matches itself', () => {
  const table = tableOf([
    { id: 'api', path: '/api/*' },
    { id: 'cafe', path: '/caf%C3%A9' },
    { id: 'space', path: '/a%20b' },
    { id: 'percent', path: '/a%25b' },
    { id: 'star', path: '/a%2Ab' },
    { id: 'latin1', path: '/caf%E9' },
    { id: 'colon', path: '/a%3Ab' },
    { id: 'at', path: '/@me' },
    { id: 'question', path: '/a%3Fb' },
  ])
  check(table, {
    api: ['GET h /%61pi/x', 'GET h /api/%2561', 'GET h /ap%69'],
    cafe: ['GET h /caf%C3%A9', 'GET h /caf%c3%a9', 'GET h /c%61f%C3%A9'],
    space: ['GET h /a%20b'],
    percent: ['GET h /a%25b'],
    star: ['GET h /a%2Ab', 'GET h /a%2ab', 'GET h /a*b'],
    latin1: ['GET h /caf%E9', 'GET h /caf%e9'],
    colon: ['GET h /a%3Ab', 'GET h /a:b'],
    at: ['GET h /@me', 'GET h /%40me'],
    question: ['GET h /a%3Fb'],
    none: ['GET h /a+b', 'GET h /a%2520b', 'GET h /caf%E8', 'GET h /%', 'GET h /axb', 'GET h /a%2fb'],
  })
})

test('characters with a meaning for routers are taken literally', () => {
  const paths = ["/a(b)!$&'+,=@~", '/a;b', '/a.b-c_d', '/x$']
  const table = tableOf(paths.map((path, index) => ({ id: `d${index}`, path })))
  for (const [index, path] of paths.entries()) assert.equal(idOf(table, `GET h ${path}`), `d${index}`)
  check(table, { none: ['GET h /a', 'GET h /a.bxc_d', 'GET h /x'] })
})

test('a segment may be as long as a target', () => {
  const long = 'x'.repeat(16_000)
  check(tableOf([{ id: 'param', path: '/:any/y' }]), { param: [`GET h /${long}/y`] })
})

test('a thousand routes are distinguished', () => {
  const documents = Array.from({ length: 1_000 }, (_, i) => ({
    id: `r${i}`,
    path: i % 3 === 0 ? `/s${i}/*` : i % 3 === 1 ? `/s${i}/:id` : `/s${i}/x`,
    ...(i % 5 === 0 && { hosts: [`h${i % 7}.example`] }),
  }))
  const table = tableOf(documents)
  for (const [i, { id }] of documents.entries()) {
    const host = i % 5 === 0 ? `h${i % 7}.example` : 'any'
    assert.equal(idOf(table, `GET ${host} /s${i}/x`), id)
    assert.equal(idOf(table, `GET any /s${i}/x`), i % 5 === 0 ? 'none' : id)
  }
})

test('many documents with common beginnings are distinguished, for any host and method', () => {
  const many = (from: number, rest: object, path: (i: number) => string) =>
    Array.from({ length: 200 }, (_, i) => ({ id: `r${from + i}`, path: path(from + i), ...rest }))
  const table = tableOf(
    [
      ...many(0, {}, i => `/api/v1/s${i}/:id`),
      ...many(200, { methods: ['GET'] }, i => `/api/v1/s1/x${i}/*`),
      ...many(400, { hosts: ['*.example'] }, i => `/api/v1/caf%C3%A9%25${i}`),
      ...many(600, {}, i => `/:any/v2/s${i}`),
      { id: 'api', path: '/api/*', methods: ['GET'] },
      { id: 'two', path: '/api/v1/:service/:id' },
      { id: 'deep', path: '/api/v1/s7/:id/*' },
      { id: 'root', path: '/', methods: ['POST'] },
    ],
    ['other'],
  )
  check(table, {
    r7: ['GET h /api/v1/s7/1', 'GET h /api/v1/%737/%31'],
    r207: ['GET h /api/v1/s1/x207', 'HEAD h /api/v1/s1/x207/a/b'],
    // The document for GET is more specific, but does not match the method.
    r1: ['POST h /api/v1/s1/x207', 'GET h /api/v1/s1/x'],
    r405: ['GET a.example /api/v1/caf%c3%a9%25405', 'GET a.example /api/v1/c%61f%C3%A9%25405'],
    r601: ['PUT h /api/v2/s601', 'GET h /x/v2/s%3601', 'POST h.example /api/v2/s601'],
    api: [
      'GET h /api',
      'GET h /api/v2/s1',
      'GET h /api/v1',
      'GET h /api/v1/s7',
      'GET h /api/v1/caf%C3%A9%25405',
    ],
    two: ['GET h /api/v1/s999/1', 'POST h /api/v1/x/1'],
    deep: ['POST h /api/v1/s7/1/2', 'POST h.example /api/v1/s7/1/'],
    root: ['POST h /'],
    'auto:other': ['GET h /other/1'],
    none: [
      'GET h /',
      // An empty segment is no parameter.
      'PUT h /api/v1/s7/',
      'POST h /api',
      'POST h /api/v1/s1/x207/a',
      'GET h /x/v2/s1',
      'GET h /x/v2/%',
      'GET h //',
    ],
  })
  assert.deepEqual(table.allowedMethods('h', '/api/v1/s8/1/2'), ['GET', 'HEAD'])
})

test('a request builds only what it needs of a thousand documents, and only once', t => {
  const built = t.mock.method(createRouter.prototype, 'on').mock
  const table = tableOf(
    Array.from({ length: 1_000 }, (_, i) => ({
      id: `r${i}`,
      path: `/api/s${i}/:id`,
      methods: ['GET', 'POST', 'PUT', 'DELETE'],
    })),
  )
  assert.equal(built.callCount(), 0)
  assert.equal(idOf(table, 'GET h /other/1'), 'none')
  assert.equal(idOf(table, 'GET h /api/s7/1'), 'r7')
  const forOne = built.callCount()
  assert.ok(forOne >= 1 && forOne < 200, String(forOne))
  assert.equal(idOf(table, 'GET h /api/s7/2'), 'r7')
  assert.equal(built.callCount(), forOne)
})

test('a table without documents matches nothing and allows nothing', () => {
  const table = new RouteTable([])
  assert.equal(table.match('GET', 'h', '/'), undefined)
  assert.deepEqual(table.allowedMethods('h', '/'), [])
})

test('the first requests for thousands of hosts after a change do not each look at all documents', () => {
  let reads = 0
  const documents = Array.from({ length: 2_000 }, (_, i) => {
    const hosts = [`${i % 2 === 0 ? '' : '*.'}h${i}.example`]
    const route = testRoute({ id: `r${i}`, path: '/*' })
    const get = () => {
      reads++
      return hosts
    }
    return Object.defineProperty({ ...route }, 'hosts', { enumerable: true, get })
  })
  const table = new RouteTable(documents)
  for (let i = 0; i < documents.length; i++) {
    const host = `${i % 2 === 0 ? '' : 'a.b.'}h${i}.example`
    assert.equal(idOf(table, `GET ${host} /x`), `r${i}`)
    assert.equal(table.possible('GET', host, '/X', path => path.toLowerCase()).length, 1)
  }
  assert.ok(reads < 50 * documents.length, `${reads} reads`)
})

test('methods with the same documents share what is built for them, as do spellings that change nothing', () => {
  let reads = 0
  const documents = Array.from({ length: 100 }, (_, i) => {
    const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
    const route = testRoute({ id: `r${i}`, hosts: [`h${i}.example`], methods })
    const get = () => {
      reads++
      return '/a/*'
    }
    return Object.defineProperty({ ...route }, 'path', { enumerable: true, get })
  })
  const table = new RouteTable(documents)
  for (let i = 0; i < documents.length; i++) {
    const host = `h${i}.example`
    assert.deepEqual(table.allowedMethods(host, '/b'), [])
    for (const respell of [undefined, foldCase, foldText]) {
      for (const path of ['/a/X', '/a/X/']) {
        const idsOf = (method: string) => table.possible(method, host, path, respell).map(({ id }) => id)
        for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'])
          assert.deepEqual(idsOf(method), [`r${i}`])
        assert.deepEqual(idsOf('LOCK'), [])
      }
    }
  }
  assert.ok(reads < 10 * documents.length, `${reads} reads`)
})

test('methods whose documents differ, and paths with a slash at the end, find their own documents', () => {
  const table = tableOf([
    { id: 'get', path: '/a/:id', methods: ['GET'] },
    { id: 'post', path: '/a/:Id', methods: ['POST', 'PUT'] },
    { id: 'put', path: '/a/B', methods: ['PUT'] },
    { id: 'all', path: '/a/*' },
  ])
  check(table, {
    get: ['GET - /a/1', 'HEAD - /a/1', 'GET - /a/B'],
    post: ['POST - /a/1', 'PUT - /a/1', 'POST - /a/B', 'PUT - /a/b'],
    put: ['PUT - /a/B'],
    all: ['GET - /a/', 'POST - /a/', 'PUT - /a/B/', 'DELETE - /a/1', 'LOCK - /a/B', 'PATCH - /a/x/'],
  })
  const idsOf = (method: string) => table.possible(method, undefined, '/A/b', foldCase).map(({ id }) => id)
  assert.deepEqual([idsOf('PUT'), idsOf('GET'), idsOf('LOCK')], [['put'], ['get'], ['all']])
})

test('each pattern for hosts that covers a host has its say, however many labels the host has', () => {
  const table = tableOf([
    { id: 'com', path: '/a/*', hosts: ['*.com'] },
    { id: 'example', path: '/b/*', hosts: ['*.example.com', 'example.com'] },
    { id: 'eu', path: '/c/*', hosts: ['*.eu.example.com', '*.example.com'] },
    { id: 'all', path: '/*' },
  ])
  check(table, {
    com: ['GET com.com /a', 'GET x.y.z.com /a', 'GET a.eu.example.com /a', 'GET example.com /a'],
    example: ['GET example.com /b', 'GET a.b.eu.example.com /b', 'GET eu.example.com /b'],
    eu: ['GET a.eu.example.com /c', 'GET x.example.com /c'],
    all: [
      'GET com /a',
      'GET .com /a',
      'GET example.com /c',
      'GET - /a',
      'GET xexample.com /b',
      'GET com.org /a',
    ],
  })
})
