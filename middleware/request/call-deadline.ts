import type { Call } from '../../internal/call.ts'
import { GRPC_STATUS } from '../../internal/grpc/status.ts'
import { parseTimeout } from '../../internal/grpc/timeout.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { takeHeader } from '../../internal/http/header-lines.ts'
import type { Route } from '../../internal/routing/route.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import type { Deadline, Deadlines } from './deadlines.ts'

/** Calls are ended in steps of so many milliseconds, because each step has a queue of its own. */
const STEP_MS = 50
/** Of times above `LONG_MS`. */
const LONG_STEP_MS = 1_000
const LONG_MS = 10_000
/** A node that is left less than this share of the time is not judged by it. */
const FAIR_SHARE = 0.5

/**
 * Starts the deadline of a plain request: the timeout of its route, from its arrival. The time in which it waited for a
 * password check or a store of limits is no fault of the node. When there is none left, the call ends at once, so that no
 * node is asked in vain.
 */
export function startRequestDeadline(deadlines: Deadlines, call: Call, timeoutMs: number): Deadline {
  return startWithin(deadlines, call, timeoutMs, timeoutMs, false)
}

/**
 * Starts the deadline of a gRPC call: what its client says in `grpc-timeout`, which is taken out of the headers, or what the
 * route has for calls without one. It holds for the whole call, its streams included, and replaces the timeout of the route.
 * The node of each try is told what is left of it.
 *
 * A call ends up to 50 ms late, and up to 1 s late when it may take more than 10 s. Its client does not wait for that, since it
 * has the same deadline.
 *
 * @param headers of the call, flat
 * @returns undefined when the call has no deadline
 * @throws GatewayError WG_BAD_REQUEST when `grpc-timeout` is malformed
 */
export function startCallDeadline(
  deadlines: Deadlines,
  call: Call,
  headers: string[],
  { grpc, timeoutMs: routeTimeoutMs }: Pick<Route, 'grpc' | 'timeoutMs'>,
): Deadline | undefined {
  const value = takeHeader(headers, 'grpc-timeout')
  const asked = value === undefined ? grpc?.timeoutMs : parseTimeout(value)
  if (asked === undefined) {
    if (value === undefined) return undefined
    // As grpc-go answers it.
    const grpcStatus = GRPC_STATUS.INTERNAL
    throw new GatewayError('WG_BAD_REQUEST', { detail: 'invalid grpc-timeout', grpcStatus })
  }
  const timeoutMs = Math.min(asked, (value !== undefined && grpc?.maxTimeoutMs) || Number.POSITIVE_INFINITY)
  call.deadlineAt = call.startedAt + timeoutMs
  // Otherwise clients could open breakers by asking for answers within 1 ms.
  const isClientsOwn = value !== undefined && timeoutMs < routeTimeoutMs
  return startWithin(deadlines, call, timeoutMs, roundUp(timeoutMs), isClientsOwn)
}

/** @param isShort whether the node has less time than its route gives, even if the call did not wait */
function startWithin(
  deadlines: Deadlines,
  call: Call,
  timeoutMs: number,
  roundedMs: number,
  isShort: boolean,
): Deadline {
  const leftMs = call.startedAt + timeoutMs - performance.now()
  if (leftMs <= 0) call.end(shortTimeout(new UpstreamFailure('timeout')))
  const isJudged = !isShort && leftMs >= FAIR_SHARE * timeoutMs
  return deadlines.start(isJudged ? call : new ShortDeadline(call), roundedMs)
}

function shortTimeout(reason: UpstreamFailure): UpstreamFailure {
  reason.isShortTimeout = true
  return reason
}

function roundUp(timeoutMs: number): number {
  const stepMs = timeoutMs > LONG_MS ? LONG_STEP_MS : STEP_MS
  return Math.ceil(timeoutMs / stepMs) * stepMs
}

/** Ends a call that leaves its node less time than its route gives, which says nothing about the node. */
class ShortDeadline {
  readonly startedAt: number
  readonly #call: Call

  constructor(call: Call) {
    this.startedAt = call.startedAt
    this.#call = call
  }

  end(reason: UpstreamFailure): void {
    this.#call.end(shortTimeout(reason))
  }
}
