import { StringDecoder } from 'node:string_decoder'
import { isTooDeep, TOO_DEEP } from '../../internal/text/json.ts'
import { EtcdError } from './errors.ts'

/**
 * Divides a body into JSON documents, which follow each other with or without white space in between. Each is handed on as
 * soon as its last brace is there, since the client may wait for the answer before it sends the next.
 */
export class JsonDocuments {
  readonly #maxChars: number
  readonly #decoder = new StringDecoder('utf8')
  /** What has come of the document that is not complete. */
  #pieces: string[] = []
  #chars = 0
  #depth = 0
  #isInString = false
  #isEscaped = false

  /** @param maxChars a longer document is refused */
  constructor(maxChars: number) {
    this.#maxChars = maxChars
  }

  /**
   * Returns the documents that are complete with these bytes.
   *
   * @throws EtcdError when one is too long, or begins with anything but a brace
   */
  add(bytes: Buffer): string[] {
    const text = this.#decoder.write(bytes)
    const documents: string[] = []
    let from = 0
    for (let at = 0; at < text.length; at++) {
      if (!this.#isLast(text[at]!)) continue
      documents.push(this.#pieces.join('') + text.slice(from, at + 1))
      this.#pieces = []
      this.#chars = 0
      from = at + 1
    }
    this.#pieces.push(text.slice(from))
    this.#chars += text.length - from
    if (this.#chars > this.#maxChars) throw tooLong()
    return documents
  }

  /** @throws EtcdError when the last document is not complete */
  end(): void {
    if (this.#depth > 0) throw new EtcdError('INVALID_ARGUMENT', 'the body ends within a JSON document')
  }

  /** Returns whether a character ends the document. */
  #isLast(character: string): boolean {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false
      else if (character === '\\') this.#isEscaped = true
      else if (character === '"') this.#isInString = false
      return false
    }
    switch (character) {
      case '{':
      case '[':
        this.#depth++
        return false
      case '}':
      case ']':
        return --this.#depth === 0
      case '"':
        this.#isInString = true
        break
    }
    if (this.#depth > 0 || /\s/.test(character)) return false
    throw new EtcdError('INVALID_ARGUMENT', 'the body must be JSON objects, one after the other')
  }
}

/**
 * Parses a document. A number that JavaScript cannot hold exactly becomes its text, since it may be the id of a lease.
 *
 * @throws EtcdError when it is not JSON, or nested too deep
 */
export function parseRequest(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text, keepExact)
  } catch (error) {
    throw new EtcdError('INVALID_ARGUMENT', `the body is not JSON: ${(error as Error).message}`)
  }
  if (isTooDeep(value)) throw new EtcdError('INVALID_ARGUMENT', `the body ${TOO_DEEP}`)
  return value
}

function keepExact(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) ? (context?.source ?? value) : value
}

export function tooLong(): EtcdError {
  return new EtcdError('RESOURCE_EXHAUSTED', 'the body is larger than 8 MiB')
}
