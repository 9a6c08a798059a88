import Type from 'typebox'

/** The longest a timer of Node can wait: 2^31 - 1 ms, about 24 days. */
const MAX_TIMER_MS = 2_147_483_647

/** Letters, digits and `. _ ~ @ : -`: what a service, a node or a route may be called. */
export const NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._~@:-]{0,254}$'
/** The same for people. */
export const NAME_TITLE = '1 to 255 characters of A-Z a-z 0-9 . _ ~ @ : - that start with a letter or digit'

export function port(value: number, description: string) {
  return Type.Integer({ default: value, minimum: 0, maximum: 65_535, description })
}

/** A duration in milliseconds that a Node timer can hold. */
export function durationMs(value: number, description: string, minimum = 0) {
  return Type.Integer({ default: value, minimum, maximum: MAX_TIMER_MS, description })
}

export function count(value: number, description: string, minimum = 0) {
  return Type.Integer({ default: value, minimum, maximum: Number.MAX_SAFE_INTEGER, description })
}

/** A string that must not be empty; its `title` says what it must be. */
export function text(description: string, options: { readonly default?: string } = {}) {
  return Type.String({ ...options, minLength: 1, description })
}

/** A text that messages never repeat. */
export function secret(description: string) {
  return Type.String({ minLength: 1, writeOnly: true, description })
}

export function name(description: string) {
  return Type.String({ pattern: NAME_PATTERN, title: NAME_TITLE, description })
}

/** One text, or a list of them of which one must match. */
export function textOrList(description: string) {
  return Type.Union(
    [Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })],
    { description },
  )
}

/** An object that knows all its fields; absent means every default. */
export function section<Properties extends Type.TProperties>(properties: Properties, description: string) {
  return Type.Object(properties, { additionalProperties: false, default: {}, description })
}
