import { counted, durationText } from '../internal/telemetry/format.ts'
import { html, type Shown } from './html.ts'
import { logo } from './logo.ts'
import type { Model } from './model.ts'
import { go, linkTo, type Place, VIEWS, type ViewName } from './place.ts'
import { presentTheme, switchTheme } from './theme.ts'

export interface HeaderProps {
  readonly model: Model
  readonly place: Place
  readonly onHelp: () => void
  readonly onReconnect: () => void
}

/** What looks like the id of a request: those that gateways give, UUIDs, and what clients usually send. */
const REQUEST_ID = /^(?=.*\d)[\w-]{16,128}$/

/** The head of every view: which gateway this is, whether what is shown is of now, and the way to the other views. */
export function Header({ model, place, onHelp, onReconnect }: HeaderProps) {
  const { status, problems } = model
  const count = problems.length || status?.problems || 0
  return html`<header>
    <div class="bar">
      <a class="brand" href=${linkTo('overview')} aria-label="Waygate, overview">${logo()}<span>Waygate</span></a>
      <span class="gateway">${status?.name}</span>
      ${connection(model, onReconnect)}
      ${count > 0 && html`<a class="problems" href=${linkTo('source')}>${counted(count, 'problem')}</a>`}
      <form class="search" role="search" onSubmit=${(event: SubmitEvent) => search(event, model)}>
        <input
          type="search"
          name="q"
          aria-label="Search routes, or paste a request id"
          placeholder="Search, or paste a request id"
          spellcheck=${false}
          autocomplete="off"
        />
        <kbd aria-hidden="true">/</kbd>
      </form>
      ${status && html`<span class="role" title="What you may do">${status.role}</span>`}
      <button type="button" class="icon" onClick=${switchTheme} aria-label="Theme: ${presentTheme()}" title="Theme: ${presentTheme()}">◐</button>
      <button type="button" class="icon" onClick=${onHelp} aria-label="Keys and filters" title="Keys and filters">?</button>
    </div>
    <nav aria-label="Views">${VIEWS.filter(view => isThere(model, view.name)).map(({ name, title }) => tab(name, title, place))}</nav>
  </header>`
}

/** Returns whether a view has something to show with this configuration. */
export function isThere({ status }: Model, view: ViewName): boolean {
  return view !== 'requests' || status?.features.tail !== false
}

function tab(name: ViewName, title: string, place: Place): Shown {
  return html`<a key=${name} href=${linkTo(name)} aria-current=${place.view === name ? 'page' : undefined}>${title}</a>`
}

function search(event: SubmitEvent, model: Model): void {
  event.preventDefault()
  const input = (event.currentTarget as HTMLFormElement).elements.namedItem('q') as HTMLInputElement
  const text = input.value.trim()
  if (text === '') return
  go(
    REQUEST_ID.test(text) && !model.routes.has(text)
      ? linkTo('requests', [text])
      : linkTo('routes', [], { filter: text }),
  )
  input.value = ''
  input.blur()
}

function connection(model: Model, onReconnect: () => void): Shown {
  const { stream, source, revision } = model
  const age = source?.ageMs === undefined ? undefined : source.ageMs + Date.now() - model.sourceAt
  const confirmed = age === undefined ? '' : `, confirmed ${durationText(age)} ago`
  if (stream.kind === 'disconnected') {
    const wait = Math.max(0, stream.retryAt - Date.now())
    const why = `${stream.reason} for ${durationText(Date.now() - stream.since)}; next try in ${durationText(wait)}`
    return html`<span class="state bad"><i>○</i> disconnected <small>${why}</small>
      <button type="button" onClick=${onReconnect}>Try now</button>
    </span>`
  }
  if (stream.kind === 'connecting') return html`<span class="state"><i>◌</i> connecting</span>`
  if (stream.kind === 'paused') return html`<span class="state"><i>◌</i> paused</span>`
  if (source?.stale) {
    return html`<span class="state warn"><i>◐</i> stale <small>${source.reason ?? `${source.registry} has not confirmed the table`}${confirmed}</small></span>`
  }
  if (model.isLate) {
    return html`<span class="state warn"><i>◐</i> late <small>figures are ${durationText(Date.now() - model.figuresAt)} old</small></span>`
  }
  return html`<span class="state good"><i>●</i> live <small>revision ${revision ?? '–'}${confirmed}</small></span>`
}
