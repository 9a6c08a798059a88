export const DEFAULT_SERVICES_PREFIX = '/services/'
export const DEFAULT_ROUTES_PREFIX = '/waygate/routes/'

/**
 * A prefix that matches whole segments only.
 *
 * @returns it, with a `/` at the end
 * @throws TypeError when it has no segment, for then every key of the store would match
 */
export function checkPrefix(prefix: string): string {
  const whole = prefix.endsWith('/') ? prefix : `${prefix}/`
  if (/^\/*$/.test(whole)) throw new TypeError(`a prefix of keys must name something, not "${prefix}"`)
  return whole
}

/** A prefix to read nodes from. */
export interface ServicesPrefix {
  readonly prefix: string
  /** The name of the value format; default `auto`. */
  readonly format?: string | undefined
  /** The service that every key under the prefix is a node of, where keys do not name it. */
  readonly service?: string | undefined
}

/**
 * The prefixes to read nodes from: those listed, and the one that this registry's own nodes are under, unless
 * one of the listed covers it or lies below it.
 *
 * @throws TypeError when two of the listed overlap, or one of them overlaps the prefix of routes
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
