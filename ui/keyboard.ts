import { go, linkTo, VIEWS } from './place.ts'

/** What keys do besides opening views. */
export interface KeyActions {
  /** `.` */
  pause(): void
  /** `a` */
  onlyAttention(): void
  /** `?` */
  help(): void
}

/** How long `g` waits for its letter. */
const SECOND_KEY_MS = 1_500

/** Listens to the keys of the page, other than where something is typed. All of it can be reached by Tab as well. */
export function listenToKeys(actions: KeyActions): void {
  let goUntil = 0
  addEventListener('keydown', event => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
    const target = event.target as HTMLElement
    if (event.key === 'Escape' && target.matches('input, select, textarea')) return target.blur()
    if (target.matches('input, select, textarea')) return
    const view = performance.now() < goUntil && VIEWS.find(({ letter }) => letter === event.key)
    goUntil = event.key === 'g' ? performance.now() + SECOND_KEY_MS : 0
    if (view) go(linkTo(view.name))
    else if (event.key === 'j' || event.key === 'k') moveToRow(event.key === 'j' ? 1 : -1)
    else if (event.key === '/') searchBox()?.focus()
    else if (event.key === '.') actions.pause()
    else if (event.key === 'a') actions.onlyAttention()
    else if (event.key === '?') actions.help()
    else return
    event.preventDefault()
  })
}

/** Returns the filter of the view; the search of the page where there is none. */
function searchBox(): HTMLElement | null {
  return (
    document.querySelector<HTMLElement>('main input[type=search]') ??
    document.querySelector<HTMLElement>('header input[type=search]')
  )
}

/** Moves the focus to the link of the next row or of the one before. */
function moveToRow(by: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLElement>('main [data-row]')]
  const present = links.findIndex(link => link.closest('tr, li')?.contains(document.activeElement))
  const visible = links.findIndex(link => link.getBoundingClientRect().top > 100)
  links[present === -1 ? Math.max(0, visible) : present + by]?.focus()
}
