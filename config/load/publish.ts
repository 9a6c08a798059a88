import type { TSchema } from 'typebox'
import { ANNOTATIONS } from '../kit/values.ts'
import { RouteDocument } from '../route/route-schema.ts'
import { ConfigSchema } from '../schema.ts'

type Json = Record<string, unknown>

/** The JSON Schema of the configuration file, for editors. */
export function publishedConfigSchema(): Json {
  return publish(ConfigSchema, 'Waygate configuration')
}

/** The JSON Schema of a route document, for editors. */
export function publishedRouteSchema(): Json {
  return publish(RouteDocument, 'Waygate route document')
}

/** Draft 7, because that is what editors support throughout. */
function publish(schema: TSchema, title: string): Json {
  return { $schema: 'http://json-schema.org/draft-07/schema#', title, ...(whatMayBeWritten(schema) as Json) }
}

/** Inside, a field with a default is always there; in a file it may be left out. */
function whatMayBeWritten(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(whatMayBeWritten)
  if (typeof schema !== 'object' || schema === null) return schema
  const { required, ...rest } = schema as Json & { required?: readonly string[] }
  const properties = (rest.properties ?? {}) as Record<string, Json>
  const result: Json = {}
  for (const [key, value] of Object.entries(rest)) {
    if (ANNOTATIONS.has(key)) continue
    if (key === 'default') result[key] = value
    else if (key !== 'properties') result[key] = whatMayBeWritten(value)
    else
      result[key] = Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [name, whatMayBeWritten(field)]),
      )
  }
  const still = required?.filter(name => !Object.hasOwn(properties[name] ?? {}, 'default')) ?? []
  if (still.length > 0) result.required = still
  // A whole section by default is noise: its fields say their own defaults.
  if (rest.properties !== undefined && 'default' in result) delete result.default
  return result
}
