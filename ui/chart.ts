import type uPlot from 'uplot'
import { clock } from '../internal/telemetry/format.ts'
import { html, useEffect, useRef, useState } from './html.ts'
import { KEPT_MS } from './series.ts'

/** A line of a chart. */
export interface Line {
  readonly label: string
  /** The name of a color of the style sheet, such as `--bad`. */
  readonly color: string
  readonly fill?: boolean
  /** Oldest first, one for each time of the chart; null = a gap. */
  readonly values: readonly (number | null)[]
}

export interface ChartProps {
  readonly title: string
  /** Milliseconds since 1970, oldest first. */
  readonly times: readonly number[]
  readonly lines: readonly Line[]
  /** Times of changes, which are marked. */
  readonly marks: readonly number[]
  readonly now: number
  readonly write: (value: number) => string
}

const HEIGHT = 150
/** Charts with the same key have one cursor. */
const SYNC = 'waygate'

/** Draws lines over ten minutes. The library that draws them is loaded with the first chart. */
export function Chart(props: ChartProps) {
  const { title, lines } = props
  const place = useRef<HTMLDivElement>(null)
  const latest = useRef(props)
  latest.current = props
  const plot = useRef<uPlot | undefined>(undefined)
  const [pointed, setPointed] = useState<number | undefined>(undefined)
  const labels = lines.map(({ label }) => label).join()

  useEffect(() => {
    let closed = false
    const draw = async () => {
      const { default: UPlot } = await import('uplot')
      if (closed || !place.current) return
      plot.current?.destroy()
      plot.current = new UPlot(
        optionsOf(latest, place.current.clientWidth, index => setPointed(index)),
        dataOf(latest.current),
        place.current,
      )
    }
    const resize = new ResizeObserver(() => {
      if (place.current) plot.current?.setSize({ width: place.current.clientWidth, height: HEIGHT })
    })
    void draw()
    resize.observe(place.current!)
    // A canvas does not follow the colors of the page by itself.
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', draw)
    addEventListener('themechange', draw)
    return () => {
      closed = true
      dark.removeEventListener('change', draw)
      removeEventListener('themechange', draw)
      resize.disconnect()
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [labels])

  useEffect(() => {
    plot.current?.setData(dataOf(props), false)
    plot.current?.setScale('x', rangeOf(props.now))
  })

  const index = pointed !== undefined && pointed < props.times.length ? pointed : props.times.length - 1
  return html`<figure class="chart">
    <figcaption>
      <span>${title}</span>
      <span class="readout">
        ${pointed !== undefined && props.times[index] && html`<b>${clock(props.times[index])}</b> `}
        ${lines.map(({ label, color, values }) => {
          const value = values[index]
          const text = value === null || value === undefined ? '–' : props.write(value)
          const dot = html`<i class="dot" style=${{ background: `var(${color})` }}></i>`
          return html`<span key=${label}>${dot}${label} ${text} </span>`
        })}
      </span>
    </figcaption>
    <div class="canvas" ref=${place} role="img" aria-label="${title}, ten minutes"></div>
  </figure>`
}

function dataOf({ times, lines }: ChartProps): uPlot.AlignedData {
  return [times.map(t => t / 1000), ...lines.map(({ values }) => [...values])] as uPlot.AlignedData
}

function rangeOf(now: number): { min: number; max: number } {
  return { min: (now - KEPT_MS) / 1000, max: now / 1000 }
}

function optionsOf(
  latest: { readonly current: ChartProps },
  width: number,
  onPoint: (index: number | undefined) => void,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const grid = { stroke: presentColor('--line'), width: 1 }
  const axis = {
    stroke: presentColor('--ink-2'),
    grid,
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  }
  const { lines, write } = latest.current
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false }, sync: { key: SYNC } },
    scales: {
      x: { time: true, range: () => [rangeOf(latest.current.now).min, rangeOf(latest.current.now).max] },
      y: { range: (_, __, most) => [0, Math.max(most * 1.1, 0.1)] },
    },
    axes: [
      { ...axis, size: 24, space: 80, values: (_, times) => times.map(t => clock(t * 1000).slice(0, 5)) },
      { ...axis, size: 52, space: 30, values: (_, values) => values.map(value => write(value)) },
    ],
    series: [
      {},
      ...lines.map(line => ({
        label: line.label,
        stroke: presentColor(line.color),
        width: 1.5,
        points: { show: false },
        ...(line.fill ? { fill: faint(presentColor(line.color)) } : {}),
      })),
    ],
    hooks: {
      setCursor: [plot => onPoint(plot.cursor.idx ?? undefined)],
      draw: [plot => drawMarks(plot, latest.current.marks, presentColor('--accent'))],
    },
  }
}

/** Returns a color of the style sheet as it is now. A canvas does not know `light-dark()`. */
function presentColor(name: string): string {
  const probe = document.createElement('i')
  probe.style.color = `var(${name})`
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

function faint(color: string): string {
  return color.replace(
    /^rgba?\(([^)]*)\)$/,
    (_, parts: string) => `rgba(${parts.split(',').slice(0, 3).join(',')}, 0.1)`,
  )
}

function drawMarks(plot: uPlot, marks: readonly number[], color: string): void {
  const { ctx, bbox } = plot
  ctx.save()
  ctx.strokeStyle = color
  ctx.lineWidth = devicePixelRatio
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio])
  for (const mark of marks) {
    const x = Math.round(plot.valToPos(mark / 1000, 'x', true))
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
  }
  ctx.restore()
}
