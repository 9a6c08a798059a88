import type { Check, DoctorFinding } from './finding.ts'
import { refusalReason } from './refusal.ts'
import { NotInTimeError, within } from './within.ts'

/** What a check finds, or that it did not come to its end. */
export async function guard(
  check: Check,
  look: () => Promise<DoctorFinding[]>,
  withinMs: number,
): Promise<DoctorFinding[]> {
  try {
    return await within(withinMs, look())
  } catch (error) {
    // A mistake of ours is no finding about etcd.
    if (error instanceof TypeError) throw error
    return [unfinished(check, error)]
  }
}

/** What is said of a check that did not come to its end. */
export function unfinished(check: Check, error: unknown): DoctorFinding {
  const message = `${check} could not be looked at: ${refusalReason(error)}`
  const hint =
    error instanceof NotInTimeError
      ? 'etcd, or the way to it, is overloaded or cut off: look at the other findings, and run the doctor again'
      : 'look at the other findings first'
  return { check, level: 'problem', message, hint }
}
