import { type FilterFields, parseFilter } from '../internal/telemetry/filter.ts'

/** What a table can be filtered by besides the fields of all filters: texts, or figures to compare with `>` and `<`. */
export type OwnFields<Row> = Readonly<
  Record<string, (row: Row) => string | readonly string[] | number | null>
>

/** The rows that a filter lets through, or what is wrong with the filter. */
export interface Filtered<Row> {
  readonly rows: readonly Row[]
  readonly error: string | undefined
}

const WORD = /^-?([a-z0-9]+)(:|>=|<=|>|<)(.+)$/i

/**
 * Filters the rows of a table by the language of all filters. A table may have further fields, such as `auth:none` or `5xx>1`.
 * A filter that cannot be read lets everything through.
 */
export function filterRows<Row>(
  rows: readonly Row[],
  text: string,
  fieldsOf: (row: Row) => FilterFields,
  own: OwnFields<Row>,
): Filtered<Row> {
  const words = text.split(/\s+/).filter(word => word !== '')
  const isOwn = (word: string) => Object.hasOwn(own, WORD.exec(word)?.[1]?.toLowerCase() ?? '')
  try {
    const fits = parseFilter(words.filter(word => !isOwn(word)).join(' '))
    const tests = words.filter(isOwn).map(word => ownTest(word, own))
    return {
      rows: rows.filter(row => fits(fieldsOf(row)) && tests.every(test => test(row))),
      error: undefined,
    }
  } catch (error) {
    const names = Object.keys(own).join(', ')
    return { rows, error: `${(error as Error).message}${names && `; here also ${names}`}` }
  }
}

function ownTest<Row>(word: string, own: OwnFields<Row>): (row: Row) => boolean {
  const [, name = '', sign = '', value = ''] = WORD.exec(word)!
  const read = own[name.toLowerCase()]!
  const test = sign === ':' ? textTest(read, value.toLowerCase()) : numberTest(read, sign, Number(value))
  return word.startsWith('-') ? row => !test(row) : test
}

function textTest<Row>(read: OwnFields<Row>[string], value: string): (row: Row) => boolean {
  return row => [read(row)].flat().some(text => String(text).toLowerCase().includes(value))
}

function numberTest<Row>(read: OwnFields<Row>[string], sign: string, limit: number): (row: Row) => boolean {
  return row => {
    const value = read(row)
    if (typeof value !== 'number') return false
    if (sign === '>') return value > limit
    if (sign === '<') return value < limit
    return sign === '>=' ? value >= limit : value <= limit
  }
}
