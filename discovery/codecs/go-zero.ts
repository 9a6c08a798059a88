import { createNode, parseAddress } from '../../internal/nodes/node.ts'
import type { Codec } from './codec.ts'
import { idOf, splitPath } from './key.ts'

/**
 * Reads `host:port` at `<key>/<lease id>`, as go-zero's `core/discov` writes it. Only go-zero's `zrpc`
 * servers publish themselves, so the node speaks `grpc`. For services that publish an HTTP address in the
 * same way, use `plain-address`.
 */
export const goZeroCodec: Codec = {
  name: 'go-zero',
  decode(path, value) {
    const { service, rest } = splitPath(path)
    return [createNode({ service, id: idOf(rest), ...parseAddress(value.trim()), protocol: 'grpc' })]
  },
}

/** Whether a key is named as in the services that `goctl` generates: `user.rpc/<lease id>`. */
export function isGoZeroKey(path: string): boolean {
  return /^[^/]+\.rpc\/\d+$/.test(path)
}
