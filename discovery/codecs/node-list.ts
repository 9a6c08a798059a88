import type { Node } from '../../internal/nodes/node.ts'

/**
 * Reads the list that a value has under `field`. `null` is an empty list, because Go writes a list that was
 * never set as `null`.
 *
 * @throws TypeError when it is not a list
 */
export function listIn(field: string, value: unknown): readonly unknown[] {
  if (value === null) return []
  if (!Array.isArray(value)) throw new TypeError(`${field} must be an array`)
  return value
}

/**
 * Reads each item of a list. One invalid item rejects the whole value, so that the nodes in use are always
 * exactly those of some value that was written, never a part of it.
 *
 * @throws TypeError that names the invalid item
 */
export function readEach<T, U>(field: string, items: readonly T[], read: (item: T) => U): readonly U[] {
  return items.map((item, index) => {
    try {
      return read(item)
    } catch (error) {
      throw new TypeError(`${field}[${index}]: ${(error as Error).message}`, { cause: error })
    }
  })
}

/**
 * Reads each item of a list as a node, like {@link readEach}, and also rejects two nodes with the same id.
 */
export function readNodes<T>(field: string, items: readonly T[], read: (item: T) => Node): readonly Node[] {
  const ids = new Set<string>()
  return readEach(field, items, item => {
    const node = read(item)
    if (ids.has(node.id)) throw new TypeError(`has the same id as another node, "${node.id}"`)
    ids.add(node.id)
    return node
  })
}
