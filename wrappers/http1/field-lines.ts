import { FORBIDDEN_IN_VALUE, TOKEN } from '../../internal/http/header-lines.ts'
import { InvalidAnswer } from '../transport/answer-rules.ts'

export function isToken(text: string): boolean {
  return TOKEN.test(text)
}

export function isFieldValue(text: string): boolean {
  return !FORBIDDEN_IN_VALUE.test(text)
}

/** Is called for each line with its name as spelled, its trimmed value, and the index behind the value. */
export type OnFieldLine = (name: string, value: string, valueEnd: number) => void

/**
 * Reads field lines, each ended by CRLF, strictly as RFC 9112 section 5 defines them: no folding, no space before the
 * colon, no bare CR or LF. `onLine` has to check the name.
 *
 * @param from index of the first line
 * @param end index behind the CRLF of the last line
 * @throws InvalidAnswer
 */
export function readFieldLines(text: string, from: number, end: number, onLine: OnFieldLine): void {
  for (let at = from; at < end; ) {
    const lineEnd = text.indexOf('\r\n', at)
    const colon = text.indexOf(':', at)
    if (colon === -1 || colon > lineEnd) throw new InvalidAnswer('a header line has no colon')
    let first = colon + 1
    let last = lineEnd
    while (first < last && isBlank(text.charCodeAt(first))) first++
    while (last > first && isBlank(text.charCodeAt(last - 1))) last--
    const value = text.slice(first, last)
    if (FORBIDDEN_IN_VALUE.test(value)) throw new InvalidAnswer('a header value has a control character')
    onLine(text.slice(at, colon), value, last)
    at = lineEnd + 2
  }
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
