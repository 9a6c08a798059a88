import type { Call } from '../../../internal/call.ts'
import { pathOf } from '../../../internal/http/target.ts'
import { cutText, ownText } from '../../../internal/telemetry/cut-text.ts'
import type { FilterFields } from '../../../internal/telemetry/filter.ts'
import { roundMs } from '../../../internal/telemetry/live-times.ts'
import { rootReason } from '../../../internal/upstream-failure.ts'
import type { RequestEntry, TryEntry } from '../../../routes/admin/api-types.ts'

/** Longer texts of clients are cut, so that what is kept stays small. */
const MAX_CHARACTERS = 512
const CUT = '…'

/** What few requests have. */
type Rest = Pick<
  RequestEntry,
  'code' | 'reason' | 'fallback' | 'rpc' | 'grpcStatus' | 'policy' | 'variant' | 'tries'
>

/**
 * A finished request as it is kept. Neither the call nor anything that it holds is: it would keep the query, the connections of
 * the node and more. Every request makes one, so it is small: its times are whole numbers, which V8 keeps in the object itself.
 */
export class KeptRequest implements FilterFields {
  readonly requestId: string
  readonly method: string
  readonly host: string | undefined
  readonly path: string
  readonly http: '1.0' | '1.1' | '2'
  readonly status: number
  readonly attempts: number
  readonly route: string | undefined
  readonly service: string | undefined
  readonly node: string | undefined
  readonly address: string | undefined
  readonly client: string | undefined
  readonly user: string | undefined
  readonly revision: string | undefined
  readonly traceId: string | undefined
  /** Milliseconds on the monotonic clock. */
  readonly arrivedMs: number
  readonly totalUs: number
  /** From the arrival to the first try; negative when there was none. */
  readonly untilTryUs: number
  /** Negative when there was no try. */
  readonly upstreamUs: number
  readonly rest: Rest | undefined

  /** @param host the Host header of the request */
  constructor(call: Call, status: number, totalMs: number, host: string | undefined) {
    const { peer, route } = call
    this.requestId = call.requestId
    this.method = call.method
    this.host = host && cut(host)
    this.path = keptPath(call.target)
    this.http = call.http
    this.status = status
    this.attempts = call.attempts
    this.route = route?.id
    this.service = (peer === undefined ? route?.service : peer.node.service) || undefined
    this.node = peer?.node.id
    this.address = peer?.address
    this.client = call.clientAddress
    this.user = call.identity?.subject && cut(call.identity.subject)
    this.revision = call.revision
    this.traceId = call.trace?.traceId
    this.arrivedMs = Math.round(call.startedAt)
    this.totalUs = Math.round(totalMs * 1_000)
    this.untilTryUs = call.upstreamAt < 0 ? -1 : Math.round((call.upstreamAt - call.startedAt) * 1_000)
    this.upstreamUs = call.upstreamMs < 0 ? -1 : Math.round(call.upstreamMs * 1_000)
    this.rest = hasMore(call) ? restOf(call) : undefined
  }

  /** For filters. */
  get totalMs(): number {
    return this.totalUs / 1_000
  }

  get code(): string | undefined {
    return this.rest?.code
  }

  get fallback(): true | undefined {
    return this.rest?.fallback
  }

  get grpcStatus(): number | undefined {
    return this.rest?.grpcStatus
  }
}

function hasMore(call: Call): boolean {
  return (
    call.errorCode !== undefined ||
    call.failure !== undefined ||
    call.degraded ||
    call.rpc !== undefined ||
    call.grpcStatus !== undefined ||
    call.policy !== undefined ||
    call.variant !== undefined ||
    call.tries !== undefined
  )
}

function restOf(call: Call): Rest {
  const { errorCode, failure, rpc, grpcStatus, policy, variant, tries } = call
  return {
    ...(errorCode !== undefined && { code: errorCode }),
    ...(failure !== undefined && { reason: cut(rootReason(failure)) }),
    ...(call.degraded && { fallback: true }),
    ...(rpc !== undefined && { rpc: cut(rpc) }),
    ...(grpcStatus !== undefined && { grpcStatus }),
    ...(policy !== undefined && { policy }),
    ...(variant !== undefined && { variant }),
    ...(tries !== undefined && tries.length > 1 && { tries: triesOf(call) }),
  }
}

function triesOf({ tries, startedAt }: Call): TryEntry[] {
  return tries!.map(({ peer, startedAt: begunAt, ms, outcome }) => ({
    service: peer.node.service,
    node: peer.node.id,
    startMs: roundMs(begunAt - startedAt),
    ms: roundMs(ms ?? performance.now() - begunAt),
    outcome: cut(outcome),
  }))
}

function cut(text: string): string {
  return cutText(text, MAX_CHARACTERS, CUT)
}

/** Returns the path of a target. A long query does not stay in memory with it. */
function keptPath(target: string): string {
  const path = pathOf(target)
  return path.length <= MAX_CHARACTERS && target.length > MAX_CHARACTERS ? ownText(path) : cut(path)
}

/** Whether the client spoke gRPC, or gRPC-web: with JSON, the path is another one, or a call is told of no status that the gateway made. */
export function wasGrpcCall({ rpc, grpcStatus, path }: RequestEntry): boolean {
  return rpc === undefined ? grpcStatus !== undefined : path.endsWith(`/${rpc}`)
}

/** Whether the path of a request is longer than what is kept of it. */
export function isCut({ path }: RequestEntry): boolean {
  return path.endsWith(CUT)
}

/** Returns a request as the API shows it. */
export function toRequestEntry(kept: KeptRequest): RequestEntry {
  const { arrivedMs, totalUs, untilTryUs: _, upstreamUs, rest, requestId, ...fields } = kept
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined)
  return {
    requestId,
    at: Math.round(Date.now() - (performance.now() - arrivedMs)),
    ...(Object.fromEntries(shown) as unknown as Omit<RequestEntry, 'requestId' | 'at' | 'totalMs'>),
    totalMs: totalUs / 1_000,
    ...(upstreamUs >= 0 && { upstreamMs: upstreamUs / 1_000 }),
    ...rest,
  }
}

/** Returns the tries of a request, also where there was only one. */
export function toTries(kept: KeptRequest): readonly TryEntry[] {
  const { service, node, untilTryUs, upstreamUs, totalUs, status, rest } = kept
  if (rest?.tries) return rest.tries
  if (service === undefined || node === undefined || untilTryUs < 0) return []
  const outcome = rest?.code === undefined ? String(status) : (rest.reason ?? rest.code)
  const ms = (upstreamUs < 0 ? totalUs : upstreamUs) / 1_000
  return [{ service, node, startMs: untilTryUs / 1_000, ms, outcome }]
}
