import type { EtcdRegistryOptions } from './etcd/etcd-registry.ts'
import type { Registry } from './registry.ts'

/** The options of all registries. Each registry takes those that it needs. */
export interface RegistryOptions extends EtcdRegistryOptions {
  /** The file from which the file registry reads nodes and routes. */
  readonly file?: string | undefined
}

type CreateRegistry = (options: RegistryOptions) => Promise<Registry>

/** The registries that can be chosen by name. Only the chosen one is loaded. */
export const registries: ReadonlyMap<string, CreateRegistry> = new Map<string, CreateRegistry>([
  ['etcd', async options => new (await import('./etcd/etcd-registry.ts')).EtcdRegistry(options)],
  ['file', async ({ file }) => new (await import('./file-registry.ts')).FileRegistry({ file })],
  ['memory', async options => new (await import('./memory-registry.ts')).MemoryRegistry(options)],
])
