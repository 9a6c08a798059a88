import type { RegistryEntry, Service } from './registry.ts'

/** The service of that name as a registry's keys tell of it; undefined when none names a node of it. */
export function serviceOf(name: string, entries: readonly RegistryEntry[]): Service | undefined {
  const nodes = entries
    .flatMap(entry => (entry.kind === 'nodes' ? entry.nodes : []))
    .filter(node => node.service === name)
    .sort((a, b) => compareKeys(a.id, b.id))
  return nodes.length > 0 ? { name, nodes } : undefined
}

/** The order of etcd's keys for everything a key is made of here; for `sort`. */
export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
