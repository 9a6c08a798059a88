import assert from 'node:assert/strict'
import { test } from 'node:test'
import { completeServiceLimit, isLimited } from '../../../config/route/resilience-rules.ts'
import { ANY_TOKEN, NO_TOKEN } from '../../../config/route/route-auth.ts'
import { type ParsedRoute, parseRouteDocument } from '../../../config/route/route-document.ts'
import { decodeRoute } from '../../../discovery/etcd/decode-entries.ts'
import { createNodeSelection } from '../../../internal/nodes/node-selection.ts'
import type { ServiceLimitRule } from '../../../internal/routing/route.ts'
import { JSON_OPTIONS } from '../../support/json-options.ts'

const context = {
  origin: 'etcd',
  defaults: {
    timeoutMs: 15_000,
    retries: null,
    tryTimeoutMs: null,
    retryOn: [502, 503, 504],
    retryBufferBytes: 65_536,
    balancer: 'weighted-round-robin',
    slowStartMs: 0,
    rewriteLocation: true,
  },
  grpc: { maxTimeoutMs: null, retryOn: ['UNAVAILABLE'], json: JSON_OPTIONS },
  defaultAuth: ANY_TOKEN,
} as const

const parse = (document: unknown, id = 'r1'): ParsedRoute => parseRouteDocument(id, document, context)

function routeOf(document: unknown) {
  const parsed = parse(document)
  assert.ok('route' in parsed, 'reason' in parsed ? parsed.reason : '')
  return parsed.route
}

function reasonOf(document: unknown, id?: string): string {
  const parsed = parse(document, id)
  assert.ok('reason' in parsed, 'it was accepted')
  return parsed.reason
}

/** The rules for gRPC calls of a document that has none. */
const GRPC = {
  ...{ timeoutMs: undefined, maxTimeoutMs: undefined, failures: undefined },
  ...{ retryOn: [14], retriesAll: false, idempotent: [], allow: undefined, web: true },
  ...{ isForJson: false, descriptors: undefined, bindings: undefined, rules: undefined, json: JSON_OPTIONS },
}

test('a document of two fields becomes a route with every default', () => {
  assert.deepEqual(routeOf({ path: '/task/*', service: 'task' }), {
    id: 'r1',
    description: undefined,
    labels: undefined,
    isDisabled: false,
    nodes: undefined,
    origin: 'etcd',
    path: '/task/*',
    methods: undefined,
    hosts: undefined,
    match: undefined,
    whenUnmatched: undefined,
    service: 'task',
    stripPrefix: '',
    auth: { type: 'jwt', scopes: [], roles: [] },
    timeoutMs: 15_000,
    bodyIdleTimeoutMs: undefined,
    tryTimeoutMs: undefined,
    retries: undefined,
    retryOn: [502, 503, 504],
    retryBufferBytes: 65_536,
    hedge: undefined,
    breaker: undefined,
    healthCheck: undefined,
    serviceLimit: undefined,
    grpc: GRPC,
    upstreamTls: undefined,
    balancer: 'weighted-round-robin',
    slowStartMs: 0,
    priority: 0,
    fallback: undefined,
    preserveHost: false,
    rewriteLocation: true,
    maxBodyBytes: undefined,
    allowEncodedSlash: false,
    allowSlowClients: false,
    mergeSlashes: true,
    policies: undefined,
  })
})

