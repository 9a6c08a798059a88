import type { Etcd3, IKeyValue } from 'etcd3'
import { prefixRange } from '../key-bytes.ts'
import { readAllPages, readPage } from '../pages.ts'
import { type StoredKey, storedKey } from '../transport.ts'

/** Everything below a prefix at one revision. */
export interface PrefixContent {
  readonly keys: readonly StoredKey[]
  readonly revision: bigint
  /** The size of all keys and values. */
  readonly bytes: number
  readonly tookMs: number
}

const PAGE_SIZE = 1_000

/** Reads everything below `prefix`, in pages at one revision, as the gateway does. */
export async function readPrefix(client: Etcd3, prefix: string, signal: AbortSignal): Promise<PrefixContent> {
  const startedAt = performance.now()
  const range = prefixRange(prefix)
  const keys: StoredKey[] = []
  let bytes = 0
  const { revision } = await readAllPages<IKeyValue>({
    async read(request) {
      signal.throwIfAborted()
      return readPage(client, range, request)
    },
    limit: PAGE_SIZE,
    take(item) {
      bytes += item.key.length + item.value.length
      keys.push(storedKey(item))
    },
  })
  return { keys, revision, bytes, tookMs: performance.now() - startedAt }
}
