import { isDeepStrictEqual } from 'node:util'
import { type Node, suspected } from '../internal/nodes/node.ts'
import type { Route } from '../internal/routing/route.ts'
import type { LastGood, RegistryEntry } from './registry.ts'

/**
 * The route of a document, or the reason for people why it is invalid, with the service that it names and, when it can
 * be told which requests the document means, a closed route that refuses them.
 */
export type ParsedRouteDocument =
  | { readonly route: Route }
  | {
      readonly reason: string
      readonly service?: string | undefined
      readonly closed?: Route | undefined
    }

export type ParseRoute = (id: string, document: unknown) => ParsedRouteDocument

/**
 * An API key in the form that the authenticator uses, or the reason for people why its document is invalid.
 */
export type ParsedApiKey = { readonly apiKey: unknown } | { readonly reason: string }

export type ParseApiKey = (document: unknown) => ParsedApiKey

/** A registry entry that decides whether a request is let in. */
export type Credential =
  | { readonly kind: 'api-key'; readonly hash: string; readonly apiKey: unknown }
  | { readonly kind: 'revocation'; readonly tokenId: string }

/**
 * What a gateway makes of descriptors, or the reason for people why they cannot be used.
 */
export type ParsedDescriptors = { readonly schema: unknown } | { readonly reason: string }

/** Descriptors of gRPC services, as they were written and as the gateway uses them. */
export interface Descriptors {
  readonly name: string
  readonly bytes: Buffer
  readonly schema: unknown
}

/** What a gateway makes of a certificate and its key, or the reason for people why it does not use them. */
export type ParsedCertificate =
  | { readonly pair: unknown }
  | {
      readonly reason: string
      /** What can be used as long as the key had no better value. */
      readonly stopgap?: unknown
    }

export type CertificateEntry = Extract<RegistryEntry, { readonly kind: 'certificate' }>

/** A registry entry that TLS for clients needs. */
export type TlsEntry =
  | { readonly kind: 'certificate'; readonly entry: CertificateEntry; readonly pair: unknown }
  | Extract<RegistryEntry, { readonly kind: 'acme-challenge' }>

/** Policies under a name, for the routes that name it. */
export type PolicySetEntry = Extract<RegistryEntry, { readonly kind: 'policy-set' }>

/** The state of one key: its last good value, and the problem of its current value if there is one. */
export interface KeyState {
  readonly nodes: readonly Node[]
  /** Whether the key is under a lease. */
  readonly isLeased?: boolean | undefined
  readonly route?: Route | undefined
  readonly credential?: Credential | undefined
  readonly descriptors?: Descriptors | undefined
  readonly tls?: TlsEntry | undefined
  readonly policySet?: PolicySetEntry | undefined
  readonly problem?: string | undefined
  /** The service that a rejected route document names. */
  readonly names?: string | undefined
  /** What the registry has, good or not; undefined while it does not have the key. */
  readonly present?: RegistryEntry | undefined
  /** The entry from which the last good value was read, and at which revision; undefined when no value was good. */
  readonly entry?: RegistryEntry | undefined
  readonly revision?: string | undefined
  /** When the present value was first refused, in milliseconds since 1970; set while the last good one is in use. */
  readonly refusedSince?: number | undefined
  /** When the key was first missed; set while the registry does not have the key but may have lost it. */
  readonly suspectSince?: number | undefined
}

/** The state of a key that does not exist. */
export const NOTHING: KeyState = { nodes: [] }

/** Returns the nodes of a key. While the key is suspect, its nodes are marked as suspect. */
export function shownNodes({ nodes, suspectSince }: KeyState): readonly Node[] {
  return suspectSince === undefined ? nodes : nodes.map(suspected)
}

