import { StringDecoder } from 'node:string_decoder'
import { MAX_DEPTH, TOO_DEEP } from '../../internal/text/json.ts'
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
        if (this.#depth === 0) break
        return --this.#depth === 0
      case '"':
        this.#isInString = true
        break
    }
    if (this.#depth > 0 || /\s/.test(character)) return false
    throw new EtcdError('INVALID_ARGUMENT', 'the body must be JSON objects, one after the other')
  }
}

/** A number with fewer digits is held exactly. */
const MIN_LONG_DIGITS = 16
/** What may stand before a whole number, and behind one. */
const [BEFORE, BEHIND] = [/[[:,\s-]/, /[\]},\s]/]

/**
 * Parses a document. A whole number that JavaScript may not hold exactly becomes its text, since it may be the id of a lease.
 *
 * The gateway serves nobody meanwhile, so the text is looked through first: a reviver would see long numbers, too, but it takes
 * 1 µs for each value, and far longer for millions of them. So does reading what is nested deep.
 *
 * @throws EtcdError when it is not JSON, or nested too deep
 */
export function parseRequest(text: string): unknown {
  const exact = withLongNumbersAsTexts(text)
  try {
    return JSON.parse(exact)
  } catch (error) {
    throw new EtcdError('INVALID_ARGUMENT', `the body is not JSON: ${(error as Error).message}`)
  }
}

/** @throws EtcdError when the text is nested too deep */
function withLongNumbersAsTexts(text: string): string {
  const pieces: string[] = []
  let from = 0
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x22) at = endOfString(text, at)
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > MAX_DEPTH) throw new EtcdError('INVALID_ARGUMENT', `the body ${TOO_DEEP}`)
    } else if (code === 0x5d || code === 0x7d) depth--
    else if (isDigit(code)) {
      let end = at + 1
      while (isDigit(text.charCodeAt(end))) end++
      if (end - at >= MIN_LONG_DIGITS && BEFORE.test(text[at - 1] ?? '') && BEHIND.test(text[end] ?? '')) {
        const start = text[at - 1] === '-' ? at - 1 : at
        pieces.push(text.slice(from, start), `"${text.slice(start, end)}"`)
        from = end
      }
      at = end - 1
    }
  }
  return pieces.length === 0 ? text : pieces.join('') + text.slice(from)
}

/** Returns the place of the quotation mark that ends the string which begins at `at`; the end of the text when there is none. */
function endOfString(text: string, at: number): number {
  let end = text.indexOf('"', at + 1)
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end === -1 ? text.length : end
}

/** Whether an odd number of backslashes is before a place. */
function isEscaped(text: string, at: number): boolean {
  let first = at
  while (text[first - 1] === '\\') first--
  return (at - first) % 2 === 1
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

export function tooLong(): EtcdError {
  return new EtcdError('RESOURCE_EXHAUSTED', 'the body is larger than 8 MiB')
}
