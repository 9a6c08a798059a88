export type JsonObject = Readonly<Record<string, unknown>>

/** etcd itself refuses more than 1.5 MiB per request; a node's value has some hundred bytes. */
const MAX_VALUE_CHARACTERS = 1_048_576

/** @throws TypeError when it is larger than any node's value has reason to be. */
export function checkSize(value: string): void {
  if (value.length > MAX_VALUE_CHARACTERS) {
    throw new TypeError(`value is larger than ${MAX_VALUE_CHARACTERS} characters`)
  }
}

/** @throws TypeError unless the value is a JSON object of reasonable size. */
export function parseObject(value: string): JsonObject {
  checkSize(value)
  let parsed: unknown
  try {
    parsed = JSON.parse(value)
  } catch (error) {
    throw new TypeError('value is not JSON', { cause: error })
  }
  if (!isObject(parsed)) throw new TypeError('value must be a JSON object')
  return parsed
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A field that is a string when it is there.
 *
 * @throws TypeError when it is something else; it is not shown, for showing fails on deep nesting
 */
export function optionalString(what: string, value: unknown): string | undefined {
  if (value !== undefined && typeof value !== 'string') throw new TypeError(`${what} must be a string`)
  return value
}

/** As {@link optionalString}, for numbers. */
export function optionalNumber(what: string, value: unknown): number | undefined {
  if (value !== undefined && typeof value !== 'number') throw new TypeError(`${what} must be a number`)
  return value
}
