import { type Effort, type Measured, measure } from './measure.ts'
import { median } from './report.ts'
import type { Scenario } from './scenario.ts'

/** What a contender may cost more than the first one of its scenario. */
export interface Budget {
  /** The 99th percentile of the latencies as a multiple: 1.05 = 5 % more. */
  readonly p99Ratio: number
}

/** Whether a contender keeps a budget. */
export interface Verdict {
  readonly contender: string
  readonly budget: number
  /** The median of the ratios to the round of the first contender beside it. */
  readonly measured: number
  /** By how much the first contender typically differs from itself, which is no fault. */
  readonly noise: number
  readonly rounds: number
  readonly holds: boolean
}

/** Contenders over their budget are measured again so many times, with new processes, before they fail. */
const MAX_REPEATS = 2

/** By contender: the ratio of the 99th percentiles of each round. */
type Ratios = Map<string, number[]>

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
  const ratios: Ratios = new Map()
  addRatios(ratios, measured)
  for (let repeat = 1; repeat <= MAX_REPEATS; repeat++) {
    const over = new Set(
      verdictsOf(scenario, ratios)
        .filter(({ holds }) => !holds)
        .map(each => each.contender),
    )
    if (over.size === 0) break
    console.error(`${scenario.name}: over budget, measured again: ${[...over].join(', ')}`)
    const again = contenders.filter(({ name, isControl }, i) => i === 0 || isControl || over.has(name))
    addRatios(ratios, (await measure({ ...scenario, contenders: () => again }, effort)).measured)
  }
  return verdictsOf(scenario, ratios)
}

function addRatios(ratios: Ratios, measured: readonly Measured[]): void {
  const base = measured[0]?.rounds ?? []
  for (const { name, rounds } of measured.slice(1)) {
    const list = ratios.get(name) ?? []
    ratios.set(name, list)
    for (const [i, round] of rounds.entries()) {
      if (base[i] !== undefined) list.push(round.p99Ms / base[i].p99Ms)
    }
  }
}

function verdictsOf(scenario: Scenario, ratios: Ratios): Verdict[] {
  const contenders = scenario.contenders()
  const control = ratios.get(contenders.find(({ isControl }) => isControl)?.name ?? '') ?? []
  const noise = control.length === 0 ? 0 : median(control.map(ratio => Math.abs(ratio - 1)))
  return contenders.flatMap(({ name, budget }): Verdict[] => {
    const rounds = ratios.get(name) ?? []
    if (budget === undefined || rounds.length === 0) return []
    const measured = median(rounds)
    const holds = measured <= budget.p99Ratio + noise
    return [{ contender: name, budget: budget.p99Ratio, measured, noise, rounds: rounds.length, holds }]
  })
}

/** Returns the verdicts as a Markdown table; '' when there is none. */
export function formatVerdicts(verdicts: readonly Verdict[]): string {
  if (verdicts.length === 0) return ''
  const rows = verdicts.map(({ contender, budget, measured, noise, rounds, holds }) => {
    const cells = [contender, measured, budget, noise, rounds, holds ? 'pass' : 'FAIL']
    return `| ${cells.map(cell => (typeof cell === 'number' && cell !== rounds ? cell.toFixed(2) : cell)).join(' | ')} |`
  })
  const head =
    '| 99th percentile, as a ratio | measured | at most | noise | rounds | |\n| --- | --: | --: | --: | --: | --- |'
  return `\n${head}\n${rows.join('\n')}\n`
}
