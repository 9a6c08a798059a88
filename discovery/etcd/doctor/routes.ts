import { servicesNamedBy } from '../../../internal/routing/named-services.ts'
import { hides, placeOf } from '../../../internal/routing/precedence.ts'
import type { Route } from '../../../internal/routing/route.ts'
import type { ParsedRouteDocument } from '../../key-state.ts'
import { compareKeys } from '../../service-of.ts'
import { decodeRoute } from '../decode-entries.ts'
import { type DoctorFinding, duration, listed, quantity, size } from './finding.ts'
import type { PrefixContent } from './read-prefix.ts'

export interface RoutesContext {
  readonly parseRoute: (id: string, document: unknown) => ParsedRouteDocument
  /** The routes of the configuration file. */
  readonly fileRoutes: readonly Route[]
  /** The services that have a node; undefined when they could not be determined. */
  readonly services: ReadonlySet<string> | undefined
  /** Returns the service that was probably meant, as ` (did you mean "task"?)`, or nothing. Default: nothing. */
  readonly guess?: ((name: string, services: Iterable<string>) => string) | undefined
}

/**
 * Reports the content of the routes prefix, and checks it together with the routes of the configuration file.
 */
export function judgeRoutes(prefix: string, content: PrefixContent, context: RoutesContext): DoctorFinding[] {
  const { bytes, revision, tookMs, keys } = content
  const bad = keys.flatMap(item => {
    const read = readDocument(prefix, item, context.parseRoute)
    return 'route' in read ? [] : [`${item.key}: ${read.reason}`]
  })
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
  if (bad.length > 0) {
    findings.push({
      check: 'routes',
      level: 'problem',
      message: `${quantity(bad.length, 'route document')} below ${prefix} ${bad.length === 1 ? 'is' : 'are'} not used`,
      hint: 'correct or delete these keys; waygate check FILE validates a document beforehand',
      details: listed(bad),
    })
  }
  const all = routesIn(prefix, content, context)
  return [...findings, ...judgeTargets(all, context), ...judgeShadows(all)]
}

/** Returns the routes of the prefix and those of the configuration file. */
export function routesIn(
  prefix: string,
  { keys }: Pick<PrefixContent, 'keys'>,
  { parseRoute, fileRoutes }: Pick<RoutesContext, 'parseRoute' | 'fileRoutes'>,
): Route[] {
  const routes = keys.flatMap(item => {
    const read = readDocument(prefix, item, parseRoute)
    return 'route' in read ? [read.route] : []
  })
  const ids = new Set(routes.map(({ id }) => id))
  // A document in etcd replaces one with the same id in the file.
  return [...routes, ...fileRoutes.filter(({ id }) => !ids.has(id))]
}

function readDocument(
  prefix: string,
  item: PrefixContent['keys'][number],
  parseRoute: RoutesContext['parseRoute'],
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
