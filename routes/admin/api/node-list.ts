import type { Filter } from '../../../internal/telemetry/filter.ts'
import type { FilteredNode } from '../../../internal/telemetry/table-fields.ts'
import type { Items, ServiceNode } from '../api-types.ts'
import type { ServicePage } from '../page-types.ts'
import { Turns } from '../turns.ts'

export interface NodeListOptions {
  readonly fits: Filter<FilteredNode>
  readonly limit: number
  /** `next` of the list before; undefined = from the first node on. */
  readonly from: string | undefined
}

/**
 * Lists the nodes that fit, by the names of their services and then by their ids. There may be many nodes, so it yields the
 * event loop meanwhile. A node that has gone between two parts of a list moves no other one.
 */
export async function listNodes(
  services: readonly ServicePage[],
  { fits, limit, from = '' }: NodeListOptions,
): Promise<Items<ServiceNode>> {
  const turns = new Turns()
  const items: ServiceNode[] = []
  // The id of a node may contain slashes, the name of a service does not.
  const [, firstService = '', lastId] = /^([^/]*)(?:\/(.*))?$/s.exec(from) ?? []
  for (const { name, nodes } of services.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (name < firstService) continue
    const found: ServiceNode[] = []
    for (const node of nodes) {
      const item = { ...node, service: name }
      const isAhead = name !== firstService || lastId === undefined || node.id > lastId
      if (isAhead && fits(item)) found.push(item)
      if (turns.isOver) await turns.next()
    }
    // Registries list keys in this order already, so it takes little time.
    for (const item of found.sort((a, b) => (a.id < b.id ? -1 : 1))) {
      const last = items.at(-1)
      if (items.length === limit) return { items, ...(last && { next: `${last.service}/${last.id}` }) }
      items.push(item)
    }
  }
  return { items }
}
