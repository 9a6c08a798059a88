import { EtcdRegistry, type EtcdRegistryOptions } from './etcd/etcd-registry.ts'
import { FileRegistry } from './file-registry.ts'
import { MemoryRegistry } from './memory-registry.ts'
import type { Registry } from './registry.ts'

/** What registries are made from; each takes what it needs. */
export interface RegistryOptions extends EtcdRegistryOptions {
  /** Where the file registry has its nodes and routes from. */
  readonly file?: string | undefined
}

/** Every registry that can be chosen by name. */
export const registries: ReadonlyMap<string, (options: RegistryOptions) => Registry> = new Map<
  string,
  (options: RegistryOptions) => Registry
>([
  ['etcd', options => new EtcdRegistry(options)],
  ['file', ({ file }) => new FileRegistry({ file })],
  ['memory', options => new MemoryRegistry(options)],
])
