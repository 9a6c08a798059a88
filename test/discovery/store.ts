import type { Etcd3 } from 'etcd3'
import { openEtcdClient } from '../support/etcd-client.ts'

/** A store as an operator uses it: puts and deletes keys directly. */
export interface Store {
  readonly client: Etcd3
  put(key: string, value: string): Promise<void>
  delete(key: string): Promise<void>
  /** Returns every key under the prefix with its value. */
  list(prefix: string): Promise<Map<string, string>>
  close(): void
}

export function storeAt(url: string): Store {
  const client = openEtcdClient(url)
  return {
    client,
    async put(key, value) {
      await client.put(key).value(value)
    },
    async delete(key) {
      await client.delete().key(key)
    },
    list: async prefix => new Map(Object.entries(await client.getAll().prefix(prefix).strings())),
    close: () => client.close(),
  }
}
