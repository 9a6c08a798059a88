/** A metric that a query selects, with the labels that it names of it. */
export interface Selection {
  readonly metric: string
  readonly labels: readonly string[]
}

/** Labels that Prometheus adds to what it scrapes, and those that a query makes by itself. */
const ADDED = ['job', 'instance', 'le']

/** Matches what may look like a metric but is text or a variable: strings, ranges, variables of Grafana. */
const NOISE = /"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\$\{?\w+\}?/g

/** Returns the metrics that a PromQL query selects, without those that rules record, whose names have colons. */
export function selectionsOf(query: string): Selection[] {
  const plain = query.replace(NOISE, text => (text.startsWith('"') ? '""' : ''))
  return [...plain.matchAll(/(?<![\w:])((?:waygate|process|nodejs)_\w+)(?![\w:])(?:\{([^}]*)\})?/g)].map(
    ([, metric = '', matchers = '']) => ({
      metric,
      labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
    }),
  )
}

/**
 * Returns what is wrong with a query, one line each.
 *
 * @param known the labels of every metric that there is; a histogram is there by its own name
 */
export function findUnknown(query: string, known: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = []
  const usable = new Set(ADDED)
  for (const [, label = ''] of query.matchAll(/label_replace\(.*?,\s*"(\w+)",/g)) usable.add(label)
  const selections = selectionsOf(query)
  for (const { metric, labels } of selections) {
    const has = known.get(metric.replace(/_(?:bucket|sum|count)$/, '')) ?? known.get(metric)
    if (has === undefined) {
      found.push(`there is no metric ${metric}`)
      continue
    }
    for (const label of has) usable.add(label)
    for (const label of labels) {
      if (!has.includes(label) && !ADDED.includes(label)) found.push(`${metric} has no label ${label}`)
    }
  }
  // Rules that are recorded have the labels of their names.
  for (const [, level = ''] of query.matchAll(/(?<!\w)([a-z_]+):\w+:\w+/g))
    for (const label of level.split('_')) usable.add(label)
  for (const [, list = ''] of query.matchAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g)) {
    for (const label of list.split(',').map(text => text.trim())) {
      if (label !== '' && !usable.has(label)) found.push(`none of its metrics has the label ${label}`)
    }
  }
  return found
}
