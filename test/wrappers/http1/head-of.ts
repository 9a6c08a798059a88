import assert from 'node:assert/strict'
import { type AnswerHead, readAnswerHead } from '../../../wrappers/http1/answer-head.ts'
import { InvalidAnswer } from '../../../wrappers/transport/answer-rules.ts'

/** Reads a head from its lines, the status line first, each without its CRLF. */
export function headOf(lines: readonly string[], method = 'GET'): AnswerHead {
  const text = lines.map(line => `${line}\r\n`).join('')
  return readAnswerHead(text, 0, text.length, method)
}

export const withLines = (...lines: string[]): AnswerHead => headOf(['HTTP/1.1 200 OK', ...lines])

/** Asserts that these lines are refused, with a message that includes this one. */
export function refusal(message: string, ...lines: string[]): void {
  assert.throws(
    () => headOf(lines),
    error => error instanceof InvalidAnswer && error.message.includes(message),
    JSON.stringify(lines),
  )
}