test('a document with every field becomes a route with these values', () => {
  const document = {
    path: '/api/v1/task/*',
    methods: ['GET', 'POST'],
    hosts: ['API.example.com', '*.example.org', 'api.example.com'],
    match: { headers: { 'X-Api-Version': '2' } },
    whenUnmatched: 'refuse',
    service: 'task',
    nodes: { meta: { zone: 'a' }, version: '2' },
    stripPrefix: '/api/v1',
    auth: { jwt: { scopes: ['task:read'], roles: ['admin'] } },
    timeoutMs: 5000,
    bodyIdleTimeoutMs: 60_000,
    tryTimeoutMs: 500,
    retries: 1,
    retryOn: [503],
    retryBufferBytes: 0,
    hedge: { afterMs: 20 },
    breaker: { failureRatio: 0.2, slowCallMs: 300, statuses: [500] },
    healthCheck: { path: '/healthz', statuses: [204] },
    serviceLimit: { adaptive: true, max: 50, queue: 10, queueMs: 5 },
    upstreamTls: { serverName: 'task.internal', identity: 'tasks', verify: true },
    balancer: 'least-request',
    slowStartMs: 30_000,
    priority: -2,
    fallback: { status: 503, headers: { 'content-type': 'text/plain' }, body: 'later' },
    preserveHost: true,
    rewriteLocation: 'always',
    maxBodyBytes: 1_000,
    allowEncodedSlash: true,
    allowSlowClients: true,
    mergeSlashes: false,
  }
  const route = routeOf(document)
  assert.deepEqual(route, {
    ...document,
    grpc: GRPC,
    policies: undefined,
    id: 'r1',
    description: undefined,
    labels: undefined,
    isDisabled: false,
    nodes: createNodeSelection({ version: '2', meta: { zone: 'a' } }),
    origin: 'etcd',
    hosts: ['api.example.com', '*.example.org'],
    match: [{ headers: { 'X-Api-Version': '2' } }],
    auth: { type: 'jwt', scopes: ['task:read'], roles: ['admin'] },
    fallback: { type: 'static', status: 503, headers: { 'content-type': 'text/plain' }, body: 'later' },
    healthCheck: {
      path: '/healthz',
      host: undefined,
      statuses: [204],
      intervalMs: 5_000,
      timeoutMs: 2_000,
      healthyAfter: 2,
      unhealthyAfter: 2,
    },
  })
  assert.ok([route, route.methods, route.hosts, route.auth, route.fallback].every(Object.isFrozen))
})

test('rules for gRPC calls name statuses, and stating those of retries means all methods', () => {
  const rule = (grpc: object) => routeOf({ path: '/', service: 's', grpc }).grpc
  assert.deepEqual(rule({}), GRPC)
  const idempotent = ['task.v1.Tasks/Get']
  assert.deepEqual(rule({ timeoutMs: 1, maxTimeoutMs: 2, failures: ['INTERNAL', 'UNKNOWN'], idempotent }), {
    ...GRPC,
    ...{ timeoutMs: 1, maxTimeoutMs: 2, failures: [13, 2], idempotent },
  })
  assert.deepEqual(rule({ retryOn: ['ABORTED'] }), { ...GRPC, retryOn: [10], retriesAll: true })
  const reason = (grpc: object) => reasonOf({ path: '/', service: 's', grpc })
  assert.match(
    reason({ retryOn: ['UNAVAILABE'] }),
    /\$\.grpc\.retryOn\[0\]: must be "CANCELLED", .*did you mean/,
  )
  assert.match(reason({ failures: ['OK'] }), /\$\.grpc\.failures\[0\]: must be "CANCELLED"/)
  assert.match(
    reason({ idempotent: ['Get'] }),
    /\$\.grpc\.idempotent\[0\]: must be a method with its service/,
  )
  assert.match(reason({ timeoutMs: 0 }), /\$\.grpc\.timeoutMs/)
})

test('a document that says how methods take JSON asks for JSON', () => {
  const rule = (grpc: object) => routeOf({ path: '/', service: 's', grpc }).grpc
  assert.equal(rule({ allow: ['a.B/C'] })?.isForJson, false)
  assert.deepEqual(rule({ json: { enums: 'number' } }), {
    ...GRPC,
    isForJson: true,
    json: { ...JSON_OPTIONS, enums: 'number' },
  })
  const rules = [{ selector: 'a.B.C', get: '/c/{id}', additionalBindings: [{ post: '/c', body: '*' }] }]
  assert.deepEqual(rule({ rules, bindings: 'all', descriptors: 'a' }), {
    ...GRPC,
    ...{ isForJson: true, rules, bindings: 'all', descriptors: 'a' },
  })
  const reason = (given: object) => reasonOf({ path: '/', service: 's', grpc: { rules: [given] } })
  const selector = 'a.B.C'
  assert.match(reason({ selector }), /\$\.grpc\.rules\[0\]: a rule must have exactly one of get/)
  assert.match(reason({ selector, get: '/a/{b' }), /\$\.grpc\.rules\[0\]: .*braces do not match/)
  assert.match(reason({ selector, get: '/**/a' }), /\*\* must be the last segment/)
  assert.match(reason({ selector, get: '/a', body: '*' }), /a GET has no body/)
  assert.match(reason({ selector, gte: '/a' }), /\$\.grpc\.rules\[0\]\.gte/)
  assert.match(reason({ get: '/a' }), /\$\.grpc\.rules\[0\]\.selector/)
})

