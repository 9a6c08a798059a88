import { didYouMean } from '../kit/closest.ts'
import type { SourcedProblem } from '../kit/problem.ts'
import { FIELDS, type Field, fromText } from './fields.ts'
import type { Setting } from './layers.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** An environment variable and the field that it sets. */
export interface Variable extends Field {
  readonly name: string
}

/** Names the configuration file, which is not a field of the configuration. */
export const CONFIG_VARIABLE = 'WAYGATE_CONFIG'

/** Every variable that sets a field, in the order of the schema. */
export const VARIABLES: readonly Variable[] = FIELDS.flatMap(field =>
  field.schema.env === undefined ? [] : [{ name: field.schema.env, ...field }],
)

/**
 * Reads the settings in the environment. An empty variable counts as absent, except where that would silently drop a
 * protection: there it is a problem. An unknown variable that begins with `WAYGATE_` is a warning.
 */
export function readEnvironment(env: Environment): {
  settings: Setting[]
  problems: SourcedProblem[]
  warnings: string[]
} {
  const settings: Setting[] = []
  const problems: SourcedProblem[] = []
  for (const { name, path, schema } of VARIABLES) {
    const text = env[name]
    if (text === undefined) continue
    const source = `environment ${name}`
    if (text.trim() !== '') settings.push({ path, value: fromText(text, schema), source })
    else if (schema.neverEmpty) {
      problems.push({
        path: `$.${path}`,
        message: 'must not be empty; unset the variable to do without it',
        source,
      })
    }
  }
  const known = [...VARIABLES.map(({ name }) => name), CONFIG_VARIABLE]
  const warnings = Object.keys(env)
    .filter(name => name.startsWith('WAYGATE_') && !known.includes(name))
    .map(name => `environment ${name} is not a variable of Waygate${didYouMean(name, known)}`)
  return { settings, problems, warnings }
}
