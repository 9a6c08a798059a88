import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClientRequest, ClientResponse } from '../../../internal/http/client-exchange.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import type { Route } from '../../../internal/routing/route.ts'
import { RouteTable } from '../../../internal/routing/route-table.ts'
import { http1Bodies } from '../../../middleware/connection/http1-body.ts'
import { createAddressTest } from '../../../middleware/request/client-address.ts'
import { matchRoute } from '../../../middleware/request/match-route.ts'
import { createOpenExchange } from '../../../middleware/request/open-exchange.ts'
import { createOutgoing } from '../../../routes/public/outgoing-request.ts'
import { Choice } from '../../fuzz/choice.ts'
import { naiveRoute } from '../../support/naive-routing.ts'
import {
  disguise,
  type Guard,
  makeModel,
  NODE_MODELS,
  readPath,
  ruleFor,
} from '../../support/node-readings.ts'
import { testRoute } from '../../support/route.ts'

const JWT: Partial<Route> = { auth: { type: 'jwt', scopes: [], roles: [] } }

const openExchange = createOpenExchange({
  bodies: http1Bodies,
  httpVersion: 1,
  settings: { current: { identityHeaders: [], maxTargetBytes: 8_192 } },
  isTrustedProxy: () => false,
  onOpen: () => {},
  onClose: () => {},
})

/**
 * Takes a request without credentials as far as the gateway would.
 *
 * @returns the target that the node gets; or a status, when the gateway answers itself
 */
function ask(
  table: RouteTable,
  url: string,
  method = 'GET',
  host = 'h',
  headers: readonly string[] = [],
): { route: Route; target: string } | number {
  const request = {
    ...{ url, method, rawHeaders: ['Host', host, ...headers], httpVersionMajor: 1, httpVersionMinor: 1 },
    socket: { remoteAddress: '10.0.0.1' },
  } as unknown as ClientRequest
  const exchange = openExchange(request, { on: () => {} } as unknown as ClientResponse, 'none')
  try {
    if (exchange.refusal) throw exchange.refusal
    const route = matchRoute(table, exchange)
    exchange.call.route = route
    if (!isOpen(route)) return 401
    return { route, target: createOutgoing(exchange, () => undefined).target }
  } catch (error) {
    if (error instanceof GatewayError) return error.status
    throw error
  }
}

function isOpen({ auth, policies, isBroken, whenUnmatched }: Partial<Route>): boolean {
  return (
    (auth ?? { type: 'none' }).type === 'none' &&
    policies?.clients === undefined &&
    isBroken !== true &&
    whenUnmatched !== 'refuse'
  )
}

interface Scene {
  readonly documents: Readonly<Record<string, Partial<Route> & { readonly path: string }>>
  /** Places that some of the documents guard, as a client without tricks would ask for them. */
  readonly guarded: readonly string[]
  readonly method?: string
  readonly host?: string
}

