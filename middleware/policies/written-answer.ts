import { GatewayError } from '../../internal/http/errors.ts'
import type { Exchange } from '../../internal/policy.ts'
import { compileTemplate, contentTypeOf, encodeForHeader, encoderFor } from '../../internal/template.ts'

/** An answer that is written in a route document, but for its status. */
export interface WrittenRule {
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** A text, or any other JSON value, which is sent as JSON. */
  readonly body?: unknown
  /** Whether texts of the body, and values of headers, are templates. Default: false. */
  readonly template?: boolean | undefined
}

/** An answer as it is sent. */
export interface WrittenAnswer {
  /** Flat; with a content type if there is a body. */
  readonly headers: readonly string[]
  /** Undefined when the rule has none. */
  readonly body: Buffer | undefined
}

/** Returns what writes the answers to requests. It throws a GatewayError for a body that becomes too long. */
export function compileWritten(rule: WrittenRule): (exchange: Exchange) => WrittenAnswer {
  const { body } = rule
  const headers = headersOf(rule)
  if (!rule.template) {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const written = { headers: headers.flat(), body: text === undefined ? undefined : Buffer.from(text) }
    return () => written
  }
  const fields = headers.map(([name, value]) => ({ name, template: compileTemplate(value) }))
  const [, contentType = ''] = headers.find(isContentType) ?? []
  const pieces = body === undefined ? undefined : compileBody(body, contentType)
  return exchange => {
    const lines: string[] = []
    for (const { name, template } of fields) {
      const value = template.render(exchange, encodeForHeader)
      if (value !== undefined) lines.push(name, value)
    }
    return { headers: lines, body: pieces && Buffer.from(render(pieces, exchange)) }
  }
}

function headersOf({ headers = {}, body }: WrittenRule): (readonly [name: string, value: string])[] {
  const written = Object.entries(headers)
  if (body === undefined || written.some(isContentType)) return written
  return [...written, ['content-type', contentTypeOf(body)]]
}

function isContentType([name]: readonly [string, string]): boolean {
  return name.toLowerCase() === 'content-type'
}

/** A piece of a body: text, or what makes it. The latter returns undefined for a result that is too long. */
type Piece = string | ((exchange: Exchange) => string | undefined)

const MAX_BODY_LENGTH = 65_536
const TOO_LONG = new GatewayError('WG_BAD_REQUEST', {
  detail: 'The answer of this route would have too much of the request in it.',
  cause: new Error('the result of a template is too long'),
})

/** @throws GatewayError WG_BAD_REQUEST for a result that is too long */
function render(pieces: readonly Piece[], exchange: Exchange): string {
  let text = ''
  for (const piece of pieces) {
    const added = typeof piece === 'string' ? piece : piece(exchange)
    if (added === undefined || text.length + added.length > MAX_BODY_LENGTH) throw TOO_LONG
    text += added
  }
  return text
}

function compileBody(body: unknown, contentType: string): Piece[] {
  if (typeof body !== 'string') return [...jsonPieces(body)]
  const template = compileTemplate(body)
  const encode = encoderFor(contentType)!
  return [exchange => template.render(exchange, encode)]
}

/** Yields a JSON value whose texts are templates. A result becomes a JSON string as a whole, so it cannot end it. */
function* jsonPieces(value: unknown): Generator<Piece> {
  if (typeof value === 'string') {
    const template = compileTemplate(value)
    yield exchange => {
      const result = template.render(exchange, text => text)
      return result === undefined ? undefined : JSON.stringify(result)
    }
  } else if (typeof value !== 'object' || value === null) yield JSON.stringify(value)
  else {
    const isList = Array.isArray(value)
    yield isList ? '[' : '{'
    for (const [index, [key, member]] of Object.entries(value).entries()) {
      if (index > 0) yield ','
      if (!isList) yield `${JSON.stringify(key)}:`
      yield* jsonPieces(member)
    }
    yield isList ? ']' : '}'
  }
}
