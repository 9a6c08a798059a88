import type { Etcd3 } from 'etcd3'
import { openEtcdClient } from './etcd-client.ts'

export interface NodeValue {
  readonly port: number
  readonly weight?: number
}

/** Writes nodes and routes to an etcd, like services and operators do. The caller disposes of it. */
export interface RegistryWriter extends Disposable {
  readonly client: Etcd3
  putNode(service: string, id: string, value: NodeValue): Promise<void>
  deleteNode(service: string, id: string): Promise<void>
  putRoute(id: string, document: object): Promise<void>
  put(key: string, value: string): Promise<void>
}

export function openRegistry(url: string): RegistryWriter {
  const client = openEtcdClient(url)
  const put = async (key: string, value: string) => void (await client.put(key).value(value))
  return {
    client,
    put,
    putNode: (service, id, { port, weight = 1 }) =>
      put(`/services/${service}/${id}`, JSON.stringify({ id, ip: '127.0.0.1', port, weight })),
    deleteNode: async (service, id) => void (await client.delete().key(`/services/${service}/${id}`)),
    putRoute: (id, document) => put(`/waygate/routes/${id}`, JSON.stringify(document)),
    [Symbol.dispose]: () => client.close(),
  }
}
