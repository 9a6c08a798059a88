import type { LoadResult } from './load.ts'

export interface Round extends LoadResult {
  readonly cpuMicrosPerRequest: number
}

export interface Contender {
  readonly name: string
  readonly pid: number
  readonly url: string
  readonly rounds: Round[]
}

/** A Markdown table of medians; ratios are against the first contender, medians of the ratio in each round. */
export function formatReport(contenders: readonly Contender[]): string {
  const base = contenders[0]!
  const rows = contenders.map(({ name, rounds }) => {
    const of = (value: (round: Round) => number) => median(rounds.map(value))
    const speed = median(
      rounds.map((round, i) => round.requestsPerSecond / base.rounds[i]!.requestsPerSecond),
    )
    const cost = median(
      rounds.map((round, i) => base.rounds[i]!.cpuMicrosPerRequest / round.cpuMicrosPerRequest),
    )
    return [
      name,
      of(round => round.requestsPerSecond).toFixed(0),
      `${speed.toFixed(2)}x`,
      of(round => round.cpuMicrosPerRequest).toFixed(1),
      `${cost.toFixed(2)}x`,
      best(rounds).toFixed(1),
      `${(best(base.rounds) / best(rounds)).toFixed(2)}x`,
      of(round => round.p50Ms).toFixed(1),
      of(round => round.p99Ms).toFixed(1),
      String(rounds.reduce((sum, round) => sum + round.failed, 0)),
    ]
  })
  const head = [
    '',
    'requests/s',
    'ratio',
    'CPU µs/request',
    'ratio',
    'best CPU µs',
    'ratio',
    'p50 ms',
    'p99 ms',
    'failed',
  ]
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n')
}

/** CPU time in the round that was disturbed least. */
function best(rounds: readonly Round[]): number {
  return Math.min(...rounds.map(round => round.cpuMicrosPerRequest))
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}
