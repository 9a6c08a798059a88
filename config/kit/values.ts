import type { TObjectOptions, TProperties } from 'typebox'
import { TOKEN } from '../../internal/http/header-lines.ts'
import { NAME } from '../../internal/nodes/node.ts'
import { Type } from './type.ts'

/** The longest time that a timer of Node can wait: 2^31 - 1 ms, about 24 days. */
export const MAX_TIMER_MS = 2_147_483_647

/** The names that headers may have. RFC 6265 section 4.1.1 allows the same for names of cookies. */
export const TOKEN_PATTERN = TOKEN.source
/** A date with a time and its zone (RFC 3339). Whether the day exists is not said. */
export const TIME_PATTERN =
  '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?(?:Z|[+-]\\d{2}:\\d{2})$'
/** A token without lower case: methods are case-sensitive, and `get` is always a mistake. */
export const METHOD = Type.String({
  pattern: "^[!#$%&'*+.^_`|~0-9A-Z-]+$",
  title: 'a method name in upper case, such as GET',
})
/** A header that the gateway takes from clients or gives to nodes. Some servers read `_` as `-`. */
export const DASHED_HEADER = {
  pattern: "^[!#$%&'*+.^`|~0-9a-zA-Z-]+$",
  title: 'a header name, without underscore',
} as const

/** The names that services, nodes and routes may have. */
export const NAME_PATTERN = NAME.source
/** Describes {@link NAME_PATTERN} for people. */
export const NAME_TITLE = '1 to 255 characters from A-Z a-z 0-9 . _ ~ @ : -, starting with a letter or digit'

/**
 * What the schema of a field says beyond JSON Schema. Environment variables, options of the command line, the resolution
 * of paths and the groups of fields that replace each other are derived from these. The published schemas omit them.
 */
export interface Annotations {
  /** The environment variable that sets the field. */
  readonly env?: `WAYGATE_${string}`
  /** Whether a variable that is set but empty is an error, because the value protects something. */
  readonly neverEmpty?: boolean
  /**
   * The option that sets the field, and the placeholder of its value in help texts: `--port PORT`. Without a placeholder it is a
   * switch, which sets a boolean to true.
   */
  readonly flag?: `--${string}`
  /** Whether the value is the path of a file or folder. A relative path starts at the working directory. */
  readonly isPath?: boolean
  /** A field of the same section that this one excludes. When either is set in a stronger layer, it replaces the other. */
  readonly insteadOf?: string
  /** The former name of the field. It is still read, with a warning. */
  readonly formerly?: string
  /** What a change needs to take effect. Counts for all fields of a section that do not set their own. */
  readonly reload?: Reload
  /** Whether files are read again whenever they change, without a reload. Counts for all fields of a section too. */
  readonly isFollowed?: boolean
}

/**
 * What a change of a field needs to take effect. `live`: a reload. `workers`: new workers, which a reload starts where there are
 * several; a gateway of one process must be restarted. `restart`: a restart in any case.
 */
export type Reload = 'live' | 'workers' | 'restart'

/** The keywords that are read from a schema for other purposes than validation. */
export interface FieldSchema extends Annotations {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  /** Whether it is a secret, which no message shows. */
  readonly writeOnly?: boolean
  readonly properties?: Readonly<Record<string, FieldSchema>>
  readonly patternProperties?: Readonly<Record<string, FieldSchema>>
  readonly items?: FieldSchema
  readonly anyOf?: readonly FieldSchema[]
}

/** Returns the schema of a member of an object: all members of a map, whatever their names, have the same. */
export function memberSchema(
  { properties = {}, patternProperties = {} }: FieldSchema,
  key: string,
): FieldSchema {
  // A map may have a member such as `constructor`.
  return (Object.hasOwn(properties, key) ? properties[key] : Object.values(patternProperties)[0]) ?? {}
}

/** The keyword of every annotation. */
export const ANNOTATIONS: ReadonlySet<string> = new Set(
  Object.keys({
    env: true,
    neverEmpty: true,
    flag: true,
    isPath: true,
    insteadOf: true,
    formerly: true,
    reload: true,
    isFollowed: true,
  } satisfies Record<keyof Annotations, true>),
)

export function port(value: number, description: string, annotations: Annotations = {}) {
  return Type.Integer({ default: value, minimum: 0, maximum: 65_535, description, ...annotations })
}

/** A duration in milliseconds that a Node timer can hold. */
export function durationMs(value: number, description: string, minimum = 0, annotations: Annotations = {}) {
  return Type.Integer({ default: value, minimum, maximum: MAX_TIMER_MS, description, ...annotations })
}

export function count(value: number, description: string, minimum = 0, annotations: Annotations = {}) {
  return Type.Integer({
    default: value,
    minimum,
    maximum: Number.MAX_SAFE_INTEGER,
    description,
    ...annotations,
  })
}

/** A text that must not be empty. */
export function text(description: string, options: Annotations & { readonly default?: string } = {}) {
  return Type.String({ ...options, minLength: 1, description })
}

/** A text that messages never repeat, because it is secret. */
export function secret(description: string, annotations: Annotations = {}) {
  return Type.String({ minLength: 1, writeOnly: true, description, ...annotations })
}

/** The field that names a file in place of the field `secret` beside it. */
export const SECRET_FILE = Type.Optional(
  text('File with the secret. One newline at its end is ignored.', { isPath: true, insteadOf: 'secret' }),
)

export function name(description: string) {
  return Type.String({ pattern: NAME_PATTERN, title: NAME_TITLE, description })
}

/** One text, or a list of texts of which one must match. */
export function textOrList(description: string, annotations: Annotations = {}) {
  return Type.Union(
    [Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })],
    { description, ...annotations },
  )
}

/** Returns an object as it is, and an empty one for any other value. */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return isTree(value) ? value : {}
}

/** Whether a value is an object and no list. */
export function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Returns `value` with the default of each field that is absent. Changes the objects and lists in it. Descends into sections
 * and lists, not into unions and maps: a test holds that no schema has defaults there.
 */
export function withDefaults(schema: FieldSchema, value: unknown): unknown {
  const given = value === undefined ? structuredClone(schema.default) : value
  if (Array.isArray(given)) {
    const { items } = schema
    return items === undefined ? given : given.map(item => withDefaults(items, item))
  }
  if (typeof given !== 'object' || given === null) return given
  const members = given as Record<string, unknown>
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const inner = withDefaults(field, members[name])
    if (inner !== undefined) members[name] = inner
  }
  return members
}

/** Freezes a value and everything in it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}

/** An object without unknown fields. */
export function closed<Properties extends TProperties>(
  properties: Properties,
  options: TObjectOptions & Annotations = {},
) {
  return Type.Object(properties, { additionalProperties: false, ...options })
}

/** An object without unknown fields. When it is absent, all its fields have their defaults. */
export function section<Properties extends TProperties>(
  properties: Properties,
  description: string,
  annotations: Annotations = {},
) {
  return closed(properties, { default: {}, description, ...annotations })
}
