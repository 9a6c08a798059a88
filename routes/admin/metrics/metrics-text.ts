import type { Labels, MetricHead, MetricValue } from './metric-values.ts'

/** How the metrics page is written. */
export interface PageFormat {
  readonly contentType: string
  /** Stands between two metrics. */
  readonly separator: string
  /** Stands after the last one. */
  readonly end: string
  /** Returns the lines that a metric begins with. */
  head(metric: MetricHead): string
  /**
   * Returns the line of a series.
   *
   * @param labels all but `le`, as `labelsText` has them
   */
  line(name: string, labels: string, sample: MetricValue): string
}

const SPECIAL = /[\\"\n]/
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }

/**
 * The text format of Prometheus.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details
 */
export const TEXT_FORMAT: PageFormat = {
  contentType: 'text/plain; version=0.0.4; charset=utf-8',
  separator: '\n',
  end: '',
  head: headText,
  line: lineText,
}

function headText({ name, help, type }: MetricHead): string {
  const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return `# HELP ${name} ${text}\n# TYPE ${name} ${type}\n`
}

/** Escapes the value of a label. */
export function escapeText(text: string): string {
  return text.replace(/[\\"\n]/g, found => ESCAPES[found]!)
}

/** Returns labels as the text format has them, without braces, and without `le`: the same for all lines of a histogram. */
export function labelsText(labels: Labels): string {
  let text = ''
  for (const name in labels) {
    if (name === 'le') continue
    const value = String(labels[name])
    if (text !== '') text += ','
    text += `${name}="${SPECIAL.test(value) ? escapeText(value) : value}"`
  }
  return text
}

function lineText(
  name: string,
  labels: string,
  { metricName = name, labels: { le }, value }: MetricValue,
): string {
  if (le !== undefined)
    return `${metricName}{le="${le}"${labels === '' ? '' : ','}${labels}} ${valueText(value)}\n`
  return labels === ''
    ? `${metricName} ${valueText(value)}\n`
    : `${metricName}{${labels}} ${valueText(value)}\n`
}

/** Returns a value as both formats write it. */
export function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value < 0 ? '-Inf' : '+Inf'
}
