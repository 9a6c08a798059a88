import { CONFIG_VARIABLE } from '../../config/load/environment.ts'
import { FIELDS, type Field } from '../../config/load/fields.ts'
import type { COMPLETED_IDS } from './command.ts'

/** One option of the command line. Parsing, help texts and the documentation are made from it. */
export interface OptionRow {
  /** Without the dashes. */
  readonly name: string
  /** One letter that means the same behind a single dash. */
  readonly short?: string
  /** Stands for the value in help texts; '' = the option is a switch and takes no value. */
  readonly value: string
  /** The values that it may have; absent when there are too many. */
  readonly choices?: readonly string[]
  /** One or more sentences. */
  readonly description: string
  /** The field of the configuration that the option sets; undefined when the option is the command's own. */
  readonly field?: Field
  readonly required?: boolean
  /** The value without the option. */
  readonly default?: string
  /** What applies without the option, in words, when that is not a value. */
  readonly absent?: string
  /** The environment variable with the same meaning. */
  readonly variable?: string
}

export interface CommandRow {
  readonly summary: string
  /** The arguments after the options, for the usage line. */
  readonly operands: string
  /** What the first of them may be, for completion in a shell: these words, or the ids of such things. */
  readonly completes?: readonly string[] | { readonly ids: (typeof COMPLETED_IDS)[number] }
  readonly options: readonly OptionRow[]
  /** A paragraph for the end of the help text. */
  readonly notes?: string
}

/** The options that set fields of the configuration, in the order of the schema. */
export const FIELD_OPTIONS: readonly OptionRow[] = FIELDS.flatMap(field => {
  const { flag, description = '', default: value, env } = field.schema
  if (flag === undefined) return []
  const [name, placeholder = ''] = flag.slice(2).split(' ') as [string, string?]
  return {
    name,
    value: placeholder,
    description: description.replaceAll('`', ''),
    field,
    ...(value !== undefined && placeholder !== '' && { default: String(value) }),
    ...(env !== undefined && { variable: env }),
  }
})

/** @throws TypeError when no field of the configuration has an option of that name */
export function fieldOptions(...names: readonly string[]): OptionRow[] {
  return names.map(name => {
    const option = FIELD_OPTIONS.find(each => each.name === name)
    if (option === undefined) throw new TypeError(`no field of the configuration has the flag --${name}`)
    return option
  })
}

export const config: OptionRow = {
  name: 'config',
  value: 'FILE',
  description: 'Configuration file, YAML or JSON.',
  absent: 'waygate.yaml when it exists',
  variable: CONFIG_VARIABLE,
}
