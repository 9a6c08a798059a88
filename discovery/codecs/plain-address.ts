import { createNode, parseAddress } from '../../internal/nodes/node.ts'
import type { Codec } from './codec.ts'
import { idOf, splitPath } from './key.ts'

/** Reads `host:port` or `[v6]:port` at `<service>/<id>`. */
export const plainAddressCodec: Codec = {
  name: 'plain-address',
  decode(path, value) {
    const { service, rest } = splitPath(path)
    return [createNode({ service, id: idOf(rest), ...parseAddress(value.trim()) })]
  },
}
