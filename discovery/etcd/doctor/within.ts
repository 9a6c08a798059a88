/** An operation did not finish in time. */
export class NotInTimeError extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms / 1_000} s`)
  }
}

/**
 * Resolves with the result of `work`, or rejects with a {@link NotInTimeError} when it takes longer than
 * `ms`. Anything that the work does after that is ignored, including a failure.
 */
export function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new NotInTimeError(ms)), ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
