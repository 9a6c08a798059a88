import { CompareResult, CompareTarget, type Etcd3 } from 'etcd3'
import { QuietError } from '../../internal/http/quiet-error.ts'
import type { RegistryEntry } from '../registry.ts'
import { createEtcdClient, type EtcdClientOptions } from './client.ts'
import { decodeCertificate, decodeDescriptors } from './decode-entries.ts'
import { connectionReason, isCallError, plainReason } from './etcd-errors.ts'
import { readAllPages } from './pages.ts'
import { checkPrefix } from './prefixes.ts'
import { createSyncTransport, type StoredKey, UnreachableError } from './transport.ts'

/** A value that an operator has put into etcd: what gateways read, or why they read nothing. */
export type Stored<Kind extends RegistryEntry['kind']> =
  | { readonly name: string; readonly entry: Extract<RegistryEntry, { readonly kind: Kind }> }
  | { readonly name: string; readonly entry?: undefined; readonly problem: string }

/** etcd cannot be reached, or refuses a call. The message is one line. */
class StoreError extends QuietError {
  override readonly name = 'StoreError'
}

const PAGE_SIZE = 100
const DECODERS = { descriptors: decodeDescriptors, certificate: decodeCertificate }

/**
 * Writes a value below a prefix.
 *
 * @throws StoreError when etcd cannot be reached or refuses it
 */
export async function putStored(
  options: EtcdClientOptions,
  prefix: string,
  name: string,
  value: string,
): Promise<void> {
  await withClient(options, client =>
    client
      .put(`${checkPrefix(prefix)}${name}`)
      .value(value)
      .exec(),
  )
}

/**
 * Replaces a value below a prefix by what `change` makes of it, under the lease that it has. Nothing is written when somebody
 * else has written the key since it was read, or when `change` throws.
 *
 * @returns `overtaken` when somebody else has written it; `missing` when there is no such key
 * @throws StoreError when etcd cannot be reached or refuses it, and what `change` throws
 */
export async function changeStored(
  options: EtcdClientOptions,
  prefix: string,
  name: string,
  change: (value: string) => string | Promise<string>,
): Promise<'changed' | 'missing' | 'overtaken'> {
  const key = Buffer.from(`${checkPrefix(prefix)}${name}`)
  return withClient(options, async client => {
    const [stored] = (await client.get(key).exec()).kvs
    if (stored === undefined) return 'missing'
    const value = Buffer.from(await change(stored.value.toString('utf8')))
    const { succeeded, responses } = await client.kv.txn({
      compare: [
        { key, result: CompareResult.Equal, target: CompareTarget.Mod, mod_revision: stored.mod_revision },
      ],
      success: [{ request_put: { key, value, lease: stored.lease } }],
      failure: [{ request_range: { key } }],
    })
    // The client repeats a put whose answer was lost. It is then ours that is there.
    const isOurs = succeeded || responses[0]!.response_range.kvs[0]?.value.equals(value)
    return isOurs ? 'changed' : 'overtaken'
  })
}

/**
 * Reads all values below a prefix as gateways do, ordered by name.
 *
 * @throws StoreError when etcd cannot be reached or refuses it
 */
export async function readStored<Kind extends keyof typeof DECODERS>(
  options: EtcdClientOptions,
  prefix: string,
  kind: Kind,
): Promise<readonly Stored<Kind>[]> {
  const whole = checkPrefix(prefix)
  return withClient(options, async client => {
    const items: StoredKey[] = []
    const { readPage } = createSyncTransport(client, whole)
    await readAllPages({ read: readPage, limit: PAGE_SIZE, take: item => items.push(item) })
    return items.map((item): Stored<Kind> => {
      const name = item.key.slice(whole.length)
      const entry = DECODERS[kind](whole, item)
      if (entry.kind === 'problem') return { name, problem: entry.reason }
      return { name, entry: entry as Extract<RegistryEntry, { readonly kind: Kind }> }
    })
  })
}

/**
 * Calls `act` with a client, which is closed afterwards.
 *
 * @throws StoreError when etcd cannot be reached or refuses a call, and whatever else `act` throws
 */
export async function withClient<T>(
  options: EtcdClientOptions,
  act: (client: Etcd3) => Promise<T>,
): Promise<T> {
  const client = createEtcdClient(options)
  try {
    return await act(client)
  } catch (error) {
    if (!(error instanceof UnreachableError || isCallError(error))) throw error
    const reason = plainReason(connectionReason(error.message))
    const where = options.endpoints.join(', ')
    throw new StoreError(`etcd at ${where}: ${reason}; waygate doctor finds out more`, { cause: error })
  } finally {
    client.close()
  }
}
