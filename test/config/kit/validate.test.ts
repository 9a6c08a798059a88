import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv, type SchemaObject } from 'ajv'
import { findProblems } from '../../../config/kit/validate.ts'
import { RouteDocument } from '../../../config/route/route-schema.ts'
import { ConfigSchema } from '../../../config/schema.ts'
import { seededRandom } from '../../support/random.ts'

/** A whole configuration would almost never be made right by chance: its fields are. */
const SCHEMAS: Readonly<Record<string, SchemaObject>> = {
  ...ConfigSchema.properties,
  'a route document': RouteDocument,
}
/** Keywords that say nothing about which values are allowed, and those of them that are checked. */
const KNOWN = new Set([
  ...['$id', '$schema', 'title', 'description', 'default', 'examples', 'writeOnly'],
  ...['env', 'neverEmpty', 'flag', 'isPath', 'insteadOf', 'formerly', 'reload', 'isFollowed'],
  ...['type', 'anyOf', 'const', 'enum', 'pattern', 'minLength', 'maxLength'],
  ...['minimum', 'exclusiveMinimum', 'maximum', 'items', 'minItems', 'maxItems', 'uniqueItems'],
  ...['properties', 'required', 'additionalProperties', 'patternProperties', 'propertyNames'],
  ...['minProperties', 'maxProperties'],
])

test('every keyword of the schemas is checked', () => {
  const keywords = [ConfigSchema, RouteDocument].flatMap(schema => [...keywordsOf(schema)])
  assert.deepEqual(
    keywords.filter(keyword => !KNOWN.has(keyword)),
    [],
  )
})

test('a value is accepted exactly when a validator of JSON Schema accepts it', () => {
  const next = seededRandom(20261129)
  let accepted = 0
  let refused = 0
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    const isValid = new Ajv({ strict: false, logger: false }).compile(schema)
    for (let i = 0; i < 90; i++) {
      // With few faults per value, so that it matters which values are accepted.
      const value = sample(schema, next, [0, 0.005, 0.05][i % 3]!)
      const problems = findProblems(schema, value)
      if ((problems.length === 0) !== isValid(value)) {
        assert.fail(`${name}: ${JSON.stringify(value)}\n${JSON.stringify(problems)}`)
      }
      if (problems.length === 0) accepted++
      else refused++
    }
  }
  assert.ok(accepted > 300 && refused > 300, `both are tried: ${accepted} and ${refused}`)
})

test('a long text is measured in characters', () => {
  const schema = { type: 'string', maxLength: 3 }
  assert.deepEqual(findProblems(schema, '🙂🙂🙂'), [])
  assert.deepEqual(findProblems(schema, '🙂🙂🙂🙂'), [
    { path: [], message: 'must not have more than 3 characters' },
  ])
})

test('a reserved name is reported wherever it stands', () => {
  const value: unknown = JSON.parse('{"a":[{"__proto__":{"b":1}}]}')
  assert.deepEqual(findProblems({}, value), [{ path: ['a', 0, '__proto__'], message: 'is a reserved name' }])
})

function* keywordsOf(schema: SchemaObject): Generator<string> {
  yield* Object.keys(schema)
  for (const inner of Object.values({ ...schema.properties, ...schema.patternProperties })) {
    yield* keywordsOf(inner as SchemaObject)
  }
  for (const inner of [...(schema.anyOf ?? []), schema.items, schema.propertyNames]) {
    if (inner) yield* keywordsOf(inner)
  }
}

/** Makes a value that mostly fits the schema. `faults` is the probability that a part of it is anything. */
function sample(schema: SchemaObject, next: () => number, faults: number): unknown {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!
  if (next() < faults)
    return pick<unknown>([null, true, 0, -1, 1.5, 1e12, '', 'x y', [], [1, 1], {}, { __odd: 1 }])
  if (schema.anyOf) return sample(pick(schema.anyOf), next, faults)
  if ('const' in schema) return schema.const
  if (schema.enum) return pick(schema.enum)
  const size = schema.minItems ?? Math.floor(next() * 3)
  switch (schema.type) {
    case 'null':
      return null
    case 'boolean':
      return next() < 0.5
    case 'integer':
    case 'number':
      return pick([schema.minimum ?? schema.exclusiveMinimum ?? 0, schema.maximum ?? 1, 1, 0.5])
    case 'string':
      return pick(['a', '/a', 'GET', 'x-a', 'a.example', 'http://127.0.0.1:1', '10.0.0.0/8', ''])
    case 'array':
      return Array.from({ length: size }, () => sample(schema.items ?? {}, next, faults))
    case 'object': {
      const required = new Set<string>(schema.required)
      const entries = Object.entries<SchemaObject>(schema.properties ?? {})
        .filter(([key]) => required.has(key) || next() < 2 / Object.keys(schema.properties).length)
        .map(([key, inner]) => [key, sample(inner, next, faults)])
      const [other] = Object.values<SchemaObject>(schema.patternProperties ?? {})
      if (other) entries.push([pick(['a', 'x-a', 'GET', 'a b']), sample(other, next, faults)])
      return Object.fromEntries(entries)
    }
    default:
      return pick([1, 'a', null])
  }
}

test('a value in place of an object is answered with the form of the object', () => {
  for (const [fields, message] of [
    [{ rateLimit: 10 }, 'must be an object such as {"limit": ...}, a list or false, not 10'],
    [{ rateLimit: [10] }, 'must be an object such as {"limit": ...}, not an integer'],
    [
      { rateLimit: { limit: 1, key: 'x-api-key' } },
      'must be "address", "route", "service", "subject", an object such as {"header": ...} or a list, not "x-api-key"',
    ],
    [
      { rateLimit: { limit: 1, key: ['x-api-key'] } },
      'must be "address", "route", "service", "subject" or an object such as {"header": ...}, not "x-api-key"',
    ],
    [{ cors: 'https://a' }, 'must be an object such as {"origins": ...} or false, not "https://a"'],
    [{ grpc: true }, 'must be an object such as {"timeoutMs": ...}, not true'],
    [{ hedge: '1' }, 'must be true, false or an object such as {"afterMs": ...}, not "1"'],
    [
      { fallback: 'other' },
      'must be an object such as {"status": ...}, an object such as {"service": ...} or an object such as {"stale": ...}, not "other"',
    ],
  ] as const) {
    const found = findProblems(RouteDocument, { path: '/a', service: 's', ...fields })
    assert.deepEqual(
      found.map(problem => problem.message),
      [message],
    )
  }
})

test('a value that may hold a secret is not repeated', () => {
  const secret = { type: 'string', writeOnly: true }
  const keys = { type: 'array', items: { type: 'object', properties: { secret } } }
  for (const value of [{ secret: 'hunter2' }, [{ secret: ['hunter2'] }], [['hunter2']]]) {
    const problems = findProblems(keys, value)
    assert.equal(problems.length, 1)
    assert.doesNotMatch(JSON.stringify(problems), /hunter2/)
  }
  const [problem] = findProblems({ anyOf: [{ type: 'string' }, keys] }, { secret: 'hunter2' })
  assert.doesNotMatch(problem!.message, /hunter2/)
})
