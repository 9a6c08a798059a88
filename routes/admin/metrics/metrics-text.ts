import type { Labels, MetricHead, MetricValue } from './metric-values.ts'

const SPECIAL = /[\\"\n]/
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }

/** Returns the lines that a metric begins with in the Prometheus text format. */
export function headText({ name, help, type }: MetricHead): string {
  const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return `# HELP ${name} ${text}\n# TYPE ${name} ${type}\n`
}

/** Returns labels as the text format has them, without braces, and without `le`: the same for all lines of a histogram. */
export function labelsText(labels: Labels): string {
  let text = ''
  for (const name in labels) {
    if (name === 'le') continue
    const value = String(labels[name])
    if (text !== '') text += ','
    text += `${name}="${SPECIAL.test(value) ? value.replace(/[\\"\n]/g, found => ESCAPES[found]!) : value}"`
  }
  return text
}

/**
 * Returns the line of a series.
 *
 * @param labels as {@link labelsText} has them
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details
 */
export function lineText(
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

function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value < 0 ? '-Inf' : '+Inf'
}
