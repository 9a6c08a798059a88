import { addressIn } from './client-address.ts'

/** What `X-Forwarded-For`, `-Proto` and `-Host` would say. */
export interface ForwardedFields {
  readonly forwardedFor: string | undefined
  readonly forwardedProto: string | undefined
  readonly forwardedHost: string | undefined
}

/** What one proxy has written down; names in lower case. */
type Element = ReadonlyMap<string, string>

const NOTHING: ForwardedFields = {
  forwardedFor: undefined,
  forwardedProto: undefined,
  forwardedHost: undefined,
}

/**
 * Reads a `Forwarded` header (RFC 7239) that a trusted proxy has sent, as the older fields would say it. Protocol and
 * host are of the element whose `for` is the client: the last that is no trusted proxy. A header that is not well formed
 * says nothing.
 */
export function readForwarded(text: string, isTrustedProxy: (address: string) => boolean): ForwardedFields {
  const elements = parse(text)
  if (!elements) return NOTHING
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

/** Undefined for `unknown`, and for names that a proxy makes up to say nothing. */
function addressOf(element: Element): string | undefined {
  return addressIn(element.get('for') ?? '')
}

function isTrusted(element: Element, isTrustedProxy: (address: string) => boolean): boolean {
  const address = addressOf(element)
  return address !== undefined && isTrustedProxy(address)
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
/** No escapes: what needs one is neither an address nor a host. */
const QUOTED = /"([^"\\]*)"/y
const VISIBLE = /^[\x21-\x7e]+$/
const SPACE = /[ \t]*/y

/** Undefined unless all of it is as RFC 7239 section 4 has it. */
function parse(text: string): readonly Element[] | undefined {
  let at = 0
  const take = (what: RegExp): RegExpExecArray | undefined => {
    what.lastIndex = at
    const found = what.exec(text)
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