/** The rules by which values are accepted or rejected. */
export interface EntryRules {
  readonly parseRoute: ParseRoute
  /** Default: every document is accepted as it is. */
  readonly parseApiKey?: ParseApiKey | undefined
  /** Default: descriptors are kept as they are. */
  readonly parseDescriptors?: ((bytes: Buffer) => ParsedDescriptors) | undefined
  /** Default: no certificate is used. */
  readonly parseCertificate?: ((entry: CertificateEntry) => ParsedCertificate) | undefined
  /** Returns why a policy set cannot be used; undefined when it can. Default: every document can. */
  readonly refusalOfPolicySet?: ((entry: PolicySetEntry) => string | undefined) | undefined
  /** Returns why a node must not be used, or undefined when it may. Default: all nodes may be used. */
  readonly refusalOf?: ((node: Node) => string | undefined) | undefined
}

/** How an entry is read: by which rules, and what is noted with it. */
export interface ReadOptions {
  readonly rules: EntryRules
  /** The revision of the event that has the entry. */
  readonly revision: string
  /** Returns the last good value of the key that an earlier process knew. */
  readonly recall: (key: string) => LastGood | undefined
}

/** Returns the state of a key after `entry`, given its state before. */
export function readEntry(before: KeyState, entry: RegistryEntry, options: ReadOptions): KeyState {
  return { ...judgeEntry(before, entry, options), present: entry }
}

function judgeEntry(before: KeyState, entry: RegistryEntry, options: ReadOptions): KeyState {
  const { rules, revision, recall } = options
  const state = applyEntry(before, entry, rules)
  const isUsed = state.nodes.length > 0 && state.nodes !== before.nodes
  if (state.problem === undefined || isUsed) return { ...state, entry, revision }
  if (before.entry !== undefined) return withLastGood(state, before)
  const earlier = recall(entry.key)
  if (earlier === undefined) return state
  const good = applyEntry(NOTHING, earlier.entry, rules)
  if (good.problem !== undefined) return state
  const { revision: readAt, since } = earlier
  const recalled = { ...good, entry: earlier.entry, revision: readAt, refusedSince: since }
  return withLastGood(applyEntry(recalled, entry, rules), recalled)
}

/**
 * Returns the state of a key after the rules have changed. Its entries are read again as after a restart: the present one
 * counts, or else the last good one, and one that the new rules refuse is not kept because older rules allowed it. The route of a
 * document that may be lost is closed then, as that of one that is there.
 */
export function rereadState(state: KeyState, rules: EntryRules): KeyState {
  const { present, entry, revision = '0', refusedSince, suspectSince, isLeased } = state
  // It was never good.
  if (present === undefined && entry === undefined) return state
  const good = entry === undefined ? NOTHING : applyEntry(NOTHING, entry, rules)
  // What is not there is no problem.
  if (present === undefined && good.problem !== undefined)
    return { ...state, ...good, problem: undefined, names: undefined }
  const before: KeyState =
    entry === undefined || good.problem !== undefined ? NOTHING : { ...good, entry, revision, refusedSince }
  const options = { rules, revision, recall: () => undefined }
  const read = present === undefined ? before : readEntry(before, present, options)
  return { ...read, ...(isLeased && { isLeased }), ...(suspectSince !== undefined && { suspectSince }) }
}

/** Notes the last good value with the state of a key whose present value is refused, if it is in use. */
function withLastGood(state: KeyState, before: KeyState): KeyState {
  const isInUse =
    (state.nodes.length > 0 && state.nodes === before.nodes) ||
    (state.route !== undefined && state.route === before.route) ||
    (state.credential !== undefined && state.credential === before.credential) ||
    (state.descriptors !== undefined && state.descriptors === before.descriptors) ||
    (state.tls !== undefined && state.tls === before.tls) ||
    (state.policySet !== undefined && state.policySet === before.policySet)
  if (!isInUse) return state
  const { entry, revision, refusedSince = Date.now() } = before
  return { ...state, entry, revision, refusedSince }
}

const NO_CERTIFICATES: ParsedCertificate = { reason: 'certificates are not used here' }

