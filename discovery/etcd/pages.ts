import type { Etcd3, IKeyValue } from 'etcd3'
import type { PrefixRange } from './key-bytes.ts'

export interface PageRequest {
  /** The first key of the page; undefined means the start of the range. */
  readonly from?: Buffer | undefined
  /** The revision to read at; undefined means the current one. */
  readonly revision?: bigint | undefined
  readonly limit: number
}

export interface Page<Item> {
  /** The current revision of the store when it read the page. */
  readonly revision: bigint
  readonly clusterId: string
  readonly items: readonly Item[]
  /** The first key of the next page; undefined after the last page. */
  readonly next: Buffer | undefined
}

/** Reads one page of a range with a linearizable read. */
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
  /** The revision to read at; undefined means the current one when the first page is read. */
  readonly revision?: bigint | undefined
  /** Called for each key, in order, as the pages arrive. */
  readonly take: (item: Item) => void
}

/**
 * Reads a range in full, with all pages at the same revision. Resolves with that revision.
 *
 * @throws Error when the pages came from two clusters, because the endpoint was given to another one in
 * between
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
    if (page.clusterId !== clusterId)
      throw new Error('the endpoint changed to another cluster during the read')
  }
}
