import { EtcdRegistry, type EtcdRegistryOptions } from './etcd/etcd-registry.ts'
import { MemoryRegistry } from './memory-registry.ts'
import type { Registry } from './registry.ts'

/** Every registry that can be chosen by name. */
export const registries: ReadonlyMap<string, (options: EtcdRegistryOptions) => Registry> = new Map<
  string,
  (options: EtcdRegistryOptions) => Registry
>([
  ['etcd', options => new EtcdRegistry(options)],
  ['memory', () => new MemoryRegistry()],
])
