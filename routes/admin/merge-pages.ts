import type { Health } from '../../internal/nodes/health.ts'
import type { BreakerState, PeerState } from '../../internal/nodes/peer.ts'
import type { RouteCounts } from './metrics/request-counts.ts'
import type {
  DescriptorsPage,
  LimitPage,
  ListedRoute,
  MethodsPage,
  NodePage,
  RouteList,
  ServicePage,
  ServiceState,
  ServicesPage,
  WorkerPage,
} from './page-types.ts'
import { Turns } from './turns.ts'
import type { SourceFreshness, TableProblem } from './views.ts'

/** Each list is ordered from the best to the worst. */
const STATES: readonly PeerState[] = ['up', 'draining', 'suspect', 'down']
const HEALTHS: readonly Health[] = ['healthy', 'unchecked', 'unhealthy']
const BUDGETS = ['available', 'exhausted'] as const
const BREAKERS: readonly BreakerState[] = ['closed', 'half-open', 'open']

/** A page and the process that made it. */
export interface PageOf<Page> {
  readonly pid: number
  readonly page: Page
}

/**
 * Merges the tables of several processes into one page. Routes and nodes are taken from the newest table. Counts are
 * summed. Of states, breakers, revisions and ages the worst is shown, since it needs attention.
 *
 * @param pages at least one
 */
export async function mergeRoutes(pages: readonly PageOf<RouteList>[]): Promise<Required<RouteList>> {
  const sorted = newestFirst(pages)
  return {
    revision: sorted.at(-1)!.page.revision,
    source: mergeSources(sorted.map(({ page }) => page.source)),
    defaultAuth: sorted.some(({ page }) => page.defaultAuth === 'none') ? 'none' : 'jwt',
    routes: mergeListed(sorted.flatMap(({ page }) => page.routes)),
    services: await mergeAll(sorted.flatMap(({ page }) => page.services)),
    problems: mergeProblems(sorted.map(({ page }) => page.problems)),
    workers: workersOf(pages),
  }
}

/** Tells how far each process is with its table. */
export function workersOf(
  pages: readonly PageOf<{
    readonly revision: string | null
    readonly source: Pick<RouteList['source'], 'connected' | 'stale'>
  }>[],
): WorkerPage[] {
  return pages.map(({ pid, page: { revision, source } }) => ({
    ...{ pid, revision },
    connected: source.connected,
    stale: source.stale,
  }))
}

/** Lists each route once, as the first page has it, and sums its counts. */
function mergeListed(all: readonly ListedRoute[]): ListedRoute[] {
  return mergeBy(
    all,
    ({ id }) => id,
    (first, other) => ({ ...first, ...sumCounts(first, other) }),
  )
}

export function sumCounts(a: RouteCounts, b: RouteCounts): RouteCounts {
  return { requests: a.requests + b.requests, failures: a.failures + b.failures }
}

/** Merges the services of several processes in the way of {@link mergeRoutes}, sorted by name. */
export async function mergeServices(pages: readonly ServicesPage[]): Promise<ServicesPage> {
  return { services: await mergeAll(pages.flatMap(page => page.services)) }
}

/** Merges the methods of a service as several processes know them: those of one that does, and the problems of all. */
export function mergeMethods(pages: readonly MethodsPage[]): MethodsPage | undefined {
  return pages.reduce<MethodsPage | undefined>((a, b) => {
    if (a === undefined) return b
    const descriptors = mergeDescriptors(a.descriptors, b.descriptors)
    return { ...(a.descriptors.source === null ? b : a), descriptors }
  }, undefined)
}

