import type { Node } from '../../internal/nodes/node.ts'

/**
 * A list that a value has under `field`; `null`, as Go writes a list that was never set, is an empty one.
 *
 * @throws TypeError when it is no list
 */
export function listIn(field: string, value: unknown): readonly unknown[] {
  if (value === null) return []
  if (!Array.isArray(value)) throw new TypeError(`${field} must be an array`)
  return value
}

/**
 * What `read` makes of each item. One key, one verdict: a single bad item refuses the whole value, so that
 * what is in use is always something that somebody wrote, never a part of it.
 *
 * @throws TypeError naming the item that is bad
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

/** As {@link readEach}, for nodes; also refuses one that has another's id. */
export function readNodes<T>(field: string, items: readonly T[], read: (item: T) => Node): readonly Node[] {
  const ids = new Set<string>()
  return readEach(field, items, item => {
    const node = read(item)
    if (ids.has(node.id)) throw new TypeError(`has the id of another node, "${node.id}"`)
    ids.add(node.id)
    return node
  })
}
