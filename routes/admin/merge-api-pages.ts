import { addPairs, type BucketPairs, quantileOf, roundMs } from '../../internal/telemetry/live-times.ts'
import { MAX_LISTED_CALLS } from '../../internal/telemetry/open-calls.ts'
import { toFigures } from '../../internal/telemetry/traffic-series.ts'
import type {
  ApiPages,
  ChangeEntry,
  Figures,
  FiguresPage,
  NodeDetail,
  OpenCall,
  RequestEntry,
  RouteDetail,
  Sample,
  ServiceDetail,
  ServiceSummary,
} from './api-types.ts'
import { NO_REQUESTS } from './build-pages.ts'
import {
  mergeBy,
  mergeNode,
  mergeProblems,
  mergeServices,
  mergeSources,
  mergeState,
  newestFirst,
  type PageOf,
  sumCounts,
  workersOf,
} from './merge-pages.ts'
import type { RouteCounts } from './metrics/request-counts.ts'
import type { NodePage } from './page-types.ts'

/** The state of a gateway, as each of its processes sees it. */
type OwnStatus = Awaited<ReturnType<ApiPages['status']>>

/** Merges what several processes say of where their tables come from. @param pages at least one */
export function mergeStatus(
  pages: readonly PageOf<OwnStatus>[],
): Pick<OwnStatus, 'revision' | 'source' | 'problems'> & Required<Pick<OwnStatus, 'workers'>> {
  return {
    // The oldest, which is what all of them have.
    revision: newestFirst(pages).at(-1)!.page.revision,
    source: mergeSources(pages.map(({ page }) => page.source)),
    problems: Math.max(...pages.map(({ page }) => page.problems)),
    workers: workersOf(pages),
  }
}

/** Merges samples of the same times. Counts are summed, and times are means, weighted by requests. */
export function mergeFigures(pages: readonly FiguresPage[]): FiguresPage {
  const merge = (read: (page: FiguresPage) => FiguresPage['routes']) => {
    const byName = Map.groupBy(
      pages.flatMap(page => Object.entries(read(page))),
      ([name]) => name,
    )
    return Object.fromEntries(
      [...byName].map(([name, rows]) => [name, mergeSamples(rows.map(([, samples]) => samples))]),
    )
  }
  return {
    stepMs: pages[0]?.stepMs ?? 0,
    total: mergeSamples(pages.map(page => page.total)),
    routes: merge(page => page.routes),
    services: merge(page => page.services),
  }
}

function mergeSamples(all: readonly (readonly Sample[])[]): Sample[] {
  return mergeBy(
    all.flat(),
    ({ t }) => t,
    (a, b) => ({ t: a.t, figures: addFigures(a.figures, b.figures) }),
  ).sort((a, b) => a.t - b.t)
}

function addFigures(a: Figures, b: Figures): Figures {
  const [p50, p99] = [mean(a[3], a[0], b[3], b[0]), mean(a[4], a[0], b[4], b[0])]
  return toFigures(a[0] + b[0], a[1] + b[1], a[2] + b[2], p50, p99, (a[5] ?? 0) + (b[5] ?? 0))
}

function mean(a: number | null, weightOfA: number, b: number | null, weightOfB: number): number | null {
  if (a === null || b === null) return a ?? b
  return roundMs((a * weightOfA + b * weightOfB) / (weightOfA + weightOfB))
}

export function mergeRouteDetails(all: readonly RouteDetail[]): RouteDetail | undefined {
  const [first] = all
  if (first === undefined) return undefined
  const routes = all.map(({ route }) => route)
  return {
    route: {
      ...first.route,
      ...routes.reduce<RouteCounts>(sumCounts, NO_REQUESTS),
      nodes: mergeBy(
        routes.flatMap(({ nodes }) => nodes),
        ({ id }) => id,
        mergeNode,
      ),
    },
    document: first.document,
    problems: mergeProblems(all.map(({ problems }) => problems)),
    samples: mergeSamples(all.map(({ samples }) => samples)),
  }
}

export async function mergeServiceDetails(all: readonly ServiceDetail[]): Promise<ServiceDetail | undefined> {
  if (all.length === 0) return undefined
  const { services } = await mergeServices(
    all.map(({ routes: _, problems: __, samples: ___, ...service }) => ({ services: [service] })),
  )
  return {
    ...services[0]!,
    routes: [...new Set(all.flatMap(({ routes }) => routes))],
    problems: mergeProblems(all.map(({ problems }) => problems)),
    samples: mergeSamples(all.map(({ samples }) => samples)),
  }
}

/** @param times those of each process */
export function mergeNodeDetails(
  all: readonly NodeDetail[],
  times: readonly BucketPairs[],
): NodeDetail | undefined {
  const [first, ...others] = all
  if (first === undefined) return undefined
  const pairs = times.reduce(addPairs, [])
  const { service, key, lease } = first
  const p50 = quantileOf(pairs, 0.5)
  return {
    ...others.reduce<NodePage>(mergeNode, first),
    service,
    key,
    ...(lease !== undefined && { lease }),
    p50,
    p99: quantileOf(pairs, 0.99),
  }
}

/** Lists each service once. Of how many nodes are used, the least is shown. */
export function mergeSummaries(all: readonly (readonly ServiceSummary[])[]): ServiceSummary[] {
  return mergeBy(all.flat(), ({ name }) => name, mergeSummary).sort((a, b) => (a.name < b.name ? -1 : 1))
}

function mergeSummary(a: ServiceSummary, b: ServiceSummary): ServiceSummary {
  return {
    ...mergeState(a, b),
    routes: [...new Set([...a.routes, ...b.routes])],
    nodes: Math.max(a.nodes, b.nodes),
    usable: Math.min(a.usable, b.usable),
  }
}

/** Merges requests, those that ended last first. */
export function mergeRequests(all: readonly (readonly RequestEntry[])[], limit: number): RequestEntry[] {
  const endedAt = ({ at, totalMs }: RequestEntry) => at + totalMs
  return all
    .flat()
    .sort((a, b) => endedAt(b) - endedAt(a))
    .slice(0, limit)
}

/** Merges open calls, those that have lasted longest first. */
export function mergeOpenCalls(all: readonly (readonly OpenCall[])[]): OpenCall[] {
  return all
    .flat()
    .sort((a, b) => b.ms - a.ms)
    .slice(0, MAX_LISTED_CALLS)
}

/** How much later than another a process may see a change. */
const SEEN_WITHIN_MS = 10_000

/**
 * Every process sees the same changes, newest first. One that has started later has seen fewer, and one that has lost the
 * registry has not seen the last.
 */
export function mergeChanges(all: readonly (readonly ChangeEntry[])[]): readonly ChangeEntry[] {
  const lastAt = (changes: readonly ChangeEntry[]) => changes[0]?.at ?? 0
  const newest = Math.max(...all.map(lastAt))
  const upToDate = all.filter(changes => newest - lastAt(changes) < SEEN_WITHIN_MS)
  return upToDate.reduce((a, b) => (b.length > a.length ? b : a), [])
}
