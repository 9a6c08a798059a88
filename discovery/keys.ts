/** The order of etcd's keys for everything a key is made of here; for `sort`. */
export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
