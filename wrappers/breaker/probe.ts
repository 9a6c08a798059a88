import type { CallEnd, Outcome } from '../../internal/upstream.ts'
import { countsAgainstNode } from './failures.ts'
import { isJudgedLater, watchCall } from './watch-call.ts'

/** What a probe has shown of its node: a failure, an answer, or nothing. */
export type ProbeEnd =
  | { readonly shows: 'failure'; readonly error: unknown }
  | {
      readonly shows: 'answer'
      readonly isFailure: boolean
      /** When the answer or its first message came, on the monotonic clock. */
      readonly at: number
      readonly requestLine: string | undefined
    }
  | { readonly shows: 'nothing' }

export interface ProbeRules {
  /** Whether an answer counts as a failure by its status. */
  isFailure(outcome: Outcome): boolean
  /** Whether a call failed, by how it ended; undefined = that says nothing. */
  isFailedCall(end: CallEnd): boolean | undefined
  /** How long to wait, milliseconds. A stream may be silent for as long as it lives, and no other probe is sent meanwhile. */
  readonly patienceMs: number
}

/**
 * Resolves as soon as a probe has shown something, and never rejects. A call that is answered, but without a message for so
 * long, shows that the node answers calls.
 */
export function watchProbe(trying: Promise<Outcome>, rules: ProbeRules): Promise<ProbeEnd> {
  return new Promise(resolve => {
    let answered: Outcome | undefined
    const end = (shown: ProbeEnd) => {
      clearTimeout(timer)
      resolve(shown)
    }
    const judge = ({ requestLine }: Outcome, isFailure: boolean | undefined, at: number) =>
      end(isFailure === undefined ? { shows: 'nothing' } : { shows: 'answer', isFailure, at, requestLine })
    const timer = setTimeout(() => {
      if (answered) judge(answered, false, performance.now())
      else end({ shows: 'nothing' })
    }, rules.patienceMs).unref()
    trying.then(
      outcome => {
        answered = outcome
        if (!isJudgedLater(outcome)) judge(outcome, rules.isFailure(outcome), performance.now())
        else
          watchCall(
            outcome,
            true,
            (callEnd, firstAt) => judge(outcome, rules.isFailedCall(callEnd), firstAt),
            firstAt => judge(outcome, false, firstAt),
          )
      },
      // When the client left before the answer, the probe showed nothing.
      error => end(countsAgainstNode(error) ? { shows: 'failure', error } : { shows: 'nothing' }),
    )
  })
}
