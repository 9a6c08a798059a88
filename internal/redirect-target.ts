import { findInOwnText } from './template.ts'

/** The parts of the template of a URL or a path. Each is a template. */
export interface RedirectTarget {
  /** Such as `https://www.example.com`; '' for a path. */
  readonly origin: string
  readonly path: string
  /** Without its question mark; '' = none. */
  readonly query: string
  /** With its `#`; '' = none. */
  readonly fragment: string
}

/** The host that the client has asked, as the whole authority of a URL. */
export const ASKED_HOST = '{request.host}'

/** Takes the template of a redirect apart. */
export function splitTarget(text: string): RedirectTarget {
  const [scheme = ''] = /^https?:\/\//i.exec(text) ?? []
  const afterScheme = text.slice(scheme.length)
  const authority = scheme === '' ? '' : authorityOf(afterScheme)
  const [beforeFragment, fragment] = splitAt(afterScheme.slice(authority.length), '#')
  const [path, query] = splitAt(beforeFragment, '?')
  return {
    origin: scheme + authority,
    path: path === '' && scheme !== '' ? '/' : path,
    query: query.slice(1),
    fragment,
  }
}

/** The host is written out, so a variable is part of the path. */
function authorityOf(text: string): string {
  return text.startsWith(ASKED_HOST) ? ASKED_HOST : /^[^/?#{]*/.exec(text)![0]
}

function splitAt(text: string, characters: string): [before: string, from: string] {
  const at = findInOwnText(text, characters)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at)]
}
