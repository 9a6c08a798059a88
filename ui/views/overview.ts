import { millis, percent, rate } from '../../internal/telemetry/format.ts'
import { attentionLines } from '../attention.ts'
import { clientErrors, failures, nodeLink, nodeState, nodesOf, none, perSecond, rowClass } from '../cells.ts'
import type { ViewProps } from '../context.ts'
import { html, type Shown, useState } from '../html.ts'
import type { Model } from '../model.ts'
import { heading, toggle } from '../parts.ts'
import { linkTo } from '../place.ts'
import { type NodeRow, nodeRows, type ServiceRow, serviceRows } from '../service-rows.ts'
import { sparkline } from '../sparkline.ts'
import { type Column, table } from '../table.ts'
import { Timeline } from '../timeline.ts'

type Row = ServiceRow | NodeRow

/** Attention lines that are shown before the rest is asked for. */
const LINES = 8

/** The first view: what needs attention, and how much is going on. */
export function OverviewView({ model, place }: ViewProps) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const flip = (name: string) =>
    setOpen(
      before => new Set(before.has(name) ? [...before].filter(each => each !== name) : [...before, name]),
    )
  const isOnly = place.params.get('only') === 'attention'
  const services = serviceRows(model)
    .filter(({ severity }) => !isOnly || severity > 0)
    .sort((a, b) => b.severity - a.severity || a.key.localeCompare(b.key))
  const rows = services.flatMap((row): Row[] =>
    open.has(row.key) ? [row, ...nodeRows(model, row.service)] : [row],
  )
  return html`
    ${html`<h1 class="unseen">Overview</h1>`}
    ${figures(model)}
    <${Timeline} samples=${model.total.samples} changes=${model.changes} now=${model.now} />
    <${Attention} model=${model} />
    ${heading(html`<span>Services</span>`, undefined, toggle(place.params, 'only', 'attention', 'Only what needs attention'))}
    ${table<Row>({
      caption: 'Services and their nodes',
      columns: columns(model, open, flip),
      rows,
      keyOf: row => row.key,
      classOf: row => `${row.kind} ${rowClass(row.severity, isStale(row))}`,
      sorted: true,
      empty:
        isOnly && model.hasTable ? 'Nothing needs attention.' : model.emptyText('No service is registered.'),
    })}
  `
}

function isStale(row: Row): boolean {
  return row.kind === 'node' ? row.isStale : row.present.isStale
}

/** The figures of all requests. */
function figures(model: Model): Shown {
  const { rate: now, share4, share5, p50, p99 } = model.total.present(model.now)
  // Before the first second was told, nothing is known, which is not the same as nothing.
  const tile = (...[name, value, unit, tone]: Parameters<typeof shownTile>) =>
    model.total.latest ? shownTile(name, value, unit, tone) : shownTile(name, '–', '')
  const retries = model.retries.reduce((sum, count) => sum + count, 0) / Math.max(1, model.retries.length)
  return html`<dl class="tiles">
    ${tile('Requests', rate(now), '/s')}
    ${tile('4xx', ...parted(percent(share4 ?? 0)))}
    ${tile('5xx', ...parted(percent(share5 ?? 0)), (share5 ?? 0) >= 0.01 ? 'bad' : '')}
    ${tile('p50', ...parted(millis(p50)))}
    ${tile('p99', ...parted(millis(p99)))}
    ${tile('In flight', String(model.inFlight), '')}
    ${tile('Retries', ...parted(percent(now === 0 ? 0 : retries / now)), retries / now > 0.1 ? 'warn' : '')}
  </dl>`
}

