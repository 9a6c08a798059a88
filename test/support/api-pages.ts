import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type AdminOptions, createAdmin } from '../../routes/admin/admin.ts'
import type { ApiPages, LiveListener, RequestEntry } from '../../routes/admin/api-types.ts'
import type { HeartbeatPage } from '../../routes/admin/heartbeat-types.ts'
import type { AdminPages, RouteList } from '../../routes/admin/page-types.ts'
import type { ReloadPage } from '../../routes/admin/reload-types.ts'
import { send } from './http.ts'

export const SOURCE: RouteList['source'] = {
  registry: 'test',
  connected: true,
  stale: false,
  ageMs: 5,
  drift: 0,
  relists: {},
  skipped: 0,
  suspects: 0,
  sources: [],
}

export function requestEntry(of: Partial<RequestEntry> = {}): RequestEntry {
  return {
    ...{
      requestId: 'r1',
      at: 1_000,
      method: 'GET',
      path: '/user/1',
      http: '1.1',
      status: 200,
      totalMs: 3,
      attempts: 1,
    },
    ...{ route: 'user', service: 'user', node: 'u1', client: '10.0.0.7', user: 'anna' },
    ...of,
  }
}

/** A table with one route to one service. */
export function routeList(of: Partial<RouteList> = {}): RouteList {
  return {
    revision: '7',
    source: SOURCE,
    defaultAuth: 'none',
    routes: [
      {
        ...{
          id: 'user',
          origin: 'etcd',
          path: '/user/*',
          methods: null,
          hosts: null,
          service: 'user',
          auth: 'none',
        },
        ...{ requests: 0, failures: 0 },
      },
    ],
    services: [serviceOf('user', ['u1'])],
    problems: [],
    ...of,
  }
}

export function serviceOf(name: string, ids: readonly string[]): RouteList['services'][number] {
  return {
    name,
    panicking: false,
    retries: { budget: 'available', inFlight: 0, begun: 0, hedges: 0, refused: 0 },
    nodes: ids.map(id => ({
      ...{
        id,
        address: '127.0.0.1:1',
        weight: 1,
        metadata: {},
        state: 'up',
        breaker: 'closed',
        health: 'unchecked',
      },
      ...{ inFlight: 0, requests: 0, failures: 0, timeouts: 0 },
    })),
  }
}

/** Stands for what a gateway keeps, where a test is about the listener alone. */
export class FakeApi {
  list = routeList()
  entries: readonly RequestEntry[] = [requestEntry()]
  readonly listeners = new Set<LiveListener>()
  readonly asked: string[] = []
  heartbeat: HeartbeatPage = { outcome: 'registered', leftSeconds: 10 }

  /** The listener of the table, of figures and of changes. */
  get watcher(): LiveListener {
    return [...this.listeners].find(({ filter }) => filter === null)!
  }

  /** The listeners of requests. */
  get tails(): LiveListener[] {
    return [...this.listeners].filter(({ filter }) => filter !== null)
  }

  readonly pages = {
    routes: async () => this.list,
    services: async () => ({ services: this.list.services }),
    methods: async () => undefined,
    explain: async () => this.#answer('explain', EXPLANATION),
    check: async () => this.#answer('check', { problems: [], warnings: [] }),
    metrics: async () => ['waygate_up 1\n'],
    isReady: () => true,
  } satisfies AdminPages