test('auth may be a list of authenticators, each with requirements', () => {
  const auth = (value: unknown) => routeOf({ path: '/', service: 's', auth: value }).auth
  const any = { scopes: [], roles: [] }
  assert.deepEqual(auth('api-key'), { type: 'api-key', ...any })
  assert.deepEqual(auth(['jwt', { basic: { roles: ['a'] } }]), {
    type: 'any',
    rules: [
      { type: 'jwt', ...any },
      { type: 'basic', scopes: [], roles: ['a'] },
    ],
  })
  const claims = [
    { path: 'tier', values: ['pro', 7] },
    { path: 'vip', values: [true] },
  ]
  assert.deepEqual(auth({ jwt: { claims: { tier: ['pro', 7], vip: true } } }), {
    type: 'jwt',
    ...any,
    claims,
  })
})

test('an authenticator that is not configured is a problem, if it is known which ones are configured', () => {
  const parsed = (auth: unknown) =>
    parseRouteDocument(
      'r1',
      { path: '/', service: 's', auth },
      { ...context, authenticators: new Set(['jwt']) },
    )
  assert.ok('route' in parsed('jwt'))
  const refused = parsed(['jwt', { 'api-key': {} }, 'basic'])
  assert.equal(
    'reason' in refused && refused.reason,
    '$.auth[1]: requires "api-key", which is not configured: set apiKeys.enabled; ' +
      '$.auth[2]: requires "basic", which is not configured: set basic.users or basic.usersFile',
  )
})

test('auth is "jwt", "none", rules, or the default', () => {
  const auth = (value: unknown) => routeOf({ path: '/', service: 's', auth: value }).auth
  assert.deepEqual(auth('jwt'), ANY_TOKEN)
  assert.deepEqual(auth('none'), NO_TOKEN)
  assert.deepEqual(auth({ jwt: {} }), ANY_TOKEN)
  assert.deepEqual(auth({ jwt: { roles: ['a'] } }), { type: 'jwt', scopes: [], roles: ['a'] })
  const parsed = parseRouteDocument('r', { path: '/', service: 's' }, { ...context, defaultAuth: NO_TOKEN })
  assert.deepEqual('route' in parsed && parsed.route.auth, NO_TOKEN)
})

test('retries: 0 in the document stays 0, and a default number fills in', () => {
  const defaults = { ...context.defaults, retries: 3 }
  const retries = (document: object) => {
    const parsed = parseRouteDocument('r', { path: '/', service: 's', ...document }, { ...context, defaults })
    return 'route' in parsed && parsed.route.retries
  }
  assert.equal(retries({ retries: 0 }), 0)
  assert.equal(retries({}), 3)
})

test('a hedge may be true, false or a time', () => {
  const hedge = (value: unknown) => routeOf({ path: '/', service: 's', hedge: value }).hedge
  assert.equal(hedge(false), undefined)
  assert.deepEqual(hedge(true), { afterMs: undefined })
  assert.deepEqual(hedge({ afterMs: 0 }), { afterMs: 0 })
})

test('a health check gets its defaults, and false means no check', () => {
  const healthCheck = (value: unknown) => routeOf({ path: '/', service: 's', healthCheck: value }).healthCheck
  const defaults = {
    host: undefined,
    intervalMs: 5_000,
    timeoutMs: 2_000,
    healthyAfter: 2,
    unhealthyAfter: 2,
  }
  assert.deepEqual(healthCheck({ path: '/up' }), { ...defaults, path: '/up', statuses: undefined })
  assert.deepEqual(healthCheck({ tcp: true }), { ...defaults, path: undefined, statuses: undefined })
  const whole = { path: '/up', host: 'h', statuses: [200], intervalMs: 100, timeoutMs: 100, healthyAfter: 1 }
  assert.deepEqual(healthCheck({ ...whole, unhealthyAfter: 9 }), { ...whole, unhealthyAfter: 9 })
  assert.equal(healthCheck(false), null)
})

