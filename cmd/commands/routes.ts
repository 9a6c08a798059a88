import { pairsText } from '../../internal/telemetry/format.ts'
import { authOf, labelsOf } from '../../internal/telemetry/table-fields.ts'
import type { ListedRoute, RouteList } from '../../routes/admin/page-types.ts'
import type { RoutesCommand } from '../cli/command.ts'
import { type Column, printListing, tell, visible } from '../cli/output.ts'
import { AdminClient } from './admin-client.ts'

/** Runs `waygate routes`: prints the live table of a running gateway. Resolves with the exit code. */
export async function runRoutes(command: RoutesCommand): Promise<number> {
  const { filter, output } = command
  const query = filter === '' ? '' : `?filter=${encodeURIComponent(filter)}`
  const page = await new AdminClient(command).read<RouteList>(`/api/v1/routes${query}`)
  const isTable = output === 'table' || output === 'wide'
  if (isTable) tell(describeTable(page))
  const listing = { rows: page.routes, columns: columnsOf(page), nameOf: nameOfRoute, page }
  printListing(output, listing, filter === '' ? 'no route' : 'no route fits the filter')
  if (isTable && page.problems.length > 0) {
    tell(['', 'Problems:', ...page.problems.map(problem => `  ${describeProblem(problem)}`)].join('\n'))
  }
  return 0
}

/** Says in one line how far the table can be relied on. */
export function describeState({ revision, source }: Pick<RouteList, 'revision' | 'source'>): string {
  if (revision === null) return 'none yet'
  const state = source.stale ? (source.connected ? 'stale' : 'stale, not connected') : 'live'
  const age = source.ageMs === undefined ? '' : `, confirmed ${Math.round(source.ageMs / 100) / 10} s ago`
  const doubt = source.suspects > 0 ? `, ${source.suspects} suspect keys` : ''
  const drift = source.drift > 0 ? `, drift ${source.drift}` : ''
  return `${source.registry} revision ${revision} (${state}${age}${doubt}${drift})`
}

function describeTable({ revision, source, defaultAuth }: RouteList): string {
  return [
    describeState({ revision, source }),
    ...(source.connected || source.reason === undefined ? [] : [visible(source.reason)]),
    ...(defaultAuth === 'none'
      ? ['no token key is configured: routes without auth are open to everyone']
      : []),
    '',
  ].join('\n')
}

/** Says what is wrong with a key, and what is used in its place. */
export function describeProblem({ key, reason, lastGood }: RouteList['problems'][number]): string {
  const inUse = lastGood
    ? ` (last good of revision ${lastGood.revision} in use, since ${lastGood.since})`
    : ''
  return visible(`${key}: ${reason}${inUse}`)
}

function nameOfRoute({ id }: ListedRoute): string {
  return id
}

function columnsOf({ routes, services }: RouteList): readonly Column<ListedRoute>[] {
  const nodesOf = new Map(services.map(({ name, nodes }) => [name, nodes]))
  return [
    { title: 'ROUTE', cell: nameOfRoute },
    { title: 'METHODS', cell: ({ methods }) => methods?.join(',') ?? '*' },
    {
      title: 'PATH',
      cell: ({ hosts, path, match }) => `${hosts?.join(',') ?? ''}${path}${match ? ' (match)' : ''}`,
    },
    { title: 'SERVICE', cell: ({ service }) => service },
    {
      title: 'AUTH',
      cell: route => (route.broken ? 'broken: 503' : authOf(route).join(',')),
    },
    {
      title: 'NODES',
      cell: ({ service }) => {
        if (service === '') return undefined
        const nodes = nodesOf.get(service) ?? []
        return nodes.length === 0
          ? 'none'
          : `${nodes.filter(({ state }) => state === 'up').length}/${nodes.length} up`
      },
    },
    { title: 'REQUESTS', cell: ({ requests }) => requests },
    { title: 'FAILURES', cell: ({ failures }) => failures },
    ...(routes.some(({ labels }) => labels)
      ? [{ title: 'LABELS', cell: (route: ListedRoute) => pairsText(labelsOf(route)) }]
      : []),
    { title: 'ORIGIN', cell: ({ origin }) => origin, wide: true },
    { title: 'DESCRIPTION', cell: ({ description }) => description as string | undefined, wide: true },
  ]
}
