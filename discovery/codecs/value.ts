import { createNode, type Node } from '../../internal/node.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** etcd itself refuses more than 1.5 MiB per request; a node's value has some hundred bytes. */
const MAX_VALUE_CHARACTERS = 1_048_576

/**
 * The service that a key speaks of, and the rest of the key.
 *
 * @param path the key after the prefix
 * @throws TypeError unless it has at least two segments
 */
export function splitPath(path: string): { service: string; rest: string } {
  const slash = path.indexOf('/')
  if (slash <= 0 || slash === path.length - 1) throw new TypeError('key must be <service>/<id>')
  return { service: path.slice(0, slash), rest: path.slice(slash + 1) }
}

/** @throws TypeError unless the value is a JSON object of reasonable size. */
export function parseObject(value: string): JsonObject {
  if (value.length > MAX_VALUE_CHARACTERS) {
    throw new TypeError(`value is larger than ${MAX_VALUE_CHARACTERS} characters`)
  }
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

/** @throws TypeError when the value names another service than its key does. */
export function checkService(named: unknown, service: string): void {
  if (named !== undefined && named !== service) {
    throw new TypeError(`value names another service than its key, which says "${service}"`)
  }
}

/**
 * One node from `{"id","ip" or "host","port","weight","metadata"}`.
 *
 * @throws TypeError with a reason for people
 */
export function readNode(service: string, defaultId: string | undefined, value: JsonObject): Node {
  const { id = defaultId, ip, host = ip, port, weight } = value
  if (ip !== undefined && ip !== host) throw new TypeError('value has "ip" and "host" that differ')
  // Types first: to show a value that is none of these would itself fail on deep nesting.
  if (typeof host !== 'string') throw new TypeError('"ip" (or "host") must be a string')
  if (typeof port !== 'number') throw new TypeError('port must be a number')
  if (id !== undefined && typeof id !== 'string') throw new TypeError('id must be a string')
  if (weight !== undefined && typeof weight !== 'number') throw new TypeError('weight must be a number')
  const metadata = readMetadata(value.metadata)
  return createNode({ service, id: id ?? `${host}:${port}`, host, port, weight, metadata })
}

function readMetadata(value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined
  if (!isObject(value)) throw new TypeError('metadata must be an object')
  const metadata: Record<string, string> = {}
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') throw new TypeError('metadata must not have the key "__proto__"')
    if (typeof item !== 'string' && typeof item !== 'number' && typeof item !== 'boolean') {
      throw new TypeError(
        `metadata value of ${JSON.stringify(key.slice(0, 80))} must be a string, number or boolean`,
      )
    }
    metadata[key] = String(item)
  }
  return metadata
}
