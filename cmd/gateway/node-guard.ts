import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Node } from '../../internal/nodes/node.ts'
import { canonicalAddress, createAddressRanges } from '../../middleware/request/client-address.ts'

export interface NodeGuardOptions {
  /** Addresses and CIDR ranges that nodes may have; empty = all. */
  readonly allowedAddresses: readonly string[]
  /** Where this gateway's admin listener is, as it is known now; 0 = nowhere yet. */
  readonly adminPort: () => number
}

/** Says where requests of strangers must not be sent, whatever the registry says. */
export interface NodeGuard {
  /** Why a node must not be used, for people; undefined when it may, or as long as only its name is known. */
  refusalOf(node: Pick<Node, 'host' | 'port'>): string | undefined
  /** Whether a connection may be made to an IP address; asked with what a name was resolved to. */
  allows(address: string, port: number): boolean
}

const UNSPECIFIED = new Set(['0.0.0.0', '::'])

/**
 * Keeps traffic away from the gateway's own admin listener, under whichever of this machine's addresses or names, and
 * from addresses outside of the configured ranges.
 */
export function createNodeGuard({ allowedAddresses, adminPort }: NodeGuardOptions): NodeGuard {
  const isInRange = allowedAddresses.length === 0 ? () => true : createAddressRanges(allowedAddresses)

  const isOwnAdmin = (address: string, port: number): boolean => port === adminPort() && isOurs(address)

  return {
    refusalOf({ host, port }) {
      // Names are looked up when they are connected to, and may then say something else.
      if (isIP(host) === 0) return isLoopbackName(host) && port === adminPort() ? OWN_ADMIN : undefined
      const address = canonicalAddress(host)
      if (isOwnAdmin(address, port)) return OWN_ADMIN
      return isInRange(address) ? undefined : `the address ${host} is not in discovery.allowedAddresses`
    },
    allows(address, port) {
      const canonical = canonicalAddress(address)
      return !isOwnAdmin(canonical, port) && isInRange(canonical)
    },
  }
}

const OWN_ADMIN = "this is the gateway's own admin listener"

/** Whether connections to an address end on this machine, so that its ports are those that we listen on. */
function isOurs(address: string): boolean {
  if (address.startsWith('127.') || address === '::1' || UNSPECIFIED.has(address)) return true
  return Object.values(networkInterfaces()).some(list =>
    list?.some(each => canonicalAddress(each.address) === address),
  )
}

function isLoopbackName(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '')
  return name === 'localhost' || name.endsWith('.localhost')
}
