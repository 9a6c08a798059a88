import { addressOf, laneOf, type Node } from '../../../internal/nodes/node.ts'
import { codecNamed } from '../../codecs/codecs.ts'
import { ServiceIndex } from '../../service-index.ts'
import { compareKeys } from '../../service-of.ts'
import { decodeNodes } from '../decode-entries.ts'
import { isLoopbackHost } from '../endpoint-url.ts'
import type { ServicesPrefix } from '../prefixes.ts'
import { type DoctorFinding, duration, listed, quantity, size } from './finding.ts'
import type { PrefixContent } from './read-prefix.ts'

/** A decoded key below a prefix of nodes. */
export interface NodeKey {
  readonly key: string
  readonly lease: string | undefined
  readonly nodes: readonly Node[]
  /** Why its value is not used; undefined when it is used. */
  readonly problem: string | undefined
}

/** The most nodes at one address that are named. */
const MAX_IDS = 5

/** @throws TypeError when there is no such format */
export function readNodeKeys({ prefix, format = 'auto', service }: ServicesPrefix, content: PrefixContent) {
  const codec = codecNamed(format)
  return content.keys.map((item): NodeKey => {
    const { key, lease } = item
    const entry = decodeNodes(codec, prefix, service, item)
    if (entry.kind === 'nodes') return { key, lease, nodes: entry.nodes, problem: undefined }
    return { key, lease, nodes: [], problem: entry.kind === 'problem' ? entry.reason : 'is not a node' }
  })
}

/** Reports the content of one prefix of nodes. */
export function judgePrefix(
  prefix: string,
  { bytes, revision, tookMs }: PrefixContent,
  keys: readonly NodeKey[],
): DoctorFinding[] {
  const nodes = keys.flatMap(key => key.nodes)
  const services = new Set(nodes.map(node => node.service))
  const what = `${quantity(keys.length, 'key')} with ${quantity(nodes.length, 'node')} of ${quantity(services.size, 'service')}`
  const findings: DoctorFinding[] = [
    {
      check: 'nodes',
      level: 'ok',
      message: `${prefix} has ${what}: ${size(bytes)} at revision ${revision}, read in ${duration(tookMs)}`,
      details: {
        prefix,
        keys: keys.length,
        nodes: nodes.length,
        services: services.size,
        bytes,
        revision: String(revision),
        tookMs: Math.round(tookMs * 10) / 10,
      },
    },
  ]
  const bad = keys.flatMap(({ key, problem }) => (problem === undefined ? [] : [`${key}: ${problem}`]))
  if (bad.length > 0) {
    findings.push({
      check: 'nodes',
      level: 'problem',
      message: `${quantity(bad.length, 'value')} below ${prefix} ${bad.length === 1 ? 'is' : 'are'} not used`,
      hint: 'correct or delete these keys; discovery.format sets the format of the values',
      details: listed(bad),
    })
  }
  return findings
}

export interface ServicesContext {
  /** The prefixes of nodes, to find the service of a key without a usable node. */
  readonly prefixes: readonly { readonly prefix: string; readonly service: string | undefined }[]
  /** Whether etcd is on another machine. */
  readonly isRemote: boolean
}

/** Finds what is wrong or suspicious about the services over all prefixes together. */
export function judgeServices(keys: readonly NodeKey[], context: ServicesContext): DoctorFinding[] {
  const { duplicates, services } = gather(keys)
  const findings: DoctorFinding[] = []
  if (duplicates.length > 0) {
    findings.push({
      check: 'nodes',
      level: 'problem',
      message: `${quantity(duplicates.length, 'key')} ${duplicates.length === 1 ? 'has a node' : 'have nodes'} whose id another key already uses, so ${duplicates.length === 1 ? 'it is' : 'they are'} not used`,
      hint: 'give every node of a service its own id',
      details: listed(duplicates),
    })
  }
  const shared = [...services].flatMap(([service, nodes]) => sharedAddresses(service, nodes))
  if (shared.length > 0) {
    findings.push({
      check: 'nodes',
      level: 'warning',
      message: `${quantity(shared.length, 'address is', 'addresses are')} registered more than once in a service`,
      hint: 'each gets the share of two nodes; delete the key of the registration that is no longer valid',
      details: listed(shared),
    })
  }
  const local = [...services.values()].flat().filter(({ host }) => isLoopbackHost(host))
  if (context.isRemote && local.length > 0) {
    findings.push({
      check: 'nodes',
      level: 'warning',
      message: `${quantity(local.length, 'node')} ${local.length === 1 ? 'is' : 'are'} at a loopback address, but etcd is on another machine`,
      hint: 'only a gateway on the same machine can reach such a node; register an address that other machines can reach',
      details: listed(local.map(node => `${node.service}/${node.id} at ${addressOf(node)}`)),
    })
  }
  const idle = unusable(keys, services, context)
  if (idle.length > 0) {
    findings.push({
      check: 'nodes',
      level: 'warning',
      message: `${quantity(idle.length, 'service has', 'services have')} no node that gets requests`,
      hint: 'clients of such a service get 503; start a node, or give one a weight above 0',
      details: listed(idle),
    })
  }
  return findings
}

/** Collects the nodes by service in the same way as the gateway. */
function gather(keys: readonly NodeKey[]) {
  const byKey = new Map(keys.map(({ key, nodes }) => [key, nodes]))
  const index = new ServiceIndex(key => byKey.get(key) ?? [])
  const touched = new Set<string>()
  for (const { key, nodes } of keys) index.move(key, [], nodes, touched)
  for (const service of touched) index.gather(service)
  const duplicates = [...index.duplicates()]
    .sort(([a], [b]) => compareKeys(a, b))
    .map(([key, reason]) => `${key}: ${reason}`)
  return { duplicates, services: index.services }
}

function sharedAddresses(service: string, nodes: readonly Node[]): string[] {
  return [...Map.groupBy(nodes, addressOf)].flatMap(([address, same]) => {
    if (same.length < 2) return []
    const ids = same.slice(0, MAX_IDS).map(({ id }) => id)
    if (same.length > MAX_IDS) ids.push(`${same.length - MAX_IDS} more`)
    return [`${service}: ${ids.join(' and ')} at ${address}`]
  })
}

/** Returns the services without a node whose protocol is known and whose weight is above 0, and the reasons. */
function unusable(
  keys: readonly NodeKey[],
  services: ReadonlyMap<string, readonly Node[]>,
  { prefixes }: ServicesContext,
): string[] {
  const reasons = new Map<string, string>()
  for (const { key, problem } of keys) {
    const service = problem === undefined ? undefined : serviceIn(key, prefixes)
    if (service !== undefined && !services.has(service)) reasons.set(service, 'its values are not used')
  }
  for (const [service, nodes] of services) {
    const speaking = nodes.filter(node => laneOf(node) !== undefined)
    if (speaking.length === 0) reasons.set(service, 'its nodes speak neither HTTP nor gRPC')
    else if (speaking.every(node => node.weight === 0)) reasons.set(service, 'its nodes have weight 0')
  }
  return [...reasons].map(([service, reason]) => `${service}: ${reason}`).sort(compareKeys)
}

function serviceIn(key: string, prefixes: ServicesContext['prefixes']): string | undefined {
  const source = prefixes.find(({ prefix }) => key.startsWith(prefix))
  if (source?.service !== undefined) return source.service
  const [service, ...rest] = key.slice(source?.prefix.length ?? 0).split('/')
  return source && rest.length > 0 && service ? service : undefined
}
