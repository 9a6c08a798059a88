import { createEtcdClient, type EtcdClientOptions } from './client.ts'
import { decodeDescriptors } from './decode-entries.ts'
import { readAllPages } from './pages.ts'
import { checkPrefix } from './prefixes.ts'
import { createSyncTransport, type StoredKey } from './transport.ts'

/** Descriptors of gRPC services in etcd; `bytes` is a FileDescriptorSet, `problem` why the value is none. */
export type StoredDescriptors =
  | { readonly name: string; readonly bytes: Buffer; readonly problem?: undefined }
  | { readonly name: string; readonly bytes?: undefined; readonly problem: string }

const PAGE_SIZE = 100

/**
 * Writes descriptors. The value is base64, so that every tool can show it.
 *
 * @throws Error when etcd cannot be reached or refuses it
 */
export async function putDescriptors(
  options: EtcdClientOptions,
  prefix: string,
  name: string,
  bytes: Buffer,
): Promise<void> {
  const client = createEtcdClient(options)
  try {
    await client.put(`${checkPrefix(prefix)}${name}`).value(bytes.toString('base64'))
  } finally {
    client.close()
  }
}

/**
 * Reads all descriptors, ordered by name.
 *
 * @throws Error when etcd cannot be reached or refuses it
 */
export async function readDescriptors(
  options: EtcdClientOptions,
  prefix: string,
): Promise<readonly StoredDescriptors[]> {
  const client = createEtcdClient(options)
  const whole = checkPrefix(prefix)
  try {
    const items: StoredKey[] = []
    const { readPage } = createSyncTransport(client, whole)
    await readAllPages({ read: readPage, limit: PAGE_SIZE, take: item => items.push(item) })
    return items.map(item => {
      const name = item.key.slice(whole.length)
      const entry = decodeDescriptors(whole, item)
      if (entry.kind === 'descriptors') return { name, bytes: entry.bytes }
      return { name, problem: entry.kind === 'problem' ? entry.reason : 'value is no descriptors' }
    })
  } finally {
    client.close()
  }
}
