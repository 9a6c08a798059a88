import { createRequire } from 'node:module'
import type { TSchema } from 'typebox'
import type { TLocalizedValidationError } from 'typebox/error'
import type * as Schemas from 'typebox/schema'
import type * as System from 'typebox/system'
import { didYouMean } from './closest.ts'
import { type Finding, type Path, show } from './problem.ts'
import { NAME_TITLE } from './values.ts'

let library: typeof Schemas | undefined

/** Loads the library with the first value, because a command such as `--version` validates none. */
function schemas(): typeof Schemas {
  if (library === undefined) {
    const require = createRequire(import.meta.url)
    library = require('typebox/schema') as typeof Schemas
    // It stops after 8 errors by default, but a person who edits a file wants all of them.
    ;(require('typebox/system') as typeof System).Settings.Set({ maxErrors: 1_000 })
  }
  return library
}

/** Finds everything in `value` that `schema` does not allow. */
export function findProblems(schema: TSchema, value: unknown): Finding[] {
  return [...reservedKeys(value, []), ...schemaProblems(schema, value, [])]
}

/**
 * Makes a {@link findProblems} for a schema that many values are checked against. Valid values pass ten times as fast;
 * the first call takes some 10 ms longer.
 */
export function createProblemFinder(schema: TSchema): (value: unknown) => Finding[] {
  let validator: Schemas.Validator | undefined
  return value => {
    validator ??= schemas().Compile(schema)
    return validator.Check(value) ? [...reservedKeys(value, [])] : findProblems(schema, value)
  }
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

function schemaProblems(schema: TSchema, value: unknown, base: Path): Finding[] {
  const found: Finding[] = []
  const unions: string[] = []
  const [, errors] = schemas().Errors(schema, value)
  for (const error of errors.filter(error => error.keyword === 'anyOf')) {
    // The outer union reports for the unions inside it.
    if (unions.some(outer => error.schemaPath.startsWith(`${outer}/`))) continue
    unions.push(error.schemaPath)
  }
  const seen = new Set<string>()
  for (const error of errors) {
    if (unions.some(union => error.schemaPath.startsWith(`${union}/`))) continue
    const { parts, value: at } = locate(value, error.instancePath)
    for (const { path, message } of describe(error, schemaAt(schema, error.schemaPath), at, parts)) {
      const finding = { path: [...base, ...path], message }
      const key = JSON.stringify(finding)
      if (!seen.has(key)) found.push(finding)
      seen.add(key)
    }
  }
  return found
}

function describe(error: TLocalizedValidationError, schema: Rules, value: unknown, path: Path): Finding[] {
  switch (error.keyword) {
    // Comes together with `additionalProperties`, which names the field.
    case 'boolean':
      return []
    case 'additionalProperties': {
      const known = Object.keys(schema.properties ?? {})
      return error.params.additionalProperties
        .filter(key => key !== '__proto__')
        .map(key => ({ path: [...path, key], message: `is not a known field${didYouMean(key, known)}` }))
    }
    case 'required':
      return error.params.requiredProperties.map(key => ({ path: [...path, key], message: 'is missing' }))
    case 'propertyNames':
      return error.params.propertyNames.map(key => ({
        path: [...path, key],
        message: `must have a name of ${NAME_TITLE}`,
      }))
    case 'anyOf':
      return unionProblems(schema.anyOf ?? [], value, path)
    case 'type':
      return [{ path, message: `must be ${typeName(schema)}${not(schema, value)}` }]
    case 'enum':
    case 'const': {
      const allowed = schema.enum ?? [schema.const]
      const guess = typeof value === 'string' ? didYouMean(value, allowed.map(String)) : ''
      return [{ path, message: `must be ${oneOf(allowed.map(show))}, not ${show(value)}${guess}` }]
    }
    case 'pattern':
      return [{ path, message: `must be ${schema.title ?? `like ${schema.pattern}`}${not(schema, value)}` }]
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return [
        { path, message: `must be ${error.params.comparison} ${error.params.limit}, not ${show(value)}` },
      ]
    case 'minLength':
    case 'minItems':
      return [{ path, message: 'must not be empty' }]
    case 'uniqueItems':
      return [{ path, message: 'must not contain duplicates' }]
    default:
      return [{ path, message: error.message }]
  }
}

/** Reports the problems of the branch of a union that was most likely intended. */
function unionProblems(branches: readonly TSchema[], value: unknown, path: Path): Finding[] {
  const plain = branches.map(branch => branch as Rules)
  const reports = branches
    .filter((_, index) => plain[index]!.type === jsonType(value) && plain[index]!.const === undefined)
    .map(branch => schemaProblems(branch, value, path))
    .sort((a, b) => a.length - b.length)
  if (reports[0] !== undefined) return reports[0]
  const allowed = plain.map(rules => (rules.const === undefined ? typeName(rules) : show(rules.const)))
  const guess =
    typeof value === 'string'
      ? didYouMean(
          value,
          plain.flatMap(rules => (typeof rules.const === 'string' ? [rules.const] : [])),
        )
      : ''
  return [{ path, message: `must be ${oneOf(allowed)}, not ${show(value)}${guess}` }]
}

/** Returns `, not VALUE`, or only the type of a secret or a whole section, which do not belong in a log. */
function not(schema: Rules, value: unknown): string {
  if (schema.writeOnly !== true && schema.type !== 'object') return `, not ${show(value)}`
  return jsonType(value) === schema.type ? '' : `, not ${typeName({ type: jsonType(value) })}`
}

/** The keywords that messages are made from. */
interface Rules {
  readonly type?: string
  readonly title?: string
  readonly pattern?: string
  readonly const?: unknown
  readonly writeOnly?: boolean
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, unknown>>
  readonly anyOf?: readonly TSchema[]
}

function schemaAt(schema: TSchema, schemaPath: string): Rules {
  return pointerParts(schemaPath.slice(1)).reduce<unknown>(
    (inner, key) => (inner as Record<string, unknown> | undefined)?.[key],
    schema,
  ) as Rules
}

function locate(value: unknown, pointer: string): { parts: (string | number)[]; value: unknown } {
  let inner = value
  const parts = pointerParts(pointer).map(key => {
    const part = Array.isArray(inner) ? Number(key) : key
    inner = (inner as Record<string, unknown> | undefined)?.[key]
    return part
  })
  return { parts, value: inner }
}

/** Splits a JSON pointer (RFC 6901). */
function pointerParts(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function jsonType(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

function typeName({ type = 'something else' }: Rules): string {
  if (type === 'null') return 'null'
  if (type === 'boolean') return 'true or false'
  const article = /^[aeiou]/.test(type) ? 'an' : 'a'
  return type === 'array' ? 'a list' : `${article} ${type}`
}

function oneOf(words: readonly string[]): string {
  return words.length === 1 ? words[0]! : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
