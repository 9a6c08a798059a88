import type { CommandRow, OptionRow } from './option-rows.ts'
import { COMMANDS, type CommandName } from './option-table.ts'

/** Returns the text of `waygate --help`. */
export function programHelp(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]): Row => [name, summary])
  return [
    'waygate: an HTTP API gateway whose routing table is etcd',
    '',
    'Usage: waygate COMMAND [OPTIONS]',
    '',
    ...table(rows),
    '',
    'Run waygate COMMAND --help for the options of a command, and waygate --version for the version.',
    '',
  ].join('\n')
}

/** Returns the text of `waygate COMMAND --help`. */
export function commandHelp(name: CommandName): string {
  const { summary, operands, options, notes }: CommandRow = COMMANDS[name]
  const rows = options.map((option): Row => [spelled(option), explain(option)])
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

function spelled({ name, short, value }: OptionRow): string {
  return `${short === undefined ? '' : `-${short}, `}--${name} ${value}`.trimEnd()
}

type Row = readonly [left: string, right: string]

function explain(option: OptionRow): string {
  const { description, required, variable, default: value = option.absent } = option
  const facts = [required ? 'required' : undefined, value && `default: ${value}`, variable].filter(Boolean)
  return facts.length === 0 ? description : `${description} (${facts.join('; ')})`
}

function table(rows: readonly Row[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
