import type { Codec } from './codec.ts'
import { checkService, splitPath } from './key.ts'
import { listIn, readNodes } from './node-list.ts'
import { readNode } from './node-object.ts'
import { isObject, parseObject } from './value.ts'

/** Reads `{"name","nodes":[{"id","ip","port","weight"}]}` at `<service>/<anything>`. */
export const serviceObjectCodec: Codec = {
  name: 'service-object',
  decode(path, value) {
    const { service } = splitPath(path)
    const { name, nodes } = parseObject(value)
    checkService(name, service)
    return readNodes('nodes', listIn('nodes', nodes), item => {
      if (!isObject(item)) throw new TypeError('must be an object')
      return readNode(service, undefined, item)
    })
  },
}
