import type { CommandRow, OptionRow } from '../cmd/cli/option-rows.ts'
import { COMMANDS } from '../cmd/cli/option-table.ts'
import type { Reload } from '../config/kit/values.ts'
import { ADMIN_VARIABLE, CONFIG_VARIABLE, VARIABLES } from '../config/load/environment.ts'
import { isList } from '../config/load/fields.ts'
import { RouteDocument } from '../config/route/route-schema.ts'
import { ConfigSchema } from '../config/schema.ts'

/** The keywords of a schema that the tables show. */
interface Field {
  readonly type?: string
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Field[]
  readonly items?: Field
  readonly properties?: Readonly<Record<string, Field>>
  readonly required?: readonly string[] | undefined
  readonly patternProperties?: Readonly<Record<string, Field>>
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly reload?: Reload
}

/** Writes what every command is for, and its options, by its name. */
export function commandParts(): Readonly<Record<string, string>> {
  const parts = Object.entries(COMMANDS).map(([name, command]: [string, CommandRow]) => {
    const usage = `waygate ${name} [OPTIONS] ${command.operands}`.trimEnd()
    const rows = command.options.map(option => [spelled(option), optionDefault(option), option.description])
    const paragraphs = [
      sentence(command.summary),
      `    ${usage}`,
      table(['option', 'default', 'meaning'], rows),
      ...(command.notes === undefined ? [] : [command.notes]),
    ]
    return [name, paragraphs.join('\n\n')] as const
  })
  return Object.fromEntries(parts)
}

function spelled({ name, short, value }: OptionRow): string {
  const long = code(`--${name} ${value}`.trimEnd())
  return short === undefined ? long : `${code(`-${short}`)}, ${long}`
}

/** Writes the table of environment variables, with the fields and options that they correspond to. */
export function variableTable(): string {
  const options = Object.values(COMMANDS).flatMap((command: CommandRow) => command.options)
  const rows = VARIABLES.map(({ name, path, schema }) => {
    const option = options.find(({ variable }) => variable === name)
    const several = isList(schema) ? ' Separate several with commas.' : ''
    return [code(name), option ? code(`--${option.name}`) : '', code(path), `${schema.description}${several}`]
  })
  const file = [code(CONFIG_VARIABLE), code('--config'), '', 'Configuration file; it must exist.']
  const admin = [
    code(ADMIN_VARIABLE),
    code('--admin'),
    '',
    'URL of the admin listener, for commands that ask a running gateway.',
  ]
  return table(['variable', 'option', 'field', 'meaning'], [file, admin, ...rows])
}

/** What a change of a field needs to take effect. */
const NEEDS: Readonly<Record<Reload, string>> = {
  live: 'reload',
  workers: 'new workers',
  restart: 'restart',
}

/** Writes the fields of the configuration file, one table for each section. */
export function fieldTables(): string {
  return sectionTables('', ConfigSchema as Field).join('\n\n')
}

/** Writes the table of the fields of a route document. */
export function routeTable(): string {
  const { properties = {}, required = [] } = RouteDocument as Field
  const rows = Object.entries(properties).map(([name, field]) => [
    code(name),
    typeText(field),
    required.includes(name) ? 'yes' : '',
    field.description ?? '',
  ])
  return table(['field', 'type', 'required', 'meaning'], rows)
}

function sectionTables(
  prefix: string,
  { properties = {}, description = '', ...section }: Field,
  inherited?: Reload,
): string[] {
  const { reload = inherited } = section
  const entries = Object.entries(properties)
  const rows = entries
    .filter(([, field]) => field.properties === undefined)
    .map(([name, field]) => [
      code(`${prefix}${name}`),
      typeText(field),
      field.default === undefined ? 'none' : code(JSON.stringify(field.default)),
      NEEDS[field.reload ?? reload ?? 'restart'],
      field.description ?? '',
    ])
  const heading = prefix === '' ? 'Top level' : code(prefix.slice(0, -1))
  return [
    `### ${heading}`,
    description,
    table(['field', 'type', 'default', 'change', 'meaning'], rows),
    ...entries
      .filter(([, field]) => field.properties !== undefined)
      .flatMap(([name, field]) => sectionTables(`${prefix}${name}.`, field, reload)),
  ]
}

function typeText(field: Field): string {
  if (field.anyOf) return field.anyOf.map(typeText).join(' or ')
  if (field.enum) return field.enum.map(value => code(JSON.stringify(value))).join(', ')
  if (field.const !== undefined) return code(JSON.stringify(field.const))
  if (field.patternProperties) {
    return `map of ${typeText(Object.values(field.patternProperties)[0] ?? {})}`
  }
  if (field.type === 'array') return `list of ${typeText(field.items ?? {})}`
  if (field.type === 'object') return field.title ?? 'object'
  if (field.type === 'integer' || field.type === 'number') return `${field.type}${range(field)}`
  return field.type === 'boolean' ? '`true`, `false`' : (field.type ?? 'anything')
}

/** Describes the bounds of a number, except those that only say what fits. */
function range({ minimum, maximum, exclusiveMinimum }: Field): string {
  const upper = maximum !== undefined && maximum < 2_147_483_647 ? maximum : undefined
  if (exclusiveMinimum !== undefined) return ` above ${exclusiveMinimum}, at most ${upper}`
  if (minimum === undefined) return ''
  return upper === undefined ? ` from ${minimum}` : ` ${minimum} to ${upper}`
}

function optionDefault(option: OptionRow): string {
  if (option.required) return 'required'
  if (option.default === undefined) return option.absent ?? 'none'
  return option.field ? code(option.default) : option.default
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function code(text: string): string {
  return `\`${text}\``
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
