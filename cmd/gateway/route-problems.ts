import { didYouMean } from '../../config/kit/closest.ts'
import { ALSO_FOR_OTHERS } from '../../config/policies/node-selector.ts'
import type { KeyProblem } from '../../discovery/key-problems.ts'
import { includesNode, selects, waitsToBeSelected } from '../../internal/nodes/node-selection.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import { servicesNamedBy } from '../../internal/routing/named-services.ts'
import type { Route } from '../../internal/routing/route.ts'
import { targetsFor } from '../../middleware/policies/split.ts'
import type { AutoRoutes } from './auto-routes.ts'
import type { GrpcNames } from './grpc-names.ts'

/** Guessing compares a name with each service, and a page must not take long. */
const MAX_GUESSES = 10
const MAX_SERVICES_TO_GUESS = 1_000

/** Yields the routes to services without a node, which may be misspelt. */
export function* unserved(documents: readonly Route[], nodes: NodeTable): Generator<KeyProblem> {
  const services = [...nodes.services()].map(({ name }) => name)
  let guesses = services.length > MAX_SERVICES_TO_GUESS ? 0 : MAX_GUESSES
  for (const route of documents) {
    for (const { prefix, service } of servicesNamedBy(route)) {
      if (service === undefined || nodes.service(service)) continue
      const guess = guesses-- > 0 ? didYouMean(service, services) : ''
      const reason = `$.${prefix}service: no node of ${JSON.stringify(service)} is registered${guess}`
      yield { key: route.id, reason }
    }
  }
}

/**
 * Yields the routes that select nodes of a service and find none, those whose variants leave none for `stable`, and those
 * with a variant whose nodes get other requests of the service, too.
 */
export function* unselected(documents: readonly Route[], nodes: NodeTable): Generator<KeyProblem> {
  for (const route of documents) {
    const { id: key } = route
    for (const { kind, prefix, service = route.service, selector } of servicesNamedBy(route)) {
      if (selector === undefined) continue
      const field = `${prefix}nodes`
      const peers = nodes.service(service)?.peers
      const selected = peers?.filter(({ node }) => selects(selector, node))
      const name = JSON.stringify(service)
      if (selected?.length === 0) {
        yield { key, reason: `$.${field}: no node of ${name} has ${JSON.stringify(selector)}` }
      }
      const other = kind === 'variant' && selected?.find(({ node }) => !waitsToBeSelected(node))
      if (other) yield { key, reason: `$.${field}: selects node ${other.node.id}: ${ALSO_FOR_OTHERS}` }
    }
    const split = route.policies?.split
    if (!split) continue
    const { service, nodes: left } = targetsFor(route, split.variants).stable
    const peers = nodes.service(service)?.peers ?? []
    const isLeft = ({ node }: Peer) => (left ? includesNode(left, node) : !waitsToBeSelected(node))
    if (peers.length > 0 && !peers.some(isLeft)) {
      yield { key, reason: `$.split: no node of ${JSON.stringify(service)} is left for stable` }
    }
  }
}

/** Yields the services that get no automatic route because they had a document, with the document that replaces one. */
export function* withoutRoute(auto: AutoRoutes): Generator<KeyProblem> {
  for (const service of auto.formerServices()) {
    const document = { path: `/${service}/*`, service, stripPrefix: `/${service}` }
    const cure = `write one, such as ${JSON.stringify(document)}, which serves it as an automatic route would`
    yield { key: `auto:${service}`, reason: `had a route document, so it gets no automatic route: ${cure}` }
  }
}

/**
 * Yields the services that get no calls of one of their gRPC services, because another service has it too. That one is
 * yielded as well, unless an operator has written that the calls are for it.
 */
export function* contestedNames(
  auto: AutoRoutes,
  nodes: NodeTable,
  grpcNames: GrpcNames,
): Generator<KeyProblem> {
  for (const [name, services] of grpcNames.entries()) {
    const present = services.filter(service => nodes.service(service) !== undefined)
    const named = auto.namedBy(name)
    const documented = named ?? present.find(service => auto.isDocumented(service))
    const winner = documented ?? auto.ofGrpc(name)?.service
    const losers = present.filter(service => service !== winner && !auto.isDocumented(service))
    if (winner === undefined || losers.length === 0) continue
    const cure = 'give each of them a route document'
    if (documented === undefined && !grpcNames.isWritten(name, winner)) {
      const reason = `gets the calls of ${name}, which ${losers.join(' and ')} also has: ${cure}`
      yield { key: `auto:${winner}/${name}`, reason }
    }
    for (const service of losers) {
      const why = named === undefined ? `${winner} has it too` : `a route document of ${named} names it`
      const reason = `gets no calls of ${name}, because ${why}: ${cure}`
      yield { key: `auto:${service}/${name}`, reason }
    }
  }
}
