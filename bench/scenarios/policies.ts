import type { Load } from '../load.ts'
import type { Contender, Scenario } from '../scenario.ts'

/** One scenario: the same load on routes with a policy and without it. */
interface PolicyCase {
  /** What of the load matters to the policy, for the title. */
  readonly title: string
  /** Default: GET, an answer of 110 bytes. */
  readonly load?: Partial<Load>
  /** Fields of `routes.defaults`, by the name of the contender that has them. */
  readonly rules: Readonly<Record<string, object>>
}

const SMALL = 'GET, an answer of 110 bytes'
/** What browsers send. */
const ACCEPTS = 'accept-encoding: gzip, deflate, br, zstd'

/** The cases, by the name of their policy. A new policy is one more entry. */
const CASES: Readonly<Record<string, PolicyCase>> = {
  clients: {
    title: SMALL,
    rules: { clients: { clients: { allow: ['127.0.0.0/8', '10.0.0.0/8'], deny: ['10.6.6.6'] } } },
  },
  cors: { title: SMALL, rules: { cors: { cors: { origins: ['https://app.example.com'] } } } },
  headers: {
    title: SMALL,
    rules: {
      'two headers': {
        requestHeaders: { set: { 'x-tenant': 'acme' } },
        responseHeaders: { set: { 'x-frame-options': 'DENY' } },
      },
    },
  },
  limits: {
    title: SMALL,
    rules: {
      'one rate limit': { rateLimit: { limit: 100_000, windowSeconds: 1 } },
      'two rate limits and concurrency': {
        rateLimit: [
          { limit: 100_000, windowSeconds: 1 },
          { limit: 100_000_000, windowSeconds: 3_600, key: { header: 'user-agent' }, onMissing: 'shared' },
        ],
        concurrency: { limit: 10_000 },
      },
    },
  },
  requests: {
    title: SMALL,
    rules: {
      'request limits': { requestLimits: { targetBytes: 1_000, headerLines: 50, queryParameters: 10 } },
      'security headers': { securityHeaders: 'api' },
      'a rewritten path': { rewrite: { path: '/items/{request.method}' } },
    },
  },
  mirror: {
    title: SMALL,
    rules: {
      'to the same nodes': { mirror: { service: 'echo' } },
      'to one that hangs': { mirror: { service: 'hung' } },
    },
  },
  'mirror-at-rate': {
    title: `${SMALL}, at 40 % of what the gateway can take, whether or not earlier requests are answered`,
    load: { share: 0.4 },
    rules: {
      'to the same nodes': { mirror: { service: 'echo' } },
      'to one that hangs': { mirror: { service: 'hung' } },
    },
  },
  compress: {
    title: 'GET, 15 KB of JSON, in a client that accepts every coding',
    load: { path: '/json/15000', headers: [ACCEPTS] },
    rules: {
      zstd: { compress: true },
      br: { compress: { encodings: ['br'] } },
      gzip: { compress: { encodings: ['gzip'] } },
    },
  },
  'compress-stream': {
    title: 'GET, 150 KB of JSON, in a client that accepts every coding',
    load: { path: '/json/150000', headers: [ACCEPTS] },
    rules: { zstd: { compress: true }, gzip: { compress: { encodings: ['gzip'] } } },
  },
}

const waygate = (name: string, defaults: object): Contender => ({
  name: `Waygate: ${name}`,
  start: scene => scene.startWaygate({ hasHung: true, config: { routes: { defaults } } }),
})

/** Measures the cost of each policy. The scenario of one is `policies-` and its name. */
export const policies: readonly Scenario[] = Object.entries(CASES).map(
  ([policy, { title, load, rules }]) => ({
    name: `policies-${policy}`,
    title: `${title}, on a route with and without ${policy.replace(/-.*/, '')}`,
    load: { path: '/x', connections: 64, ...load },
    contenders: () => [
      waygate('no policies', {}),
      ...Object.entries(rules).map(([name, defaults]) => waygate(name, defaults)),
    ],
  }),
)
