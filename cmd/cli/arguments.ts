import { parseArgs } from 'node:util'
import { closest } from '../../config/kit/closest.ts'
import { findProblems } from '../../config/kit/validate.ts'
import { fromText } from '../../config/load/fields.ts'
import type { Setting } from '../../config/load/layers.ts'
import { getOrMake } from '../../internal/get-or-make.ts'
import { UsageError } from './format-error.ts'
import type { OptionRow } from './option-rows.ts'
import { COMMANDS, type CommandName } from './option-table.ts'

const SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3_600, d: 86_400 }

/** The arguments of one command. Holds only options that the command has. */
export class Arguments {
  /** Arguments before `--` that are not options. */
  readonly operands: string[] = []
  /** Everything after `--`. */
  readonly rest: string[] = []
  /** Whether `--help` or `-h` is given. */
  readonly help: boolean
  readonly #command: CommandName
  readonly #options: readonly OptionRow[]
  readonly #values = new Map<string, string[]>()

  /** @throws UsageError for an unknown option and for an option without its value */
  constructor(command: CommandName, args: readonly string[]) {
    this.#command = command
    this.#options = COMMANDS[command].options
    const { tokens } = parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h' },
        ...Object.fromEntries(
          this.#options.map(
            ({ name, short, value }) =>
              [name, { type: value === '' ? 'boolean' : 'string', ...(short && { short }) }] as const,
          ),
        ),
      },
      // Not strict, so that every mistake gets our own message.
      strict: false,
      allowPositionals: true,
      tokens: true,
    })
    let help = false
    let terminated = false
    for (const token of tokens) {
      if (token.kind === 'option-terminator') terminated = true
      else if (token.kind === 'positional') (terminated ? this.rest : this.operands).push(token.value)
      else if (token.name === 'help') help = true
      else this.#add(token)
    }
    this.help = help
  }

  /**
   * Returns all arguments that are not options, those after `--` too.
   *
   * @throws UsageError when there are more than `max`
   */
  words(max = Number.POSITIVE_INFINITY): readonly string[] {
    const words = [...this.operands, ...this.rest]
    const extra = words[max]
    if (extra !== undefined) throw this.error(`unexpected argument ${extra}`)
    return words
  }

  /**
   * Returns the arguments that are not options, one for each name.
   *
   * @param after how many precede them
   * @throws UsageError when one is missing, or when there are more
   */
  named<const Names extends readonly string[]>(names: Names, after = 0): { [I in keyof Names]: string } {
    const words = this.words(after + names.length).slice(after)
    const missing = names[words.length]
    if (missing !== undefined) throw this.error(`${missing} is missing`)
    return words as { [I in keyof Names]: string }
  }

  /** Returns the first argument that is not an option. @throws UsageError when it is none of `all` */
  action<Action extends string>(all: readonly Action[]): Action {
    const [first] = this.words()
    const found = all.find(each => each === first)
    if (found !== undefined) return found
    const but = first === undefined ? ', and is missing' : `, not ${first}`
    throw this.error(`the first argument must be one of ${all.join(', ')}${but}`)
  }

  /** Returns the value of an option, the last one when it is repeated; its default when it is absent. */
  one(name: string): string | undefined {
    return this.#given(name) ?? this.#options.find(option => option.name === name)?.default
  }

  /** Returns every value of a repeatable option. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  /** Whether a switch is given. */
  has(name: string): boolean {
    return this.#values.has(name)
  }

  /** @throws UsageError when the option is missing */
  required(name: string): string {
    const value = this.one(name)
    if (value === undefined) throw this.error(`--${name} is missing`)
    return value
  }

  /** Splits every `KEY=VALUE` of a repeatable option. */
  pairs(name: string): [key: string, value: string][] {
    return this.all(name).map(pair => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? []
      if (key === undefined || value === undefined)
        throw this.error(`--${name} must be KEY=VALUE, not ${pair}`)
      return [key, value]
    })
  }

  /** @throws UsageError when the option is missing, or its value is not an integer within the bounds */
  integer(name: string, { min, max }: { readonly min: number; readonly max: number }): number {
    const text = this.required(name)
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw this.error(`--${name} must be an integer from ${min} to ${max}, not ${text}`)
  }

  /**
   * Returns the seconds of `90s`, `30m`, `1h`, `7d` or plain seconds.
   *
   * @throws UsageError when the option is missing, or its value is not above 0 and at most `max`
   */
  seconds(name: string, max: number): number {
    const text = this.required(name)
    const match = /^(\d{1,10})([smhd]?)$/.exec(text)
    const seconds = Number(match?.[1]) * (SECONDS[match?.[2] ?? ''] ?? Number.NaN)
    if (seconds > 0 && seconds <= max) return seconds
    throw this.error(`--${name} must be like 90s, 30m, 1h, 7d or seconds, not ${text}`)
  }

  /**
   * Returns the value of an option that has `choices`.
   *
   * @param all the choices of every command that has such an option
   * @throws UsageError when it is none of them
   */
  choice<Choice extends string>(name: string, all: readonly Choice[]): Choice {
    const text = this.required(name)
    const { choices = [] } = this.#options.find(option => option.name === name) ?? {}
    const found = all.find(each => each === text && choices.includes(each))
    if (found !== undefined) return found
    throw this.error(`--${name} must be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}, not ${text}`)
  }

  /** Returns the options that set fields of the configuration, each validated by the schema of its field. */
  settings(): Setting[] {
    return this.#options.flatMap(({ name, field }) => {
      if (field === undefined || !this.has(name)) return []
      const { path, schema } = field
      const text = this.#given(name)
      const value = text === undefined ? true : fromText(text, schema)
      const [problem] = findProblems(schema, value)
      if (problem) throw this.error(`--${name} ${problem.message}`)
      return [{ path, value, source: `option --${name}` }]
    })
  }

  /** Makes an error that points at the help of the command. */
  error(message: string): UsageError {
    return new UsageError(message, this.#command)
  }

  #given(name: string): string | undefined {
    return this.#values.get(name)?.at(-1)
  }

  #add(token: {
    rawName: string
    name: string
    value?: string | undefined
    inlineValue?: boolean | undefined
  }) {
    const known = ['help', ...this.#options.map(option => option.name)]
    const isShort = this.#options.some(({ short }) => short !== undefined && token.rawName === `-${short}`)
    if (!(isShort || token.rawName.startsWith('--')) || !known.includes(token.name)) {
      const guess = closest(token.name, known)
      throw this.error(
        `unknown option ${token.rawName}${guess === undefined ? '' : ` (did you mean --${guess}?)`}`,
      )
    }
    const { value, inlineValue } = token
    if (this.#options.some(option => option.name === token.name && option.value === '')) {
      if (value !== undefined) throw this.error(`${token.rawName} takes no value`)
      this.#values.set(token.name, [])
      return
    }
    // In `--port --host x` the value of --port is missing. `--weight -1` has one, and gets a better message later.
    const forgotten = value === undefined || (inlineValue === false && /^-(?!\d)./.test(value))
    if (forgotten || value === '') throw this.error(`${token.rawName} needs a value`)
    getOrMake(this.#values, token.name, (): string[] => []).push(value)
  }
}

/** Returns what a word says as JSON, or the word itself when it is no JSON. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
