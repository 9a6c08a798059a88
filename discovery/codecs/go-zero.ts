import { createNode, parseAddress } from '../../internal/nodes/node.ts'
import type { Codec } from './codec.ts'
import { idOf, splitPath } from './key.ts'

/**
 * `host:port` at `<key>/<lease id>`, as go-zero's `core/discov` writes it. The only servers of go-zero that
 * publish themselves are `zrpc` ones, so the node is `grpc`; what publishes an HTTP address by the same
 * means reads as `plain-address`.
 */
export const goZeroCodec: Codec = {
  name: 'go-zero',
  decode(path, value) {
    const { service, rest } = splitPath(path)
    return [createNode({ service, id: idOf(rest), ...parseAddress(value.trim()), protocol: 'grpc' })]
  },
}

/** Whether a key is called as `goctl` calls those of the services it makes: `user.rpc/<lease id>`. */
export function isGoZeroKey(path: string): boolean {
  return /^[^/]+\.rpc\/\d+$/.test(path)
}
