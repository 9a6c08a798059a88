import { TOKEN } from '../http/header-lines.ts'
import { memoizeNames } from '../http/memoize-names.ts'
import { MAX_PREFIX_BYTES, writeText } from './hpack-primitives.ts'
import { STATIC_TABLE } from './hpack-table.ts'

/** Fields that no hop may index (RFC 7541 section 7.1.3). */
const SECRETS = new Set(['authorization', 'cookie', 'proxy-authorization', 'set-cookie'])

/** A field name, and how it is encoded. */
export interface FieldName {
  readonly lower: string
  /** The first entry of the static table with this name; 0 = none. */
  readonly index: number
  /** The indexes of the static entries with this name, by their value; undefined = none has a value. */
  readonly values: ReadonlyMap<string, number> | undefined
  /** The name as a string literal. */
  readonly literal: Buffer
  readonly isSecret: boolean
}

/**
 * Looks a name up as it is spelled.
 *
 * @throws TypeError when it is not a token
 */
export const fieldName = memoizeNames(describeName)

function describeName(spelling: string): FieldName {
  const lower = spelling.toLowerCase()
  if (!TOKEN.test(lower.startsWith(':') ? lower.slice(1) : lower))
    throw new TypeError('a header name is not a token')
  const values = new Map<string, number>()
  STATIC_TABLE.forEach(({ name, value }, i) => {
    if (name === lower && value !== '') values.set(value, i + 1)
  })
  const literal = Buffer.alloc(MAX_PREFIX_BYTES + lower.length)
  return {
    lower,
    index: STATIC_TABLE.findIndex(({ name }) => name === lower) + 1,
    values: values.size > 0 ? values : undefined,
    literal: literal.subarray(0, writeText(literal, 0, lower)),
    isSecret: SECRETS.has(lower),
  }
}
