import { millis, percent } from '../internal/telemetry/format.ts'
import { failures, nodeLink, nodeState, none, perSecond } from './cells.ts'
import { html, type Shown } from './html.ts'
import type { Model } from './model.ts'
import type { NodeRow } from './service-rows.ts'
import type { Column } from './table.ts'

/** The columns of a table of nodes. */
export function nodeColumns(model: Model): Column<NodeRow>[] {
  return [
    { id: 'node', title: 'Node', width: 2, sort: row => row.node.id, cell: nodeLink },
    {
      id: 'address',
      title: 'Address',
      width: 2,
      sort: row => row.node.address,
      cell: row => row.node.address,
    },
    {
      id: 'state',
      title: 'State',
      width: 2.4,
      sort: row => row.severity,
      cell: row => nodeState(model, row.service, row.node),
    },
    {
      id: 'breaker',
      title: 'Breaker',
      width: 1.1,
      sort: row => row.node.breaker,
      cell: row => quietly(model.nodes.get(row.key)?.figures[5] ?? row.node.breaker, 'closed'),
    },
    {
      id: 'health',
      title: 'Health',
      width: 1.1,
      sort: row => row.node.health,
      cell: row => quietly(model.nodes.get(row.key)?.figures[6] ?? row.node.health, 'unchecked'),
    },
    {
      id: 'weight',
      title: 'Weight',
      width: 0.95,
      numeric: true,
      sort: row => row.node.weight,
      cell: row => row.node.weight,
    },
    {
      id: 'share',
      title: 'Share',
      hint: 'Of the tries of the service in the last 5 s',
      numeric: true,
      sort: row => row.share,
      cell: row => (row.share === null ? none() : percent(row.share)),
    },
    {
      id: 'rps',
      title: 'Tries/s',
      numeric: true,
      sort: row => row.rate,
      cell: row => perSecond(row.rate, row.isStale),
    },
    {
      id: 'failed',
      title: 'Failed',
      numeric: true,
      sort: row => row.failures,
      cell: row => failures(row.failures),
    },
    { id: 'p50', title: 'p50', numeric: true, sort: row => row.p50, cell: row => millis(row.p50) },
    { id: 'p99', title: 'p99', numeric: true, sort: row => row.p99, cell: row => millis(row.p99) },
    { id: 'flight', title: 'In flight', numeric: true, sort: row => row.inFlight, cell: row => row.inFlight },
  ]
}

function quietly(word: string, usual: string): Shown {
  return word === usual ? html`<span class="faint">${word}</span>` : word
}
