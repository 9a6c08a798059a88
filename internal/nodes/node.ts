/**
 * One address that serves one service. It is immutable: a change of weight or metadata makes a new Node with the same
 * `service` and `id`. What a running gateway learns about the node (requests in flight, breaker, connections) is kept
 * in its `Peer`.
 */
export interface Node {
  /** Unique within its service. */
  readonly id: string
  readonly service: string
  /** An IP address or a host name; an IPv6 address without brackets. */
  readonly host: string
  /** 1..65535. */
  readonly port: number
  /** Share of requests relative to the other nodes of the service, 0..65535; 0 = no new requests. */
  readonly weight: number
  readonly metadata: Readonly<Record<string, string>>
  /** The protocol of the node when it is not HTTP/1.1 in cleartext, such as `grpc`. {@link laneOf} says which requests the node gets. */
  readonly protocol?: string
  /** Set while the key of the node is gone, and the registry may have lost it although the node is alive. */
  readonly suspect?: true
}

/** A node as a registry value describes it, before validation. */
export interface NodeInput {
  readonly id: string
  readonly service: string
  readonly host: string
  readonly port: number
  readonly weight?: number | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Default `http`. */
  readonly protocol?: string | undefined
}

/**
 * Which requests a node gets: those of HTTP clients, or gRPC calls. The nodes of a service that share a lane stand in for
 * each other.
 */
export type Lane = 'http' | 'grpc'

/** The protocols, besides HTTP/1.1 in cleartext, that the gateway speaks to nodes. */
const LANES: ReadonlyMap<string, Lane> = new Map([
  ['https', 'http'],
  ['h2c', 'http'],
  ['h2', 'http'],
  ['grpc', 'grpc'],
  ['grpcs', 'grpc'],
])
const WITH_TLS: ReadonlySet<string> = new Set(['https', 'h2', 'grpcs'])

/** Returns the lane of a node; undefined for a protocol that the gateway does not speak, so that the node gets no requests. */
export function laneOf({ protocol }: Pick<Node, 'protocol'>): Lane | undefined {
  return protocol === undefined ? 'http' : LANES.get(protocol)
}

/** Whether a node speaks HTTP/1.1 in cleartext, which is all that the HTTP clients of the library speak. */
export function speaksPlainHttp1({ protocol }: Pick<Node, 'protocol'>): boolean {
  return protocol === undefined
}

/** Whether a node speaks HTTP/1.1, with or without TLS, and not HTTP/2. */
export function speaksHttp1({ protocol }: Pick<Node, 'protocol'>): boolean {
  return protocol === undefined || protocol === 'https'
}

/** Whether connections to a node use TLS. */
export function usesTls({ protocol }: Pick<Node, 'protocol'>): boolean {
  return protocol !== undefined && WITH_TLS.has(protocol)
}

export const MAX_WEIGHT = 65_535
/** What services, nodes and routes may be called. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._~@:-]{0,254}$/
const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/
const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/
const RESERVED_NAMES = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Validates the input and returns a frozen {@link Node}.
 *
 * @throws TypeError with a human-readable reason when a name, the address, the port or the weight is not acceptable:
 * reserved names, user info, a port outside 1..65535, a weight that is not an integer in 0..65535, and unspecified,
 * multicast or link-local addresses (nothing legitimate serves there, and 169.254.169.254 is where clouds keep
 * credentials).
 */
export function createNode(input: NodeInput): Node {
  const { id, service, host, port, weight = 1, metadata = {}, protocol = 'http' } = input
  checkName('service', service)
  checkName('id', id)
  checkHost(host)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new TypeError(`port must be an integer from 1 to 65535, not ${show(port)}`)
  }
  if (!Number.isInteger(weight) || weight < 0 || weight > MAX_WEIGHT) {
    throw new TypeError(`weight must be an integer from 0 to ${MAX_WEIGHT}, not ${show(weight)}`)
  }
  const node = { id, service, host, port, weight, metadata: Object.freeze({ ...metadata }) }
  return Object.freeze(protocol === 'http' ? node : { ...node, protocol })
}

/** Returns the node with `suspect` set. */
export function suspected(node: Node): Node {
  return node.suspect ? node : Object.freeze({ ...node, suspect: true })
}

