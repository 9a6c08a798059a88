/** The parts of a key. */
export interface KeyParts {
  readonly service: string
  /** Everything after the service. */
  readonly rest: string
}

/**
 * Splits a key into its service and the rest.
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
 * Splits a key of a format whose values name their service. Under a prefix that belongs to one service
 * (`/user/` for `/user/10.0.0.7:3001`) the rest of the key is only the id, and the value has the name. A
 * longer key takes precedence over the value, so that a user who may write below one service cannot join
 * another.
 *
 * @param named the service that the value names; undefined and '' mean none
 * @throws TypeError when neither the key nor the value names a service, or they name different ones
 */
export function splitNamedPath(path: string, named: unknown): KeyParts {
  if (named !== undefined && typeof named !== 'string') throw new TypeError('name must be a string')
  if (named && path !== '' && !path.includes('/')) return { service: named, rest: path }
  const place = splitPath(path)
  if (named) checkService(named, place.service)
  return place
}

/** @throws TypeError when the value names a service other than that of its key */
export function checkService(named: unknown, service: string): void {
  if (named !== undefined && named !== service) {
    throw new TypeError(`the service in the value differs from the one in its key, ${quote(service)}`)
  }
}

/**
 * Makes a node's id from the rest of its key, e.g. `10.0.0.7:3001`, `v2/10.0.0.7:3001` or `[::1]:3001`. Keys
 * that differ only in the characters replaced here get the same id, which is reported as a problem.
 */
export function idOf(rest: string): string {
  const id = rest.replaceAll('/', '~').replaceAll(/[[\]]/g, '')
  // An id must start with a letter or digit. `::1` and `0::1` are the same address.
  return id.replace(/^:/, '0:')
}

/** Quotes text from outside for use in a message: shortened and on one line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)
}
