/** What filters look at. A row of a table has those that apply to it. */
export interface FilterFields {
  readonly requestId?: string | undefined
  readonly method?: string | undefined
  readonly path?: string | undefined
  readonly status?: number | undefined
  readonly totalMs?: number | undefined
  readonly route?: string | undefined
  readonly service?: string | undefined
  readonly node?: string | undefined
  readonly client?: string | undefined
  readonly user?: string | undefined
  readonly code?: string | undefined
}

/** Says whether something fits a filter. */
export type Filter = (fields: FilterFields) => boolean

const TEXT_FIELDS = ['service', 'route', 'node', 'path', 'method', 'code', 'client', 'user'] as const
const FIELDS = [...TEXT_FIELDS, 'status', 'ms'].join(', ')

/** What begins with a letter and has one of these signs behind its first letters names a field. */
const FIELD = /^([a-z]+)(:|>=|<=|>|<)(.*)$/i
const STATUS = /^[1-5](?:xx|\d\d)$/i
/** Every request is compared with every word while somebody watches. */
const MAX_WORDS = 32
const NUMBER = /^\d{1,9}(?:\.\d{1,6})?$/

/**
 * Reads a filter: words with spaces between them, all of which must hold. `service:user` compares a field, with `*` for any
 * characters. `status:5xx`, `status>=500` and `ms>100` compare numbers. `-word` is the opposite of a word. Any other word is
 * searched in path, route, service and id. Upper and lower case are the same. A filter without words fits everything; one
 * with more than 32 is refused.
 *
 * @throws TypeError that names what cannot be read, and what is allowed
 */
export function parseFilter(text: string): Filter {
  const words = text.split(/\s+/).filter(word => word !== '')
  if (words.length > MAX_WORDS) throw new TypeError(`write at most ${MAX_WORDS} words, not ${words.length}`)
  const filters = words.map(word => {
    if (!word.startsWith('-')) return wordFilter(word, word)
    const filter = wordFilter(word.slice(1), word)
    return (fields: FilterFields) => !filter(fields)
  })
  return fields => filters.every(filter => filter(fields))
}

function wordFilter(word: string, whole: string): Filter {
  if (word === '') throw new TypeError(`"${whole}": write the word that must not fit behind the -`)
  const [, name = '', sign = '', value = ''] = FIELD.exec(word) ?? []
  if (name === '') return searchFilter(word.toLowerCase())
  const field = name.toLowerCase()
  if (field === 'status') return statusFilter(sign, value, whole)
  if (field === 'ms') return numberFilter(sign, value, whole, ({ totalMs }) => totalMs)
  const known = TEXT_FIELDS.find(each => each === field)
  if (known === undefined)
    throw new TypeError(`"${whole}": there is no field "${name}"; the fields are ${FIELDS}`)
  if (sign !== ':') throw new TypeError(`"${whole}": ${known} is a text; write ${known}:TEXT`)
  if (value === '') throw new TypeError(`"${whole}": write a text behind ${known}:, such as ${known}:a*`)
  const fits = textTest(value.toLowerCase())
  return fields => fields[known] !== undefined && fits(fields[known].toLowerCase())
}

function searchFilter(word: string): Filter {
  return ({ path, route, service, requestId }) =>
    [path, route, service, requestId].some(text => text?.toLowerCase().includes(word))
}

function statusFilter(sign: string, value: string, whole: string): Filter {
  if (sign !== ':') return numberFilter(sign, value, whole, ({ status }) => status)
  if (!STATUS.test(value)) {
    throw new TypeError(
      `"${whole}": a status is a number such as 404, or a class such as 5xx; or write status>=500`,
    )
  }
  if (!/xx$/i.test(value)) return ({ status }) => status === Number(value)
  return ({ status }) => status !== undefined && Math.floor(status / 100) === Number(value[0])
}

function numberFilter(
  sign: string,
  value: string,
  whole: string,
  read: (fields: FilterFields) => number | undefined,
): Filter {
  if (!NUMBER.test(value) || sign === ':') {
    throw new TypeError(`"${whole}": write >, >=, < or <= and a number, such as ms>100`)
  }
  const limit = Number(value)
  return fields => {
    const number = read(fields)
    if (number === undefined) return false
    if (sign === '>') return number > limit
    if (sign === '>=') return number >= limit
    return sign === '<' ? number < limit : number <= limit
  }
}

/** Returns the test of a text with `*`, which takes time in proportion to the text whatever the pattern is. */
function textTest(pattern: string): (text: string) => boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return text => text === pattern
  return text => {
    if (!text.startsWith(first)) return false
    let at = first.length
    for (const part of rest) {
      const found = text.indexOf(part, at)
      if (found < 0) return false
      at = found + part.length
    }
    return text.length - last.length >= at && text.endsWith(last)
  }
}
