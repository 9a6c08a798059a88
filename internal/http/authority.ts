// RFC 9110 section 7.2 and RFC 3986 section 3.2, without user info, percent-encoding and the other characters that no name
// on the Internet has: servers read those differently. A name is one to 63 characters between dots, and may end with a dot.
const NAME =
  /^[A-Za-z0-9_~-]{1,63}(?:\.[A-Za-z0-9_~-]{1,63})*\.?(?::(?:\d{0,4}|[0-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]))?$/
const BRACKETED =
  /^(\[[0-9A-Fa-f:.]{2,45}\])(?::(?:\d{0,4}|[0-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]))?$/
/** The longest name that DNS allows, as text (RFC 1035 section 2.3.4). */
const MAX_NAME = 253

/**
 * Returns whether a text is a host name, an IPv4 address or a bracketed IPv6 address, with or without a port from 0 to
 * 65535. The same test judges the Host header, the host in a request target, and the X-Forwarded-Host of trusted proxies.
 */
export function isAuthority(text: string): boolean {
  if (text.charCodeAt(0) === OPENING_BRACKET) {
    const address = BRACKETED.exec(text)?.[1]
    return address !== undefined && URL.canParse(`http://${address}/`)
  }
  return NAME.test(text) && (text.length <= MAX_NAME || normaliseHost(text).length <= MAX_NAME)
}

const OPENING_BRACKET = 91

/**
 * Normalises an authority to its host: lower case, without the port and without a trailing dot. An IPv6 address gets its
 * shortest form (RFC 5952), in brackets.
 */
export function normaliseHost(authority: string): string {
  const colon = colonOf(authority)
  const name = colon === -1 ? authority : authority.slice(0, colon)
  if (name.charCodeAt(0) === OPENING_BRACKET)
    return URL.parse(`http://${name}/`)?.hostname ?? name.toLowerCase()
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
}

/**
 * Returns the port of an authority, in digits. An absent port is the default one.
 *
 * @param scheme `http` or `https`, in any case
 */
export function portOf(authority: string, scheme: string): string {
  const colon = colonOf(authority)
  const digits = colon === -1 ? '' : authority.slice(colon + 1)
  if (digits !== '') return digits
  return scheme.length === 'https'.length ? '443' : '80'
}

/**
 * Returns whether two authorities name the same host and port.
 *
 * @param scheme `http` or `https`, in any case
 */
export function isSameAuthority(a: string, b: string, scheme: string): boolean {
  if (a === b) return true
  return normaliseHost(a) === normaliseHost(b) && Number(portOf(a, scheme)) === Number(portOf(b, scheme))
}

/** Returns the index of the colon before the port; -1 = there is none. An IPv6 address has colons within its brackets. */
function colonOf(authority: string): number {
  const colon = authority.lastIndexOf(':')
  return colon > authority.lastIndexOf(']') ? colon : -1
}