function applyEntry(before: KeyState, entry: RegistryEntry, rules: EntryRules): KeyState {
  switch (entry.kind) {
    case 'nodes':
      return withLease(
        entry.isLeased,
        rules.refusalOf ? withoutRefused(before, entry.nodes, rules.refusalOf) : { nodes: entry.nodes },
      )
    case 'problem': {
      const { nodes, isLeased, route, credential, descriptors, tls, policySet } = before
      const good = { nodes, route, credential, descriptors, tls, policySet }
      return withLease(isLeased, { ...good, problem: entry.reason })
    }
    case 'route': {
      const parsed = orProblem(() => rules.parseRoute(entry.id, entry.document))
      if ('route' in parsed) return { nodes: [], route: parsed.route }
      // The last good version stays. Without one, the requests must not fall to a less strict route.
      const route = before.route?.isBroken ? (parsed.closed ?? before.route) : (before.route ?? parsed.closed)
      return { nodes: [], route, problem: parsed.reason, names: parsed.service }
    }
    case 'api-key': {
      const { parseApiKey = apiKey => ({ apiKey }) } = rules
      const { kind, hash, document } = entry
      const parsed = orProblem(() => parseApiKey(document))
      if ('apiKey' in parsed) return { nodes: [], credential: { kind, hash, apiKey: parsed.apiKey } }
      return { nodes: [], credential: before.credential, problem: parsed.reason }
    }
    case 'revocation':
      return { nodes: [], credential: { kind: entry.kind, tokenId: entry.tokenId } }
    case 'descriptors': {
      const { name, bytes } = entry
      const { descriptors } = before
      // A listing repeats all keys, and a large set takes milliseconds.
      if (descriptors?.bytes.equals(bytes)) return { nodes: [], descriptors }
      const parsed = orProblem(() => rules.parseDescriptors?.(bytes) ?? { schema: bytes })
      if ('schema' in parsed) return { nodes: [], descriptors: { name, bytes, schema: parsed.schema } }
      return { nodes: [], descriptors, problem: parsed.reason }
    }
    case 'certificate': {
      const { tls, problem } = before
      // A listing repeats all keys, and reading a key takes a millisecond.
      const isKnown = tls?.kind === 'certificate' && isDeepStrictEqual(tls.entry, entry)
      if (isKnown && problem === undefined) return { nodes: [], tls }
      const parsed = orProblem(() => rules.parseCertificate?.(entry) ?? NO_CERTIFICATES)
      if ('pair' in parsed) return { nodes: [], tls: { kind: 'certificate', entry, pair: parsed.pair } }
      const { reason, stopgap: pair } = parsed
      if (tls !== undefined || pair === undefined) return { nodes: [], tls, problem: reason }
      return { nodes: [], tls: { kind: 'certificate', entry, pair }, problem: reason }
    }
    case 'acme-challenge':
      return { nodes: [], tls: entry }
    case 'policy-set': {
      const refused = orProblem(() => ({ reason: rules.refusalOfPolicySet?.(entry) }))
      const { kind, key, name, document } = entry
      if (refused.reason === undefined) return { nodes: [], policySet: { kind, key, name, document } }
      return { nodes: [], policySet: before.policySet, problem: refused.reason }
    }
    default:
      return entry satisfies never
  }
}

function withLease(isLeased: boolean | undefined, state: KeyState): KeyState {
  return isLeased ? { ...state, isLeased } : state
}

/** Drops the nodes that must not be used. When none is left, the key keeps the nodes that it had before. */
function withoutRefused(
  before: KeyState,
  nodes: readonly Node[],
  refusalOf: (node: Node) => string | undefined,
): KeyState {
  const problems: string[] = []
  const kept = nodes.filter(node => {
    const refusal = refusalOf(node)
    if (refusal !== undefined) problems.push(`node "${node.id}" is not used: ${refusal}`)
    return refusal === undefined
  })
  if (problems.length === 0) return { nodes }
  return { nodes: kept.length > 0 ? kept : before.nodes, problem: problems.join('; ') }
}

/** Turns an error of the parser into a problem of the document. */
function orProblem<T>(parse: () => T):
  | T
  | {
      readonly reason: string
      readonly service?: undefined
      readonly closed?: undefined
      readonly stopgap?: undefined
    } {
  try {
    return parse()
  } catch (error) {
    return { reason: `document cannot be read (${String(error)})` }
  }
}
