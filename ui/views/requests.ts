import { wentWrong } from '../../internal/telemetry/filter.ts'
import { counted, durationText } from '../../internal/telemetry/format.ts'
import type { Items, OpenCall, RequestEntry } from '../../routes/admin/api-types.ts'
import { useResource, type ViewProps } from '../context.ts'
import { html, type Shown, useEffect, useRef } from '../html.ts'
import { LOADING } from '../model.ts'
import { FilterBox, heading, toggle } from '../parts.ts'
import { linkTo, setParam } from '../place.ts'
import { ALL_COLUMNS, FIRST_COLUMNS, requestClass, requestColumns } from '../request-columns.ts'
import { table } from '../table.ts'
import { readFilter } from '../tail-filter.ts'

/** Calls under way are shown when they have lasted so long. */
const LONG_MS = 1_000

/** Requests as they end, and those that have not ended for a while. */
export function RequestsView({ model, api, place: { params } }: ViewProps) {
  const { filter, error } = readFilter(params)
  const isProblems = params.get('problems') === '1'
  const query = new URLSearchParams({ limit: '200', filter })
  if (isProblems) query.set('problems', '1')
  const path = `requests?${query}`
  const past = useResource<Items<RequestEntry>>(api, path, undefined, model.streams)
  const told = useRef<{ readonly path: string; readonly value: unknown } | undefined>(undefined)
  const { value, error: failure } = past
  useEffect(() => {
    if (value === undefined && failure === undefined) return
    // A list that is held stays until it goes on, unless it is another one that is asked for.
    if (told.current?.path === path && (model.isPaused || told.current.value === value)) return
    told.current = { path, value }
    model.setTail(value?.items ?? [])
  }, [value, failure, model, model.isPaused])
  const open = useResource<Items<OpenCall>>(api, `in-flight?over=${LONG_MS}`, 2_000)
  const shown = (params.get('cols') ?? FIRST_COLUMNS.join(' ')).split(' ')
  // The stream knows only the filter. Of those that were loaded, some are problems because others were much faster.
  const loaded = new Set(past.value?.items.map(({ requestId }) => requestId))
  const isOf = told.current?.path === path
  const tail = isOf ? model.tail : []
  const rows = isProblems ? tail.filter(row => loaded.has(row.requestId) || wentWrong(row)) : tail
  return html`
    ${heading(
      'Requests',
      undefined,
      html`<button type="button" class="toggle" aria-pressed=${model.isPaused} onClick=${() => model.pause(!model.isPaused)}>
          ${model.isPaused ? `Paused, ${model.waiting.length} new` : 'Pause'}
        </button>
        <${FilterBox} value=${params.get('filter') ?? ''} error=${error} placeholder="service:user status:5xx ms>100 path:/api/*" />
        ${toggle(params, 'problems', '1', 'Only problems')}
        <${ColumnChoice} shown=${shown} />`,
    )}
    ${sampled(model.perSecond, model.lost)}
    ${open.value && open.value.items.length > 0 && underWay(open.value.items)}
    ${table({
      caption: 'Requests, the newest first',
      columns: requestColumns(shown),
      rows,
      keyOf: row => row.requestId,
      classOf: requestClass,
      sorted: true,
      empty: past.error
        ? past.error.message
        : !isOf
          ? LOADING
          : filter === '' && !isProblems
            ? 'No requests yet.'
            : 'No request fits.',
    })}
  `
}

function sampled(perSecond: number | undefined, lost: number): Shown {
  if (perSecond !== undefined)
    return html`<p class="note">A sample: ${perSecond.toLocaleString('en')} requests a second fit, of which 50 are shown.</p>`
  return lost > 0 && html`<p class="note">${counted(lost, 'request')} were left out.</p>`
}

function ColumnChoice({ shown }: { readonly shown: readonly string[] }) {
  const flip = (id: string) => {
    const next = ALL_COLUMNS.map(column => column.id).filter(each => (each === id) !== shown.includes(each))
    setParam('cols', next.join(' ') === FIRST_COLUMNS.join(' ') ? '' : next.join(' '))
  }
  return html`<details class="menu">
    <summary>Columns</summary>
    <div>
      ${ALL_COLUMNS.filter(({ id }) => id !== 'path').map(
        ({ id, title }) => html`<label key=${id}>
          <input type="checkbox" checked=${shown.includes(id)} onChange=${() => flip(id)} /> ${title}
        </label>`,
      )}
    </div>
  </details>`
}

function underWay(calls: readonly OpenCall[]): Shown {
  return html`<section class="attention" aria-labelledby="open-title">
    <h2 id="open-title">Under way for more than a second</h2>
    <ul>${calls.slice(0, 8).map(
      ({ requestId, method, path, ms, service, node, attempts, upgraded }) => html`<li key=${requestId}>
        <span>
          <b>${durationText(ms)}</b> <code>${method} ${path}</code> ${' '}
          ${service && html`<a href=${linkTo('services', [service])}>${service}${node && `/${node}`}</a> `}
          ${attempts > 1 && `try ${attempts} `} ${upgraded && 'upgraded'}
        </span>
      </li>`,
    )}</ul>
    ${calls.length > 8 && html`<p class="faint">and ${calls.length - 8} more</p>`}
  </section>`
}
