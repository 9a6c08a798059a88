import { addressOf, createNode, type Node } from '../../internal/nodes/node.ts'
import { idOf } from './key.ts'
import { protocolOf, readMetadata } from './metadata.ts'
import { type JsonObject, optionalNumber, optionalString } from './value.ts'

/**
 * Reads one node from `{"id","ip" or "host","port","weight","metadata","protocol"}`. The protocol may be in the metadata
 * instead.
 *
 * @param idOfKey the id of the node; undefined means the one in the value, or else its address
 * @throws TypeError with a reason for people
 */
export function readNode(service: string, idOfKey: string | undefined, value: JsonObject): Node {
  const { ip, host = ip } = value
  if (ip !== undefined && ip !== host) throw new TypeError('"ip" and "host" differ')
  if (typeof host !== 'string') throw new TypeError('"ip" (or "host") must be a string')
  const port = optionalNumber('port', value.port)
  if (port === undefined) throw new TypeError('port must be a number')
  const id = idOfKey ?? optionalString('id', value.id) ?? idOf(addressOf({ host, port }))
  const weight = optionalNumber('weight', value.weight)
  const metadata = readMetadata(value.metadata)
  return createNode({
    service,
    id,
    host,
    port,
    weight,
    metadata,
    protocol: protocolOf(value.protocol ?? metadata?.protocol, 'http'),
  })
}
