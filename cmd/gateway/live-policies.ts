import type { KeyObject } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { getOrMake } from '../../internal/get-or-make.ts'
import type { SameSite } from '../../internal/http/header-lines.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { CreatePolicy, Exchange, Policy, RoutePlan } from '../../internal/policy.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { Upstream } from '../../internal/upstream.ts'
import type { CredentialPlaces } from '../../middleware/policies/credential-places.ts'
import { Delays } from '../../middleware/policies/fixed-answer.ts'
import type { LimitSettings } from '../../middleware/policies/limit-stage.ts'
import type { Mirrors } from '../../middleware/policies/mirror.ts'
import type { PolicyCounts } from '../../routes/admin/metrics/policy-metrics.ts'
import { CHAIN, type PolicyTools } from './policies.ts'
import { brokenPlan, compilePlan, type NamedPolicy } from './route-plan.ts'
import type { Inputs, Live, Settings } from './settings.ts'
import type { Upstreams } from './upstream.ts'

interface LivePolicy {
  readonly rule: unknown
  readonly policy: Policy
}

type Chain = Readonly<Record<string, CreatePolicy<never, PolicyTools>>>

/** What policies are made with that a reload may change. */
export interface PolicySettings {
  /** The call to a node, which `around` wraps. */
  readonly upstream: Upstream
  /** The longest target that a request may have, also for a node. Default: no limit. */
  readonly maxTargetBytes?: number
  /** Default: none besides Authorization. */
  readonly credentialPlaces?: CredentialPlaces
  /** Signs the cookies of policies; undefined = they set none. */
  readonly cookieKey?: KeyObject | undefined
  /** Of the cookies of splits. */
  readonly sameSite?: SameSite | undefined
}

export interface LivePoliciesOptions extends PolicySettings {
  readonly counts: PolicyCounts
  readonly limits: LimitSettings
  readonly nodes: Pick<NodeTable, 'hasAvailable'>
  /** Sends copies of requests. */
  readonly mirrors: Mirrors
  /** For tests. Default: all policies. */
  readonly chain?: Chain
}

/** Creates the policies of all routes, which are made with what the settings say. */
export function openPolicies(
  settings: Settings,
  upstreams: Live<Upstreams>,
  options: Omit<LivePoliciesOptions, keyof PolicySettings>,
): LivePolicies {
  const present = () => policySettingsOf(settings, upstreams.current.upstream)
  const policies = new LivePolicies({ ...options, ...present() })
  settings.onSwap(() => policies.configure(present()))
  return policies
}

/** Returns what policies are made with. */
function policySettingsOf({ config, keys }: Inputs, upstream: Upstream): PolicySettings {
  const { apiKeys, jwt, clientLimits, routes } = config
  return {
    upstream,
    cookieKey: keys.stickyCookie,
    sameSite: routes.stickyCookie.sameSite,
    maxTargetBytes: clientLimits.targetBytes,
    credentialPlaces: {
      keyHeader: apiKeys.enabled ? apiKeys.header.toLowerCase() : undefined,
      tokenParameter: jwt.queryParameter,
      tokenCookie: jwt.cookie,
    },
  }
}

/**
 * Holds the policies of all routes, which are made at the first request of a route. A policy and its state stay as long as
 * the id of its route and its rule stay the same: a relist of the registry and edits of anything else keep them.
 */
export class LivePolicies {
  #settings: PolicySettings
  readonly #options: LivePoliciesOptions
  readonly #delays = new Delays()
  readonly #chain: Chain
  #plans = new WeakMap<Route, RoutePlan>()
  /** By route id, then by policy name. */
  readonly #ofDocuments = new Map<string, Map<string, LivePolicy>>()
  readonly #ofAutoRoutes = new Map<string, Map<string, LivePolicy>>()
  readonly #openStreams = { count: 0 }

  constructor(options: LivePoliciesOptions) {
    this.#options = options
    this.#settings = options
    this.#chain = options.chain ?? CHAIN
  }

