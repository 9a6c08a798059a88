import type { Etcd3, IKeyValue } from 'etcd3'
import { prefixRange, textOf } from '../key-bytes.ts'
import { readAllPages, readPage } from '../pages.ts'
import type { StoredKey } from '../transport.ts'

/** A key with its value and its lease. */
export interface LeasedKey extends StoredKey {
  /** Undefined when the key has no lease. */
  readonly lease: string | undefined
}

/** Everything below a prefix at one revision. */
export interface PrefixContent {
  readonly keys: readonly LeasedKey[]
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
  const keys: LeasedKey[] = []
  let bytes = 0
  const { revision } = await readAllPages<IKeyValue>({
    async read(request) {
      signal.throwIfAborted()
      return readPage(client, range, request)
    },
    limit: PAGE_SIZE,
    take({ key, value, mod_revision, lease }) {
      bytes += key.length + value.length
      keys.push({
        key: textOf(key),
        value: textOf(value),
        modRevision: BigInt(mod_revision),
        lease: lease === '0' ? undefined : lease,
      })
    },
  })
  return { keys, revision, bytes, tookMs: performance.now() - startedAt }
}