function parted(text: string): [value: string, unit: string] {
  const at = text.indexOf(' ')
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function shownTile(name: string, value: string, unit: string, tone = ''): Shown {
  return html`<div class=${tone}><dt>${name}</dt><dd>${value}${unit && html`<small>${unit}</small>`}</dd></div>`
}

/** What needs attention; nothing at all when nothing does. */
function Attention({ model }: { readonly model: Model }) {
  const [isWhole, setWhole] = useState(false)
  const lines = attentionLines(model)
  if (lines.length === 0 && !model.hasTable) return ''
  if (lines.length === 0) {
    return html`<p class="calm"><i class="sign good">●</i> Nothing needs attention.</p>`
  }
  return html`<section class="attention" aria-labelledby="attention-title">
    <h2 id="attention-title">Needs attention</h2>
    <ul>
      ${(isWhole ? lines : lines.slice(0, LINES)).map(
        ({ key, severity, subject, text, href }) => html`<li key=${key} class=${severity}>
          <a data-row href=${href}>
            <i class="sign" aria-hidden="true">▲</i>
            <span class="unseen">${severity === 'bad' ? 'Error: ' : 'Warning: '}</span>
            <b>${subject}</b> ${text}
          </a>
        </li>`,
      )}
    </ul>
    ${lines.length > LINES && html`<button type="button" onClick=${() => setWhole(!isWhole)}>${isWhole ? 'Show fewer' : `Show all ${lines.length}`}</button>`}
  </section>`
}

function columns(model: Model, open: ReadonlySet<string>, flip: (name: string) => void): Column<Row>[] {
  return [
    {
      id: 'name',
      title: 'Service',
      width: 3,
      cell: row => (row.kind === 'node' ? nodeName(row) : serviceName(row, open, flip)),
    },
    {
      id: 'nodes',
      title: 'Nodes',
      width: 2.4,
      cell: row => (row.kind === 'node' ? nodeState(model, row.service, row.node) : nodesOf(row)),
    },
    {
      id: 'routes',
      title: 'Routes',
      numeric: true,
      width: 0.95,
      cell: row => (row.kind === 'service' ? row.routes : ''),
    },
    {
      id: 'rps',
      title: 'Req/s',
      numeric: true,
      cell: row => perSecond(row.kind === 'node' ? row.rate : row.present.rate, isStale(row)),
    },
    {
      id: 'spark',
      title: '10 min',
      width: 1.5,
      cell: row =>
        row.kind === 'service' ? sparkline(model.serviceSeries.get(row.key)?.samples, model.now) : '',
    },
    {
      id: '4xx',
      title: '4xx',
      numeric: true,
      width: 0.8,
      cell: row => (row.kind === 'service' ? clientErrors(row.present.share4) : ''),
    },
    {
      id: '5xx',
      title: '5xx',
      numeric: true,
      width: 0.8,
      cell: row => failures(row.kind === 'node' ? row.failures : row.present.share5),
    },
    {
      id: 'p50',
      title: 'p50',
      numeric: true,
      cell: row => millis(row.kind === 'node' ? row.p50 : row.present.p50),
    },
    {
      id: 'p99',
      title: 'p99',
      numeric: true,
      cell: row => millis(row.kind === 'node' ? row.p99 : row.present.p99),
    },
    { id: 'flight', title: 'In flight', numeric: true, width: 0.9, cell: row => row.inFlight },
    {
      id: 'limit',
      title: 'Limit',
      numeric: true,
      width: 0.9,
      cell: row => (row.kind === 'service' ? limitOf(row) : ''),
    },
  ]
}

function serviceName(row: ServiceRow, open: ReadonlySet<string>, flip: (name: string) => void): Shown {
  const isOpen = open.has(row.key)
  return html`<button type="button" class="fold" aria-expanded=${isOpen} aria-label="Nodes of ${row.key}" onClick=${() => flip(row.key)}>${isOpen ? '▾' : '▸'}</button
    ><a data-row href=${linkTo('services', [row.key])}>${row.key}</a>`
}

function nodeName(row: NodeRow): Shown {
  return html`<span class="indent">${nodeLink(row)} <span class="faint">${row.node.address}</span></span>`
}

function limitOf({ service: { limit } }: ServiceRow): Shown {
  if (!limit) return none()
  const queued = limit.queued > 0 && html` <span class="warn">+${limit.queued}</span>`
  return html`<span>${limit.inFlight}<span class="faint">/${limit.limit}</span>${queued}</span>`
}
