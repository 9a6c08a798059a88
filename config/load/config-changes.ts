import { isDeepStrictEqual } from 'node:util'
import type { FileContents } from '../keys/file-contents.ts'
import { deepFreeze, type FieldSchema, isTree, memberSchema, membersOf, type Reload } from '../kit/values.ts'
import { type Config, ConfigSchema } from '../schema.ts'

/** A field of the configuration that says something else than before. */
export interface ConfigChange {
  /** Keys from the top, joined by dots, and those of lists in brackets: `routes.documents.user.path`. */
  readonly path: string
  /** What a change of the field needs to take effect. */
  readonly reload: Reload
  /** The values before and after, without the secrets in them; null = absent. Both are null for a secret. */
  readonly from: unknown
  readonly to: unknown
  /** `secret`: the values are not shown. `file`: the path is the same, and what the file holds is not. */
  readonly of: 'value' | 'secret' | 'file'
}

/** A configuration and the contents of the files that it names. */
export interface ReadConfig {
  readonly config: Config
  readonly keyFiles: FileContents
}

type Marks = Pick<FieldSchema, 'reload' | 'isFollowed'>

const SCHEMA = ConfigSchema as FieldSchema
const HIDDEN = '(secret)'

/** Returns what differs between two configurations, in the order of the schema. Files that are followed by themselves do not count. */
export function findChanges(before: ReadConfig, after: ReadConfig): readonly ConfigChange[] {
  return [...changesIn(SCHEMA, before.config, after.config, '', {})]

  function* changesIn(
    schema: FieldSchema,
    from: unknown,
    to: unknown,
    path: string,
    inherited: Marks,
  ): Generator<ConfigChange> {
    const marks = { ...inherited, ...marksOf(schema) }
    if (isDeepStrictEqual(from, to) && !hasPaths(schema)) return
    if (isTree(from) && isTree(to)) {
      for (const key of keysOf(schema, from, to)) {
        const inner = memberSchema(schema, key)
        yield* changesIn(inner, from[key], to[key], path === '' ? key : `${path}.${key}`, marks)
      }
    } else if (Array.isArray(from) && Array.isArray(to) && schema.items && from.length === to.length) {
      for (const [index, item] of from.entries())
        yield* changesIn(schema.items, item, to[index], `${path}[${index}]`, marks)
    } else {
      const of = differenceOf(schema, from, to, marks)
      if (of === undefined) return
      const shown = (value: unknown) => (of === 'secret' ? null : withoutSecrets(schema, value))
      yield { path, reload: marks.reload ?? 'restart', from: shown(from), to: shown(to), of }
    }
  }

  function differenceOf(
    schema: FieldSchema,
    from: unknown,
    to: unknown,
    { isFollowed }: Marks,
  ): ConfigChange['of'] | undefined {
    if (!isDeepStrictEqual(from, to)) return schema.writeOnly ? 'secret' : 'value'
    if (!schema.isPath || isFollowed || typeof to !== 'string') return undefined
    const [old, now] = [before.keyFiles[to], after.keyFiles[to]]
    return old !== undefined && now !== undefined && old !== now ? 'file' : undefined
  }
}

/** Returns a configuration in which all fields are as in `next` that a reload changes, and all others as in `old`. */
export function keepOthers(next: Config, old: Config, changes: ReadonlySet<Reload>): Config {
  return deepFreeze(kept(SCHEMA, undefined, next, old)) as Config

  function kept(schema: FieldSchema, inherited: Reload | undefined, to: unknown, from: unknown): unknown {
    const { reload = inherited, properties } = schema
    const inside = new Set(reloadsIn(schema, reload))
    if ([...inside].every(each => changes.has(each))) return to
    if ([...inside].every(each => !changes.has(each)) || !properties) return from
    const [present, former] = [membersOf(to), membersOf(from)]
    const entries = Object.entries(properties).map(
      ([key, inner]) => [key, kept(inner, reload, present[key], former[key])] as const,
    )
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
  }
}

function* reloadsIn(schema: FieldSchema, inherited: Reload | undefined): Generator<Reload> {
  const { reload = inherited, properties } = schema
  if (!properties) yield reload ?? 'restart'
  else for (const inner of Object.values(properties)) yield* reloadsIn(inner, reload)
}

function marksOf({ reload, isFollowed }: FieldSchema): Marks {
  return { ...(reload && { reload }), ...(isFollowed !== undefined && { isFollowed }) }
}

/** Whether a value may name files, whose contents are compared as well. */
function hasPaths({ isPath, properties = {}, patternProperties = {}, items }: FieldSchema): boolean {
  const inner = [...Object.values(properties), ...Object.values(patternProperties), ...(items ? [items] : [])]
  return isPath === true || inner.some(hasPaths)
}

function keysOf({ properties = {} }: FieldSchema, from: object, to: object): Iterable<string> {
  return new Set([...Object.keys(properties), ...Object.keys(from), ...Object.keys(to)])
}

/** Returns a value with a text in place of each secret in it; null for what is absent. */
function withoutSecrets(schema: FieldSchema, value: unknown): unknown {
  if (value === undefined) return null
  if (schema.writeOnly) return HIDDEN
  if (Array.isArray(value)) return value.map(item => withoutSecrets(schema.items ?? {}, item))
  if (!isTree(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, withoutSecrets(memberSchema(schema, key), inner)]),
  )
}
