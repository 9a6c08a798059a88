import { clock, millis } from '../../internal/telemetry/format.ts'
import type { RequestDetail, RequestEntry, TryEntry } from '../../routes/admin/api-types.ts'
import { serviceLink, status } from '../cells.ts'
import { missing, useResource, type ViewProps } from '../context.ts'
import { explanation } from '../explanation.ts'
import { html, type Shown } from '../html.ts'
import { facts, heading } from '../parts.ts'
import { linkTo } from '../place.ts'

/** One request that has ended: where its time went, its tries, and what would happen to it now. */
export function RequestView({ model, api, place: { args } }: ViewProps) {
  const [id = ''] = args
  const detail = useResource<RequestDetail>(api, `requests/${encodeURIComponent(id)}`)
  const back = { text: 'Requests', href: linkTo('requests') }
  if (!detail.value)
    return html`${heading(html`<code>${id}</code>`, back)}${missing(detail, 'The request cannot be shown')}`
  const { request, tries, explain } = detail.value
  const traceUrl = model.status?.features.traceUrl
  const trace = request.traceId && traceUrl?.replace('{traceId}', encodeURIComponent(request.traceId))
  const isOlder = explain && request.revision !== undefined && explain.revision !== request.revision
  const url = `http://${request.host ?? 'localhost'}${request.path}`
  return html`
    ${heading(
      html`${status(request.status)} <code>${request.method} ${request.path}</code>`,
      back,
      html`<a class="button" href=${linkTo('explain', [], { method: request.method, url })}>Explain with headers</a>
        ${trace && html`<a class="button" href=${trace} target="_blank" rel="noreferrer">Trace</a>`}`,
    )}
    ${request.code && html`<p class="note ${request.status >= 500 ? 'bad' : 'warn'}"><code>${request.code}</code> ${request.reason}</p>`}
    ${facts(requestFacts(request))}
    <section aria-labelledby="time-title">
      <h2 id="time-title">Where the time went</h2>
      ${waterfall(request, tries)}
    </section>
    <section aria-labelledby="now-title">
      <h2 id="now-title">The same request now</h2>
      ${isOlder && html`<p class="note">It met revision ${request.revision}; the table is now at revision ${explain.revision}.</p>`}
      ${
        explain
          ? html`<p class="faint">Without its headers, which are not kept.</p>${explanation(explain)}`
          : html`<p class="empty">Nothing can be said while no table is loaded.</p>`
      }
    </section>
  `
}

function requestFacts(request: RequestEntry): [string, Shown][] {
  return [
    ['Request id', html`<code>${request.requestId}</code>`],
    ['Arrived', clock(request.at, true)],
    ['Host', request.host],
    ['Route', request.route && html`<a href=${linkTo('routes', [request.route])}>${request.route}</a>`],
    ['Service', request.service && serviceLink(request.service)],
    [
      'Node',
      request.node &&
        html`<a href=${linkTo('services', [request.service ?? '', request.node])}>${request.node}</a> ${request.address && html`<span class="faint">${request.address}</span>`}`,
    ],
    ['Client', request.client],
    ['User', request.user],
    ['HTTP', request.http],
    [
      'gRPC',
      request.rpc &&
        `${request.rpc}${request.grpcStatus === undefined ? '' : `, status ${request.grpcStatus}`}`,
    ],
    ['Policy', request.policy],
    ['Variant', request.variant],
    ['Fallback', request.fallback && 'answered in place of a node'],
    ['Trace', request.traceId && html`<code>${request.traceId}</code>`],
    ['Revision', request.revision],
  ]
}

interface Bar {
  readonly label: Shown
  readonly kind: 'gateway' | 'try' | 'failed' | 'body' | 'whole'
  readonly startMs: number
  readonly ms: number
  readonly outcome: Shown
}

/** Shows the parts of a request on one axis: the gateway, each try, and the body of the answer. */
function waterfall(request: RequestEntry, tries: readonly TryEntry[]): Shown {
  const { totalMs } = request
  const end = Math.max(totalMs, ...tries.map(({ startMs, ms }) => startMs + ms), 0.001)
  const firstMs = tries[0]?.startMs ?? totalMs
  const headMs = request.upstreamMs === undefined ? undefined : firstMs + request.upstreamMs
  const bars: Bar[] = [
    {
      label: 'gateway',
      kind: 'gateway',
      startMs: 0,
      ms: firstMs,
      outcome: tries.length === 0 ? 'answered it' : 'until the first try',
    },
    ...tries.map(
      (each, index): Bar => ({
        label: html`try ${index + 1} <span class="faint">${each.service}/${each.node}</span>`,
        kind: /^[1-4]\d\d$/.test(each.outcome) ? 'try' : 'failed',
        startMs: each.startMs,
        ms: each.ms,
        outcome: each.outcome,
      }),
    ),
  ]
  if (headMs !== undefined && totalMs > headMs)
    bars.push({
      label: 'body',
      kind: 'body',
      startMs: headMs,
      ms: totalMs - headMs,
      outcome: 'until the client had all of it',
    })
  return html`<div class="waterfall" role="table" aria-label="Parts of the request">
    ${bars.map(
      ({ label, kind, startMs, ms, outcome }, index) => html`<div key=${index} role="row">
        <span role="cell">${label}</span>
        <span role="cell" class="lane"><i class=${kind} style=${{ left: `${(startMs / end) * 100}%`, width: `${Math.max(0.4, (ms / end) * 100)}%` }}></i></span>
        <span role="cell" class="num">${millis(ms)}</span>
        <span role="cell" class=${kind === 'failed' ? 'bad' : 'faint'}>${outcome}</span>
      </div>`,
    )}
    <div role="row" class="sum">
      <span role="cell">in all</span>
      <span role="cell" class="lane"></span>
      <span role="cell" class="num">${millis(totalMs)}</span>
      <span role="cell" class="faint">${request.attempts === 1 ? 'one try' : `${request.attempts} tries`}</span>
    </div>
  </div>`
}
