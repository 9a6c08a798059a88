export const DEFAULT_SERVICES_PREFIX = '/services/'
export const DEFAULT_ROUTES_PREFIX = '/waygate/routes/'
/** Where the queues of locks and elections are, unless their callers say otherwise. */
export const LOCKS_PREFIX = '/waygate/locks/'
export const ELECTIONS_PREFIX = '/waygate/elections/'

/**
 * Checks a prefix and makes it match whole segments only.
 *
 * @returns the prefix with a `/` at the end
 * @throws TypeError when the prefix has no segment, because every key of the store would match it
 */
export function checkPrefix(prefix: string): string {
  const whole = prefix.endsWith('/') ? prefix : `${prefix}/`
  if (/^\/*$/.test(whole)) throw new TypeError(`a key prefix must have at least one segment, not "${prefix}"`)
  return whole
}

/** A prefix to read nodes from. */
export interface ServicesPrefix {
  readonly prefix: string
  /** The name of the value format. Default `auto`. */
  readonly format?: string | undefined
  /** The service of every key under the prefix, if the keys do not name it. */
  readonly service?: string | undefined
}

/**
 * Returns the prefixes to read nodes from: the listed ones, and the registry's own prefix unless a listed one
 * overlaps it.
 *
 * @throws TypeError when two listed prefixes overlap, or when a prefix overlaps the prefix of routes
 */
export function servicesPrefixes(
  own: ServicesPrefix,
  listed: readonly ServicesPrefix[],
  routesPrefix: string,
): readonly ServicesPrefix[] {
  const all: ServicesPrefix[] = []
  for (const each of listed) {
    const prefix = checkPrefix(each.prefix)
    const other = all.find(known => overlap(known.prefix, prefix))
    if (other) throw new TypeError(`the prefixes of two sources overlap: ${other.prefix} and ${prefix}`)
    all.push({ ...each, prefix })
  }
  const ownPrefix = checkPrefix(own.prefix)
  if (!all.some(({ prefix }) => overlap(prefix, ownPrefix))) all.unshift({ ...own, prefix: ownPrefix })
  const bad = all.find(({ prefix }) => overlap(prefix, routesPrefix))
  if (bad)
    throw new TypeError(`the prefixes of services and routes overlap: ${bad.prefix} and ${routesPrefix}`)
  return all
}

function overlap(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a)
}
