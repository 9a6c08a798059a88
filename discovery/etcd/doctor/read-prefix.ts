import { isUtf8 } from 'node:buffer'
import type { Etcd3 } from 'etcd3'
import type { StoredKey } from '../transport.ts'

/** A key as etcd has it, with the lease it ends with. */
export interface LeasedKey extends StoredKey {
  /** Undefined when it stays until somebody deletes it. */
  readonly lease: string | undefined
}

/** All that is below a prefix at one moment. */
export interface PrefixContent {
  readonly keys: readonly LeasedKey[]
  readonly revision: bigint
  /** Of keys and values. */
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
  let revision: bigint | undefined
  for (let from: Buffer | undefined = range.key; from; ) {
    signal.throwIfAborted()
    const page: Awaited<ReturnType<typeof client.kv.range>> = await client.kv.range({
      ...range,
      key: from,
      limit: PAGE_SIZE,
      ...(revision !== undefined && { revision: String(revision) }),
    })
    revision ??= BigInt(page.header.revision)
    for (const { key, value, mod_revision, lease } of page.kvs) {
      bytes += key.length + value.length
      keys.push({
        key: text(key),
        value: text(value),
        modRevision: BigInt(mod_revision),
        lease: lease === '0' ? undefined : lease,
      })
    }
    const last = page.kvs.at(-1)
    from = page.more && last ? Buffer.concat([last.key, Buffer.of(0)]) : undefined
  }
  return { keys, revision: revision ?? 0n, bytes, tookMs: performance.now() - startedAt }
}

/** The range of all keys that begin with `prefix`, which ends in a character before U+007F. */
export function prefixRange(prefix: string): { key: Buffer; range_end: Buffer } {
  const end = Buffer.from(prefix)
  end[end.length - 1] = end[end.length - 1]! + 1
  return { key: Buffer.from(prefix), range_end: end }
}

/** Bytes that are no text must not be read as some. */
function text(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString() : `\\x${bytes.toString('hex')}`
}
