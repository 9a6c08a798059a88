import { labelsOf } from '../../internal/telemetry/table-fields.ts'
import type { Items, RequestEntry, RouteDetail } from '../../routes/admin/api-types.ts'
import type { DescribedRoute, ListedRoute } from '../../routes/admin/page-types.ts'
import { rowClass, serviceLink } from '../cells.ts'
import { missing, useResource, type ViewProps } from '../context.ts'
import { readable } from '../diff.ts'
import { html, type Shown } from '../html.ts'
import { nodeColumns } from '../node-columns.ts'
import { facts, heading } from '../parts.ts'
import { linkTo } from '../place.ts'
import { requestColumns } from '../request-columns.ts'
import { nodeRows } from '../service-rows.ts'
import { table } from '../table.ts'
import { TrafficCharts } from '../traffic-charts.ts'

/** The fields of a route that are shown at the head of its view, or that say nothing to people. */
const HEAD = [
  'id',
  'origin',
  'path',
  'methods',
  'hosts',
  'service',
  'broken',
  'requests',
  'failures',
  'nodes',
  'lastGood',
  'description',
  'labels',
]

/** One route: its traffic, its document, what holds for its requests, and what went wrong of late. */
export function RouteView({ model, api, place: { args } }: ViewProps) {
  const [id = ''] = args
  const path = `routes/${encodeURIComponent(id)}`
  // The document is loaded again when the table has changed.
  const detail = useResource<RouteDetail>(api, path, undefined, model.tableVersion)
  const query = new URLSearchParams({ filter: `route:${id}`, problems: '1', limit: '10' })
  const isTail = model.status?.features.tail === true
  const latest = useResource<Items<RequestEntry>>(api, isTail ? `requests?${query}` : undefined, 5_000)
  const route = model.routes.get(id)
  const back = { text: 'Routes', href: linkTo('routes') }
  if (!route) {
    const text = model.emptyText('There is no route with this id.')
    return html`${heading(id, back)}<p class="empty">${text}</p>`
  }
  const service = model.services.get(route.service)
  const question = linkTo('explain', [], { method: route.methods?.[0] ?? 'GET', url: sampleOf(route) })
  const changes = model.changesOf(route.service, new Set([id]))
  return html`
    ${heading(html`<code>${route.path}</code>`, back, html`<a class="button" href=${question}>Explain a request</a>`)}
    ${route.broken && html`<p class="note bad">The document is invalid and no earlier version was good: the route answers 503.</p>`}
    ${
      route.lastGood &&
      html`<p class="note warn">
        The present document is invalid. The version of revision ${route.lastGood.revision} is in use since ${route.lastGood.since}.
      </p>`
    }
    ${detail.value?.problems.map(({ key, reason }) => html`<p key=${key} class="note warn">${reason}</p>`)}
    ${facts(routeFacts(route))}
    <${TrafficCharts} model=${model} samples=${model.routeSeries.get(id)?.samples ?? []} changes=${changes} />
    <div class="columns">
      <section aria-labelledby="document-title">
        <h2 id="document-title">Document</h2>
        ${documentOf(route, detail)}
      </section>
      <section aria-labelledby="rules-title">
        <h2 id="rules-title">What holds</h2>
        ${rules(route, detail.value)}
      </section>
    </div>
    ${
      service &&
      html`<section aria-labelledby="nodes-title">
      <h2 id="nodes-title">Nodes of ${serviceLink(route.service)}</h2>
      ${table({
        caption: `Nodes of ${route.service}`,
        columns: nodeColumns(model),
        rows: nodeRows(model, service),
        keyOf: row => row.key,
        classOf: row => rowClass(row.severity, row.isStale),
        sort: 'state',
        empty: 'The service has no nodes.',
      })}
    </section>`
    }
    ${
      latest.value &&
      html`<section aria-labelledby="problems-title">
      <h2 id="problems-title">Requests that went wrong</h2>
      ${table({
        caption: 'Requests that went wrong',
        columns: requestColumns(['time', 'status', 'method', 'path', 'node', 'total', 'attempts', 'code']),
        // To a filter, upper and lower case are the same.
        rows: latest.value.items.filter(row => row.route === id),
        keyOf: row => row.requestId,
        sorted: true,
        empty: 'None of late.',
      })}
    </section>`
    }
    ${neighbours(route, [...model.routes.values()])}
  `
}

