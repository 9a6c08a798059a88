import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { parseAddress } from '../internal/nodes/node.ts'

/**
 * Returns the address at which other machines reach a server that is bound to `bound`.
 *
 * @param advertise `host` or `host:port` as the operator set it; takes precedence over everything else
 * @param interfaces the result of `os.networkInterfaces()`
 * @throws TypeError when the server does not listen on a TCP port
 */
export function advertisedAddress(
  bound: readonly AddressInfo[],
  advertise: string | undefined,
  interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces(),
): { host: string; port: number } {
  // `localhost` can be bound twice. Prefer IPv4, which every peer speaks.
  const first = bound.find(each => isIpv4(each.family)) ?? bound[0]
  if (!first) throw new TypeError('a server can be registered only when it listens on a TCP port')
  const { port } = first
  if (advertise) {
    if (/^\[.*\]:\d+$|^[^:]*:\d+$/.test(advertise)) return parseAddress(advertise)
    return { host: advertise.replace(/^\[|\]$/g, ''), port }
  }
  const isUnspecified = first.address === '0.0.0.0' || first.address === '::'
  return { host: isUnspecified ? outsideAddress(interfaces) : first.address, port }
}

function outsideAddress(interfaces: ReturnType<typeof networkInterfaces>): string {
  const all = Object.values(interfaces).flatMap(addresses => addresses ?? [])
  const outside = all.filter(each => !each.internal && !/^(?:169\.254\.|fe[89ab])/i.test(each.address))
  return (outside.find(each => isIpv4(each.family)) ?? outside[0])?.address ?? '127.0.0.1'
}

/** Some releases of Node report 4 instead of 'IPv4'. */
function isIpv4(family: string | number): boolean {
  return family === 'IPv4' || family === 4
}
