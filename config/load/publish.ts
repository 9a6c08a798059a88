import type { TSchema } from 'typebox'
import { ANNOTATIONS } from '../kit/values.ts'
import { ANSWERING } from '../route/answered-by.ts'
import { RouteDocument } from '../route/route-schema.ts'
import { ConfigSchema } from '../schema.ts'

type Json = Record<string, unknown>

/** Returns the JSON Schema of the configuration file, for editors. */
export function publishedConfigSchema(): Json {
  return publish(ConfigSchema, 'Waygate configuration')
}

/** Returns the JSON Schema of a route document, for editors. */
export function publishedRouteSchema(): Json {
  return publish(RouteDocument, 'Waygate route document')
}

/** Publishes a schema as draft 7, which all editors support. */
function publish(schema: TSchema, title: string): Json {
  return { $schema: 'http://json-schema.org/draft-07/schema#', title, ...(toFileSchema(schema) as Json) }
}

/** Converts the schema of a complete configuration to that of a file, in which fields with a default may be left out. */
function toFileSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toFileSchema)
  if (typeof schema !== 'object' || schema === null) return schema
  const { required, ...rest } = schema as Json & { required?: readonly string[] }
  const properties = (rest.properties ?? {}) as Record<string, Json>
  const result: Json = {}
  for (const [key, value] of Object.entries(rest)) {
    if (ANNOTATIONS.has(key)) continue
    if (key === 'default') result[key] = value
    else if (key !== 'properties') result[key] = toFileSchema(value)
    else
      result[key] = Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [name, toFileSchema(field)]),
      )
  }
  const still = required?.filter(name => !Object.hasOwn(properties[name] ?? {}, 'default')) ?? []
  if (still.length > 0) result.required = still
  // The program looks itself, because it can name the field that is missing or too much.
  if (schema === RouteDocument)
    result.oneOf = ANSWERING.map(field => ({ properties: { [field]: true }, required: [field] }))
  // The default of a whole section is noise, since each of its fields has its own.
  if (rest.properties !== undefined && 'default' in result) delete result.default
  return result
}
