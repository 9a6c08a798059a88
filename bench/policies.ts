/**
 * Measures what the rules of a route take of each request, in nanoseconds: the steps of its plan, from the request to the head
 * of the answer, without sockets. The least of many rounds counts, and the rows take turns, so that the result is useful
 * on a busy machine too. Ends with 1 if a policy takes more than it may.
 *
 *   node bench/policies.ts
 *
 * What the header lines that a policy adds cost on the wire is not in it: `npm run bench -- --scenario policies` has the whole.
 */
import { createLimitSettings } from '../cmd/gateway/limits.ts'
import { LivePolicies } from '../cmd/gateway/live-policies.ts'
import { Settings } from '../cmd/gateway/settings.ts'
import type { Config } from '../config/schema.ts'
import { type Exchange, type ResponseHead, runSteps } from '../internal/policy.ts'
import type { Route } from '../internal/routing/route.ts'
import { PolicyCounts } from '../routes/admin/metrics/policy-metrics.ts'

const ROUNDS = 400
const REQUESTS = 2_000

const LIMIT = { limit: 500_000_000, windowSeconds: 86_400 }

/**
 * Rules, as the configuration hands them on, that refuse nothing here, and how many nanoseconds a request may take longer with
 * them.
 */
const POLICIES: Readonly<Record<string, { rules: object; nanos: number }>> = {
  clients: {
    rules: {
      clients: [{ level: 'route', rule: { allow: ['127.0.0.0/8', '10.0.0.0/8'], deny: ['10.6.6.6'] } }],
    },
    nanos: 500,
  },
  cors: { rules: { cors: { origins: ['https://app.example.com'] } }, nanos: 500 },
  'four templates': {
    rules: {
      requestHeaders: { set: { 'x-from': '{client.address}', 'x-was': '{request.path}' } },
      responseHeaders: { set: { 'x-id': '{request.id}', 'x-method': '{request.method}' } },
    },
    nanos: 1_000,
  },
  'a rate limit': {
    rules: { rateLimit: [{ level: 'route', rule: LIMIT }] },
    nanos: 1_000,
  },
  'two rate limits': {
    rules: {
      rateLimit: [LIMIT, { ...LIMIT, key: { header: 'user-agent' } }].map(rule => ({ level: 'route', rule })),
    },
    nanos: 2_000,
  },
  'a split': {
    rules: { split: { variants: [{ name: 'canary', percent: 10, service: 'echo' }] } },
    nanos: 500,
  },
}

const RATE_LIMITS = { localKeys: 100_000, expectedGateways: 1, headers: 'draft', clock: 'store' } as const
const unused = () => {
  throw new Error('no request is sent')
}
const config = { rateLimits: RATE_LIMITS, workers: 1 } as Config
const policies = new LivePolicies({
  upstream: unused,
  counts: new PolicyCounts(),
  limits: createLimitSettings(new Settings({ config, keys: {} }, unused), undefined),
  nodes: { hasAvailable: () => true },
  mirrors: {
    memory: { bytes: 0, maxBytes: 0 },
    inFlight: new Map(),
    isCredential: () => false,
    send: unused,
  },
})

const HEADERS = [
  'host',
  'a.example',
  'user-agent',
  'Mozilla/5.0',
  'accept',
  '*/*',
  'origin',
  'https://app.example.com',
]
const ANSWER = ['content-type', 'application/json', 'content-length', '110']

function rowOf(name: string, rules: object) {
  const route = {
    id: name,
    origin: 'etcd',
    path: '/echo/*',
    service: 'echo',
    policies: rules,
  } as unknown as Route
  const plan = policies.planOf(route)
  /** What the listener makes for each request is here made as short as it can be. */
  const run = () => {
    const headers = HEADERS.slice()
    const call = {
      ...{ route, method: 'GET', target: '/echo/x', requestId: 'r-1', clientAddress: '127.0.0.1' },
      ...{ limits: undefined, variant: undefined, observed: undefined },
    }
    const exchange = {
      request: { rawHeaders: HEADERS },
      ...{ call, head: { host: 'a.example', headers }, isDry: false, isPreflight: false, isWebSocket: false },
      outgoing: { route, service: 'echo', nodes: undefined, headers, target: '/x' },
    } as unknown as Exchange
    const head: ResponseHead = { status: 200, headers: ANSWER.slice(), from: 'upstream' }
    if (runSteps(plan.onRequest, exchange) ?? runSteps(plan.onAuthorized, exchange)) unused()
    for (const edit of plan.onResponse) edit(head, exchange)
    return head
  }
  return { name, run, best: Number.POSITIVE_INFINITY }
}

const plain = rowOf('no policies', {})
const rows = [plain, ...Object.entries(POLICIES).map(([name, { rules }]) => rowOf(name, rules))]
for (let round = 0; round < ROUNDS; round++) {
  for (const row of rows) {
    const begun = performance.now()
    for (let i = 0; i < REQUESTS; i++) row.run()
    row.best = Math.min(row.best, ((performance.now() - begun) / REQUESTS) * 1e6)
  }
}
for (const { name, best } of rows.slice(1)) {
  const more = best - plain.best
  const most = POLICIES[name]!.nanos
  const isOver = more > most
  console.log(
    `${name.padEnd(32)} ${more.toFixed(0).padStart(5)} ns more, at most ${most}: ${isOver ? 'FAIL' : 'pass'}`,
  )
  if (isOver) process.exitCode = 1
}
process.exit()