/** Returns `host:port`, with an IPv6 host in brackets. */
export function addressOf(node: Pick<Node, 'host' | 'port'>): string {
  return node.host.includes(':') ? `[${node.host}]:${node.port}` : `${node.host}:${node.port}`
}

/**
 * Splits `host:port` or `[v6]:port`.
 *
 * @throws TypeError when it is neither.
 */
export function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@[\]]+)):(\d{1,5})$/.exec(address)
  if (!match) throw new TypeError(`address must be host:port, not ${show(address)}`)
  return { host: match[1] ?? match[2] ?? '', port: Number(match[3]) }
}

/** Whether two nodes are equal in everything. */
export function sameNode(a: Node, b: Node): boolean {
  return (
    sameEndpoint(a, b) &&
    a.weight === b.weight &&
    a.suspect === b.suspect &&
    sameRecord(a.metadata, b.metadata)
  )
}

/** Whether two nodes are the same instance at the same address, whatever their weights and metadata. */
export function sameEndpoint(a: Node, b: Node): boolean {
  return (
    a.id === b.id &&
    a.service === b.service &&
    a.host === b.host &&
    a.port === b.port &&
    a.protocol === b.protocol
  )
}

function sameRecord(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every(key => a[key] === b[key])
}

/**
 * Checks the name of a service or a node.
 *
 * @param what names the field in the message
 * @throws TypeError when the name is not acceptable
 */
export function checkName(what: string, name: unknown): void {
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new TypeError(
      `${what} must be 1 to 255 characters of A-Z a-z 0-9 . _ ~ @ : - and start with a letter or digit, not ${show(name)}`,
    )
  }
  if (RESERVED_NAMES.has(name)) throw new TypeError(`${what} must not be ${show(name)}`)
}

function checkHost(host: unknown): void {
  if (typeof host !== 'string') throw new TypeError(`host must be a string, not ${show(host)}`)
  const v4 = IPV4.exec(host)
  if (v4) {
    const octets = v4.slice(1).map(Number) as [number, number, number, number]
    if (octets.some(octet => octet > 255)) throw new TypeError(`host is not an IPv4 address: ${show(host)}`)
    checkIpv4(octets, host)
    return
  }
  if (host.includes(':')) {
    checkIpv6(host)
    return
  }
  // Resolvers read a name whose last label looks numeric (`2130706433`, `0x7f.1`) as an IPv4 address.
  const lastLabel = host.replace(/\.$/, '').split('.').at(-1)!
  if (!HOST_NAME.test(host) || /^(?:0x[0-9a-f]*|\d+)$/i.test(lastLabel)) {
    throw new TypeError(`host must be an IP address or a host name, not ${show(host)}`)
  }
}

function checkIpv4([a, b, c, d]: readonly [number, number, number, number], host: string): void {
  if (a === 169 && b === 254) throw new TypeError(`host must not be link-local: ${show(host)}`)
  if (a >= 224 && a <= 239) throw new TypeError(`host must not be multicast: ${show(host)}`)
  if (a === 0 || (a === 255 && b === 255 && c === 255 && d === 255)) {
    throw new TypeError(`host must not be the unspecified or the broadcast address: ${show(host)}`)
  }
}

function checkIpv6(host: string): void {
  let canonical: string
  try {
    canonical = new URL(`http://[${host}]/`).hostname.slice(1, -1)
  } catch {
    throw new TypeError(`host is not an IPv6 address: ${show(host)}`)
  }
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical)
  if (mapped) {
    const high = Number.parseInt(mapped[1]!, 16)
    const low = Number.parseInt(mapped[2]!, 16)
    checkIpv4([high >> 8, high & 255, low >> 8, low & 255], host)
    return
  }
  if (/^fe[89ab]/.test(canonical)) throw new TypeError(`host must not be link-local: ${show(host)}`)
  if (canonical.startsWith('ff')) throw new TypeError(`host must not be multicast: ${show(host)}`)
  if (canonical === '::') throw new TypeError(`host must not be the unspecified address: ${show(host)}`)
}

/** Formats a value for a message: short and on one line. */
function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
