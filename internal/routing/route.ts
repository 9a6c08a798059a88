import type { MatchRule } from '../conditions.ts'
import type { HttpRule } from '../grpc/http-rule.ts'
import type { BindingChoice, JsonOptions } from '../grpc/json-options.ts'
import type { HealthCheck } from '../nodes/health.ts'
import type { NodeSelection, NodeSelector } from '../nodes/node-selection.ts'

/**
 * Which requests go to which service, and under which rules. A route is made from a route document (config schema
 * `RouteDocument`) with all defaults filled in, and is immutable.
 */
export interface Route {
  readonly id: string
  /**
   * Where it came from: a registry key, a file (configuration or services), or `auto` for a service without a document.
   */
  readonly origin: 'etcd' | 'file' | 'auto'
  /** Literal segments, `:param` segments, and at most one trailing `*`. */
  readonly path: string
  /** Upper case; undefined = every method. */
  readonly methods?: readonly string[] | undefined
  /**
   * Lower case, without port. `*.example.org` matches one or more labels in place of the asterisk. Undefined = every
   * host.
   */
  readonly hosts?: readonly string[] | undefined
  /** What requests must be like beside that; one of these rules must hold. Undefined = nothing. */
  readonly match?: readonly MatchRule[] | undefined
  /**
   * What becomes of a request that no `match` of its path pattern fits: `next` looks at less specific patterns, `refuse`
   * does not. Undefined = `next`.
   */
  readonly whenUnmatched?: 'next' | 'refuse' | undefined
  /** '' = none: a policy answers every request. */
  readonly service: string
  /** Which nodes of the service get its requests; undefined = all that do not wait to be selected. */
  readonly nodes?: NodeSelection | undefined
  /** Whole leading segments of `path` that the node does not see; '' = none. */
  readonly stripPrefix: string
  readonly auth: RouteAuth
  /** The time from the head of the request to the head of the answer, over all tries. */
  readonly timeoutMs: number
  /** The time to the head of the answer for each try; undefined = no limit of its own. */
  readonly tryTimeoutMs?: number | undefined
  /**
   * The longest silence between two pieces of an answer's body; 0 = no limit, undefined = as configured for all nodes.
   */
  readonly bodyIdleTimeoutMs?: number | undefined
  /** Retries after the first try, each on a node not tried yet; undefined = one on every other node. */
  readonly retries?: number | undefined
  /** Statuses on which the request is retried, if it may be repeated; undefined = none. */
  readonly retryOn?: readonly number[] | undefined
  /** Bodies up to this length are kept in memory, so that they can be sent again; undefined = none. */
  readonly retryBufferBytes?: number | undefined
  /** When the request is also sent to a second node; undefined = never. */
  readonly hedge?: HedgeRule | undefined
  /** Settings of the circuit breakers of the service's nodes. Absent fields are taken from the configuration. */
  readonly breaker?: BreakerRule | undefined
  /** How the nodes of the service are checked; null = not at all, undefined = as the nodes declare. */
  readonly healthCheck?: HealthCheck | null | undefined
  /** The concurrency limit of the service. Absent fields are taken from the configuration. */
  readonly serviceLimit?: ServiceLimitRule | undefined
  /** Rules for gRPC calls; undefined = those without a setting. */
  readonly grpc?: GrpcRule | undefined
  /** A name in `BALANCERS`. */
  readonly balancer: string
  /** For `consistent-hash`: where the key of a request is found. */
  readonly hashKey?: HashKey | undefined
  /** For `sticky-cookie`. */
  readonly stickyCookie?: StickyCookie | undefined
  /** How long a new or recovered node takes to reach its full weight; undefined and 0 = no slow start. */
  readonly slowStartMs?: number | undefined
  /** Undefined = no rule for TLS with the nodes of the service. */
  readonly upstreamTls?: UpstreamTlsRule | undefined
  /** What it is for, for people. */
  readonly description?: string | undefined
  /** Names and values for people. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Whether its document takes no requests, which then find the route that they would find without it. */
  readonly isDisabled?: boolean | undefined
  /** The policy sets that its document names; undefined = none. */
  readonly sets?: NamedSets | undefined
  /** The rules of its policies by name, as plain data; undefined when it has none. */
  readonly policies?: RoutePolicies | undefined
  /**
   * Whether its document cannot be used and no earlier one was good. Such a route matches, so that its requests do not
   * fall to a less strict one, and is answered WG_ROUTE_BROKEN; `policies` is set.
   */
  readonly isBroken?: boolean | undefined
  /** Of routes with the same path pattern, the one with the largest priority is asked first. */
  readonly priority: number
  readonly fallback?: RouteFallback | undefined
  /** The largest request body, bytes; 0 = no limit, undefined = the gateway's limit. */
  readonly maxBodyBytes?: number | undefined
  /** Whether a path may contain `%2F`, which is then part of its segment. */
  readonly allowEncodedSlash?: boolean | undefined
  /** Whether its clients may be slower than the minimum rate. */
  readonly allowSlowClients?: boolean | undefined
  /** Whether the node receives repeated slashes as one; undefined = true. Routes are matched as if it did. */
  readonly mergeSlashes?: boolean | undefined
  /** Whether the node receives the client's Host header instead of its own address. */
  readonly preserveHost: boolean
  /**
   * Whether references in answers are rewritten so that clients can use them. `always`: the stripped prefix is put in
   * front of paths that begin with it, too. Undefined = false.
   */
  readonly rewriteLocation?: boolean | 'always' | undefined
  /** What is deprecated or probably not intended in its document, for people; undefined = nothing. */
  readonly warnings?: readonly string[] | undefined
}

