import type { FilterLanguage } from '../../internal/telemetry/filter.ts'
import { countOf, nodesOf, none, rowClass } from '../cells.ts'
import type { ViewProps } from '../context.ts'
import { html, type Shown } from '../html.ts'
import { FilterBox, heading, toggle } from '../parts.ts'
import { linkTo } from '../place.ts'
import { type ServiceRow, serviceRows } from '../service-rows.ts'
import { type Column, table } from '../table.ts'
import { filterRows, PRESENT_FIELDS } from '../table-filter.ts'
import { trafficColumns } from '../traffic-columns.ts'

const LANGUAGE: FilterLanguage<ServiceRow> = {
  texts: { service: ({ key }) => key },
  numbers: { nodes: ({ service }) => service.nodes.length, ...PRESENT_FIELDS },
  searched: ({ key }) => [key],
}

/** All services. */
export function ServicesView({ model, place: { params } }: ViewProps) {
  const filter = params.get('filter') ?? ''
  const all = serviceRows(model)
  const { rows, error } = filterRows(
    params.get('only') === 'attention' ? all.filter(({ severity }) => severity > 0) : all,
    filter,
    LANGUAGE,
  )
  const columns: Column<ServiceRow>[] = [
    {
      id: 'name',
      title: 'Service',
      width: 2.4,
      sort: row => row.key,
      cell: row => html`<a data-row href=${linkTo('services', [row.key])}>${row.key}</a>`,
    },
    { id: 'nodes', title: 'Nodes', width: 2.2, sort: row => row.service.nodes.length, cell: nodesOf },
    {
      id: 'routes',
      title: 'Routes',
      numeric: true,
      width: 0.95,
      sort: row => row.routes,
      cell: row => row.routes,
    },
    ...trafficColumns<ServiceRow>(model, 1.4, row => model.serviceSeries.get(row.key)),
    { id: 'flight', title: 'In flight', numeric: true, sort: row => row.inFlight, cell: row => row.inFlight },
    {
      id: 'limit',
      title: 'Limit',
      numeric: true,
      sort: row => row.service.limit?.limit ?? null,
      cell: limitOf,
    },
    {
      id: 'retries',
      title: 'Retries',
      hint: 'Since the start of the gateway',
      numeric: true,
      sort: row => row.service.retries.begun,
      cell: retriesOf,
    },
  ]
  return html`
    ${heading(
      'Services',
      undefined,
      html`${countOf(rows.length, all.length)}
        <${FilterBox} value=${filter} error=${error} placeholder="user nodes>2 5xx>1" />
        ${toggle(params, 'only', 'attention', 'Only what needs attention')}`,
    )}
    ${table({
      caption: 'Services',
      columns,
      rows,
      keyOf: row => row.key,
      classOf: ({ severity, present }) => rowClass(severity, present.isStale),
      sort: params.get('sort') ?? 'rps',
      empty: all.length === 0 ? model.emptyText('No service is registered.') : 'No service fits the filter.',
    })}
  `
}

function limitOf({ service: { limit } }: ServiceRow): Shown {
  if (!limit) return none()
  return html`<span title=${limit.kind}>${limit.inFlight}<span class="faint">/${limit.limit}</span></span>`
}

function retriesOf({ service: { retries } }: ServiceRow): Shown {
  if (retries.budget === 'exhausted')
    return html`<span class="warn" title="The budget is exhausted">${retries.begun}</span>`
  return retries.begun === 0 ? html`<span class="faint">0</span>` : retries.begun.toLocaleString('en')
}
