import { EtcdRegistry, type EtcdRegistryOptions } from './etcd/etcd-registry.ts'
import { FileRegistry } from './file-registry.ts'
import { MemoryRegistry } from './memory-registry.ts'
import type { Registry } from './registry.ts'

/** The options of all registries. Each registry takes those that it needs. */
export interface RegistryOptions extends EtcdRegistryOptions {
  /** The file from which the file registry reads nodes and routes. */
  readonly file?: string | undefined
}

/** The registries that can be chosen by name. */
export const registries: ReadonlyMap<string, (options: RegistryOptions) => Registry> = new Map<
  string,
  (options: RegistryOptions) => Registry
>([
  ['etcd', options => new EtcdRegistry(options)],
  ['file', ({ file }) => new FileRegistry({ file })],
  ['memory', options => new MemoryRegistry(options)],
])
