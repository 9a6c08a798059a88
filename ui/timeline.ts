import { clock, counted, millis, percent, rate } from '../internal/telemetry/format.ts'
import type { ChangeEntry, Sample } from '../routes/admin/api-types.ts'
import { html, type Shown, useState } from './html.ts'
import { linkTo } from './place.ts'
import { KEPT_MS, STEP_MS } from './series.ts'

const STEPS = KEPT_MS / STEP_MS
const HEIGHT = 96

export interface TimelineProps {
  readonly samples: readonly Sample[]
  readonly changes: readonly ChangeEntry[]
  /** On the clock of the gateway. */
  readonly now: number
}

/** Shows ten minutes of all requests as bars of 5 s, by class of status, with the changes of the table on the same axis. */
export function Timeline({ samples, changes, now }: TimelineProps) {
  const [pointed, setPointed] = useState<number | undefined>(undefined)
  const end = Math.floor(now / STEP_MS) * STEP_MS
  const steps = Array.from<Sample | undefined>({ length: STEPS })
  for (const sample of samples) {
    const index = STEPS - 1 - Math.round((end - sample.t) / STEP_MS)
    if (index >= 0 && index < STEPS) steps[index] = sample
  }
  const top = niceTop(Math.max(1, ...steps.map(step => step?.figures[0] ?? 0)))
  const onMove = (event: PointerEvent) => {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect()
    setPointed(Math.max(0, Math.min(STEPS - 1, Math.floor(((event.clientX - left) / width) * STEPS))))
  }
  return html`<figure class="timeline">
    <figcaption>
      <span>Requests a second, ten minutes</span>
      <span class="readout">${pointed === undefined ? html`<${Legend} />` : readout(steps[pointed], end - (STEPS - 1 - pointed) * STEP_MS)}</span>
      <span class="top">${rate((top * 1000) / STEP_MS)}</span>
    </figcaption>
    <div class="plot" onPointerMove=${onMove} onPointerLeave=${() => setPointed(undefined)}>
      <svg viewBox="0 0 ${STEPS} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${summary(samples)}>
        <path class="grid" d="M0 ${HEIGHT / 2}H${STEPS}M0 0.5H${STEPS}" />
        ${bars(steps, top)}
        ${pointed !== undefined && html`<rect class="pointed" x=${pointed} y="0" width="1" height=${HEIGHT} />`}
      </svg>
      <div class="marks">${markGroups(changes, now).map(group => mark(group, now))}</div>
    </div>
    <div class="axis" aria-hidden="true"><span>−10 min</span><span>−7½</span><span>−5 min</span><span>−2½</span><span>now</span></div>
  </figure>`
}

function Legend() {
  return html`<span class="legend"><i class="ok"></i>served <i class="c4"></i>4xx <i class="c5"></i>5xx <i class="mark"></i>change of the table</span>`
}

function bars(steps: readonly (Sample | undefined)[], top: number): Shown {
  const paths = { ok: '', c4: '', c5: '' }
  for (const [index, step] of steps.entries()) {
    if (!step) continue
    const [n, c4, c5] = step.figures
    let base = HEIGHT
    for (const [name, count] of [
      ['c5', c5],
      ['c4', c4],
      ['ok', n - c4 - c5],
    ] as const) {
      if (count <= 0) continue
      // What went wrong is seen however little it is.
      const height = Math.max((count / top) * HEIGHT, name === 'ok' ? 0.5 : 1.5)
      paths[name] += `M${index + 0.12} ${base.toFixed(2)}v${(-height).toFixed(2)}h0.76v${height.toFixed(2)}z`
      base -= height
    }
  }
  return Object.entries(paths).map(([name, d]) => html`<path key=${name} class=${name} d=${d} />`)
}

function readout(step: Sample | undefined, t: number): Shown {
  if (!step) return html`<b>${clock(t)}</b> no requests`
  const [n, c4, c5, p50, p99] = step.figures
  return html`<b>${clock(t)}</b> ${rate((n * 1000) / STEP_MS)}/s · 4xx ${percent(c4 / n)} · 5xx ${percent(c5 / n)} · p50 ${millis(p50)} · p99 ${millis(p99)}`
}

interface MarkGroup {
  readonly left: number
  readonly changes: readonly ChangeEntry[]
}

/** Puts changes together that would lie on each other. */
function markGroups(changes: readonly ChangeEntry[], now: number): MarkGroup[] {
  const groups = new Map<number, ChangeEntry[]>()
  for (const change of changes) {
    const left = 1 - (now - change.at) / KEPT_MS
    if (left < 0 || left > 1.001) continue
    const step = Math.round(left * 100)
    groups.set(step, [...(groups.get(step) ?? []), change])
  }
  return [...groups].map(([step, group]) => ({ left: step / 100, changes: group }))
}

function mark({ left, changes }: MarkGroup, now: number): Shown {
  const [first] = changes
  const when = `${Math.max(0, Math.round((now - first!.at) / 1000))} s ago`
  const label =
    changes.length === 1 ? `${first!.key} changed ${when}` : `${counted(changes.length, 'change')} ${when}`
  const href = linkTo('changes', [], { at: first!.revision })
  const style = { left: `${left * 100}%` }
  return html`<a key=${left} class="mark" href=${href} title=${label} aria-label=${label} style=${style}></a>`
}

function niceTop(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value))
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map(factor => factor * unit).find(top => top >= value) ?? value
}

function summary(samples: readonly Sample[]): string {
  const total = samples.reduce((sum, { figures }) => sum + figures[0], 0)
  const failed = samples.reduce((sum, { figures }) => sum + figures[2], 0)
  return `${counted(total, 'request')} in ten minutes, ${counted(failed, 'failure')}`
}
