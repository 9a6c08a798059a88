import { createNode, parseAddress } from '../../internal/nodes/node.ts'
import type { Codec } from './codec.ts'
import { idOf, splitNamedPath } from './key.ts'
import { type Metadata, protocolOf, readMetadata, weightIfNumeric, withVersion } from './metadata.ts'
import { listIn, readNodes } from './node-list.ts'
import { isObject, optionalString, parseObject } from './value.ts'

/**
 * Reads `{"name","version","metadata","endpoints","nodes":[{"id","address","metadata"}]}` at `<name>/<id>`,
 * as go-micro's `registry/etcd` writes it, with one node per key. go-micro replaces each `/` of a name or an
 * id by `-` in the key, and this codec does the same. The weight of a node is its `metadata.weight`, if that
 * is a number.
 *
 * `metadata.protocol` names the protocol of a node. A node without one is a `web` service, which speaks HTTP.
 * `mucp` over the `http` transport accepts HTTP requests too (`POST /` with a `Micro-Endpoint` header).
 */
export const goMicroCodec: Codec = {
  name: 'go-micro',
  decode(path, value) {
    const { name, version, nodes } = parseObject(value)
    const { service } = splitNamedPath(path, optionalString('name', name)?.replaceAll('/', '-'))
    return readNodes('nodes', listIn('nodes', nodes), item => {
      if (!isObject(item)) throw new TypeError('must be an object')
      const { id, address } = item
      if (typeof id !== 'string') throw new TypeError('id must be a string')
      if (typeof address !== 'string') throw new TypeError('address must be a string')
      const metadata = withVersion(readMetadata(item.metadata), version)
      return createNode({
        service,
        id: idOf(id.replaceAll('/', '-')),
        ...parseAddress(address),
        weight: weightIfNumeric(metadata?.weight),
        metadata,
        protocol: spokenBy(metadata),
      })
    })
  },
}

function spokenBy(metadata: Metadata | undefined): string {
  const protocol = protocolOf(metadata?.protocol, '')
  if (protocol === 'mucp') return metadata?.transport === 'http' ? 'http' : 'mucp'
  if (protocol !== '') return protocol
  // A subscriber of go-micro's HTTP broker accepts messages from its peers and is not meant for clients.
  return metadata?.topic !== undefined && metadata?.broker !== undefined ? 'broker' : 'http'
}
