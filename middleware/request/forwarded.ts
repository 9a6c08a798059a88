import { addressIn } from './client-address.ts'

/** The values of X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host. */
export interface ForwardedFields {
  readonly forwardedFor: string | undefined
  readonly forwardedProto: string | undefined
  readonly forwardedHost: string | undefined
}

/** The parameters that one proxy has added, by lower-case name. */
type Element = ReadonlyMap<string, string>

const NO_FIELDS: ForwardedFields = {
  forwardedFor: undefined,
  forwardedProto: undefined,
  forwardedHost: undefined,
}

/**
 * Translates the `Forwarded` header (RFC 7239) of a trusted proxy into the values of the older X-Forwarded-* fields.
 * Protocol and host come from the element of the client, which is the last one whose `for` is not a trusted proxy. A
 * malformed header is ignored.
 */
export function readForwarded(text: string, isTrustedProxy: (address: string) => boolean): ForwardedFields {
  const elements = parse(text)
  if (!elements) return NO_FIELDS
  let client = elements.length - 1
  while (client > 0 && isTrusted(elements[client]!, isTrustedProxy)) client--
  const proto = elements[client]?.get('proto')?.toLowerCase()
  const host = elements[client]?.get('host')
  return {
    forwardedFor: elements.map(element => addressOf(element) ?? 'unknown').join(', '),
    forwardedProto: proto === 'http' || proto === 'https' ? proto : undefined,
    forwardedHost: host !== undefined && VISIBLE.test(host) ? host : undefined,
  }
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
const VISIBLE = /^[\x21-\x7e]+$/
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
