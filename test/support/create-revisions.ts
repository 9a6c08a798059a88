import { createEtcdClient } from '../../discovery/etcd/client.ts'

/**
 * Returns the keys of a service with the revision that created each. A key that was missing, however briefly, has
 * another revision afterwards.
 *
 * @param urls etcd URLs, separated by commas
 */
export async function createRevisions(urls: string, service: string): Promise<ReadonlyMap<string, string>> {
  const client = createEtcdClient({ endpoints: urls.split(',') })
  try {
    const { kvs } = await client.kv.range({
      key: Buffer.from(`/services/${service}/`),
      // The end of the prefix range: 0 is the byte after the slash.
      range_end: Buffer.from(`/services/${service}0`),
    })
    return new Map(kvs.map(({ key, create_revision }) => [key.toString(), create_revision]))
  } finally {
    client.close()
  }
}
