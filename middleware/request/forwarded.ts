import { isAuthority } from '../../internal/http/authority.ts'
import { getAllHeaders } from '../../internal/http/header-lines.ts'
import { canonicalTarget } from '../../internal/http/target.ts'
import type { Exchange, ProxyReport } from '../../internal/policy.ts'
import { addressIn, writtenAddressIn } from './client-address.ts'

/** The parameters that one proxy has added, by lower-case name. */
type Element = ReadonlyMap<string, string>

const NO_REPORT: ProxyReport = {
  forwardedFor: undefined,
  proto: undefined,
  host: undefined,
  port: undefined,
  prefix: undefined,
  forwarded: undefined,
}

/**
 * Reads what a trusted proxy says about a request. X-Forwarded-For decides who the client is. Without it, Forwarded
 * (RFC 7239) does, and protocol and host then come from the element of the client, which is the last one whose `for` is
 * not a trusted proxy. Without both, it is X-Real-IP.
 *
 * Several lines of a field are one list. Of a list of protocols, hosts or ports, the last entry counts, because a client
 * can put anything in front of it. Prefixes are joined, the outermost proxy's first. A malformed value counts as absent.
 *
 * @param lines header lines of the request, flat; undefined when there are none about proxies
 */
export function readProxyReport(
  lines: readonly string[] | undefined,
  isTrustedProxy: (address: string) => boolean,
): ProxyReport {
  if (lines === undefined) return NO_REPORT
  const forwardedFor = listIn(getAllHeaders(lines, 'x-forwarded-for'))
  const port = portIn(lastOf(getAllHeaders(lines, 'x-forwarded-port')))
  const prefix = prefixIn(getAllHeaders(lines, 'x-forwarded-prefix'))
  const forwarded = getAllHeaders(lines, 'forwarded')
  const elements = forwardedFor !== undefined || forwarded === undefined ? undefined : parse(forwarded)
  if (elements !== undefined) {
    const client = clientOf(elements, isTrustedProxy)
    return {
      forwardedFor: elements.map(element => addressOf(element) ?? 'unknown').join(', '),
      proto: protoIn(client.get('proto')),
      host: hostIn(client.get('host')),
      port,
      prefix,
      forwarded,
    }
  }
  return {
    forwardedFor: forwardedFor ?? addressIn(getAllHeaders(lines, 'x-real-ip') ?? ''),
    proto: protoIn(lastOf(getAllHeaders(lines, 'x-forwarded-proto'))),
    host: hostIn(lastOf(getAllHeaders(lines, 'x-forwarded-host'))),
    port,
    prefix,
    forwarded: undefined,
  }
}

/**
 * Writes the Forwarded field (RFC 7239) for the node: what a trusted proxy says, and an element for the peer. `by` is left
 * out, because it would tell nodes nothing but the gateway's own address.
 */
export function writeForwarded({ call, head, peerAddress, proxied }: Exchange): string {
  const ours = call.tls === undefined ? 'http' : 'https'
  const seen = elementOf(peerAddress, ours, head.host)
  if (proxied === undefined) return seen
  const { forwarded, forwardedFor, proto, host } = proxied
  if (forwarded !== undefined) return `${forwarded}, ${seen}`
  const texts = forwardedFor?.split(',') ?? []
  const client = texts.findLastIndex(text => addressIn(text) === call.clientAddress)
  const elements = texts.map((text, index) => {
    if (index === client) return elementOf(call.clientAddress!, proto, host)
    return elementOf(writtenAddressIn(text) ?? 'unknown', undefined, undefined)
  })
  const last = client === -1 ? elementOf(peerAddress, proto ?? ours, host ?? head.host) : seen
  return [...elements, last].join(', ')
}

function elementOf(address: string, proto: string | undefined, host: string | undefined): string {
  let text = `for=${address.includes(':') ? `"[${address}]"` : address}`
  if (host !== undefined) text += `;host=${host.includes(':') || host === '' ? `"${host}"` : host}`
  return proto === undefined ? text : `${text};proto=${proto}`
}

function hostIn(text: string | undefined): string | undefined {
  return text !== undefined && isAuthority(text) ? text : undefined
}

/** Some proxies call the protocol of a WebSocket `ws` or `wss`. */
const PROTOCOLS: ReadonlyMap<string, 'http' | 'https'> = new Map([
  ['http', 'http'],
  ['https', 'https'],
  ['ws', 'http'],
  ['wss', 'https'],
])

function protoIn(text: string | undefined): 'http' | 'https' | undefined {
  return text === undefined ? undefined : PROTOCOLS.get(text.toLowerCase())
}

function portIn(text: string | undefined): string | undefined {
  return text !== undefined && /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535 ? text : undefined
}

/** RFC 3986 section 3.3, whole segments. */
const PATH = /^(?:\/[A-Za-z0-9._~!$&'()*+;=:@%-]+)+$/

function prefixIn(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  let prefix = ''
  for (const part of text.split(',')) {
    const path = part.trim()
    const bare = path.endsWith('/') ? path.slice(0, -1) : path
    if (bare === '') continue
    const read = PATH.test(bare) ? canonicalTarget(bare) : undefined
    if (read?.target !== bare || read.hasEncodedSlash) return undefined
    prefix += bare
  }
  return prefix === '' ? undefined : prefix
}

const VISIBLE = /^[\t\x20-\x7e]*$/

/** Returns undefined for a list that is empty or could not be sent on. */
function listIn(text: string | undefined): string | undefined {
  return text !== undefined && VISIBLE.test(text) && /[^\s,]/.test(text) ? text : undefined
}

function lastOf(list: string | undefined): string | undefined {
  return list?.slice(list.lastIndexOf(',') + 1).trim()
}

function clientOf(elements: readonly Element[], isTrustedProxy: (address: string) => boolean): Element {
  let client = elements.length - 1
  while (client > 0 && isTrusted(elements[client]!, isTrustedProxy)) client--
  return elements[client]!
}

/** Returns undefined for `unknown` and for the obfuscated names that RFC 7239 allows. */
function addressOf(element: Element): string | undefined {
  return addressIn(element.get('for') ?? '')
}

function isTrusted(element: Element, isTrustedProxy: (address: string) => boolean): boolean {
  const address = addressOf(element)
  return address !== undefined && isTrustedProxy(address)
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
/** Has no escapes, because neither an address nor a host needs one. */
const QUOTED = /"([^"\\]*)"/y
const SPACE = /[ \t]*/y

/** Returns undefined unless the whole text follows RFC 7239 section 4. */
function parse(text: string): readonly Element[] | undefined {
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found) at += found[0].length
    return found ?? undefined
  }
  const elements: Element[] = []
  for (;;) {
    const element = new Map<string, string>()
    do {
      take(SPACE)
      const name = take(TOKEN)?.[0].toLowerCase()
      if (name === undefined || text[at] !== '=' || element.has(name)) return undefined
      at++
      const value = take(QUOTED)?.[1] ?? take(TOKEN)?.[0]
      if (value === undefined) return undefined
      element.set(name, value)
      take(SPACE)
    } while (text[at] === ';' && ++at)
    elements.push(element)
    if (at === text.length) return elements
    if (text[at] !== ',') return undefined
    at++
  }
}
