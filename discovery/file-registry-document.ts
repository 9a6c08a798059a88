import { createRequire } from 'node:module'
import { addressOf, createNode, type Node, parseAddress } from '../internal/nodes/node.ts'
import { type LoadYaml, parseTextDocument, TextDocumentError } from '../internal/text/yaml.ts'
import { idOf, quote } from './codecs/key.ts'
import { readNode } from './codecs/node-object.ts'
import { isObject, type JsonObject } from './codecs/value.ts'
import type { RegistryEntry } from './registry.ts'

/** The entries of a file of services, or the reason for people why none of it is used. */
export type ServicesFile =
  | { readonly nodes: readonly RegistryEntry[]; readonly routes: readonly RegistryEntry[] }
  | { readonly reason: string }

type Path = readonly (string | number)[]
/** Returns `line 7: ` for the value at a path, or for the innermost part of the path that exists. */
type LineOf = (path: Path) => string

const loadYaml: LoadYaml = () => createRequire(import.meta.url)('yaml')
/**
 * The longest file that is read, in characters and in bytes: about ten thousand nodes. Parsing more would block the event
 * loop for seconds.
 */
export const MAX_SERVICES_FILE = 1_048_576
const NODE_FIELDS = ['id', 'ip', 'host', 'port', 'weight', 'metadata', 'protocol']

/**
 * Reads a file of services in YAML 1.2, which includes JSON. An invalid node is a problem of that node alone,
 * under a key such as `services.user[1]`, and a node that had its id before stays in use. A mistake outside
 * the nodes rejects the whole text: half a file, or a section with a misspelt name, must not be taken for a
 * wish to remove the rest.
 *
 * @param before the nodes of the last text that was used
 */
export function readServices(text: string, before: readonly RegistryEntry[] = []): ServicesFile {
  try {
    if (text.length > MAX_SERVICES_FILE) throw new TypeError(`it is larger than ${MAX_SERVICES_FILE} bytes`)
    const { value, lineOf } = parse(text)
    const { services, routes = {} } = sectionsOf(value, lineOf)
    return {
      nodes: nodeEntries(services, before, lineOf),
      routes: Object.entries(sectionOf('routes', routes, lineOf)).map(([id, document]) => {
        return { kind: 'route', key: keyAt(['routes', id]), id, document }
      }),
    }
  } catch (error) {
    return { reason: (error as Error).message }
  }
}

/** @throws TypeError with line and column when the text is neither YAML nor JSON */
function parse(text: string): { value: unknown; lineOf: LineOf } {
  try {
    const { value, lineOf } = parseTextDocument(text, loadYaml)
    return {
      value,
      lineOf(path) {
        const line = lineOf(path)
        return line === undefined ? '' : `line ${line}: `
      },
    }
  } catch (error) {
    if (!(error instanceof TextDocumentError)) throw error
    const { line, column, message } = error.mistakes[0]!
    throw new TypeError(line === undefined ? message : `line ${line}, column ${column}: ${message}`)
  }
}

function sectionsOf(value: unknown, lineOf: LineOf): { services: JsonObject; routes?: unknown } {
  if (!isObject(value) || !Object.hasOwn(value, 'services')) {
    throw new TypeError('it has no section "services"; write services: {} for none')
  }
  const { services, routes, ...others } = value
  const [other] = Object.keys(others)
  if (other !== undefined) {
    throw new TypeError(
      `${lineOf([other])}unknown section ${quote(other)}; the sections are services and routes`,
    )
  }
  return { services: sectionOf('services', services, lineOf), ...(routes !== undefined && { routes }) }
}

function sectionOf(name: string, value: unknown, lineOf: LineOf): JsonObject {
  if (isObject(value)) return value
  throw new TypeError(`${lineOf([name])}${name} must be a map; write {} for an empty one`)
}

function nodeEntries(
  services: JsonObject,
  before: readonly RegistryEntry[],
  lineOf: LineOf,
): readonly RegistryEntry[] {
  const entries = new Map<string, RegistryEntry>()
  /** The names of services and keys of nodes that the file lists, but that are invalid. */
  const meant = new Set<string>()
  const refuse = (path: Path, reason: string) => {
    const key = keyAt(path)
    entries.set(key, { kind: 'problem', key, reason: lineOf(path) + reason })
  }
  for (const [service, items] of Object.entries(services)) {
    if (!Array.isArray(items)) {
      refuse(['services', service], 'must be a list of nodes; write [] for none')
      meant.add(service)
      continue
    }
    for (const [index, item] of (items as unknown[]).entries()) {
      try {
        const node = nodeFrom(service, item)
        const key = nodeKey(node)
        if (entries.has(key)) throw new TypeError(`has the same id as another node, ${quote(node.id)}`)
        entries.set(key, { kind: 'nodes', key, nodes: [node] })
      } catch (error) {
        refuse(['services', service, index], (error as Error).message)
        const id = idMeant(item)
        if (id !== undefined) meant.add(nodeKey({ service, id }))
      }
    }
  }
  for (const entry of before) {
    if (entry.kind !== 'nodes' || entries.has(entry.key)) continue
    if (meant.has(entry.key) || entry.nodes.some(node => meant.has(node.service))) {
      entries.set(entry.key, entry)
    }
  }
  return [...entries.values()]
}

/** @throws TypeError with a reason for people */
function nodeFrom(service: string, item: unknown): Node {
  if (typeof item === 'string') return createNode({ service, id: idOf(item), ...parseAddress(item) })
  if (!isObject(item)) throw new TypeError('a node must be host:port or a map with ip and port')
  const unknown = Object.keys(item).find(field => !NODE_FIELDS.includes(field))
  if (unknown !== undefined) throw new TypeError(`a node has no field ${quote(unknown)}`)
  return readNode(service, undefined, item)
}

/** Returns the id that an invalid node was meant to have; undefined when it cannot be determined. */
function idMeant(item: unknown): string | undefined {
  if (typeof item === 'string') return idOf(item)
  if (!isObject(item)) return undefined
  const { id, ip, host = ip, port } = item
  if (typeof id === 'string') return id
  if (typeof host !== 'string' || typeof port !== 'number') return undefined
  return idOf(addressOf({ host, port }))
}

/** Returns a key with slashes, so that it differs from every key of {@link keyAt}. */
function nodeKey({ service, id }: Pick<Node, 'service' | 'id'>): string {
  return `services/${service}/${id}`
}

function keyAt([section = '', name = '', index]: Path): string {
  const key = /^[\w.~@:-]+$/.test(String(name)) ? `.${name}` : `[${quote(String(name))}]`
  return `${section}${key}${index === undefined ? '' : `[${index}]`}`
}