/** Policy sets that a document names. As long as they are not merged, the route lacks what they say. */
export interface NamedSets {
  /** The nearest first. */
  readonly names: readonly string[]
  /** The document as it was written, with the present names of its fields, to be merged with the sets. */
  readonly document: object
}

/** Rules by policy name, each in the shape that the policy's schema gives it. Frozen. */
export type RoutePolicies = {
  readonly cors?: object
  readonly split?: { readonly variants: readonly VariantTarget[] }
  readonly mirror?: { readonly service: string; readonly nodes?: NodeSelector | undefined }
} & Readonly<Record<string, unknown>>

/** Where the requests of a variant go. What is absent is as in the route. */
export interface VariantTarget {
  readonly service?: string | undefined
  readonly nodes?: NodeSelector | undefined
}

/** The names of the authenticators. */
export const AUTHENTICATOR_NAMES = ['jwt', 'api-key', 'basic', 'mtls'] as const
export type AuthenticatorName = (typeof AUTHENTICATOR_NAMES)[number]

/** Which authenticator must accept a request, and which grants its identity needs. */
export interface AuthRule {
  readonly type: AuthenticatorName
  /** Scopes, all of which must be granted. */
  readonly scopes: readonly string[]
  /** Roles, one of which must be granted. */
  readonly roles: readonly string[]
  /** Rules for claims, all of which must hold; undefined = none. */
  readonly claims?: readonly ClaimRule[] | undefined
}

/** A claim that must have one of these values, or be a list that includes one of them. */
export interface ClaimRule {
  /** A path for `compileClaimPath`. */
  readonly path: string
  readonly values: readonly (string | number | boolean)[]
}

/** The authentication of a route. `any`: one of the rules must be met; they are tried in order. */
export type RouteAuth =
  | { readonly type: 'none' }
  | AuthRule
  | { readonly type: 'any'; readonly rules: readonly AuthRule[] }

export interface HedgeRule {
  /** How long the first node has; undefined = as long as 95% of the service's recent answers took. */
  readonly afterMs: number | undefined
}

