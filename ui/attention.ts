import { counted, durationText, percent } from '../internal/telemetry/format.ts'
import type { ListedRoute, NodePage, ServicePage } from '../routes/admin/page-types.ts'
import type { LiveNode, Model } from './model.ts'
import { linkTo } from './place.ts'

/** Something an operator should look at. */
export interface AttentionLine {
  /** Stays the same while the line is about the same thing. */
  readonly key: string
  readonly severity: 'bad' | 'warn'
  /** What it is about, and what is wrong with that. */
  readonly subject: string
  readonly text: string
  readonly href: string
}

/** Nodes of a service that are listed one by one; more of them become one line. */
const NODES_EACH = 4

/** Returns what needs attention, the worst first. */
export function attentionLines(model: Model): AttentionLine[] {
  const lines = [
    ...sourceLines(model),
    ...[...model.services.values()].flatMap(each => serviceLines(model, each)),
  ]
  for (const { key, reason, lastGood } of model.problems) {
    if (lines.some(line => line.key === key)) continue
    const route = routeOfKey(model, key)
    const text = lastGood ? `${reason}; the version of revision ${lastGood.revision} stays in use` : reason
    const href = route ? linkTo('routes', [route.id]) : linkTo('source')
    lines.push({ key, severity: route?.broken ? 'bad' : 'warn', subject: key, text, href })
  }
  return lines.sort((a, b) => Number(a.severity === 'warn') - Number(b.severity === 'warn'))
}

/** Returns the route that a problem is about, by its id or the key of its document. */
function routeOfKey({ routes, source }: Model, key: string): ListedRoute | undefined {
  // The key of a policy set or of a certificate may end with the id of a route as well.
  const prefixes = (source?.sources ?? []).filter(({ scope }) => scope === 'routes').map(({ name }) => name)
  const prefix = prefixes.find(name => key.startsWith(name))
  return routes.get(key) ?? (prefix === undefined ? undefined : routes.get(key.slice(prefix.length)))
}

function sourceLines({ source, sourceAt }: Model): AttentionLine[] {
  if (!source?.stale) return []
  const age = source.ageMs === undefined ? '' : ` for ${durationText(source.ageMs + Date.now() - sourceAt)}`
  const text = `${source.reason ?? 'not confirmed'}${age}; the last table stays in use`
  return [{ key: 'source', severity: 'bad', subject: source.registry, text, href: linkTo('source') }]
}

function serviceLines(model: Model, service: ServicePage): AttentionLine[] {
  const { name, nodes, panicking, retries } = service
  const href = linkTo('services', [name])
  const lines: AttentionLine[] = []
  const say = (key: string, severity: AttentionLine['severity'], text: string) =>
    lines.push({ key: `${name} ${key}`, severity, subject: name, text, href })
  const faults = nodes.flatMap(node => {
    const fault = nodeFault(node, model.nodes.get(`${name}/${node.id}`))
    return fault ? [{ node, ...fault }] : []
  })
  if (nodes.length === 0) say('empty', 'bad', 'has no nodes')
  else if (panicking) say('panic', 'bad', 'all nodes fail their health checks, so all are used')
  else if (faults.filter(each => each.severity === 'bad').length === nodes.length)
    say('none', 'bad', `none of ${counted(nodes.length, 'node')} is well`)
  if (faults.length > NODES_EACH) {
    const severity = faults.some(each => each.severity === 'bad') ? 'bad' : 'warn'
    say('nodes', severity, `${faults.length} of ${counted(nodes.length, 'node')}: ${faults[0]!.text}`)
  } else {
    for (const { node, severity, text } of faults) {
      const subject = `${name}/${node.id}`
      lines.push({ key: subject, severity, subject, text, href: linkTo('services', [name, node.id]) })
    }
  }
  const { share5, rate } = model.serviceSeries.get(name)?.present(model.now) ?? { share5: 0, rate: 0 }
  if (share5 !== null && share5 >= 0.05 && rate >= 1)
    say('5xx', 'bad', `${percent(share5)} of its requests fail`)
  if (retries.budget === 'exhausted') say('retries', 'warn', 'the budget for retries is exhausted')
  if (service.limit && service.limit.queued > 0)
    say('queue', 'warn', `${counted(service.limit.queued, 'request')} wait for the concurrency limit`)
  return lines
}

/** What is wrong with a node. */
export interface NodeFault {
  readonly severity: 'bad' | 'warn'
  readonly text: string
}

/**
 * Returns what is wrong with a node; undefined when nothing is.
 *
 * @param live its last seconds, which are newer than `node`; undefined = there are none
 */
export function nodeFault(
  node: NodePage,
  live: Pick<LiveNode, 'figures' | 'isFailing'> | undefined,
): NodeFault | undefined {
  const figures = live?.figures
  const [breaker, health, state] = figures
    ? [figures[5], figures[6], figures[7]]
    : [node.breaker, node.health, node.state]
  if (state === 'down') return { severity: 'bad', text: node.problem ?? 'down' }
  if (breaker === 'open') return { severity: 'bad', text: 'breaker open' }
  if (health === 'unhealthy') return { severity: 'bad', text: node.problem ?? 'fails its health checks' }
  if (live?.isFailing) return { severity: 'bad', text: 'all tries fail' }
  if (breaker === 'half-open') return { severity: 'warn', text: 'breaker half-open, one request probes it' }
  if (state === 'suspect') return { severity: 'warn', text: 'suspect: the registry may have lost its key' }
  if (node.problem !== undefined) return { severity: 'warn', text: node.problem }
  return undefined
}
