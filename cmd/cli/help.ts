import { VARIABLES } from '../../config/load/environment.ts'
import { defaultAt } from '../../config/load/schema-walk.ts'
import { COMMANDS, type CommandName, type CommandRow, type OptionRow } from './option-table.ts'

/** What `waygate --help` prints. */
export function programHelp(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]): Row => [name, summary])
  return [
    'waygate: an HTTP API gateway whose routing table is etcd',
    '',
    'Usage: waygate COMMAND [OPTIONS]',
    '',
    ...table(rows),
    '',
    'waygate COMMAND --help tells the options of a command, waygate --version the version.',
    '',
  ].join('\n')
}

/** What `waygate COMMAND --help` prints. */
export function commandHelp(name: CommandName): string {
  const { summary, operands, options, notes }: CommandRow = COMMANDS[name]
  const rows = options.map((option): Row => [`--${option.name} ${option.value}`.trimEnd(), explain(option)])
  return [
    `waygate ${name}: ${summary}`,
    '',
    `Usage: waygate ${name} [OPTIONS] ${operands}`.trimEnd(),
    '',
    ...table(rows),
    ...(notes === undefined ? [] : ['', notes]),
    '',
  ].join('\n')
}

/** What holds without the option; undefined when nothing does. */
export function optionDefault(option: OptionRow): string | undefined {
  if (option.path === undefined) return option.default
  const value = defaultAt(option.path)
  return value === undefined ? undefined : String(value)
}

/** The environment variable that says the same as the option. */
export function optionVariable({ name, path }: OptionRow): string | undefined {
  if (name === 'config') return 'WAYGATE_CONFIG'
  return Object.keys(VARIABLES).find(variable => VARIABLES[variable]?.path === path)
}

type Row = readonly [left: string, right: string]

function explain(option: OptionRow): string {
  const facts = [
    option.required ? 'required' : undefined,
    optionDefault(option) && `default: ${optionDefault(option)}`,
    optionVariable(option),
  ].filter(fact => fact !== undefined)
  return facts.length === 0 ? option.description : `${option.description} (${facts.join('; ')})`
}

function table(rows: readonly Row[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
