import { BlockList, isIP } from 'node:net'

/**
 * Creates the test whether an address is a trusted proxy, whose X-Forwarded-* headers are believed.
 *
 * @param ranges addresses and CIDR ranges
 * @throws RangeError when an entry is neither
 */
export function createTrustedProxies(ranges: readonly string[]): (address: string) => boolean {
  return ranges.length === 0 ? () => false : createAddressRanges(ranges)
}

/**
 * Creates the test whether an IP address is in one of these ranges.
 *
 * @param ranges addresses and CIDR ranges
 * @throws RangeError when an entry is neither
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
 * Creates the test whether a client address is in one of these ranges. IPv4 and IPv6 are kept apart: otherwise `::/0` would
 * include IPv4, because every IPv4 address can be written as IPv6. An address that is none, such as `unknown`, is in no range.
 *
 * @param ranges addresses and CIDR ranges
 * @throws RangeError when an entry is neither
 */
export function createAddressTest(ranges: readonly string[]): (address: string) => boolean {
  const isForV6 = (range: string) => canonicalAddress(range.replace(/\/.*/, '')).includes(':')
  const isInV4 = createAddressRanges(ranges.filter(range => !isForV6(range)))
  const isInV6 = createAddressRanges(ranges.filter(isForV6))
  return address => (address.includes(':') ? isInV6 : isInV4)(address)
}

/**
 * Returns the address of the client behind trusted proxies: the last address in X-Forwarded-For that is not a trusted
 * proxy. Each proxy appends the address that it saw, so anything further left comes from a stranger. An entry that is not
 * an address ends the search, and the last proxy found is returned.
 *
 * @param peer the address at the other end of the connection, which is a trusted proxy
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
 * Reads the address in `1.2.3.4`, `1.2.3.4:567`, `::1`, `[::1]` or `[::1]:567`. Some proxies write the port as well.
 *
 * @returns the address in canonical form; undefined when there is none
 */
export function addressIn(text: string): string | undefined {
  const address = writtenAddressIn(text)
  return address === undefined ? undefined : canonicalAddress(address)
}

/** Reads an address as {@link addressIn} does, and leaves it as it is written, which costs a tenth for IPv6. */
export function writtenAddressIn(text: string): string | undefined {
  const trimmed = text.trim()
  if (isIP(trimmed) !== 0) return trimmed.split('%', 1)[0]
  const bare = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15}))(?::\d{1,5})?$/.exec(trimmed)
  const address = bare?.[1] ?? bare?.[2]
  return address !== undefined && isIP(address) !== 0 ? address : undefined
}

/**
 * Returns the address of a socket. An IPv4 client of a dual-stack socket has its IPv4 address, and an IPv6 address has no
 * zone, which has a meaning on this machine only. Returns `unknown` when the client has left.
 */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7)
  const zone = address.indexOf('%')
  return zone === -1 ? address : address.slice(0, zone)
}

/** Returns the canonical form of an IP address: the shortest one for IPv6, and IPv4 for an IPv4-mapped IPv6 address. */
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
 * Returns the group that counts as one client: an IPv4 address, or the network of an IPv6 address, because a client that has
 * one address of such a network usually has all of them.
 *
 * @param bits how much of an IPv6 address is the network, 16..128
 */
export function addressGroup(address: string, bits = 64): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').split('::')
  const first = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const last = tail === '' ? [] : tail.split(':')
    while (first.length + last.length < 8) first.push('0')
    first.push(...last)
  }
  const groups = first.slice(0, Math.ceil(bits / 16))
  const unused = groups.length * 16 - bits
  if (unused > 0) groups.push((Number.parseInt(groups.pop()!, 16) & (0xffff << unused)).toString(16))
  return `${groups.join(':')}::/${bits}`
}
