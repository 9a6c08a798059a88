/** What a key says. */
export interface KeyParts {
  readonly service: string
  /** Everything after the service. */
  readonly rest: string
}

/**
 * The service that a key speaks of, and the rest of the key.
 *
 * @param path the key after the prefix
 * @throws TypeError unless it has at least two segments
 */
export function splitPath(path: string): KeyParts {
  const slash = path.indexOf('/')
  if (slash <= 0 || slash === path.length - 1) throw new TypeError('key must be <service>/<id>')
  return { service: path.slice(0, slash), rest: path.slice(slash + 1) }
}

/**
 * The same for a format whose values name their service: under a prefix that is one service's own
 * (`/user/` for `/user/10.0.0.7:3001`) the rest of the key is the id alone, and the value has the name.
 * A longer key always has the last word, so that nobody who may write below one service joins another.
 *
 * @param named the service that the value names; undefined and '' = none
 * @throws TypeError when neither names a service, or they name two
 */
export function splitNamedPath(path: string, named: unknown): KeyParts {
  if (named !== undefined && typeof named !== 'string') throw new TypeError('name must be a string')
  if (named && path !== '' && !path.includes('/')) return { service: named, rest: path }
  const place = splitPath(path)
  if (named) checkService(named, place.service)
  return place
}

/** @throws TypeError when the value names another service than its key does. */
export function checkService(named: unknown, service: string): void {
  if (named !== undefined && named !== service) {
    throw new TypeError(`value names another service than its key, which says ${quote(service)}`)
  }
}

/**
 * A node's id from what a key says besides the service: `10.0.0.7:3001`, `v2/10.0.0.7:3001`, `[::1]:3001`.
 * Keys that differ in nothing but these spellings have one id, which is shown as a problem.
 */
export function idOf(rest: string): string {
  const id = rest.replaceAll('/', '~').replaceAll(/[[\]]/g, '')
  // An id starts with a letter or digit; `::1` and `0::1` are one address.
  return id.replace(/^:/, '0:')
}

/** Text from outside as it may stand in a message: short and on one line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)
}
