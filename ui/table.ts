import { h, html, type Shown, useMemo, useRef } from './html.ts'
import { setParam } from './place.ts'
import { useWindow } from './window.ts'

/** A column of a table. */
export interface Column<Row> {
  readonly id: string
  readonly title: string
  /** A hint for the header, for what its title does not say. */
  readonly hint?: string
  /** The share of the width of the table, compared with the other columns; 1 by default. */
  readonly width?: number
  /** Whether it holds figures, which stand at the right. */
  readonly numeric?: boolean
  /** What rows are sorted by: figures the greatest first, texts by the alphabet; absent when it cannot be sorted. */
  readonly sort?: (row: Row) => string | number | null
  readonly cell: (row: Row) => Shown
}

export interface TableProps<Row> {
  /** Says what the rows are, for readers of screens. */
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  /** A class of the row, for its state. */
  readonly classOf?: (row: Row) => string
  /** The id of a column, with `-` in front for the other direction; as the parameter `sort` of the place. */
  readonly sort?: string | undefined
  /** Shown instead of rows when there are none. */
  readonly empty: Shown
  /** Keeps the order of rows: they are sorted already. */
  readonly sorted?: boolean
}

/** How long an order stays while figures change, so that rows can be read. */
const ORDER_MS = 5_000

/**
 * Shows rows that can be sorted. Of more than 200 rows, those in the window are in the document alone. Rows keep their places while
 * one of them has the focus. Each row should contain one link with the attribute `data-row`, which the keys `j` and `k` move to.
 */
export function table<Row>(props: TableProps<Row>): Shown {
  return h(
    Table as (props: TableProps<Row>) => ReturnType<typeof html>,
    props as TableProps<Row> & { key?: string },
  )
}

function Table<Row>({ caption, columns, rows, keyOf, classOf, sort = '', empty, sorted }: TableProps<Row>) {
  const body = useRef<HTMLTableSectionElement>(null)
  const by = sorted ? undefined : columns.find(({ id }) => id === sort.replace(/^-/, ''))?.sort
  const ordered = useOrder(rows, keyOf, by, sort, body)
  const { first, end, above, below } = useWindow(ordered.length, body)
  const total = columns.reduce((sum, { width = 1 }) => sum + width, 0)
  return html`<table role="table" aria-rowcount=${ordered.length + 1}>
    <caption class="unseen">${caption}</caption>
    <colgroup>${columns.map(({ id, width = 1 }) => html`<col key=${id} style=${{ width: `${(width / total) * 100}%` }} />`)}</colgroup>
    <thead role="rowgroup"><tr role="row">${columns.map(column => header(column, sort, sorted))}</tr></thead>
    <tbody role="rowgroup" ref=${body}>
      ${above > 0 && html`<tr key="above" class="gap" aria-hidden="true"><td colspan=${columns.length} style=${{ height: `${above}px` }}></td></tr>`}
      ${ordered
        .slice(first, end)
        .map(
          (row, index) =>
            html`<${Row} key=${keyOf(row)} row=${row} columns=${columns} index=${first + index + 2} name=${classOf?.(row)} />`,
        )}
      ${below > 0 && html`<tr key="below" class="gap" aria-hidden="true"><td colspan=${columns.length} style=${{ height: `${below}px` }}></td></tr>`}
    </tbody>
  </table>${ordered.length === 0 && html`<p class="empty">${empty}</p>`}`
}

interface RowProps<Row> {
  readonly row: Row
  readonly columns: readonly Column<Row>[]
  /** Counted from 1, with the row of the headers. */
  readonly index: number
  readonly name: string | undefined
}

/** A row is made anew when its figures are, but not when the table is scrolled. */
function Row<Row>({ row, columns, index, name }: RowProps<Row>) {
  return useMemo(
    () => html`<tr role="row" aria-rowindex=${index} class=${name}>
      ${columns.map(
        ({ id, title, numeric, cell }) =>
          html`<td key=${id} role="cell" class=${numeric && 'num'} data-title=${title}>${cell(row)}</td>`,
      )}
    </tr>`,
    [row, columns, index, name],
  )
}

function header<Row>({ id, title, hint, numeric, sort: by }: Column<Row>, sort: string, sorted?: boolean) {
  const direction = sort === id ? 'descending' : sort === `-${id}` ? 'ascending' : undefined
  const next = sort === id ? `-${id}` : id
  const label =
    by && !sorted
      ? html`<button type="button" title=${hint} onClick=${() => setParam('sort', next)}>
          ${title}<span class="arrow" aria-hidden="true">${direction === 'descending' ? '↓' : direction && '↑'}</span>
        </button>`
      : html`<span title=${hint}>${title}</span>`
  return html`<th key=${id} role="columnheader" scope="col" class=${numeric && 'num'} aria-sort=${direction}>${label}</th>`
}

const collator = new Intl.Collator('en', { numeric: true })

/**
 * Compares so that what is absent comes last.
 *
 * @param sign 1: greater figures and the beginning of the alphabet come first; -1: the other way round
 */
function compare(a: string | number | null, b: string | number | null, sign: 1 | -1): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null)
  return (
    sign * (typeof a === 'number' && typeof b === 'number' ? b - a : collator.compare(String(a), String(b)))
  )
}

interface Kept<Row> {
  readonly rows: readonly Row[]
  readonly ordered: readonly Row[]
  readonly sort: string
  readonly at: number
  readonly ranks: ReadonlyMap<string, number>
}

/** Sorts rows, and keeps their order for a while, and as long as one of them has the focus. */
function useOrder<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  by: Column<Row>['sort'],
  sort: string,
  body: { readonly current: HTMLElement | null },
): readonly Row[] {
  const kept = useRef<Kept<Row> | undefined>(undefined)
  if (!by) return rows
  const before = kept.current?.sort === sort ? kept.current : undefined
  if (before?.rows === rows) return before.ordered
  const now = performance.now()
  const hasFocus = body.current?.contains(document.activeElement) ?? false
  if (before && (hasFocus || now - before.at < ORDER_MS)) {
    const ordered = inOrder(rows, keyOf, before.ranks)
    if (ordered) {
      kept.current = { ...before, rows, ordered }
      return ordered
    }
  }
  const sign = sort.startsWith('-') ? -1 : 1
  const keyed = rows
    .map(row => ({ row, value: by(row), key: keyOf(row) }))
    .sort((a, b) => compare(a.value, b.value, sign) || collator.compare(a.key, b.key))
  const ordered = keyed.map(({ row }) => row)
  kept.current = { rows, ordered, sort, at: now, ranks: new Map(keyed.map(({ key }, index) => [key, index])) }
  return ordered
}

/** Returns rows by the ranks that are known of their keys; undefined when one of them has none. */
function inOrder<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  ranks: ReadonlyMap<string, number>,
): readonly Row[] | undefined {
  const ordered: (Row | undefined)[] = Array.from({ length: ranks.size })
  for (const row of rows) {
    const rank = ranks.get(keyOf(row))
    if (rank === undefined) return undefined
    ordered[rank] = row
  }
  // Those that are gone have left a gap.
  return ordered.filter(row => row !== undefined)
}
