import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  about,
  integer,
  list,
  map,
  named,
  nullable,
  number,
  object,
  oneOf,
  optional,
  type Schema,
  string,
  withReferences,
} from '../../../../routes/admin/api/json-schema.ts'

interface Page {
  readonly id: string
  readonly size: number | null
  readonly note?: string
  readonly kind: 'a' | 'b'
}

const kind = oneOf('a', 'b')

test('the compiler refuses a schema that does not fit its type', () => {
  const fits: Schema<Page> = object<Page>({
    id: string,
    size: nullable(number),
    note: optional(string),
    kind,
  })
  assert.deepEqual(fits.json.required, ['id', 'size', 'kind'])
  // @ts-expect-error a field is missing
  object<Page>({ id: string, size: nullable(number), note: optional(string) })
  // @ts-expect-error there is no such field
  object<Page>({ id: string, size: nullable(number), note: optional(string), kind, other: string })
  // @ts-expect-error null is not a number
  object<Page>({ id: string, size: number, note: optional(string), kind })
  // @ts-expect-error the type is another
  object<Page>({ id: number, size: nullable(number), note: optional(string), kind })
  // @ts-expect-error the field may be absent
  object<Page>({ id: string, size: nullable(number), note: string, kind })
  // @ts-expect-error the field is never absent
  object<Page>({ id: optional(string), size: nullable(number), note: optional(string), kind })
  // @ts-expect-error there is another value
  object<Page>({ id: string, size: nullable(number), note: optional(string), kind: oneOf('a') })
  // @ts-expect-error there is no such value
  object<Page>({ id: string, size: nullable(number), note: optional(string), kind: oneOf('a', 'b', 'c') })
})

test('a document has a named schema once, whatever refers to it', () => {
  const inner = named('Inner', object<{ readonly n: number }>({ n: integer }))
  const outer = named(
    'Outer',
    object<{ readonly one: { readonly n: number }; readonly all: readonly { readonly n: number }[] }>({
      one: about(inner, 'the first'),
      all: list(inner),
    }),
  )
  const components: Record<string, unknown> = {}
  assert.deepEqual(withReferences(map(outer).json, components), {
    type: 'object',
    additionalProperties: { $ref: '#/components/schemas/Outer' },
  })
  assert.deepEqual(components, {
    Inner: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] },
    Outer: {
      type: 'object',
      properties: {
        one: { $ref: '#/components/schemas/Inner', description: 'the first' },
        all: { type: 'array', items: { $ref: '#/components/schemas/Inner' } },
      },
      required: ['one', 'all'],
    },
  })
})