test('a limit of one kind replaces one of the other kind, and other fields come from the configuration', () => {
  const defaults = { concurrent: null, adaptive: true, max: 500, queue: null, queueMs: 25 }
  const complete = (rule: ServiceLimitRule) => completeServiceLimit(rule, defaults)
  assert.deepEqual(complete({}), defaults)
  assert.deepEqual(complete({ queue: 3, max: 20 }), { ...defaults, queue: 3, max: 20 })
  assert.deepEqual(complete({ concurrent: 7 }), { ...defaults, concurrent: 7, adaptive: false })
  assert.equal(isLimited(complete({ adaptive: false })), false)
  assert.equal(isLimited(complete({ concurrent: null })), false)
  const fixed = { ...defaults, concurrent: 9, adaptive: false }
  assert.deepEqual(completeServiceLimit({ adaptive: true }, fixed), {
    ...fixed,
    concurrent: null,
    adaptive: true,
  })
})

test('a former name of a field is read with a warning, and refused beside the present one', () => {
  const route = routeOf({ path: '/a', service: 's', limit: { concurrent: 5 } })
  assert.deepEqual(route.serviceLimit, { concurrent: 5 })
  assert.deepEqual(route.warnings, ['$.limit is deprecated: use serviceLimit'])
  assert.equal('warnings' in routeOf({ path: '/a', service: 's', serviceLimit: {} }), false)
  assert.equal(
    reasonOf({ path: '/a', service: 's', limit: { concurrent: 0 } }),
    '$.limit.concurrent: must be >= 1, not 0',
  )
  assert.equal(
    reasonOf({ path: '/a', service: 's', limit: {}, serviceLimit: {} }),
    '$.limit: is the former name of serviceLimit, which is set too',
  )
})

test('a breaker holds only the fields that the document sets', () => {
  const breaker = (value: unknown) => routeOf({ path: '/', service: 's', breaker: value }).breaker
  assert.deepEqual(breaker({}), {})
  assert.deepEqual(breaker({ statuses: null, openMs: 10 }), { statuses: null, openMs: 10 })
})

test('a fallback may be a fixed answer without headers and body, another service, or an old answer', () => {
  const fallback = (value: unknown) => routeOf({ path: '/', service: 's', fallback: value }).fallback
  assert.deepEqual(fallback({ status: 204 }), { type: 'static', status: 204, headers: {}, body: '' })
  assert.deepEqual(fallback({ service: 'other' }), { type: 'service', service: 'other' })
  assert.deepEqual(fallback({ stale: true }), { type: 'stale', maxAgeMs: 86_400_000 })
  assert.deepEqual(fallback({ stale: true, maxAgeSeconds: 1 }), { type: 'stale', maxAgeMs: 1_000 })
})

