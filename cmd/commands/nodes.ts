import type { LeaseOfKey, NodeDetail, ServiceDetail } from '../../routes/admin/api-types.ts'
import type { NodePage, ServicesPage } from '../../routes/admin/page-types.ts'
import type { NodesCommand } from '../cli/command.ts'
import { type Column, formatFacts, print, printListing, printPage, tell, visible } from '../cli/output.ts'
import { AdminClient } from './admin-client.ts'

/** A node with the name of its service. */
export interface NodeRow extends NodePage {
  readonly service: string
}

/** Runs `waygate nodes`. Resolves with the exit code. */
export async function runNodes(command: NodesCommand): Promise<number> {
  const { service, id, output } = command
  const client = new AdminClient(command)
  if (service !== undefined && id !== undefined) {
    const node = await client.read<NodeDetail>(
      `/api/v1/nodes/${encodeURIComponent(service)}/${encodeURIComponent(id)}`,
    )
    if (output === 'json' || output === 'yaml') printPage(output, node)
    else print(output === 'name' ? nameOfNode(node) : describeNode(node))
    return 0
  }
  const rows = await readNodeRows(client, service)
  const listing = { rows, columns: NODE_COLUMNS, nameOf: nameOfNode, page: { items: rows } }
  printListing(output, listing, service === undefined ? 'no node' : `${service} has no node`)
  if (output === 'table' || output === 'wide') tellProblems(rows)
  return 0
}

/** Reads the nodes of a service, or of all of them. */
export async function readNodeRows(client: AdminClient, service?: string): Promise<NodeRow[]> {
  const { services } =
    service === undefined
      ? await client.read<ServicesPage>('/services')
      : { services: [await client.read<ServiceDetail>(`/api/v1/services/${encodeURIComponent(service)}`)] }
  return services.flatMap(({ name, nodes }) => nodes.map(node => ({ service: name, ...node })))
}

export function nameOfNode({ service, id }: Pick<NodeRow, 'service' | 'id'>): string {
  return `${service}/${id}`
}

export const NODE_COLUMNS: readonly Column<NodeRow>[] = [
  { title: 'NODE', cell: nameOfNode },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'WEIGHT', cell: ({ weight }) => weight },
  { title: 'BREAKER', cell: ({ breaker }) => breaker },
  { title: 'HEALTH', cell: ({ health }) => health },
  { title: 'IN FLIGHT', cell: ({ inFlight }) => inFlight },
  { title: 'REQUESTS', cell: ({ requests }) => requests },
  { title: 'FAILURES', cell: ({ failures }) => failures },
  { title: 'ADDRESS', cell: ({ address }) => address },
  { title: 'TIMEOUTS', cell: ({ timeouts }) => timeouts, wide: true },
  { title: 'PROTOCOL', cell: ({ protocol }) => protocol, wide: true },
  { title: 'METADATA', cell: ({ metadata }) => metadataText(metadata), wide: true },
]

/** Says on stderr what is wrong with nodes that are in use. */
export function tellProblems(nodes: readonly NodeRow[]): void {
  for (const node of nodes)
    if (node.problem !== undefined) tell(visible(`${nameOfNode(node)}: ${node.problem}`))
}

/** Says how long a lease lasts, and how much of that is left. */
export function describeLease({ id, leftSeconds, ttlSeconds }: LeaseOfKey): string {
  return `${id}, ${leftSeconds} s left of ${ttlSeconds} s`
}

function describeNode(node: NodeDetail): string {
  const { p50, p99, lease, key, protocol, metadata } = node
  return formatFacts([
    ['node', nameOfNode(node)],
    ['address', node.address],
    ['protocol', protocol],
    ['weight', node.weight],
    ['state', node.state],
    ['breaker', node.breaker],
    ['health', node.health],
    ['in flight', node.inFlight],
    ['tries', `${node.requests}, ${node.failures} failed, ${node.timeouts} of them by time`],
    ['times', p50 === null ? undefined : `p50 ${p50} ms, p99 ${p99} ms`],
    ['key', key],
    [
      'lease',
      key === null
        ? undefined
        : lease === null
          ? 'none: the node stays until somebody deletes its key'
          : lease === undefined
            ? 'unknown: the registry does not answer'
            : describeLease(lease),
    ],
    ['metadata', metadataText(metadata)],
    ['problem', node.problem],
  ])
}

function metadataText(metadata: NodePage['metadata']): string {
  return Object.entries(metadata)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}
