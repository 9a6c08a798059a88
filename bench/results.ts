import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join, relative } from 'node:path'
import { formatVerdicts, type Verdict } from './budgets.ts'
import { drawChart } from './chart.ts'
import { LOAD_TOOL } from './load.ts'
import type { Effort, Measurement } from './measure.ts'
import { formatReport, type Line } from './report.ts'
import type { Scenario } from './scenario.ts'

const folder = join(import.meta.dirname, 'results')

/** The saved result of one run of a scenario. */
export interface Result {
  readonly scenario: string
  readonly title: string
  readonly date: string
  /** The parameters, tools and machine of the run. */
  readonly setting: string
  readonly lines: readonly Line[]
  readonly measurement: Measurement
  /** Whether contenders with a budget keep it. */
  readonly verdicts: readonly Verdict[]
}

/** Creates the result of a scenario. */
export function createResult(
  { name, title, load: { connections, http2 } }: Scenario,
  { rounds, seconds, warmUpSeconds }: Effort,
  lines: readonly Line[],
  measurement: Measurement,
  verdicts: readonly Verdict[],
): Result {
  const setting = [
    `${connections} connections${http2 ? ` with ${http2.streams} streams each` : ''}`,
    `${rounds} rounds of ${seconds} s after ${warmUpSeconds} s of warming up`,
    http2 ? 'HTTP/2 client of the benchmark' : LOAD_TOOL,
    `Node ${process.version.slice(1)}`,
    `${cpus().length} cores (${cpus()[0]?.model})`,
    `load average ${loadavg()[0]!.toFixed(1)}`,
  ].join(', ')
  return {
    scenario: name,
    title,
    date: new Date().toISOString().slice(0, 10),
    setting,
    lines,
    measurement,
    verdicts,
  }
}

/** Formats a result as Markdown: a heading and a table, and one of the budgets where there are any. */
export function formatResult({ title, date, setting, lines, measurement, verdicts }: Result): string {
  const report = formatReport(lines, measurement.leftOut)
  return `## ${title}\n\n${date}, ${setting}:\n\n${report}\n${formatVerdicts(verdicts)}`
}

/**
 * Writes `SCENARIO.json` and `SCENARIO.md`: to `results/recorded` if the run is recorded, and otherwise to a new folder that
 * git ignores. A recorded run of `get` is also drawn as a chart.
 */
export function saveResults(results: readonly Result[], record: boolean): void {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  const target = join(folder, record ? 'recorded' : stamp)
  mkdirSync(target, { recursive: true })
  for (const result of results) {
    writeFileSync(join(target, `${result.scenario}.json`), `${JSON.stringify(result, undefined, 2)}\n`)
    writeFileSync(join(target, `${result.scenario}.md`), formatResult(result))
    if (record && result.scenario === 'get') {
      const chart = drawChart(
        'Requests per second on one core',
        `${result.title}; against ${result.lines[0]?.name}. ${result.date}, Node ${process.version.slice(1)}`,
        result.lines,
      )
      writeFileSync(join(import.meta.dirname, '../docs/benchmarks.svg'), chart)
    }
  }
  console.error(`written to ${relative(process.cwd(), target)}`)
}
