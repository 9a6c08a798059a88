import type { TSchema } from 'typebox'
import { ConfigSchema } from '../schema.ts'

interface Node {
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly default?: unknown
}

/**
 * The part of the schema that describes a field such as `etcd.endpoints`.
 *
 * @throws TypeError when there is no such field.
 */
export function schemaAt(path: string): TSchema {
  return path.split('.').reduce<TSchema>((schema, key) => {
    const inner = (schema as Node).properties?.[key]
    if (inner === undefined) throw new TypeError(`the configuration has no field ${path}`)
    return inner
  }, ConfigSchema)
}

/** The default of a field; undefined when it has none. */
export function defaultAt(path: string): unknown {
  return (schemaAt(path) as Node).default
}
