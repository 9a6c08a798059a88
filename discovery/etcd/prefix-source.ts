import { hash } from 'node:crypto'
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

/** How the keys of each kind are decoded. Those of nodes have formats. */
const DECODERS: Readonly<
  Record<Exclude<RegistryScope, 'nodes'>, (prefix: string, item: StoredKey) => RegistryEntry>
> = {
  routes: decodeRoute,
  'api-keys': decodeApiKey,
  revocations: decodeRevocation,
  descriptors: decodeDescriptors,
  certificates: decodeCertificate,
  'acme-challenges': decodeAcmeChallenge,
  policies: decodePolicySet,
}

/**
 * The kinds of keys whose values people see as they are stored. The text is the same string that the store's copy in memory has, so it
 * takes no further memory. Descriptors and all secrets go without.
 */
const SHOWN: ReadonlySet<RegistryScope> = new Set(['nodes', 'routes', 'policies'])

/**
 * Creates the source of a prefix of nodes.
 *
 * @throws TypeError when there is no such format
 */
export function nodesSource({ prefix, format = 'auto', service }: ServicesPrefix): PrefixSource {
  const codec = codecNamed(format)
  return sourceOf('nodes', prefix, item => decodeNodes(codec, prefix, service, item))
}

/** Creates the source of a prefix of any other kind. */
export function prefixSource(scope: keyof typeof DECODERS, prefix: string): PrefixSource {
  return sourceOf(scope, prefix, item => DECODERS[scope](prefix, item))
}

function sourceOf(scope: RegistryScope, prefix: string, decode: PrefixSource['decode']): PrefixSource {
  const decodeShown = (item: StoredKey): RegistryEntry => {
    const { value: text, modRevision } = item
    return { ...decode(item), text, modRevision }
  }
  return {
    name: prefix,
    scope,
    decode: SHOWN.has(scope) ? decodeShown : decode,
    // Gateways with other prefixes may use the same folder, so the name is unique for a prefix, and short.
    fileName: `${scope}-${hash('sha256', prefix).slice(0, 8)}.json`,
  }
}
