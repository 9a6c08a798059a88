import { createEtcdClient } from '../../discovery/etcd/client.ts'

/**
 * The keys of a service and the revision that created each. A key that was absent for a moment, however
 * short, has another one afterwards.
 *
 * @param urls of etcd, separated by commas
 */
export async function createRevisions(urls: string, service: string): Promise<ReadonlyMap<string, string>> {
  const client = createEtcdClient({ endpoints: urls.split(',') })
  try {
    const { kvs } = await client.kv.range({
      key: Buffer.from(`/services/${service}/`),
      // The end of the prefix: the byte after the slash.
      range_end: Buffer.from(`/services/${service}0`),
    })
    return new Map(kvs.map(({ key, create_revision }) => [key.toString(), create_revision]))
  } finally {
    client.close()
  }
}
