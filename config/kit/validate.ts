import type { TSchema } from 'typebox'
import { getOrMake } from '../../internal/get-or-make.ts'
import { didYouMean } from './closest.ts'
import { type Finding, type Path, show } from './problem.ts'
import { NAME_TITLE } from './values.ts'

/** The keywords of JSON Schema that are checked: those that the constructors of `Type` and our schemas use. */
interface Rules {
  readonly type?: string
  /** Describes `pattern` for people. */
  readonly title?: string
  readonly writeOnly?: boolean
  readonly anyOf?: readonly Rules[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
  readonly items?: Rules
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly properties?: Readonly<Record<string, Rules>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
  /** Has one pattern, which all names match. */
  readonly patternProperties?: Readonly<Record<string, Rules>>
  readonly propertyNames?: Rules
  readonly minProperties?: number
  readonly maxProperties?: number
}

/**
 * Finds everything in `value` that `schema` does not allow, in words for the person who wrote it. A general validator would
 * say it in the words of JSON Schema, and those that were tried take longer to load than all other code of a small command.
 */
export function findProblems(schema: TSchema, value: unknown): Finding[] {
  return [...reservedKeys(value, []), ...problemsOf(schema as Rules, value, [])]
}

/** A key named `__proto__` is never intended, and changes the prototype of a careless copy. */
function* reservedKeys(value: unknown, path: Path): Generator<Finding> {
  if (typeof value !== 'object' || value === null) return
  for (const key of Object.keys(value)) {
    const inner = [...path, Array.isArray(value) ? Number(key) : key]
    if (key === '__proto__') yield { path: inner, message: 'is a reserved name' }
    else yield* reservedKeys((value as Record<string, unknown>)[key], inner)
  }
}

function problemsOf(rules: Rules, value: unknown, path: Path): Finding[] {
  if (rules.anyOf !== undefined) return unionProblems(rules.anyOf, value, path)
  if (rules.type !== undefined && !isOfType(rules.type, value)) {
    return [{ path, message: `must be ${typeName(rules)}${not(rules, value)}` }]
  }
  const allowed = rules.enum ?? (rules.const === undefined ? undefined : [rules.const])
  if (allowed !== undefined && !allowed.includes(value)) {
    const guess = typeof value === 'string' ? didYouMean(value, allowed.map(String)) : ''
    return [{ path, message: `must be ${oneOf(allowed.map(show))}, not ${show(value)}${guess}` }]
  }
  if (typeof value === 'string') return textProblems(rules, value, path)
  if (typeof value === 'number') return numberProblems(rules, value, path)
  if (Array.isArray(value)) return listProblems(rules, value, path)
  if (typeof value === 'object' && value !== null) {
    return objectProblems(rules, value as Record<string, unknown>, path)
  }
  return []
}

function textProblems(rules: Rules, text: string, path: Path): Finding[] {
  const { minLength = 0, maxLength = Infinity, pattern } = rules
  const found: Finding[] = []
  if (text.length < minLength) found.push({ path, message: 'must not be empty' })
  // Characters are code points, of which a text never has more than UTF-16 units.
  if (text.length > maxLength && [...text].length > maxLength) {
    found.push({ path, message: `must not have more than ${maxLength} characters` })
  }
  if (pattern !== undefined && !regExp(pattern).test(text)) {
    found.push({ path, message: `must be ${rules.title ?? `like ${pattern}`}${not(rules, text)}` })
  }
  return found
}

function numberProblems(rules: Rules, value: number, path: Path): Finding[] {
  const { minimum = -Infinity, exclusiveMinimum = -Infinity, maximum = Infinity } = rules
  const found: Finding[] = []
  if (value < minimum) found.push({ path, message: `must be >= ${minimum}, not ${value}` })
  if (value <= exclusiveMinimum) found.push({ path, message: `must be > ${exclusiveMinimum}, not ${value}` })
  if (value > maximum) found.push({ path, message: `must be <= ${maximum}, not ${value}` })
  return found
}

function listProblems(rules: Rules, list: readonly unknown[], path: Path): Finding[] {
  const { items, minItems = 0, maxItems = Infinity, uniqueItems = false } = rules
  const found: Finding[] = []
  if (list.length < minItems) found.push({ path, message: 'must not be empty' })
  if (list.length > maxItems) found.push({ path, message: `must not have more than ${maxItems} items` })
  if (uniqueItems && new Set(list.map(item => JSON.stringify(item))).size < list.length) {
    found.push({ path, message: 'must not contain duplicates' })
  }
  if (items === undefined) return found
  return [...found, ...list.flatMap((item, index) => problemsOf(items, item, [...path, index]))]
}

/** The fields of an object that has more are not listed. */
const MAX_LISTED = 16

function objectProblems(rules: Rules, object: Readonly<Record<string, unknown>>, path: Path): Finding[] {
  const { properties = {}, required = [], minProperties = 0, maxProperties = Infinity } = rules
  const keys = Object.keys(object).filter(key => key !== '__proto__' && object[key] !== undefined)
  const others = keys.filter(key => !Object.hasOwn(properties, key))
  const [other] = Object.values(rules.patternProperties ?? {})
  const found: Finding[] = []
  const report = (key: string, message: string) => found.push({ path: [...path, key], message })
  for (const key of required) if (!keys.includes(key)) report(key, 'is missing')
  if (rules.additionalProperties === false && other === undefined) {
    for (const key of others) {
      const names = Object.keys(properties)
      const guess = didYouMean(key, names)
      const known = guess === '' && names.length <= MAX_LISTED ? ` (known are ${names.join(', ')})` : ''
      report(key, `is not a known field${guess}${known}`)
    }
  }
  if (rules.propertyNames !== undefined) {
    for (const key of keys) {
      if (problemsOf(rules.propertyNames, key, path).length > 0) {
        report(key, `must have a name of ${NAME_TITLE}`)
      }
    }
  }
  for (const [key, property] of Object.entries(properties)) {
    if (keys.includes(key)) found.push(...problemsOf(property, object[key], [...path, key]))
  }
  if (other !== undefined) {
    for (const key of others) found.push(...problemsOf(other, object[key], [...path, key]))
  }
  if (keys.length < minProperties) {
    found.push({ path, message: `must not have fewer than ${minProperties} properties` })
  }
  if (keys.length > maxProperties) {
    found.push({ path, message: `must not have more than ${maxProperties} properties` })
  }
  return found
}

/** Reports the problems of the branch of a union that was most likely intended. */
function unionProblems(branches: readonly Rules[], value: unknown, path: Path): Finding[] {
  const reports = branches.map(branch => problemsOf(branch, value, path))
  if (reports.some(report => report.length === 0)) return []
  const [intended] = reports
    .filter((_, index) => {
      const { type, const: word, enum: words } = branches[index]!
      // A text that is none of some words may stand for what another branch writes as an object.
      return type === jsonType(value) && word === undefined && words === undefined
    })
    .sort((a, b) => a.length - b.length)
  if (intended !== undefined) return intended
  const words = branches.flatMap(rules => wordsOf(rules) ?? [])
  const allowed = branches.flatMap(rules => wordsOf(rules)?.map(show) ?? typeName(rules))
  // What switches a thing off is seldom what was meant.
  if (branches.some(rules => rules.const === false))
    allowed.push(allowed.splice(allowed.indexOf('false'), 1)[0]!)
  const guess = typeof value === 'string' ? didYouMean(value, words.map(String)) : ''
  return [{ path, message: `must be ${oneOf(allowed)}${not({}, value)}${guess}` }]
}

/** Returns the values that are allowed, one by one; undefined when there are too many. */
function wordsOf({ const: only, enum: words, type }: Rules): readonly unknown[] | undefined {
  if (type === 'boolean' && only === undefined) return [true, false]
  return words ?? (only === undefined ? undefined : [only])
}

const regExps = new Map<string, RegExp>()

/** Compiles a pattern of a schema, once. */
function regExp(pattern: string): RegExp {
  return getOrMake(regExps, pattern, () => new RegExp(pattern, 'u'))
}

/** Returns `, not VALUE`, or only the type of what does not belong in a log: a secret, a whole section, a value that may hold some. */
function not(schema: Rules, value: unknown): string {
  const isSimple = typeof value !== 'object' || value === null
  if (schema.writeOnly !== true && schema.type !== 'object' && isSimple) return `, not ${show(value)}`
  if (typeof value === 'boolean' && schema.writeOnly !== true) return `, not ${value}`
  return jsonType(value) === schema.type ? '' : `, not ${typeName({ type: jsonType(value) })}`
}

function isOfType(type: string, value: unknown): boolean {
  if (type === 'number') return typeof value === 'number' && Number.isFinite(value)
  return jsonType(value) === type
}

function jsonType(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

const MAX_SHOWN_MEMBERS = 3

function typeName({ type = 'something else', properties, required }: Rules): string {
  // Which object it is shows by what it cannot be without. A whole section of a configuration has many such members.
  const members = required ?? Object.keys(properties ?? {}).slice(0, 1)
  if (type === 'object' && members.length > 0 && members.length <= MAX_SHOWN_MEMBERS) {
    return `an object such as {${members.map(name => `${JSON.stringify(name)}: ...`).join(', ')}}`
  }
  if (type === 'null') return 'null'
  if (type === 'boolean') return 'true or false'
  const article = /^[aeiou]/.test(type) ? 'an' : 'a'
  return type === 'array' ? 'a list' : `${article} ${type}`
}

function oneOf(words: readonly string[]): string {
  return words.length === 1 ? words[0]! : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
