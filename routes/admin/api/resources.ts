import { parseFilter } from '../../../internal/telemetry/filter.ts'
import { ApiError } from '../api-errors.ts'
import type { ApiPages, StatusPage } from '../api-types.ts'
import type { Caller } from '../callers.ts'
import { readCheckQuestion, readQuestion } from '../explain.ts'
import { writeRouteList } from '../write-pages.ts'
import type { ApiOptions } from './api-options.ts'
import type { Schema } from './json-schema.ts'
import { maskDetail, maskRequests } from './masked.ts'
import { countParameter, flagParameter, type Parameters, textParameter, type ValuesOf } from './parameters.ts'
import { ReloadAnswer, reloadFor } from './reload.ts'
import {
  Change,
  Explanation,
  Judgement,
  OpenCallItem,
  RequestAnswer,
  RequestItem,
} from './request-schemas.ts'
import {
  FiguresAnswer,
  items,
  Lease,
  NodeAnswer,
  ProblemSchema,
  RouteAnswer,
  Routes,
  ServiceAnswer,
  ServiceItem,
  Status,
} from './table-schemas.ts'

/** What the resources are answered from. */
type ResourceContext = Pick<ApiOptions, 'pages' | 'api' | 'features' | 'reload'>

interface ResourceRequest<Query extends Parameters = Parameters> {
  readonly caller: Caller
  /** The parts of the path that the resource leaves open. */
  readonly path: Readonly<Record<string, string>>
  readonly query: ValuesOf<Query>
  /** The body as JSON; undefined when there is none. */
  readonly body: unknown
}

/** A resource of `/api/v1`. The router, the OpenAPI document and the docs follow from these. */
export interface Resource<Answer = unknown, Query extends Parameters = Parameters> {
  /** What is posted is a question, which has a body and changes nothing, or a reload. */
  readonly method: 'GET' | 'POST'
  /** Below `/api/v1`, with the open parts in braces. */
  readonly path: string
  readonly summary: string
  readonly query?: Query
  readonly answer: Schema<Answer>
  /** The schema of the body of a question. */
  readonly body?: object
  /** Resolves with undefined when there is no such thing. */
  read(context: ResourceContext, request: ResourceRequest<Query>): Promise<Answer | undefined>
  /** Writes an answer that may be large, in pieces. */
  write?(answer: Answer): AsyncIterable<string>
  etagOf?(answer: Answer): string | undefined
}

/** Keeps the types of a resource together. */
function resource<Answer, Query extends Parameters = Parameters>(of: Resource<Answer, Query>): Resource {
  return of as unknown as Resource
}

/** The largest limit: as many requests as one process keeps. */
const MAX_REQUESTS = 1_024
const MAX_CHANGES = 500

const FILTER = 'A filter, such as `service:user status:5xx`. Default: all.'

