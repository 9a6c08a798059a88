import { setImmediate as nextTurn } from 'node:timers/promises'
import type { RouteList, ServicePage, ServicesPage } from './page-types.ts'

/** Making text of so many takes well below a millisecond. */
const NODES_A_PART = 128
const PIECE_CHARS = 65_536

/**
 * A {@link RoutesPage} as JSON, piece by piece. It grows as routes times nodes, to more than a text or the memory can
 * hold: so the text of a service's nodes is made once, and shared by its routes.
 */
export function writeRoutes({
  routes,
  services,
  revision,
  source,
  ...rest
}: RouteList): AsyncGenerator<string> {
  const nodesOf = new Map(services.map(({ name, nodes }) => [name, new NodesText(nodes)]))
  const states = services.map(({ nodes: _, ...state }) => state)
  function* texts() {
    yield `${JSON.stringify({ revision, source }).slice(0, -1)},"routes":[`
    for (const [i, route] of routes.entries()) yield* withNodes(i, route, nodesOf.get(route.service))
    yield '],"services":['
    for (const [i, state] of states.entries()) yield separator(i) + JSON.stringify(state)
    yield `],${JSON.stringify(rest).slice(1)}`
  }
  return inPieces(texts())
}

/** A {@link ServicesPage} as JSON, piece by piece. */
export function writeServices({ services }: ServicesPage): AsyncGenerator<string> {
  function* texts() {
    yield '{"services":['
    for (const [i, { nodes, ...state }] of services.entries())
      yield* withNodes(i, state, new NodesText(nodes))
    yield ']}'
  }
  return inPieces(texts())
}

function* withNodes(index: number, about: object, nodes: Iterable<string> = []): Generator<string> {
  yield `${separator(index)}${JSON.stringify(about).slice(0, -1)},"nodes":[`
  yield* nodes
  yield ']}'
}

function separator(index: number): string {
  return index === 0 ? '' : ','
}

/** What stands between the brackets of a list of nodes, part by part; made when it is read for the first time. */
class NodesText implements Iterable<string> {
  readonly #nodes: ServicePage['nodes']
  readonly #parts: string[] = []

  constructor(nodes: ServicePage['nodes']) {
    this.#nodes = nodes
  }

  *[Symbol.iterator](): Generator<string> {
    for (let i = 0; i * NODES_A_PART < this.#nodes.length; i++) {
      this.#parts[i] ??= this.#make(i)
      yield this.#parts[i]!
    }
  }

  #make(part: number): string {
    const nodes = this.#nodes.slice(part * NODES_A_PART, (part + 1) * NODES_A_PART)
    return separator(part) + JSON.stringify(nodes).slice(1, -1)
  }
}

/** Gives up a turn after each piece: a reader that is fast enough would never leave one. */
async function* inPieces(texts: Iterable<string>): AsyncGenerator<string> {
  let piece: string[] = []
  let length = 0
  for (const text of texts) {
    piece.push(text)
    length += text.length
    if (length < PIECE_CHARS) continue
    yield piece.join('')
    piece = []
    length = 0
    await nextTurn()
  }
  yield piece.join('')
}
