import type { Call } from '../../internal/call.ts'
import { formatTimeout } from '../../internal/grpc/timeout.ts'
import { getHeader, withoutHeaders } from '../../internal/http/header-lines.ts'
import type { Wrapper } from '../../internal/upstream.ts'

const OURS: ReadonlySet<string> = new Set(['grpc-timeout', 'grpc-previous-rpc-attempts'])
const WHOLE_NUMBER = /^\d{1,9}$/

/**
 * Tells the node of each try of a gRPC call what is left of the call's deadline, and how many tries before this one other
 * nodes may have acted on (gRFC A6, "exposed retry metadata").
 */
export function createCallFields(now: () => number = () => performance.now()): Wrapper {
  return next => (request, call) => {
    if (request.rpc === undefined || (call.deadlineAt === undefined && call.previousTries === 0))
      return next(request, call)
    return next({ ...request, headers: completed(request.headers, call, now()) }, call)
  }
}

function completed(given: readonly string[], { deadlineAt, previousTries }: Call, now: number): string[] {
  const headers = withoutHeaders(given, OURS)
  if (deadlineAt !== undefined) headers.push('grpc-timeout', formatTimeout(Math.max(0, deadlineAt - now)))
  // A client that retries itself has counted its own tries.
  const ofClient = getHeader(given, 'grpc-previous-rpc-attempts') ?? '0'
  const previous = previousTries + (WHOLE_NUMBER.test(ofClient) ? Number(ofClient) : 0)
  if (previous > 0) headers.push('grpc-previous-rpc-attempts', String(previous))
  return headers
}
