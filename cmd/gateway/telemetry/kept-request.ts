import type { Call } from '../../../internal/call.ts'
import { pathOf } from '../../../internal/http/target.ts'
import { rootReason } from '../../../internal/upstream-failure.ts'
import type { RequestEntry, TryEntry } from '../../../routes/admin/api-types.ts'

/** Longer texts of clients are cut, so that what is kept stays small. */
const MAX_CHARACTERS = 512
const CUT = '…'

/** A finished request as it is kept. Its fields are those of a {@link RequestEntry}, with times as they were measured. */
export class KeptRequest {
  readonly requestId: string
  readonly at: number
  readonly method: string
  readonly host: string | undefined
  readonly path: string
  readonly http: '1.0' | '1.1' | '2'
  readonly status: number
  readonly totalMs: number
  /** From the arrival to the first try; negative when there was none. */
  readonly untilTryMs: number
  readonly upstreamMs: number | undefined
  readonly attempts: number
  readonly route: string | undefined
  readonly service: string | undefined
  readonly node: string | undefined
  readonly address: string | undefined
  readonly client: string | undefined
  readonly user: string | undefined
  readonly code: string | undefined
  readonly reason: string | undefined
  readonly fallback: true | undefined
  readonly rpc: string | undefined
  readonly grpcStatus: number | undefined
  readonly policy: string | undefined
  readonly variant: string | undefined
  readonly traceId: string | undefined
  readonly revision: string | undefined
  readonly tries: readonly TryEntry[] | undefined

  /**
   * Neither the call nor anything that it holds is kept: it would keep the query, the node's connections and more.
   *
   * @param host the Host header of the request
   */
  constructor(call: Call, status: number, totalMs: number, host: string | undefined) {
    const { peer, route } = call
    this.requestId = call.requestId
    this.at = Date.now() - totalMs
    this.method = call.method
    this.host = host && cut(host)
    this.path = cut(pathOf(call.target))
    this.http = call.http
    this.status = status
    this.totalMs = totalMs
    this.untilTryMs = call.upstreamAt < 0 ? -1 : call.upstreamAt - call.startedAt
    this.upstreamMs = call.upstreamMs < 0 ? undefined : call.upstreamMs
    this.attempts = call.attempts
    this.route = route?.id
    this.service = (peer === undefined ? route?.service : peer.node.service) || undefined
    this.node = peer?.node.id
    this.address = peer?.address
    this.client = call.clientAddress
    this.user = call.identity?.subject && cut(call.identity.subject)
    this.code = call.errorCode
    this.reason = call.failure === undefined ? undefined : cut(rootReason(call.failure))
    this.fallback = call.degraded || undefined
    this.rpc = call.rpc && cut(call.rpc)
    this.grpcStatus = call.grpcStatus
    this.policy = call.policy
    this.variant = call.variant
    this.traceId = call.trace?.traceId
    this.revision = call.revision
    this.tries = call.tries && call.tries.length > 1 ? triesOf(call) : undefined
  }
}

function triesOf({ tries, startedAt }: Call): TryEntry[] {
  return tries!.map(({ peer, startedAt: begunAt, ms, outcome }) => ({
    service: peer.node.service,
    node: peer.node.id,
    startMs: round(begunAt - startedAt),
    ms: round(ms ?? performance.now() - begunAt),
    outcome: cut(outcome),
  }))
}

/** Cuts a text. What it returns does not keep the rest in memory, as a part of a string would. */
function cut(text: string): string {
  if (text.length <= MAX_CHARACTERS) return text
  return Buffer.from(text.slice(0, MAX_CHARACTERS) + CUT).toString()
}

/** Whether the path of a request is longer than what is kept of it. */
export function isCut({ path }: RequestEntry): boolean {
  return path.endsWith(CUT)
}

/** Returns a request as the API shows it. */
export function toRequestEntry(kept: KeptRequest): RequestEntry {
  const { untilTryMs: _, ...fields } = kept
  const shown: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) shown[name] = value
  shown.at = Math.round(kept.at)
  shown.totalMs = round(kept.totalMs)
  if (kept.upstreamMs !== undefined) shown.upstreamMs = round(kept.upstreamMs)
  return shown as unknown as RequestEntry
}

/** Returns the tries of a request, also where there was only one. */
export function toTries(kept: KeptRequest): readonly TryEntry[] {
  const { tries, service, node, untilTryMs, upstreamMs, code, reason, status } = kept
  if (tries) return tries
  if (service === undefined || node === undefined || untilTryMs < 0) return []
  const outcome = code === undefined ? String(status) : (reason ?? code)
  return [{ service, node, startMs: round(untilTryMs), ms: round(upstreamMs ?? kept.totalMs), outcome }]
}

function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000
}