/** Lists each service once, sorted by name, and in it each node once. */
async function mergeAll(all: readonly ServicePage[]): Promise<ServicePage[]> {
  const merged = new Map<string, { state: ServiceState; readonly nodes: Map<string, NodePage> }>()
  const turns = new Turns()
  for (const { nodes, ...state } of all) {
    const known = merged.get(state.name)
    const service = known ?? { state, nodes: new Map<string, NodePage>() }
    if (known) known.state = mergeState(known.state, state)
    else merged.set(state.name, service)
    for (const node of nodes) {
      const other = service.nodes.get(node.id)
      service.nodes.set(node.id, other ? mergeNode(other, node) : node)
      if (turns.isOver) await turns.next()
    }
  }
  return [...merged.values()]
    .map(({ state, nodes }) => ({ ...state, nodes: [...nodes.values()] }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Merges the state of a service in two processes. */
export function mergeState(a: ServiceState, b: ServiceState): ServiceState {
  const limit = a.limit && b.limit ? mergeLimit(a.limit, b.limit) : (a.limit ?? b.limit)
  const descriptors =
    a.descriptors && b.descriptors
      ? mergeDescriptors(a.descriptors, b.descriptors)
      : (a.descriptors ?? b.descriptors)
  return {
    name: a.name,
    panicking: a.panicking || b.panicking,
    retries: {
      budget: worst(BUDGETS, a.retries.budget, b.retries.budget),
      inFlight: a.retries.inFlight + b.retries.inFlight,
      begun: a.retries.begun + b.retries.begun,
      hedges: a.retries.hedges + b.retries.hedges,
      refused: a.retries.refused + b.retries.refused,
    },
    ...(limit && { limit }),
    ...(descriptors && { descriptors }),
  }
}

/** Of several processes, one that knows the methods is shown, with the problems of all. */
function mergeDescriptors(a: DescriptorsPage, b: DescriptorsPage): DescriptorsPage {
  return { ...(a.source === null ? b : a), problems: [...new Set([...a.problems, ...b.problems])] }
}

/** Sums two limits, since each process has its own. */
function mergeLimit(a: LimitPage, b: LimitPage): LimitPage {
  return {
    kind: a.kind,
    limit: a.limit + b.limit,
    inFlight: a.inFlight + b.inFlight,
    queued: a.queued + b.queued,
  }
}

/** Of the states that two processes see a node in, the worst is shown. */
export function mergeNodeState(
  a: Pick<NodePage, 'state' | 'breaker' | 'health'>,
  b: Pick<NodePage, 'state' | 'breaker' | 'health'>,
): Pick<NodePage, 'state' | 'breaker' | 'health'> {
  return {
    state: worst(STATES, a.state, b.state),
    breaker: worst(BREAKERS, a.breaker, b.breaker),
    health: worst(HEALTHS, a.health, b.health),
  }
}

export function mergeNode(a: NodePage, b: NodePage): NodePage {
  return {
    ...b,
    ...a,
    ...mergeNodeState(a, b),
    inFlight: a.inFlight + b.inFlight,
    requests: a.requests + b.requests,
    failures: a.failures + b.failures,
    timeouts: a.timeouts + b.timeouts,
    ...(a.sessions !== undefined && { sessions: a.sessions + (b.sessions ?? 0) }),
  }
}

function worst<T>(order: readonly T[], a: T, b: T): T {
  return order.indexOf(a) > order.indexOf(b) ? a : b
}

/** Lists each problem once. */
export function mergeProblems(all: readonly (readonly TableProblem[])[]): TableProblem[] {
  return mergeBy(
    all.flat(),
    ({ key, reason }) => `${key}\n${reason}`,
    first => first,
  )
}

/** @param all at least one */
export function mergeSources(all: readonly RouteList['source'][]): RouteList['source'] {
  const names = new Set(all.flatMap(source => source.sources.map(({ name }) => name)))
  return {
    registry: all[0]!.registry,
    ...mergeTrust(all),
    skipped: Math.max(...all.map(source => source.skipped)),
    suspects: Math.max(...all.map(source => source.suspects)),
    sources: Array.from(names, name => {
      const each = all.flatMap(source => source.sources.filter(one => one.name === name))
      return { ...each[0]!, ...mergeTrust(each), revision: smallest(each.map(one => one.revision)) }
    }),
  }
}

/** Merges how up to date several sources are: of each fact the worst, and the sums of counts. */
export function mergeTrust(all: readonly Omit<SourceFreshness, 'revision'>[]) {
  const relists: Record<string, number> = {}
  for (const [reason, count] of all.flatMap(one => Object.entries(one.relists))) {
    relists[reason] = (relists[reason] ?? 0) + count
  }
  const ages = all.map(one => one.ageMs)
  return {
    connected: all.every(one => one.connected),
    stale: all.some(one => one.stale),
    ageMs: ages.includes(undefined) ? undefined : Math.max(...ages.map(Number)),
    reason: all.find(one => one.reason !== undefined)?.reason,
    drift: all.reduce((sum, one) => sum + one.drift, 0),
    relists,
  }
}

/** Sorts pages by the revision of the table that they were made from. */
export function newestFirst<Page extends { readonly revision: string | null }>(
  pages: readonly PageOf<Page>[],
): readonly PageOf<Page>[] {
  const number = ({ page }: PageOf<Page>) => BigInt(page.revision ?? -1)
  return [...pages].sort((a, b) => (number(a) < number(b) ? 1 : number(a) > number(b) ? -1 : 0))
}

function smallest(revisions: readonly (string | undefined)[]): string | undefined {
  if (revisions.includes(undefined)) return undefined
  const [first] = revisions.map(revision => BigInt(revision!)).sort((a, b) => (a < b ? -1 : 1))
  return String(first)
}

/** Returns one item for each key, in the order in which the keys come first. */
export function mergeBy<T>(
  items: readonly T[],
  keyOf: (item: T) => string | number,
  merge: (a: T, b: T) => T,
): T[] {
  const byKey = new Map<string | number, T>()
  for (const item of items) {
    const known = byKey.get(keyOf(item))
    byKey.set(keyOf(item), known === undefined ? item : merge(known, item))
  }
  return [...byKey.values()]
}