  /**
   * Lets policies be made with other settings. Those that hold some of them are made again, and their counts go on, which the
   * counters of all limits keep.
   */
  configure(settings: PolicySettings): void {
    const { upstream: _, ...before } = this.#settings
    const { upstream: __, ...after } = settings
    const holdsOthers = Object.entries(after).some(
      ([name, value]) => !isDeepStrictEqual(value, before[name as keyof typeof after]),
    )
    this.#settings = settings
    this.#plans = new WeakMap()
    if (!holdsOthers) return
    for (const policies of [...this.#ofDocuments.values(), ...this.#ofAutoRoutes.values()]) {
      for (const name of policies.keys()) {
        // Its places are taken by requests under way, and it is made of its rule alone.
        if (name !== 'concurrency') policies.delete(name)
      }
    }
  }

  /** Returns the policies of a route, ready to run. */
  planOf(route: Route): RoutePlan {
    let plan = this.#plans.get(route)
    if (!plan) {
      plan = route.isBroken
        ? brokenPlan(this.#settings.upstream)
        : compilePlan(this.policiesOf(route), this.#settings.upstream, this.#options.counts)
      this.#plans.set(route, plan)
    }
    return plan
  }

  /**
   * Forgets the policies of documents that are gone and of rules that have changed. Call it after each change of routes.
   * The policies of automatic routes stay: such a route comes and goes with its nodes, and its rules never change.
   *
   * @param documents every route that is not automatic
   */
  retain(documents: readonly Route[]): void {
    if (this.#ofDocuments.size === 0) return
    const byId = new Map(documents.map(route => [route.id, route]))
    for (const [id, policies] of this.#ofDocuments) {
      const rules = byId.get(id)?.policies
      for (const [name, { rule }] of policies) {
        if (rules === undefined || !isDeepStrictEqual(rules[name], rule)) this.#forget(policies, name)
      }
      if (policies.size === 0) this.#ofDocuments.delete(id)
    }
  }

  /** Returns the policies of a route by name, in the order in which a request meets them. */
  policiesOf(route: Route): readonly NamedPolicy[] {
    return Object.keys(this.#chain).flatMap(name => {
      const rule = route.policies?.[name]
      return rule === undefined ? [] : [{ name, policy: this.#policy(route, name, rule) }]
    })
  }

  #policy(route: Route, name: string, rule: unknown): Policy {
    const live = route.origin === 'auto' ? this.#ofAutoRoutes : this.#ofDocuments
    const policies = getOrMake(live, route.id, () => new Map<string, LivePolicy>())
    const known = policies.get(name)
    if (known && isDeepStrictEqual(known.rule, rule)) return known.policy
    if (known) this.#forget(policies, name)
    const create = this.#chain[name] as CreatePolicy<unknown, PolicyTools>
    const policy = create(rule, this.#toolsOf(name))
    policies.set(name, { rule, policy })
    return policy
  }

  /** Forgets a policy, and all plans: one may hold it, and its route may come back from behind another one. */
  #forget(policies: Map<string, LivePolicy>, name: string): void {
    policies.delete(name)
    this.#plans = new WeakMap()
  }

  #toolsOf(name: string): PolicyTools {
    const { maxTargetBytes, credentialPlaces, cookieKey, sameSite } = this.#settings
    const { counts, limits, nodes, mirrors } = this.#options
    const countBy =
      (metric: PolicyCounts['limited']) =>
      ({ call, isDry }: Exchange, label: string): void => {
        if (!isDry) metric.add(call.route!.id, [label])
      }
    return {
      maxTargetBytes: maxTargetBytes ?? Number.POSITIVE_INFINITY,
      credentialPlaces: credentialPlaces ?? {},
      delays: this.#delays,
      wouldRefuse: ({ call, isDry }: Exchange, rule?: string) => {
        call.observed = [...(call.observed ?? []), name]
        if (!isDry) counts.wouldRefusals.add(call.route!.id, [name, rule ?? ''])
      },
      preflight: countBy(counts.preflights),
      limits,
      limited: countBy(counts.limited),
      wouldLimit: countBy(counts.wouldLimit),
      hasUsableNode: (service, selection, isCall) =>
        nodes.hasAvailable(service, selection, isCall ? 'grpc' : 'http'),
      diverted: countBy(counts.diversions),
      cookieKey,
      sameSite,
      mirrors,
      mirrored: (call, outcome) => counts.mirrored.add(call.route!.id, [outcome]),
      openStreams: this.#openStreams,
      compressedBytes: ({ call }, encoding, side, bytes) =>
        counts.compressed.add(call.route!.id, [encoding, side], bytes),
      notCompressed: reason => counts.notCompressed.add(reason),
    }
  }
}
