import type { KeyObject } from 'node:crypto'
import type { Identity } from '../../internal/call.ts'
import { compileClaimPath } from '../../internal/claim-path.ts'
import {
  type Conditions,
  compileCondition,
  compileMatch,
  MatchedRequest,
  type MatchRule,
} from '../../internal/conditions.ts'
import { getAllHeaders, isNamed, removeHeaders, type SameSite } from '../../internal/http/header-lines.ts'
import { createNodeSelection, type NodeSelection } from '../../internal/nodes/node-selection.ts'
import { type Exchange, type OutgoingRequest, type Policy, schemeOf } from '../../internal/policy.ts'
import type { Route, VariantTarget } from '../../internal/routing/route.ts'
import { createAddressTest } from '../request/client-address.ts'
import { compileRequestKey, type KeyRule } from '../request/request-key.ts'
import { type Holder, newHolderKey, VariantCookie } from './variant-cookie.ts'
import { compileShares, positionOf } from './variant-shares.ts'

export interface SplitRule {
  readonly variants: readonly VariantRule[]
  /** What keeps a client with its variant. Default: `none`. */
  readonly sticky?: 'none' | 'cookie' | KeyRule | undefined
  /** Default: the id of the route. */
  readonly salt?: string | undefined
  /** Who answers when no node of a variant can. Default: `stable`. */
  readonly onUnavailable?: 'stable' | 'error' | undefined
  /** Whether answers name the variant. Default: false. */
  readonly header?: boolean | undefined
}

export interface VariantRule extends VariantTarget {
  readonly name: string
  /** In steps of 0.01. Default: 0. */
  readonly percent?: number | undefined
  readonly match?: (MatchRule & { readonly claims?: Conditions | undefined }) | undefined
  /** Whether clients whose cookie names the variant stay with it although its share is 0. Default: false. */
  readonly drain?: boolean | undefined
}

export interface SplitTools {
  /**
   * Returns whether a node of a service can be chosen now.
   *
   * @param isCall whether it must speak gRPC
   */
  readonly hasUsableNode: (service: string, nodes: NodeSelection | undefined, isCall: boolean) => boolean
  /** Is called when a request goes to `stable` because its variant has no usable node. */
  readonly diverted: (exchange: Exchange, variant: string) => void
  /** Signs cookies; undefined = clients get none, and each request is dealt by itself. */
  readonly cookieKey?: KeyObject | undefined
  /** Of the cookies. Default: `lax`. */
  readonly sameSite?: SameSite | undefined
  /** Returns a number from 0 to below 1. Default: Math.random. */
  readonly random?: (() => number) | undefined
}

/** The name of the rest: the requests that no variant gets. */
const STABLE = 'stable'
const HEADER = 'x-waygate-variant'

/** Where the requests of a variant go. */
interface Target {
  readonly service: string
  readonly nodes: NodeSelection | undefined
}

/**
 * Sends a part of the requests of a route to other nodes of its service, or to another service. The rest is `stable`. A request
 * gets its variant once, so its retries and hedges stay there.
 */
