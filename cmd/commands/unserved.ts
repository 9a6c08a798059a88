import { didYouMean } from '../../config/kit/closest.ts'
import type { Finding, Path } from '../../config/kit/problem.ts'
import { findProblems } from '../../config/kit/validate.ts'
import { membersOf } from '../../config/kit/values.ts'
import { ALSO_FOR_OTHERS, nodeSelector } from '../../config/policies/node-selector.ts'
import type { Node } from '../../internal/nodes/node.ts'
import { type NodeSelector, selects, waitsToBeSelected } from '../../internal/nodes/node-selection.ts'

/** The nodes of each service that has one. */
export type KnownServices = ReadonlyMap<string, readonly Pick<Node, 'id' | 'metadata'>[]>

/** A place in a route document that names a service, or selects its nodes. */
interface Named {
  readonly path: Path
  readonly service: unknown
  readonly nodes?: unknown
}

function namedIn(route: unknown): Named[] {
  const { service, nodes, fallback, split, mirror } = membersOf(route)
  const { variants } = membersOf(split)
  const ofVariants: readonly unknown[] = Array.isArray(variants) ? variants : []
  return [
    { path: [], service, nodes },
    { path: ['fallback'], service: membersOf(fallback).service },
    ...ofVariants.map((variant, index) => {
      const { service, nodes } = membersOf(variant)
      return { path: ['split', 'variants', index], service, nodes }
    }),
    { path: ['mirror'], service: membersOf(mirror).service, nodes: membersOf(mirror).nodes },
  ]
}

/**
 * Finds the services of a route document that have no node, and the selectors that select none. Values of the wrong type are
 * ignored.
 *
 * @param services undefined = not known, and nothing is found
 */
export function* findUnserved(route: unknown, services: KnownServices | undefined): Generator<Finding> {
  if (services === undefined) return
  for (const { path, service } of namedIn(route)) {
    if (typeof service !== 'string' || services.has(service)) continue
    const guess = didYouMean(service, services.keys())
    const message = `names ${JSON.stringify(service)}, which has no node${guess}`
    yield { path: [...path, 'service'], message }
  }
  yield* findUnselected(route, services)
}

/** Finds selectors that select no node, and variants whose nodes are for other routes, too. */
function* findUnselected(route: unknown, services: KnownServices): Generator<Finding> {
  const own = membersOf(route).service
  for (const { path, service = own, nodes } of namedIn(route)) {
    const known = typeof service === 'string' && nodes !== undefined ? services.get(service) : undefined
    // What is wrong with a selector is said elsewhere.
    if (known === undefined || findProblems(NODE_SELECTOR, nodes).length > 0) continue
    const selected = known.filter(node => selects(nodes as NodeSelector, node))
    const at = [...path, 'nodes']
    if (selected.length === 0) yield { path: at, message: `selects no node of ${JSON.stringify(service)}` }
    const other = path[0] === 'split' && selected.find(node => !waitsToBeSelected(node))
    if (other) yield { path: at, message: `selects node ${other.id}: ${ALSO_FOR_OTHERS}` }
  }
}

const NODE_SELECTOR = nodeSelector('')
