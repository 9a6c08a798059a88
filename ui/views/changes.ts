import type { FilterLanguage } from '../../internal/telemetry/filter.ts'
import { clock, durationText, percent, rate } from '../../internal/telemetry/format.ts'
import type { ChangeEntry } from '../../routes/admin/api-types.ts'
import { countOf } from '../cells.ts'
import type { ViewProps } from '../context.ts'
import { diffLines, shortened } from '../diff.ts'
import { html, type Shown, useMemo, useState } from '../html.ts'
import type { Model } from '../model.ts'
import { FilterBox, heading } from '../parts.ts'
import { linkTo } from '../place.ts'
import { filterRows } from '../table-filter.ts'

/** Changes that are shown before more are asked for. */
const PAGE = 100

const LANGUAGE: FilterLanguage<ChangeEntry> = {
  texts: {
    kind: ({ kind }) => kind,
    route: ({ kind, id }) => (kind === 'route' ? id : undefined),
    service: ({ service }) => service,
    node: ({ kind, id }) => (kind === 'node' ? id : undefined),
    key: ({ key }) => key,
  },
  numbers: { revision: ({ revision }) => Number(revision) },
  searched: ({ key, id, service }) => [key, id, service],
}

/** What has changed in the registry, and what traffic did about it. */
export function ChangesView({ model, place: { params } }: ViewProps) {
  const [count, setCount] = useState(PAGE)
  const filter = params.get('filter') ?? ''
  const { rows, error } = filterRows(model.changes, filter, LANGUAGE)
  const none =
    model.changes.length === 0
      ? (model.changesMissing ?? 'Nothing has changed since the gateway started.')
      : 'No change fits the filter.'
  return html`
    ${heading(
      'Changes',
      undefined,
      html`${countOf(rows.length, model.changes.length)}
        <${FilterBox} value=${filter} error=${error} placeholder="kind:route user" />`,
    )}
    ${rows.length === 0 && html`<p class="empty">${none}</p>`}
    <ul class="changes">
      ${rows.slice(0, count).map(change => {
        const isOpen = params.get('at') === change.revision
        return html`<${Change} key=${`${change.revision} ${change.key}`} ...${{ change, model, isOpen }} />`
      })}
    </ul>
    ${rows.length > count && html`<button type="button" onClick=${() => setCount(count + PAGE)}>Show more</button>`}
  `
}

interface ChangeProps {
  readonly change: ChangeEntry
  readonly model: Model
  readonly isOpen: boolean
}

function Change({ change, model, isOpen }: ChangeProps) {
  const [open, setOpen] = useState(isOpen)
  // The page is drawn each second, and a document may be long.
  const shown = useMemo(() => open && body(change), [open, change])
  const verb =
    change.before === null
      ? change.after === null
        ? 'changed'
        : 'added'
      : change.after === null
        ? 'removed'
        : 'changed'
  return html`<li>
    <details open=${open} onToggle=${(event: Event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}>
      <summary data-row>
        <time title=${new Date(change.at).toISOString()}>${clock(change.at)} <span class="faint">${durationText(model.now - change.at)} ago</span></time>
        <span class="faint">${change.revision}</span>
        <span class="verb ${verb}">${change.kind.replace('-', ' ')} ${verb}</span>
        <span class="what"><b>${change.service === undefined ? change.id : `${change.service}/${change.id}`}</b> <span class="faint">${brief(change)}</span></span>
        <span class="effect">${effect(change, model)}</span>
      </summary>
      ${shown}
    </details>
  </li>`
}

function body(change: ChangeEntry): Shown {
  const link =
    change.kind === 'route'
      ? linkTo('routes', [change.id])
      : change.service !== undefined
        ? linkTo('services', [change.service, change.id])
        : undefined
  const lines = shortened(diffLines(change.before, change.after))
  return html`<div class="diff">
    <p><code>${change.key}</code> <span class="faint">from ${change.source}</span> ${link && html`<a href=${link}>Open</a>`}</p>
    ${change.before === null && change.after === null ? html`<p class="empty">Values of this kind are not shown.</p>` : html`<pre tabindex="0">${lines.map((line, index) => (line === null ? html`<span key=${index} class="skip">…</span>` : html`<span key=${index} class=${line.kind}><i>${{ same: ' ', old: '−', new: '+' }[line.kind]}</i>${line.text}</span>`))}</pre>`}
  </div>`
}

/** Names the fields that differ, with their values where these are short. */
function brief({ before, after }: ChangeEntry): string {
  const [a, b] = [fieldsOf(before), fieldsOf(after)]
  if (!a || !b) return ''
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])]
  const differ = names.filter(name => JSON.stringify(a[name]) !== JSON.stringify(b[name]))
  return differ
    .slice(0, 3)
    .map(name => `${name} ${short(a[name])} → ${short(b[name])}`)
    .join(', ')
}

function fieldsOf(text: string | null): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function short(value: unknown): string {
  const text = value === undefined ? '–' : JSON.stringify(value)
  return text.length > 30 ? `${text.slice(0, 29)}…` : text
}

/** Compares the minutes before and after a change, of the route or service that it is about. */
function effect(change: ChangeEntry, model: Model): Shown {
  const series =
    change.kind === 'route' ? model.routeSeries.get(change.id) : model.serviceSeries.get(change.service ?? '')
  const traffic = series?.around(change.at, model.now, Date.parse(model.status?.startedAt ?? '') || 0)
  if (!traffic) return ''
  const { before, after } = traffic
  const worse = after.share5 > before.share5 + 0.005
  return html`<span title="A minute before and after">${rate(before.rate)} → ${rate(after.rate)}/s</span>
    <span class=${worse ? 'bad' : after.share5 < before.share5 - 0.005 ? 'good' : 'faint'}>5xx ${percent(before.share5)} → ${percent(after.share5)}</span>`
}
