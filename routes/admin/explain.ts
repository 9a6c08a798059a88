import { isIP } from 'node:net'

const { validateHeaderName, validateHeaderValue } = process.getBuiltinModule('node:http')

/** What `POST /api/v1/explain` is asked. */
export interface ExplainQuestion {
  readonly method: string
  /** An absolute URL whose host is that of the request, or a path. Without a host in either and in `headers`, it is `localhost`. */
  readonly url: string
  /** Header lines, flat. */
  readonly headers: readonly string[]
  /** The address of the connection. */
  readonly client: string
  /** Claims that are taken as verified; undefined = the identity is not known. */
  readonly claims: Readonly<Record<string, unknown>> | undefined
  /** Whether the credentials in the headers are verified. */
  readonly verify: boolean
}

/** One step of a request. The first one that is not `ok`, or that answers, is the last. */
export interface ExplainStep {
  readonly step: string
  readonly ok: boolean
  readonly text: string
  readonly detail?: unknown
}

/** The answer of `POST /api/v1/explain`. */
export interface ExplainPage {
  readonly steps: readonly ExplainStep[]
  /** The route that the request gets, as `/routes` shows it. */
  readonly route: { readonly id: string; readonly [field: string]: unknown } | null
  /** The documents that come closest to the request. `lost` says why it does not get them. */
  readonly candidates: readonly {
    readonly id: string
    readonly fits: boolean
    readonly lost: string | null
  }[]
  /** The nodes that could answer, with the share of requests that each one gets, in percent. */
  readonly nodes: readonly ExplainNode[]
  /** What the gateway would answer itself; null when a node would answer. */
  readonly wouldAnswer: { readonly status: number; readonly code?: string } | null
  /** The revision of the registry. */
  readonly revision: string | null
}

export interface ExplainNode {
  readonly id: string
  readonly share: number
  readonly eligible: boolean
  /** Why it gets no requests. */
  readonly why?: string
}

/** What `POST /api/v1/check` is asked: whether a route document could be written under this id. */
export interface CheckQuestion {
  readonly id: string
  readonly document: unknown
}

/** The answer of `POST /api/v1/check`. */
export interface CheckPage {
  /** Why the document would be refused; empty when it would be used. */
  readonly problems: readonly string[]
  /** What is probably not intended. */
  readonly warnings: readonly string[]
}

/**
 * Reads the body of a question about a document.
 *
 * @throws TypeError with what is wrong, for people
 */
export function readCheckQuestion(body: unknown): CheckQuestion {
  if (!isObject(body) || typeof body.id !== 'string' || !isObject(body.document)) {
    throw new TypeError('the body must be {"id": TEXT, "document": OBJECT}')
  }
  if (isDeeperThan(body.document, MAX_DEPTH)) {
    throw new TypeError(`the document is nested more than ${MAX_DEPTH} levels deep`)
  }
  return { id: body.id, document: body.document }
}

const FIELDS = ['method', 'url', 'headers', 'client', 'claims', 'verify']
/** What listeners of both versions of HTTP take for the name of a method. */
const METHOD = /^[A-Z]{1,32}(?:-[A-Z]{1,32})?$/

/**
 * Reads the body of a question.
 *
 * @throws TypeError with what is wrong, for people
 */
export function readQuestion(body: unknown): ExplainQuestion {
  if (!isObject(body)) throw new TypeError('the body must be a JSON object')
  const unknown = Object.keys(body).find(field => !FIELDS.includes(field))
  if (unknown !== undefined)
    throw new TypeError(`unknown field ${JSON.stringify(unknown)}: the fields are ${FIELDS.join(', ')}`)
  const { method = 'GET', url, headers = {}, client = '127.0.0.1', claims, verify = false } = body
  if (typeof method !== 'string' || !METHOD.test(method))
    throw new TypeError(`method must be a name in upper case, such as GET, not ${JSON.stringify(method)}`)
  if (typeof url !== 'string' || !/^(?:\/|https?:\/\/)/i.test(url))
    throw new TypeError('url must begin with / or http://')
  if (typeof client !== 'string' || isIP(client) === 0)
    throw new TypeError(`client must be an IP address, not ${JSON.stringify(client)}`)
  if (claims !== undefined && !isObject(claims)) throw new TypeError('claims must be a JSON object')
  if (typeof verify !== 'boolean') throw new TypeError('verify must be true or false')
  if (verify && claims !== undefined) throw new TypeError('claims cannot be given together with verify')
  return { method, url, headers: readHeaders(headers), client, claims, verify }
}

/** @throws TypeError when the length of a body is said so that no listener would take the request */
function checkFraming(lines: readonly string[]): void {
  const valuesOf = (name: string) =>
    lines.filter((_, i) => i % 2 === 1 && lines[i - 1]!.toLowerCase() === name)
  const [coding, ...codings] = valuesOf('transfer-encoding')
  const [length, ...lengths] = valuesOf('content-length')
  if (coding !== undefined && length !== undefined)
    throw new TypeError(
      'headers must not have Content-Length beside Transfer-Encoding: such a request is refused as malformed',
    )
  if (codings.length > 0 || (coding !== undefined && coding.toLowerCase() !== 'chunked'))
    throw new TypeError(
      'headers.transfer-encoding must be "chunked": any other request is refused as malformed',
    )
  if (lengths.length > 0 || (length !== undefined && !/^\d{1,15}$/.test(length)))
    throw new TypeError(
      'headers.content-length must be one number: any other request is refused as malformed',
    )
}

function readHeaders(headers: unknown): string[] {
  if (!isObject(headers)) throw new TypeError('headers must be an object of names and values')
  const lines = Object.entries(headers).flatMap(([name, value]) => {
    const values: unknown[] = Array.isArray(value) ? value : [value]
    return values.flatMap(each => {
      if (typeof each === 'string' && isHeader(name, each)) return [name, each]
      throw new TypeError(`headers.${name} must be a text that a header can have, or a list of them`)
    })
  })
  checkFraming(lines)
  return lines
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}

/** As deep as documents in etcd may be. */
const MAX_DEPTH = 100

function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some(inner => isDeeperThan(inner, depth - 1))
}
