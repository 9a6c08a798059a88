import type { Exemplar, MetricHead, MetricValue } from './metric-values.ts'
import type { PageFormat } from './metrics-text.ts'
import { escapeText, TEXT_FORMAT, valueText } from './metrics-text.ts'

/**
 * The text format of OpenMetrics, which has exemplars. It has no `_created` lines: Prometheus would keep each of them as a
 * series of its own, and notices a restart by counters that fall.
 *
 * @see https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
export const OPENMETRICS_FORMAT: PageFormat = {
  contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  // Empty lines are not allowed.
  separator: '',
  end: '# EOF\n',
  head: headText,
  line: lineText,
}

/** The first one is for clients that accept all alike, such as browsers. */
export const PAGE_FORMATS: readonly [PageFormat, ...PageFormat[]] = [TEXT_FORMAT, OPENMETRICS_FORMAT]

/** The suffix that series of counters have, and their metrics have not. */
const TOTAL = '_total'

function headText({ name, help, type }: MetricHead): string {
  if (type !== 'counter') return headLines(name, help, type)
  return name.endsWith(TOTAL)
    ? headLines(name.slice(0, -TOTAL.length), help, type)
    : headLines(name, help, 'unknown')
}

function headLines(name: string, help: string, type: string): string {
  return `# HELP ${name} ${escapeText(help)}\n# TYPE ${name} ${type}\n`
}

function lineText(name: string, labels: string, sample: MetricValue): string {
  const {
    metricName = name,
    labels: { le },
    value,
    exemplar,
  } = sample
  const all = le === undefined ? labels : `le="${boundText(le)}"${labels === '' ? '' : ','}${labels}`
  const series = all === '' ? metricName : `${metricName}{${all}}`
  return `${series} ${valueText(value)}${exemplar ? exemplarText(exemplar) : ''}\n`
}

function exemplarText({ traceId, value, time }: Exemplar): string {
  return ` # {trace_id="${traceId}"} ${valueText(value)} ${time.toFixed(3)}`
}

/** Whole numbers have a fraction, so that the bounds of all programs that are scraped are spelled alike. */
function boundText(bound: string | number): string {
  return typeof bound === 'number' && Number.isInteger(bound) ? `${bound}.0` : String(bound)
}

const WEIGHT = /;\s*q=([\d.]+)/i

/**
 * Returns the format that a client likes best (RFC 9110 section 12.5.1). Only the names of media types count, because every
 * version of OpenMetrics so far reads the present one.
 *
 * @param accept the Accept header; undefined when the client has sent none
 */
export function chooseFormat(accept = ''): PageFormat {
  const weights = new Map<string, number>()
  for (const member of accept.toLowerCase().split(',')) {
    const [name = ''] = member.split(';')
    const weight = Number(WEIGHT.exec(member)?.[1] ?? 1)
    weights.set(name.trim(), Math.max(weight, weights.get(name.trim()) ?? 0))
  }
  const openMetrics = weights.get('application/openmetrics-text') ?? 0
  return openMetrics > 0 && openMetrics >= (weights.get('text/plain') ?? 0) ? OPENMETRICS_FORMAT : TEXT_FORMAT
}
