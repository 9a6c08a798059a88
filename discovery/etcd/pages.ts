import type { Etcd3, IKeyValue } from 'etcd3'
import type { PrefixRange } from './key-bytes.ts'

export interface PageRequest {
  /** Where the page begins; undefined = where the range does. */
  readonly from?: Buffer | undefined
  /** What to read at; undefined = what the store is at. */
  readonly revision?: bigint | undefined
  readonly limit: number
}

export interface Page<Item> {
  /** What the store was at when it read this. */
  readonly revision: bigint
  readonly clusterId: string
  readonly items: readonly Item[]
  /** Where the next page begins; undefined after the last. */
  readonly next: Buffer | undefined
}

/** One page of a range, linearizable. */
export async function readPage(
  client: Etcd3,
  range: PrefixRange,
  { from = range.key, revision, limit }: PageRequest,
): Promise<Page<IKeyValue>> {
  const { header, kvs, more } = await client.kv.range({
    ...range,
    key: from,
    limit,
    ...(revision !== undefined && { revision: String(revision) }),
  })
  const last = kvs.at(-1)
  return {
    revision: BigInt(header.revision),
    clusterId: header.cluster_id,
    items: kvs,
    next: more && last ? Buffer.concat([last.key, Buffer.of(0)]) : undefined,
  }
}

export interface AllPages<Item> {
  /** Reads one page. */
  readonly read: (request: PageRequest) => Promise<Page<Item>>
  readonly limit: number
  /** What to read at; undefined = what the store is at when it reads the first page. */
  readonly revision?: bigint | undefined
  /** Called for each key, in order, as its page comes. */
  readonly take: (item: Item) => void
}

/**
 * Reads a range whole, every page of it at one revision, which it resolves with.
 *
 * @throws Error when the pages came from two stores: the endpoint was given to another cluster in between
 */
export async function readAllPages<Item>({
  read,
  limit,
  revision,
  take,
}: AllPages<Item>): Promise<{ readonly revision: bigint; readonly clusterId: string }> {
  let page = await read({ revision, limit })
  const { clusterId } = page
  const at = revision ?? page.revision
  for (;;) {
    for (const item of page.items) take(item)
    if (!page.next) return { revision: at, clusterId }
    page = await read({ from: page.next, revision: at, limit })
    if (page.clusterId !== clusterId) throw new Error('the cluster changed while it was read')
  }
}
