import type { CommandRow, OptionRow } from '../cli/option-rows.ts'
import { COMMANDS } from '../cli/option-table.ts'
import { shellQuoted } from '../cli/output.ts'

const ROWS: readonly (readonly [name: string, row: CommandRow])[] = Object.entries(COMMANDS)
const HELP: OptionRow = { name: 'help', short: 'h', value: '', description: 'Prints the options.' }

/** Placeholders of options whose values are paths. */
const FILES = ['FILE', 'DIR', 'FOLDER']

/** Returns the command that lists ids, one a line. */
function idsCommand(kind: string): string {
  return `waygate completion ids ${kind} 2>/dev/null`
}

/** Returns the completion for bash, to be sourced. */
export function bashScript(): string {
  const values = ROWS.flatMap(([name, { options }]) =>
    options.filter(({ value }) => value !== '').map(option => bashValue(name, option)),
  )
  const options = ROWS.map(
    ([name, row]) =>
      `      ${name}) words='${optionsOf(row)
        .map(({ name }) => `--${name}`)
        .join(' ')}' ;;`,
  )
  const operands = ROWS.flatMap(([name, { completes }]) => {
    if (completes === undefined) return []
    return 'ids' in completes
      ? [`      ${name}) words=$(${idsCommand(completes.ids)}) ;;`]
      : [`      ${name}) words='${completes.join(' ')}' ;;`]
  })
  return `# Completion of waygate for bash: source <(waygate completion bash)
_waygate() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words='' each
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    words='${ROWS.map(([name]) => name).join(' ')} help'
  else
    case "\${COMP_WORDS[1]} $before" in
${values.join('\n')}
    *) case "$word" in
    -*) case "\${COMP_WORDS[1]}" in
${options.join('\n')}
      esac ;;
    *) case "\${COMP_WORDS[1]}" in
${operands.join('\n')}
      esac ;;
    esac ;;
    esac
  fi
  # Not compgen -W, which would run what it finds in the words.
  while IFS= read -r each; do
    if [[ -n $each && $each == "$word"* ]]; then COMPREPLY+=("$each"); fi
  done <<< "\${words// /$'\\n'}"
}
complete -o default -F _waygate waygate
`
}

/** Returns the case of a value of an option. Where it has no choices, bash offers files. */
function bashValue(command: string, { name, short, choices }: OptionRow): string {
  const spelled = [`'${command} --${name}'`, ...(short === undefined ? [] : [`'${command} -${short}'`])]
  const words = choices === undefined ? 'return' : `words='${choices.join(' ')}'`
  return `    ${spelled.join(' | ')}) ${words} ;;`
}

/** Returns the completion for zsh, to be put into a folder of \`fpath\` as \`_waygate\`. */
export function zshScript(): string {
  const cases = ROWS.map(([name, row]) => {
    const { completes } = row
    const operand = completes === undefined ? [] : [`'1: :${zshOperand(completes)}'`]
    return `    ${name}) _arguments ${[...optionsOf(row).map(zshOption), ...operand].join(' ')} ;;`
  })
  return `#compdef waygate
# Completion of waygate for zsh: waygate completion zsh > ~/.zfunc/_waygate, with fpath=(~/.zfunc $fpath) before compinit
_waygate_ids() {
  local -a ids
  ids=(\${(f)"$(waygate completion ids $1 2>/dev/null)"})
  compadd -a ids
}
_waygate() {
  local -a commands
  commands=(
${ROWS.map(([name, { summary }]) => `    ${shellQuoted(`${name}:${summary}`)}`).join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
${cases.join('\n')}
  esac
}
_waygate "$@"
`
}

function zshOperand(completes: NonNullable<CommandRow['completes']>): string {
  return 'ids' in completes ? `{_waygate_ids ${completes.ids}}` : `(${completes.join(' ')})`
}

function zshOption({ name, short, value, choices, description }: OptionRow): string {
  const about = `[${firstSentence(description).replaceAll(/[[\]]/g, '')}]`
  const action = choices === undefined ? (FILES.includes(value) ? '_files' : ' ') : `(${choices.join(' ')})`
  const rest = value === '' ? about : `${about}:${value.toLowerCase().replaceAll(/[^a-z]/g, ' ')}:${action}`
  const spec = (dashed: string) => shellQuoted(`${dashed}${rest}`)
  return [spec(`--${name}`), ...(short === undefined ? [] : [spec(`-${short}`)])].join(' ')
}

/** Returns the completion for fish, to be put into ~/.config/fish/completions/waygate.fish. */
export function fishScript(): string {
  const lines = ROWS.flatMap(([name, row]) => {
    const when = shellQuoted(`__fish_seen_subcommand_from ${name}`)
    const { completes } = row
    const words = completes && ('ids' in completes ? `(${idsCommand(completes.ids)})` : completes.join(' '))
    return [
      `complete -c waygate -f -n __fish_use_subcommand -a ${name} -d ${shellQuoted(row.summary)}`,
      ...optionsOf(row).map(option => `complete -c waygate -n ${when} ${fishOption(option)}`),
      ...(words === undefined ? [] : [`complete -c waygate -f -n ${when} -a ${shellQuoted(words)}`]),
    ]
  })
  return [
    '# Completion of waygate for fish: waygate completion fish > ~/.config/fish/completions/waygate.fish',
    ...lines,
    '',
  ].join('\n')
}

function fishOption({ name, short, value, choices, description }: OptionRow): string {
  const parts = [`-l ${name}`, ...(short === undefined ? [] : [`-s ${short}`])]
  if (choices !== undefined) parts.push(`-x -a ${shellQuoted(choices.join(' '))}`)
  else if (value !== '') parts.push(FILES.includes(value) ? '-r -F' : '-x')
  return `${parts.join(' ')} -d ${shellQuoted(firstSentence(description))}`
}

function optionsOf({ options }: CommandRow): readonly OptionRow[] {
  return [...options, HELP]
}

function firstSentence(text: string): string {
  return /^.*?\.(?= |$)/s.exec(text)?.[0] ?? text
}
