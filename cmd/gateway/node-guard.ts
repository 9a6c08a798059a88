import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Node } from '../../internal/nodes/node.ts'
import { canonicalAddress, createAddressRanges } from '../../middleware/request/client-address.ts'

export interface NodeGuardOptions {
  /** Addresses and CIDR ranges that nodes may have; empty = all. */
  readonly allowedAddresses: readonly string[]
  /** Returns the port of this gateway's admin listener; 0 = not open yet. */
  readonly adminPort: () => number
}

/** Decides which nodes requests must not be sent to, whatever the registry says. */
export interface NodeGuard {
  /**
   * Returns why a node must not be used, as a text for people. Undefined when it may be used, or when its host is a name
   * that is yet to be resolved.
   */
  refusalOf(node: Pick<Node, 'host' | 'port'>): string | undefined
  /** Returns whether a connection may be made to an IP address. Called with the address that a name was resolved to. */
  allows(address: string, port: number): boolean
}

const UNSPECIFIED = new Set(['0.0.0.0', '::'])

/**
 * Creates the guard that keeps traffic away from the gateway's own admin listener, at any address or name of this
 * machine, and from addresses outside the configured ranges.
 */
export function createNodeGuard({ allowedAddresses, adminPort }: NodeGuardOptions): NodeGuard {
  const isInRange = allowedAddresses.length === 0 ? () => true : createAddressRanges(allowedAddresses)

  const isOwnAdmin = (address: string, port: number): boolean => port === adminPort() && isOurs(address)

  return {
    refusalOf({ host, port }) {
      // A name is resolved for each connection, possibly to another address. `allows` checks that address.
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

const OWN_ADMIN = "it is the gateway's own admin listener"

/** Returns whether an address belongs to this machine, so that connections to it reach our own listeners. */
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
