import { mediaTypeOf } from './http/media-types.ts'
import type { Exchange } from './policy.ts'
import { type Captures, findRawVariable, findVariable, type ReadVariable } from './template-variables.ts'

/** A longer result is no result. */
const MAX_RESULT_LENGTH = 8 * 1024

/** Text, or a variable with what stands in for it when it is absent. */
type Part = string | { readonly variable: string; readonly fallback: string | undefined }

/** A text with variables of the request in it, such as `user-{identity.subject|nobody}`. */
export interface Template {
  /**
   * Fills the variables in. Returns undefined when a variable without a default is absent, and when the result is over
   * 8 KiB.
   *
   * @param encode makes a value safe for the place it lands in; the template's own text is not encoded
   */
  render(exchange: Exchange, encode: (value: string) => string): string | undefined
  /**
   * Fills the variables in for a place in a path. What comes from the path of the request stays as it is spelled there;
   * every other value becomes part of a segment, its slashes and percent signs encoded.
   */
  renderPath(exchange: Exchange, captures?: Captures): string | undefined
}

/** What is wrong with a template; `variable` is set when nothing is called so. */
export interface TemplateProblem {
  readonly message: string
  readonly variable?: string
}

/** Returns the variables of a template, as they are written; none when it is malformed. */
export function variablesOf(text: string): string[] {
  return (parse(text) ?? []).flatMap(part => (typeof part === 'string' ? [] : part.variable))
}

export function variablesWithoutDefault(text: string): string[] {
  return (parse(text) ?? []).flatMap(part =>
    typeof part === 'string' || part.fallback !== undefined ? [] : part.variable,
  )
}

/** Returns a template's own text, with `value` in place of every variable. */
export function sampleOf(text: string, value: string): string {
  return (parse(text) ?? []).map(part => (typeof part === 'string' ? part : value)).join('')
}

/** Returns where a template's own text has one of some characters for the first time; -1 = it has none. */
export function findInOwnText(text: string, characters: string): number {
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '{' && text[i + 1] === '{') i++
    else if (text[i] === '{') i = Math.max(i, text.indexOf('}', i))
    else if (characters.includes(text[i]!)) return i
  }
  return -1
}

/** Returns what is wrong with a template; undefined when nothing is. */
export function findTemplateProblem(text: string): TemplateProblem | undefined {
  const parts = parse(text)
  if (parts === undefined)
    return { message: 'has a "{" without its "}"; write "{{" for the character itself' }
  for (const part of parts) {
    if (typeof part === 'string') continue
    try {
      if (!findVariable(part.variable))
        return { message: `has an unknown variable {${part.variable}}`, variable: part.variable }
    } catch (error) {
      return { message: `{${part.variable}} ${(error as Error).message}` }
    }
  }
  return undefined
}

/** @throws TypeError when `findTemplateProblem` finds something */
export function compileTemplate(text: string): Template {
  const problem = findTemplateProblem(text)
  if (problem) throw new TypeError(problem.message)
  const parts = parse(text)!.map(part => (typeof part === 'string' ? part : compilePart(part)))
  const pathParts = parts.map(part => (typeof part === 'string' ? encodeOwnText(part) : part))
  return {
    render: (exchange, encode) =>
      join(parts, ({ read, fallback }) => {
        const value = read(exchange) ?? fallback
        return value === undefined ? undefined : encode(value)
      }),
    renderPath: (exchange, captures) =>
      join(pathParts, ({ read, readRaw, fallback }) => {
        const raw = readRaw?.(exchange, captures)
        if (raw !== undefined) return raw
        const value = read(exchange, captures) ?? fallback
        return value === undefined ? undefined : encodeForUrl(value)
      }),
  }
}

function join(
  parts: readonly (string | CompiledPart)[],
  write: (part: CompiledPart) => string | undefined,
): string | undefined {
  let result = ''
  for (const part of parts) {
    const piece = typeof part === 'string' ? part : write(part)
    if (piece === undefined) return undefined
    result += piece
  }
  return result.length > MAX_RESULT_LENGTH ? undefined : result
}

interface CompiledPart {
  readonly read: ReadVariable
  /** Reads a piece of the path as it is spelled; undefined for other variables. */
  readonly readRaw: ReadVariable | undefined
  readonly fallback: string | undefined
}

function compilePart({ variable, fallback }: Exclude<Part, string>): CompiledPart {
  return { read: findVariable(variable)!, readRaw: findRawVariable(variable), fallback }
}

/** Writes a value as a part of a path segment, or of the name or value of a query parameter (RFC 3986 section 2). */
export function encodeForUrl(value: string): string {
  return encodeURIComponent(value.toWellFormed())
}

/** Returns the content type of a body that is written in a document, where the document names none. */
export function contentTypeOf(body: unknown): string {
  return typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json'
}

/**
 * Returns the function that writes values so that they stay what they are in a text of this content type: within their
 * string in JSON. Undefined for a type in which we cannot tell what a value would be.
 */
export function encoderFor(contentType: string): ((value: string) => string) | undefined {
  const type = mediaTypeOf(contentType)
  if (type === 'text/plain') return value => value
  return /^application\/(?:[^\s/]+\+)?json$/.test(type) ? encodeForJson : undefined
}

function encodeForJson(value: string): string {
  return JSON.stringify(value).slice(1, -1)
}

/** Encodes what a person may write in the text of a path but no request may have; escapes stay as they are. */
function encodeOwnText(text: string): string {
  return text.replace(/[^\x21-\x7e]+/g, encodeForUrl)
}

/** Writes a value so that it stays within its header line: bytes other than printable ASCII become `%XX`. */
export function encodeForHeader(value: string): string {
  // Faster than a pattern for the short values that headers have.
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code < 0x20 || code > 0x7e) return encodeBytes(value)
  }
  return value
}

function encodeBytes(value: string): string {
  return Buffer.from(value).reduce(
    (text, byte) =>
      text +
      (byte >= 0x20 && byte <= 0x7e
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`),
    '',
  )
}

/** Undefined when a brace is not closed. */
function parse(text: string): readonly Part[] | undefined {
  const parts: Part[] = []
  let literal = ''
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '{') literal += text[i]
    else if (text[i + 1] === '{') {
      literal += '{'
      i++
    } else {
      const end = text.indexOf('}', i)
      if (end === -1) return undefined
      const [variable = '', ...fallback] = text.slice(i + 1, end).split('|')
      if (literal !== '') parts.push(literal)
      literal = ''
      parts.push({ variable, fallback: fallback.length === 0 ? undefined : fallback.join('|') })
      i = end
    }
  }
  if (literal !== '' || parts.length === 0) parts.push(literal)
  return parts
}
