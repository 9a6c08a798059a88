import { createNode, parseAddress } from '../../internal/nodes/node.ts'
import type { Codec } from './codec.ts'
import { idOf, splitPath } from './key.ts'
import { isScalar, type Metadata, metadataFrom, protocolOf, weightIfNumeric } from './metadata.ts'
import { isObject, parseObject } from './value.ts'

/**
 * Reads `{"Op","Addr","Metadata"}` at `<service>/<anything>`, as etcd's `client/v3/naming` writes it for
 * gRPC's resolver, and as grpc-go's `naming` package did before it. `Op` 1 marks a deleted address, so there
 * are no nodes.
 *
 * `Metadata` can be any value. The scalars of an object are kept, and `weight` is used when it is a number.
 * The servers that register this way are gRPC servers, so the node speaks `grpc` unless its metadata names
 * another `protocol`.
 */
export const grpcEndpointCodec: Codec = {
  name: 'grpc-endpoint',
  decode(path, value) {
    const { service, rest } = splitPath(path)
    const { Op = 0, Addr, Metadata: given } = parseObject(value)
    if (Op === 1) return []
    if (Op !== 0) throw new TypeError('Op must be 0 (add) or 1 (delete)')
    if (typeof Addr !== 'string') throw new TypeError('Addr must be a string')
    const metadata = scalarsOf(given)
    return [
      createNode({
        service,
        id: idOf(rest),
        ...parseAddress(Addr),
        weight: weightIfNumeric(metadata.weight ?? metadata.Weight),
        metadata,
        protocol: protocolOf(metadata.protocol, 'grpc'),
      }),
    ]
  },
}

function scalarsOf(given: unknown): Metadata {
  const entries: readonly (readonly [string, unknown])[] = isObject(given)
    ? Object.entries(given)
    : [['metadata', given]]
  return metadataFrom(
    entries.flatMap(([key, item]) => (isScalar(item) ? [[key, String(item)] as const] : [])),
  )
}