const SCENES: Readonly<Record<string, Scene>> = {
  'a subtree': {
    documents: { open: { path: '/api/*' }, shut: { path: '/api/admin/*', ...JWT } },
    guarded: ['/api/admin', '/api/admin/x', '/api/admin/x/y'],
  },
  'one place': {
    documents: { open: { path: '/api/*' }, shut: { path: '/api/admin', ...JWT } },
    guarded: ['/api/admin'],
  },
  'a place below everything': {
    documents: { open: { path: '/*' }, shut: { path: '/admin/*', ...JWT } },
    guarded: ['/admin', '/admin/users'],
  },
  'a hole in what is guarded': {
    documents: {
      open: { path: '/x/*' },
      shut: { path: '/x/a/*', ...JWT },
      hole: { path: '/x/a/pub/*' },
    },
    guarded: ['/x/a/b', '/x/a/pub2/c', '/x/a'],
  },
  'all but one place': {
    documents: { shut: { path: '/*', ...JWT }, login: { path: '/login' }, assets: { path: '/assets/*' } },
    guarded: ['/admin', '/assets2/x', '/', '/login/x'],
  },
  'a parameter': {
    documents: { open: { path: '/users/*' }, shut: { path: '/users/:id/keys', ...JWT } },
    guarded: ['/users/7/keys', '/users/abc/keys'],
  },
  'a parameter at the end': {
    documents: { open: { path: '/users/*' }, shut: { path: '/users/:id', ...JWT } },
    guarded: ['/users/7', '/users/abc'],
  },
  'a literal beside an open parameter': {
    documents: {
      open: { path: '/users/:id' },
      shut: { path: '/users/root', ...JWT },
      rest: { path: '/users/*' },
    },
    guarded: ['/users/root'],
  },
  'another priority': {
    documents: {
      loser: { path: '/a/b/*', priority: -1 },
      shut: { path: '/a/b/*', priority: 5, ...JWT },
      open: { path: '/a/*', priority: 100 },
    },
    guarded: ['/a/b', '/a/b/c'],
  },
  'a method': {
    documents: {
      open: { path: '/m/*' },
      get: { path: '/m/x/*', methods: ['GET'] },
      shut: { path: '/m/x/*', methods: ['POST'], ...JWT },
    },
    guarded: ['/m/x', '/m/x/y'],
    method: 'POST',
  },
  'a host': {
    documents: {
      open: { path: '/h/*' },
      other: { path: '/h/in/*', hosts: ['b.example'] },
      shut: { path: '/h/in/*', hosts: ['a.example'], ...JWT },
    },
    guarded: ['/h/in', '/h/in/x'],
    host: 'A.example.:8080',
  },
  'a stripped prefix': {
    documents: {
      open: { path: '/v1/*', stripPrefix: '/v1' },
      shut: { path: '/v1/admin/*', stripPrefix: '/v1', ...JWT },
      all: { path: '/*' },
    },
    guarded: ['/v1/admin', '/v1/admin/x'],
  },
  'another scope': {
    documents: {
      open: { path: '/s/*' },
      shut: { path: '/s/one/*', auth: { type: 'jwt', scopes: ['a'], roles: [] } },
      more: { path: '/s/one/two/*', auth: { type: 'jwt', scopes: ['b'], roles: [] } },
    },
    guarded: ['/s/one', '/s/one/two/x'],
  },
  'client addresses': {
    documents: {
      open: { path: '/c/*' },
      shut: { path: '/c/in/*', policies: { clients: [{ level: 'route', rule: { allow: ['10.6.6.6'] } }] } },
    },
    guarded: ['/c/in', '/c/in/x'],
  },
  'a closed route': {
    documents: { open: { path: '/b/*' }, shut: { path: '/b/in/*', policies: {}, isBroken: true } },
    guarded: ['/b/in', '/b/in/x'],
  },
  'a hole for requests with a header': {
    documents: {
      open: { path: '/i/*' },
      hole: { path: '/i/in/*', match: [{ headers: { v: '1' } }] },
      shut: { path: '/i/in/*', ...JWT },
    },
    guarded: ['/i/in', '/i/in/x'],
  },
  'conditions that refuse': {
    documents: {
      open: { path: '/j/*' },
      shut: { path: '/j/in/*', match: [{ headers: { v: '1' } }], whenUnmatched: 'refuse' },
    },
    guarded: ['/j/in', '/j/in/x'],
  },
  'conditions for addresses': {
    documents: {
      open: { path: '/o/*' },
      inside: { path: '/o/in/*', match: [{ clients: ['10.6.6.6'] }] },
      shut: { path: '/o/in/*', ...JWT },
    },
    guarded: ['/o/in', '/o/in/x'],
  },
  'upper case in a document': {
    documents: { open: { path: '/u/*' }, shut: { path: '/u/Admin/*', ...JWT } },
    guarded: ['/u/Admin', '/u/Admin/x', '/u/admin/x', '/u/admin'],
  },
  'encoded literals': {
    documents: {
      open: { path: '/e/*' },
      space: { path: '/e/a%20b/*', ...JWT },
      cafe: { path: '/e/caf%C3%A9/*', ...JWT },
      latin1: { path: '/e/caf%E9/*', ...JWT },
      at: { path: '/e/@me/*', ...JWT },
      colon: { path: '/e/x%3Ay', ...JWT },
      star: { path: '/e/%2Ax', ...JWT },
    },
    guarded: [
      '/e/a%20b/x',
      '/e/caf%C3%A9/x',
      '/e/caf%c3%89',
      '/e/caf%E9',
      '/e/@me',
      '/e/%40me/x',
      '/e/x:y',
      '/e/*x',
    ],
  },
  'encoded slashes allowed': {
    documents: {
      open: { path: '/f/*', allowEncodedSlash: true },
      shut: { path: '/f/in/*', ...JWT },
      strip: { path: '/g/*', stripPrefix: '/g', allowEncodedSlash: true },
      shut2: { path: '/g/in/*', stripPrefix: '/g', ...JWT },
    },
    guarded: ['/f/in', '/f/in/x', '/g/in', '/g/in/x'],
  },
  'slashes kept': {
    documents: {
      open: { path: '/k/*', mergeSlashes: false },
      shut: { path: '/k/in/*', ...JWT },
      bucket: { path: '/l/*', ...JWT },
      hole: { path: '/l/pub/*', mergeSlashes: false },
      strip: { path: '/n/*', stripPrefix: '/n', mergeSlashes: false },
      shut2: { path: '/n/in/*', stripPrefix: '/n', ...JWT },
    },
    guarded: ['/k/in', '/k/in/x', '/l/x', '/l', '/n/in', '/n/in/x'],
  },
}

