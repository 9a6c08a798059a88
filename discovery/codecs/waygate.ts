import type { Node } from '../../internal/nodes/node.ts'
import type { Codec } from './codec.ts'
import { checkService, idOf, quote, splitPath } from './key.ts'
import { readNode } from './node-object.ts'
import { parseObject } from './value.ts'

/**
 * Reads `{"id","ip","port","weight","metadata","protocol"}` at `<service>/<id>`, the format that Waygate
 * itself writes. `host` is an alias of `ip`. The id is that of the key; a value may repeat it, as it is there or as an id.
 */
export const waygateCodec: Codec = {
  name: 'waygate',
  decode(path, value) {
    const { service, rest } = splitPath(path)
    const object = parseObject(value)
    checkService(object.service, service)
    checkService(object.name, service)
    const id = idOf(rest)
    if (object.id !== undefined && object.id !== rest && object.id !== id) {
      throw new TypeError(`the id in the value differs from the one in its key, ${quote(rest)}`)
    }
    return [readNode(service, id, object)]
  },
}

/** Encodes a node as a value that {@link waygateCodec} decodes to the same node. */
export function encodeNode(node: Node): string {
  const { id, host, port, weight, metadata } = node
  // Without a protocol, the one in the metadata would be read.
  const { protocol = metadata.protocol === undefined ? undefined : 'http' } = node
  return JSON.stringify({ id, ip: host, port, weight, metadata, protocol })
}
