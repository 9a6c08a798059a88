import type { CallEnd, Outcome, UpstreamResponse } from '../../internal/upstream.ts'

/** Whether an outcome is that of a gRPC call whose status is yet to come. */
export function isJudgedLater(outcome: Outcome): boolean {
  return outcome.whenOver !== undefined && outcome.grpcStatus === undefined
}

/**
 * Watches a gRPC call whose answer has begun.
 *
 * @param isTimed whether the time of its first message matters
 * @param onEnd called once, with how the call ended and when its first message came, on the monotonic clock; without a
 *   message, when it ended
 * @param onFirst called when the first message has come; only for a call that is timed
 */
export function watchCall(
  outcome: Outcome,
  isTimed: boolean,
  onEnd: (end: CallEnd, firstAt: number) => void,
  onFirst?: (at: number) => void,
): void {
  let firstAt: number | undefined
  if (isTimed) {
    ;(outcome as UpstreamResponse).observe?.({
      onChunk() {
        if (firstAt !== undefined) return
        firstAt = performance.now()
        onFirst?.(firstAt)
      },
      onEnd() {},
    })
  }
  outcome.whenOver!(end => onEnd(end, firstAt ?? performance.now()))
}
