import { type Effort, type Measured, measure } from './measure.ts'
import { median } from './report.ts'
import type { Scenario } from './scenario.ts'

/** What a contender may cost more than the first one of its scenario. */
export interface Budget {
  /** More CPU time per request, microseconds. */
  readonly cpuMicros?: number
  /** The 99th percentile of the latencies as a multiple: 1.05 = 5 % more. */
  readonly p99Ratio?: number
}

/** Whether a contender keeps a budget. */
export interface Verdict {
  readonly contender: string
  readonly what: 'CPU µs/request more' | 'p99 ratio'
  readonly budget: number
  /** The median over the rounds, each compared with the round of the first contender beside it. */
  readonly measured: number
  /** By how much the first contender typically differs from itself, which is no fault. */
  readonly noise: number
  readonly rounds: number
  readonly holds: boolean
}

/** Contenders over their budget are measured again so many times, with new processes, before they fail. */
const MAX_REPEATS = 2

/** By contender, then by round: the difference in CPU time, and the ratio of the 99th percentiles. */
type Differences = Map<string, { readonly cpuMicros: number; readonly p99Ratio: number }[]>

/**
 * Judges the budgets of a scenario. Those that are over theirs are measured again beside the first contender and its control,
 * and judged by all rounds together, because other work of the machine can make any run look slow.
 */
export async function judgeBudgets(
  scenario: Scenario,
  measured: readonly Measured[],
  effort: Effort,
): Promise<Verdict[]> {
  const contenders = scenario.contenders()
  const differences: Differences = new Map()
  addDifferences(differences, measured)
  for (let repeat = 1; repeat <= MAX_REPEATS; repeat++) {
    const over = new Set(
      verdictsOf(scenario, differences)
        .filter(({ holds }) => !holds)
        .map(each => each.contender),
    )
    if (over.size === 0) break
    console.error(`${scenario.name}: over budget, measured again: ${[...over].join(', ')}`)
    const again = contenders.filter(({ name, isControl }, i) => i === 0 || isControl || over.has(name))
    addDifferences(differences, (await measure({ ...scenario, contenders: () => again }, effort)).measured)
  }
  return verdictsOf(scenario, differences)
}

function addDifferences(differences: Differences, measured: readonly Measured[]): void {
  const base = measured[0]?.rounds ?? []
  for (const { name, rounds } of measured.slice(1)) {
    const list = differences.get(name) ?? []
    differences.set(name, list)
    for (const [i, round] of rounds.entries()) {
      const beside = base[i]
      if (beside === undefined) continue
      list.push({
        cpuMicros: round.cpuMicrosPerRequest - beside.cpuMicrosPerRequest,
        p99Ratio: round.p99Ms / beside.p99Ms,
      })
    }
  }
}

function verdictsOf(scenario: Scenario, differences: Differences): Verdict[] {
  const contenders = scenario.contenders()
  const control = differences.get(contenders.find(({ isControl }) => isControl)?.name ?? '') ?? []
  return contenders.flatMap(({ name, budget = {} }): Verdict[] => {
    const rounds = differences.get(name)
    if (rounds === undefined || rounds.length === 0) return []
    const judge = (
      what: Verdict['what'],
      most: number | undefined,
      of: keyof Budget,
      same: number,
    ): Verdict[] => {
      if (most === undefined) return []
      const value = median(rounds.map(round => round[of]))
      const noise = control.length === 0 ? 0 : median(control.map(round => Math.abs(round[of] - same)))
      const holds = value <= most + noise
      return [{ contender: name, what, budget: most, measured: value, noise, rounds: rounds.length, holds }]
    }
    return [
      ...judge('CPU µs/request more', budget.cpuMicros, 'cpuMicros', 0),
      ...judge('p99 ratio', budget.p99Ratio, 'p99Ratio', 1),
    ]
  })
}

/** Returns the verdicts as a Markdown table; '' when there is none. */
export function formatVerdicts(verdicts: readonly Verdict[]): string {
  if (verdicts.length === 0) return ''
  const rows = verdicts.map(({ contender, what, budget, measured, noise, rounds, holds }) => {
    const cells = [contender, what, measured, budget, noise, rounds, holds ? 'pass' : 'FAIL']
    return `| ${cells.map(cell => (typeof cell === 'number' && cell !== rounds ? cell.toFixed(2) : cell)).join(' | ')} |`
  })
  const head =
    '| budget | of | measured | at most | noise | rounds | |\n| --- | --- | --: | --: | --: | --: | --- |'
  return `\n${head}\n${rows.join('\n')}\n`
}
