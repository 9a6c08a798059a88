import type { NodePage } from '../routes/admin/page-types.ts'
import { nodeFault } from './attention.ts'
import { percent } from './format.ts'
import { html, type Shown, useEffect, useRef } from './html.ts'
import type { Model } from './model.ts'
import { linkTo, setParam } from './place.ts'

/** How many tries or requests must fail before a share of failures is shown as bad. */
const BAD_SHARE = 0.01

/** Shows a share of failures: nothing for none, so that what is wrong is found by looking. */
export function failures(share: number | null): Shown {
  if (share === null) return html`<span class="faint">–</span>`
  if (share === 0) return html`<span class="faint">0</span>`
  return html`<span class=${share >= BAD_SHARE ? 'bad' : 'warn'}>${percent(share)}</span>`
}

/** Shows a status of HTTP by its class. */
export function status(code: number): Shown {
  return html`<span class="status s${Math.floor(code / 100)}">${code}</span>`
}

/** Shows in a word whether a node is used, and why not. */
export function nodeState(model: Model, service: string, node: NodePage): Shown {
  const fault = nodeFault(model, service, node)
  const state = model.nodes.get(`${service}/${node.id}`)?.figures[7] ?? node.state
  if (fault)
    return html`<span class="${fault.severity}" title=${fault.text}><i class="sign">▲</i> ${fault.text}</span>`
  if (state === 'draining') return html`<span class="quiet"><i class="sign">◇</i> draining</span>`
  return html`<span><i class="sign good">●</i> ${state}</span>`
}

export interface FilterBoxProps {
  readonly value: string
  readonly placeholder: string
  /** What is wrong with the filter; undefined when nothing is. */
  readonly error: string | undefined
}

/** An input whose text becomes the parameter `filter` of the place when typing stops. */
export function FilterBox({ value, placeholder, error }: FilterBoxProps) {
  const input = useRef<HTMLInputElement>(null)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => {
    if (input.current && document.activeElement !== input.current) input.current.value = value
  }, [value])
  useEffect(() => () => clearTimeout(timer.current), [])
  const onInput = () => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setParam('filter', input.current?.value.trim() ?? ''), 200)
  }
  return html`<span class="filter">
    <input ref=${input} type="search" aria-label="Filter" placeholder=${placeholder} aria-invalid=${error !== undefined} aria-describedby="filter-error" spellcheck=${false} autocomplete="off" onInput=${onInput} />
    <span id="filter-error" class="bad" role="status">${error}</span>
  </span>`
}

/** A switch whose state is a parameter of the place: the text when it is on. */
export function toggle(params: URLSearchParams, name: string, value: string, label: string): Shown {
  const isOn = params.get(name) === value
  return html`<button type="button" class="toggle" aria-pressed=${isOn} onClick=${() => setParam(name, isOn ? '' : value)}>${label}</button>`
}

/** The way back from one thing to the list of all. */
export function heading(
  title: Shown,
  back?: { readonly text: string; readonly href: string },
  aside?: Shown,
): Shown {
  return html`<div class="heading">
    ${back && html`<a class="back" href=${back.href}>${back.text}</a>`}
    <h1>${title}</h1>
    ${aside}
  </div>`
}

/** Names and values, of which those without a value are left out. */
export function facts(entries: readonly (readonly [name: string, value: Shown])[]): Shown {
  const shown = entries.filter(
    ([, value]) => value !== undefined && value !== null && value !== '' && value !== false,
  )
  return html`<dl class="facts">${shown.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}

export function serviceLink(name: string): Shown {
  return name === ''
    ? html`<span class="faint">–</span>`
    : html`<a href=${linkTo('services', [name])}>${name}</a>`
}
