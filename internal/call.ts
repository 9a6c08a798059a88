import type { Claims } from './claim-path.ts'
import type { ClientTls } from './http/client-tls.ts'
import type { ErrorCode } from './http/errors.ts'
import type { CallLimits } from './limits/call-limits.ts'
import type { Peer } from './nodes/peer.ts'
import type { Route } from './routing/route.ts'
import type { Trace } from './trace/trace.ts'
import type { CallTry } from './tries.ts'
import type { UpstreamFailure } from './upstream-failure.ts'

/** The identity of a request, established by its token, API key or password. */
export interface Identity {
  /** The `sub` of the token, the owner of the API key, or the name of the user. */
  readonly subject: string | undefined
  /** Headers that convey the identity to the node, flat: name, value, name, value. */
  readonly headers: readonly string[]
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  /** The claims of the token. API keys and users have claims of the same form. */
  readonly claims?: Claims | undefined
}

/** One client request on its way through the gateway: what the layers learn, hand on, and write to the access log. */
export class Call {
  readonly requestId: string
  readonly method: string
  /** The target in canonical form, including the query, but without a token in the query. */
  target: string
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number
  route: Route | undefined = undefined
  identity: Identity | undefined = undefined
  /** Whether `identity` was made from the Authorization header that the node receives. */
  isAuthorizationChecked = false
  /** The version of HTTP that the client speaks. */
  http: '1.0' | '1.1' | '2' = '1.1'
  /** The TLS of the client's connection; undefined when it has none. */
  tls: ClientTls | undefined = undefined
  /** The client's address; behind trusted proxies, the address that they report. */
  clientAddress: string | undefined = undefined
  /** The trace that the request belongs to; undefined = the gateway does not trace. */
  trace: Trace | undefined = undefined
  /** The peer of the last try. */
  peer: Peer | undefined = undefined
  /** Peers that failed this call, in order. */
  tried: Peer[] = NONE_TRIED
  /** Tries begun. */
  attempts = 0
  /** Tries that came before the present one and that a node may have acted on. */
  previousTries = 0
  /** When a gRPC call must be over, which its node is told, milliseconds on the monotonic clock; undefined = no deadline. */
  deadlineAt: number | undefined = undefined
  /** When the first try was asked for, milliseconds on the monotonic clock; -1 until then. */
  upstreamAt = -1
  /** From the first try to the head of the answer, milliseconds; -1 until then. */
  upstreamMs = -1
  /** Every try, in order; undefined as long as one was enough. */
  tries: CallTry[] | undefined = undefined
  /** The revision of the registry when the request arrived. */
  revision: string | undefined = undefined
  /** The neighbours in the list of open calls, which alone sets them. */
  olderOpen: Call | undefined = undefined
  newerOpen: Call | undefined = undefined
  /** Whether the client's connection has switched to another protocol. */
  upgraded = false
  /** The variant that gets the request, `stable` for the rest; undefined = the route has no `split`. */
  variant: string | undefined = undefined
  /** The variant that it should have got, of which no node can be used. */
  variantWanted: string | undefined = undefined
  /** Whether a fallback answered. */
  degraded = false
  /** The bytes of the answer's body; undefined = they are not counted. */
  bodyBytes: number | undefined = undefined
  /** The content coding that the gateway compressed the answer with, for the log. */
  encoding: string | undefined = undefined
  /** The policy that refused the request, for the log. */
  policy: string | undefined = undefined
  /** The path that the node gets, where a policy has rewritten it, for the log. */
  sentPath: string | undefined = undefined
  /** Policies that would have refused it if they were enforced, for the log. */
  observed: readonly string[] | undefined = undefined
  /** What rate limits and quotas have said; undefined = the route has none. */
  limits: CallLimits | undefined = undefined
  /** Whether a copy of the request was sent to another service, for the log. */
  isMirrored = false
  /** The code of the error that the client received, for the access log. */
  errorCode: ErrorCode | undefined = undefined
  /** The method of a gRPC call, `package.Service/Method`. */
  rpc: string | undefined = undefined
  /** The status with which a gRPC call ended, as its client got it. */
  grpcStatus: number | undefined = undefined
  /** Whether a plain HTTP request became a gRPC call. */
  isTranscoded = false
  /** The failure behind `errorCode`, which only the log shows. */
  failure: unknown = undefined
  /** The limiter that counts this call. Its `release` must be called when the answer has ended. */
  limiter: { release(call: Call): void } | undefined = undefined
  /** Set once the call is ended; no further try may begin. */
  ended: UpstreamFailure | undefined = undefined
  /** The try in flight, or the forks that are in flight at once. Who sets it clears it at its end. */
  current: { cancel(reason: UpstreamFailure): void; readonly forks?: readonly Call[] } | undefined = undefined

  constructor(requestId: string, method: string, target: string, startedAt: number) {
    this.requestId = requestId
    this.method = method
    this.target = target
    this.startedAt = startedAt
  }

  /**
   * Ends the call: the try in flight is cancelled with `reason`, and no further one begins. The first reason stays. A call
   * may end twice, because one that is out of time may still get an answer that was kept, whose client then leaves.
   */
  end(reason: UpstreamFailure): void {
    this.ended ??= reason
    this.current?.cancel(reason)
  }

  /** Makes a copy for a concurrent try of this call, which has a node and an end of its own. */
  fork(): Call {
    const own = new Call(this.requestId, this.method, this.target, this.startedAt)
    return Object.assign(own, this, {
      tried: [...this.tried],
      attempts: 0,
      peer: undefined,
      current: undefined,
      olderOpen: undefined,
      newerOpen: undefined,
    })
  }

  /** Notes that `peer` failed this call, so that it is not chosen again. */
  exclude(peer: Peer): void {
    if (this.tried === NONE_TRIED) this.tried = [peer]
    else this.tried.push(peer)
  }
}

/** Shared by all calls without a failed try, which are nearly all of them. Never written to. */
const NONE_TRIED: Peer[] = []