export const RESOURCES: readonly Resource[] = [
  resource({
    method: 'GET',
    path: '/status',
    summary:
      'The gateway: its version, whether it is ready, where its table comes from, and the role of the caller',
    answer: Status,
    read: async ({ api, features }, { caller }): Promise<StatusPage> => ({
      ...(await api.status()),
      role: caller.role,
      features,
    }),
  }),
  resource({
    method: 'GET',
    path: '/problems',
    summary: 'What is wrong with the table, and what is used as it is written and should be changed',
    answer: items(ProblemSchema),
    read: async ({ api }) => ({ items: await api.problems() }),
  }),
  resource({
    method: 'GET',
    path: '/figures',
    summary: 'Requests, errors and times of the last ten minutes',
    query: {
      route: textParameter('The id of a route: its samples alone, and none of services.'),
      service: textParameter('The name of a service: its samples alone, and none of routes.'),
    },
    answer: FiguresAnswer,
    async read({ api }, { query: { route, service } }) {
      const { stepMs, total, routes, services } = await api.figures()
      if (route === undefined && service === undefined) return { stepMs, total, routes, services }
      return { stepMs, total, routes: only(routes, route), services: only(services, service) }
    },
  }),
  resource({
    method: 'GET',
    path: '/routes',
    summary: 'The table: its routes, and its services with their nodes',
    query: { filter: textParameter(`${FILTER} It chooses routes, and with them services.`) },
    answer: Routes,
    async read({ pages }, { query: { filter } }) {
      const list = await pages.routes()
      if (filter === undefined) return list
      const fits = readFilter(filter)
      const routes = list.routes.filter(({ id, path, service }) => fits({ route: id, path, service }))
      const names = new Set(routes.map(({ service }) => service))
      return { ...list, routes, services: list.services.filter(({ name }) => names.has(name)) }
    },
    write: writeRouteList,
  }),
  resource({
    method: 'GET',
    path: '/routes/{id}',
    summary: 'A route: its document, what is in force, its nodes and its last ten minutes',
    answer: RouteAnswer,
    read: ({ api }, { path }) => api.route(path.id!),
    etagOf: ({ document }) => (document === null ? undefined : `"${document.revision}"`),
  }),
  resource({
    method: 'GET',
    path: '/services',
    summary: 'The services, without their nodes',
    answer: items(ServiceItem),
    read: async ({ api }) => ({ items: await api.serviceSummaries() }),
  }),
  resource({
    method: 'GET',
    path: '/services/{name}',
    summary: 'A service: its nodes, its routes and its last ten minutes',
    answer: ServiceAnswer,
    read: ({ api }, { path }) => api.service(path.name!),
  }),
  resource({
    method: 'GET',
    path: '/nodes/{service}/{id}',
    summary: 'A node: its state, its times, and its lease in the registry',
    answer: NodeAnswer,
    read: ({ api }, { path }) => api.node(path.service!, path.id!),
  }),
  resource({
    method: 'GET',
    path: '/leases',
    summary: 'The leases of nodes, locks and elections in the registry',
    answer: items(Lease),
    read: async ({ api }) => {
      const items = await api.leases()
      if (items === undefined)
        throw new ApiError('WA_REGISTRY', 'the registry does not answer; /api/v1/status says why')
      return { items }
    },
  }),
  resource({
    method: 'GET',
    path: '/requests',
    summary: 'Finished requests, newest first',
    query: {
      filter: textParameter(FILTER),
      problems: flagParameter('1: only requests that went wrong.'),
      limit: countParameter('How many at most.', { byDefault: 100, max: MAX_REQUESTS }),
    },
    answer: items(RequestItem),
    async read(context, { caller, query: { filter = '', problems, limit } }) {
      const api = withTail(context)
      const fits = readFilter(filter)
      if (!caller.isMasked) return { items: await api.requests({ filter, problems, limit }) }
      // What is hidden must not be found by a filter either.
      const all = await api.requests({ filter: '', problems, limit: Number.MAX_SAFE_INTEGER })
      return { items: maskRequests(all, fits, limit) }
    },
  }),
  resource({
    method: 'GET',
    path: '/requests/{id}',
    summary: 'A finished request: its tries, and what would happen to it now',
    answer: RequestAnswer,
    async read(context, { caller, path }) {
      const detail = await withTail(context).request(path.id!)
      return detail && caller.isMasked ? maskDetail(detail) : detail
    },
  }),
  resource({
    method: 'GET',
    path: '/in-flight',
    summary: 'Requests under way, the longest first',
    query: {
      over: countParameter('How long they must have been under way, milliseconds.', {
        byDefault: 0,
        max: Number.MAX_SAFE_INTEGER,
      }),
    },
    answer: items(OpenCallItem),
    read: async (context, { query: { over } }) => ({ items: await withTail(context).inFlight(over) }),
  }),
  resource({
    method: 'GET',
    path: '/changes',
    summary: 'Changes of the table, as they were seen from the registry, newest first',
    query: { limit: countParameter('How many at most.', { byDefault: 100, max: MAX_CHANGES }) },
    answer: items(Change),
    read: async ({ api }, { query: { limit } }) => ({ items: await api.changes(limit) }),
  }),
  resource({
    method: 'POST',
    path: '/explain',
    summary: 'What would happen to a request, and why',
    body: {
      type: 'object',
      required: ['url'],
      properties: {
        method: { type: 'string', default: 'GET' },
        url: { type: 'string', description: 'A path, or an absolute URL.' },
        headers: { type: 'object' },
        client: { type: 'string', description: 'The address of the connection.', default: '127.0.0.1' },
        claims: { type: 'object', description: 'Claims that are taken as verified.' },
        verify: {
          type: 'boolean',
          description: 'Whether the credentials in `headers` are really verified. Needs the role operate.',
        },
      },
      additionalProperties: false,
    },
    answer: Explanation,
    async read({ pages }, { caller, body }) {
      const question = question400(readQuestion, body)
      if (question.verify && caller.role !== 'operate') {
        throw new ApiError('WA_ROLE', 'verifying credentials needs a token with the role operate')
      }
      return (await pages.explain(question)) ?? noWorker()
    },
  }),
  resource({
    method: 'POST',
    path: '/check',
    summary: 'Whether a route document could be written under an id',
    body: {
      type: 'object',
      required: ['id', 'document'],
      properties: { id: { type: 'string' }, document: { type: 'object' } },
    },
    answer: Judgement,
    read: async ({ pages }, { body }) =>
      (await pages.check(question400(readCheckQuestion, body))) ?? noWorker(),
  }),
  resource({
    method: 'POST',
    path: '/reload',
    summary: 'Loads the configuration again, as SIGHUP does, and answers with what has changed',
    query: { dryRun: flagParameter('1: only says what would change.') },
    answer: ReloadAnswer,
    read: ({ reload }, { caller, query: { dryRun } }) => reloadFor(caller, reload, dryRun),
  }),
]

function only<T>(
  of: Readonly<Record<string, readonly T[]>>,
  name: string | undefined,
): Record<string, readonly T[]> {
  return name === undefined ? {} : { [name]: (Object.hasOwn(of, name) ? of[name] : undefined) ?? [] }
}

/** @throws ApiError when requests are not kept */
export function withTail({ api, features }: Pick<ResourceContext, 'api' | 'features'>): ApiPages {
  if (features.tail) return api
  throw new ApiError('WA_TAIL_OFF', 'requests are not kept, because admin.tail is false')
}

/** @throws ApiError that names the word which cannot be read */
export function readFilter(text: string): ReturnType<typeof parseFilter> {
  try {
    return parseFilter(text)
  } catch (error) {
    throw new ApiError('WA_QUERY', `filter: ${(error as Error).message}`)
  }
}

function question400<Question>(read: (body: unknown) => Question, body: unknown): Question {
  try {
    return read(body)
  } catch (error) {
    throw new ApiError('WA_BODY', (error as Error).message)
  }
}

function noWorker(): never {
  throw new ApiError('WA_NO_WORKER', 'no worker answers; try again')
}