const refused: [document: unknown, reason: string][] = [
  [null, '$: must be an object such as {"path": ...}, not null'],
  [[], '$: must be an object such as {"path": ...}, not a list'],
  ['/a', '$: must be an object such as {"path": ...}, not a string'],
  [{}, '$.path: is missing; $.service: is missing; a document without it has redirect or respond'],
  [{ path: '/a', service: 's', host: ['a'] }, '$.host: is not a known field (did you mean "hosts"?)'],
  [{ path: '/a', service: 's', colour: 1 }, '$.colour: is not a known field'],
  [{ path: '/a', service: 5 }, '$.service: must be a string, not 5'],
  [
    { path: '/a', service: 's/t' },
    '$.service: must be 1 to 255 characters from A-Z a-z 0-9 . _ ~ @ : -, starting with a letter or digit, not "s/t"',
  ],
  [{ path: '/a', service: 's', methods: [] }, '$.methods: must not be empty'],
  [
    { path: '/a', service: 's', methods: ['GET', 'get', 'A B'] },
    '$.methods[1]: must be a method name in upper case, such as GET, not "get"; $.methods[2]: must be a method name in upper case, such as GET, not "A B"',
  ],
  [{ path: '/a', service: 's', methods: ['GET', 'GET'] }, '$.methods: must not contain duplicates'],
  [
    { path: '/a', service: 's', methods: ['TRACE', 'CONNECT'] },
    '$.methods[0]: TRACE is never forwarded; $.methods[1]: CONNECT is never forwarded',
  ],
  [
    { path: '/a', service: 's', methods: ['GET', '*'] },
    '$.methods[1]: must not be "*": leave out `methods` to match all of them',
  ],
  [
    { path: '/a', service: 's', hosts: ['a.example:80'] },
    '$.hosts[0]: must be a host name without port, or *. and a host name, not "a.example:80"',
  ],
  [
    { path: '/a', service: 's', hosts: ['a.*.example'] },
    '$.hosts[0]: must be a host name without port, or *. and a host name, not "a.*.example"',
  ],
  [{ path: '/a', service: 's', timeoutMs: 0 }, '$.timeoutMs: must be >= 1, not 0'],
  [{ path: '/a', service: 's', timeoutMs: 3_600_001 }, '$.timeoutMs: must be <= 3600000, not 3600001'],
  [{ path: '/a', service: 's', timeoutMs: '5s' }, '$.timeoutMs: must be an integer, not "5s"'],
  [{ path: '/a', service: 's', retries: 11 }, '$.retries: must be <= 10, not 11'],
  [{ path: '/a', service: 's', retries: 1.5 }, '$.retries: must be an integer, not 1.5'],
  [{ path: '/a', service: 's', tryTimeoutMs: 0 }, '$.tryTimeoutMs: must be >= 1, not 0'],
  [{ path: '/a', service: 's', retryOn: [200] }, '$.retryOn[0]: must be >= 400, not 200'],
  [{ path: '/a', service: 's', retryBufferBytes: -1 }, '$.retryBufferBytes: must be >= 0, not -1'],
  [
    { path: '/a', service: 's', serviceLimit: { concurrent: 0, queueMs: 60_001, adaptive: 1 } },
    '$.serviceLimit.concurrent: must be >= 1, not 0; $.serviceLimit.adaptive: must be true or false, not 1; $.serviceLimit.queueMs: must be <= 60000, not 60001',
  ],
  [
    { path: '/a', service: 's', serviceLimit: { concurrent: 5, adaptive: true } },
    '$.serviceLimit.adaptive: must not be true together with concurrent: a limit is either fixed or adaptive',
  ],
  [
    { path: '/a', service: 's', breaker: { failureRatio: 0, open: 1 } },
    '$.breaker.open: is not a known field (known are failureRatio, minimumRequests, windowMs, openMs, maxOpenMs, slowCallMs, statuses, ejectLastNode); $.breaker.failureRatio: must be > 0, not 0',
  ],
  [{ path: '/a', service: 's', healthCheck: {} }, '$.healthCheck: must have `path`, `grpc` or `tcp`'],
  [
    { path: '/a', service: 's', healthCheck: { path: '/', tcp: true } },
    '$.healthCheck.tcp: must not be set together with `path`',
  ],
  [
    { path: '/a', service: 's', healthCheck: { path: 'up', intervalMs: 99 } },
    '$.healthCheck.path: must be a path that begins with / and has no spaces, not "up"; $.healthCheck.intervalMs: must be >= 100, not 99',
  ],
  [
    { path: '/a', service: 's', hedge: { after: 5 } },
    '$.hedge.afterMs: is missing; $.hedge.after: is not a known field (did you mean "afterMs"?)',
  ],
  [{ path: '/a', service: 's', fallback: { stale: false } }, '$.fallback.stale: must be true, not false'],
  [{ path: '/a', service: 's', priority: 0.5 }, '$.priority: must be an integer, not 0.5'],
  [{ path: '/a', service: 's', preserveHost: 1 }, '$.preserveHost: must be true or false, not 1'],
  [
    { path: '/a', service: 's', rewriteLocation: 'never' },
    '$.rewriteLocation: must be true, false or "always", not "never"',
  ],
  [{ path: '/a', service: 's', maxBodyBytes: -1 }, '$.maxBodyBytes: must be >= 0, not -1'],
  [
    { path: '/a', service: 's', allowEncodedSlash: 'yes' },
    '$.allowEncodedSlash: must be true or false, not "yes"',
  ],
  [
    { path: '/a', service: 's', balancer: 'weighted-round-robbin' },
    '$.balancer: must be "weighted-round-robin", "weighted-random", "least-request", "peak-ewma", "consistent-hash", "sticky-cookie" or an object such as {"consistent-hash": ...}, not "weighted-round-robbin" (did you mean "weighted-round-robin"?)',
  ],
  [{ path: '/a', service: 's', slowStartMs: -1 }, '$.slowStartMs: must be >= 0, not -1'],
  [
    { path: '/a', service: 's', balancer: { 'consistent-hsh': { header: 'a' } } },
    '$.balancer["consistent-hsh"]: is not a known field (did you mean "consistent-hash"?)',
  ],
  [{ path: '/a', service: 's', balancer: {} }, '$.balancer: must not have fewer than 1 properties'],
  [
    { path: '/a', service: 's', balancer: { 'consistent-hash': { headers: 'a' } } },
    '$.balancer["consistent-hash"].headers: is not a known field (did you mean "header"?)',
  ],
  [
    { path: '/a', service: 's', balancer: { 'consistent-hash': {} } },
    '$.balancer["consistent-hash"]: must not have fewer than 1 properties',
  ],
  [
    { path: '/a', service: 's', balancer: { 'consistent-hash': { header: 'a', cookie: 'b' } } },
    '$.balancer["consistent-hash"]: must not have more than 1 properties',
  ],
  [
    { path: '/a', service: 's', balancer: { 'consistent-hash': { header: 'a b' } } },
    '$.balancer["consistent-hash"].header: must be a header name, not "a b"',
  ],
  [
    { path: '/a', service: 's', balancer: { 'consistent-hash': { header: 'Host' } } },
    '$.balancer["consistent-hash"].header: must not be host: nodes get their own address as Host; use x-forwarded-host',
  ],
  [
    { path: '/a/:id', service: 's', balancer: { 'consistent-hash': { pathParameter: 'user' } } },
    '$.balancer["consistent-hash"].pathParameter: is not a parameter of the path /a/:id',
  ],
  [
    { path: '/a', service: 's', balancer: { 'sticky-cookie': { cookie: 'a;b' } } },
    '$.balancer["sticky-cookie"].cookie: must be a cookie name, not "a;b"',
  ],
  [
    { path: '/a', service: 's', auth: 'JWT' },
    '$.auth: must be "jwt", "api-key", "basic", "mtls", "none", an object such as {"jwt": ...} or a list, not "JWT" (did you mean "jwt"?)',
  ],
  [{ path: '/a', service: 's', auth: {} }, '$.auth: must not have fewer than 1 properties'],
  [
    { path: '/a', service: 's', auth: { jwt: {}, basic: {} } },
    '$.auth: must not have more than 1 properties',
  ],
  [
    { path: '/a', service: 's', auth: { 'api-keys': {} } },
    '$.auth["api-keys"]: is not a known field (did you mean "api-key"?)',
  ],
  [{ path: '/a', service: 's', auth: [] }, '$.auth: must not be empty'],
  [
    { path: '/a', service: 's', auth: ['jwt', 'none'] },
    '$.auth[1]: must be "jwt", "api-key", "basic", "mtls" or an object such as {"jwt": ...}, not "none"',
  ],
  [
    { path: '/a', service: 's', auth: ['jwt', { basic: { role: ['a'] } }] },
    '$.auth[1].basic.role: is not a known field (did you mean "roles"?)',
  ],
  [
    { path: '/a', service: 's', auth: { jwt: { claims: { tier: null } } } },
    '$.auth.jwt.claims.tier: must be a string, a number, true, false or a list, not null',
  ],
  [
    { path: '/a', service: 's', auth: [{ 'api-key': { claims: { '$.a[': 1 } } }] },
    '$.auth[0]["api-key"].claims["$.a["]: must be a claim, names joined by dots, or a JSON path such as $.a["b.c"][0], not "$.a["',
  ],
  [
    { path: '/a', service: 's', auth: { jwt: { scope: ['a'] } } },
    '$.auth.jwt.scope: is not a known field (did you mean "scopes"?)',
  ],
  [
    { path: '/a', service: 's', auth: { jwt: { roles: ['a b'] } } },
    '$.auth.jwt.roles[0]: must be one word, not "a b"',
  ],
  [
    { path: '/a', service: 's', auth: { jwt: { roles: 'admin' } } },
    '$.auth.jwt.roles: must be a list, not "admin"',
  ],
  [{ path: '/a', service: 's', fallback: { status: 199 } }, '$.fallback.status: must be >= 200, not 199'],
  [
    { path: '/a', service: 's', fallback: { service: 's' } },
    '$.fallback.service: must not be the service of the route itself',
  ],
  [
    { path: '/a', service: 's', fallback: { status: 204, body: 'x' } },
    '$.fallback.body: must be empty with status 204',
  ],
  [
    {
      path: '/a',
      service: 's',
      fallback: { status: 200, headers: { 'a b': '', 'Content-Length': '1', x: 'a\nb' } },
    },
    '$.fallback.headers["a b"]: is not a valid header name; $.fallback.headers["Content-Length"]: must not be set: the gateway sets it itself; $.fallback.headers.x: contains a character that headers must not contain: "a\\nb"',
  ],
  [
    { path: '/a', service: 's', stripPrefix: '/b' },
    '$.stripPrefix: must consist of whole leading segments of the path "/a"',
  ],
  [
    { path: '/task.v1.Tasks/*', service: 's', stripPrefix: '/task.v1.Tasks', grpc: {} },
    '$.stripPrefix: removes "task.v1.Tasks", without which no gRPC method is found: a node needs the path /package.Service/Method',
  ],
  [
    { path: '/a', service: 's', grpc: { allow: ['task.v1.Tasks', '/a.B/C', 'a.B/*C'] } },
    '$.grpc.allow[0]: must be a method such as task.v1.Tasks/Get, or the beginning of such a name and a *, not "task.v1.Tasks"; $.grpc.allow[1]: must be a method such as task.v1.Tasks/Get, or the beginning of such a name and a *, not "/a.B/C"; $.grpc.allow[2]: must be a method such as task.v1.Tasks/Get, or the beginning of such a name and a *, not "a.B/*C"',
  ],
  [JSON.parse('{"path":"/a","service":"s","__proto__":{"auth":"none"}}'), '$.__proto__: is a reserved name'],
]

