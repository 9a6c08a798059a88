import type { Codec } from '../codecs/codec.ts'
import { parseObject } from '../codecs/value.ts'
import type { RegistryEntry } from '../registry.ts'
import type { StoredKey } from './transport.ts'

/**
 * What a key under a prefix of services says.
 *
 * @param service the one that the whole prefix belongs to, where keys do not name it
 */
export function decodeNodes(
  codec: Codec,
  prefix: string,
  service: string | undefined,
  { key, value }: StoredKey,
): RegistryEntry {
  try {
    const path = pathOf(key, prefix)
    return {
      kind: 'nodes',
      key,
      nodes: codec.decode(service === undefined ? path : `${service}/${path}`, value),
    }
  } catch (error) {
    return problem(key, error)
  }
}

/** What a key under the routes prefix says; the document itself is checked by whoever knows its schema. */
export function decodeRoute(prefix: string, { key, value }: StoredKey): RegistryEntry {
  try {
    const id = pathOf(key, prefix)
    if (id === '') throw new TypeError('key must be <prefix><id>')
    return { kind: 'route', key, id, document: parseObject(value) }
  } catch (error) {
    return problem(key, error)
  }
}

const SHA256 = /^[0-9a-f]{64}$/

/** What a key under the prefix of API keys says; the document itself is checked by whoever knows its schema. */
export function decodeApiKey(prefix: string, { key, value }: StoredKey): RegistryEntry {
  try {
    const hash = pathOf(key, prefix)
    if (!SHA256.test(hash)) throw new TypeError('key must be <prefix><64 lower-case hexadecimal digits>')
    return { kind: 'api-key', key, hash, document: parseObject(value) }
  } catch (error) {
    return problem(key, error)
  }
}

/** What a key under the prefix of revocations says. That it is there is all; its value does not count. */
export function decodeRevocation(prefix: string, { key }: StoredKey): RegistryEntry {
  try {
    const tokenId = pathOf(key, prefix)
    if (tokenId === '') throw new TypeError('key must be <prefix><jti>')
    return { kind: 'revocation', key, tokenId }
  } catch (error) {
    return problem(key, error)
  }
}

function pathOf(key: string, prefix: string): string {
  if (!key.startsWith(prefix)) throw new TypeError('key is not UTF-8 text')
  return key.slice(prefix.length)
}

/** Whatever a value does to its reader: it costs that key, never its neighbours. */
function problem(key: string, error: unknown): RegistryEntry {
  const reason = error instanceof TypeError ? error.message : `value cannot be read (${String(error)})`
  return { kind: 'problem', key, reason }
}