export interface BreakerRule {
  /** Share of failed tries at which the breaker opens, 0..1. */
  readonly failureRatio?: number
  /** With fewer tries in the window, the ratio never opens the breaker. */
  readonly minimumRequests?: number
  readonly windowMs?: number
  /** How long the breaker first stays open; doubled after each failed probe. */
  readonly openMs?: number
  readonly maxOpenMs?: number
  /** Answers whose head takes longer count as failures; null = none does. */
  readonly slowCallMs?: number | null
  /** Statuses that count as failures; null = 500 and above except 501 and 505. */
  readonly statuses?: readonly number[] | null
  /** Whether a node is ejected for what it answers even if no other node does better. */
  readonly ejectLastNode?: boolean
}

/** Rules for gRPC calls. Statuses are numbers, 1..16. */
export interface GrpcRule {
  /** The time of a whole call whose client sets no deadline; undefined = no limit. */
  readonly timeoutMs: number | undefined
  /** The longest deadline that a client may set; undefined = no limit. */
  readonly maxTimeoutMs: number | undefined
  /** Statuses on which a call is tried again, if its answer consists of the status alone. */
  readonly retryOn: readonly number[]
  /** Whether that holds for all methods, and not only for idempotent ones. */
  readonly retriesAll: boolean
  /** Statuses that count against a node; undefined = as configured. */
  readonly failures: readonly number[] | undefined
  /** Methods that may be repeated, `package.Service/Method`, in addition to those that their descriptors name. */
  readonly idempotent: readonly string[]
  /** The methods that can be called, or the beginnings of their names and a `*`; undefined = all of them. */
  readonly allow: readonly string[] | undefined
  /** Whether gRPC-web is turned into gRPC. */
  readonly web: boolean
  /** Whether the document asks for JSON, so that its plain requests become calls even if HTTP nodes could take them. */
  readonly isForJson: boolean
  /** The name of the descriptors of the service; undefined = those named like the service, or what its nodes say. */
  readonly descriptors: string | undefined
  /** Undefined: `annotated` for methods that have a rule, `default` for the others. */
  readonly bindings: BindingChoice | undefined
  /** Rules that replace the annotations of the methods that they select; undefined = none. */
  readonly rules: readonly HttpRule[] | undefined
  readonly json: JsonOptions
}

/** How TLS is spoken with the nodes of a service. What it leaves out is as configured. */
export interface UpstreamTlsRule {
  /** The name or IP address that certificates must be for; undefined = the host of the node. */
  readonly serverName?: string
  /** The trusted authorities, PEM. */
  readonly ca?: string
  /** The certificate that nodes are shown, a name of the configuration. */
  readonly identity?: string
  /** Whether certificates are verified. */
  readonly verify?: boolean
}

export interface ServiceLimitRule {
  /** Requests in flight; null = no fixed limit. */
  readonly concurrent?: number | null
  /** Whether the limit adapts to how long answers take. */
  readonly adaptive?: boolean
  /** The upper bound of an adaptive limit. */
  readonly max?: number
  /** How many requests may wait for a slot; null = half of the limit. */
  readonly queue?: number | null
  /** The longest that a request waits for a slot. */
  readonly queueMs?: number
}

/**
 * What answers when no node of the route's service can: a fixed answer, another service, or an earlier answer to the
 * same request.
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
      /** How old the answer may be. */
      readonly maxAgeMs: number
    }

/** Where a request carries the key by which `consistent-hash` chooses its node. */
export type HashKey =
  /** A header that the node receives; `name` in lower case. */
  | { readonly from: 'header'; readonly name: string }
  | { readonly from: 'cookie'; readonly name: string }
  /** The client's address. */
  | { readonly from: 'address' }
  /** A claim of the token; dots in `name` lead into nested objects. */
  | { readonly from: 'claim'; readonly name: string }
  /** A `:name` segment of the route's path. */
  | { readonly from: 'pathParameter'; readonly name: string }

/** The cookie by which `sticky-cookie` finds a client's node again. */
export interface StickyCookie {
  /** Undefined = a cookie name for each service. */
  readonly name?: string | undefined
}
