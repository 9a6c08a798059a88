/** What rows of one kind can be filtered by. */
export interface FilterLanguage<Row> {
  /** Fields that are compared with a text, by name. Of a list, one text must fit. */
  readonly texts: Readonly<Record<string, (row: Row) => string | readonly string[] | undefined>>
  /** Fields that are compared with a number, by name. */
  readonly numbers?: Readonly<Record<string, (row: Row) => number | null | undefined>>
  /** Fields that are statuses of HTTP: numbers, of which `5xx` names a class. */
  readonly statuses?: Readonly<Record<string, (row: Row) => number | undefined>>
  /** The texts in which a word without a field is searched. */
  readonly searched: (row: Row) => readonly (string | undefined)[]
}

/** Says whether something fits a filter. */
export type Filter<Row = FilterFields> = (row: Row) => boolean

/** What is known of a request, or of a row of figures, when it is filtered. */
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

const OF_REQUESTS: FilterLanguage<FilterFields> = {
  texts: {
    service: ({ service }) => service,
    route: ({ route }) => route,
    node: ({ node }) => node,
    path: ({ path }) => path,
    method: ({ method }) => method,
    code: ({ code }) => code,
    client: ({ client }) => client,
    user: ({ user }) => user,
  },
  statuses: { status: ({ status }) => status },
  numbers: { ms: ({ totalMs }) => totalMs },
  searched: ({ path, route, service, requestId }) => [path, route, service, requestId],
}

/** What became of a request. */
interface Outcome {
  readonly status: number
  readonly code?: string | undefined
  readonly attempts: number
  readonly fallback?: true | undefined
  readonly grpcStatus?: number | undefined
}

/** Whether a request went wrong, as far as it can be told from the request alone. A gRPC call that failed has status 200. */
export function wentWrong({ status, code, attempts, fallback, grpcStatus = 0 }: Outcome): boolean {
  return status >= 400 || code !== undefined || attempts > 1 || fallback === true || grpcStatus !== 0
}

/** A word that may name a field: what it names, a sign, and what the field is compared with. */
const FIELD = /^([a-z0-9]+)(:|>=|<=|>|<)(.*)$/i
/** What cannot be meant as anything but the name of a field. `n1:80` is more likely a node. */
const NAME = /^[a-z]+$/i
const STATUS = /^[1-5](?:xx|\d\d)$/i
/** Every request is compared with every word while somebody watches. */
const MAX_WORDS = 32
const NUMBER = /^\d{1,9}(?:\.\d{1,6})?$/

/**
 * Reads a filter of requests. See {@link parseFilterOf}.
 *
 * @throws TypeError that names what cannot be read, and what is allowed
 */
export function parseFilter(text: string): Filter {
  return parseFilterOf(OF_REQUESTS, text)
}

/**
 * Reads a filter: words with spaces between them, all of which must hold. `service:user` compares a field, with `*` for any
 * characters. `status:5xx`, `status>=500` and `ms>100` compare numbers. `-word` is the opposite of a word. Any other word is
 * searched in the texts that the language names. Upper and lower case are the same. A filter without words fits everything;
 * one with more than 32 is refused.
 *
 * @throws TypeError that names the word which cannot be read, its place, and what is allowed
 */
export function parseFilterOf<Row>(language: FilterLanguage<Row>, text: string): Filter<Row> {
  const words = text.split(/\s+/).filter(word => word !== '')
  if (words.length > MAX_WORDS) throw new TypeError(`write at most ${MAX_WORDS} words, not ${words.length}`)
  const filters = words.map((word, index) => {
    const fail = (reason: string): never => {
      throw new TypeError(`${words.length === 1 ? '' : `word ${index + 1}, `}"${word}": ${reason}`)
    }
    if (!word.startsWith('-')) return wordFilter(language, word, fail)
    const filter = wordFilter(language, word.slice(1), fail)
    return (row: Row) => !filter(row)
  })
  return row => filters.every(filter => filter(row))
}

function wordFilter<Row>(
  language: FilterLanguage<Row>,
  word: string,
  fail: (reason: string) => never,
): Filter<Row> {
  if (word === '') return fail('write the word that must not fit behind the -')
  const [, written = '', sign = '', value = ''] = FIELD.exec(word) ?? []
  const name = written.toLowerCase()
  const { texts, statuses = {}, numbers = {}, searched } = language
  const status = fieldOf(statuses, name)
  if (status)
    return sign === ':' ? statusFilter(status, value, fail) : numberFilter(status, sign, value, fail)
  const number = fieldOf(numbers, name)
  if (number) return numberFilter(number, sign, value, fail)
  const read = fieldOf(texts, name)
  if (!read && NAME.test(name)) {
    const names = [texts, statuses, numbers].flatMap(fields => Object.keys(fields))
    return fail(`there is no field "${written}"; the fields are ${names.join(', ')}`)
  }
  if (!read) {
    const part = word.toLowerCase()
    return row => searched(row).some(text => text?.toLowerCase().includes(part))
  }
  if (sign !== ':') return fail(`${name} is a text; write ${name}:TEXT`)
  if (value === '') return fail(`write a text behind ${name}:, such as ${name}:a*`)
  const fits = textTest(value.toLowerCase())
  return row => {
    const text = read(row)
    if (typeof text === 'string') return fits(text.toLowerCase())
    return text?.some(each => fits(each.toLowerCase())) ?? false
  }
}

function fieldOf<Read>(fields: Readonly<Record<string, Read>>, name: string): Read | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}

function statusFilter<Row>(
  read: (row: Row) => number | undefined,
  value: string,
  fail: (reason: string) => never,
): Filter<Row> {
  if (!STATUS.test(value)) {
    return fail('a status is a number such as 404, or a class such as 5xx; or write status>=500')
  }
  if (!/xx$/i.test(value)) return row => read(row) === Number(value)
  return row => Math.floor((read(row) ?? 0) / 100) === Number(value[0])
}

function numberFilter<Row>(
  read: (row: Row) => number | null | undefined,
  sign: string,
  value: string,
  fail: (reason: string) => never,
): Filter<Row> {
  if (!NUMBER.test(value) || sign === ':') {
    return fail('write >, >=, < or <= and a number, such as ms>100')
  }
  const limit = Number(value)
  return row => {
    const number = read(row)
    if (number === undefined || number === null) return false
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
