import { OurReader } from './read-ours.ts'

export interface ReceivedAnswer {
  readonly status: number
  /** Flat, names in lower case. */
  readonly headers: readonly string[]
  readonly body: string
  /** False when the connection ended in the middle of the answer. */
  readonly isWhole: boolean
}

/**
 * Reads the answers that a client has received on one connection. Interim answers are skipped.
 *
 * @param methods of the requests, in order; further answers are read as answers to GET
 * @returns undefined when the bytes contain something that is not an answer
 */
export function readAnswers(bytes: string, methods: readonly string[]): ReceivedAnswer[] | undefined {
  const answers: ReceivedAnswer[] = []
  for (let rest = bytes; rest !== ''; ) {
    const { outcome, reason, status, headers, body, end } = new OurReader().read(
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
      body,
      isWhole: outcome === 'whole',
    })
    if (outcome === 'partial') return answers
    rest = rest.slice(end)
  }
  return answers
}
