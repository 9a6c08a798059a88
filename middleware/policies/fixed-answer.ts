import { GatewayError } from '../../internal/http/errors.ts'
import type { Exchange, Policy } from '../../internal/policy.ts'
import { compileTemplate, contentTypeOf, encodeForHeader, encoderFor } from '../../internal/template.ts'
import type { UpstreamResponse } from '../../internal/upstream.ts'
import { createWholeResponse } from '../../internal/whole-response.ts'

/** An answer that is written in a route document. */
export interface FixedAnswerRule {
  /** Default: 200. */
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** A text, or any other JSON value, which is sent as JSON. */
  readonly body?: unknown
  /** Whether texts of the body, and values of headers, are templates. Default: false. */
  readonly template?: boolean | undefined
  /** How long the client waits for it. Default: 0. */
  readonly delayMs?: number | undefined
}

export interface MockRule extends FixedAnswerRule {
  /** How many of a hundred requests are answered so. Default: 100. */
  readonly percent?: number | undefined
}

export interface FixedAnswerTools {
  readonly delays: Delays
}

const MAX_DELAYS = 10_000

/** Lets answers wait, so many at a time. One that comes when there is no place for it does not wait. */
export class Delays {
  readonly #max: number
  #waiting = 0

  constructor(max = MAX_DELAYS) {
    this.#max = max
  }

  /**
   * Resolves when the time is over, or the client leaves. Returns undefined when there is no place to wait, or the client
   * has left before.
   */
  wait(ms: number, { response }: Exchange): Promise<void> | undefined {
    if (response.destroyed || this.#waiting >= this.#max) return undefined
    this.#waiting++
    return new Promise(resolve => {
      const timer = setTimeout(end, ms)
      response.once('close', end)
      const free = () => this.#waiting--
      let isOver = false
      function end(): void {
        if (isOver) return
        isOver = true
        clearTimeout(timer)
        free()
        resolve()
      }
    })
  }
}

/** Answers a share of the requests in place of the node. WebSockets reach the node. */
export function createMock(rule: MockRule, tools: FixedAnswerTools): Policy {
  const { percent = 100 } = rule
  const answer = compileAnswer(rule, tools.delays)
  return {
    onAuthorized: exchange => {
      // Of a request that is only asked about, nothing is left to chance.
      const isMissed = exchange.isDry ? percent < 100 : Math.random() * 100 >= percent
      if (exchange.isWebSocket || isMissed) return undefined
      return answer(exchange)
    },
  }
}

/** Answers every request of a route, after authentication. */
export function createFixedAnswer(rule: FixedAnswerRule, { delays }: FixedAnswerTools): Policy {
  return { onAuthorized: compileAnswer(rule, delays) }
}

function compileAnswer(
  rule: FixedAnswerRule,
  delays: Delays,
): (exchange: Exchange) => UpstreamResponse | Promise<UpstreamResponse> {
  const { delayMs = 0 } = rule
  const make = rule.template ? compileTemplates(rule) : compileFixed(rule)
  if (delayMs === 0) return make
  return exchange => {
    const response = make(exchange)
    if (exchange.isDry) return response
    return delays.wait(delayMs, exchange)?.then(() => response) ?? response
  }
}

function compileFixed(rule: FixedAnswerRule): () => UpstreamResponse {
  const { status = 200, body = '' } = rule
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = createWholeResponse(status, [...headersOf(rule).flat(), ...MARK], Buffer.from(text))
  return () => response
}

/** The function that it returns throws a GatewayError for a body that becomes too long. */
function compileTemplates(rule: FixedAnswerRule): (exchange: Exchange) => UpstreamResponse {
  const { status = 200, body } = rule
  const headers = headersOf(rule)
  const fields = headers.map(([name, value]) => ({ name, template: compileTemplate(value) }))
  const [, contentType = ''] = headers.find(isContentType) ?? []
  const pieces = compileBody(body, contentType)
  return exchange => {
    const lines: string[] = []
    for (const { name, template } of fields) {
      const value = template.render(exchange, encodeForHeader)
      if (value !== undefined) lines.push(name, value)
    }
    return createWholeResponse(status, [...lines, ...MARK], Buffer.from(render(pieces, exchange)))
  }
}

/** Tells clients that no node has answered. */
const MARK = ['x-waygate-mock', '1']

function headersOf({ headers = {}, body }: FixedAnswerRule): (readonly [name: string, value: string])[] {
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
  if (body === undefined) return []
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
