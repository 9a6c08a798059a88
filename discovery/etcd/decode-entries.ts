import { DuplicateMemberError } from '../../internal/text/json.ts'
import { isAcmeToken, MAX_ANSWER_BYTES } from '../../internal/tls/acme-challenge.ts'
import type { Codec } from '../codecs/codec.ts'
import { isObject, parseObject } from '../codecs/value.ts'
import type { RegistryEntry } from '../registry.ts'
import type { StoredKey } from './transport.ts'

const NO_NAME = 'key must be <prefix><name>'

/**
 * Decodes a key under a prefix of nodes.
 *
 * @param service the service to which the whole prefix belongs, if the keys do not name it
 */
export function decodeNodes(
  codec: Codec,
  prefix: string,
  service: string | undefined,
  { key, value, lease }: StoredKey,
): RegistryEntry {
  return orProblem(key, prefix, path => {
    const nodes = codec.decode(service === undefined ? path : `${service}/${path}`, value)
    return { kind: 'nodes', key, nodes, ...(lease !== undefined && { isLeased: true }) }
  })
}

/**
 * Decodes a key under the routes prefix. The document itself is checked later, against its schema. One with a duplicate
 * member becomes the error that says so, which that check refuses: the requests that it means must not be let through.
 */
export function decodeRoute(prefix: string, { key, value }: StoredKey): RegistryEntry {
  return orProblem(key, prefix, id => {
    if (id === '') throw new TypeError('key must be <prefix><id>')
    return { kind: 'route', key, id, document: parseUnlessDuplicate(value) }
  })
}

/** Decodes a key under the prefix of policy sets. The document itself is checked later, against its schema. */
export function decodePolicySet(prefix: string, { key, value }: StoredKey): RegistryEntry {
  return orProblem(key, prefix, name => {
    if (name === '') throw new TypeError(NO_NAME)
    return { kind: 'policy-set', key, name, document: parseObject(value) }
  })
}

function parseUnlessDuplicate(value: string): unknown {
  try {
    return parseObject(value)
  } catch (error) {
    const { cause } = error as Error
    if (cause instanceof DuplicateMemberError && isObject(cause.value)) return cause
    throw error
  }
}

const SHA256 = /^[0-9a-f]{64}$/

/** Decodes a key under the prefix of API keys. The document itself is checked later, against its schema. */
export function decodeApiKey(prefix: string, { key, value }: StoredKey): RegistryEntry {
  return orProblem(key, prefix, hash => {
    if (!SHA256.test(hash)) throw new TypeError('key must be <prefix><64 lower-case hexadecimal digits>')
    return { kind: 'api-key', key, hash, document: parseObject(value) }
  })
}

/** Decodes a key under the prefix of revocations. Only the key counts; its value is ignored. */
export function decodeRevocation(prefix: string, { key }: StoredKey): RegistryEntry {
  return orProblem(key, prefix, tokenId => {
    if (tokenId === '') throw new TypeError('key must be <prefix><jti>')
    return { kind: 'revocation', key, tokenId }
  })
}

/** Larger sets are not for one service, and etcd itself takes no larger values by default. */
const MAX_SET_BYTES = 1_048_576
const BASE64 = /^[A-Za-z0-9+/\s]*(?:=\s*){0,2}$/
/** How `textOf` shows bytes that are not UTF-8. */
const HEX = /^\\x(?:[0-9a-f]{2})+$/

/**
 * Decodes a key under the prefix of descriptors, whose value is a FileDescriptorSet, as it is or in base64. The set itself
 * is checked later.
 */
export function decodeDescriptors(prefix: string, { key, value }: StoredKey): RegistryEntry {
  return orProblem(key, prefix, name => {
    if (name === '') throw new TypeError(NO_NAME)
    const bytes = bytesOf(value)
    if (bytes.length > MAX_SET_BYTES) throw new TypeError(`value has more than ${MAX_SET_BYTES} bytes`)
    return { kind: 'descriptors', key, name, bytes }
  })
}

/** Far more than a chain of certificates has. */
const MAX_CERTIFICATE_CHARACTERS = 131_072

/** Decodes a key under the prefix of certificates. The document itself is checked later. */
export function decodeCertificate(prefix: string, { key, value }: StoredKey): RegistryEntry {
  return orProblem(key, prefix, name => {
    if (name === '') throw new TypeError(NO_NAME)
    if (value.length > MAX_CERTIFICATE_CHARACTERS) {
      throw new TypeError(`value has more than ${MAX_CERTIFICATE_CHARACTERS} characters`)
    }
    return { kind: 'certificate', key, name, document: parseObject(value) }
  })
}

/** Decodes a key under the prefix of challenges of ACME, whose value is the answer. */
export function decodeAcmeChallenge(prefix: string, { key, value }: StoredKey): RegistryEntry {
  return orProblem(key, prefix, token => {
    if (!isAcmeToken(token)) {
      throw new TypeError(
        'key must be <prefix><token>, and a token has 1 to 256 characters from A-Z a-z 0-9 _ -',
      )
    }
    if (value.length > MAX_ANSWER_BYTES) throw new TypeError(`value has more than ${MAX_ANSWER_BYTES} bytes`)
    return { kind: 'acme-challenge', key, token, answer: value }
  })
}

function bytesOf(value: string): Buffer {
  if (HEX.test(value)) return Buffer.from(value.slice(2), 'hex')
  // A set begins with the tag of its first file, which is no character of base64.
  return BASE64.test(value) && !value.startsWith('\n')
    ? Buffer.from(value, 'base64')
    : Buffer.from(value, 'utf8')
}

/**
 * Decodes a key below a prefix by what follows the prefix. Any error becomes a problem, so that a bad value affects only its own key.
 */
function orProblem(key: string, prefix: string, decode: (path: string) => RegistryEntry): RegistryEntry {
  try {
    if (!key.startsWith(prefix)) throw new TypeError('key is not UTF-8 text')
    return decode(key.slice(prefix.length))
  } catch (error) {
    const reason = error instanceof TypeError ? error.message : `value cannot be read (${String(error)})`
    return { kind: 'problem', key, reason }
  }
}
