import { percent, rate } from '../internal/telemetry/format.ts'
import type { NodePage } from '../routes/admin/page-types.ts'
import { nodeFault } from './attention.ts'
import { html, type Shown } from './html.ts'
import type { Model } from './model.ts'
import { linkTo } from './place.ts'
import type { NodeRow, ServiceRow } from './service-rows.ts'

/** How many tries or requests must fail before a share of failures is shown as bad. */
const BAD_SHARE = 0.01

/** A dash, where there is no figure. */
export function none(): Shown {
  return html`<span class="faint">–</span>`
}

/** Shows a share of failures: nothing for none, so that what is wrong is found by looking. */
export function failures(share: number | null): Shown {
  if (share === null) return html`<span class="faint">–</span>`
  if (share === 0) return html`<span class="faint">0</span>`
  return html`<span class=${share >= BAD_SHARE ? 'bad' : 'warn'}>${percent(share)}</span>`
}

/** Returns the class of a row by how bad it is: 2 and more is an error, less is a warning, and 0 is nothing; and by its age. */
export function rowClass(severity: number, isStale = false): string {
  const tone = severity >= 2 ? 'is-bad' : severity > 0 ? 'is-warn' : ''
  return isStale ? `${tone} is-stale` : tone
}

/** Shows how many rows there are, and of how many when a filter left some out. */
export function countOf(shown: number, all: number): Shown {
  const text =
    shown === all ? all.toLocaleString('en') : `${shown.toLocaleString('en')} of ${all.toLocaleString('en')}`
  return html`<span class="faint count">${text}</span>`
}

/** Shows a status of HTTP by its class. */
export function status(code: number): Shown {
  return html`<span class="status s${Math.floor(code / 100)}">${code}</span>`
}

/** Shows in a word whether a node is used, and why not. */
export function nodeState(model: Model, service: string, node: NodePage): Shown {
  const live = model.nodes.get(`${service}/${node.id}`)
  const fault = nodeFault(node, live)
  const state = live?.figures[7] ?? node.state
  if (fault)
    return html`<span class="${fault.severity}" title=${fault.text}><i class="sign">▲</i> ${fault.text}</span>`
  if (state === 'draining') return html`<span class="quiet"><i class="sign">◇</i> draining</span>`
  return html`<span><i class="sign good">●</i> ${state}</span>`
}

/** How many nodes there are, and what is wrong with how many of them. */
export function nodesOf({ service, faults, severity }: ServiceRow): Shown {
  const bad = [...faults].map(([text, count]) => `${count} ${text}`).join(', ')
  if (service.nodes.length === 0) return html`<span class="bad"><i class="sign">▲</i> none</span>`
  const count = service.nodes.length.toLocaleString('en')
  return bad === ''
    ? html`<span>${count} up</span>`
    : html`<span title=${bad}>${count}, <span class=${severity >= 2 ? 'bad' : 'warn'}>${bad}</span></span>`
}

/** Shows a rate, and a dash for none. One that is not of now is marked. */
export function perSecond(value: number, isStale = false): Shown {
  if (value === 0) return none()
  if (!isStale) return rate(value)
  return html`<span class="faint" title="The gateway has said nothing of it for 3 s or more"><i class="sign">◔</i> ${rate(value)}</span>`
}

/** Shows the share of requests that were answered 4xx, which is not the fault of anybody here. */
export function clientErrors(share: number | null): Shown {
  return share === null ? none() : share === 0 ? html`<span class="faint">0</span>` : percent(share)
}

/** A link to a node. */
export function nodeLink(row: NodeRow): Shown {
  return html`<a data-row href=${linkTo('services', [row.service, row.node.id])}>${row.node.id}</a>`
}

/** A link to a service; a dash for routes that have none. */
export function serviceLink(name: string): Shown {
  return name === ''
    ? html`<span class="faint">–</span>`
    : html`<a href=${linkTo('services', [name])}>${name}</a>`
}
