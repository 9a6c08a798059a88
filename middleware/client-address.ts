import { BlockList, isIP } from 'node:net'

/**
 * Tells whether an address is one of our own proxies, whose X-Forwarded-* headers are believed.
 *
 * @param ranges addresses and CIDR ranges
 * @throws RangeError for what is neither
 */
export function createTrustedProxies(ranges: readonly string[]): (address: string) => boolean {
  if (ranges.length === 0) return () => false
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

/** An IPv4 client of a dual-stack socket, written as IPv4. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