export function createSplit(rule: SplitRule, tools: SplitTools): Policy {
  const { variants, sticky = 'none', onUnavailable = STABLE, header = false } = rule
  const { random = Math.random, cookieKey, sameSite, diverted, hasUsableNode } = tools
  const matches = variants.map(({ match }) => match && compileVariantMatch(match))
  const hasMatches = matches.some(test => test !== undefined)
  const shareAt = compileShares(variants.map(({ percent = 0 }) => percent))
  const draining = variants.filter(({ percent = 0, drain = false }) => drain && percent === 0)
  const readKey = sticky === 'none' || sticky === 'cookie' ? () => undefined : compileRequestKey(sticky)
  /** What clients must be told in a cookie. */
  const untold = new WeakMap<Exchange, Holder>()
  let cookie: VariantCookie | undefined
  let targets: { readonly route: Route; readonly all: readonly Target[]; readonly stable: Target } | undefined

  function matchedVariant(exchange: Exchange): number {
    const { call, head } = exchange
    const request = new MatchedRequest(head.headers, call.target, call.clientAddress)
    return matches.findIndex(holds => holds?.(request, call.identity) === true)
  }

  /** Returns the index of the variant that a request should get; -1 is `stable`. */
  function dealt(exchange: Exchange): number {
    const index = hasMatches ? matchedVariant(exchange) : -1
    if (sticky === 'cookie' && cookieKey !== undefined) return dealtByCookie(exchange, cookieKey, index)
    if (index !== -1) return index
    const key = readKey(exchange)
    return shareAt(key === undefined ? random() : positionOf(saltOf(exchange), key))
  }

  /** @param matched the variant whose conditions hold; -1 if there is none */
  function dealtByCookie(exchange: Exchange, cookieKey: KeyObject, matched: number): number {
    cookie ??= new VariantCookie(cookieKey, exchange.call.route!.id, sameSite)
    const holder = cookie.read(exchange.head.headers)
    const key = holder?.key ?? newHolderKey()
    let index = matched
    if (index === -1 && holder)
      index = variants.findIndex(each => each.name === holder.variant && draining.includes(each))
    if (index === -1) index = shareAt(positionOf(saltOf(exchange), key))
    const variant = variants[index]?.name ?? STABLE
    if (holder?.variant !== variant) untold.set(exchange, { key, variant })
    return index
  }

  function saltOf({ call }: Exchange): string {
    return rule.salt ?? call.route!.id
  }

  function targetsOf(route: Route) {
    if (targets?.route !== route) targets = { route, ...targetsFor(route, variants) }
    return targets
  }

  return {
    onAuthorized: exchange => {
      const { call } = exchange
      const outgoing = exchange.outgoing!
      const { all, stable } = targetsOf(call.route!)
      const index = dealt(exchange)
      let target = all[index]
      call.variant = variants[index]?.name ?? STABLE
      if (
        target &&
        onUnavailable === STABLE &&
        !hasUsableNode(target.service, target.nodes, rpcFor(outgoing, target.service) !== undefined)
      ) {
        diverted(exchange, call.variant)
        call.variantWanted = call.variant
        call.variant = STABLE
        target = undefined
      }
      const { service, nodes } = target ?? stable
      outgoing.rpc = rpcFor(outgoing, service)
      outgoing.dialect = outgoing.rpc && exchange.dialect
      outgoing.service = service
      outgoing.nodes = nodes
      return undefined
    },
    onResponse: ({ headers }, exchange) => {
      if (header) {
        removeHeaders(headers, isVariantHeader)
        if (exchange.call.variant !== undefined) headers.push(HEADER, exchange.call.variant)
      }
      const holder = untold.get(exchange)
      if (holder === undefined || isForMany(headers)) return
      headers.push('set-cookie', cookie!.write(holder, schemeOf(exchange) === 'https'))
    },
    ...(header && { hidesFromClient: isVariantHeader }),
  }
}

/** Returns the gRPC call that a request makes of a service: another one may have other methods, or no gRPC. */
function rpcFor({ rpc, rpcFor }: OutgoingRequest, service: string): OutgoingRequest['rpc'] {
  return rpcFor === undefined ? rpc : rpcFor(service)
}

function isVariantHeader(spelling: string): boolean {
  return isNamed(spelling, HEADER)
}

/** Whether caches may give an answer to other clients, who would get the cookie with it. */
function isForMany(headers: readonly string[]): boolean {
  return /(?:^|[\s,])(?:public|s-maxage)(?![^\s,=])/i.test(getAllHeaders(headers, 'cache-control') ?? '')
}

/** Returns where each variant and the rest of the requests go. */
export function targetsFor(
  { service, nodes }: Route,
  variants: readonly VariantTarget[],
): { readonly all: readonly Target[]; readonly stable: Target } {
  // Without this, the nodes of a canary would get requests of `stable` as well.
  const taken = variants.flatMap(variant =>
    variant.nodes !== undefined && (variant.service ?? service) === service ? variant.nodes : [],
  )
  const stable = { service, nodes: taken.length === 0 ? nodes : createNodeSelection(nodes?.only, taken) }
  const all = variants.map(variant => {
    if (variant.nodes !== undefined)
      return { service: variant.service ?? service, nodes: createNodeSelection(variant.nodes) }
    if (variant.service === undefined || variant.service === service) return stable
    return { service: variant.service, nodes: undefined }
  })
  return { all, stable }
}

function compileVariantMatch({
  claims = {},
  ...match
}: NonNullable<VariantRule['match']>): (request: MatchedRequest, identity: Identity | undefined) => boolean {
  const holds = compileMatch(match, createAddressTest)
  const claimTests = Object.entries(claims).map(([path, condition]) => {
    const read = compileClaimPath(path)
    const holds = compileCondition(condition)
    return (identity: Identity | undefined) => holds(textsOf(identity?.claims && read(identity.claims)))
  })
  return (request, identity) => holds(request) && claimTests.every(test => test(identity))
}

/** Returns the values of a claim as text: those of a list, or the only one. */
function textsOf(claim: unknown): string[] {
  if (claim === undefined || claim === null) return []
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim]
  return values.map(value => (typeof value === 'string' ? value : JSON.stringify(value)))
}
