import { servicesNamedBy } from '../../../internal/routing/named-services.ts'
import { hides, placeOf } from '../../../internal/routing/precedence.ts'
import type { Route } from '../../../internal/routing/route.ts'
import type { ParsedRouteDocument } from '../../key-state.ts'
import { compareKeys } from '../../service-of.ts'
import { decodeRoute } from '../decode-entries.ts'
import { type DoctorFinding, duration, listed, quantity, size } from './finding.ts'
import type { PrefixContent } from './read-prefix.ts'

export interface RouteSources {
  readonly parseRoute: (id: string, document: unknown) => ParsedRouteDocument
  /** The routes of the configuration file. */
  readonly fileRoutes: readonly Route[]
}

export interface RoutesContext extends Pick<RouteSources, 'fileRoutes'> {
  /** The services that have a node; undefined when they could not be determined. */
  readonly services: ReadonlySet<string> | undefined
  /** Returns the service that was probably meant, as ` (did you mean "task"?)`, or nothing. Default: nothing. */
  readonly guess?: ((name: string, services: Iterable<string>) => string) | undefined
}

/** What the documents say. */
export interface ReadRoutes {
  /** The routes of the prefix and those of the configuration file. */
  readonly routes: readonly Route[]
  /** The keys whose documents are not used, with the reasons. */
  readonly unused: readonly string[]
}

/** Reads the documents of the prefix, and adds the routes of the configuration file. */
export function readRoutes(
  prefix: string,
  { keys }: Pick<PrefixContent, 'keys'>,
  { parseRoute, fileRoutes }: RouteSources,
): ReadRoutes {
  const routes: Route[] = []
  const unused: string[] = []
  for (const item of keys) {
    const read = readDocument(prefix, item, parseRoute)
    if ('route' in read) routes.push(read.route)
    else unused.push(`${item.key}: ${read.reason}`)
  }
  const ids = new Set(routes.map(({ id }) => id))
  // A document in etcd replaces one with the same id in the file.
  return { routes: routes.concat(fileRoutes.filter(({ id }) => !ids.has(id))), unused }
}

/**
 * Reports the content of the routes prefix, and checks it together with the routes of the configuration file.
 */
export function judgeRoutes(
  prefix: string,
  { bytes, revision, tookMs, keys }: PrefixContent,
  { routes, unused }: ReadRoutes,
  context: RoutesContext,
): DoctorFinding[] {
  const details = { prefix, keys: keys.length, bytes, revision: String(revision) }
  const inFile =
    context.fileRoutes.length > 0 ? `, ${context.fileRoutes.length} more in the configuration` : ''
  const findings: DoctorFinding[] = [
    {
      check: 'routes',
      level: 'ok',
      message: `${prefix} has ${quantity(keys.length, 'route document')}${inFile}: ${size(bytes)} at revision ${revision}, read in ${duration(tookMs)}`,
      details,
    },
  ]
  if (unused.length > 0) {
    findings.push({
      check: 'routes',
      level: 'problem',
      message: `${quantity(unused.length, 'route document')} below ${prefix} ${unused.length === 1 ? 'is' : 'are'} not used`,
      hint: 'correct or delete these keys; waygate check FILE validates a document beforehand',
      details: listed(unused),
    })
  }
  return [...findings, ...judgeTargets(routes, context), ...judgeShadows(routes)]
}

function readDocument(
  prefix: string,
  item: PrefixContent['keys'][number],
  parseRoute: RouteSources['parseRoute'],
): ParsedRouteDocument {
  const entry = decodeRoute(prefix, item)
  if (entry.kind !== 'route') return { reason: entry.kind === 'problem' ? entry.reason : 'is not a route' }
  try {
    return parseRoute(entry.id, entry.document)
  } catch (error) {
    return { reason: `document cannot be read (${String(error)})` }
  }
}

function judgeTargets(
  routes: readonly Route[],
  { services, guess = () => '' }: Pick<RoutesContext, 'services' | 'guess'>,
): DoctorFinding[] {
  if (!services) return []
  const nowhere = routes.flatMap(route =>
    servicesNamedBy(route).flatMap(({ service }) =>
      service === undefined || services.has(service) ? [] : [{ text: `${route.id}: ${service}`, service }],
    ),
  )
  if (nowhere.length === 0) return []
  nowhere.sort((a, b) => compareKeys(a.text, b.text))
  const { items = [], more } = listed(nowhere.map(({ text }) => text))
  // A guess compares a name with those of all services.
  const guessed = items.map((text, index) => text + guess(nowhere[index]!.service, services))
  return [
    {
      check: 'routes',
      level: 'warning',
      message: `${quantity(nowhere.length, 'route names a service', 'routes name services')} without a node`,
      hint: 'start a node of that service, or correct its name in the document',
      details: { items: guessed, more },
    },
  ]
}

function judgeShadows(routes: readonly Route[]): DoctorFinding[] {
  const hidden = [...Map.groupBy(routes, placeOf).values()].flatMap(rivals =>
    rivals.flatMap(route => {
      const winner = rivals.find(other => hides(other, route))
      return winner ? [`${route.id} (${route.path}): ${winner.id} takes all of its requests`] : []
    }),
  )
  if (hidden.length === 0) return []
  return [
    {
      check: 'routes',
      level: 'warning',
      message: `${quantity(hidden.length, 'route is', 'routes are')} never used: another has the same path, hosts and methods`,
      hint: 'delete one of the two, or make them differ; between equal routes the higher priority wins, then the smaller id',
      details: listed(hidden.sort(compareKeys)),
    },
  ]
}
