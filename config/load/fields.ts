import type { TSchema } from 'typebox'
import type { FieldSchema, Reload } from '../kit/values.ts'
import { ConfigSchema } from '../schema.ts'

/** A field of the configuration. */
export interface Field {
  /** Keys from the top, joined by dots: `etcd.endpoints`. */
  readonly path: string
  readonly schema: TSchema & FieldSchema
  /** Undefined when neither the field nor its section says. */
  readonly reload: Reload | undefined
}

/** Every field of the configuration, in the order of the schema. Sections, and entries of lists and maps, are not fields. */
export const FIELDS: readonly Field[] = [...fieldsIn(ConfigSchema as FieldSchema, '', undefined)]

function* fieldsIn(
  { properties = {} }: FieldSchema,
  prefix: string,
  inherited: Reload | undefined,
): Generator<Field> {
  for (const [key, schema] of Object.entries(properties)) {
    const path = `${prefix}${key}`
    const { reload = inherited } = schema
    if (schema.properties) yield* fieldsIn(schema, `${path}.`, reload)
    else yield { path, schema, reload }
  }
}

/** Whether a field holds a list or may hold one. */
export function isList({ type, anyOf = [] }: FieldSchema): boolean {
  return type === 'array' || anyOf.some(isList)
}

/**
 * Converts the text of an environment variable or an option to the type of its field. Text that does not fit the type
 * is returned as it is, so that validation refuses it.
 */
export function fromText(text: string, schema: FieldSchema): unknown {
  if (isList(schema)) {
    return text
      .split(',')
      .map(item => item.trim())
      .filter(item => item !== '')
  }
  const isInteger = [schema, ...(schema.anyOf ?? [])].some(({ type }) => type === 'integer')
  return isInteger && /^-?\d{1,15}$/.test(text.trim()) ? Number(text) : text
}
