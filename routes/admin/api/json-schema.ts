type Json = Readonly<Record<string, unknown>>

/** A JSON Schema. The compiler holds it against the type of the values that it describes. */
export interface Schema<T> {
  readonly json: Json
  /** What is looked at by the compiler alone. */
  readonly of?: (value: T) => T
}

/** The schema of a field that may be absent. */
export interface Optional<T> extends Schema<T> {
  readonly isOptional: true
}

/** The fields that a type names, without those that it may have besides. */
type NamedKeys<T> = keyof { [Key in keyof T as string extends Key ? never : Key]: true }

type Fields<T> = {
  readonly [Key in NamedKeys<T> & keyof T]-?: undefined extends T[Key]
    ? Optional<Exclude<T[Key], undefined>>
    : Schema<T[Key]> & { readonly isOptional?: never }
}

export const string: Schema<string> = { json: { type: 'string' } }
export const number: Schema<number> = { json: { type: 'number' } }
export const integer: Schema<number> = { json: { type: 'integer' } }
export const boolean: Schema<boolean> = { json: { type: 'boolean' } }
export const unknown: Schema<unknown> = { json: {} }

export const dateTime: Schema<string> = { json: { type: 'string', format: 'date-time' } }

export function literal<const Value extends string | boolean>(value: Value): Schema<Value> {
  return { json: { const: value } }
}

export function oneOf<const Value extends string>(...values: readonly Value[]): Schema<Value> {
  return { json: { enum: values } }
}

export function nullable<T>({ json }: Schema<T>): Schema<T | null> {
  return { json: { anyOf: [json, { type: 'null' }] } }
}

export function either<A, B>(one: Schema<A>, other: Schema<B>): Schema<A | B> {
  return { json: { anyOf: [one.json, other.json] } }
}

export function optional<T>(schema: Schema<T>): Optional<T> {
  return { ...schema, isOptional: true } as Optional<T>
}

/** Says what a field is for people. */
export function about<T>({ json }: Schema<T>, description: string): Schema<T> {
  return { json: { ...json, description } }
}

export function list<T>({ json }: Schema<T>): Schema<readonly T[]> {
  return { json: { type: 'array', items: json } }
}

/** An object with any keys. */
export function map<T>({ json }: Schema<T>): Schema<Readonly<Record<string, T>>> {
  return { json: { type: 'object', additionalProperties: json } }
}

/** A list whose items are told apart by their place. The last ones may be optional. */
export function tuple<T extends readonly unknown[]>(
  ...items: { readonly [Key in keyof T]-?: Schema<Exclude<T[Key], undefined>> }
): Schema<T> {
  const all = items as readonly (Schema<unknown> & { readonly isOptional?: true })[]
  return {
    json: {
      type: 'array',
      prefixItems: all.map(({ json }) => json),
      items: false,
      minItems: all.filter(({ isOptional }) => !isOptional).length,
      maxItems: all.length,
    },
  }
}

/** An object. `isOpen`: it has other fields besides. */
export function object<T>(fields: Fields<T>, { isOpen = false } = {}): Schema<T> {
  const entries = Object.entries<Schema<unknown> & { readonly isOptional?: true }>(fields as never)
  const required = entries.filter(([, { isOptional }]) => !isOptional).map(([name]) => name)
  return {
    json: {
      type: 'object',
      properties: Object.fromEntries(entries.map(([name, { json }]) => [name, json])),
      ...(required.length > 0 && { required }),
      ...(isOpen && { additionalProperties: true }),
    },
  }
}

/** The name of a schema that documents refer to, and the schema without what one reference says of it. JSON does not see it. */
const NAMED = Symbol('named')

/** Gives a schema a name, under which a document has it once. */
export function named<T>(name: string, { json }: Schema<T>): Schema<T> {
  return { json: { ...json, [NAMED]: { name, json } } }
}

/**
 * Returns a schema in which named ones are references to `#/components/schemas/`.
 *
 * @param components takes the named ones
 */
export function withReferences(json: unknown, components: Record<string, unknown>): unknown {
  if (Array.isArray(json)) return json.map(item => withReferences(item, components))
  if (typeof json !== 'object' || json === null) return json
  const { [NAMED]: known, description } = json as {
    readonly [NAMED]?: { readonly name: string; readonly json: Json }
    readonly description?: string
  }
  if (known === undefined) {
    return Object.fromEntries(
      Object.entries(json).map(([key, value]) => [key, withReferences(value, components)]),
    )
  }
  components[known.name] ??= withReferences(known.json, components)
  const own = description !== known.json.description && { description }
  return { $ref: `#/components/schemas/${known.name}`, ...own }
}
