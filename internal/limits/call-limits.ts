import type { RuleReport } from './rate-headers.ts'

/** What rate limits and quotas have said about one call, for the head of its answer and the log. */
export interface CallLimits {
  /** What its client is told; emptied once it was. */
  reports: RuleReport[]
  /** The rule that refused it. */
  rule: string | undefined
  /** The smallest number of requests that a rule still admits. */
  left: number | undefined
  /** Whether counters of this process stood in for those of the store. */
  isDegraded: boolean
  /** Charges that depend on the status of the answer; emptied once it is known. */
  awaiting: ((status: number) => void)[]
}
