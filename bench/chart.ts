import type { Line } from './report.ts'

const WIDTH = 760
const LABEL_WIDTH = 250
const FIGURE_WIDTH = 130
const ROW_HEIGHT = 30
const BAR_HEIGHT = 18
const TOP = 64
const MARGIN = 20

/**
 * Draws an SVG document with horizontal bars of requests per second, the fastest on top, each with its ratio. It has its own
 * background, so that its colours match even if the page and the reader's system differ in colour scheme.
 */
export function drawChart(title: string, subtitle: string, lines: readonly Line[]): string {
  const sorted = [...lines].sort((a, b) => b.requestsPerSecond - a.requestsPerSecond)
  const most = sorted[0]?.requestsPerSecond ?? 1
  const space = WIDTH - LABEL_WIDTH - FIGURE_WIDTH - 2 * MARGIN
  const height = TOP + sorted.length * ROW_HEIGHT + MARGIN
  const rows = sorted.map((line, i) => {
    const top = TOP + i * ROW_HEIGHT
    const base = top + ROW_HEIGHT / 2 + 4
    const left = MARGIN + LABEL_WIDTH
    const length = Math.max(1, (line.requestsPerSecond / most) * space)
    const figure = `${Math.round(line.requestsPerSecond).toLocaleString('en')} · ${line.speedRatio.toFixed(2)}x`
    const kind = line.name.startsWith('Waygate') ? 'own' : line === lines[0] ? 'base' : 'other'
    return [
      `<g class="${kind}">`,
      `<text x="${left - 10}" y="${base}" text-anchor="end">${escapeXml(line.name)}</text>`,
      `<rect x="${left}" y="${top + (ROW_HEIGHT - BAR_HEIGHT) / 2}" width="${length.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
      `<text x="${(left + length + 8).toFixed(1)}" y="${base}">${figure}</text>`,
      '</g>',
    ].join('')
  })
  const description = sorted.map(line => `${line.name} ${Math.round(line.requestsPerSecond)}`).join(', ')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeXml(`${title}: ${description}`)}">
<style>
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .subtitle { font-size: 12px; fill: #59636e }
  .card { fill: #ffffff; stroke: #d1d9e0 }
  .own text { font-weight: 600 }
  .own rect { fill: #0969da }
  .base rect { fill: #818b98 }
  .other rect { fill: #c8d1da }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .subtitle { fill: #9198a1 }
    .card { fill: #0d1117; stroke: #3d444d }
    .own rect { fill: #4493f8 }
    .base rect { fill: #818b98 }
    .other rect { fill: #3d444d }
  }
</style>
<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>
<text class="title" x="${MARGIN}" y="28">${escapeXml(title)}</text>
<text class="subtitle" x="${MARGIN}" y="48">${escapeXml(subtitle)}</text>
${rows.join('\n')}
</svg>
`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