for (const [document, reason] of refused) {
  test(`refused: ${JSON.stringify(document)}`, () => assert.equal(reasonOf(document), reason))
}

test('a document that strips the name of a gRPC service gets a warning, and is used', () => {
  const path = '/task.v1.Tasks/*'
  const stripped = routeOf({ path, service: 's', stripPrefix: '/task.v1.Tasks' })
  assert.match(String(stripped.warnings), /^\$\.stripPrefix removes "task\.v1\.Tasks"/)
  for (const stripPrefix of ['/api', '/v1.0', '/task.v1', '/Tasks', '/api/v1.Beta2x.y']) {
    assert.equal(
      routeOf({ path: `${stripPrefix}/*`, service: 's', stripPrefix }).warnings,
      undefined,
      stripPrefix,
    )
  }
})

test('the methods that a document allows are those of its route', () => {
  const allow = ['task.v1.Tasks/Get', 'task.v1.Tasks/List*', 'task.v1.Tasks/*', 'task.v1.*', 'task*', '*']
  const { grpc } = routeOf({ path: '/a', service: 's', grpc: { allow, web: false } })
  assert.deepEqual([grpc?.allow, grpc?.web], [allow, false])
})

test('a refused document still names its service', () => {
  const { closed, ...refused } = parse({ path: '/a', service: 'task', x: 1 }) as Record<string, unknown>
  assert.deepEqual(refused, { reason: '$.x: is not a known field', service: 'task' })
  assert.ok(closed)
  assert.equal('service' in parse({ path: '/a', service: 5 }), false)
})

