/** What a `Map` and a `WeakMap` have in common. */
interface Keyed<Key, Value> {
  get(key: Key): Value | undefined
  set(key: Key, value: Value): unknown
}

/**
 * Returns the value of a key, which is made and kept when there is none: `getOrInsertComputed` of newer releases of Node.js.
 */
export function getOrMake<Key, Value>(map: Keyed<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
