import { OurReader } from './read-ours.ts'
import type { Interim } from './reading.ts'

export interface ReceivedAnswer {
  readonly status: number
  /** Flat, names in lower case. */
  readonly headers: readonly string[]
  /** The interim answers before it. */
  readonly interims: readonly Interim[]
  readonly body: string
  /** Flat. */
  readonly trailers: readonly string[]
  /** False when the connection ended in the middle of the answer. */
  readonly isWhole: boolean
}

/**
 * Reads the answers that a client has received on one connection, each with the interim answers before it.
 *
 * @param methods of the requests, in order; further answers are read as answers to GET
 * @returns undefined when the bytes contain something that is not an answer
 */
export function readAnswers(bytes: string, methods: readonly string[]): ReceivedAnswer[] | undefined {
  const answers: ReceivedAnswer[] = []
  for (let rest = bytes; rest !== ''; ) {
    const { outcome, reason, status, headers, interims, body, trailers, end } = new OurReader().read(
      methods[answers.length] ?? 'GET',
      rest,
      [],
    )
    // The gateway has added headers to a head that was just below the limit.
    if (outcome === 'refused')
      return reason === 'the head of the answer is too large for upstream.answerHeadBytes'
        ? answers
        : undefined
    // A truncated head shows nothing.
    if (status === 0) return answers
    answers.push({
      status,
      headers: headers.map((each, i) => (i % 2 ? each : each.toLowerCase())),
      interims,
      body,
      trailers,
      isWhole: outcome === 'whole',
    })
    if (outcome === 'partial') return answers
    rest = rest.slice(end)
  }
  return answers
}
