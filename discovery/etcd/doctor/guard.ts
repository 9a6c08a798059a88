import type { Check, DoctorFinding } from './finding.ts'
import { refusalReason } from './refusal.ts'
import { NotInTimeError, within } from './within.ts'

/** Runs a check, and returns its findings, or one that says that the check failed or took too long. */
export async function guard(
  check: Check,
  look: () => Promise<DoctorFinding[]>,
  withinMs: number,
): Promise<DoctorFinding[]> {
  try {
    return await within(withinMs, look())
  } catch (error) {
    // A bug of ours is not a finding about etcd.
    if (error instanceof TypeError) throw error
    return [unfinished(check, error)]
  }
}

/** Returns the finding of a check that failed or took too long. */
export function unfinished(check: Check, error: unknown): DoctorFinding {
  const message = `${check} could not be checked: ${refusalReason(error)}`
  const hint =
    error instanceof NotInTimeError
      ? 'etcd or the network to it is overloaded or interrupted; see the other findings, and run the doctor again'
      : 'see the other findings first'
  return { check, level: 'problem', message, hint }
}
