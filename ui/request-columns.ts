import { clock, millis } from '../internal/telemetry/format.ts'
import type { RequestEntry } from '../routes/admin/api-types.ts'
import { none, status } from './cells.ts'
import { html, type Shown } from './html.ts'
import { linkTo } from './place.ts'
import type { Column } from './table.ts'

/** The columns of tables of requests; those that are shown at first say so. */
const COLUMNS: readonly (Column<RequestEntry> & { readonly first?: true })[] = [
  {
    id: 'time',
    title: 'Time',
    width: 1.3,
    first: true,
    cell: row => html`<span class="faint">${clock(row.at, true)}</span>`,
  },
  { id: 'status', title: 'Status', width: 0.8, first: true, cell: row => status(row.status) },
  { id: 'method', title: 'Method', width: 0.95, first: true, cell: row => html`<code>${row.method}</code>` },
  { id: 'host', title: 'Host', width: 1.6, cell: row => row.host },
  {
    id: 'path',
    title: 'Path',
    width: 4,
    first: true,
    cell: row =>
      html`<a data-row href=${linkTo('requests', [row.requestId])} title=${row.path}><code>${row.path}</code></a>`,
  },
  { id: 'route', title: 'Route', width: 1.5, cell: row => text(row.route) },
  { id: 'service', title: 'Service', width: 1.3, first: true, cell: row => text(row.service) },
  { id: 'node', title: 'Node', width: 1.3, first: true, cell: row => text(row.node) },
  {
    id: 'total',
    title: 'Time taken',
    width: 1,
    numeric: true,
    first: true,
    cell: row => millis(row.totalMs),
  },
  { id: 'upstream', title: 'Upstream', width: 1, numeric: true, cell: row => millis(row.upstreamMs) },
  {
    id: 'attempts',
    title: 'Tries',
    width: 0.6,
    numeric: true,
    first: true,
    cell: row => (row.attempts > 1 ? html`<span class="warn">${row.attempts}</span>` : row.attempts),
  },
  { id: 'code', title: 'Code', width: 2, first: true, cell: row => codeOf(row) },
  { id: 'client', title: 'Client', width: 1.3, cell: row => text(row.client) },
  { id: 'user', title: 'User', width: 1.2, cell: row => text(row.user) },
  { id: 'http', title: 'HTTP', width: 0.6, cell: row => row.http },
  { id: 'rpc', title: 'gRPC', width: 2, cell: row => text(row.rpc) },
  { id: 'policy', title: 'Policy', width: 1, cell: row => text(row.policy) },
  { id: 'variant', title: 'Variant', width: 1, cell: row => text(row.variant) },
]

export const ALL_COLUMNS: readonly { readonly id: string; readonly title: string }[] = COLUMNS
export const FIRST_COLUMNS: readonly string[] = COLUMNS.filter(({ first }) => first).map(({ id }) => id)

/** Returns columns of a table of requests by their ids. */
export function requestColumns(ids: readonly string[]): readonly Column<RequestEntry>[] {
  return COLUMNS.filter(({ id }) => ids.includes(id))
}

/** Returns a class for the row of a request. */
export function requestClass(row: RequestEntry): string {
  if (row.status >= 500) return 'is-bad'
  return row.attempts > 1 || row.fallback ? 'is-warn' : ''
}

function codeOf({ code, reason, fallback, policy, grpcStatus = 0 }: RequestEntry): Shown {
  if (code !== undefined) return html`<span title=${reason}><code>${code}</code></span>`
  if (fallback) return 'fallback'
  if (grpcStatus > 0) return html`<span class="warn">gRPC status ${grpcStatus}</span>`
  return policy === undefined ? '' : html`<span class="faint">${policy}</span>`
}

function text(value: string | undefined): Shown {
  return value === undefined || value === '' ? none() : value
}
