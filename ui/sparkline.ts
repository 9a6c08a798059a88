import type { Sample } from '../routes/admin/api-types.ts'
import { html } from './html.ts'
import { KEPT_MS } from './series.ts'

const POINTS = 60
const STEP = KEPT_MS / POINTS
const WIDTH = 84
const HEIGHT = 18
/** Fewer failures than this are not drawn: they could not be told from none. */
const BAD_SHARE = 0.01

/**
 * Draws ten minutes of requests a second, and those answered 5xx below in red. The greatest value of the line is at the top, so a
 * sparkline shows a course, not an amount.
 */
export function sparkline(samples: readonly Sample[] | undefined, now: number) {
  if (!samples || samples.length === 0) return html`<span class="spark"></span>`
  const all = new Float64Array(POINTS)
  const failed = new Float64Array(POINTS)
  // The present step is not over yet; drawing it would end every line with a fall.
  const end = Math.floor(now / STEP) * STEP
  for (const { t, figures } of samples) {
    const index = POINTS - 1 - Math.floor((end - t) / STEP)
    if (index < 0 || index >= POINTS) continue
    all[index]! += figures[0]
    failed[index]! += figures[2]
  }
  const most = Math.max(...all)
  if (most === 0) return html`<span class="spark"></span>`
  const line = pointsOf(all, most)
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true">
    <polygon points="0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}" />
    <polyline points=${line} />
    ${failed.some((count, index) => count > all[index]! * BAD_SHARE) && html`<polyline class="bad" points=${pointsOf(failed, most)} />`}
  </svg>`
}

function pointsOf(values: Float64Array, most: number): string {
  const points: string[] = []
  for (let index = 0; index < values.length; index++) {
    const x = (index / (values.length - 1)) * WIDTH
    const y = HEIGHT - 1.5 - (values[index]! / most) * (HEIGHT - 3)
    points.push(`${x.toFixed(1)},${y.toFixed(1)}`)
  }
  return points.join(' ')
}
