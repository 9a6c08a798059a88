import { ownText } from '../../internal/telemetry/cut-text.ts'

// The parts of spans, as JSON of OTLP. A string that was put together is a tree until it is written somewhere, which takes as
// long as the tree has parts. So what many spans have in common is kept in one piece, and an attribute has few parts.

/** Matches text that JSON does not escape. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/
/** Clients choose how long paths and names of browsers are. */
const MAX_CHARACTERS = 1_024
const END = '"}}'

/** Returns a text as it stands between quotes in JSON. */
export function escaped(value: string): string {
  return PLAIN.test(value) ? value : JSON.stringify(value).slice(1, -1)
}

/** Returns the beginning of an attribute that is a text. Each attribute begins with a comma. */
export function textKey(key: string): string {
  return `,{"key":"${key}","value":{"stringValue":"`
}

/** Returns the beginning of an attribute that is an integer. Integers have 64 bits there, which JSON has as text. */
export function integerKey(key: string): string {
  return `,{"key":"${key}","value":{"intValue":"`
}

/** Returns an attribute. @param key as `textKey` returns it */
export function textAttribute(key: string, value: string): string {
  const shown = value.length > MAX_CHARACTERS ? value.slice(0, MAX_CHARACTERS) : value
  return key + escaped(shown) + END
}

/** Returns an attribute. @param key as `integerKey` returns it */
export function integerAttribute(key: string, value: number): string {
  return key + value + END
}

/** Returns an attribute that is a number with a fraction. */
export function numberAttribute(key: string, value: number): string {
  return `,{"key":"${key}","value":{"doubleValue":${value}}}`
}

/** Returns an attribute that is true. */
export function trueAttribute(key: string): string {
  return `,{"key":"${key}","value":{"boolValue":true}}`
}

/** Creates a function whose texts are made once per object, and are in one piece. */
export function remembering<Key extends object>(make: (key: Key) => string): (key: Key) => string {
  const made = new WeakMap<Key, string>()
  return key => {
    let known = made.get(key)
    if (known === undefined) {
      known = ownText(make(key))
      made.set(key, known)
    }
    return known
  }
}

const MAX_KEPT = 1_000

/** Creates a function whose texts are made once for each of the first 1,000 keys, and are in one piece. */
export function rememberingTexts(make: (key: string) => string): (key: string) => string {
  const made = new Map<string, string>()
  return key => {
    let known = made.get(key)
    if (known === undefined) {
      known = ownText(make(key))
      if (made.size < MAX_KEPT) made.set(ownText(key), known)
    }
    return known
  }
}