test('a refused document that says which requests it means becomes a closed route for them', () => {
  const refused = {
    path: '/a/:id',
    methods: ['PUT'],
    hosts: ['A.example'],
    service: 'task',
    priority: 3,
    cors: 1,
  }
  const parsed = parse(refused)
  assert.ok('reason' in parsed && parsed.closed)
  const { path, methods, hosts, service, priority, isBroken, policies } = parsed.closed
  assert.deepEqual(
    { path, methods, hosts, service, priority, isBroken, policies },
    {
      path: '/a/:id',
      methods: ['PUT'],
      hosts: ['a.example'],
      service: 'task',
      priority: 3,
      isBroken: true,
      policies: {},
    },
  )
  for (const broken of [{ path: 'a' }, { methods: ['get'] }, { hosts: [1] }, { path: undefined }]) {
    const unreadable = parse({ ...refused, ...broken })
    assert.ok('reason' in unreadable && unreadable.closed === undefined, JSON.stringify(broken))
  }
})

test('a refused document that says that it is disabled closes nothing', () => {
  const isDisabled = (text: string) => {
    const entry = decodeRoute('/r/', { key: '/r/r1', value: text, modRevision: 1n })
    const parsed = parse(entry.kind === 'route' && entry.document)
    assert.ok('reason' in parsed && parsed.closed, text)
    return parsed.closed.isDisabled
  }
  assert.equal(isDisabled('{"path":"/a","service":"s","enabled":false,"timeoutMs":"soon"}'), true)
  for (const unclear of [
    '"enabled":"false"',
    '"enabled":false,"enabled":true',
    '"enabled":true,"x":1',
    '"x":1',
  ]) {
    assert.equal(isDisabled(`{"path":"/a","service":"s",${unclear}}`), false, unclear)
  }
})

