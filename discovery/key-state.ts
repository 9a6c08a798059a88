import { type Node, suspected } from '../internal/nodes/node.ts'
import type { Route } from '../internal/routing/route.ts'
import type { RegistryEntry } from './registry.ts'

/** A route document as a Route, or what is wrong with it, for people, and the service that it names all the same. */
export type ParsedRouteDocument =
  | { readonly route: Route }
  | { readonly reason: string; readonly service?: string | undefined }

export type ParseRoute = (id: string, document: unknown) => ParsedRouteDocument

/** What an API key's document says, as whoever checks keys wants it, or what is wrong with it, for people. */
export type ParsedApiKey = { readonly apiKey: unknown } | { readonly reason: string }

export type ParseApiKey = (document: unknown) => ParsedApiKey

/** What decides whether a request is let in. */
export type Credential =
  | { readonly kind: 'api-key'; readonly hash: string; readonly apiKey: unknown }
  | { readonly kind: 'revocation'; readonly tokenId: string }

/** What one key has said so far: its last good value, and what is wrong with its present one. */
export interface KeyState {
  readonly nodes: readonly Node[]
  readonly route?: Route | undefined
  readonly credential?: Credential | undefined
  readonly problem?: string | undefined
  /** The service that a refused route document names. */
  readonly names?: string | undefined
  /** Set while the registry does not name the key and may have lost it: when that was first seen. */
  readonly suspectSince?: number | undefined
}

/** Of a key that has said nothing. */
export const NOTHING: KeyState = { nodes: [] }

/** A key's nodes as they are to be seen: those of a suspect are suspects. */
export function shownNodes({ nodes, suspectSince }: KeyState): readonly Node[] {
  return suspectSince === undefined ? nodes : nodes.map(suspected)
}

/** How what a key says is judged. */
export interface EntryRules {
  readonly parseRoute: ParseRoute
  /** Default: every document is good as it is. */
  readonly parseApiKey?: ParseApiKey | undefined
  /** Why a node must not be used, for people; undefined when it may. Default: all may. */
  readonly refusalOf?: ((node: Node) => string | undefined) | undefined
}

/** What a key has said when `entry` is added to what it had said before. */
export function readEntry(before: KeyState, entry: RegistryEntry, rules: EntryRules): KeyState {
  switch (entry.kind) {
    case 'nodes':
      return rules.refusalOf ? withoutRefused(before, entry.nodes, rules.refusalOf) : { nodes: entry.nodes }
    case 'problem': {
      const { nodes, route, credential } = before
      return { nodes, route, credential, problem: entry.reason }
    }
    case 'route': {
      const parsed = orProblem(() => rules.parseRoute(entry.id, entry.document))
      if ('route' in parsed) return { nodes: [], route: parsed.route }
      return { nodes: [], route: before.route, problem: parsed.reason, names: parsed.service }
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
    default:
      return entry satisfies never
  }
}

/** The nodes that may be used; where that is none, the key has no good value, and keeps the one it had. */
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

/** A document that its parser fails on is a problem of that document. */
function orProblem<T>(parse: () => T): T | { readonly reason: string; readonly service?: undefined } {
  try {
    return parse()
  } catch (error) {
    return { reason: `document cannot be read (${String(error)})` }
  }
}
