import { GatewayError } from '../../internal/http/errors.ts'
import type { Exchange, Policy } from '../../internal/policy.ts'
import { createAddressRanges } from '../request/client-address.ts'

export interface ClientsRule {
  /** Addresses and CIDR ranges. */
  readonly allow?: readonly string[] | undefined
  readonly deny?: readonly string[] | undefined
  /** False: refusals are only counted and logged. Default: true. */
  readonly enforce?: boolean | undefined
}

export interface ClientsTools {
  /** Is called when a rule that is not enforced would have refused a request. */
  readonly wouldRefuse: (exchange: Exchange) => void
}

type Judge = (address: string | undefined) => boolean

const DENIED = new GatewayError('WG_ADDRESS_DENIED')

/**
 * Refuses clients by their address: the one of the connection, or, behind trusted proxies, the one they name. Every rule
 * must let a client pass. A client without an address passes no `allow`.
 */
export function createClients(rules: readonly ClientsRule[], { wouldRefuse }: ClientsTools): Policy {
  const enforced = rules.filter(rule => rule.enforce !== false).map(judgeOf)
  const observed = rules.filter(rule => rule.enforce === false).map(judgeOf)
  return {
    onRequest: exchange => {
      const { clientAddress } = exchange.call
      if (!enforced.every(passes => passes(clientAddress))) throw DENIED
      if (!observed.every(passes => passes(clientAddress))) wouldRefuse(exchange)
      return undefined
    },
  }
}

function judgeOf({ allow, deny = [] }: ClientsRule): Judge {
  const isAllowed = allow && createAddressRanges(allow)
  const isDenied = createAddressRanges(deny)
  return address => {
    if (address === undefined) return isAllowed === undefined
    return !isDenied(address) && (isAllowed === undefined || isAllowed(address))
  }
}
