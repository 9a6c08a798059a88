import { createNode, type Node, parseAddress } from '../../internal/nodes/node.ts'
import type { Codec } from './codec.ts'
import { idOf, splitPath } from './key.ts'
import { protocolOf, readMetadata } from './metadata.ts'
import { optionalNumber, optionalString, parseObject } from './value.ts'

/** The weight that CloudWeGo's clients use for an instance without one (`pkg/discovery`). */
const DEFAULT_WEIGHT = 10

/**
 * Reads `{"network","address","weight","tags"}` at `<service>/<address>`, as kitex-contrib's `registry-etcd`
 * writes it. A weight of 0 is Go's zero value for one that is not set, and counts as 10, as it does in Kitex.
 *
 * A Kitex server speaks Thrift, gRPC, or both on one port, but never HTTP/1.1. Its value does not say which.
 * The node therefore speaks `thrift` unless its tags name a `protocol`.
 */
export const kitexCodec: Codec = {
  name: 'kitex',
  decode: (path, value) => [readInstance(path, value, 'thrift')],
}

/** Reads the value format that the registries of Kitex and Hertz share. */
export function readInstance(path: string, value: string, protocol: string): Node {
  const { service, rest } = splitPath(path)
  const object = parseObject(value)
  const network = optionalString('network', object.network) ?? 'tcp'
  if (!/^(?:tcp[46]?)?$/.test(network)) throw new TypeError('network must be tcp')
  if (typeof object.address !== 'string') throw new TypeError('address must be a string')
  const weight = optionalNumber('weight', object.weight) ?? DEFAULT_WEIGHT
  const tags = readMetadata(object.tags)
  return createNode({
    service,
    id: idOf(rest),
    ...parseAddress(object.address),
    weight: weight === 0 ? DEFAULT_WEIGHT : weight,
    metadata: tags,
    protocol: protocolOf(tags?.protocol, protocol),
  })
}
