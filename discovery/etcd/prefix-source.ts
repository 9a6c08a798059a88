import { createHash } from 'node:crypto'
import { codecNamed } from '../codecs/codecs.ts'
import type { RegistryEntry, RegistryScope, RegistrySource } from '../registry.ts'
import {
  decodeAcmeChallenge,
  decodeApiKey,
  decodeCertificate,
  decodeDescriptors,
  decodeNodes,
  decodePolicySet,
  decodeRevocation,
  decodeRoute,
} from './decode-entries.ts'
import type { ServicesPrefix } from './prefixes.ts'
import type { StoredKey } from './transport.ts'

/** A source that is a prefix of etcd, named after it, and how its keys are decoded. */
export interface PrefixSource extends RegistrySource {
  /** Never throws. A value that cannot be decoded becomes a problem of its key. */
  readonly decode: (item: StoredKey) => RegistryEntry
  /** The name of its snapshot file on disk. */
  readonly fileName: string
}

/**
 * Creates the source of a prefix of nodes.
 *
 * @throws TypeError when there is no such format
 */
export function nodesSource({ prefix, format = 'auto', service }: ServicesPrefix): PrefixSource {
  const codec = codecNamed(format)
  return {
    name: prefix,
    scope: 'nodes',
    decode: item => withRaw(decodeNodes(codec, prefix, service, item), item),
    fileName: fileNameOf('nodes', prefix),
  }
}

/** Creates the source of route documents. */
export function routesSource(prefix: string): PrefixSource {
  const decode = (item: StoredKey) => withRaw(decodeRoute(prefix, item), item)
  return { name: prefix, scope: 'routes', decode, fileName: fileNameOf('routes', prefix) }
}

/** Creates the source of API keys. */
export function apiKeysSource(prefix: string): PrefixSource {
  const decode = (item: StoredKey) => decodeApiKey(prefix, item)
  return { name: prefix, scope: 'api-keys', decode, fileName: fileNameOf('api-keys', prefix) }
}

/** Creates the source of revocations, whose keys are the `jti`s of revoked tokens. */
export function revocationsSource(prefix: string): PrefixSource {
  const decode = (item: StoredKey) => decodeRevocation(prefix, item)
  return { name: prefix, scope: 'revocations', decode, fileName: fileNameOf('revocations', prefix) }
}

/** Creates the source of descriptors of gRPC services. */
export function descriptorsSource(prefix: string): PrefixSource {
  const decode = (item: StoredKey) => decodeDescriptors(prefix, item)
  return { name: prefix, scope: 'descriptors', decode, fileName: fileNameOf('descriptors', prefix) }
}

/** Creates the source of certificates for TLS. */
export function certificatesSource(prefix: string): PrefixSource {
  const decode = (item: StoredKey) => decodeCertificate(prefix, item)
  return { name: prefix, scope: 'certificates', decode, fileName: fileNameOf('certificates', prefix) }
}

/** Creates the source of answers to challenges of ACME. */
export function acmeSource(prefix: string): PrefixSource {
  const decode = (item: StoredKey) => decodeAcmeChallenge(prefix, item)
  return { name: prefix, scope: 'acme-challenges', decode, fileName: fileNameOf('acme-challenges', prefix) }
}

/** Creates the source of policy sets. */
export function policiesSource(prefix: string): PrefixSource {
  const decode = (item: StoredKey) => withRaw(decodePolicySet(prefix, item), item)
  return { name: prefix, scope: 'policies', decode, fileName: fileNameOf('policies', prefix) }
}

/**
 * Adds the value as it is stored, for people. It is the same string that the store's copy in memory has, so it takes no
 * further memory. Descriptors and all secrets go without.
 */
function withRaw(entry: RegistryEntry, { value: text, modRevision }: StoredKey): RegistryEntry {
  return { ...entry, text, modRevision }
}

/** Gateways with other prefixes may use the same folder, so the name is unique for a prefix, and short. */
function fileNameOf(scope: RegistryScope, prefix: string): string {
  const hash = createHash('sha256').update(prefix).digest('hex').slice(0, 8)
  return `${scope}-${hash}.json`
}
