import { pairsText } from '../../internal/telemetry/format.ts'
import type { LeaseOfKey, NodeDetail, ServiceNode } from '../../routes/admin/api-types.ts'
import type { NodesCommand } from '../cli/command.ts'
import { type Column, formatFacts, print, printListing, printPage, tell, visible } from '../cli/output.ts'
import { AdminClient } from './admin-client.ts'

/** Runs `waygate nodes`. Resolves with the exit code. */
export async function runNodes(command: NodesCommand): Promise<number> {
  const { service, id, filter, output } = command
  const client = new AdminClient(command)
  if (service !== undefined && id !== undefined) {
    const node = await client.read<NodeDetail>(
      `/api/v1/nodes/${encodeURIComponent(service)}/${encodeURIComponent(id)}`,
    )
    if (output === 'json' || output === 'yaml') printPage(output, node)
    else print(output === 'name' ? nameOfNode(node) : describeNode(node))
    return 0
  }
  const rows = await readNodes(client, command)
  const listing = { rows, columns: NODE_COLUMNS, nameOf: nameOfNode, page: { items: rows } }
  const nothing =
    filter === '' ? `${service === undefined ? '' : `${service} has `}no node` : 'no node fits the filter'
  printListing(output, listing, nothing)
  if (output === 'table' || output === 'wide') tellProblems(rows)
  return 0
}

/** @throws MissingError when there is no such service */
async function readNodes(
  client: AdminClient,
  { service, filter }: NodesCommand,
): Promise<readonly ServiceNode[]> {
  if (service === undefined) return client.readItems(nodesPath(filter))
  const found = await client.readItems<ServiceNode>(nodesPath(`${filter} service:${service}`))
  // To a filter, upper and lower case are the same.
  const rows = found.filter(node => node.service === service)
  if (rows.length === 0) await client.read(`/api/v1/services/${encodeURIComponent(service)}`)
  return rows
}

function nodesPath(filter: string): string {
  return filter === '' ? '/api/v1/nodes' : `/api/v1/nodes?filter=${encodeURIComponent(filter.trim())}`
}

export function nameOfNode({ service, id }: Pick<ServiceNode, 'service' | 'id'>): string {
  return `${service}/${id}`
}

export const NODE_COLUMNS: readonly Column<ServiceNode>[] = [
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
  { title: 'METADATA', cell: ({ metadata }) => pairsText(metadata), wide: true },
]

/** Says on stderr what is wrong with nodes that are in use. */
export function tellProblems(nodes: readonly ServiceNode[]): void {
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
    ['metadata', pairsText(metadata)],
    ['problem', node.problem],
  ])
}
