import type { NodePage, ServicePage } from '../routes/admin/page-types.ts'
import { type NodeFault, nodeFault } from './attention.ts'
import { type Model, NO_TRIES } from './model.ts'
import { IDLE, type Present } from './series.ts'

/** A service as tables show it. */
export interface ServiceRow {
  readonly kind: 'service'
  readonly key: string
  readonly service: ServicePage
  readonly routes: number
  readonly present: Present
  readonly inFlight: number
  /** How many nodes have which fault, such as `breaker open`. */
  readonly faults: ReadonlyMap<string, number>
  /** 0 = all is well; the greater, the sooner somebody should look. */
  readonly severity: number
}

/** A node as tables show it. */
export interface NodeRow {
  readonly kind: 'node'
  readonly key: string
  readonly service: string
  readonly node: NodePage
  readonly rate: number
  readonly isStale: boolean
  readonly failures: number | null
  readonly p50: number | null
  readonly p99: number | null
  readonly inFlight: number
  /** The share of the tries of its service that it got, 0 to 1; null without tries. */
  readonly share: number | null
  readonly severity: number
}

/** Returns all services as they are now. */
export function serviceRows(model: Model): ServiceRow[] {
  const routes = new Map<string, number>()
  for (const { service } of model.routes.values()) routes.set(service, (routes.get(service) ?? 0) + 1)
  return [...model.services.values()].map(service => {
    const present = model.serviceSeries.get(service.name)?.present(model.now) ?? IDLE
    const faults = new Map<string, number>()
    let [inFlight, bad, warn] = [0, 0, 0]
    for (const node of service.nodes) {
      const live = model.nodes.get(`${service.name}/${node.id}`)
      inFlight += live?.figures[0] ?? node.inFlight
      const fault = nodeFault(node, live)
      if (!fault) continue
      faults.set(fault.text, (faults.get(fault.text) ?? 0) + 1)
      if (fault.severity === 'bad') bad++
      else warn++
    }
    const isOut = service.nodes.length === bad || service.panicking
    const failing = (present.share5 ?? 0) >= 0.05 ? 2 : (present.share5 ?? 0) >= 0.01 ? 1 : 0
    const severity = (isOut ? 8 : 0) + (bad > 0 ? 4 : 0) + failing + (warn > 0 ? 0.5 : 0)
    const { name } = service
    return {
      kind: 'service',
      key: name,
      service,
      routes: routes.get(name) ?? 0,
      present,
      inFlight,
      faults,
      severity,
    }
  })
}

/** Returns the nodes of a service as they are now. */
export function nodeRows(model: Model, { name, nodes }: ServicePage): NodeRow[] {
  const now = nodes.map(({ id }) => {
    const live = model.nodes.get(`${name}/${id}`)
    return { live, present: live?.present(model.now) ?? NO_TRIES }
  })
  const total = now.reduce((sum, { present }) => sum + present.rate, 0)
  return nodes.map((node, index): NodeRow => {
    const { live, present } = now[index]!
    const { rate, failures, isStale } = present
    const [inFlight = node.inFlight, , , p50 = null, p99 = null] = live?.figures ?? []
    return {
      kind: 'node',
      key: `${name}/${node.id}`,
      service: name,
      ...{ node, rate, isStale, failures, p50, p99, inFlight },
      share: total === 0 ? null : rate / total,
      severity: severityOf(nodeFault(node, live)),
    }
  })
}

function severityOf(fault: NodeFault | undefined): number {
  if (fault === undefined) return 0
  return fault.severity === 'bad' ? 2 : 1
}
