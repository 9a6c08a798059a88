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
