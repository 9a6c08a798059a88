import type { Node } from '../../internal/nodes/node.ts'
import type { Codec } from './codec.ts'
import { checkService, quote, splitPath } from './key.ts'
import { readNode } from './node-object.ts'
import { parseObject } from './value.ts'

/**
 * `{"id","ip","port","weight","metadata","protocol"}` at `<service>/<id>`: what Waygate itself writes.
 * `host` may stand for `ip`; a value without an id has its key's.
 */
export const waygateCodec: Codec = {
  name: 'waygate',
  decode(path, value) {
    const { service, rest } = splitPath(path)
    const object = parseObject(value)
    checkService(object.service, service)
    checkService(object.name, service)
    if (object.id !== undefined && object.id !== rest) {
      throw new TypeError(`value has another id than its key, which says ${quote(rest)}`)
    }
    return [readNode(service, rest, object)]
  },
}

/** The value that {@link waygateCodec} reads back as the same node. */
export function encodeNode(node: Node): string {
  const { id, host, port, weight, metadata, protocol } = node
  return JSON.stringify({ id, ip: host, port, weight, metadata, protocol })
}
