import type { TSchema } from 'typebox'
import type { Finding, Path } from './problem.ts'
import { type FieldSchema, isTree, memberSchema } from './values.ts'

/** A document in which every field has its present name. */
export interface Renamed {
  readonly document: unknown
  /** One for each former name in use. Paths are those of the document as it was written. */
  readonly warnings: readonly Finding[]
  /** One for each field that is set under both names. Paths are those of the document as it was written. */
  readonly problems: readonly Finding[]
  /** Translates a path in `document` to the path in the document as it was written. */
  asWritten(path: Path): Path
}

/**
 * Moves every field that is set under a former name (the annotation `formerly`) to its present name. `written` is not
 * changed.
 */
export function renameFields(written: unknown, schema: TSchema): Renamed {
  const warnings: Finding[] = []
  const problems: Finding[] = []
  const renamed: { readonly path: Path; readonly former: string }[] = []

  function rename(value: unknown, fields: FieldSchema, at: Path): unknown {
    if (!isTree(value)) return value
    const { properties = {} } = fields
    const present = new Map(
      Object.entries(properties).flatMap(([name, { formerly }]) =>
        formerly === undefined ? [] : [[formerly, name]],
      ),
    )
    const entries = Object.entries(value).flatMap(([key, inner]) => {
      const name = present.get(key) ?? key
      const path = [...at, name]
      if (name !== key) {
        const former = [...asWritten(at), key]
        if (Object.hasOwn(value, name)) {
          problems.push({ path: former, message: `is the former name of ${name}, which is set too` })
          return []
        }
        warnings.push({ path: former, message: `is deprecated: use ${name}` })
        renamed.push({ path, former: key })
      }
      return [[name, rename(inner, memberSchema(fields, name), path)] as const]
    })
    return Object.fromEntries(entries)
  }

  function asWritten(path: Path): Path {
    const result = [...path]
    for (const { path: present, former } of renamed) {
      if (present.every((key, index) => path[index] === key)) result[present.length - 1] = former
    }
    return result
  }

  const document = rename(written, schema as FieldSchema, [])
  return { document, warnings, problems, asWritten }
}
