import { createRequire } from 'node:module'
import type * as Yaml from 'yaml'

/** How a command that reads prints what it has read. */
export const OUTPUT_FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const
export type OutputFormat = (typeof OUTPUT_FORMATS)[number]

/** A column of a table. */
export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => string | number | null | undefined
  /** Whether only `wide` shows it. */
  readonly wide?: true
}

/** A list that can be printed in every format. */
export interface Listing<Row> {
  readonly rows: readonly Row[]
  /** In the order of their worth: a table that is too wide loses the last ones. */
  readonly columns: readonly Column<Row>[]
  readonly nameOf: (row: Row) => string
  /** What `json` and `yaml` print: the answer of the admin API. */
  readonly page: unknown
}

/** A table is at most so many characters wide, and no wider than the terminal, unless its first column alone is wider. */
const TABLE_WIDTH = 100

function tableWidth(): number {
  return Math.min(TABLE_WIDTH, process.stdout.columns || TABLE_WIDTH)
}

/** Prints a list to stdout. A list without rows has no table, only a line on stderr. */
export function printListing<Row>(
  format: OutputFormat,
  { rows, columns, nameOf, page }: Listing<Row>,
  nothing: string,
): void {
  if (format === 'json' || format === 'yaml') printPage(format, page)
  else if (rows.length === 0) tell(nothing)
  else if (format === 'name') print([...new Set(rows.map(nameOf))].join('\n'))
  else print(formatTable(rows, columns, format === 'wide' ? Number.POSITIVE_INFINITY : tableWidth()))
}

/** Prints a JSON value to stdout. */
export function printPage(format: 'json' | 'yaml', page: unknown): void {
  print(format === 'json' ? jsonText(page, 2) : yamlText(page))
}

/**
 * Writes a value as JSON. Characters that a terminal would obey, or that change the order in which a line is read, are written
 * as escapes, so that the value is the same to a reader of JSON.
 *
 * @param indent how many spaces an inner line has before it; absent = all in one line
 */
export function jsonText(value: unknown, indent?: number): string {
  return escaped(JSON.stringify(value, null, indent))
}

/** What {@link visible} replaces, without the ends of lines between values. */
const UNSEEN = /[^\P{Cc}\n]|[\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/** Writes characters that cannot be seen as `\uXXXX`, which JSON and the quoted texts of YAML know. */
function escaped(text: string): string {
  return text.replace(UNSEEN, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Writes a value as YAML, with the same escapes as JSON. */
function yamlText(value: unknown): string {
  // Loaded only here: most commands need no YAML.
  const yaml = createRequire(import.meta.url)('yaml') as typeof Yaml
  const document = new yaml.Document(value, { aliasDuplicateObjects: false })
  yaml.visit(document, {
    Scalar(_, scalar) {
      // Only texts in quotes may have escapes.
      if (typeof scalar.value === 'string' && scalar.value.search(UNSEEN) >= 0) scalar.type = 'QUOTE_DOUBLE'
    },
  })
  return escaped(document.toString({ lineWidth: 0 })).trimEnd()
}

/** Prints data to stdout. A reader that goes away, such as `head`, ends the process without an error. */
export function print(text: string): void {
  if (!process.stdout.listeners('error').includes(onWriteError)) process.stdout.on('error', onWriteError)
  process.stdout.write(`${text}\n`)
}

/** Prints to stderr what is no data. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`)
}

function onWriteError(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
}

/** Formats facts, one a line, with their names in front. Facts that are null or undefined are left out. */
export function formatFacts(
  facts: readonly (readonly [string, string | number | null | undefined])[],
): string {
  const known = facts.filter(([, value]) => value !== undefined && value !== null && value !== '')
  const width = Math.max(...known.map(([name]) => name.length))
  return known.map(([name, value]) => `${name.padEnd(width)}  ${visible(String(value))}`).join('\n')
}

/**
 * Formats a table with two spaces between its columns.
 *
 * @param maxWidth columns are dropped from the right until the table is not wider, in characters
 */
export function formatTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  maxWidth = tableWidth(),
): string {
  const shown = columns.filter(({ wide }) => !wide || maxWidth === Number.POSITIVE_INFINITY)
  const texts = shown.map(({ title, cell }) => [title, ...rows.map(row => textOf(cell(row)))])
  const widths = texts.map(column => column.reduce((most, text) => Math.max(most, text.length), 0))
  let count = shown.length
  const widthOf = (n: number) => widths.slice(0, n).reduce((sum, width) => sum + width + 2, -2)
  while (count > 1 && widthOf(count) > maxWidth) count--
  const lines = [undefined, ...rows].map((_, line) =>
    texts
      .slice(0, count)
      .map((column, i) => column[line]!.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  )
  return lines.join('\n')
}

function textOf(value: string | number | null | undefined): string {
  return value === undefined || value === null || value === '' ? '-' : visible(String(value))
}

/** Prints a line. Keys of etcd, names and fields of certificates in it may have control characters, which are made visible. */
export function say(line: string): void {
  console.log(visible(line))
}

/** Replaces control characters, which texts of clients and of the registry may have: a terminal would obey them. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '\ufffd')
}

/** Quotes text for a shell. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
