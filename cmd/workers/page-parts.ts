import type { RouteList, ServicePage, ServicesPage } from '../../routes/admin/page-types.ts'

/** A message of so many items is made and read in about a millisecond. */
const ITEMS_A_PART = 500
const ROUTES_A_PART = 50

type Page = ServicesPage | RouteList
/** A page without its lists, or some items of one of its lists. */
type PagePart = Partial<RouteList>

/**
 * Splits a page into parts for another process, since a table of many nodes as one message would stop both. A service with
 * many nodes is in several parts, each time with some of them.
 */
export function* partsOf(page: Page): Generator<PagePart> {
  const { services, routes = [], problems = [], ...rest } = page as ServicesPage & Partial<RouteList>
  yield rest
  for (let i = 0; i < routes.length; i += ROUTES_A_PART) yield { routes: routes.slice(i, i + ROUTES_A_PART) }
  for (let i = 0; i < problems.length; i += ITEMS_A_PART) {
    yield { problems: problems.slice(i, i + ITEMS_A_PART) }
  }
  let part: ServicePage[] = []
  let room = ITEMS_A_PART
  for (const service of services) {
    let from = 0
    do {
      const nodes = service.nodes.slice(from, from + room)
      part.push({ ...service, nodes })
      from += nodes.length
      room -= nodes.length + 1
      if (room > 0) continue
      yield { services: part }
      part = []
      room = ITEMS_A_PART
    } while (from < service.nodes.length)
  }
  if (part.length > 0) yield { services: part }
}

/** Puts the parts of a page together again. */
export function joinParts<Whole extends Page>(parts: readonly unknown[]): Whole {
  const [rest, ...lists] = parts as readonly PagePart[]
  const services: (ServicePage & { readonly nodes: unknown[] })[] = []
  for (const each of lists.flatMap(part => part.services ?? [])) {
    const last = services.at(-1)
    if (last?.name !== each.name) services.push({ ...each, nodes: [...each.nodes] })
    else for (const node of each.nodes) last.nodes.push(node)
  }
  const whole = {
    ...rest,
    services,
    routes: lists.flatMap(part => part.routes ?? []),
    problems: lists.flatMap(part => part.problems ?? []),
  }
  // Of /services, only the services are read.
  return whole as Page as Whole
}
