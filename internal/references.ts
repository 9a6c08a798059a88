import { isSameAuthority, normaliseHost } from './http/authority.ts'
import { getHeader } from './http/header-lines.ts'
import type { UpstreamRequest } from './upstream.ts'

/** Headers of answers in which nodes name URLs and paths of theirs, in lower case. */
export const REFERENCES = ['location', 'content-location', 'refresh', 'set-cookie'] as const

/** What the client and the node call the same thing. */
interface Views {
  /** The authority that the client asked, and the protocol that it used. */
  readonly host: string
  readonly proto: string
  /** What the client's path has and the node's has not, such as `/shop/user`; '' = nothing. */
  readonly prefix: string
  /** The protocol of the node. */
  readonly nodeProto: 'http' | 'https'
  /** Whether a path gets the prefix even if it begins with it. */
  readonly always: boolean
  /** The authorities that the node knows itself by: its address, and the Host of the request. */
  readonly own: readonly string[]
}

/**
 * Rewrites the references in an answer, in place, so that they mean to the client what they mean to the node:
 *
 * - A URL of the node itself becomes a path. Clients resolve it against the URL that they asked (RFC 9110 section
 *   10.2.2), so nothing has to be known about the listener in front. If the URL asks for https and the client came with
 *   http, it becomes a URL at the client's host.
 * - A path, also the Path of a cookie, gets the prefix that the node does not see, unless it begins with that prefix. The
 *   Path `/` of a cookie stays: the cookie may be meant for other services as well.
 * - The Domain of a cookie is removed if it is the node's host, because clients would refuse the cookie.
 *
 * Everything else stays byte for byte: relative references, other hosts, and what is not a URL.
 *
 * @param lines header lines, flat
 * @param request as the node received it; its route decides with `rewriteLocation`
 * @param address the node's `host:port`
 * @param isTls whether the node was reached over TLS. A URL with https then asks for nothing new
 */
export function rewriteReferences(
  lines: string[],
  request: UpstreamRequest,
  address: string,
  isTls = false,
): void {
  const views = viewsOf(request, address, isTls)
  for (let i = 0; i < lines.length; i += 2) {
    const value = lines[i + 1]!
    switch (lines[i]!.toLowerCase()) {
      case 'location':
      case 'content-location':
        lines[i + 1] = rewriteUrl(value, views)
        break
      case 'refresh':
        lines[i + 1] = rewriteRefresh(value, views)
        break
      case 'set-cookie':
        lines[i + 1] = rewriteCookie(value, views)
        break
    }
  }
}

function viewsOf({ route, headers }: UpstreamRequest, address: string, isTls: boolean): Views {
  return {
    host: getHeader(headers, 'x-forwarded-host') ?? '',
    proto: getHeader(headers, 'x-forwarded-proto') ?? 'http',
    prefix: getHeader(headers, 'x-forwarded-prefix') ?? '',
    nodeProto: isTls ? 'https' : 'http',
    always: route.rewriteLocation === 'always',
    own: [address, getHeader(headers, 'host') ?? address],
  }
}

/** A URL or a scheme-relative reference. User info is not split off: nodes do not write it, and it would hide the host. */
const URL_PARTS = /^(?:(https?):)?\/\/([^/?#\\]*)(.*)$/i

function rewriteUrl(text: string, views: Views): string {
  // Browsers drop tabs from URLs, so that a path could turn into another host.
  if (text.includes('\t')) return text
  const [, scheme, authority, rest = ''] = URL_PARTS.exec(text) ?? []
  if (authority === undefined) return text.startsWith('/') ? withPrefix(text, views) : text
  const protocol = scheme?.toLowerCase()
  if (rest.startsWith('\\') || !isOwn(authority, protocol, views)) return text
  const written = rest.startsWith('/') ? rest : `/${rest}`
  const path = withPrefix(written, views)
  const { host, proto, nodeProto, own } = views
  // At its own address, a node with TLS has no other URLs.
  const isItself = nodeProto === 'https' && isSameAuthority(authority, own[0]!, 'https')
  const asksForTls = protocol === 'https' && proto === 'http' && !isItself
  // Clients would read such a path as another host.
  if (asksForTls || /^\/[/\\]/.test(path)) {
    if (host === '') return text
    return asksForTls ? `https://${withoutPort(host)}${path}` : `${proto}://${host}${path}`
  }
  const isUnchanged = path === written && protocol === proto && authority.toLowerCase() === host.toLowerCase()
  return isUnchanged ? text : path
}

function isOwn(authority: string, protocol: string | undefined, { own, nodeProto }: Views): boolean {
  return own.some(each => isSameAuthority(authority, each, protocol ?? nodeProto))
}

function withoutPort(authority: string): string {
  return authority.replace(/:\d*$/, '')
}

/** @param path begins with a slash; a query and a fragment may follow */
function withPrefix(path: string, { always, prefix }: Views): string {
  if (prefix === '' || (!always && isBelow(path, prefix))) return path
  return prefix + path
}

/** Returns whether a path begins with the whole segments of a prefix. Parameters (`;jsessionid=1`) end a segment too. */
function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && /^(?:[/?#;]|$)/.test(path.slice(prefix.length))
}

/** The seconds, and what HTML allows between them and the URL; `url=` may be missing. */
const REFRESH = /^([\d.\s]*[;,]\s*(?:url\s*=\s*)?)(["']?)(.*)$/i

function rewriteRefresh(text: string, views: Views): string {
  const [, start, quote, rest] = REFRESH.exec(text) ?? []
  if (start === undefined || quote === undefined || rest === undefined) return text
  const close = quote === '' ? -1 : rest.indexOf(quote)
  const end = close === -1 ? rest.length : close
  return `${start}${quote}${rewriteUrl(rest.slice(0, end), views)}${rest.slice(end)}`
}

const ATTRIBUTE = /^\s*(path|domain)\s*=\s*(\S.*)$/i

function rewriteCookie(text: string, views: Views): string {
  const [pair, ...attributes] = text.split(';')
  let isChanged = false
  const kept: string[] = []
  for (const attribute of attributes) {
    const [, name, written = ''] = ATTRIBUTE.exec(attribute) ?? []
    const value = written.trimEnd()
    if (name === undefined) kept.push(attribute)
    else if (name.toLowerCase() === 'domain') {
      if (isDomainOfNode(value, views)) isChanged = true
      else kept.push(attribute)
    } else {
      const path = value.startsWith('/') && value !== '/' ? withPrefix(value, views) : value
      if (path === value) kept.push(attribute)
      else {
        isChanged = true
        kept.push(attribute.replace(value, () => path))
      }
    }
  }
  return isChanged ? [pair, ...kept].join(';') : text
}

/** Returns whether a Domain is the node's host, and clients would refuse it for the host that they asked (RFC 6265 5.1.3). */
function isDomainOfNode(text: string, { host, own }: Views): boolean {
  const domain = text.replace(/^\./, '').toLowerCase()
  const asked = normaliseHost(host)
  return domain === normaliseHost(own[0]!) && domain !== asked && !asked.endsWith(`.${domain}`)
}
