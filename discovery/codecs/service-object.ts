import type { Codec } from './codec.ts'
import { checkService, isObject, parseObject, readNode, splitPath } from './value.ts'

/**
 * `{"name","nodes":[{"id","ip","port","weight"}]}` at `<service>/<anything>`. A node without an id is called
 * `ip:port`. One key, one verdict: a single bad node refuses the whole value, so that what is in use is
 * always something that somebody wrote, never a part of it.
 */
export const serviceObject: Codec = {
  name: 'service-object',
  decode(path, value) {
    const { service } = splitPath(path)
    const { name, nodes } = parseObject(value)
    checkService(name, service)
    if (!Array.isArray(nodes)) throw new TypeError('nodes must be an array')
    const ids = new Set<string>()
    return nodes.map((item: unknown, index) => {
      if (!isObject(item)) throw new TypeError(`nodes[${index}] must be an object`)
      const node = readNodeAt(index, () => readNode(service, undefined, item))
      if (ids.has(node.id)) throw new TypeError(`nodes[${index}] has the id of another node, "${node.id}"`)
      ids.add(node.id)
      return node
    })
  },
}

function readNodeAt<T>(index: number, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new TypeError(`nodes[${index}]: ${(error as Error).message}`, { cause: error })
  }
}
