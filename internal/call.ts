import type { Claims } from './claim-path.ts'
import type { ErrorCode } from './http/errors.ts'
import type { Peer } from './nodes/peer.ts'
import type { Route } from './routing/route.ts'
import type { UpstreamFailure } from './upstream-failure.ts'

/** Who a request speaks for, as its token, API key or password says. */
export interface Identity {
  /** The token's `sub`, the owner of the key, the name of the user. */
  readonly subject: string | undefined
  /** Headers the node is told it by, flat: name, value, name, value. */
  readonly headers: readonly string[]
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  /** Everything the token says, or would say if it were one. */
  readonly claims?: Claims | undefined
}

/** One client request on its way: what the layers learn and hand on, and what the access log tells. */
export class Call {
  readonly requestId: string
  readonly method: string
  /** As the client sent it, query included; but for a token that was in the query. */
  target: string
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number
  route: Route | undefined = undefined
  identity: Identity | undefined = undefined
  /** Whether the Authorization header that nodes get is what `identity` was made of. */
  isAuthorizationChecked = false
  /** The client's address; behind trusted proxies, the one they name. */
  clientAddress: string | undefined = undefined
  /** The peer tried last. */
  peer: Peer | undefined = undefined
  /** Peers that failed this call, in order. */
  tried: Peer[] = NONE_TRIED
  /** Tries begun. */
  attempts = 0
  /** From the first try to the answer's head, milliseconds; -1 before. */
  upstreamMs = -1
  /** Whether the client's connection speaks another protocol since. */
  upgraded = false
  /** Whether a fallback answered. */
  degraded = false
  /** The code of the error the client was told, for the log. */
  errorCode: ErrorCode | undefined = undefined
  /** The failure behind it, for the log alone. */
  failure: unknown = undefined
  /** Where it takes a place; to be told when its answer is over. */
  limiter: { release(call: Call): void } | undefined = undefined
  /** Set once the call is given up; no further try may begin. */
  ended: UpstreamFailure | undefined = undefined
  /** The try that is under way. Set by it, cleared when it is over. */
  current: { cancel(reason: UpstreamFailure): void } | undefined = undefined

  constructor(requestId: string, method: string, target: string, startedAt: number) {
    this.requestId = requestId
    this.method = method
    this.target = target
    this.startedAt = startedAt
  }

  /** Gives the call up: the try under way is ended with `reason` and no other begins. */
  end(reason: UpstreamFailure): void {
    if (this.ended) return
    this.ended = reason
    this.current?.cancel(reason)
  }

  /** A try of this call beside others, with a node and an end of its own. */
  fork(): Call {
    const own = new Call(this.requestId, this.method, this.target, this.startedAt)
    return Object.assign(own, this, {
      tried: [...this.tried],
      attempts: 0,
      peer: undefined,
      current: undefined,
    })
  }

  /** Notes that `peer` failed this call, so that it is not chosen again. */
  exclude(peer: Peer): void {
    if (this.tried === NONE_TRIED) this.tried = [peer]
    else this.tried.push(peer)
  }
}

/** Shared by the calls that never fail, which are nearly all; never written to. */
const NONE_TRIED: Peer[] = []
