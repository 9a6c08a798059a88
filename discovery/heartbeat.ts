import { createNode, laneOf, type Node, parseAddress } from '../internal/nodes/node.ts'
import { protocolOf, readMetadata } from './codecs/metadata.ts'
import { isObject, type JsonObject } from './codecs/value.ts'

/** What a process wants to be registered as when it says that it lives. */
export interface WantedNode {
  readonly node: Node
  readonly ttlSeconds: number
  /** Whether it is refused unless it is registered already. */
  readonly mustExist?: boolean | undefined
}

/** What became of a heartbeat, or of a farewell. The last six are refusals, and `detail` has the reason and the cure. */
export type HeartbeatOutcome =
  | {
      readonly outcome: 'registered' | 'updated' | 'renewed'
      /** How long the node stays without another heartbeat. */
      readonly leftSeconds: number
    }
  | { readonly outcome: 'removed' }
  | {
      readonly outcome: 'invalid' | 'expired' | 'full' | 'taken' | 'read-only' | 'unreachable'
      readonly detail: string
    }

/** Like the shortest TTL of other registrations: with less, one slow moment of etcd would remove a healthy node. */
const MIN_TTL_SECONDS = 6
/** A process that says so seldom that it lives is better off with a node without a lease. */
const MAX_TTL_SECONDS = 3_600
const DEFAULT_TTL_SECONDS = 10

const FIELDS = ['address', 'host', 'metadata', 'port', 'protocol', 'ttlSeconds', 'url', 'weight']
/** The ports of URLs without one. */
const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 }

/**
 * Reads the JSON with which a process registers. Its fields have the names of the options of `register()`; `url` stands for
 * host, port and protocol.
 *
 * @throws TypeError with a reason for people
 */
export function readWantedNode(service: string, id: string, body: unknown): WantedNode {
  if (!isObject(body)) throw new TypeError('the body must be an object')
  const unknown = Object.keys(body).find(name => !FIELDS.includes(name))
  if (unknown !== undefined) {
    throw new TypeError(`unknown field ${JSON.stringify(unknown)}: the fields are ${FIELDS.join(', ')}`)
  }
  const { weight, ttlSeconds = DEFAULT_TTL_SECONDS } = body
  const metadata = readMetadata(body.metadata)
  const { host, port, protocol = body.protocol ?? metadata?.protocol } = readPlace(body)
  const isWhole = typeof ttlSeconds === 'number' && Number.isInteger(ttlSeconds)
  if (!isWhole || ttlSeconds < MIN_TTL_SECONDS || ttlSeconds > MAX_TTL_SECONDS) {
    throw new TypeError(
      `ttlSeconds must be a whole number from ${MIN_TTL_SECONDS} to ${MAX_TTL_SECONDS}, not ${JSON.stringify(ttlSeconds)}`,
    )
  }
  const node = createNode({
    ...{
      service,
      id,
      metadata,
      weight: weight as number | undefined,
      protocol: protocolOf(protocol, 'http'),
    },
    ...{ host: host as string, port: port as number },
  })
  if (laneOf(node) === undefined) {
    throw new TypeError(
      `gateways do not speak ${node.protocol} with nodes; use http, https, h2c, h2, grpc or grpcs`,
    )
  }
  return { node, ttlSeconds }
}

function readPlace({ url, address, host, port, protocol }: JsonObject): {
  readonly host: unknown
  readonly port: unknown
  readonly protocol?: string
} {
  const given = [url, address, host ?? port].filter(each => each !== undefined)
  if (given.length !== 1) {
    throw new TypeError('the body must have one of "url", "address" (host:port), or "host" and "port"')
  }
  if (address !== undefined) return parseAddress(textOf('address', address))
  if (url === undefined) return { host, port }
  if (protocol !== undefined)
    throw new TypeError('"url" names the protocol, so the body must not have "protocol"')
  return readUrl(textOf('url', url))
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw new TypeError(`${name} must be a string, not ${JSON.stringify(value)}`)
}

function readUrl(text: string) {
  const match = /^([a-z][a-z0-9]*):\/\/([^/?#]+)\/?$/i.exec(text)
  if (!match)
    throw new TypeError(
      `url must be such as http://10.0.0.7:3000, without a path, not ${JSON.stringify(text)}`,
    )
  const protocol = match[1]!.toLowerCase()
  const authority = match[2]!
  const port = DEFAULT_PORTS[protocol]
  const hasPort = /:\d+$/.test(authority)
  return { protocol, ...parseAddress(hasPort || port === undefined ? authority : `${authority}:${port}`) }
}
