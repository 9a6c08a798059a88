import { millis } from '../internal/telemetry/format.ts'
import { clientErrors, failures, perSecond } from './cells.ts'
import type { Model } from './model.ts'
import type { Present, Series } from './series.ts'
import { sparkline } from './sparkline.ts'
import type { Column } from './table.ts'

/**
 * The columns of the requests that routes or services get.
 *
 * @param width of the column of the last ten minutes
 */
export function trafficColumns<Row extends { readonly present: Present }>(
  { now }: Model,
  width: number,
  seriesOf: (row: Row) => Series | undefined,
): Column<Row>[] {
  return [
    {
      id: 'rps',
      title: 'Req/s',
      numeric: true,
      sort: ({ present }) => present.rate,
      cell: ({ present }) => perSecond(present.rate, present.isStale),
    },
    { id: 'spark', title: '10 min', width, cell: row => sparkline(seriesOf(row)?.samples, now) },
    {
      id: '4xx',
      title: '4xx',
      numeric: true,
      width: 0.8,
      sort: ({ present }) => present.share4,
      cell: ({ present }) => clientErrors(present.share4),
    },
    {
      id: '5xx',
      title: '5xx',
      numeric: true,
      width: 0.8,
      sort: ({ present }) => present.share5,
      cell: ({ present }) => failures(present.share5),
    },
    {
      id: 'p50',
      title: 'p50',
      numeric: true,
      sort: ({ present }) => present.p50,
      cell: ({ present }) => millis(present.p50),
    },
    {
      id: 'p99',
      title: 'p99',
      numeric: true,
      sort: ({ present }) => present.p99,
      cell: ({ present }) => millis(present.p99),
    },
  ]
}
