import { createNode, parseAddress } from '../../internal/node.ts'
import type { Codec } from './codec.ts'
import { splitPath } from './value.ts'

/** `host:port` or `[v6]:port` at `<service>/<id>`. */
export const plainAddress: Codec = {
  name: 'plain-address',
  decode(path, value) {
    const { service, rest } = splitPath(path)
    return [createNode({ service, id: rest, ...parseAddress(value.trim()) })]
  },
}
