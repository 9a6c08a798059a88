import { OurReader } from './read-ours.ts'

export interface ReceivedAnswer {
  readonly status: number
  /** Flat, names in lower case. */
  readonly headers: readonly string[]
  readonly body: string
  /** False when the connection ended in its middle. */
  readonly isWhole: boolean
}

/**
 * What a client has received on one connection; interim answers are passed over.
 *
 * @param methods of the requests, in order; GET for those behind them
 * @returns undefined when something in it is no answer
 */
export function readAnswers(bytes: string, methods: readonly string[]): ReceivedAnswer[] | undefined {
  const answers: ReceivedAnswer[] = []
  for (let rest = bytes; rest !== ''; ) {
    const { outcome, reason, status, headers, body, end } = new OurReader().read(
      methods[answers.length] ?? 'GET',
      rest,
      [],
    )
    // The gateway has added lines of its own to a head that was just not too large.
    if (outcome === 'refused') return reason === 'the head of the answer is too large' ? answers : undefined
    // Of a head that was cut off there is nothing to see.
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
