import { connectionOptionsOf } from './hop-by-hop.ts'

/** The head of a request as its sender meant it. */
export interface SentHead {
  readonly method: string
  /** In origin-form, and in the form in which the gateway passes it on. */
  readonly target: string
  /** The names, in lower case, that Connection lists. */
  readonly connectionOptions: readonly string[]
  /** Whether the sender waits for 100 Continue before it sends the body. */
  readonly expectsContinue: boolean
}

/** A request as its sender meant it. */
export interface SentRequest extends SentHead {
  readonly body: string
  /** Flat, names in lower case, as they were sent. */
  readonly trailers: readonly string[]
}

interface Body {
  readonly text: string
  readonly trailers: readonly string[]
  /** Index behind it. */
  readonly end: number
}

/** llhttp silently accepts these protocol names in place of HTTP. The forwarded request is plain HTTP/1.1. */
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) +([\x21-\x7e\x80-\xff]+) +(?:HTTP|RTSP|ICE)\/1\.[01]$/
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const SIZE = /^([0-9A-Fa-f]{1,12})(?:;[\t\x20-\x7e\x80-\xff]*)?$/

/**
 * Reads the requests that are sent on one connection, strictly by RFC 9112, up to the first ambiguity. This is the
 * oracle of the fuzzer: a node must see no request that is not in this list. It may see fewer.
 *
 * @param bytes latin1
 * @param onHead is called with every head, also with one whose body is ambiguous or not whole
 */
export function readRequests(bytes: string, onHead: (head: SentHead) => void = () => {}): SentRequest[] {
  const requests: SentRequest[] = []
  for (let at = 0; ; ) {
    // Empty lines before a request are skipped (RFC 9112 section 2.2).
    while (bytes[at] === '\r' || bytes[at] === '\n') at++
    const read = readRequest(bytes, at, onHead)
    if (!read) return requests
    requests.push(read.request)
    at = read.end
  }
}

function readRequest(
  bytes: string,
  from: number,
  onHead: (head: SentHead) => void,
): { request: SentRequest; end: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n', from)
  if (headEnd === -1) return undefined
  const [start = '', ...rows] = bytes.slice(from, headEnd).split('\r\n')
  const [, method, target] = REQUEST_LINE.exec(start) ?? []
  const fields = rows.map(readField)
  if (method === undefined || target === undefined || fields.some(field => !field)) return undefined
  const valuesOf = (name: string) => fields.flatMap(field => (field?.name === name ? field.value : []))
  const lengths = valuesOf('content-length')
  const encodings = valuesOf('transfer-encoding')
  const [host = ''] = valuesOf('host')
  const head: SentHead = {
    method,
    target: canonical(originForm(target, host)),
    connectionOptions: connectionOptionsOf(fields.flatMap(field => (field ? [field.name, field.value] : []))),
    expectsContinue: valuesOf('expect').some(value => /(?:^|\W)100-continue(?:$|\W)/i.test(value)),
  }
  onHead(head)
  const body = readBody(bytes, headEnd + 4, lengths, encodings)
  if (!body) return undefined
  return {
    request: { ...head, body: body.text, trailers: body.trailers },
    end: body.end,
  }
}

function readField(row: string): { name: string; value: string } | undefined {
  const colon = row.indexOf(':')
  const [name, value] = [row.slice(0, colon), row.slice(colon + 1)]
  if (colon === -1 || !NAME.test(name) || !VALUE.test(value)) return undefined
  return { name: name.toLowerCase(), value: value.replace(/^[\t ]+/, '').replace(/[\t ]+$/, '') }
}

function readBody(
  bytes: string,
  from: number,
  lengths: readonly string[],
  encodings: readonly string[],
): Body | undefined {
  if (encodings.length > 0) {
    if (lengths.length > 0 || encodings.length > 1 || encodings[0]!.toLowerCase() !== 'chunked')
      return undefined
    return readChunks(bytes, from)
  }
  if (lengths.length === 0) return { text: '', trailers: [], end: from }
  if (lengths.length > 1 || !/^\d{1,15}$/.test(lengths[0]!)) return undefined
  const end = from + Number(lengths[0])
  return end > bytes.length ? undefined : { text: bytes.slice(from, end), trailers: [], end }
}

function readChunks(bytes: string, from: number): Body | undefined {
  let text = ''
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const size = lineEnd === -1 ? undefined : SIZE.exec(bytes.slice(at, lineEnd))?.[1]
    if (size === undefined) return undefined
    const length = Number.parseInt(size, 16)
    at = lineEnd + 2
    if (length === 0) return readTrailers(bytes, at, text)
    text += bytes.slice(at, at + length)
    at += length
    if (bytes.slice(at, at + 2) !== '\r\n') return undefined
    at += 2
  }
}

function readTrailers(bytes: string, from: number, text: string): Body | undefined {
  const trailers: string[] = []
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    if (lineEnd === at) return { text, trailers, end: at + 2 }
    const field = readField(bytes.slice(at, lineEnd))
    if (!field) return undefined
    trailers.push(field.name, field.value)
    at = lineEnd + 2
  }
}

function originForm(target: string, host: string): string {
  const [, scheme, authority, rest = ''] = /^(https?):\/\/([^/?]*)(.*)$/i.exec(target) ?? []
  if (scheme === undefined || authority === undefined) return target
  if (placeOf(authority, scheme) !== placeOf(host, scheme)) return target
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** Returns host and port in one spelling. */
function placeOf(authority: string, scheme: string): string {
  const [, host = '', port = ''] = /^(.*?)\.?(?::(\d*))?$/s.exec(authority.toLowerCase()) ?? []
  return `${host}:${Number(port || (scheme.toLowerCase() === 'https' ? 443 : 80))}`
}

/** Returns a target as the gateway passes it on: unreserved characters unescaped, and one slash for several. */
function canonical(target: string): string {
  const [path = '', ...query] = target.split('?')
  const plain = path.replace(/%([0-9a-f]{2})/gi, (found, hex) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16))
    return /[\w.~-]/.test(character) ? character : found
  })
  return [plain.replace(/\/+/g, '/'), ...query].join('?')
}
