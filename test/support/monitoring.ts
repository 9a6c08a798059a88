import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

const DOCS = new URL('../../docs/', import.meta.url)

export interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

/** A query of the dashboard or of a rule, and what it is for. */
export interface Query {
  readonly of: string
  readonly expr: string
}

interface Panel {
  readonly id: number
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string }[]
}

/** Returns the rules in docs/prometheus/rules.yml. */
export function readRules(): Rule[] {
  const { groups } = parse(readFileSync(new URL('prometheus/rules.yml', DOCS), 'utf8')) as {
    groups: readonly { readonly rules: readonly Rule[] }[]
  }
  return groups.flatMap(({ rules }) => rules)
}

export function readDashboard() {
  return JSON.parse(readFileSync(new URL('grafana/waygate.json', DOCS), 'utf8')) as {
    readonly panels: readonly Panel[]
    readonly annotations: { readonly list: readonly { readonly name: string; readonly expr?: string }[] }
    readonly templating: {
      readonly list: readonly { readonly name: string; readonly definition?: string }[]
    }
  }
}

/** Returns every query of the dashboard and of the rules. */
export function readQueries(): Query[] {
  const { panels, annotations, templating } = readDashboard()
  return [
    ...readRules().map(({ record, alert, expr }) => ({ of: `rule ${record ?? alert}`, expr })),
    ...panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ of: `panel ${title}`, expr })),
    ),
    ...annotations.list.flatMap(({ name, expr }) =>
      expr === undefined ? [] : [{ of: `annotation ${name}`, expr }],
    ),
    ...templating.list.flatMap(({ name, definition }) => {
      // label_values(SELECTION, LABEL), which is no PromQL: the same labels are grouped by.
      const [, selection, label] = /^label_values\((.*), (\w+)\)$/.exec(definition ?? '') ?? []
      return selection === undefined
        ? []
        : [{ of: `variable ${name}`, expr: `count by (${label}) (${selection})` }]
    }),
  ]
}
