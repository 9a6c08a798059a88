import type { Peer } from './nodes/peer.ts'
import { rootReason, UpstreamFailure } from './upstream-failure.ts'

/** A call that is tried again and again is known well enough by so many tries. */
const MAX_TRIES = 32

/** What an answer says of itself with its head. */
interface Answered {
  readonly status: number
  readonly grpcStatus?: number | undefined
}

/** A call, as far as its tries go; undefined as long as one was enough. */
interface Tried {
  tries: CallTry[] | undefined
}

/** One try of a call that was tried more than once. */
export class CallTry {
  readonly peer: Peer
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number
  /** Milliseconds; undefined while it is not over. */
  ms: number | undefined = undefined
  /** The status of its answer, or why there was none. */
  outcome = 'given up'

  constructor(peer: Peer, startedAt: number) {
    this.peer = peer
    this.startedAt = startedAt
  }

  answered({ status, grpcStatus }: Answered, now: number): void {
    this.ms = now - this.startedAt
    this.outcome = grpcStatus === undefined ? String(status) : `grpc ${grpcStatus}`
  }

  failed(error: unknown, now: number): void {
    this.ms = now - this.startedAt
    if (!(error instanceof UpstreamFailure)) this.outcome = rootReason(error)
    else if (error.kind === 'aborted') this.outcome = 'given up'
    else this.outcome = error.cause === undefined ? error.kind : `${error.kind}: ${rootReason(error)}`
  }
}

/** Notes a try that has begun, in a call that has a list of tries. Returns the answer that it was given. */
export function noteTry<Answer extends Answered>(
  call: Tried,
  peer: Peer,
  answer: Promise<Answer>,
  now: () => number,
): Promise<Answer> {
  if (call.tries!.length >= MAX_TRIES) return answer
  const own = new CallTry(peer, now())
  call.tries!.push(own)
  answer.then(
    outcome => own.answered(outcome, now()),
    error => own.failed(error, now()),
  )
  return answer
}

/** Begins the list of tries of a call with its first one, which another one follows. */
export function beginTries(call: Tried, peer: Peer, startedAt: number): CallTry {
  const first = new CallTry(peer, startedAt)
  call.tries = [first]
  return first
}
