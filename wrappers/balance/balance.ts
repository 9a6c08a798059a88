import type { KeyObject } from 'node:crypto'
import type { Balancer, PickContext, TryEnd } from '../../internal/balancers/balancer.ts'
import type { Call } from '../../internal/call.ts'
import type { SameSite } from '../../internal/http/header-lines.ts'
import type { NodeTable, PeerGroup } from '../../internal/nodes/node-table.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import type { Route } from '../../internal/routing/route.ts'
import { noteTry } from '../../internal/tries.ts'
import type { UpstreamRequest, UpstreamResponse, Wrapper } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { isFailedAnswer } from '../breaker/failures.ts'
import { noNodeError, pickAnyway } from './no-node.ts'
import { requestKey } from './request-key.ts'
import { StickyCookies } from './sticky-cookies.ts'

export interface BalanceOptions {
  /** Signs the cookies of `sticky-cookie`. Without a key, clients get no cookies. */
  readonly cookieKey?: KeyObject | undefined
  /** Default: `lax`. */
  readonly sameSite?: SameSite | undefined
}

const now = () => performance.now()

/**
 * Chooses the node for each try: an available node of the request's service that this call has not tried yet, among those
 * that the request selects.
 *
 * @throws GatewayError as {@link noNodeError} says
 */
export function createBalance(
  nodes: NodeTable,
  { cookieKey, sameSite = 'lax' }: BalanceOptions = {},
): Wrapper {
  const cookies = cookieKey && new StickyCookies(cookieKey, sameSite)

  function contextOf(request: UpstreamRequest, call: Call, group: PeerGroup): PickContext {
    const { hashKey, stickyCookie, slowStartMs } = request.route
    let key: string | undefined
    if (hashKey) key = requestKey(hashKey, request, call)
    else if (stickyCookie) key = cookies?.nodeOf(request, group)
    const slowStart = slowStartMs ? { windowMs: slowStartMs, now: now() } : undefined
    return { tried: call.tried, key, slowStart }
  }

  return next => (request, call) => {
    const { route } = request
    const service = nodes.get(request.service, request.rpc === undefined ? 'http' : 'grpc')
    if (!service) return Promise.reject(noNodeError([]))
    const group = service.select(request.nodes)
    const balancer = group.balancer(route.balancer)
    const context = isPlain(route) ? call : contextOf(request, call, group)
    const peer = balancer.pick(group.peers, context) ?? pickAnyway(balancer, group.peers, context)
    if (!peer) return Promise.reject(noNodeError(group.peers))
    call.peer = peer
    call.attempts++
    peer.requests++
    const sent =
      call.tries === undefined ? next(request, call) : noteTry(call, peer, next(request, call), now)
    const answer = balancer.observe ? observed(sent, request, balancer, peer) : sent
    if (!cookies || !route.stickyCookie || peer.node.id === (context as PickContext).key) return answer
    return answer.then(response => withCookie(response, cookies.setCookie(request, group, peer.node.id)))
  }
}

/** Whether picks depend only on the nodes that a call has tried. Most routes are plain, and need no context object. */
function isPlain({ hashKey, stickyCookie, slowStartMs }: Route): boolean {
  return hashKey === undefined && stickyCookie === undefined && !slowStartMs
}

/** Reports the end of a try to the balancer. */
function observed(
  answer: Promise<UpstreamResponse>,
  { body, rpc }: UpstreamRequest,
  balancer: Balancer,
  peer: Peer,
): Promise<UpstreamResponse> {
  const begunAt = now()
  return answer.then(
    outcome => {
      // A time that includes the body which the client had to send first is not the time of an answer.
      const isFailure = isFailedAnswer(outcome)
      const isTimed = body === null || rpc?.isStreaming === false
      const end = isFailure ? 'failed' : isTimed ? 'answered' : 'untimed'
      balancer.observe!(peer, now() - begunAt, end)
      return outcome
    },
    error => {
      const end = endOf(error)
      if (end) balancer.observe!(peer, now() - begunAt, end)
      throw error
    },
  )
}

/** Returns undefined when the failure has nothing to do with the node. */
function endOf(error: unknown): TryEnd | undefined {
  if (!(error instanceof UpstreamFailure)) return undefined
  if (error.kind === 'unsendable' || error.kind === 'refused') return undefined
  return error.kind === 'aborted' || error.isClientsTimeout ? 'abandoned' : 'failed'
}

/** Returns the answer with a cookie for the client added. */
function withCookie(response: UpstreamResponse, cookie: string): UpstreamResponse {
  const { status, headers } = response
  return {
    status,
    headers: [...headers, 'set-cookie', cookie],
    get isBroken() {
      return response.isBroken
    },
    trailerNames: response.trailerNames,
    grpcStatus: response.grpcStatus,
    ...(response.whenOver && { whenOver: listener => response.whenOver!(listener) }),
    sendBody: (target, isHidden) => response.sendBody(target, isHidden),
    discard: () => response.discard(),
    ...(response.observe && { observe: observer => response.observe!(observer) }),
  }
}
