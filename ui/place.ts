/** The views of the page, with the letter that opens each one after `g`. */
export const VIEWS = [
  { name: 'overview', title: 'Overview', letter: 'o' },
  { name: 'routes', title: 'Routes', letter: 'r' },
  { name: 'services', title: 'Services', letter: 's' },
  { name: 'requests', title: 'Requests', letter: 'q' },
  { name: 'explain', title: 'Explain', letter: 'e' },
  { name: 'changes', title: 'Changes', letter: 'c' },
  { name: 'source', title: 'Source', letter: 'u' },
] as const

export type ViewName = (typeof VIEWS)[number]['name']

/** What the hash of the address says: a view, what of it, and how it is filtered and sorted. */
export interface Place {
  readonly view: ViewName
  /** The id of a route or a request, or the name of a service and the id of a node. */
  readonly args: readonly string[]
  readonly params: URLSearchParams
}

/** Reads the hash of an address, such as `#/services/user?sort=-rps`. What it does not know is the overview. */
export function readPlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2)
  const [name, ...args] = path.split('/').map(decode)
  const view = VIEWS.find(each => each.name === name)
  return {
    view: view?.name ?? 'overview',
    args: view ? args.filter(arg => arg !== '') : [],
    params: new URLSearchParams(query),
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Returns the hash of a view. Parameters that are empty are left out. */
export function linkTo(
  view: ViewName,
  args: readonly string[] = [],
  params: Readonly<Record<string, string>> | URLSearchParams = {},
): string {
  const path = [view, ...args.map(encodeURIComponent)].join('/')
  const entries = params instanceof URLSearchParams ? [...params] : Object.entries(params)
  const query = new URLSearchParams(entries.filter(([, value]) => value !== '')).toString()
  return `#/${path}${query ? `?${query}` : ''}`
}

/** Opens a view, as a link does. */
export function go(hash: string): void {
  location.hash = hash
}

/** Changes a parameter of the present place without a new entry in the history. */
export function setParam(name: string, value: string): void {
  const { view, args, params } = readPlace(location.hash)
  params.set(name, value)
  history.replaceState(null, '', linkTo(view, args, params))
  dispatchEvent(new HashChangeEvent('hashchange'))
}
