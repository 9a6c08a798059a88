import assert from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { schema: object }>> }>
  >
  readonly 'x-events'?: Readonly<Record<string, object>>
}

/** An OpenAPI document, as far as answers are held to it. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

/**
 * Returns the function that holds answers to an OpenAPI document. An answer must have no field that the document does not
 * name, except where the document says that there are others.
 */
export function answerChecker(document: ApiDocument) {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
  ajv.addSchema(closed({ $id: 'api', components: document.components }) as object)
  const check = (schema: object, value: unknown, what: string) => {
    const validate = ajv.compile(closed(withBase(schema)) as object)
    assert.ok(
      validate(value),
      `${what}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value).slice(0, 2_000)}`,
    )
  }
  return {
    answer(method: string, path: string, status: number, value: unknown) {
      const { responses } = document.paths[path]![method]!
      const { content } = responses[status] ?? responses.default!
      check(Object.values(content)[0]!.schema, value, `${method} ${path}`)
    },
    event(name: string, value: unknown) {
      const schema = document.paths['/api/v1/live']!.get!['x-events']![name]
      assert.ok(schema, `there is no event ${name}`)
      check(schema, value, name)
    },
  }
}

/** References of a document lead into the schema that is added under the name `api`. */
function withBase(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"api#/components/'))
}

function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  return 'properties' in copy && 'type' in copy ? { additionalProperties: false, ...copy } : copy
}
