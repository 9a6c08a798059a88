import { GatewayError } from '../../internal/http/errors.ts'
import type { Exchange, LevelRule, Policy } from '../../internal/policy.ts'
import { createAddressTest } from '../request/client-address.ts'

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

const DENIED = new GatewayError('WG_ADDRESS_DENIED', {
  cause: new Error('the client address is not allowed'),
})

/**
 * Refuses clients by their address: the one of the connection, or, behind trusted proxies, the one they name. Every rule
 * must let a client pass. A client without an address passes no `allow`.
 */
export function createClients(
  levels: readonly LevelRule<ClientsRule>[],
  { wouldRefuse }: ClientsTools,
): Policy {
  const rules = levels.map(({ rule }) => rule)
  const enforced = rules.filter(rule => rule.enforce !== false).map(judgeOf)
  const observed = rules.filter(rule => rule.enforce === false).map(judgeOf)
  return {
    onRequest: exchange => {
      const clientAddress = exchange.call.clientAddress ?? 'unknown'
      if (!enforced.every(passes => passes(clientAddress))) throw DENIED
      if (!observed.every(passes => passes(clientAddress))) wouldRefuse(exchange)
      return undefined
    },
  }
}

function judgeOf({ allow, deny = [] }: ClientsRule): (address: string) => boolean {
  const isAllowed = allow && createAddressTest(allow)
  const isDenied = createAddressTest(deny)
  return address => !isDenied(address) && (isAllowed === undefined || isAllowed(address))
}
