import type * as TypeBox from 'typebox'

/** Marks the schema of a field that may be absent. JSON and `Object.entries` do not see it. */
const OPTIONAL = Symbol('optional')

type Json = Record<PropertyKey, unknown>

function typed(type: string) {
  return (options: Json = {}): Json => ({ type, ...options })
}

/**
 * The constructors of schemas, with the types of TypeBox. What they make is plain JSON Schema, so a dozen lines stand in for
 * TypeBox's own, with which every process of Waygate would load 370 modules before anything else. A test compares the two.
 */
export const Type = {
  Boolean: typed('boolean'),
  Integer: typed('integer'),
  Null: typed('null'),
  Number: typed('number'),
  String: typed('string'),
  Unknown: (options: Json = {}): Json => ({ ...options }),
  Unsafe: (schema: Json): Json => ({ ...schema }),
  Array: (items: Json, options: Json = {}): Json => ({ type: 'array', items, ...options }),
  Enum: (values: readonly string[], options: Json = {}): Json => ({ enum: [...values], ...options }),
  Literal: (value: unknown, options: Json = {}): Json => ({ type: typeof value, const: value, ...options }),
  Union: (anyOf: readonly Json[], options: Json = {}): Json => ({ anyOf: [...anyOf], ...options }),
  Optional: (schema: Json): Json => ({ ...schema, [OPTIONAL]: true }),
  Object(properties: Readonly<Record<string, Json>>, options: Json = {}): Json {
    const required = Object.keys(properties).filter(name => properties[name]![OPTIONAL] === undefined)
    return { type: 'object', ...(required.length > 0 && { required }), properties, ...options }
  },
  /** A map with any keys: `propertyNames` says which. */
  Record(_keys: Json, values: Json, options: Json = {}): Json {
    return { type: 'object', patternProperties: { '^.*$': values }, ...options }
  },
} as unknown as Pick<
  typeof TypeBox,
  | 'Array'
  | 'Boolean'
  | 'Enum'
  | 'Integer'
  | 'Literal'
  | 'Null'
  | 'Number'
  | 'Object'
  | 'Optional'
  | 'Record'
  | 'String'
  | 'Union'
  | 'Unknown'
  | 'Unsafe'
>
