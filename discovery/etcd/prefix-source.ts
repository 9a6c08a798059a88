import { codecNamed } from '../codecs/codecs.ts'
import type { RegistryEntry, RegistrySource } from '../registry.ts'
import { decodeApiKey, decodeNodes, decodeRevocation, decodeRoute } from './decode-entries.ts'
import type { ServicesPrefix } from './prefixes.ts'
import type { StoredKey } from './transport.ts'

/** A prefix, by which it is named, and how its keys are read. */
export interface PrefixSource extends RegistrySource {
  /** Never throws: a value that cannot be read is a problem of its key. */
  readonly decode: (item: StoredKey) => RegistryEntry
  /** Where its last state is kept on disk. */
  readonly fileName: string
}

/**
 * A prefix of nodes.
 *
 * @param own the prefix that this registry's own nodes are under
 * @throws TypeError when there is no such format
 */
export function nodesSource({ prefix, format = 'auto', service }: ServicesPrefix, own: string): PrefixSource {
  const codec = codecNamed(format)
  return {
    name: prefix,
    scope: 'nodes',
    decode: item => decodeNodes(codec, prefix, service, item),
    fileName: prefix === own ? 'etcd-nodes.json' : `etcd-nodes-${encodeURIComponent(prefix)}.json`,
  }
}

/** The prefix of route documents. */
export function routesSource(prefix: string): PrefixSource {
  const decode = (item: StoredKey) => decodeRoute(prefix, item)
  return { name: prefix, scope: 'routes', decode, fileName: 'etcd-routes.json' }
}

/** The prefix of API keys. */
export function apiKeysSource(prefix: string): PrefixSource {
  const decode = (item: StoredKey) => decodeApiKey(prefix, item)
  return { name: prefix, scope: 'api-keys', decode, fileName: 'etcd-api-keys.json' }
}

/** The prefix of the `jti`s of tokens that were taken back. */
export function revocationsSource(prefix: string): PrefixSource {
  const decode = (item: StoredKey) => decodeRevocation(prefix, item)
  return { name: prefix, scope: 'revocations', decode, fileName: 'etcd-revocations.json' }
}