/** Returns a place that is guarded, one that is open, or one with a similar path. */
function placeFrom(choice: Choice, guarded: readonly string[], opened: readonly string[]): string {
  const place = choice.of(choice.chance(0.7) ? guarded : opened)
  return choice.chance(0.3) ? place.replace(choice.of(['a', 'e', 'i', 'x']), 'z') : place
}

for (const [what, { documents, guarded, method = 'GET', host = 'h' }] of Object.entries(SCENES)) {
  test(`no spelling reaches what is guarded without a token, however a node reads it: ${what}`, () => {
    const choice = new Choice(7)
    const routes = Object.entries(documents).map(([id, document]) => testRoute({ id, ...document }))
    const table = new RouteTable(routes, { createAddressTest })
    const name = host.toLowerCase().replace(/\.?(?::\d+)?$/, '')
    const rules: readonly (Guard & { id: string })[] = routes
      .filter(route => route.methods?.includes(method) ?? true)
      .filter(route => route.hosts?.includes(name) ?? true)
      // No request of this test meets a condition.
      .filter(route => route.match === undefined || route.whenUnmatched === 'refuse')
      .toSorted((a, b) => b.priority - a.priority || (b.hosts?.length ?? 0) - (a.hosts?.length ?? 0))
      .map(route => ({ id: route.id, path: route.path, isOpen: isOpen(route) }))
    for (const place of guarded) assert.notEqual(typeof ask(table, place, method, host), 'object', place)
    const opened = routes.filter(isOpen).map(({ path }) => path.replace(/:\w+/g, '7').replace('*', 'x/y'))
    let passed = 0
    for (let i = 0; i < 2_000; i++) {
      const spelling = disguise(choice, placeFrom(choice, guarded, opened))
      const asked = ask(table, spelling, method, host)
      if (typeof asked === 'number') continue
      passed++
      for (const model of [...NODE_MODELS, makeModel(choice), makeModel(choice), makeModel(choice)]) {
        const seen: string = asked.route.stripPrefix + readPath(model, asked.target)
        const rule: (typeof rules)[number] | undefined = ruleFor(rules, seen, model.foldsCase)
        assert.ok(
          rule === undefined || rule.isOpen,
          `${spelling} goes to the node as ${asked.target}, which "${model.name}" reads as ${JSON.stringify(seen)}, which ${rule?.id} guards`,
        )
      }
    }
    // Makes sure that the test has exercised both outcomes.
    assert.ok(passed > 20, `${passed} passed`)
  })
}

const ambiguous = 400

