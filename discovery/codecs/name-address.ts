import { isIP } from 'node:net'
import { createNode, parseAddress } from '../../internal/nodes/node.ts'
import type { Codec } from './codec.ts'
import { idOf, splitNamedPath } from './key.ts'
import { protocolOf, readMetadata, withVersion } from './metadata.ts'
import { type JsonObject, optionalNumber, parseObject } from './value.ts'

/** The fields that hold `host:port`, as spelled in structs with and without JSON tags. */
const ADDRESS_FIELDS: readonly string[] = ['addr', 'address', 'Addr', 'Address', 'IP', 'Ip', 'ip']

/**
 * Reads `{"name","addr","version","weight"}` at `<name>/<addr>` or `<name>/<version>/<addr>`, with `address`
 * as an alias of `addr`. Also reads `{"Name","IP"}`, the same struct without JSON tags, where `IP` is
 * `host:port`. This is not the format of one project: many articles about etcd teach it.
 */
export const nameAddressCodec: Codec = {
  name: 'name-address',
  decode(path, value) {
    const object = parseObject(value)
    const { name = object.Name, weight = object.Weight, version = object.Version, protocol } = object
    const { service, rest } = splitNamedPath(path, name)
    const metadata = readMetadata(object.metadata)
    return [
      createNode({
        service,
        id: idOf(rest),
        ...parseAddress(addressIn(object)),
        weight: optionalNumber('weight', weight),
        metadata: withVersion(metadata, version),
        protocol: protocolOf(protocol ?? metadata?.protocol, 'http'),
      }),
    ]
  },
}

/** Whether a value has a field from which {@link nameAddressCodec} reads an address. */
export function hasAddress(object: JsonObject): boolean {
  return ADDRESS_FIELDS.some(field => Object.hasOwn(object, field))
}

function addressIn(object: JsonObject): string {
  const [field, another] = ADDRESS_FIELDS.filter(each => Object.hasOwn(object, each))
  if (field === undefined) throw new TypeError('value has no "addr" (or "address", or "IP")')
  const address = object[field]
  if (another !== undefined && object[another] !== address) {
    throw new TypeError(`"${field}" and "${another}" differ`)
  }
  if (typeof address !== 'string') throw new TypeError(`"${field}" must be a string`)
  if (isIP(address) !== 0)
    throw new TypeError(`value has no port: neither a "port" field nor one in "${field}"`)
  return address
}