  readonly api: ApiPages = {
    status: async () => ({
      ...{ version: '1.0.0', name: 'gw:8080', pid: 1, startedAt: new Date(0).toISOString(), ready: true },
      ...{ revision: '7', source: SOURCE, problems: 0 },
    }),
    problems: async () => this.list.problems,
    figures: async () => ({
      stepMs: 5_000,
      total: [{ t: 1, figures: [3, 1, 0, 2.5, null] }],
      routes: { user: [{ t: 1, figures: [3, 1, 0, 2.5, 9] }] },
      services: { user: [{ t: 1, figures: [3, 1, 0, 2.5, 9] }] },
    }),
    route: async id => {
      const route = this.list.routes.find(each => each.id === id)
      if (!route) return undefined
      const document = { text: '{}', key: `/waygate/routes/${id}`, revision: '5' }
      return { route: { ...route, nodes: [] }, document, problems: [], samples: [] }
    },
    service: async name => {
      const service = this.list.services.find(each => each.name === name)
      return service && { ...service, routes: ['user'], problems: [], samples: [] }
    },
    node: async (service, id) => {
      const node = this.list.services.find(({ name }) => name === service)?.nodes.find(each => each.id === id)
      const lease = { id: '7587', ttlSeconds: 10, leftSeconds: 8 }
      return node && { ...node, service, p50: 1, p99: null, key: `/services/${service}/${id}`, lease }
    },
    request: async id => {
      const request = this.entries.find(({ requestId }) => requestId === id)
      return request && { request, tries: [], explain: EXPLANATION }
    },
    serviceSummaries: async () =>
      this.list.services.map(({ nodes, ...state }) => ({
        ...state,
        routes: [],
        nodes: nodes.length,
        usable: 1,
      })),
    leases: async () => [{ id: '7587', ttlSeconds: 10, leftSeconds: 8, keys: ['/services/user/u1'] }],
    requests: async ({ limit }) => this.entries.slice(0, limit),
    inFlight: async () => [{ requestId: 'r2', method: 'GET', path: '/slow', ms: 40, attempts: 1 }],
    changes: async () => [
      {
        ...{ revision: '7', at: 1, source: '/services/', kind: 'node', key: '/services/user/u1', id: 'u1' },
        ...{ service: 'user', before: null, after: '{}' },
      },
    ],
    heartbeat: async ({ service, id, body, mustExist }) =>
      this.#answer(
        `heartbeat ${service} ${id} ${JSON.stringify(body)}${mustExist ? ' must exist' : ''}`,
        this.heartbeat,
      ),
    farewell: async ({ service, id }) => this.#answer(`farewell ${service} ${id}`, this.heartbeat),
    watch: listener => {
      this.listeners.add(listener)
      return () => void this.listeners.delete(listener)
    },
  }

  /** Options of an admin listener that shows this. */
  readonly options = {
    ...{ pages: this.pages, api: this.api, token: undefined },
    reload: async ({ dryRun }: { readonly dryRun: boolean }) =>
      this.#answer('reload', { ...RELOADED, applied: !dryRun }),
    features: { tail: true, dashboard: true, traceUrl: null },
  }

  #answer<Answer>(what: string, answer: Answer): Answer {
    this.asked.push(what)
    return answer
  }
}

const RELOADED: ReloadPage = {
  applied: true,
  changes: [{ path: 'drainMs', of: 'value', from: 1_000, to: null }],
  needsRestart: [{ path: 'adminPort', kept: 9_180 }, { path: 'tls.sealKeyFile' }],
  warnings: ['a warning'],
  refusedDocuments: [{ id: 'user', reason: '$.auth: is wrong' }],
}

const EXPLANATION = {
  steps: [{ step: 'outgoing', ok: true, text: 'GET /user/1', detail: { 'x-forwarded-for': '10.0.0.7' } }],
  route: null,
  candidates: [],
  nodes: [],
  wouldAnswer: null,
  revision: '7',
}

/** Starts an admin listener that shows a {@link FakeApi}. Closed after the test. */
export async function startAdmin(t: Pick<TestContext, 'after'>, options: Partial<AdminOptions> = {}) {
  const fake = new FakeApi()
  const errors: unknown[] = []
  const admin = createAdmin({
    ...fake.options,
    onInternalError: error => errors.push(error),
    ...options,
  })
  t.after(() => admin.close())
  await admin.listen({ host: '127.0.0.1', port: 0 })
  const { port } = admin.server.address() as AddressInfo
  const ask = (path: string, headers: Record<string, string> = {}) => send(port, { path, headers })
  return { fake, admin, port, ask, errors }
}
