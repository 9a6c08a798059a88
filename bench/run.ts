/**
 * Compares Waygate with other proxies and gateways, and with itself in other configurations, in interleaved rounds.
 *
 *   npm run bench [-- --scenario get,post --only Waygate,nginx --rounds 7 --seconds 5 --warm-up 10 --record]
 *
 * `--scenario all` runs every scenario. `--only` runs the contenders alone whose names begin so. It exits with 1 when a contender costs more than its budget allows. `--record` saves the result in a folder that git tracks, and draws the chart.
 */
import { parseArgs } from 'node:util'
import { judgeBudgets } from './budgets.ts'
import { OTHER_CORE } from './cores.ts'
import { ensureInstalled } from './install.ts'
import { measure } from './measure.ts'
import { pinSelf } from './process.ts'
import { summarize } from './report.ts'
import { createResult, formatResult, type Result, saveResults } from './results.ts'
import type { Scenario } from './scenario.ts'
import { findScenarios } from './scenarios.ts'

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'get' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '5' },
    'warm-up': { type: 'string', default: '10' },
    record: { type: 'boolean', default: false },
  },
})
const scenarios = findScenarios(values.scenario)
// The warm-up is long because V8 is still compiling the path of a request after the first hundred thousand requests.
const effort = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  warmUpSeconds: Number(values['warm-up']),
}

ensureInstalled()
pinSelf(OTHER_CORE)
const results: Result[] = []
const only = values.only?.split(',')
for (const each of scenarios) {
  const scenario: Scenario = {
    ...each,
    contenders: () =>
      each.contenders().filter(({ name }) => only?.some(begin => name.startsWith(begin)) ?? true),
  }
  const measurement = await measure(scenario, effort)
  const verdicts = await judgeBudgets(scenario, measurement.measured, effort)
  const result = createResult(scenario, effort, summarize(measurement.measured), measurement, verdicts)
  results.push(result)
  console.log(formatResult(result))
}
saveResults(results, values.record)
if (results.some(({ verdicts }) => verdicts.some(({ holds }) => !holds))) process.exitCode = 1
