import type { Budget } from '../budgets.ts'
import type { Load } from '../load.ts'
import type { Contender, Scenario } from '../scenario.ts'

/** One scenario: the same load on routes with a policy and without it. */
interface PolicyCase {
  /** What of the load matters to the policy, for the title. */
  readonly title: string
  /** Default: GET, an answer of 110 bytes. */
  readonly load?: Partial<Load>
  /** Fields of the route document, by the name of the contender that has them, and what they may cost. */
  readonly rules: Readonly<Record<string, { readonly fields: object; readonly budget?: Budget }>>
}

const SMALL = 'GET, an answer of 110 bytes'
/** What browsers send. */
const ACCEPTS = 'accept-encoding: gzip, deflate, br, zstd'
const P99_BUDGET: Budget = { p99Ratio: 1.05 }

/** The cases, by the name of their policy. A new policy is one more entry. */
const CASES: Readonly<Record<string, PolicyCase>> = {
  match: {
    title: SMALL,
    rules: {
      'three conditions': {
        fields: {
          match: {
            headers: { 'x-beta': { present: false }, 'x-api-version': { exact: '1', not: true } },
            clients: ['127.0.0.0/8'],
          },
        },
      },
    },
  },
  clients: {
    title: SMALL,
    rules: {
      clients: {
        fields: { clients: { allow: ['127.0.0.0/8', '10.0.0.0/8'], deny: ['10.6.6.6'] } },
      },
    },
  },
  cors: {
    title: SMALL,
    rules: {
      cors: { fields: { cors: { origins: ['https://app.example.com'] } } },
    },
  },
  headers: {
    title: SMALL,
    rules: {
      'two headers': {
        fields: {
          requestHeaders: { set: { 'x-tenant': 'acme' } },
          responseHeaders: { set: { 'x-frame-options': 'DENY' } },
        },
      },
      'four templates': {
        fields: {
          requestHeaders: { set: { 'x-from': '{client.address}', 'x-was': '{request.path}' } },
          responseHeaders: { set: { 'x-id': '{request.id}', 'x-method': '{request.method}' } },
        },
      },
    },
  },
  limits: {
    title: SMALL,
    rules: {
      'one rate limit': {
        fields: { rateLimit: { limit: 100_000, windowSeconds: 1 } },
      },
      'two rate limits and concurrency': {
        fields: {
          rateLimit: [
            { limit: 100_000, windowSeconds: 1 },
            { limit: 100_000_000, windowSeconds: 3_600, key: { header: 'user-agent' }, onMissing: 'shared' },
          ],
          concurrency: { limit: 10_000 },
        },
      },
    },
  },
  split: {
    title: SMALL,
    rules: {
      'two variants': {
        fields: { split: { variants: [{ name: 'canary', percent: 10, service: 'echo' }] } },
      },
    },
  },
  requests: {
    title: SMALL,
    rules: {
      'request limits': {
        fields: { requestLimits: { targetBytes: 1_000, headerLines: 50, queryParameters: 10 } },
      },
      'security headers': { fields: { securityHeaders: 'api' } },
      // A path is rewritten, or loses its prefix.
      'a rewritten path': {
        fields: { stripPrefix: undefined, rewrite: { path: '/items/{request.method}' } },
      },
    },
  },
  mirror: {
    title: SMALL,
    rules: {
      'to the same nodes': { fields: { mirror: { service: 'echo' } } },
      'to one that hangs': { fields: { mirror: { service: 'hung' } } },
    },
  },
  'mirror-at-rate': {
    title: `${SMALL}, at a fifth of what the gateway can take, whether or not earlier requests are answered`,
    load: { share: 0.2 },
    rules: {
      'to the same nodes': { fields: { mirror: { service: 'echo' } }, budget: P99_BUDGET },
      'to one that hangs': { fields: { mirror: { service: 'hung' } }, budget: P99_BUDGET },
    },
  },
  compress: {
    title: 'GET, 15 KB of JSON, in a client that accepts every coding',
    load: { path: '/json/15000', headers: [ACCEPTS] },
    rules: {
      zstd: { fields: { compress: { encodings: ['zstd'] } } },
      br: { fields: { compress: { encodings: ['br'] } } },
      gzip: { fields: { compress: { encodings: ['gzip'] } } },
    },
  },
  'compress-stream': {
    title: 'GET, 150 KB of JSON, in a client that accepts every coding',
    load: { path: '/json/150000', headers: [ACCEPTS] },
    rules: {
      zstd: { fields: { compress: { encodings: ['zstd'] } } },
      gzip: { fields: { compress: { encodings: ['gzip'] } } },
    },
  },
}

const waygate = (name: string, fields: object, more: object = {}): Contender => ({
  name: `Waygate: ${name}`,
  start: scene =>
    scene.startWaygate({
      hasHung: true,
      config: {
        routes: {
          documents: {
            r: { path: '/echo/*', service: 'echo', stripPrefix: '/echo', ...fields },
            ...more,
          },
        },
      },
    }),
})

/** A document with policies, which concerns no request. */
const ELSEWHERE = {
  elsewhere: {
    ...{ path: '/elsewhere/*', service: 'echo', clients: { deny: ['10.6.6.6'] }, securityHeaders: 'api' },
    ...{ cors: { origins: ['https://app.example.com'] }, rateLimit: { limit: 1, windowSeconds: 1 } },
  },
}

/** That others have policies costs nothing that can be measured. */
const beside: Scenario = {
  name: 'policies-elsewhere',
  title: `${SMALL}, on a route without policies, alone and beside one with them`,
  load: { path: '/x', connections: 64 },
  contenders: () => [
    waygate('no policies', {}),
    waygate('no policies, beside a route with four', {}, ELSEWHERE),
    { ...waygate('no policies, again', {}), isControl: true },
  ],
}

/** Measures what each policy costs in whole; `bench/policies.ts` has its own part of that. The scenario of one is `policies-` and its name. */
export const policies: readonly Scenario[] = [
  beside,
  ...Object.entries(CASES).map(
    ([policy, { title, load, rules }]): Scenario => ({
      name: `policies-${policy}`,
      title: `${title}, on a route with and without ${policy.replace(/-.*/, '')}`,
      load: { path: '/x', connections: 64, ...load },
      contenders: () => [
        waygate('no policies', {}),
        ...Object.entries(rules).map(([name, { fields, budget }]) => ({
          ...waygate(name, fields),
          ...(budget && { budget }),
        })),
        { ...waygate('no policies, again', {}), isControl: true },
      ],
    }),
  ),
]