test('what is harmless passes: nothing is refused unless a reading leads to what is guarded in another way', () => {
  const table = new RouteTable([
    testRoute({ id: 'site', path: '/*' }),
    testRoute({ id: 'api', path: '/api/*', ...JWT }),
    testRoute({ id: 'login', path: '/api/login' }),
    testRoute({ id: 'users', path: '/users/:id', ...JWT }),
    testRoute({ id: 'avatar', path: '/users/:id/avatar.png' }),
  ])
  const targets: readonly (readonly [target: string, expected: string | number])[] = [
    ['/', '/'],
    ['/Index.HTML', '/Index.HTML'],
    ['/docs/', '/docs/'],
    ['/docs//a', '/docs/a'],
    ['/a;v=1/b;w', '/a;v=1/b;w'],
    ['/v1./x..', '/v1./x..'],
    ['/a%20b%20', '/a%20b%20'],
    ['/caf%E9/%D6%D0', '/caf%E9/%D6%D0'],
    ['/%E4%B8%AD%EF%BC%8F', '/%E4%B8%AD%EF%BC%8F'],
    ['/100%25', '/100%25'],
    ['/a%2525', '/a%2525'],
    ['/a%3Fb%23c', '/a%3Fb%23c'],
    ['/x@y:z*', '/x@y:z*'],
    ['/x/%252e%252e/y', '/x/%252e%252e/y'],
    // Two readings, but the stricter route was asked.
    ['/API/x', ambiguous],
    ['/api/Login', 401],
    ['/api/login/', 401],
    ['/api/login;x', 401],
    ['/api/login', '/api/login'],
    // An empty segment is no parameter. Without its trailing slash, it is no user either.
    ['/users/', '/users/'],
    ['/users/7/', ambiguous],
    ['/users/7/Avatar.png', '/users/7/Avatar.png'],
    ['/Users/7', ambiguous],
    ['/x/%252e%252e/api/y', ambiguous],
    ['/api;/x', ambiguous],
    ['/api./x', ambiguous],
    ['/api%20/x', ambiguous],
    ['/%EF%BD%81pi/x', ambiguous],
    ['/%c1%a1pi/x', ambiguous],
    ['/api%3fx', ambiguous],
    ['/api%2500', ambiguous],
    ['/%2561pi/x', ambiguous],
  ]
  for (const [target, expected] of targets) {
    const asked = ask(table, target)
    assert.equal(typeof asked === 'number' ? asked : asked.target, expected, target)
  }
})

test('documents for one place may guard it differently, and every spelling of it is judged by their conditions', () => {
  const table = new RouteTable([
    testRoute({ id: 'beta', path: '/o/*', match: [{ headers: { beta: '1' } }], ...JWT }),
    testRoute({ id: 'admin', path: '/o/*', match: [{ query: { admin: { present: true } } }], ...JWT }),
    testRoute({ id: 'open', path: '/o/*' }),
    testRoute({ id: 'staff', path: '/staff/*', match: [{ headers: { staff: '1' } }], ...JWT }),
    testRoute({ id: 'rest', path: '/*' }),
  ])
  const passes = (url: string, headers?: readonly string[]) => {
    const asked = ask(table, url, 'GET', 'h', headers)
    return typeof asked === 'number' ? asked : asked.route.id
  }
  for (const url of ['/o/x', '/o/Foo', '/o/x/', '/o/x;v=1', '/o/caf%E9']) {
    assert.equal(passes(url), 'open', url)
    assert.equal(passes(url, ['Beta', '1']), 401, url)
    assert.equal(passes(`${url}?admin`), 401, url)
  }
  // A node that decodes once more sees a query for which no condition was asked.
  assert.equal(passes('/o/x%3fadmin'), 400)
  assert.equal(passes('/o/x%253fadmin'), 400)
  // Nobody knows whether the conditions at the other place hold for what the node reads.
  assert.equal(passes('/STAFF/x'), 400)
  assert.equal(passes('/x/%252e%252e/staff/y'), 400)
  assert.equal(passes('/staff/x'), 'rest')
})

