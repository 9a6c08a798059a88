import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import type { FiguresPage } from './api-types.ts'
import type { RouteList, ServicePage, ServicesPage } from './page-types.ts'

export const JSON_TYPE = 'application/json; charset=utf-8'

/** Serializing this many nodes takes well below a millisecond. */
const NODES_A_PART = 128
const PIECE_CHARS = 65_536

/**
 * Sends an answer as fast as its reader takes it.
 *
 * @param onError is called when a piece cannot be made; the head is sent by then, so that the answer can only be aborted
 */
export function sendPieces(
  reply: FastifyReply,
  pieces: Iterable<string> | AsyncIterable<string>,
  onError: (error: unknown) => void,
): FastifyReply {
  return reply.send(Readable.from(pieces, { objectMode: false }).once('error', onError))
}

/**
 * Writes a {@link RoutesPage} as JSON, piece by piece. The page grows as routes times nodes and can exceed the memory, so
 * the text of a service's nodes is made once, shared by its routes, and released after the last of them.
 */
export function writeRoutes({
  routes,
  services,
  revision,
  source,
  defaultAuth,
  problems,
  workers,
}: RouteList): AsyncGenerator<string> {
  const nodesOf = new Map(services.map(({ name, nodes }) => [name, new NodesText(nodes)]))
  const left = new Map<string, number>()
  for (const { service } of routes) left.set(service, (left.get(service) ?? 0) + 1)
  const states = services.map(({ nodes: _, ...state }) => state)
  function* texts() {
    yield `${JSON.stringify({ revision, source, defaultAuth }).slice(0, -1)},"routes":[`
    for (const [i, route] of routes.entries()) {
      const { service } = route
      yield* withNodes(i, route, nodesOf.get(service))
      left.set(service, left.get(service)! - 1)
      if (left.get(service) === 0) nodesOf.delete(service)
    }
    yield '],"services":['
    for (const [i, state] of states.entries()) yield separator(i) + JSON.stringify(state)
    yield '],"problems":['
    for (const [i, problem] of problems.entries()) yield separator(i) + JSON.stringify(problem)
    yield workers ? `],"workers":${JSON.stringify(workers)}}` : ']}'
  }
  return inPieces(texts())
}

/** Writes a {@link RouteList}, or anything else with its routes and services, as JSON, piece by piece. */
export function writeRouteList<T extends Pick<RouteList, 'routes' | 'services'>>({
  routes,
  services,
  ...rest
}: T): AsyncGenerator<string> {
  function* texts() {
    yield `${JSON.stringify(rest).slice(0, -1)},"routes":[`
    for (const [i, route] of routes.entries()) yield separator(i) + JSON.stringify(route)
    yield '],"services":['
    yield* servicesText(services)
    yield ']}'
  }
  return inPieces(texts())
}

/** Writes a {@link ServicesPage} as JSON, piece by piece. */
export function writeServices({ services }: ServicesPage): AsyncGenerator<string> {
  function* texts() {
    yield '{"services":['
    yield* servicesText(services)
    yield ']}'
  }
  return inPieces(texts())
}

/** Writes a {@link FiguresPage} as JSON, piece by piece. */
export function writeFigures({ routes, services, ...rest }: FiguresPage): AsyncGenerator<string> {
  function* texts() {
    yield `${JSON.stringify(rest).slice(0, -1)},"routes":{`
    yield* membersText(routes)
    yield '},"services":{'
    yield* membersText(services)
    yield '}}'
  }
  return inPieces(texts())
}

function* membersText(members: Readonly<Record<string, unknown>>): Generator<string> {
  for (const [i, [name, value]] of Object.entries(members).entries())
    yield `${separator(i)}${JSON.stringify(name)}:${JSON.stringify(value)}`
}

function* servicesText(services: readonly ServicePage[]): Generator<string> {
  for (const [i, { nodes, ...state }] of services.entries()) yield* withNodes(i, state, new NodesText(nodes))
}

function* withNodes(index: number, about: object, nodes: Iterable<string> = []): Generator<string> {
  yield `${separator(index)}${JSON.stringify(about).slice(0, -1)},"nodes":[`
  yield* nodes
  yield ']}'
}

function separator(index: number): string {
  return index === 0 ? '' : ','
}

/** The JSON between the brackets of a list of nodes, in parts, each made when it is first read. */
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

/** Joins texts to pieces, and yields the event loop after each: a fast reader would otherwise occupy it. */
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
