import { html, type Shown, useEffect, useRef } from './html.ts'
import { setParam } from './place.ts'

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
    <input
      ref=${input}
      type="search"
      aria-label="Filter"
      aria-invalid=${error !== undefined}
      aria-describedby="filter-error"
      placeholder=${placeholder}
      spellcheck=${false}
      autocomplete="off"
      onInput=${onInput}
    />
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
