import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { LiveRules } from '../../../cmd/gateway/service-rules.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { POLICY_RULES } from '../../../config/policies/policies.ts'
import { describeRoute } from '../../../config/route/describe-route.ts'
import { NO_TOKEN } from '../../../config/route/route-auth.ts'
import { parseRouteDocument } from '../../../config/route/route-document.ts'
import { RouteDocument } from '../../../config/route/route-schema.ts'
import type { Config } from '../../../config/schema.ts'
import { JSON_OPTIONS } from '../../support/json-options.ts'

const { config } = loadConfig({ env: {}, cwd: tmpdir() })

/** What is shown of a document that is alone, as JSON has it. */
function shown(document: object, own: Config = config): Record<string, unknown> {
  const { defaults } = own.routes
  const parsed = parseRouteDocument('r', document, {
    ...{ origin: 'etcd', defaults, defaultAuth: NO_TOKEN },
    grpc: own.grpc,
  })
  assert.ok('route' in parsed, 'reason' in parsed ? parsed.reason : '')
  const { route } = parsed
  const rules = new LiveRules({ config: own })
  rules.update([route])
  const { id, origin, ...fields } = JSON.parse(
    JSON.stringify(describeRoute(route, own, rules.of(route.service))),
  )
  assert.deepEqual([id, origin], ['r', 'etcd'])
  return fields
}

const FULL = {
  path: '/api/v1/task/:id',
  methods: ['GET', 'POST'],
  hosts: ['api.example.com', '*.example.org'],
  match: [
    { headers: { 'X-Api-Version': '2' } },
    { query: { q: { regex: 'a+', not: true } }, clients: ['10.0.0.0/8'] },
  ],
  whenUnmatched: 'refuse',
  enabled: false,
  description: 'for tests',
  labels: { team: 'tests' },
  policies: ['set'],
  service: 'task',
  nodes: { version: '2', meta: { zone: 'a' } },
  stripPrefix: '/api/v1',
  auth: ['api-key', { jwt: { scopes: ['task:read'], roles: [], claims: { tier: ['pro', 7], vip: true } } }],
  timeoutMs: 5_000,
  bodyIdleTimeoutMs: 60_000,
  retries: 0,
  tryTimeoutMs: 500,
  retryOn: [503],
  retryBufferBytes: 0,
  hedge: { afterMs: 20 },
  breaker: {
    failureRatio: 0.2,
    minimumRequests: 3,
    windowMs: 5_000,
    openMs: 100,
    maxOpenMs: 200,
    slowCallMs: 300,
    statuses: [500],
    ejectLastNode: true,
  },
  healthCheck: {
    path: '/up',
    host: 'h',
    statuses: [204],
    intervalMs: 100,
    timeoutMs: 200,
    healthyAfter: 1,
    unhealthyAfter: 3,
  },
  serviceLimit: { concurrent: null, adaptive: true, max: 50, queue: 10, queueMs: 5 },
  grpc: {
    timeoutMs: 1_000,
    maxTimeoutMs: 2_000,
    retryOn: ['ABORTED'],
    failures: ['INTERNAL'],
    idempotent: ['task.v1.Tasks/Get'],
    allow: ['task.v1.*'],
    web: false,
    descriptors: 'tasks',
    bindings: 'all',
    rules: [{ selector: 'task.v1.Tasks.Get', get: '/tasks/{id}' }],
    json: { ...JSON_OPTIONS, stream: 'sse' },
  },
  upstreamTls: { serverName: 'task.internal', identity: 'tasks', verify: false },
  balancer: { 'consistent-hash': { pathParameter: 'id' } },
  slowStartMs: 30_000,
  priority: -2,
  fallback: { status: 503, headers: { 'content-type': 'text/plain' }, body: 'later' },
  maxBodyBytes: 1_000,
  allowEncodedSlash: true,
  allowSlowClients: true,
  mergeSlashes: false,
  preserveHost: true,
  rewriteLocation: 'always',
}

