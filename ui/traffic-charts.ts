import { millis, rate } from '../internal/telemetry/format.ts'
import type { ChangeEntry, Sample } from '../routes/admin/api-types.ts'
import { Chart } from './chart.ts'
import { html } from './html.ts'
import type { Model } from './model.ts'
import { KEPT_MS, STEP_MS } from './series.ts'

export interface TrafficChartsProps {
  readonly model: Model
  readonly samples: readonly Sample[]
  /** The changes that are marked. */
  readonly changes: readonly ChangeEntry[]
}

/** The requests of a route or of a service, by class of status and by time, and what was tried again, over ten minutes. */
export function TrafficCharts({ model, samples, changes }: TrafficChartsProps) {
  const { now } = model
  const byTime = new Map(samples.map(sample => [Math.round(sample.t / STEP_MS), sample]))
  // The present step is not over yet.
  const last = Math.floor(now / STEP_MS)
  const steps = Array.from({ length: KEPT_MS / STEP_MS }, (_, index) => last - KEPT_MS / STEP_MS + 1 + index)
  const times = steps.map(step => step * STEP_MS)
  const read = (index: 0 | 1 | 2 | 5) =>
    steps.map(step => ((byTime.get(step)?.figures[index] ?? 0) * 1000) / STEP_MS)
  const all = read(0)
  const shared = { times, now, marks: changes.map(({ at }) => at) }
  const byClass = [
    { label: 'all', color: '--series', fill: true, values: all },
    { label: '4xx', color: '--warn', values: read(1) },
    { label: '5xx', color: '--bad', values: read(2) },
  ]
  const byQuantile = [
    { label: 'p99', color: '--series-2', values: steps.map(step => byTime.get(step)?.figures[4] ?? null) },
    { label: 'p50', color: '--series', values: steps.map(step => byTime.get(step)?.figures[3] ?? null) },
  ]
  const retries = [{ label: 'retries', color: '--warn', fill: true, values: read(5) }]
  return html`<div class="charts">
    <${Chart} title="Requests a second" lines=${byClass} write=${rate} ...${shared} />
    <${Chart} title="Time to the answer" lines=${byQuantile} write=${millis} ...${shared} />
    <${Chart} title="Retries and hedges a second" lines=${retries} write=${rate} ...${shared} />
  </div>`
}
