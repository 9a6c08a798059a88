import type { HashKey, StickyCookie } from '../affinity.ts'
import type { HealthCheck } from '../nodes/health.ts'

/**
 * Which requests go to which service, and under which rules. Made from a route document (config schema
 * `RouteDocument`) with every default filled in; immutable.
 */
export interface Route {
  readonly id: string
  /** Where it came from: a registry key, a file (configuration or services), or made for a service without a document. */
  readonly origin: 'etcd' | 'file' | 'auto'
  /** Literal segments, `:param` segments, at most one trailing `*`. */
  readonly path: string
  /** Upper case; undefined = every method. */
  readonly methods?: readonly string[] | undefined
  /** Lower case, without port; `*.example.org` matches one or more labels in front. Undefined = every host. */
  readonly hosts?: readonly string[] | undefined
  readonly service: string
  /** Whole leading segments of `path` that the node does not see; '' = none. */
  readonly stripPrefix: string
  readonly auth: RouteAuth
  /** From the arrival of the request's head to the head of the answer, over all tries. */
  readonly timeoutMs: number
  /** The same for one try; undefined = no limit of its own. */
  readonly tryTimeoutMs?: number | undefined
  /** Silence between two pieces of an answer's body; 0 = any, undefined = as configured for all nodes. */
  readonly bodyIdleTimeoutMs?: number | undefined
  /** Further tries after the first, each on a node not tried yet; undefined = one on every other node. */
  readonly retries?: number | undefined
  /** Statuses of answers for which another node is asked, where the request may be repeated; undefined = none. */
  readonly retryOn?: readonly number[] | undefined
  /** Bodies up to this are kept while they are sent, so that they can be sent again; undefined = none. */
  readonly retryBufferBytes?: number | undefined
  /** When a second node is asked while the first has not answered; undefined = never. */
  readonly hedge?: HedgeRule | undefined
  /** What this route says of the breakers of its service's nodes; the configuration says the rest. */
  readonly breaker?: BreakerRule | undefined
  /** How the nodes of its service are checked; null = not at all, undefined = as they say themselves. */
  readonly healthCheck?: HealthCheck | null | undefined
  /** What this route says of how much of its service may be under way; the configuration says the rest. */
  readonly serviceLimit?: ServiceLimitRule | undefined
  /** A name of the balancer list. */
  readonly balancer: string
  /** For `consistent-hash`: what the node is chosen by. */
  readonly hashKey?: HashKey | undefined
  /** For `sticky-cookie`. */
  readonly stickyCookie?: StickyCookie | undefined
  /** How long a new or recovered node takes to come to its whole weight; undefined and 0 = no time. */
  readonly slowStartMs?: number | undefined
  /** Larger wins where path patterns are the same. */
  readonly priority: number
  readonly fallback?: RouteFallback | undefined
  /** The largest body of a request, bytes; 0 = no limit, undefined = the gateway's own limit. */
  readonly maxBodyBytes?: number | undefined
  /** Whether a path may have a `%2F`, which is a part of its segment here. */
  readonly allowEncodedSlash?: boolean | undefined
  /** Whether the node sees the client's Host instead of its own address. */
  readonly preserveHost: boolean
  /** What its document says in a way that is deprecated, for people; undefined = nothing. */
  readonly warnings?: readonly string[] | undefined
}

/** The ways in which a request can show who it speaks for. */
export const AUTHENTICATOR_NAMES = ['jwt', 'api-key', 'basic'] as const
export type AuthenticatorName = (typeof AUTHENTICATOR_NAMES)[number]

/** By whom a request must be known, and what it must have been granted. */
export interface AuthRule {
  readonly type: AuthenticatorName
  /** All of them must be granted. */
  readonly scopes: readonly string[]
  /** One of them is enough. */
  readonly roles: readonly string[]
  /** All of them must hold; undefined = none. */
  readonly claims?: readonly ClaimRule[] | undefined
}

/** A claim that must be there, with one of these values or with a list that has one of them. */
export interface ClaimRule {
  /** As `compileClaimPath` reads it. */
  readonly path: string
  readonly values: readonly (string | number | boolean)[]
}

/** Of a list of rules, one must be met; they are tried in order. */
export type RouteAuth =
  | { readonly type: 'none' }
  | AuthRule
  | { readonly type: 'any'; readonly rules: readonly AuthRule[] }

export interface HedgeRule {
  /** How long the first node has; undefined = as long as 95% of the service's answers took of late. */
  readonly afterMs: number | undefined
}

export interface BreakerRule {
  /** Share of failed tries from which the breaker opens, 0..1. */
  readonly failureRatio?: number
  /** Tries in the window below which the ratio never opens it. */
  readonly minimumRequests?: number
  readonly windowMs?: number
  /** How long it is open at first; twice as long after each probe that fails. */
  readonly openMs?: number
  readonly maxOpenMs?: number
  /** Answers that take longer count as failures; null = none does. */
  readonly slowCallMs?: number | null
  /** Statuses that count as failures; null = 500 and above but 501 and 505. */
  readonly statuses?: readonly number[] | null
}

export interface ServiceLimitRule {
  /** Requests under way at the same time; null = no fixed limit. */
  readonly concurrent?: number | null
  /** Whether the limit is found by how long answers take. */
  readonly adaptive?: boolean
  /** The most that is found. */
  readonly max?: number
  /** How many may wait for a place; null = half as many as the limit. */
  readonly queue?: number | null
  /** The longest that one waits. */
  readonly queueMs?: number
}

/**
 * What answers when no node of the route's service can: a fixed answer, another service, or what a node answered
 * to the same request before.
 */
export type RouteFallback =
  | {
      readonly type: 'static'
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }
  | { readonly type: 'service'; readonly service: string }
  | {
      readonly type: 'stale'
      /** How old it may be. */
      readonly maxAgeMs: number
    }
