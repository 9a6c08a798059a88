import { counted, durationText, millis } from '../../internal/telemetry/format.ts'
import { type FilteredNode, NODE_FIELDS } from '../../internal/telemetry/table-fields.ts'
import type { NodeDetail } from '../../routes/admin/api-types.ts'
import type { ServicePage } from '../../routes/admin/page-types.ts'
import { countOf, rowClass } from '../cells.ts'
import { useResource, type ViewProps } from '../context.ts'
import { html, type Shown } from '../html.ts'
import type { Model } from '../model.ts'
import { nodeColumns } from '../node-columns.ts'
import { FilterBox, facts, heading, toggle } from '../parts.ts'
import { linkTo } from '../place.ts'
import { type NodeRow, nodeRows } from '../service-rows.ts'
import { table } from '../table.ts'
import { filterRows, languageOf } from '../table-filter.ts'
import { TrafficCharts } from '../traffic-charts.ts'

/** One service with its nodes, and one of them in full when the place names it. */
export function ServiceView({ model, api, place: { args, params } }: ViewProps) {
  const [name = '', ...rest] = args
  const node = rest.length === 0 ? undefined : rest.join('/')
  const service = model.services.get(name)
  const back = { text: 'Services', href: linkTo('services') }
  if (!service) {
    return html`${heading(name, back)}<p class="empty">${model.emptyText('There is no service of this name.')}</p>`
  }
  const filter = params.get('filter') ?? ''
  const all = nodeRows(model, service)
  const { rows, error } = filterRows(
    params.get('only') === 'attention' ? all.filter(({ severity }) => severity > 0) : all,
    filter,
    languageOf(NODE_FIELDS, (row: NodeRow) => presentNode(model, row), {
      numbers: { rps: ({ rate }) => rate, p99: ({ p99 }) => p99 },
    }),
  )
  const routes = [...model.routes.values()].filter(route => route.service === name)
  const ids = new Set(routes.map(({ id }) => id))
  const changes = model.changesOf(name, ids)
  return html`
    ${heading(name, back)}
    ${facts(serviceFacts(service, routes.length))}
    <${TrafficCharts} model=${model} samples=${model.serviceSeries.get(name)?.samples ?? []} changes=${changes} />
    ${node !== undefined && html`<${NodePanel} key=${node} api=${api} service=${name} node=${node} />`}
    ${heading(
      html`<span>Nodes</span>`,
      undefined,
      html`${countOf(rows.length, all.length)}
        <${FilterBox} value=${filter} error=${error} placeholder="health:unhealthy meta:zone=b" />
        ${toggle(params, 'only', 'attention', 'Only what needs attention')}`,
    )}
    ${table({
      caption: `Nodes of ${name}`,
      columns: nodeColumns(model),
      rows,
      keyOf: row => row.key,
      classOf: row => `${rowClass(row.severity, row.isStale)} ${row.node.id === node ? 'is-open' : ''}`,
      sort: params.get('sort') ?? 'state',
      empty: all.length === 0 ? 'The service has no nodes.' : 'No node fits the filter.',
    })}
    <section aria-labelledby="routes-title">
      <h2 id="routes-title">Routes</h2>
      ${routes.length === 0 && html`<p class="empty">No route sends requests to it.</p>`}
      <ul class="links">
        ${routes.slice(0, 100).map(
          ({ id, path }) => html`<li key=${id}>
            <a href=${linkTo('routes', [id])}><code>${path}</code></a> <span class="faint">${id}</span>
          </li>`,
        )}
      </ul>
    </section>
  `
}

/** Returns a node with its state of the last second. */
function presentNode(model: Model, { service, key, node, inFlight }: NodeRow): FilteredNode {
  const [, , , , , breaker = node.breaker, health = node.health, state = node.state] =
    model.nodes.get(key)?.figures ?? []
  return { ...node, service, breaker, health, state, inFlight }
}

function serviceFacts(
  { nodes, limit, retries, panicking, descriptors }: ServicePage,
  routes: number,
): [string, Shown][] {
  return [
    ['Nodes', nodes.length.toLocaleString('en')],
    ['Routes', routes],
    ['Health checks', panicking && html`<span class="bad">all nodes fail them, so all are used</span>`],
    [
      'Concurrency limit',
      limit && `${limit.limit}, ${limit.kind}; ${limit.inFlight} in flight, ${limit.queued} wait`,
    ],
    [
      'Retries',
      `${retries.begun.toLocaleString('en')} since the start, ${retries.refused.toLocaleString('en')} refused; the budget is ${retries.budget}`,
    ],
    ['Hedges', retries.hedges > 0 && retries.hedges.toLocaleString('en')],
    [
      'gRPC',
      descriptors &&
        (descriptors.source
          ? `${counted(descriptors.methods, 'method')}, known from ${descriptors.source}${descriptors.from ? ` (${descriptors.from})` : ''}`
          : 'no descriptors are known'),
    ],
    [
      'Descriptors',
      descriptors &&
        descriptors.problems.length > 0 &&
        html`<span class="warn">${descriptors.problems.join('; ')}</span>`,
    ],
  ]
}

interface NodePanelProps {
  readonly api: ViewProps['api']
  readonly service: string
  readonly node: string
}

/** What is known of one node. */
function NodePanel({ api, service, node }: NodePanelProps) {
  const path = `nodes/${encodeURIComponent(service)}/${encodeURIComponent(node)}`
  const { value, error } = useResource<NodeDetail>(api, path, 5_000)
  const text = error
    ? html`<p class="empty bad">${error.message}</p>`
    : value
      ? facts(nodeFacts(value))
      : html`<p class="empty">Loading …</p>`
  return html`<section class="panel" aria-labelledby="node-title">
    <h2 id="node-title">${node} <a class="close" href=${linkTo('services', [service])} aria-label="Close the details of the node">×</a></h2>
    ${text}
  </section>`
}

function nodeFacts(node: NodeDetail): [string, Shown][] {
  return [
    ['Address', html`<code>${node.address}</code>`],
    ['Problem', node.problem && html`<span class="bad">${node.problem}</span>`],
    ['State', node.state],
    ['Breaker', node.breaker],
    ['Health', node.health],
    ['Protocol', node.protocol],
    ['Connections', node.sessions],
    ['Weight', node.weight],
    [
      'Tries',
      `${node.requests.toLocaleString('en')} since the start, ${node.failures.toLocaleString('en')} failed, ${node.timeouts.toLocaleString('en')} of them by time`,
    ],
    ['Times', node.p50 !== null && `p50 ${millis(node.p50)}, p99 ${millis(node.p99)} since the start`],
    ['Key', node.key && html`<code>${node.key}</code>`],
    [
      'Lease',
      node.lease === undefined
        ? 'unknown: the registry does not answer'
        : node.lease &&
          html`<code>${node.lease.id}</code>, ${durationText(node.lease.leftSeconds * 1000)} left of ${node.lease.ttlSeconds} s`,
    ],
    ...Object.entries(node.metadata).map(([name, value]): [string, Shown] => [
      name,
      html`<code>${value}</code>`,
    ]),
  ]
}
