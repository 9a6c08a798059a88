import { BlockList, isIP } from 'node:net'

/**
 * Tells whether an address is one of our own proxies, whose X-Forwarded-* headers are believed.
 *
 * @param ranges addresses and CIDR ranges
 * @throws RangeError for what is neither
 */
export function createTrustedProxies(ranges: readonly string[]): (address: string) => boolean {
  return ranges.length === 0 ? () => false : createAddressRanges(ranges)
}

/**
 * Tells whether an IP address is in one of these ranges.
 *
 * @param ranges addresses and CIDR ranges
 * @throws RangeError for what is neither
 */
export function createAddressRanges(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const range of ranges) {
    const [, address = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(range) ?? []
    const version = isIP(address)
    const prefix = bits === undefined ? undefined : Number(bits)
    if (version === 0 || (prefix !== undefined && prefix > (version === 6 ? 128 : 32))) {
      throw new RangeError(`not an address or CIDR range: ${JSON.stringify(range)}`)
    }
    const family = version === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, prefix, family)
  }
  return address => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/**
 * The address of the client behind trusted proxies: the last one in X-Forwarded-For that is none of them. Each proxy
 * has written down whom it saw, so what stands further left is the word of a stranger. What is no address ends the
 * search: then it is the last proxy that was seen.
 *
 * @param peer who is at the other end of the connection, trusted
 */
export function realAddress(
  peer: string,
  forwardedFor: string | undefined,
  isTrustedProxy: (address: string) => boolean,
): string {
  if (forwardedFor === undefined) return peer
  let seen = peer
  for (let end = forwardedFor.length; end >= 0; ) {
    const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(',', end - 1)
    const address = addressIn(forwardedFor.slice(comma + 1, end))
    if (address === undefined) return seen
    if (!isTrustedProxy(address)) return address
    seen = address
    end = comma
  }
  return seen
}

/**
 * Reads the address of `1.2.3.4`, `1.2.3.4:567`, `::1`, `[::1]` or `[::1]:567`; some proxies write the port, too.
 *
 * @returns the address in its one spelling; undefined when there is none
 */
export function addressIn(text: string): string | undefined {
  const trimmed = text.trim()
  if (isIP(trimmed) !== 0) return canonicalAddress(trimmed)
  const bare = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15}))(?::\d{1,5})?$/.exec(trimmed)
  const address = bare?.[1] ?? bare?.[2]
  return address !== undefined && isIP(address) !== 0 ? canonicalAddress(address) : undefined
}

/**
 * Returns the address of a socket: an IPv4 client of a dual-stack socket as IPv4, and IPv6 without a zone, which only
 * means something on this machine. `unknown` when the client has left.
 */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7)
  const zone = address.indexOf('%')
  return zone === -1 ? address : address.slice(0, zone)
}

/** The one spelling of an IP address: IPv6 as short as it can be, IPv4 also where it is mapped into IPv6. */
export function canonicalAddress(address: string): string {
  if (!address.includes(':')) return address
  const [bare = ''] = address.split('%', 1)
  const text = new URL(`http://[${bare}]/`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text)
  if (!mapped) return text
  const [high, low] = mapped.slice(1).map(group => Number.parseInt(group, 16)) as [number, number]
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

/**
 * What stands for one client where clients are counted: an IPv4 address, or the 64 bits of an IPv6 address that name
 * a network, since whoever has one of its addresses usually has all of them.
 */
export function addressGroup(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').split('::')
  const first = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const last = tail === '' ? [] : tail.split(':')
    while (first.length + last.length < 8) first.push('0')
  }
  return `${first.slice(0, 4).join(':')}::/64`
}
