import { parseFilterOf } from '../../../internal/telemetry/filter.ts'
import { NODE_FIELDS, ROUTE_FIELDS } from '../../../internal/telemetry/table-fields.ts'
import { ApiError } from '../api-errors.ts'
import type { StatusPage } from '../api-types.ts'
import { writeFigures, writeRouteList } from '../write-pages.ts'
import { listNodes } from './node-list.ts'
import { countParameter, textParameter } from './parameters.ts'
import { REGISTRATION } from './registration.ts'
import { RELOAD_RESOURCE } from './reload.ts'
import { REQUEST_RESOURCES } from './request-resources.ts'
import { filterOr400, type Resource, resource } from './resource.ts'
import {
  FiguresAnswer,
  items,
  Lease,
  NodeAnswer,
  NodeItem,
  ProblemSchema,
  RouteAnswer,
  Routes,
  ServiceAnswer,
  ServiceItem,
  Status,
} from './table-schemas.ts'

/** More would keep the event loop busy while they are written. */
const MAX_NODES = 1_000

/** Every resource of the API. Those of the table stand here. */
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
    async read({ pages }, { query: { route, service } }) {
      const { stepMs, total, routes, services } = await pages.figures()
      if (route === undefined && service === undefined) return { stepMs, total, routes, services }
      return { stepMs, total, routes: only(routes, route), services: only(services, service) }
    },
    write: writeFigures,
  }),
  resource({
    method: 'GET',
    path: '/routes',
    summary: 'The table: its routes, and its services with their nodes',
    query: {
      filter: textParameter(
        'A filter, such as `service:user auth:none label:team=billing`. Default: all. It chooses routes, and with them services.',
      ),
    },
    answer: Routes,
    async read({ pages }, { query: { filter } }) {
      const list = await pages.routes()
      if (filter === undefined) return list
      const routes = list.routes.filter(filterOr400(() => parseFilterOf(ROUTE_FIELDS, filter)))
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
    read: async ({ pages }) => ({ items: await pages.serviceSummaries() }),
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
    path: '/nodes',
    summary: 'The nodes of all services, by service and id',
    query: {
      filter: textParameter('A filter, such as `service:user state:down meta:zone=b`. Default: all.'),
      limit: countParameter('How many at most.', { byDefault: MAX_NODES, max: MAX_NODES }),
      from: textParameter('`next` of the answer before, for those that follow.'),
    },
    answer: items(NodeItem),
    async read({ pages }, { query: { filter = '', limit, from } }) {
      const fits = filterOr400(() => parseFilterOf(NODE_FIELDS, filter))
      return listNodes((await pages.services()).services, { fits, limit, from })
    },
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
    read: async ({ pages }) => {
      const items = await pages.leases()
      if (items === undefined)
        throw new ApiError('WA_REGISTRY', 'the registry does not answer; /api/v1/status says why')
      return { items }
    },
  }),
  ...REQUEST_RESOURCES,
  ...REGISTRATION,
  RELOAD_RESOURCE,
]

function only<T>(
  of: Readonly<Record<string, readonly T[]>>,
  name: string | undefined,
): Record<string, readonly T[]> {
  return name === undefined ? {} : { [name]: (Object.hasOwn(of, name) ? of[name] : undefined) ?? [] }
}
