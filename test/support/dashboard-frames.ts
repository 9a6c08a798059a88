import type { Page } from 'playwright-core'
import type { GatewaySetUp } from './gateway.ts'

/** How a page was drawn while one of its tables was scrolled. */
export interface Frames {
  /** How many there were. */
  readonly count: number
  /** Milliseconds from one to the next: what half of them did not exceed, 99 of a hundred, and all. */
  readonly p50: number
  readonly p99: number
  readonly most: number
  /** The share that came later than a screen of 60 frames a second needs them. */
  readonly late: number
}

/** A frame may be drawn one refresh late by the clock of the screen alone. */
const LATE_MS = (1_000 / 60) * 1.5

/** The error of a browser that has stopped to draw. */
export const NO_FRAME = 'the browser has drawn no frame for 10 s'

/** Runs in the browser, whose names are not known here. The compositor of Chromium without a GPU sometimes stands still for good. */
const SCROLL = `async ms => {
  const all = []
  const frame = () => new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('${NO_FRAME}')), 10_000)
    requestAnimationFrame(at => {
      clearTimeout(timer)
      resolve(at)
    })
  })
  const begunAt = performance.now()
  let step = 90
  for (let last = begunAt; last - begunAt < ms; ) {
    const before = scrollY
    scrollBy(0, step)
    // At an end, it goes the other way.
    if (scrollY === before) step = -step
    const now = await frame()
    all.push(now - last)
    last = now
  }
  // The first one began before the first frame.
  return all.slice(1)
}`

/**
 * Scrolls a page up and down for a time, as a wheel does, and measures the time from each frame to the next. These are times of
 * the clock, which other work on the machine makes longer.
 */
export async function scrollFrames(page: Page, durationMs: number): Promise<Frames> {
  const deltas = await page.evaluate<number[]>(`(${SCROLL})(${durationMs})`)
  const sorted = deltas.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return {
    ...{ count: sorted.length, p50: at(0.5), p99: at(0.99), most: sorted.at(-1) ?? 0 },
    late: sorted.filter(delta => delta > LATE_MS).length / Math.max(1, sorted.length),
  }
}

/** How large a table the page must cope with. */
export const NODES = 10_000
export const ROUTES = 1_000

/**
 * Returns a table of 10,000 nodes of one service, and 1,000 routes to it.
 *
 * @param port that of all nodes; absent = each has its own, where nobody listens
 */
export function manyRows(port?: number): Required<Pick<GatewaySetUp, 'nodes' | 'routes'>> {
  const nodes = Array.from(
    { length: NODES },
    (_, index) => [`fleet/n${index}`, { port: port ?? 1 + index, weight: 1 }] as const,
  )
  const routes = Array.from(
    { length: ROUTES },
    (_, index) => [`r${index}`, { path: `/r${index}/*`, service: 'fleet', auth: 'none' }] as const,
  )
  return { nodes: Object.fromEntries(nodes), routes: Object.fromEntries(routes) }
}
