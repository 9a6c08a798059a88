import Type from 'typebox'

/** The longest a timer of Node can wait: 2^31 - 1 ms, about 24 days. */
const MAX_TIMER_MS = 2_147_483_647

/** Letters, digits and `. _ ~ @ : -`: what a service, a node or a route may be called. */
export const NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._~@:-]{0,254}$'
/** The same for people. */
export const NAME_TITLE = '1 to 255 characters from A-Z a-z 0-9 . _ ~ @ : -, starting with a letter or digit'

/**
 * What a field says beside its JSON Schema. Variables, options, path resolution and either-or groups are derived from
 * these; the published schemas do not have them.
 */
export interface Annotations {
  /** Environment variable that sets the field. */
  readonly env?: `WAYGATE_${string}`
  /** Whether a variable that is set but empty is refused, because going without the value would open a door. */
  readonly neverEmpty?: boolean
  /** Option of the command line that sets the field, and the word for its value in help texts: `--port PORT`. */
  readonly flag?: `--${string} ${string}`
  /** Whether the value is the path of a file or folder; a relative one starts at the working directory. */
  readonly isPath?: boolean
  /** Another field of the same section; of the two, the one set in the stronger layer replaces the other. */
  readonly insteadOf?: string
  /** A name that the field had before; it is still read, with a warning. */
  readonly formerly?: string
}

/** What is read of a field's schema beside its validation. */
export interface FieldSchema extends Annotations {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, FieldSchema>>
  readonly patternProperties?: Readonly<Record<string, FieldSchema>>
  readonly items?: FieldSchema
  readonly anyOf?: readonly FieldSchema[]
}

/** The name of every annotation. */
export const ANNOTATIONS: ReadonlySet<string> = new Set(
  Object.keys({
    env: true,
    neverEmpty: true,
    flag: true,
    isPath: true,
    insteadOf: true,
    formerly: true,
  } satisfies Record<keyof Annotations, true>),
)

export function port(value: number, description: string, annotations: Annotations = {}) {
  return Type.Integer({ default: value, minimum: 0, maximum: 65_535, description, ...annotations })
}

/** A duration in milliseconds that a Node timer can hold. */
export function durationMs(value: number, description: string, minimum = 0) {
  return Type.Integer({ default: value, minimum, maximum: MAX_TIMER_MS, description })
}

export function count(value: number, description: string, minimum = 0) {
  return Type.Integer({ default: value, minimum, maximum: Number.MAX_SAFE_INTEGER, description })
}

/** A string that must not be empty; its `title` says what it must be. */
export function text(description: string, options: Annotations & { readonly default?: string } = {}) {
  return Type.String({ ...options, minLength: 1, description })
}

/** A text that messages never repeat. */
export function secret(description: string, annotations: Annotations = {}) {
  return Type.String({ minLength: 1, writeOnly: true, description, ...annotations })
}

export function name(description: string) {
  return Type.String({ pattern: NAME_PATTERN, title: NAME_TITLE, description })
}

/** One text, or a list of them of which one must match. */
export function textOrList(description: string, annotations: Annotations = {}) {
  return Type.Union(
    [Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })],
    { description, ...annotations },
  )
}

/** An object that knows all its fields; absent means every default. */
export function section<Properties extends Type.TProperties>(
  properties: Properties,
  description: string,
  annotations: Annotations = {},
) {
  return Type.Object(properties, { additionalProperties: false, default: {}, description, ...annotations })
}
