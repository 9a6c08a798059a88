import type { Measured, Measurement, Round } from './measure.ts'

/** Medians over the rounds. Ratios compare with the first contender, and are above 1 when this one is better. */
export interface Line {
  readonly name: string
  readonly version?: string
  readonly requestsPerSecond: number
  /** The median of the ratios of all rounds. */
  readonly speedRatio: number
  readonly cpuMicrosPerRequest: number
  readonly cpuRatio: number
  /** CPU time per request in the round with the least. */
  readonly leastCpuMicrosPerRequest: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Failed requests of all rounds together. */
  readonly failed: number
}

/** Returns one line per contender. */
export function summarize(measured: readonly Measured[]): Line[] {
  const base = measured[0]?.rounds ?? []
  return measured.map(({ name, version, rounds }) => {
    const of = (value: (round: Round) => number) => median(rounds.map(value))
    return {
      name,
      ...(version !== undefined && { version }),
      requestsPerSecond: of(round => round.requestsPerSecond),
      speedRatio: median(rounds.map((round, i) => round.requestsPerSecond / base[i]!.requestsPerSecond)),
      cpuMicrosPerRequest: of(round => round.cpuMicrosPerRequest),
      cpuRatio: median(rounds.map((round, i) => base[i]!.cpuMicrosPerRequest / round.cpuMicrosPerRequest)),
      leastCpuMicrosPerRequest: Math.min(...rounds.map(round => round.cpuMicrosPerRequest)),
      p50Ms: of(round => round.p50Ms),
      p99Ms: of(round => round.p99Ms),
      failed: rounds.reduce((sum, round) => sum + round.failed, 0),
    }
  })
}

/** Returns the lines as a Markdown table, followed by the contenders that were left out. */
export function formatReport(lines: readonly Line[], leftOut: Measurement['leftOut']): string {
  const head = [
    '',
    'requests/s',
    'ratio',
    'CPU µs/request',
    'ratio',
    'least CPU µs',
    'p50 ms',
    'p99 ms',
    'failed',
  ]
  const rows = lines.map(line => [
    line.version === undefined ? line.name : `${line.name} (${line.version})`,
    line.requestsPerSecond.toFixed(line.requestsPerSecond < 1_000 ? 1 : 0),
    `${line.speedRatio.toFixed(2)}x`,
    line.cpuMicrosPerRequest.toFixed(1),
    `${line.cpuRatio.toFixed(2)}x`,
    line.leastCpuMicrosPerRequest.toFixed(1),
    digits(line.p50Ms),
    digits(line.p99Ms),
    String(line.failed),
  ])
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const table = [row(head), row(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(row)]
  return [...table, ...leftOut.map(({ name, reason }) => `\n${name} is left out: ${reason}`)].join('\n')
}

function digits(ms: number): string {
  return ms.toFixed(ms < 10 ? 2 : 1)
}

/** Returns the middle value, or the mean of the two middle values. NaN when there is none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}
