import type { Identity } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { type Exchange, type RoutePlan, runSteps, type Step } from '../../internal/policy.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { RouteTable } from '../../internal/routing/route-table.ts'
import type { Authenticators } from '../../middleware/auth/authenticator.ts'
import { authorize } from '../../middleware/auth/authorize.ts'
import type { LoopGuard } from '../../middleware/request/loop-guard.ts'
import { matchRoute } from '../../middleware/request/match-route.ts'
import { createForward, type ForwardOptions, type ForwardSettings } from './forward.ts'
import { createOutgoing } from './outgoing-request.ts'
import type { ReadRpc } from './read-rpc.ts'

/** What the configuration says about how requests are served. */
export interface ProxySettings extends ForwardSettings {
  readonly authenticators: Authenticators
}

export interface ProxyOptions extends ForwardOptions {
  /** Read for each request; a reload replaces the whole. */
  readonly settings: { readonly current: ProxySettings }
  /** Returns the current table; called once per request. */
  readonly routes: () => RouteTable
  /** Returns the compiled policies of a route. Called for routes with policies only. */
  readonly planOf: (route: Route) => RoutePlan
  /** Reads the gRPC call of a request. */
  readonly readRpc: ReadRpc
  /** Comes before the route is looked up; undefined = nothing does. */
  readonly before?: Step | undefined
  /** Refuses requests while this process is overloaded; undefined = no request is refused for that. */
  readonly loop?: LoopGuard | undefined
}

/** Serves the exchanges that public listeners open, whatever protocol their clients speak. */
export interface PublicProxy {
  /**
   * Answers one request: with a node's answer, a policy's, or a refusal. Never throws.
   *
   * @param untilReady is called unless the request is refused earlier; when its promise rejects, the request is refused
   *   with that error
   */
  serve(exchange: Exchange, untilReady?: () => Promise<void>): void
}

/**
 * Creates the proxy. Every request takes the same steps: overload guard, refusals of the head, route, policies before
 * authentication, authorization, body length, policies after authentication, forward.
 */
export function createProxy(options: ProxyOptions): PublicProxy {
  const { before, loop, planOf, readRpc, respond, routes, settings } = options
  const forward = createForward(options)

  /**
   * Decides whether a request may go to a node, and sets its route, identity, plan and outgoing request. Returns
   * undefined when it may, or an answer that ends it. Returns a promise only when something must wait: keys that are
   * fetched, a password that is hashed, a policy that asks another server.
   *
   * @throws GatewayError to refuse the request; a promise rejects with it
   */
  function admit(exchange: Exchange): ReturnType<Step> {
    if (loop?.isOverloaded) loop.admit()
    if (exchange.refusal) throw exchange.refusal
    if (before === undefined) return enterRoute(exchange)
    const early = before(exchange)
    if (early instanceof Promise) return early.then(answer => answer ?? enterRoute(exchange))
    return early ?? enterRoute(exchange)
  }

  function enterRoute(exchange: Exchange): ReturnType<Step> {
    const route = matchRoute(routes(), exchange)
    exchange.call.route = route
    if (route.policies === undefined) return authenticate(exchange, route)
    const plan = planOf(route)
    exchange.plan = plan
    const early = runSteps(plan.onRequest, exchange)
    if (early instanceof Promise) return early.then(answer => answer ?? authenticate(exchange, route))
    return early ?? authenticate(exchange, route)
  }

  function authenticate(exchange: Exchange, route: Route): ReturnType<Step> {
    const identity = authorize(route, exchange.head, exchange.call, settings.current.authenticators)
    if (identity instanceof Promise) return identity.then(known => authorized(exchange, route, known))
    return authorized(exchange, route, identity)
  }

  function authorized(exchange: Exchange, route: Route, identity: Identity | undefined): ReturnType<Step> {
    const { call, head, plan } = exchange
    call.identity = identity
    if (head.contentLength !== undefined) checkLength(route, Number(head.contentLength))
    exchange.outgoing = createOutgoing(exchange, readRpc)
    return plan === undefined ? undefined : runSteps(plan.onAuthorized, exchange)
  }

  function checkLength(route: Route, bytes: number): void {
    const maxBytes = route.maxBodyBytes ?? settings.current.maxBodyBytes
    if (maxBytes > 0 && bytes > maxBytes) throw new GatewayError('WG_BODY_TOO_LARGE')
  }

  async function finishLater(exchange: Exchange, admission: ReturnType<Step>): Promise<void> {
    try {
      const answer = await admission
      // When the client has left, the answer of a node would be useless.
      if (exchange.response.destroyed) answer?.discard()
      else if (answer) respond.answer(exchange, answer, 'gateway')
      else forward(exchange)
    } catch (error) {
      respond.refuse(exchange, error)
    }
  }

  return {
    serve(exchange, untilReady) {
      try {
        if (exchange.expectation === 'unknown') {
          throw exchange.refusal ?? new GatewayError('WG_EXPECTATION_FAILED')
        }
        const admission = untilReady ? untilReady().then(() => admit(exchange)) : admit(exchange)
        if (admission === undefined) forward(exchange)
        else if (admission instanceof Promise) void finishLater(exchange, admission)
        else respond.answer(exchange, admission, 'gateway')
      } catch (error) {
        respond.refuse(exchange, error)
      }
    },
  }
}