test('no spelling evades authentication in a random table with conditions, however a node reads it', () => {
  const choice = new Choice(11)
  const words = ['a', 'b', 'in']
  const pathFrom = () => `/${choice.some(1, 3, () => choice.of(words)).join('/')}`
  let [passed, refused] = [0, 0]
  for (let round = 0; round < 150; round++) {
    const documents = choice
      .some(2, 6, () => choice.below(1_000))
      .map((id, i) =>
        testRoute({
          id: `r${id}-${i}`,
          path: choice.chance(0.6) ? `${pathFrom()}/*` : choice.of([pathFrom(), '/*', '/:p/*', '/:p/in']),
          match: choice.chance(0.5)
            ? [{ headers: { v: choice.of(['1', '2', { present: false }]) } }]
            : undefined,
          ...(choice.chance(0.5) ? JWT : {}),
        }),
      )
    const table = new RouteTable(documents)
    for (let i = 0; i < 40; i++) {
      const headers: [string, string][] = choice.chance(0.5) ? [['v', choice.of(['1', '2'])]] : []
      const asked = ask(table, disguise(choice, pathFrom()), 'GET', 'h', headers.flat())
      if (typeof asked === 'number') {
        refused++
        continue
      }
      passed++
      for (const model of [...NODE_MODELS, makeModel(choice)]) {
        const seen = readPath(model, asked.target)
        const path = model.foldsCase ? seen.toLowerCase() : seen
        const request = { method: 'GET', host: 'h', path, headers, query: [], cookies: [], from: '10.0.0.1' }
        const meant = naiveRoute(documents, () => undefined, request)
        assert.ok(
          meant === undefined || isOpen(meant),
          `${asked.target} goes to ${asked.route.id}, and "${model.name}" reads it as ${path}, which ${meant?.id} guards: ${JSON.stringify(documents)}`,
        )
      }
    }
  }
  assert.ok(passed > 300 && refused > 300, `${passed} passed, ${refused} refused`)
})

test('where all routes demand the same, every reading passes', () => {
  for (const rules of [{}, JWT]) {
    const table = new RouteTable([
      testRoute({ id: 'a', path: '/a/*', ...rules }),
      testRoute({ id: 'b', path: '/a/b', ...rules }),
    ])
    const expected = rules === JWT ? 401 : undefined
    for (const target of ['/a/B', '/a/b/', '/a/b;x', '/a/b.', '/a/%2562', '/a/x/%252e%252e/b'])
      assert.equal(typeof ask(table, target) === 'number' ? ask(table, target) : undefined, expected, target)
  }
})

test('a path that leads to another automatic route or beyond every route is refused as well', () => {
  const table = new RouteTable([testRoute({ id: 'open', path: '/open/*' })], {
    autoRoute: service =>
      service === 'user'
        ? testRoute({ id: 'auto', path: '/user/*', origin: 'auto', stripPrefix: '/user', ...JWT })
        : undefined,
    autoExample: testRoute(JWT),
  })
  assert.equal(ask(table, '/open/%252e%252e/user/x'), 400)
  assert.equal(ask(table, '/open/%252e%252e/internal'), 400)
  assert.deepEqual(typeof ask(table, '/open/a/%252e%252e/b'), 'object')
})

test('a rule for clients that is not enforced guards nothing', () => {
  const table = new RouteTable([
    testRoute({ id: 'a', path: '/a/*' }),
    testRoute({
      id: 'b',
      path: '/a/b/*',
      policies: { clients: [{ level: 'route', rule: { allow: ['10.6.6.6'], enforce: false } }] },
    }),
    testRoute({ id: 'c', path: '/c/*', ...JWT }),
  ])
  assert.equal(typeof ask(table, '/a/B'), 'object')
})

test('repeated slashes reach the node where the route keeps them, and the query is never touched', () => {
  const table = new RouteTable([
    testRoute({ id: 'merged', path: '/a/*' }),
    testRoute({ id: 'kept', path: '/s3/*', mergeSlashes: false }),
    testRoute({ id: 'stripped', path: '/s4/*', mergeSlashes: false, stripPrefix: '/s4' }),
  ])
  const targets: readonly (readonly [target: string, expected: string | number])[] = [
    ['/a//b///c//?d//e%61', '/a/b/c/?d//e%61'],
    ['/s3/bucket//k%65y//?x//y', '/s3/bucket//key//?x//y'],
    ['/s3//key', '/s3//key'],
    ['/s4/bucket//key/', '/bucket//key/'],
    // Without the prefix, the path would begin like a host.
    ['/s4//key', 400],
  ]
  for (const [target, expected] of targets) {
    const asked = ask(table, target)
    assert.equal(typeof asked === 'number' ? asked : asked.target, expected, target)
  }
})
