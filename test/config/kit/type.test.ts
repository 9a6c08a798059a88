import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as TypeBox from 'typebox'
import { Value } from 'typebox/value'
import { Type } from '../../../config/kit/type.ts'
import { type FieldSchema, withDefaults } from '../../../config/kit/values.ts'
import { ConfigSchema } from '../../../config/schema.ts'

/** Uses every constructor, with and without options. */
function sample(make: typeof Type) {
  const about = { description: 'about' }
  return make.Object(
    {
      text: make.String({ default: 'a', minLength: 1, env: 'WAYGATE_TEXT' }),
      plain: make.String(),
      number: make.Number(about),
      integer: make.Integer({ default: 0, ...about }),
      flag: make.Optional(make.Boolean({ default: false })),
      maybe: make.Optional(make.String()),
      nothing: make.Null(about),
      anything: make.Optional(make.Unknown(about)),
      any: make.Unknown(),
      list: make.Array(make.Object({ inner: make.Integer({ default: 7 }) }), { default: [], ...about }),
      names: make.Enum(['a', 'b'], { default: 'a' }),
      exact: make.Union([make.Literal('echo'), make.Literal(false), make.Literal(1)], about),
      several: make.Union([make.Null(), make.Integer()], { default: null }),
      own: make.Unsafe<number | null>({ anyOf: [{ type: 'null' }, { type: 'integer' }], default: null }),
      map: make.Record(make.String(), make.Boolean(), { default: {}, propertyNames: { pattern: '^a' } }),
      section: make.Object({ deep: make.Integer({ default: 1 }) }, { default: {} }),
      optionalSection: make.Optional(make.Object({ deep: make.Integer({ default: 1 }) })),
    },
    { additionalProperties: false, ...about },
  )
}

const ours = sample(Type)
const theirs = sample(TypeBox)

test('schemas are those that TypeBox makes, member by member', () => {
  assert.equal(JSON.stringify(ours), JSON.stringify(theirs))
  assert.equal(
    JSON.stringify(Type.Object({ a: Type.Optional(Type.Null()) })),
    JSON.stringify(TypeBox.Object({ a: TypeBox.Optional(TypeBox.Null()) })),
  )
})

test('defaults are those that TypeBox fills in, whatever the value is', () => {
  const values = [
    undefined,
    null,
    'text',
    {},
    { text: 'b', integer: 5, several: 3, own: 4, unknown: true },
    { list: [{}, { inner: 1 }, null, 'x'], section: { deep: 2 }, optionalSection: {}, map: { a: true } },
    { list: {}, section: null, map: null, exact: 'echo' },
  ]
  for (const value of values) {
    assert.deepEqual(
      withDefaults(ours as FieldSchema, structuredClone(value)),
      Value.Default(theirs, structuredClone(value)),
      JSON.stringify(value),
    )
  }
})

test('the default of one configuration is not that of the next', () => {
  const first = withDefaults(ours as FieldSchema, {}) as { list: unknown[] }
  first.list.push('changed')
  assert.deepEqual((withDefaults(ours as FieldSchema, {}) as { list: unknown[] }).list, [])
})

test('no field has a default where defaults are not filled in', () => {
  assert.deepEqual([...hiddenDefaults(ConfigSchema as FieldSchema, '$', false)], [])
})

/** Yields the paths of fields with a default inside unions and maps. */
function* hiddenDefaults(schema: FieldSchema, path: string, isHidden: boolean): Generator<string> {
  if (isHidden && schema.default !== undefined) yield path
  for (const [index, branch] of (schema.anyOf ?? []).entries()) {
    yield* hiddenDefaults(branch, `${path}|${index}`, true)
  }
  for (const [pattern, entry] of Object.entries(schema.patternProperties ?? {})) {
    yield* hiddenDefaults(entry, `${path}.${pattern}`, true)
  }
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    yield* hiddenDefaults(field, `${path}.${name}`, isHidden)
  }
  if (schema.items) yield* hiddenDefaults(schema.items, `${path}[]`, isHidden)
}