function routeFacts(route: ListedRoute): [string, Shown][] {
  return [
    ['Route', html`<code>${route.id}</code>`],
    ['From', { etcd: 'etcd', file: 'the configuration', auto: 'the service, automatically' }[route.origin]],
    ['Methods', route.methods?.join(', ') ?? 'all'],
    ['Hosts', route.hosts?.join(', ') ?? 'all'],
    ['Service', route.service !== '' && serviceLink(route.service)],
    ['Description', typeof route.description === 'string' && route.description],
    ['Labels', labelLinks(route)],
    [
      'Requests',
      `${route.requests.toLocaleString('en')} since the start, ${route.failures.toLocaleString('en')} answered 5xx`,
    ],
  ]
}

/** Shows the labels of a route. Each leads to the routes that have it. */
function labelLinks(route: ListedRoute): Shown {
  const labels = Object.entries(labelsOf(route)).map(([name, value]) => `${name}=${value}`)
  if (labels.length === 0) return undefined
  return labels.map(label => {
    // A word of a filter has no spaces.
    const filter = `label:${label.replace(/\s+/g, '*')}`
    return html`<a key=${label} href=${linkTo('routes', [], { filter })}>${label}</a> `
  })
}

function documentOf(
  route: ListedRoute,
  detail: { readonly value: RouteDetail | undefined; readonly error: Error | undefined },
): Shown {
  if (!detail.value) return missing(detail, 'The document cannot be loaded')
  const { document } = detail.value
  if (document) {
    return html`<pre tabindex="0"><code>${readable(document.text)}</code></pre>
      <p class="faint"><code>${document.key}</code>, revision ${document.revision}</p>`
  }
  const text =
    route.origin === 'auto'
      ? 'The route has none: the gateway made it when the service registered.'
      : 'The route is written in the configuration of the gateway.'
  return html`<p class="empty">${text}</p>`
}

/** Shows the fields that are in force: first those that the document says, then all others. */
function rules(route: ListedRoute, detail: RouteDetail | undefined): Shown {
  const own = ownFields(detail?.document?.text)
  const fields = Object.entries(route).filter(([name, value]) => !HEAD.includes(name) && brief(value) !== '')
  const said = fields.filter(([name]) => own.has(name))
  const list = (entries: typeof fields) =>
    html`<dl class="rules">${entries.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${brief(value)}</dd></div>`)}</dl>`
  const others = own.has('policies')
    ? 'From policy sets, defaults and the configuration'
    : 'From defaults and the configuration'
  return html`${list(said)}<details open=${said.length === 0}><summary>${others}</summary>${list(fields.filter(([name]) => !own.has(name)))}</details>`
}

/** Writes a value in a line: without its braces, and without the members that say nothing. */
function brief(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return value.map(brief).join(', ')
  if (typeof value !== 'object') return String(value)
  const members = Object.entries(value).map(([name, inner]) => [name, brief(inner)])
  return members
    .filter(([, text]) => text !== '')
    .map(([name, text]) => `${name} ${text}`)
    .join(', ')
}

/** Returns the names of the fields that a document has. */
function ownFields(text: string | undefined): ReadonlySet<string> {
  try {
    return new Set(Object.keys(JSON.parse(text ?? '{}') as object))
  } catch {
    return new Set()
  }
}

/** Returns a URL that a route probably takes. */
function sampleOf({ path, hosts }: DescribedRoute): string {
  const host = hosts?.[0]?.replace('*', 'www') ?? 'localhost'
  return `http://${host}${path.replace(/\*$/, '').replace(/:[^/]+/g, '1')}`
}

/** Shows routes whose paths begin as this one does. */
function neighbours(route: ListedRoute, all: readonly ListedRoute[]): Shown {
  const parts = route.path.split('/')
  const shared = (other: ListedRoute) => {
    const others = other.path.split('/')
    const at = parts.findIndex((part, index) => part !== others[index])
    return at === -1 ? parts.length : at
  }
  const near = all
    .filter(other => other.id !== route.id)
    .map(other => ({ other, count: shared(other) }))
    .filter(({ count }) => count > 1)
    .sort((a, b) => b.count - a.count || a.other.path.length - b.other.path.length)
    .slice(0, 8)
  if (near.length === 0) return ''
  return html`<section aria-labelledby="near-title">
    <h2 id="near-title">Near it</h2>
    <ul class="links">
      ${near.map(({ other: { id, path, methods } }) => {
        const named = methods && html`<span class="methods">${methods.join(' ')}</span> `
        const link = html`<a href=${linkTo('routes', [id])}>${named}<code>${path}</code></a>`
        return html`<li key=${id}>${link} <span class="faint">${id}</span></li>`
      })}
    </ul>
  </section>`
}
