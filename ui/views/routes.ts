import { durationText, pairsText } from '../../internal/telemetry/format.ts'
import { authOf, labelsOf, ROUTE_FIELDS } from '../../internal/telemetry/table-fields.ts'
import type { ListedRoute } from '../../routes/admin/page-types.ts'
import { countOf, rowClass, serviceLink } from '../cells.ts'
import type { ViewProps } from '../context.ts'
import { html, type Shown } from '../html.ts'
import type { Model } from '../model.ts'
import { FilterBox, heading, toggle } from '../parts.ts'
import { linkTo } from '../place.ts'
import { IDLE, KEPT_MS, type Present } from '../series.ts'
import { type Column, table } from '../table.ts'
import { filterRows, languageOf, PRESENT_FIELDS } from '../table-filter.ts'
import { trafficColumns } from '../traffic-columns.ts'

interface Row {
  readonly route: ListedRoute
  readonly present: Present
  /** Milliseconds since its last request; infinite when it had none; null when that is longer ago than is known. */
  readonly idleMs: number | null
  readonly severity: number
}

const LANGUAGE = languageOf(ROUTE_FIELDS, ({ route }: Row) => route, { numbers: PRESENT_FIELDS })

/** All routes. */
export function RoutesView({ model, place: { params } }: ViewProps) {
  const filter = params.get('filter') ?? ''
  const all = [...model.routes.values()].map(route => rowOf(model, route))
  const { rows, error } = filterRows(
    params.get('only') === 'attention' ? all.filter(({ severity }) => severity > 0) : all,
    filter,
    LANGUAGE,
  )
  return html`
    ${heading(
      'Routes',
      undefined,
      html`${countOf(rows.length, all.length)}
        <${FilterBox} value=${filter} error=${error} placeholder="service:user auth:none label:team=a 5xx>1" />
        ${toggle(params, 'only', 'attention', 'Only what needs attention')}`,
    )}
    ${table({
      caption: 'Routes',
      columns: columns(model, all),
      rows,
      keyOf: row => row.route.id,
      classOf: ({ severity, present }) => rowClass(severity, present.isStale),
      sort: params.get('sort') ?? 'rps',
      empty: all.length === 0 ? model.emptyText('There are no routes.') : 'No route fits the filter.',
    })}
  `
}

function rowOf(model: Model, route: ListedRoute): Row {
  const series = model.routeSeries.get(route.id)
  const present = series?.present(model.now) ?? IDLE
  const last = series?.samples.at(-1)?.t
  const idleMs = last !== undefined ? Math.max(0, model.now - last) : route.requests === 0 ? Infinity : null
  const severity =
    route.broken || (present.share5 ?? 0) >= 0.05
      ? 2
      : route.lastGood || (present.share5 ?? 0) >= 0.01
        ? 1
        : 0
  return { route, present, idleMs, severity }
}

function columns(model: Model, rows: readonly Row[]): Column<Row>[] {
  const hasLabels = rows.some(({ route }) => route.labels)
  return [
    { id: 'path', title: 'Path', width: 3.6, sort: row => row.route.path, cell: pathOf },
    {
      id: 'id',
      title: 'Route',
      width: 2,
      sort: row => row.route.id,
      cell: ({ route }) => html`<span class="faint" title=${route.origin}>${route.id}</span>`,
    },
    {
      id: 'host',
      title: 'Hosts',
      width: 1.8,
      sort: row => row.route.hosts?.join() ?? null,
      cell: ({ route }) =>
        route.hosts
          ? html`<span title=${route.hosts.join(', ')}>${route.hosts.join(', ')}</span>`
          : html`<span class="faint">all</span>`,
    },
    {
      id: 'auth',
      title: 'Auth',
      width: 1.1,
      sort: row => authOf(row.route).join(),
      cell: ({ route }) => authShown(route),
    },
    {
      id: 'service',
      title: 'Service',
      width: 1.6,
      sort: row => row.route.service,
      cell: ({ route }) => serviceLink(route.service),
    },
    ...(hasLabels ? [LABELS] : []),
    ...trafficColumns<Row>(model, 1.5, row => model.routeSeries.get(row.route.id)),
    {
      id: 'last',
      title: 'Last request',
      width: 1.2,
      numeric: true,
      sort: row => (row.idleMs === null ? -KEPT_MS : -row.idleMs),
      cell: lastOf,
    },
  ]
}

const LABELS: Column<Row> = {
  id: 'labels',
  title: 'Labels',
  width: 1.6,
  sort: ({ route }) => pairsText(labelsOf(route)) || null,
  cell: ({ route }) => html`<span title=${pairsText(labelsOf(route))}>${pairsText(labelsOf(route))}</span>`,
}

function pathOf({ route }: Row): Shown {
  const methods = route.methods ? html`<span class="methods">${route.methods.join(' ')}</span> ` : ''
  const broken = route.broken
    ? html`<i class="sign bad" title="The document is invalid: the route answers 503">▲</i> `
    : ''
  const lastGood = route.lastGood
    ? html`<i class="sign warn" title="An earlier version is in use: the present document is invalid">▲</i> `
    : ''
  return html`${broken}${lastGood}${methods}<a data-row href=${linkTo('routes', [route.id])} title=${route.description}><code>${route.path}</code></a>`
}

function lastOf({ idleMs }: Row): Shown {
  if (idleMs === null) return html`<span class="faint">over 10 min</span>`
  if (idleMs === Infinity) return html`<span class="faint">never</span>`
  return idleMs < 6_000 ? 'now' : durationText(idleMs)
}

function authShown(route: ListedRoute): Shown {
  const names = authOf(route)
  return names.join() === 'none' ? html`<span class="faint">none</span>` : names.join(', ')
}