const NO_POLICIES = Object.fromEntries(Object.keys(POLICY_RULES).map(name => [name, null]))

test('every field of a route document is shown as it was written', () => {
  assert.deepEqual(
    Object.keys(FULL).sort(),
    // The policy contract looks at those of policies.
    Object.keys(RouteDocument.properties)
      .filter(name => !Object.hasOwn(POLICY_RULES, name))
      .sort(),
    'a new field of the schema belongs into this document',
  )
  assert.deepEqual(shown(FULL), { ...FULL, ...NO_POLICIES })
})

test('of fields that a document leaves out, the values in force are shown', () => {
  const { breaker, serviceLimit, upstream, clientLimits } = config
  assert.deepEqual(shown({ path: '/a', service: 's' }), {
    path: '/a',
    methods: null,
    hosts: null,
    match: null,
    whenUnmatched: null,
    enabled: true,
    description: null,
    labels: null,
    policies: null,
    service: 's',
    nodes: null,
    stripPrefix: '',
    auth: 'none',
    timeoutMs: 15_000,
    bodyIdleTimeoutMs: upstream.bodyIdleTimeoutMs,
    retries: null,
    tryTimeoutMs: null,
    retryOn: [502, 503, 504],
    retryBufferBytes: 65_536,
    hedge: false,
    breaker,
    healthCheck: null,
    serviceLimit,
    grpc: {
      timeoutMs: null,
      maxTimeoutMs: null,
      retryOn: ['UNAVAILABLE'],
      failures: ['UNKNOWN', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'],
      idempotent: [],
      allow: ['*'],
      web: true,
      descriptors: null,
      bindings: null,
      rules: [],
      json: JSON_OPTIONS,
    },
    upstreamTls: { verify: true },
    balancer: 'weighted-round-robin',
    slowStartMs: 0,
    priority: 0,
    fallback: null,
    maxBodyBytes: clientLimits.bodyBytes,
    allowEncodedSlash: false,
    allowSlowClients: false,
    mergeSlashes: true,
    preserveHost: false,
    rewriteLocation: true,
    ...NO_POLICIES,
  })
})

test('what a rule of a document leaves out is completed as for its service', () => {
  const { breaker, serviceLimit, healthCheck } = shown({
    path: '/a',
    service: 's',
    breaker: { openMs: 100 },
    serviceLimit: { concurrent: 5 },
    healthCheck: { tcp: true },
  })
  assert.deepEqual(breaker, { ...config.breaker, openMs: 100 })
  assert.deepEqual(serviceLimit, { ...config.serviceLimit, concurrent: 5 })
  const times = { intervalMs: 5_000, timeoutMs: 2_000, healthyAfter: 2, unhealthyAfter: 2 }
  assert.deepEqual(healthCheck, { tcp: true, ...times })
  const defaults = { ...config.routes.defaults, healthCheck: { path: '/up' } }
  const checking = { ...config, routes: { ...config.routes, defaults } }
  assert.deepEqual(shown({ path: '/a', service: 's' }, checking).healthCheck, { path: '/up', ...times })
})

const spellings: [field: string, value: unknown][] = [
  ['auth', 'basic'],
  ['auth', 'jwt'],
  ['auth', { 'api-key': { scopes: [], roles: ['a'] } }],
  ['hedge', true],
  ['hedge', false],
  ['balancer', 'sticky-cookie'],
  ['balancer', { 'sticky-cookie': { cookie: 'sid' } }],
  ['balancer', { 'consistent-hash': { address: true } }],
  ['balancer', { 'consistent-hash': { header: 'x-tenant' } }],
  ['fallback', { service: 'other' }],
  ['fallback', { stale: true, maxAgeSeconds: 60 }],
  ['healthCheck', false],
]
for (const [field, value] of spellings) {
  test(`${field} is shown as it was written: ${JSON.stringify(value)}`, () => {
    assert.deepEqual(shown({ path: '/a', service: 's', [field]: value })[field], value)
  })
}
