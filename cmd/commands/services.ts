import type { ServiceDetail, ServiceSummary } from '../../routes/admin/api-types.ts'
import type { ServicesCommand } from '../cli/command.ts'
import { type Column, formatFacts, formatTable, print, printListing, printPage, tell } from '../cli/output.ts'
import { AdminClient } from './admin-client.ts'
import { NODE_COLUMNS, tellProblems } from './nodes.ts'
import { describeProblem } from './routes.ts'

/** Runs `waygate services`. Resolves with the exit code. */
export async function runServices(command: ServicesCommand): Promise<number> {
  const { name, output } = command
  const client = new AdminClient(command)
  if (name === undefined) {
    const items = await client.readItems<ServiceSummary>('/api/v1/services')
    const rows = items.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    printListing(
      output,
      { rows, columns: COLUMNS, nameOf: each => each.name, page: { items: rows } },
      'no service',
    )
    return 0
  }
  const service = await client.read<ServiceDetail>(`/api/v1/services/${encodeURIComponent(name)}`)
  if (output === 'json' || output === 'yaml') printPage(output, service)
  else if (output === 'name') print(service.name)
  else describeService(service, output === 'wide')
  return 0
}

const COLUMNS: readonly Column<ServiceSummary>[] = [
  { title: 'SERVICE', cell: ({ name }) => name },
  { title: 'NODES', cell: ({ nodes, usable }) => (nodes === 0 ? 'none' : `${usable}/${nodes} usable`) },
  { title: 'LIMIT', cell: limitOf },
  { title: 'RETRIES', cell: ({ retries }) => retries.begun },
  { title: 'BUDGET', cell: ({ retries }) => retries.budget },
  { title: 'PANIC', cell: ({ panicking }) => (panicking ? 'yes' : 'no') },
  { title: 'ROUTES', cell: ({ routes }) => routes.join(',') },
  { title: 'HEDGES', cell: ({ retries }) => retries.hedges, wide: true },
  { title: 'METHODS', cell: ({ descriptors }) => descriptors?.methods, wide: true },
]

function describeService(service: ServiceDetail, isWide: boolean): void {
  const { name, routes, nodes, panicking, retries, descriptors, problems } = service
  const facts = formatFacts([
    ['service', name],
    ['routes', routes.join(', ') || 'none'],
    ['limit', limitOf(service)],
    ['retries', `${retries.begun} begun, ${retries.refused} refused, budget ${retries.budget}`],
    ['panic', panicking ? 'yes: all nodes fail their health checks, so all are used' : undefined],
    ['methods', descriptors && `${descriptors.methods} of gRPC, from ${descriptors.source ?? 'nowhere'}`],
  ])
  const rows = nodes.map(node => ({ service: name, ...node }))
  const table =
    rows.length === 0
      ? 'no node'
      : formatTable(rows, NODE_COLUMNS, isWide ? Number.POSITIVE_INFINITY : undefined)
  print(`${facts}\n\n${table}`)
  tellProblems(rows)
  for (const problem of problems) tell(describeProblem(problem))
}

function limitOf({ limit }: Pick<ServiceSummary, 'limit'>): string | undefined {
  if (limit === undefined) return undefined
  return `${limit.inFlight}/${limit.limit}${limit.queued > 0 ? `, ${limit.queued} wait` : ''}`
}
