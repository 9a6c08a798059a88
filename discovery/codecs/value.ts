import { withoutByteOrderMark } from '../../internal/text/decode-text.ts'
import { parseJson } from '../../internal/text/json.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** etcd itself refuses requests of more than 1.5 MiB. The value of a node has a few hundred bytes. */
const MAX_VALUE_CHARACTERS = 1_048_576

/** @throws TypeError when the value is larger than the value of a node can reasonably be */
export function checkSize(value: string): void {
  if (value.length > MAX_VALUE_CHARACTERS) {
    throw new TypeError(`value is larger than ${MAX_VALUE_CHARACTERS} characters`)
  }
}

/**
 * Parses the value of a key. Everything that reads a JSON document of etcd uses this, `waygate check` included.
 *
 * @throws TypeError unless the value is a JSON object of reasonable size, which all readers understand in the same way
 */
export function parseObject(value: string): JsonObject {
  checkSize(value)
  let parsed: unknown
  try {
    parsed = parseJson(withoutByteOrderMark(value))
  } catch (error) {
    throw new TypeError(`value ${(error as Error).message}`, { cause: error })
  }
  if (!isObject(parsed)) throw new TypeError('value must be a JSON object')
  return parsed
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Reads a field that is a string if it exists.
 *
 * @throws TypeError when it has another type; the message omits the value, which may be nested too deeply to
 * show
 */
export function optionalString(what: string, value: unknown): string | undefined {
  if (value !== undefined && typeof value !== 'string') throw new TypeError(`${what} must be a string`)
  return value
}

/**
 * Reads a field that is a number if it exists.
 *
 * @throws TypeError when it has another type
 */
export function optionalNumber(what: string, value: unknown): number | undefined {
  if (value !== undefined && typeof value !== 'number') throw new TypeError(`${what} must be a number`)
  return value
}
