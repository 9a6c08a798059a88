import type { RegistryEntry, Service } from './registry.ts'

/** Collects the nodes of a service from the entries of a registry. Returns undefined when there are none. */
export function serviceOf(name: string, entries: readonly RegistryEntry[]): Service | undefined {
  const nodes = entries
    .flatMap(entry => (entry.kind === 'nodes' ? entry.nodes : []))
    .filter(node => node.service === name)
    .sort((a, b) => compareKeys(a.id, b.id))
  return nodes.length > 0 ? { name, nodes } : undefined
}

/** Compares keys, ids or names in the order of etcd's keys, for use with `sort`. */
export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
