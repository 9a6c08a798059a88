import { type Etcd3, EtcdPermissionDeniedError, type IKeyValue } from 'etcd3'
import type { LeasedKeys } from '../registry.ts'
import { prefixRange, textOf } from './key-bytes.ts'

const WITHIN_MS = 2_000
const PAGE_SIZE = 1_000
/** Further leases are left out: a store may have very many, and each is a call. */
const MAX_LEASES = 1_000
const AT_ONCE = 20

/**
 * Reads the leases of the keys below some prefixes, or of one key, with the time that each has left. A prefix that the user of
 * etcd may not read counts as empty.
 *
 * @param where the prefixes, or the key
 * @returns at most 1,000 leases, in the order of their first keys
 * @throws Error when etcd does not answer in 2 s, or refuses
 */
export async function readLeases(
  client: Pick<Etcd3, 'kv' | 'leaseClient'>,
  where: string | readonly string[],
): Promise<readonly LeasedKeys[]> {
  const deadline = performance.now() + WITHIN_MS
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`etcd did not answer in ${WITHIN_MS} ms`)), WITHIN_MS)
  const reading = read(client, where, () => performance.now() > deadline)
  // When time is up, nobody waits for it anymore.
  reading.catch(() => {})
  return Promise.race([reading, late.promise]).finally(() => clearTimeout(timer))
}

async function read(
  client: Pick<Etcd3, 'kv' | 'leaseClient'>,
  where: string | readonly string[],
  isLate: () => boolean,
): Promise<LeasedKeys[]> {
  const keysOf = new Map<string, string[]>()
  const note = ({ key, lease }: IKeyValue) => {
    if (lease === '0') return
    const known = keysOf.get(lease)
    if (known) known.push(textOf(key))
    else if (keysOf.size < MAX_LEASES) keysOf.set(lease, [textOf(key)])
  }
  if (typeof where === 'string') {
    const { kvs } = await client.kv.range({ key: Buffer.from(where), keys_only: true })
    kvs.forEach(note)
  } else {
    for (const prefix of where) await readKeys(client, prefix, note, isLate)
  }
  const leases: LeasedKeys[] = []
  const ids = [...keysOf.keys()]
  for (let from = 0; from < ids.length && !isLate(); from += AT_ONCE) {
    const some = ids.slice(from, from + AT_ONCE).map(async (ID): Promise<LeasedKeys> => {
      const { TTL, grantedTTL } = await client.leaseClient.leaseTimeToLive({ ID })
      const id = BigInt(ID).toString(16)
      return { id, ttlSeconds: Number(grantedTTL), leftSeconds: Number(TTL), keys: keysOf.get(ID)! }
    })
    leases.push(...(await Promise.all(some)))
  }
  // One that has ended since its key was read has -1 left.
  return leases.filter(({ leftSeconds }) => leftSeconds >= 0)
}

async function readKeys(
  client: Pick<Etcd3, 'kv'>,
  prefix: string,
  note: (item: IKeyValue) => void,
  isLate: () => boolean,
): Promise<void> {
  const { key: first, range_end } = prefixRange(prefix)
  let key: Buffer | undefined = first
  while (key !== undefined && !isLate()) {
    try {
      const { kvs, more } = await client.kv.range({ key, range_end, limit: PAGE_SIZE, keys_only: true })
      kvs.forEach(note)
      key = more ? Buffer.concat([kvs.at(-1)!.key, Buffer.of(0)]) : undefined
    } catch (error) {
      if (error instanceof EtcdPermissionDeniedError) return
      throw error
    }
  }
}