test('a route id must be a name', () => {
  for (const id of ['', 'a/b', '-a', 'a b', '__proto__', 'x'.repeat(256)]) {
    assert.match(reasonOf({ path: '/a', service: 's' }, id), /^\$: the route id .* must be/, id)
  }
})

test('no document makes the parser throw', () => {
  const deep = JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`)
  for (const value of [
    undefined,
    0,
    true,
    '',
    [],
    [[]],
    { path: null },
    { fallback: [] },
    { auth: deep },
    deep,
  ]) {
    assert.equal(typeof reasonOf(value), 'string')
  }
})

test('the settings of a balancer are part of the route', () => {
  const cases: readonly (readonly [balancer: unknown, expected: object])[] = [
    ['peak-ewma', { balancer: 'peak-ewma' }],
    ['consistent-hash', { balancer: 'consistent-hash', hashKey: { from: 'address' } }],
    ['sticky-cookie', { balancer: 'sticky-cookie', stickyCookie: {} }],
    [{ 'sticky-cookie': { cookie: 'sid' } }, { balancer: 'sticky-cookie', stickyCookie: { name: 'sid' } }],
    ...[
      [{ header: 'X-Tenant' }, { from: 'header', name: 'x-tenant' }],
      [{ cookie: 'sid' }, { from: 'cookie', name: 'sid' }],
      [{ address: true }, { from: 'address' }],
      [{ claim: 'org.id' }, { from: 'claim', name: 'org.id' }],
      [{ pathParameter: 'id' }, { from: 'pathParameter', name: 'id' }],
    ].map(
      ([rule, hashKey]) => [{ 'consistent-hash': rule }, { balancer: 'consistent-hash', hashKey }] as const,
    ),
  ]
  for (const [written, expected] of cases) {
    const { balancer, hashKey, stickyCookie } = routeOf({ path: '/a/:id', service: 's', balancer: written })
    assert.deepEqual(
      { balancer, ...(hashKey && { hashKey }), ...(stickyCookie && { stickyCookie: { ...stickyCookie } }) },
      expected,
    )
  }
})

test('sticky cookies are refused without a secret that signs them', () => {
  for (const balancer of ['sticky-cookie', { 'sticky-cookie': { cookie: 'sid' } }]) {
    const document = { path: '/a', service: 's', balancer }
    const parsed = parseRouteDocument('r', document, { ...context, hasCookieSecret: false })
    assert.match('reason' in parsed ? parsed.reason : '', /^\$\.balancer: sticky-cookie needs a secret/)
    assert.ok('route' in parseRouteDocument('r', document, { ...context, hasCookieSecret: true }))
  }
})

test('a document with a duplicate member is refused, and its requests are, unless it cannot be told which they are', () => {
  const parsed = (text: string) => {
    const entry = decodeRoute('/r/', { key: '/r/r1', value: text, modRevision: 1n })
    assert.equal(entry.kind, 'route', text)
    return parse(entry.kind === 'route' && entry.document)
  }
  const closed = parsed('{"path":"/admin/*","service":"s","auth":"jwt","auth":"none"}')
  assert.ok('reason' in closed)
  assert.equal(closed.reason, '$.auth: is there twice, and readers disagree on which one counts')
  assert.deepEqual([closed.service, closed.closed?.path, closed.closed?.isBroken], ['s', '/admin/*', true])
  const unclear = parsed('{"path":"/a","service":"s","path":"/b"}')
  assert.ok('reason' in unclear)
  assert.deepEqual([unclear.service, unclear.closed], ['s', undefined])
})
