import { type FilterLanguage, parseFilterOf } from '../internal/telemetry/filter.ts'
import type { Present } from './series.ts'

/** The rows that a filter lets through, or what is wrong with the filter. */
export interface Filtered<Row> {
  readonly rows: readonly Row[]
  readonly error: string | undefined
}

/** Filters the rows of a table. A filter that cannot be read lets everything through. */
export function filterRows<Row>(
  rows: readonly Row[],
  text: string,
  language: FilterLanguage<Row>,
): Filtered<Row> {
  try {
    return { rows: rows.filter(parseFilterOf(language, text)), error: undefined }
  } catch (error) {
    return { rows, error: (error as Error).message }
  }
}

/** Makes the language of rows that have something inside which has a language of its own. */
export function languageOf<Row, Inner>(
  { texts, numbers = {}, searched }: FilterLanguage<Inner>,
  read: (row: Row) => Inner,
  further: Pick<FilterLanguage<Row>, 'numbers'> = {},
): FilterLanguage<Row> {
  return {
    texts: mapped(texts, read),
    numbers: { ...mapped(numbers, read), ...further.numbers },
    searched: row => searched(read(row)),
  }
}

function mapped<Row, Inner, Value>(
  fields: Readonly<Record<string, (inner: Inner) => Value>>,
  read: (row: Row) => Inner,
): Record<string, (row: Row) => Value> {
  return Object.fromEntries(Object.entries(fields).map(([name, of]) => [name, (row: Row) => of(read(row))]))
}

/** What rows with figures of their requests are filtered by. */
export const PRESENT_FIELDS: NonNullable<FilterLanguage<{ readonly present: Present }>['numbers']> = {
  rps: ({ present }) => present.rate,
  '4xx': ({ present }) => (present.share4 ?? 0) * 100,
  '5xx': ({ present }) => (present.share5 ?? 0) * 100,
  p50: ({ present }) => present.p50,
  p99: ({ present }) => present.p99,
}
